package signer

import (
	"context"
	"errors"
	"iter"

	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/rehearsal"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
	"countersign/shared/vault"
)

// History is what a log says of its requests, in the order of their creation. All of the
// log is verified, as [VerifyLog] does: with the statement key of signerFile, or when that
// is empty with the key that the log itself begins with, which proves only that nobody
// else changed it. At the end of it mark says how much that was. It says to stdio.Err how
// far it is. Errors are those of [VerifyLog].
func History(ctx context.Context, dir, signerFile string, mark *signedlog.Mark, stdio Stdio) iter.Seq2[rehearsal.Past, error] {
	return func(yield func(rehearsal.Past, error) bool) {
		h := newRecount(yield)
		var state *vault.State
		key, err := statementKeyOf(ctx, dir, signerFile)
		if err == nil {
			state, *mark, err = walk(ctx, dir, key, "replayed", stdio, func(s *vault.State, e signedlog.Entry, apply func() error) error {
				t, err := tell(e)
				return errors.Join(err, apply(), h.take(s.Governance, t))
			})
		}
		if err != nil {
			h.fail(err)
			return
		}
		h.end(state.Governance)
	}
}

// told is what an entry says of a request; it says nothing when request is empty.
type told struct {
	seq, at  int64
	request  string
	created  signedlog.RequestBody  // of a request
	facts    governance.Facts       // of a request
	governed signedlog.GovernedBody // of what else governs it
	decision signedlog.DecisionBody // of an initiation, an approval or a verdict
	as       string                 // of a decision: the type of its entry
	outcome  string                 // its state
}

// tell reads an entry that was verified, also its form.
func tell(e signedlog.Entry) (t told, err error) {
	t.seq, t.at = e.Seq, e.At
	read := func(v any) error { return strictjson.Unmarshal(e.Body, v, signedlog.MaxBody) }
	switch e.Type {
	case signedlog.Request:
		if err = read(&t.created); err != nil {
			return t, err
		}
		wants, err := intent.Draft(t.created.Intent)
		if err != nil {
			return t, err
		}
		t.request, t.facts = t.created.Request, wants.Facts()
	case signedlog.Governed:
		err = read(&t.governed)
		t.request = t.governed.Request
	case signedlog.Initiation, signedlog.Approval, signedlog.Verdict:
		err = read(&t.decision)
		t.request, t.as = t.decision.Request, e.Type
	case signedlog.Outcome:
		var b signedlog.OutcomeBody
		err = read(&b)
		t.request, t.outcome = b.Request, b.State
	}
	return t, err
}

// recount makes requests of what entries tell.
type recount struct {
	yield func(rehearsal.Past, error) bool
	queue []*replayed // in the order of their entries, from the first that is open
	began map[string]*replayed
	asked map[statement.GovernedBy]int // how many approvals each rule asks for
}

func newRecount(yield func(rehearsal.Past, error) bool) *recount {
	return &recount{yield: yield, began: map[string]*replayed{}, asked: map[statement.GovernedBy]int{}}
}

// replayed is a request as far as the log has told it.
type replayed struct {
	past    rehearsal.Past
	body    signedlog.RequestBody
	decided []told
	closed  bool
}

var errEnough = errors.New("no more of the history is asked for")

// take takes what the next entry tells of a vault as it is after it, or later.
func (h *recount) take(v *vault.Governance, t told) error {
	if t.request == "" {
		return nil
	}
	r := h.began[t.request]
	switch {
	case t.facts.Kind != "":
		b := t.created
		r = &replayed{body: b, past: rehearsal.Past{
			Request: b.Request, Facts: t.facts, Recorded: b.Recorded, Created: seconds(b.Created), Expires: seconds(b.Expires), Approvals: []string{},
		}}
		h.govern(v, r, t)
		h.began[b.Request], h.queue = r, append(h.queue, r)
	case r == nil:
		return errors.New("the log does not have the request " + t.request)
	case t.governed.Request != "":
		r.body.GovernedBy, r.body.Expires, r.past.Expires = t.governed.GovernedBy, t.governed.Expires, seconds(t.governed.Expires)
		h.govern(v, r, t)
	case t.decision.Request != "":
		r.decided = append(r.decided, t)
	default:
		r.closed, r.past.State, r.past.Ended = true, governance.State(t.outcome), seconds(t.at)
		delete(h.began, t.request)
		for len(h.queue) > 0 && h.queue[0].closed {
			if err := h.hand(v, h.queue[0]); err != nil {
				return err
			}
			h.queue = h.queue[1:]
		}
	}
	return nil
}

// govern takes the rule that governs a request from an entry on.
func (h *recount) govern(v *vault.Governance, r *replayed, t told) {
	pin := r.body.GovernedBy
	needed, known := h.asked[pin]
	if !known {
		for _, s := range v.Ask(r.body, r.past.Facts, vault.Said{}, seconds(t.at), t.seq).Steps {
			needed += s.Needed
		}
		h.asked[pin] = needed
	}
	r.past.Rule, r.past.Needed = pin.Rule, needed
}

// end hands on what is open when the log has ended.
func (h *recount) end(v *vault.Governance) {
	for _, r := range h.queue {
		if err := h.hand(v, r); err != nil {
			h.fail(err)
			return
		}
	}
}

// fail reports why the history ends.
func (h *recount) fail(err error) {
	if !errors.Is(err, errEnough) {
		h.yield(rehearsal.Past{}, err)
	}
}

// hand hands on a request. Of one that is closed it looks into no statement: each decision
// approved it, but for the one that rejected it, which was the last.
func (h *recount) hand(v *vault.Governance, r *replayed) error {
	at := r.body.Created
	for i, t := range r.decided {
		at = t.at
		switch {
		case t.as == signedlog.Initiation:
			r.past.Initiator = t.decision.Member
		case t.as == signedlog.Verdict:
		case r.past.State != governance.Rejected || i < len(r.decided)-1:
			r.past.Approvals = append(r.past.Approvals, t.decision.Member)
		}
	}
	switch {
	case !r.closed:
		said, err := r.said()
		if err != nil {
			return err
		}
		r.past.State = v.Ask(r.body, r.past.Facts, said, seconds(at), vault.Newest).State
	case r.past.State == governance.Approved:
		r.past.Approved = seconds(at)
	}
	if !h.yield(r.past, nil) {
		return errEnough
	}
	return nil
}

// said is what was signed about a request.
func (r *replayed) said() (said vault.Said, err error) {
	for _, t := range r.decided {
		if err := said.Take(t.decision, t.seq, seconds(t.at)); err != nil {
			return said, err
		}
	}
	return said, nil
}
