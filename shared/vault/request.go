package vault

import (
	"time"

	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/statement"
)

// Initiator is the member who is proven to have asked; empty while none is.
func (r *Request) Initiator() string { return r.said().Initiator }

// said is what members have signed about r, as the rules are asked.
func (r *Request) said() (s Said) {
	for _, a := range r.Accepted {
		if a.Verdict != "" {
			s.Judge(a.Member, a.Step, a.Verdict, a.Seq, a.At)
			continue
		}
		s.Add(a.Member, a.Step, a.Decision, a.Seq, a.At)
	}
	return s
}

// Due reports whether r may have to be closed, without asking the rules.
func (r *Request) Due(now time.Time) bool {
	n := len(r.Accepted)
	return r.due || !r.until.IsZero() && !now.Before(r.until) || now.Unix() >= r.Expires || n > 0 && !r.Accepted[n-1].State.Open()
}

// Stale reports whether the vault changed so that another rule may govern r: a governed
// entry must say which, or an outcome that it is closed.
func (r *Request) Stale() bool { return r.stale }

// UseBy is when the approval of r ends, in Unix seconds: counted from when it
// was completed, so that a signer that was away adds nothing. 0 when r is not approved, and
// for a change of the vault, which takes effect at once.
func (r *Request) UseBy(d governance.Decision) int64 {
	if _, change := r.Wants.(intent.Change); change || d.State != governance.Approved {
		return 0
	}
	if r.Outcome != "" {
		return r.ends
	}
	return r.approvedAt(d.Completed).Add(governance.Use(d.UseWithin)).Unix()
}

// approvedAt is when r was completed, or the change of the vault under which it needs less.
func (r *Request) approvedAt(completed time.Time) time.Time {
	n, moved := len(r.Accepted), seconds(r.moved)
	if n > 0 && r.Accepted[n-1].State != governance.Approved && moved.After(completed) {
		return moved
	}
	return completed
}

// Pin is what a decision pins in r.
func (r *Request) Pin(d governance.Decision) statement.GovernedBy {
	return statement.GovernedBy{RuleSet: r.Wants.Facts().RuleSet(), Version: d.Version, Digest: d.Digest, Rule: d.Rule, UseWithin: d.UseWithin}
}

// Receives is where the request receives, if it does.
func (r *Request) Receives() (intent.Deposit, bool) {
	to, ok := r.Wants.(intent.Receiver)
	if !ok {
		return intent.Deposit{}, false
	}
	return to.Receives(), true
}
