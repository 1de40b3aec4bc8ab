package approval

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/unlock"
	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/intent"
	"countersign/shared/statement"
)

// GatherTime is how long a batch waits for the statements of its approvals.
const GatherTime = 30 * time.Second

// batch is several approvals that are decided as one list. Each is decided, signed, journaled and answered by itself.
type batch struct {
	id    string
	desk  *Desk
	parts []*part // in the order in which they came
}

// part is one approval of a batch.
type part struct {
	batch    *batch
	approval *approval
	came     chan *item   // its statement; nil when that was refused
	done     chan outcome // what [Desk.Decide] returns
	item     *item
	number   int // in the list, from 1
}

type outcome struct {
	result Signed
	err    error
}

// Batch puts approvals together whose statements are on their way.
func (d *Desk) Batch(approvals []string) (batchID string, err error) {
	if err := d.Asker.Permitted(); err != nil {
		return "", err
	}
	if batchID, err = id.New(d.Rand, id.Batch); err != nil {
		return "", err
	}
	b := &batch{id: batchID, desk: d}
	d.mu.Lock()
	defer d.mu.Unlock()
	requests := map[string]bool{}
	for _, id := range approvals {
		a, ok := d.approvals[id]
		if !ok {
			return "", fault.New(fault.NotFound, "there is no such approval")
		}
		if a.step != prepared || a.part != nil {
			return "", fault.New(fault.Conflict, "the approval is not at this step")
		}
		first := d.approvals[approvals[0]]
		if a.channel != first.channel || a.decision != first.decision || a.decision == statement.Initiate || requests[a.request] {
			return "", fault.New(fault.Invalid, "a batch is one decision, APPROVE or REJECT, on different requests in one channel").With("field", "approvals")
		}
		requests[a.request] = true
		b.parts = append(b.parts, &part{batch: b, approval: a, came: make(chan *item, 1), done: make(chan outcome, 1)})
	}
	for _, part := range b.parts {
		part.approval.part = part
	}
	d.tasks.Go(b.run)
	return batchID, nil
}

// decide hands in the statement of one approval and waits for what becomes of it.
func (p *part) decide(record []byte) (s Signed, err error) {
	it, err := p.batch.desk.receive(p.approval, record)
	if err != nil {
		p.came <- nil
		return s, err
	}
	p.came <- it
	select {
	case o := <-p.done:
		return o.result, o.err
	case <-p.approval.ctx.Done():
		select {
		case o := <-p.done: // it says why
			return o.result, o.err
		default:
			return s, errCancelled()
		}
	}
}

func errCancelled() error { return fault.New(fault.Cancelled, "the approval was cancelled") }

// run takes the batch through its steps: gather, unlock, ask once, sign each.
func (b *batch) run() {
	d := b.desk
	listed := b.gather(d.ctx)
	if len(listed) == 0 {
		return
	}
	use := d.approvalKey(listed[0].approval.channel.identity, b.id)
	ctx, stop := while(d.ctx, listed)
	err := use.Open(ctx) // before the person reads for nothing
	stop()
	if err != nil {
		fail(listed, err)
		return
	}
	if listed = b.current(listed); len(listed) == 0 {
		return
	}
	approved, err := b.ask(listed, use)
	if err != nil {
		fail(listed, err)
		return
	}
	if len(approved) > 0 {
		b.sign(approved, len(listed), use)
	}
}

// gather waits for the statements and returns the parts that have a valid one.
func (b *batch) gather(ctx context.Context) (listed []*part) {
	ctx, cancel := context.WithTimeout(ctx, GatherTime)
	defer cancel()
	for _, p := range b.parts {
		select {
		case p.item = <-p.came:
		case <-p.approval.ctx.Done():
		case <-ctx.Done():
			select {
			case p.item = <-p.came: // it waited while another was late
			default:
				p.done <- outcome{err: fault.New(fault.Timeout, "the statement came too late for the list")}
			}
		}
		if p.item != nil {
			listed = append(listed, p)
		}
	}
	return listed
}

// current drops what was cancelled or has expired while others were waited for.
func (b *batch) current(parts []*part) (listed []*part) {
	for _, p := range parts {
		err := b.desk.check(p.item)
		if p.approval.ctx.Err() != nil {
			err = errCancelled()
		}
		if err != nil {
			p.done <- outcome{err: err}
			continue
		}
		listed = append(listed, p)
		p.number = len(listed)
	}
	return listed
}

// ask shows the list, journals the decision on each item, and returns those that
// the person approved and that are still valid. An error concerns all of them,
// and nothing was asked.
func (b *batch) ask(listed []*part, use *unlock.Key) (approved []*part, err error) {
	d, n := b.desk, len(listed)
	read, wants := make([]statement.Approval, n), make([]intent.Intent, n)
	for i, p := range listed {
		read[i], wants[i] = p.item.read, p.item.wants
	}
	text, err := statement.ListText(read, len(b.parts))
	if err != nil {
		return nil, err
	}
	first := listed[0].item
	for _, p := range listed {
		p.item.text, p.item.batch = text, b.id
	}
	if err := d.Journal.Append(b.shown(first, n)); err != nil {
		return nil, err
	}
	ctx, stop := while(d.ctx, listed)
	defer stop()
	last := slices.MaxFunc(listed, func(a, b *part) int { return cmp.Compare(a.item.read.Expires, b.item.read.Expires) })
	ctx, expired := d.whileValid(ctx, last.item)
	defer expired()
	answer := d.Decider.Decide(ctx, Question{Key: use, EntityName: first.approval.channel.identity.EntityName, Decision: first.read.Decision,
		Wants: wants, What: intent.Count(wants), Text: text})
	for _, p := range listed {
		err := answer
		if err == nil && p.approval.ctx.Err() != nil {
			err = errCancelled()
		}
		if err = d.answered(p.item, err); err != nil {
			p.done <- outcome{err: err}
			continue
		}
		approved = append(approved, p)
	}
	return approved, nil
}

// shown is the journal's line for a list that is put before the person.
func (b *batch) shown(it *item, n int) journal.Event {
	id := it.approval.channel.identity
	e := b.desk.Tokens.Entry(journal.Batched, id)
	e.Key, e.Batch, e.Count, e.Decision, e.Statement = id.Approval.Thumbprint(), b.id, n, it.approval.decision, statement.TypApproval
	return e
}

// sign lets the token sign one item after the other. When the key fails, the rest
// is not tried: what the person would be asked again, or the token do, is not
// what they approved.
func (b *batch) sign(approved []*part, of int, use *unlock.Key) {
	done := of - len(approved)
	b.desk.Asker.Progress(b.id, done, of)
	var broken error
	for _, p := range approved {
		var o outcome
		switch {
		case p.approval.ctx.Err() != nil:
			o.err = b.failed(p, errCancelled())
		case broken != nil:
			o.err = b.failed(p, broken)
		default:
			use.Why = fmt.Sprintf("signs item %d of %d: %s.", p.number, of, p.item.wants.Summary())
			o.result, o.err = b.desk.sign(p.item, use)
			if fault.CodeOf(o.err) == fault.DeviceMissing { // it was there when the key was found
				o.err = fault.Wrap(o.err, fault.DeviceRemoved, "the token was removed").With("device", use.Device())
			}
			if o.err != nil && p.approval.ctx.Err() == nil && fault.CodeOf(o.err) != fault.StatementInvalid {
				broken = o.err
			}
		}
		p.done <- o
		done++
		b.desk.Asker.Progress(b.id, done, of)
	}
}

// failed journals that an approved item is not signed.
func (b *batch) failed(p *part, err error) error {
	return b.desk.note(p.item, journal.Failed, err)
}

// fail answers every part with the same error.
func fail(parts []*part, err error) {
	for _, p := range parts {
		p.done <- outcome{err: err}
	}
}

// while is a context that lives while one of the approvals does.
func while(parent context.Context, parts []*part) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	var living atomic.Int32
	living.Store(int32(len(parts))) // at most frame.MaxBatch
	stops := make([]func() bool, len(parts))
	for i, p := range parts {
		stops[i] = context.AfterFunc(p.approval.ctx, func() {
			if living.Add(-1) == 0 {
				cancel()
			}
		})
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		cancel()
	}
}
