package signer

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/vault"
	"countersign/shared/wire"
)

// Limits of what reviewers are asked.
const (
	maxReviews = 16               // in one answer
	askAgain   = time.Minute      // after the first RETRY; twice as long after each other one
	mostAgain  = time.Hour        // between two of them
	leftOver   = 30 * time.Second // the time that a reviewer has at least
)

// evaluation is a question that a reviewer has not answered yet.
type evaluation struct {
	review statement.Review
	jws    string
	ends   time.Time // steady
	told   int64     // which answer of the signer had it last
}

// Reviews are what reviewers are to be asked now: those first that were told longest ago, so
// that a reviewer who does not answer keeps no other waiting. Each question is signed, and the
// same one as long as it can be answered.
func (s *Service) Reviews(ctx context.Context) (out wire.SignerReviews, err error) {
	out.Reviews = []wire.SignerReview{}
	if err := s.begin(); err != nil {
		return out, err
	}
	defer s.end(ctx, &err)
	open := s.state.Open()
	maps.DeleteFunc(s.evaluations, func(id string, _ evaluation) bool { return open[id] == nil })
	waiting := slices.SortedFunc(maps.Values(open), func(a, b *vault.Request) int {
		return cmp.Or(cmp.Compare(s.evaluations[a.Request].told, s.evaluations[b.Request].told), a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.Request, b.Request))
	})
	now := s.deps.steady()
	s.told++
	for _, r := range waiting {
		d := s.state.Decide(r, s.at)
		m := s.state.Member(d.Reviewer())
		if m == nil || m.State != intent.Active || r.Stale() || s.at.Before(againAt(r, d.Step)) {
			delete(s.evaluations, r.Request)
			continue
		}
		e, asked := s.evaluations[r.Request]
		if !asked || !e.about(r, d) || now.Add(leftOver).After(e.ends) {
			if e, err = s.evaluate(ctx, r, d, m); err != nil {
				return out, err
			}
		}
		e.told = s.told
		s.evaluations[r.Request] = e
		out.Reviews = append(out.Reviews, wire.SignerReview{Request: r.Request, Reviewer: m.Member, JWS: e.jws})
		if len(out.Reviews) == maxReviews {
			break
		}
	}
	return out, nil
}

// againAt is when the reviewer of a step that said RETRY is asked again.
func againAt(r *vault.Request, step int) (at time.Time) {
	pause := askAgain
	for _, a := range r.Accepted {
		if a.Step == step && a.Verdict == governance.Retries {
			at, pause = a.At.Add(pause), min(2*pause, mostAgain)
		}
	}
	return at
}

// about reports whether a question is still what a request waits for.
func (e evaluation) about(r *vault.Request, d governance.Decision) bool {
	return e.review.Step == d.Step && e.review.Reviewer == d.Reviewer() && e.review.GovernedBy == r.GovernedBy
}

// evaluate asks the reviewer of the current step of a request. s.mu is held.
func (s *Service) evaluate(ctx context.Context, r *vault.Request, d governance.Decision, m *vault.Member) (e evaluation, err error) {
	nonce := make([]byte, 32)
	if _, err := io.ReadFull(s.deps.Rand, nonce); err != nil {
		return e, fmt.Errorf("make a nonce: %w", err)
	}
	g := s.state.Genesis
	e.review = statement.Review{
		V: 1, Type: "review", Entity: g.Entity, EntityName: g.EntityName, Request: r.Request, Created: r.CreatedAt.Unix(), Step: d.Step, Reviewer: m.Member,
		Evaluation: hex.EncodeToString(nonce), GovernedBy: r.GovernedBy, Initiator: r.Initiator(), Approved: []string{}, Recorded: r.Recorded, Intent: r.Intent,
		Digest: intent.Digest(r.Intent), IssuedAt: s.at.Unix(), Expires: s.at.Add(statement.Lifetime).Unix(), Log: s.mark(),
	}
	if by := s.state.Member(e.review.Initiator); by != nil {
		e.review.InitiatorName = by.Name
	}
	for _, p := range d.Steps[:d.Step-1] {
		e.review.Approved = append(e.review.Approved, p.Approved...)
	}
	e.ends = s.deps.steady().Add(statement.Lifetime)
	e.jws, err = sign(ctx, s.key, statement.TypReview, e.review)
	return e, err
}

// Verdict verifies the verdict of a reviewer, in this order, and appends it to the log:
//
//  1. it is a compact JWS whose payload is a canonical verdict
//  2. the reviewer is a member who is active, and signed it in its one valid form
//  3. a verdict that is in the log already gets the same answer again
//  4. it restates a question that the reviewer was asked and has not answered: entity,
//     request, step, reviewer, evaluation and intent; and the time for it is not over
//  5. the request is open, and still waits for this verdict
func (s *Service) Verdict(ctx context.Context, token string) (_ wire.SignerRequest, err error) {
	payload, err := jws.Payload(token)
	if err != nil {
		return wire.SignerRequest{}, err
	}
	v, err := statement.Decode[statement.Verdict](payload)
	if err != nil {
		return wire.SignerRequest{}, err
	}
	if err := s.begin(); err != nil {
		return wire.SignerRequest{}, err
	}
	defer s.end(ctx, &err)
	m := s.state.Member(v.Reviewer)
	if m == nil || m.State != intent.Active {
		return wire.SignerRequest{}, fault.New(fault.Forbidden, "the vault has no reviewer of this name who is active").With("field", "reviewer")
	}
	if _, err := jws.Verify(token, statement.TypVerdict, m.ApprovalKey); err != nil {
		return wire.SignerRequest{}, err
	}
	if acc, err := s.retried(ctx, v.Request, v.Reviewer, token); err != nil {
		return wire.SignerRequest{}, err
	} else if acc != nil {
		r, err := s.request(ctx, v.Request)
		if err != nil {
			return wire.SignerRequest{}, err
		}
		return s.view(r), nil
	}
	r, err := s.answered(ctx, v)
	if err != nil {
		return wire.SignerRequest{}, err
	}
	delete(s.evaluations, v.Request)
	if err := s.append(ctx, signedlog.Verdict, signedlog.DecisionBody{Request: v.Request, Member: v.Reviewer, JWS: token}); err != nil {
		return wire.SignerRequest{}, err
	}
	s.deps.Log.Info("verdict logged", "request", v.Request, "reviewer", v.Reviewer, "verdict", v.Verdict)
	if err := s.settle(ctx, r); err != nil {
		return wire.SignerRequest{}, err
	}
	return s.view(r), nil
}

// answered finds the request of a question that a verdict answers. s.mu is held.
func (s *Service) answered(ctx context.Context, v statement.Verdict) (*vault.Request, error) {
	wrong := func(field, why string) error {
		return fault.New(fault.StatementInvalid, "the verdict was refused: "+field+" "+why).With("field", field)
	}
	e, asked := s.evaluations[v.Request]
	if !asked || e.review.Evaluation != v.Evaluation {
		return nil, wrong("evaluation", "is of no question that waits for an answer")
	}
	if !s.deps.steady().Before(e.ends) {
		return nil, wrong("evaluation", "is over: ask again")
	}
	if want := e.review.Answer(v.Verdict, v.Reason, v.IssuedAt); want != v {
		for field, same := range map[string]bool{"entity": want.Entity == v.Entity, "step": want.Step == v.Step, "reviewer": want.Reviewer == v.Reviewer, "intent": want.Intent == v.Intent} {
			if !same {
				return nil, wrong(field, "is not the one of the question")
			}
		}
	}
	r, err := s.request(ctx, v.Request)
	if err != nil {
		return nil, err
	}
	if d := s.state.Decide(r, s.at); !e.about(r, d) {
		return nil, fault.New(fault.RequestClosed, "the request does not wait for this verdict any more").With("state", string(d.State))
	}
	return r, nil
}
