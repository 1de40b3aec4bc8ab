package vault

import (
	"slices"
	"time"

	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/statement"
)

// Voted reports whether the member's decision on r is in the log.
func (r *Request) Voted(member string) bool {
	return slices.ContainsFunc(r.said().Votes, func(v governance.Approval) bool { return v.Member == member })
}

// Initiator is the member who is proven to have asked; empty while none is.
func (r *Request) Initiator() string { return r.said().Initiator }

// said is what members have signed about r, as the rules are asked.
func (r *Request) said() (s Said) {
	for _, a := range r.Accepted {
		s.Add(a.Member, a.Step, a.Decision)
	}
	return s
}

// Due reports whether r may have to be closed, without asking the rules.
func (r *Request) Due(now time.Time) bool {
	n := len(r.Accepted)
	return now.Unix() >= r.Expires || n > 0 && !r.Accepted[n-1].State.Open()
}

// UseBy is when the approval of r ends, in Unix seconds: counted from the last
// approval, so that a signer that was away adds nothing. 0 when r is not approved.
func (r *Request) UseBy(d governance.Decision) int64 {
	if d.State != governance.Approved {
		return 0
	}
	return r.Accepted[len(r.Accepted)-1].At.Add(governance.Use(d.UseWithin)).Unix()
}

// Pin is what a decision pins in r.
func (r *Request) Pin(d governance.Decision) statement.GovernedBy {
	return statement.GovernedBy{RuleSet: r.Wants.Facts().Account, Version: d.Version, Digest: d.Digest, Rule: d.Rule, UseWithin: d.UseWithin}
}

// Receives is where the request receives, if it does.
func (r *Request) Receives() (intent.Deposit, bool) {
	to, ok := r.Wants.(intent.Receiver)
	if !ok {
		return intent.Deposit{}, false
	}
	return to.Receives(), true
}
