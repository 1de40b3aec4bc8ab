package vault

import (
	"cmp"
	"time"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
)

// Govern finds the rule for a request that is not in the log yet, as of its creation.
func (s *State) Govern(r *Request) governance.Decision {
	fresh := *r
	fresh.GovernedBy = statement.GovernedBy{}
	return s.Decide(&fresh, r.CreatedAt)
}

// Decide asks the rules. A request in the log keeps the rule that it has until the vault
// changes; then it is asked again, and one that is denied since is BLOCKED.
func (s *State) Decide(r *Request, now time.Time) governance.Decision {
	seq := cmp.Or(r.asOf, Newest)
	logged, b, facts, at := r.GovernedBy.Rule != "", r.RequestBody, r.Wants.Facts(), r.CreatedAt
	if r.stale && seq == Newest {
		b.GovernedBy, at = statement.GovernedBy{}, now
	}
	var spent []governance.Spent
	if a := s.accounts[facts.Account]; a != nil && b.GovernedBy.Rule == "" {
		spent = s.spent(r, a, at)
	}
	d := s.ask(b, facts, r.said(), spent, now, seq)
	if !logged {
		return d
	}
	if seq == Newest && (d.State == governance.Approved || d.State.Open()) {
		if s.stranded(r) {
			d.State, d.Reasons = governance.Denied, []string{"its address is one of the keys that the vault had before: ask again, for a new address"}
			d.Steps, d.Step, d.Initiators = nil, 0, nil
		} else if err := s.Fits(r.Wants); err != nil {
			d.State, d.Reasons = governance.Denied, []string{"it cannot take effect any more: " + reason(err)}
			d.Steps, d.Step, d.Initiators = nil, 0, nil
		}
	}
	if d.State == governance.Denied {
		d.State = governance.Blocked
	}
	return d
}

// reason is an error as a sentence for people.
func reason(err error) string {
	if f, ok := fault.As(err); ok {
		return f.Message
	}
	return err.Error()
}

// Explain says what the rules say, and why, of a request that is not in the log yet, as
// of its creation.
func (s *State) Explain(r *Request) governance.Explanation {
	facts := r.Wants.Facts()
	var spent []governance.Spent
	if a := s.accounts[facts.Account]; a != nil {
		spent = s.spent(r, a, r.CreatedAt)
	}
	in, err := s.input(r.RequestBody, facts, Said{}, spent, r.CreatedAt, Newest)
	if err != nil { // there are no rules, so that none allows it
		in.Rules = governance.Set{}
	}
	return governance.Explain(in)
}

// governs reports whether the rule that a request has would still govern it.
func (s *State) governs(r *Request) bool {
	if set, ok := s.Rules.at(r.GovernedBy.RuleSet, Newest); !ok || set.Version != r.GovernedBy.Version {
		return false
	}
	in, err := s.input(r.RequestBody, r.Wants.Facts(), Said{}, nil, r.CreatedAt, Newest)
	return err == nil && in.Holds()
}

// Zones are the time zones that the rules of a request name, which is not in the log yet.
func (s *State) Zones(wants intent.Intent) []string {
	set, _ := s.Rules.at(wants.Facts().RuleSet(), Newest) // without rules there are none
	return set.Value.Zones()
}

// Said is what members have signed about a request.
type Said struct {
	Initiator string // member id; empty while none is proven
	votes     []vote
}

type vote struct {
	governance.Approval
	seq int64 // of its entry
}

// Add takes a member's decision, in the order of the log; seq and at are its entry's.
func (s *Said) Add(member string, step int, decision string, seq int64, at time.Time) {
	if decision == statement.Initiate {
		s.Initiator = member
		return
	}
	s.votes = append(s.votes, vote{governance.Approval{Member: member, Step: step, Reject: decision == statement.Reject, At: at}, seq})
}

// Judge takes the verdict of a step's reviewer, as [Said.Add] takes a decision.
func (s *Said) Judge(reviewer string, step int, v governance.Verdict, seq int64, at time.Time) {
	s.votes = append(s.votes, vote{governance.Approval{Member: reviewer, Step: step, Verdict: v, At: at}, seq})
}

// Take takes what was signed, and verified, in an entry of a member or a reviewer.
func (s *Said) Take(b signedlog.DecisionBody, seq int64, at time.Time) error {
	d, err := decision(b)
	switch {
	case err != nil:
		return err
	case d.verdict != "":
		s.Judge(b.Member, d.step, d.verdict, seq, at)
	default:
		s.Add(b.Member, d.step, d.decision, seq, at)
	}
	return nil
}

// since are the decisions as the rules are asked: those of before an entry that changed
// something count for whichever step waits for their member.
func (s Said) since(changed int64) (all []governance.Approval) {
	for _, v := range s.votes {
		if v.seq < changed {
			v.Step = 0
		}
		all = append(all, v.Approval)
	}
	return all
}

// spent adds up what the account's other requests took, or may still take, in each
// window that its rules look at: those with an outcome are kept in sums.
func (s *State) spent(r *Request, a *account, at time.Time) []governance.Spent {
	if len(a.spends) == 0 {
		return nil
	}
	var others []governance.Earlier
	for _, o := range s.open {
		if o != r && o.Wants.Facts().Account == a.Account {
			others = append(others, o.earlier(s.standing(o, at)))
		}
	}
	var all []governance.Spent
	for _, w := range a.spends {
		if sum, ok := w.Spent(at, w.at(at), others); ok {
			all = append(all, sum)
		}
	}
	return all
}

// standing is how far an open request is: its outcome may not be written yet. The rules
// are asked only where time decides.
func (s *State) standing(r *Request, now time.Time) governance.Decision {
	d := governance.Decision{State: governance.Pending}
	if n := len(r.Accepted); !r.until.IsZero() && !r.stale {
		return s.Decide(r, now)
	} else if n > 0 {
		d.State, d.Completed = r.Accepted[n-1].State, r.Accepted[n-1].At
	}
	return d
}

// earlier is a request that stands so as the sums of later ones look at it.
func (r *Request) earlier(d governance.Decision) governance.Earlier {
	facts := r.Wants.Facts()
	e := governance.Earlier{
		Amount: facts.Amount, Currency: facts.Currency, Value: r.Recorded.Value, State: d.State, Expires: time.Unix(r.Expires, 0),
		Approved: r.approvedAt(d.Completed),
	}
	e.UseBy = e.Approved.Add(governance.Use(r.GovernedBy.UseWithin))
	if r.until.After(e.Expires) { // a last delay goes on
		e.Expires = r.until
	}
	return e
}
