package ceremony

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/jwk"
	"countersign/shared/jws"
	"countersign/shared/name"
	"countersign/shared/strictjson"
)

// Said is a rule in words.
type Said struct {
	For   string   // what it is for: "purchases, of at most 10 000 EUR"
	Needs []string // what must happen, step by step; none of a rule that denies
	Text  string   // all of it but its name, in sentences
}

// Say says a rule; called are names by the ids of members, groups and whitelists.
func Say(r governance.Rule, called map[string]string) Said { return names(called).say(r) }

// rule is a rule as sentences, behind its name.
func (n names) rule(r governance.Rule) string { return name.Within(r.Name) + ": " + n.say(r).Text }

// say says a rule. What it has no words for, it says as it is written: an
// administrator signs nothing that they were not shown.
func (n names) say(r governance.Rule) (all Said) {
	rest := r
	all.For = n.what(r)
	s := all.For
	if r.Deny {
		s += ": denied."
	} else {
		s += "."
	}
	if c := r.Creation; c != nil {
		who := "one of " + join(n.who(c.Members, c.Group), "and") + " signs first"
		all.Needs = append(all.Needs, who)
		left := *c
		left.Members, left.Group = nil, ""
		s += " To ask, " + who + "." + unsaid(left)
	}
	for i, step := range r.Steps {
		what, left := n.step(step)
		all.Needs = append(all.Needs, what)
		s += fmt.Sprintf(" Step %d, %s: %s.", i+1, name.Within(step.Name), what) + unsaid(left)
	}
	if r.RateWithin != 0 {
		s += " An asset counts by what it is worth, at a signed rate of the last " + span(r.RateWithin) + "."
	}
	if !r.Deny {
		s += fmt.Sprintf(" Open for %s; an approval can be used for %s.", within(r), span(r.UseWithin))
	}
	rest.Name, rest.When, rest.Deny, rest.Creation, rest.Steps, rest.Within, rest.UseWithin, rest.RateWithin = "", nil, false, nil, nil, 0, 0, 0
	all.Text = s + unsaid(rest)
	return all
}

// step is what must happen in a step, and what of it was not said.
func (n names) step(s governance.Step) (said string, rest governance.Step) {
	rest = s
	rest.Name = ""
	if s.Delay != 0 {
		rest.Delay = 0
		return span(s.Delay) + " pass, in which whoever may approve a step can stop it", rest
	}
	var quorums []string
	for _, q := range s.Quorums() {
		quorums = append(quorums, fmt.Sprintf("%d of %s", q.Quorum, join(n.who(q.Members, q.Group), "and")))
	}
	switch {
	case len(s.Any) > 0:
		rest.Any = nil
	case len(quorums) > 0:
		rest.Quorum, rest.Members, rest.Group = 0, nil, ""
	}
	if said = strings.Join(quorums, ", or "); s.ExcludeInitiator {
		said, rest.ExcludeInitiator = said+", but not who asked", false
	}
	if s.Reviewer == "" {
		return said, rest
	}
	rest.Reviewer = ""
	if said != "" {
		said = ", or leaves it to " + said
	}
	return "the program " + join(n.who([]string{s.Reviewer}, ""), "") + " approves" + said, rest
}

// unsaid is what is left of a value when what was said is taken out of it.
func unsaid(rest any) string {
	if reflect.ValueOf(rest).IsZero() {
		return ""
	}
	b, err := strictjson.Canonical(rest)
	if err != nil {
		b = fmt.Appendf(nil, "%+v", rest)
	}
	return " And: " + string(b) + "."
}

// what are the requests that a rule is for.
func (n names) what(r governance.Rule) string {
	var kinds []string
	for _, kind := range intent.Kinds() {
		if r.For(kind) {
			kinds = append(kinds, plural(kind))
		}
	}
	s := join(kinds, "and")
	switch len(kinds) {
	case 0:
		s = "nothing"
	case len(intent.Kinds()):
		s = "all requests"
	}
	for _, c := range r.When {
		s += n.condition(c)
	}
	return s
}

// condition follows what is asked for: " of at most 10 000 EUR".
func (n names) condition(c governance.Condition) (s string) {
	rest := c
	if a := c.Amount; a != nil {
		switch {
		case a.Min == "":
			s += fmt.Sprintf(", of at most %s %s", intent.Money(a.Max), a.Currency)
		case a.Max == "":
			s += fmt.Sprintf(", of at least %s %s", intent.Money(a.Min), a.Currency)
		default:
			s += fmt.Sprintf(", of %s to %s %s", intent.Money(a.Min), intent.Money(a.Max), a.Currency)
		}
		left := *a
		left.Currency, left.Min, left.Max = "", "", ""
		s, rest.Amount = s+unsaid(left), nil
	}
	if w := c.Whitelist; w != nil {
		if w.Whitelist != "" {
			s += ", to an address in " + n.of(w.Whitelist)
		}
		if len(w.Providers) > 0 {
			s += ", from " + join(w.Providers, "or")
		}
		left := *w
		left.Whitelist, left.Providers = "", nil
		s, rest.Whitelist = s+unsaid(left), nil
	}
	if r := c.Recipient; r != nil {
		var to []string
		if r.Children {
			to = append(to, "an account that this one funds")
		}
		for _, account := range n.all(r.Accounts) {
			to = append(to, "the account "+account)
		}
		s += ", to " + join(to, "or")
		left := *r
		left.Children, left.Accounts = false, nil
		s, rest.Recipient = s+unsaid(left), nil
	}
	if w := c.Window; w != nil {
		if w.Business {
			s += ", on business days"
		}
		if len(w.Days) > 0 {
			s += ", on " + join(w.Days, "or")
		}
		s += fmt.Sprintf(", from %s to %s %s", w.From, w.To, cmp.Or(w.Zone, "UTC"))
		left := *w
		left.Days, left.From, left.To, left.Zone, left.Business = nil, "", "", "", false
		s, rest.Window = s+unsaid(left), nil
	}
	if f := c.Filter; f != nil {
		if len(f.Assets) > 0 {
			s += ", in " + join(f.Assets, "or")
		}
		left := *f // the kinds are said with what the rule is for, those that there are
		left.Kinds, left.Assets = slices.DeleteFunc(slices.Clone(f.Kinds), func(kind string) bool { return slices.Contains(intent.Kinds(), kind) }), nil
		if len(left.Kinds) == 0 {
			left.Kinds = nil
		}
		s, rest.Filter = s+unsaid(left), nil
	}
	if v := c.Velocity; v != nil {
		left := *v
		if v.Max != "" {
			s += fmt.Sprintf(", while the account spends at most %s %s in %s", intent.Money(v.Max), v.Currency, span(v.Seconds))
			left.Currency, left.Seconds, left.Max = "", 0, ""
		}
		if v.Count != 0 {
			s += fmt.Sprintf(", while the account has at most %d requests in %s", v.Count, span(v.Seconds))
			left.Seconds, left.Count = 0, 0
		}
		s, rest.Velocity = s+unsaid(left), nil
	}
	return s + unsaid(rest)
}

// plural names the requests of a kind.
func plural(kind string) string {
	switch kind {
	case intent.KindBuy:
		return "purchases"
	case intent.KindTransfer:
		return "transfers"
	case intent.KindReplace:
		return "replacements of transfers"
	case intent.KindMessage:
		return "messages that the account signs"
	}
	return fmt.Sprintf("requests of the kind %s", kind)
}

// thumbprint names a key, and the curve that it is on.
func thumbprint(k jwk.Key) string {
	key, err := jws.FromJWK(k)
	if err != nil {
		return "a key that is not on its curve"
	}
	return key.Thumbprint() + " (" + key.Curve() + ")"
}
