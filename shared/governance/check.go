package governance

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"countersign/shared/fault"
	"countersign/shared/field"
	"countersign/shared/name"
	"countersign/shared/strictjson"
)

// Limits of a set.
const (
	MaxSize    = 64 << 10 // bytes of its JSON
	maxRules   = 32
	maxMembers = 64
	maxSteps   = 8
	maxAny     = 4   // alternatives of a step
	maxWays    = 64  // to choose among the alternatives of all steps
	maxValues  = 256 // in one condition
	maxWithin  = 90 * 24 * 3600
	maxRate    = 24 * 3600
	maxCount   = 1_000_000
	maxZone    = 64 // characters
	minUse     = 60
	maxSeconds = 366 * 24 * 3600
)

// Decode reads a set in canonical JSON and checks it, as [Set.Check] does. It fails
// with INVALID_REQUEST.
func Decode(data []byte, o Objects) (Set, error) {
	var s Set
	if err := strictjson.UnmarshalCanonical(data, &s, MaxSize); err != nil {
		return Set{}, err
	}
	return s, s.Check(o)
}

func (s Set) canonical() []byte {
	b, err := strictjson.Canonical(s)
	if err != nil {
		panic(err) // strings, integers and booleans always have a form
	}
	return b
}

// Check reports the first mistake in a set: INVALID_REQUEST, details field. o are the
// members, groups, whitelists and accounts that exist.
func (s Set) Check(o Objects) error {
	if s.Version < 1 {
		return mistake("version", "is not a version, which count from 1")
	}
	if len(s.Rules) > maxRules || len(s.Rules) == 0 {
		return mistake("rules", "must be 1 to 32")
	}
	if err := holidaysOK(s.Holidays); err != nil {
		return err
	}
	rules := names{}
	for _, r := range s.Rules {
		at := "rules." + clip(r.Name)
		if err := rules.add(r.Name, at); err != nil {
			return err
		}
		if err := o.checkRule(r, at); err != nil {
			return err
		}
	}
	return o.checkSource(s)
}

// checkSource checks who signs rates: a member who has no other say under the rules, so that
// nobody approves under a rule that they chose by a rate.
func (o Objects) checkSource(s Set) error {
	if s.RateSource == "" {
		return nil
	}
	if len(o.exist([]string{s.RateSource})) == 0 {
		return mistake("rate_source", "is not the id of a member who may approve")
	}
	for _, r := range s.Rules {
		says := reviewers(r.Steps)
		for _, step := range r.Steps {
			says = append(says, o.Electorate(step)...)
		}
		if c := r.Creation; c != nil {
			says = append(says, o.electorate(c.Members, c.Group)...)
		}
		if slices.Contains(says, s.RateSource) {
			return mistake("rate_source", fmt.Sprintf("also initiates, reviews or approves under rule %q", clip(r.Name)))
		}
	}
	return nil
}

func (o Objects) checkRule(r Rule, at string) error {
	if r.Within < 0 || r.Within > maxWithin {
		return mistake(at+".within", "is not 0 to 90 days in seconds")
	}
	if !UseOK(r.UseWithin) {
		return mistake(at+".use_within", "must be a minute to 90 days, in seconds")
	}
	if r.Deny && r.UseWithin != 0 {
		return mistake(at+".use_within", "has no meaning in a rule that denies")
	}
	if len(r.When) > maxValues {
		return mistake(at+".when", "has too many conditions")
	}
	if r.RateWithin < 0 || r.RateWithin > maxRate {
		return mistake(at+".rate_within", "is not 1 second to a day, in seconds")
	}
	for i, c := range r.When {
		at := fmt.Sprintf("%s.when.%d", at, i)
		if err := c.check(at); err != nil {
			return err
		}
		if w := c.Whitelist; w != nil && w.Whitelist != "" && o.list(w.Whitelist) == nil {
			return mistake(at+".whitelist", "names no whitelist of the vault")
		}
		if c.Recipient == nil {
			continue
		}
		if id := o.stranger(*c.Recipient); id != "" {
			return mistake(at+".recipient", fmt.Sprintf("names %q, which is not an account of the vault", clip(id)))
		}
	}
	if r.Deny != (len(r.Steps) == 0) || len(r.Steps) > maxSteps {
		return mistake(at+".steps", "must be 1 to 8, or none in a rule that denies")
	}
	if r.Creation != nil {
		if r.Deny {
			return mistake(at+".creation", "has no meaning in a rule that denies")
		}
		if err := o.checkElectorate(r.Creation.Members, r.Creation.Group, at+".creation"); err != nil {
			return err
		}
	}
	steps, programs := names{}, reviewers(r.Steps)
	for _, step := range r.Steps {
		at := at + ".steps." + clip(step.Name)
		if slices.ContainsFunc(o.Electorate(step), func(id string) bool { return slices.Contains(programs, id) }) {
			return mistake(at, "counts a reviewer of the rule among those who approve")
		}
		if err := steps.add(step.Name, at); err != nil {
			return err
		}
		if err := o.checkStep(step, at); err != nil {
			return err
		}
	}
	return r.checkDelays(at)
}

// checkStep checks a step alone: what it is, and its quorums.
func (o Objects) checkStep(s Step, at string) error {
	persons := s.Quorum != 0 || len(s.Members) > 0 || s.Group != ""
	switch {
	case s.Delay != 0 && (persons || len(s.Any) > 0 || s.Reviewer != "" || s.ExcludeInitiator):
		return mistake(at+".delay", "is of a step of its own, which has nothing else")
	case s.Delay != 0 && (s.Delay < minUse || s.Delay > maxWithin):
		return mistake(at+".delay", "must be a minute to 90 days, in seconds")
	case len(s.Any) > 0 && (persons || len(s.Any) == 1 || len(s.Any) > maxAny):
		return mistake(at+".any", "must be 2 to 4 alternatives, in a step without a quorum of its own")
	case s.Reviewer != "" && len(o.exist([]string{s.Reviewer})) == 0:
		return mistake(at+".reviewer", "is not the id of a member who may approve")
	case s.Delay != 0 || s.Reviewer != "" && !persons && len(s.Any) == 0:
		return nil
	case len(s.Any) == 0:
		return o.checkQuorum(Quorum{s.Quorum, s.Members, s.Group}, at)
	}
	for i, q := range s.Any {
		if err := o.checkQuorum(q, at+".any."+strconv.Itoa(i)); err != nil {
			return err
		}
	}
	return nil
}

func (o Objects) checkQuorum(q Quorum, at string) error {
	if err := o.checkElectorate(q.Members, q.Group, at); err != nil {
		return err
	}
	if n := len(o.electorate(q.Members, q.Group)); q.Quorum < 1 || q.Quorum > n {
		return mistake(at+".quorum", fmt.Sprintf("must be 1 to %d, the number of members who may approve", n))
	}
	return nil
}

// checkDelays checks the steps together: time alone approves nothing, what comes after a
// delay can be reached before the request ends, and the alternatives can all be tried.
func (r Rule) checkDelays(at string) error {
	delays, ways := int64(0), 1
	for i, s := range r.Steps {
		switch {
		case s.Delay != 0 && i == 0:
			return mistake(at+".steps", "must not begin with a delay")
		case s.Delay != 0:
			delays += s.Delay
		case delays >= cmp.Or(r.Within, int64(DefaultWithin/time.Second)):
			return mistake(at+".steps."+clip(s.Name), "comes when the request has ended, after the delays before it")
		}
		if ways *= max(1, len(s.Any)); ways > maxWays {
			return mistake(at+".steps", "have more than 64 ways to choose among their alternatives")
		}
	}
	return nil
}

// UseOK reports whether seconds is a time that an approval can be used for; 0
// stands for the default.
func UseOK(seconds int64) bool { return seconds == 0 || seconds >= minUse && seconds <= maxWithin }

// checkElectorate checks the members and the group that a step names.
func (o Objects) checkElectorate(ids []string, group, at string) error {
	if group != "" && o.group(group) == nil {
		return mistake(at+".group", "names no group of the vault")
	}
	if group == "" || len(ids) > 0 {
		return o.membersOK(ids, at+".members")
	}
	return nil
}

// electorate is everybody a step names, once each, in the order of the rules.
func (o Objects) electorate(ids []string, group string) []string {
	all := slices.Clone(ids)
	if g := o.group(group); g != nil {
		for _, m := range g.Members {
			if !slices.Contains(all, m) {
				all = append(all, m)
			}
		}
	}
	return all
}

// Electorate are the members whom a step of a rule names, by id or through its group, in
// the order of the rules.
func (o Objects) Electorate(s Step) (all []string) {
	for _, q := range s.Quorums() {
		for _, id := range o.electorate(q.Members, q.Group) {
			if !slices.Contains(all, id) {
				all = append(all, id)
			}
		}
	}
	return all
}

// CheckGroup reports the first mistake in a group: INVALID_REQUEST, details field.
func (o Objects) CheckGroup(g Group) error {
	if why := name.Problem(g.Name); why != "" {
		return mistake("name", why)
	}
	return o.membersOK(g.Members, "members")
}

// MaxEntries is how many addresses a whitelist has at most: as many as a person reads in
// a prompt.
const MaxEntries = 32

// Check reports the first mistake in a whitelist: INVALID_REQUEST, details field. Whether
// an address can receive is not asked here.
func (l List) Check() error {
	if why := name.Problem(l.Name); why != "" {
		return mistake("name", why)
	}
	if p := EntriesProblem(l.Entries); p != nil {
		p = p.At("entries")
		return mistake(p.Field, p.Why)
	}
	return nil
}

// EntriesProblem is the first mistake in the entries of a whitelist; nil: there is none.
func EntriesProblem(all []Entry) *field.Problem {
	var c field.Checks
	c.That(len(all) >= 1 && len(all) <= MaxEntries, "", "must be 1 to 32 addresses")
	for i, e := range all {
		at := strconv.Itoa(i) + "."
		c.Address(e.Address, at+"address")
		c.Chain(e.Chain, at+"chain")
		c.Name(e.Label, at+"label")
		c.That(!List{Entries: all[:i]}.holds(e.Chain, e.Address), at+"address", "is listed twice")
	}
	return c.Problem
}

func (o Objects) group(id string) *Group {
	for i := range o.Groups {
		if o.Groups[i].Group == id {
			return &o.Groups[i]
		}
	}
	return nil
}

func (o Objects) list(id string) *List {
	for i := range o.Lists {
		if o.Lists[i].Whitelist == id {
			return &o.Lists[i]
		}
	}
	return nil
}

// holds reports whether a list has an address on a chain.
func (l List) holds(chain, address string) bool {
	return slices.ContainsFunc(l.Entries, func(e Entry) bool { return e.Chain == chain && e.Address == address })
}

func (o Objects) membersOK(ids []string, at string) error {
	if len(ids) == 0 || len(ids) > maxMembers {
		return mistake(at, "must be 1 to 64 members")
	}
	seen := map[string]bool{}
	for _, m := range ids {
		if seen[m] {
			return mistake(at, fmt.Sprintf("lists %q twice", clip(m)))
		}
		if !slices.ContainsFunc(o.Members, func(known Member) bool { return known.ID == m }) {
			return mistake(at, fmt.Sprintf("lists %q, who is not a member", clip(m)))
		}
		seen[m] = true
	}
	return nil
}

// names checks the names of one kind of thing, each of which is there once.
type names map[string]bool

func (seen names) add(s, at string) error {
	if why := name.Problem(s); why != "" {
		return mistake(at, "is called "+strconv.QuoteToASCII(clip(s))+", which "+why)
	}
	if seen[s] {
		return mistake(at, "shares its name with another")
	}
	seen[s] = true
	return nil
}

func clip(s string) string {
	if r := []rune(s); len(r) > name.MaxCharacters {
		return string(r[:name.MaxCharacters]) + "…"
	}
	return s
}

func mistake(field, why string) error {
	return fault.New(fault.Invalid, "the rules are not valid: "+field+" "+why).With("field", field)
}
