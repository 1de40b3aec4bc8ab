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
func Decide(in Input) Decision { return DecideUnder(in, in.Rules.Digest()) }

// DecideUnder is [Decide] for a caller who asks the same rules often, and has their digest.
func DecideUnder(in Input, digest string) Decision {
	d, _ := in.decide(digest)
	return d
}

// decide also returns the steps; of an open request only.
func (in Input) decide(digest string) (d Decision, stages []*stage) {
	d = Decision{Version: in.Rules.Version, Digest: digest}
	rule, why := in.govern()
	if rule == nil {
		d.State, d.Reasons = Denied, append([]string{"no rule allows this"}, why...)
		return d, nil
	}
	d.Rule, d.UseWithin = rule.Name, rule.UseWithin
	d.Expires = in.expires(*rule)
	if rule.Deny {
		d.State, d.Reasons = Denied, why
		return d, nil
	}
	c := rule.Creation
	if c != nil && !slices.Contains(in.objects().electorate(c.Members, c.Group), in.Initiator) {
		in.initiate(&d, *rule)
		in.Initiator = "" // whoever it names is not one whom the rule lets ask
		return d, in.anybody(*rule)
	}
	if stages, why = in.stages(*rule, in.Initiator); why != nil {
		d.State, d.Reasons = Denied, why
		d.show(stages)
		return d, nil
	}
	in.count(&d, stages)
	return d, stages
}

// anybody are the steps of a rule as they are for an initiator who is in none of them.
func (in Input) anybody(rule Rule) (all []*stage) {
	for _, step := range rule.Steps {
		all = append(all, &stage{step: step, parts: in.parts(rule.Steps, step, "")})
	}
	return all
}

// Holds reports whether the pinned rule would still govern the request by the whitelists
// and the accounts as they are now, and no rule that denies looks at one. Other conditions
// look at what does not change, or at the moment when the request was made.
func (in Input) Holds() bool {
	found := false
	for _, r := range in.Rules.Rules {
		for _, c := range r.When {
			if (c.Whitelist != nil || c.Recipient != nil) && (r.Deny || r.Name == in.Pinned && in.unmet(c, r.RateWithin).why != "") {
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
		stages, _ := in.stages(rule, id)
		d.show(stages)
		d.Initiators = append(d.Initiators, id)
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
func (in Input) exist(ids []string) []string { return in.objects().exist(ids) }

func (o Objects) exist(ids []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		return !slices.ContainsFunc(o.Members, func(m Member) bool { return m.ID == id })
	})
}

// close clears who is waited for: nobody is, any more.
func (d *Decision) close() {
	for i := range d.Steps {
		p := &d.Steps[i]
		p.Waiting, p.Stop = []string{}, nil
		for j := range p.Any {
			p.Any[j].Waiting = []string{}
		}
	}
}

// show sets the steps.
func (d *Decision) show(stages []*stage) {
	d.Steps = nil
	for _, s := range stages {
		d.Steps = append(d.Steps, s.progress())
	}
}

func (in Input) waiting(d Decision) string {
	p, prefix := d.Steps[d.Step-1], ""
	if len(d.Steps) > 1 {
		prefix = fmt.Sprintf("step %d of %d, %s: ", d.Step, len(d.Steps), name.Within(p.Name))
	}
	by := name.Within(in.name(p.Reviewer))
	switch {
	case p.Delay != 0 && p.Until.IsZero():
		return prefix + "when it began is not known"
	case p.Delay != 0:
		return prefix + "over at " + at(p.Until) + "; until then " + in.names(p.Stop, "or") + " may stop it"
	case p.Reviewer != "" && p.Verdict == Retries:
		return prefix + "waiting for another verdict of " + by
	case p.Reviewer != "" && p.Verdict == "":
		return prefix + "waiting for the verdict of " + by
	case p.Needed == 0:
		return prefix + by + " left it to members, and the step names none: ask again"
	}
	parts := p.Any
	if len(parts) == 0 {
		parts = []Part{{p.Needed, p.Approved, p.Waiting}}
	}
	var who []string
	for _, part := range parts {
		if !part.reachable() {
			continue
		}
		word := "or"
		if len(part.Waiting) == part.left() {
			word = "and"
		}
		who = append(who, in.names(part.Waiting, word))
	}
	prefix += progress(p)
	if len(who) == 0 {
		return prefix + "; too few members are left to reach it: reject the request and ask again"
	}
	return prefix + "; waiting for " + strings.Join(who, ", or for ")
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

func (in Input) objects() Objects { return Objects{in.Members, in.Groups, in.Lists, in.Accounts} }

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
