package governance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/shared/name"
)

// Decide says what a request still needs. The same input gives the same answer.
// It expects a set that passed [Set.Check].
//
// A member counts once in a request, in whichever step came first, so that two
// steps always mean different people. An approval of another step than the
// current one, of somebody whom the step does not name, or of an excluded
// initiator does not count; nor does their rejection. A step that excludes the
// initiator denies when nobody is proven to be it: it would exclude nobody. Under a
// rule with a creation step nothing counts before somebody whom it names is proven.
func Decide(in Input) Decision {
	d := Decision{Version: in.Rules.Version, Digest: in.Rules.Digest()}
	rule, why := in.govern()
	if rule == nil {
		d.State, d.Reasons = Denied, append([]string{"no rule allows this"}, why...)
		return d
	}
	d.Rule, d.UseWithin = rule.Name, rule.UseWithin
	d.Expires = in.expires(*rule)
	if rule.Deny {
		d.State, d.Reasons = Denied, why
		return d
	}
	c := rule.Creation
	if c != nil && !slices.Contains(in.objects().electorate(c.Members, c.Group), in.Initiator) {
		in.initiate(&d, *rule)
		return d
	}
	if d.Steps, why = in.steps(*rule, in.Initiator); why != nil {
		d.State, d.Reasons = Denied, why
		return d
	}
	in.count(&d)
	return d
}

// steps are the steps of a rule before anybody approved, under an initiator; empty:
// none is proven. why is why they can never be taken.
func (in Input) steps(rule Rule, initiator string) (all []Progress, why []string) {
	for _, step := range rule.Steps {
		if step.ExcludeInitiator && initiator == "" {
			return nil, []string{fmt.Sprintf("step %q of rule %q excludes whoever asked, and nothing proves who asked", step.Name, rule.Name)}
		}
		p := Progress{Name: step.Name, Needed: step.Quorum, Approved: []string{}, Waiting: in.voters(step, initiator)}
		if len(p.Waiting) < p.Needed {
			return all, []string{fmt.Sprintf("step %q needs %s, but only %s may give one", step.Name, count(p.Needed, "approval"), count(len(p.Waiting), "member"))}
		}
		all = append(all, p)
	}
	return all, nil
}

// Holds reports whether the pinned rule would still govern the request by the whitelists
// as they are now, and no rule that denies looks at one. Other conditions look at what
// does not change, or at the moment when the request was made.
func (in Input) Holds() bool {
	found := false
	for _, r := range in.Rules.Rules {
		for _, c := range r.When {
			if c.Whitelist != nil && (r.Deny || r.Name == in.Pinned && in.unmet(c, r.RateWithin).why != "") {
				return false
			}
		}
		found = found || r.Name == in.Pinned
	}
	return found
}

// initiate says who may initiate a request that nobody has: of those whom the rule
// names, the ones under whom its steps can be taken.
func (in Input) initiate(d *Decision, rule Rule) {
	var why []string
	for _, id := range in.exist(in.objects().electorate(rule.Creation.Members, rule.Creation.Group)) {
		if cannot := in.unmeetable(rule, id); cannot != nil {
			why = cannot
			continue
		}
		steps, _ := in.steps(rule, id)
		d.Steps, d.Initiators = steps, append(d.Initiators, id)
	}
	d.close()
	switch {
	case len(d.Initiators) == 0:
		d.State, d.Reasons = Denied, append([]string{fmt.Sprintf("rule %q must be initiated, and no member may do it", rule.Name)}, why...)
	case !in.Now.Before(d.Expires):
		d.State, d.Reasons, d.Initiators = Expired, []string{"expired at " + at(d.Expires) + " before a member signed and sent it"}, nil
	default:
		d.State, d.Reasons = Uninitiated, []string{"waiting for " + in.names(d.Initiators, "or") + " to sign and send it"}
	}
}

func at(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// exist are those of the members who exist and may approve.
func (in Input) exist(ids []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		return !slices.ContainsFunc(in.Members, func(m Member) bool { return m.ID == id })
	})
}

// count walks the approvals in their order and sets state, step and reasons. One of
// before a change that the current step does not wait for is tried again at the next.
func (in Input) count(d *Decision) {
	d.State, d.Step = Pending, 1
	var kept []Approval
	for rest := in.Approvals; len(rest) > 0; {
		a := rest[0]
		rest = rest[1:]
		p := &d.Steps[d.Step-1]
		if a.Step != 0 && a.Step != d.Step || !slices.Contains(p.Waiting, a.Member) {
			if a.Step == 0 && !a.Reject {
				kept = append(kept, a)
			}
			continue
		}
		if a.Reject {
			d.State, d.Reasons = Rejected, []string{"rejected by " + name.Within(in.name(a.Member))}
			break
		}
		p.Approved = append(p.Approved, a.Member)
		for i := range d.Steps {
			d.Steps[i].Waiting = without(d.Steps[i].Waiting, a.Member)
		}
		if len(p.Approved) == p.Needed {
			p.Waiting = []string{}
			if d.Step == len(d.Steps) {
				d.State, d.Reasons = Approved, []string{"approved by " + in.names(d.counted(), "and")}
				break
			}
			d.Step++
			rest, kept = append(kept, rest...), nil
		}
	}
	if d.State != Pending {
		d.close()
		return
	}
	if !in.Now.Before(d.Expires) {
		d.State = Expired
		d.Reasons = []string{"expired at " + at(d.Expires) + " with " + progress(d.Steps[d.Step-1])}
		d.close()
		return
	}
	d.Reasons = []string{in.waiting(*d)}
}

// close clears who is waited for: nobody is, any more.
func (d *Decision) close() {
	for i := range d.Steps {
		d.Steps[i].Waiting = []string{}
	}
}

func (d *Decision) counted() []string {
	var all []string
	for _, p := range d.Steps {
		all = append(all, p.Approved...)
	}
	return all
}

func (in Input) waiting(d Decision) string {
	p := d.Steps[d.Step-1]
	s := progress(p)
	if len(d.Steps) > 1 {
		s = fmt.Sprintf("step %d of %d, %s: %s", d.Step, len(d.Steps), name.Within(p.Name), s)
	}
	if len(p.Approved)+len(p.Waiting) < p.Needed {
		return s + "; too few members are left to reach it: reject the request and ask again"
	}
	word := "or"
	if len(p.Waiting) == p.Needed-len(p.Approved) {
		word = "and"
	}
	return s + "; waiting for " + in.names(p.Waiting, word)
}

func progress(p Progress) string {
	return fmt.Sprintf("%d of %s", len(p.Approved), count(p.Needed, "approval"))
}

// count is how many there are of something, whose plural ends in s.
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// voters are the members who exist and may approve a step, before anybody did.
func (in Input) voters(step Step, initiator string) []string {
	all := append([]string{}, in.exist(in.objects().electorate(step.Members, step.Group))...)
	if step.ExcludeInitiator {
		return without(all, initiator)
	}
	return all
}

func (in Input) expires(r Rule) time.Time {
	within := time.Duration(r.Within) * time.Second
	if within == 0 {
		within = DefaultWithin
	}
	latest := in.Created.Add(within)
	if in.Expires.IsZero() || in.Expires.After(latest) {
		return latest
	}
	return in.Expires
}

func (in Input) objects() Objects { return Objects{in.Members, in.Groups, in.Lists} }

func (in Input) name(id string) string {
	for _, m := range in.Members {
		if m.ID == id {
			return m.Name
		}
	}
	return id
}

// names joins members for people: "Alice, Bob or Carol".
func (in Input) names(ids []string, word string) string {
	var s strings.Builder
	for i, id := range ids {
		switch {
		case i > 0 && i == len(ids)-1:
			s.WriteString(" " + word + " ")
		case i > 0:
			s.WriteString(", ")
		}
		s.WriteString(name.Within(in.name(id)))
	}
	return s.String()
}

func without(ids []string, id string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(m string) bool { return m == id })
}
