package core

import (
	"context"
	"errors"
	"time"

	"countersign/shared/fault"
	"countersign/wasm/internal/approvals"
	"countersign/wasm/internal/relay"
)

// decideTime is the longest that one decision may take.
const decideTime = 15 * time.Minute

// Decision is what a member decides on requests of an entity: frame.Approve, Reject
// or Initiate.
type Decision struct {
	Entity, Member, Decision string
	Requests                 []string
}

// Decide takes a decision on the first request through the bridge to the signer. step is
// told how it goes and must not block. Cancelling ctx closes the bridge's prompt. One
// decision at a time: another one is BUSY until this one has ended.
func (c *Core) Decide(ctx context.Context, d Decision, step func(any)) (relay.Result, error) {
	ctx, end, r, err := c.begin(ctx, step)
	if err != nil {
		return relay.Result{}, err
	}
	defer end()
	result, err := r.Run(ctx, relay.Job{Entity: d.Entity, Member: d.Member, Request: d.Requests[0], Decision: d.Decision,
		Progress: func(p relay.Progress) { // until then the bridge's prompts say how far it is
			if p.Stage == relay.Signed {
				step(DecisionMoved{Stage: approvals.Signed})
			}
		}})
	return result, told(err)
}

// DecideAll decides on several requests as one list; each is reported with an
// [ItemEnded] as it ends.
func (c *Core) DecideAll(ctx context.Context, d Decision, step func(any)) {
	ctx, end, r, err := c.begin(ctx, step)
	if err != nil {
		for _, request := range d.Requests {
			step(ItemEnded{Request: request, Err: err})
		}
		return
	}
	defer end()
	r.RunBatch(ctx, relay.Batch{Entity: d.Entity, Member: d.Member, Decision: d.Decision, Requests: d.Requests, Progress: func(relay.Progress) {},
		Ended: func(request string, result relay.Result, err error) {
			step(ItemEnded{Request: request, State: result.State, Text: result.Text, Done: len(result.Approvals), Needed: result.Needed, Err: told(err)})
		}})
}

// begin takes the turn to decide.
func (c *Core) begin(ctx context.Context, step func(any)) (context.Context, func(), *relay.Relay, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.relay == nil:
		return nil, nil, nil, fault.New(fault.NotPaired, "the bridge is not connected")
	case c.deciding != nil:
		return nil, nil, nil, fault.New(fault.Busy, "another decision is in progress on this page: finish or cancel it first")
	}
	c.deciding = step
	ctx, cancel := context.WithTimeout(ctx, decideTime)
	stop := context.AfterFunc(c.ctx, cancel)
	return ctx, func() {
		stop()
		cancel()
		c.mu.Lock()
		c.deciding = nil
		c.mu.Unlock()
	}, c.relay, nil
}

// step tells whoever decides what the bridge does, or all when that is nobody's
// decision.
func (c *Core) step(event any) {
	c.mu.Lock()
	f := c.deciding
	c.mu.Unlock()
	if f == nil {
		c.tell(event)
		return
	}
	f(event)
}

// told is an error of the relay as the page explains it.
func told(err error) error {
	if e := (*relay.Error)(nil); errors.As(err, &e) && e.Unknown {
		return e.Fault.With(approvals.Unknown, "true")
	}
	return err
}
