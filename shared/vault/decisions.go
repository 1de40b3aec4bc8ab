package vault

import (
	"bytes"
	"fmt"
	"time"

	"countersign/shared/effects"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
)

// applyDecision takes a member's decision, which is signed for the purpose typ.
func (s *State) applyDecision(e signedlog.Entry, hash, typ string) error {
	var b signedlog.DecisionBody
	if err := strictjson.UnmarshalCanonical(e.Body, &b, signedlog.MaxBody); err != nil {
		return err
	}
	r, m := s.open[b.Request], s.members[b.Member]
	if r == nil || m == nil {
		return fmt.Errorf("there is no open request %s or no member %s", b.Request, b.Member)
	}
	if r.stale {
		return fmt.Errorf("what governs %s since the vault changed is not said", b.Request)
	}
	payload, err := s.Ahead.Verify(b.JWS, typ, m.ApprovalKey)
	if err != nil {
		return err
	}
	a, err := statement.DecodeDecision(payload)
	if err != nil {
		return err
	}
	if a.Decision == statement.Approve && s.Outdated(r) {
		return fmt.Errorf("%s approves what %s did to the vault as it was", b.Member, b.Request)
	}
	d := s.Decide(r, seconds(e.At))
	if statement.Typ(a.Decision) != typ || a.Entity != s.Genesis.Entity || a.Request != b.Request || a.Member != b.Member || a.Step != d.Step ||
		!bytes.Equal(a.Intent, r.Intent) || a.Decision != statement.Initiate && !a.Impact.Equal(r.Impact) || a.GovernedBy != r.GovernedBy || a.Initiator != r.Initiator() || !may(d, a) {
		return fmt.Errorf("the statement of %s is not for this step of %s", b.Member, b.Request)
	}
	if want, err := effects.DigestOf(r.Wants); err == nil && a.Decision != statement.Initiate && a.Effects != want { // else this version knows the asset no more, and signs nothing
		return fmt.Errorf("the statement of %s has other effects than %s", b.Member, b.Request)
	}
	s.accept(r, b, decided{step: a.Step, decision: a.Decision}, Line{e, hash})
	s.past.Note(b.Request, e.Seq)
	return nil
}

// may reports whether a decision is the member's to make now.
func may(d governance.Decision, a statement.Approval) bool {
	if a.Decision == statement.Initiate {
		return d.MayInitiate(a.Member)
	}
	if a.Decision == statement.Reject {
		return d.MayReject(a.Member)
	}
	return d.MayApprove(a.Member)
}

// applyVerdict takes what the reviewer of a step signed.
func (s *State) applyVerdict(e signedlog.Entry, hash string) error {
	var b signedlog.DecisionBody
	if err := strictjson.UnmarshalCanonical(e.Body, &b, signedlog.MaxBody); err != nil {
		return err
	}
	r, m := s.open[b.Request], s.members[b.Member]
	if r == nil || m == nil {
		return fmt.Errorf("there is no open request %s or no member %s", b.Request, b.Member)
	}
	if r.stale {
		return fmt.Errorf("what governs %s since the vault changed is not said", b.Request)
	}
	payload, err := s.Ahead.Verify(b.JWS, statement.TypVerdict, m.ApprovalKey)
	if err != nil {
		return err
	}
	v, err := statement.Decode[statement.Verdict](payload)
	if err != nil {
		return err
	}
	d := s.Decide(r, seconds(e.At))
	if v.Entity != s.Genesis.Entity || v.Request != b.Request || v.Reviewer != b.Member || v.Step != d.Step || v.Intent != intent.Digest(r.Intent) || d.Reviewer() != v.Reviewer {
		return fmt.Errorf("the verdict of %s is not for this step of %s", b.Member, b.Request)
	}
	s.accept(r, b, decided{step: v.Step, verdict: v.Verdict, reason: v.Reason}, Line{e, hash})
	s.past.Note(b.Request, e.Seq)
	return nil
}

// decided is what a member, or a reviewer, decided.
type decided struct {
	step     int
	decision string             // of a member
	verdict  governance.Verdict // of a reviewer
	reason   string             // of a reviewer
}

// decision is what was signed about a request, once that was verified.
func decision(b signedlog.DecisionBody) (d decided, err error) {
	payload, err := jws.Payload(b.JWS)
	if err != nil {
		return d, err
	}
	var about string
	if bytes.HasPrefix(payload, []byte(`{"v":1,"type":"verdict",`)) {
		v, bad := statement.Decode[statement.Verdict](payload)
		d, about, err = decided{step: v.Step, verdict: v.Verdict, reason: v.Reason}, v.Request, bad
	} else {
		a, bad := statement.DecodeDecision(payload)
		d, about, err = decided{step: a.Step, decision: a.Decision}, a.Request, bad
	}
	if err == nil && about != b.Request {
		err = fmt.Errorf("the decision is about %s", about)
	}
	return d, err
}

// accept counts a decision that is verified.
func (s *State) accept(r *Request, b signedlog.DecisionBody, is decided, l Line) {
	at := seconds(l.At)
	r.Accepted = append(r.Accepted, Accepted{
		JWS: b.JWS, Member: b.Member, Step: is.step, Decision: is.decision, Verdict: is.verdict, Reason: is.reason, At: at, Seq: l.Seq, Hash: l.Hash, Approved: []string{},
	})
	acc := &r.Accepted[len(r.Accepted)-1]
	r.asOf = l.Seq
	d := s.Decide(r, at)
	r.asOf = 0
	acc.State, r.until = d.State, d.Until()
	for _, p := range d.Steps {
		acc.Approved = append(acc.Approved, p.Approved...)
		acc.Needed += p.Needed
	}
}

func seconds(unix int64) time.Time { return time.Unix(unix, 0).UTC() }
