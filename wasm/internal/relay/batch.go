package relay

import (
	"context"
	"sync"

	"countersign/shared/fault"
	"countersign/shared/frame"
)

// Batch is one decision of one member on several requests, which they read as one
// list at the bridge.
type Batch struct {
	Entity   string
	Member   string
	Decision string         // frame.Approve or frame.Reject
	Requests []string       // 1 to frame.MaxBatch, none twice
	Progress func(Progress) // of all together, up to Reading and PIN; called in order, must not block

	// Ended is called once for each request, one at a time and in any order, when
	// the signer has recorded the decision or when it failed. Errors are *Error.
	Ended func(request string, r Result, err error)
}

// errand is one request of a batch on its way.
type errand struct {
	request   string
	approval  string
	statement []byte
	err       error
}

// RunBatch takes a decision on several requests to the signer, each signature as
// soon as it is there, and returns when all have ended. What holds for
// [Relay.Run] holds for each of them.
func (r *Relay) RunBatch(ctx context.Context, b Batch) {
	var ending sync.Mutex
	failed := false
	end := func(request string, result Result, err error) {
		ending.Lock()
		defer ending.Unlock()
		failed = failed || err != nil
		b.Ended(request, result, err)
	}
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		for _, request := range b.Requests {
			end(request, Result{}, failure(ctx, Connecting, ctx.Err()))
		}
		return
	}
	job := Job{Entity: b.Entity, Member: b.Member, Decision: b.Decision, Progress: b.Progress}
	var ready []*errand
	for _, e := range r.fetchAll(ctx, job, b.Requests) {
		if e.err != nil {
			end(e.request, Result{}, e.err)
			continue
		}
		ready = append(ready, e)
	}
	about, err := r.together(ctx, ready)
	if err != nil {
		for _, e := range ready {
			r.cancel(ctx, e.approval)
			end(e.request, Result{}, failure(ctx, Fetching, err))
		}
		ready = nil
	}
	if len(ready) > 0 {
		channel := r.open.gateway
		job.Progress(Progress{Stage: Reading})
		_, _ = r.ask(job, prompt{approval: about, stage: Reading}, func() error { // each errand has its own error
			var all sync.WaitGroup
			for _, e := range ready {
				all.Go(func() {
					result, err := r.settle(ctx, channel, e)
					if err != nil {
						end(e.request, Result{}, err)
						return
					}
					end(e.request, result, nil)
				})
			}
			all.Wait()
			return nil
		})
	}
	if failed { // the signer keeps unanswered statements with the channel
		r.hangUp(ctx)
	}
}

// fetchAll gets the statements, all through one channel; like fetch, it starts
// once more when the channel has ended.
func (r *Relay) fetchAll(ctx context.Context, job Job, requests []string) []*errand {
	reused := r.open != nil && r.open.entity == job.Entity && r.open.member == job.Member
	all, over := r.fetchAllOnce(ctx, job, requests, reused)
	if over && ctx.Err() == nil {
		for _, e := range all {
			if e.err == nil {
				r.cancel(ctx, e.approval)
			}
		}
		r.hangUp(ctx)
		all, _ = r.fetchAllOnce(ctx, job, requests, false)
	}
	return all
}

// fetchAllOnce also reports whether the channel turned out to be over.
func (r *Relay) fetchAllOnce(ctx context.Context, job Job, requests []string, reused bool) (all []*errand, over bool) {
	err := r.connect(ctx, job)
	for _, request := range requests {
		e := &errand{request: request}
		if err != nil {
			e.err = failure(ctx, Connecting, err)
		}
		all = append(all, e)
	}
	if err != nil {
		return all, ended(err)
	}
	job.Progress(Progress{Stage: Fetching})
	var fetching sync.WaitGroup
	for _, e := range all {
		fetching.Go(func() {
			var prepared frame.ApprovalPrepareResult
			err := r.bridge.Call(ctx, frame.ApprovalPrepare,
				frame.ApprovalPrepareParams{Channel: r.open.bridge, Request: e.request, Decision: job.Decision}, &prepared)
			if err == nil {
				e.approval = prepared.Approval
				if e.statement, err = r.gateway.SendRecord(ctx, r.open.gateway, prepared.Record); err != nil {
					r.cancel(ctx, e.approval)
				}
			}
			if err != nil {
				e.err = failure(ctx, Fetching, err)
			}
		})
	}
	fetching.Wait()
	for _, e := range all {
		over = over || e.err != nil && (ended(e.err) || reused && stale(e.err))
	}
	return all, over
}

// together makes a batch of what is ready and returns what its prompts are about.
func (r *Relay) together(ctx context.Context, ready []*errand) (about string, err error) {
	if len(ready) == 0 {
		return "", nil
	}
	if len(ready) < frame.MinBatch {
		return ready[0].approval, nil
	}
	approvals := make([]string, len(ready))
	for i, e := range ready {
		approvals[i] = e.approval
	}
	var made frame.ApprovalBatchResult
	err = r.bridge.Call(ctx, frame.ApprovalBatch, frame.ApprovalBatchParams{Approvals: approvals}, &made)
	if fault.CodeOf(err) == fault.Method {
		err = fault.Wrap(err, fault.Version, "this bridge decides on one request at a time")
	}
	return made.Batch, err
}

// settle lets the bridge decide on one of them, and takes the signature to the
// signer.
func (r *Relay) settle(ctx context.Context, channel string, e *errand) (Result, *Error) {
	var decided frame.ApprovalDecideResult
	err := r.bridge.Call(ctx, frame.ApprovalDecide, frame.ApprovalDecideParams{Approval: e.approval, Record: e.statement}, &decided)
	if err == nil {
		err = ctx.Err() // nothing has left the bridge that the signer could read
	}
	if err != nil {
		r.cancel(ctx, e.approval)
		return Result{}, failure(ctx, Reading, err)
	}
	return r.deliver(ctx, channel, e.request, e.approval, decided)
}
