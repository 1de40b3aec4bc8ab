package vault

import (
	"time"

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

// Decide asks the rules. A request keeps the rule that it has.
func (s *State) Decide(r *Request, now time.Time) governance.Decision {
	facts := r.Wants.Facts()
	var spent []governance.Spent
	if a := s.accounts[facts.Account]; a != nil && r.GovernedBy.Rule == "" {
		spent = s.spent(r, a)
	}
	return s.rules.ask(s.Genesis, r.RequestBody, facts, r.said(), spent, now)
}

// Zones are the time zones that the rules of a request name, which is not in the log yet.
func (s *State) Zones(wants intent.Intent) []string {
	set, _ := s.rules.newest(wants.Facts().Account) // without rules there are none
	return set.Zones()
}

// Said is what members have signed about a request.
type Said struct {
	Initiator string // member id; empty while none is proven
	Votes     []governance.Approval
}

// Add takes a member's decision, in the order of the log.
func (s *Said) Add(member string, step int, decision string) {
	if decision == statement.Initiate {
		s.Initiator = member
		return
	}
	s.Votes = append(s.Votes, governance.Approval{Member: member, Step: step, Reject: decision == statement.Reject})
}

// Ask asks the rules of a genesis about one request, as its entry and what members
// said tell it.
func Ask(g statement.Genesis, b signedlog.RequestBody, facts governance.Facts, said Said, now time.Time) governance.Decision {
	rules := ruleSets{}
	for _, a := range g.Accounts {
		if a.Account == facts.Account {
			_ = rules.put(a.Account, a.Rules) // the first version follows nothing
		}
	}
	return rules.ask(g, b, facts, said, nil, now)
}

func (s ruleSets) ask(g statement.Genesis, b signedlog.RequestBody, facts governance.Facts, said Said, spent []governance.Spent, now time.Time) governance.Decision {
	rules, err := s.govern(b.GovernedBy, facts.Account)
	if err != nil {
		return governance.Decision{State: governance.Denied, Reasons: []string{"no rule allows this", err.Error()}}
	}
	in := governance.Input{
		Rules: rules, Pinned: b.GovernedBy.Rule, Facts: facts, Recorded: b.Recorded, Created: time.Unix(b.Created, 0).UTC(), Expires: time.Unix(b.Expires, 0).UTC(),
		Now: now, Initiator: said.Initiator, Approvals: said.Votes, Spent: spent, Groups: g.Groups, Lists: g.Whitelists,
	}
	for _, m := range g.Members {
		if m.Role != statement.Auditor {
			in.Members = append(in.Members, governance.Member{ID: m.Member, Name: m.Name})
		}
	}
	return governance.Decide(in)
}

// spent adds up what the account's other requests took, or may still take, in each
// window that its rules look at: those with an outcome are kept in sums.
func (s *State) spent(r *Request, a *account) []governance.Spent {
	if len(a.spends) == 0 {
		return nil
	}
	var others []governance.Earlier
	for _, o := range s.open {
		if o != r && o.Wants.Facts().Account == a.Account {
			others = append(others, o.earlier())
		}
	}
	var all []governance.Spent
	for _, w := range a.spends {
		if sum, ok := w.Spent(r.CreatedAt, w.at(r.CreatedAt), others); ok {
			all = append(all, sum)
		}
	}
	return all
}

// earlier is a request as the sums of later ones look at it.
func (r *Request) earlier() governance.Earlier {
	facts := r.Wants.Facts()
	e := governance.Earlier{
		Amount: facts.Amount, Currency: facts.Currency, Value: r.Recorded.Value, State: governance.Pending, Expires: time.Unix(r.Expires, 0),
	}
	if n := len(r.Accepted); n > 0 { // the outcome is written after the last approval, and may not be yet
		e.State, e.Approved = r.Accepted[n-1].State, r.Accepted[n-1].At
		e.UseBy = e.Approved.Add(governance.Use(r.GovernedBy.UseWithin))
	}
	if r.Outcome != "" {
		e.State = governance.State(r.Outcome)
	}
	return e
}
