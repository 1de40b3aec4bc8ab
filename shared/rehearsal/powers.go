package rehearsal

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/shared/amount"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/name"
)

// Limits of what is said about who can.
const (
	maxTogether = 3  // members who move something together
	maxListed   = 12 // sets of members in one finding
	maxSaid     = 4  // of them in its sentence
	maxSets     = 64 // sets of members that are told apart under one rule
)

// powers finds who can move what in a day: the smallest sets of at most maxTogether
// members under each rule, and what each can do with all rules that it meets.
func (r *rules) powers() (all []Finding) {
	who := make([]sets, len(r.can)) // the smallest for each rule
	known := map[string]sets{}      // by what a rule asks for
	for i, rule := range r.account.Rules.Rules {
		if r.can[i] && r.governs(i) {
			asks := digest(governance.Rule{Creation: rule.Creation, Steps: rule.Steps})
			if _, asked := known[asks]; !asked {
				known[asks] = r.smallest(rule)
			}
			who[i] = known[asks]
		}
	}
	for _, k := range r.reach {
		var each []Finding // unit
		for _, unit := range r.units(k) {
			some := r.power(k, unit, who)
			if unit == "" {
				each = some
			}
			for _, f := range some {
				if unit == "" || !slices.ContainsFunc(each, func(o Finding) bool { return o.covers(f) }) {
					all = append(all, f)
				}
			}
		}
	}
	return all
}

// covers reports whether what is said of each unit says as much of one.
func (f Finding) covers(one Finding) bool {
	one.Currency, one.Text, f.Text, one.Rules, f.Rules = "", "", "", nil, nil
	return f.Day == "" && f.Request == "" && f.key() == one.key()
}

// units are what the rules that can be approved under count amounts in: empty for each
// unit that they do not name.
func (r *rules) units(k reach) (all []string) {
	add := func(list ...string) {
		for _, s := range list {
			if !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	for i, pieces := range k.governs {
		worth := r.worth(k, i)
		for _, p := range pieces {
			switch w := p[spends(k.kind)].(words); {
			case !r.can[i]:
			case worth != "":
				add(worth)
			case w.not:
				add("")
			default:
				add(w.list...)
			}
		}
	}
	slices.Sort(all)
	return all
}

// worth is the currency in which a rule counts what assets are worth; empty: it counts
// the assets.
func (r *rules) worth(k reach, i int) string {
	rule := r.account.Rules.Rules[i]
	if !sends(k.kind) || rule.RateWithin == 0 {
		return ""
	}
	for _, c := range rule.When {
		switch {
		case c.Amount != nil && isCurrency(c.Amount.Currency):
			return c.Amount.Currency
		case c.Velocity != nil && isCurrency(c.Velocity.Currency):
			return c.Velocity.Currency
		}
	}
	return ""
}

// way is what a rule lets be moved in one unit.
type way struct {
	rule    int
	request amount.Amount // the most in one request
	limited bool          // there is such a most
	day     *governance.Velocity
	to      []string // addresses that it may go to
	other   bool     // to others too
}

// way says what rule i lets be moved in a unit; false: nothing.
func (r *rules) way(k reach, i int, unit string) (w way, ok bool) {
	w = way{rule: i, limited: true}
	worth := r.worth(k, i)
	for _, p := range k.governs[i] {
		switch in := p[spends(k.kind)].(words); {
		case worth != "" || sends(k.kind) && isCurrency(unit):
			if worth != unit {
				continue
			}
		case unit == "" && !in.not, unit != "" && !in.has(unit):
			continue
		}
		to := p[byAddress].(words)
		w.to, w.other = append(w.to, to.list...), w.other || to.not
		most, limited := p[byAmount].(amounts).most()
		if w.limited = w.limited && limited; w.limited && most.Cmp(w.request) > 0 {
			w.request = most
		}
		ok = true
	}
	for _, c := range r.account.Rules.Rules[i].When {
		if a := c.Amount; a != nil && worth != "" && a.Currency == worth && a.Max != "" {
			w.least(a.Max)
		}
		v := c.Velocity
		if v != nil && worth != "" && v.Currency == worth {
			w.least(v.Max)
		}
		if v == nil || v.Count == 0 && v.Currency != unit || foreign(*v, "Currency", "Seconds", "Max", "Count") {
			continue
		}
		if w.day == nil || r.tighter(*v, *w.day) {
			w.day = v
		}
	}
	return w, ok
}

// least limits one request.
func (w *way) least(max string) {
	if most := amount.Must(max); !w.limited || most.Cmp(w.request) < 0 {
		w.request, w.limited = most, true
	}
}

// tighter reports whether a velocity of a rule lets less be moved in a day than another:
// one of an amount rather than one of a count.
func (r *rules) tighter(v, than governance.Velocity) bool {
	if (v.Count == 0) != (than.Count == 0) {
		return v.Count == 0
	}
	most := func(v governance.Velocity) amount.Amount {
		if v.Count != 0 {
			v.Max = strconv.Itoa(v.Count)
		}
		return amount.Must(maxInDay(v.Max, r.counted(v)))
	}
	return most(v).Cmp(most(than)) < 0
}

// counted is for how long what is approved counts in a window at least, in seconds: until
// its approval ends, too.
func (r *rules) counted(v governance.Velocity) int64 {
	use := int64(governance.DefaultUse / time.Second)
	for _, rule := range r.account.Rules.Rules {
		if !rule.Deny {
			use = min(use, int64(governance.Use(rule.UseWithin)/time.Second))
		}
	}
	return max(v.Seconds, use)
}

// maxInDay is the most that can be approved in 24 hours in which each amount counts for so
// many seconds: max in each of as few times of that length as they are.
func maxInDay(max string, counted int64) string {
	const day = 24 * 3600
	most, total := amount.Must(max), amount.Amount{}
	for range (day + counted - 1) / counted {
		total = total.Add(most)
	}
	return total.Trim().String()
}

// power is what each set of members can move of one unit.
func (r *rules) power(k reach, unit string, smallest []sets) (all []Finding) {
	var ways []way
	var who [][]string // each smallest set of these rules
	for i := range smallest {
		w, ok := r.way(k, i, unit)
		if !ok || len(smallest[i].all) == 0 {
			continue
		}
		ways = append(ways, w)
		for _, s := range smallest[i].all {
			if !slices.ContainsFunc(who, func(o []string) bool { return slices.Equal(o, s) }) {
				who = append(who, s)
			}
		}
	}
	slices.SortFunc(who, func(a, b []string) int { return cmp.Or(len(a)-len(b), slices.Compare(a, b)) })
	for _, s := range who {
		f := Finding{Account: r.account.Account, Kind: k.kind, Currency: unit, Severity: Note}
		var used []way
		for _, w := range ways {
			if slices.ContainsFunc(smallest[w.rule].all, func(o []string) bool { return within(o, s) }) {
				rule := r.account.Rules.Rules[w.rule]
				used, f.Rules = append(used, w), append(f.Rules, rule.Name)
				for _, step := range rule.Steps {
					if step.Reviewer != "" && !slices.Contains(f.Reviewers, step.Reviewer) {
						f.Reviewers = append(f.Reviewers, step.Reviewer)
					}
				}
			}
		}
		for _, w := range used {
			if len(s) > 1 && slices.Equal(smallest[w.rule].all[len(smallest[w.rule].all)-1], s) {
				f.More = max(f.More, smallest[w.rule].more)
			}
		}
		to := r.bound(&f, used)
		switch len(s) {
		case 0:
			f.Code, f.Severity = MovesItself, Alert
		case 1:
			f.Code, f.Members, f.Severity = MovesAlone, s, Warning
			if f.Day == "" {
				f.Severity = Alert
			}
		default:
			f.Code, f.Together = MovesTogether, [][]string{s}
			if r.joined(all, f, to) {
				continue
			}
		}
		f.Text = r.sentence(f, to)
		all = append(all, f)
	}
	return all
}

// bound sets the most that ways let be moved together, and returns the addresses that it may
// go to; none: any.
func (r *rules) bound(f *Finding, ways []way) (to []string) {
	request, limited, other := amount.Amount{}, true, false
	for _, w := range ways {
		if limited = limited && w.limited; w.request.Cmp(request) > 0 {
			request = w.request
		}
		to, other = append(to, w.to...), other || w.other
	}
	if limited {
		f.Request = request.Trim().String()
	}
	day, counted, daily := amount.Amount{}, int64(0), len(ways) > 0
	for _, w := range ways {
		if w.day == nil || w.day.Count != 0 && !limited {
			daily = false
			break
		}
		most := request.Mul(amount.Must(strconv.Itoa(w.day.Count)))
		if w.day.Count == 0 {
			most = amount.Must(w.day.Max)
		}
		if most.Cmp(day) > 0 {
			day = most
		}
		if c := r.counted(*w.day); counted == 0 || c < counted {
			counted = c
		}
	}
	if daily {
		f.Day = maxInDay(day.String(), counted)
	}
	if other {
		return nil
	}
	return to
}

// joined adds a set of members to the finding that says the same of others.
func (r *rules) joined(all []Finding, f Finding, to []string) bool {
	for i := range all {
		o := &all[i]
		if o.Code != MovesTogether || len(o.Together[0]) != len(f.Together[0]) || !slices.Equal(o.Rules, f.Rules) || !slices.Equal(o.Reviewers, f.Reviewers) {
			continue
		}
		if len(o.Together) < maxListed {
			o.Together = append(o.Together, f.Together[0])
		} else {
			o.More++
		}
		o.More += f.More
		o.Text = r.sentence(*o, to)
		return true
	}
	return false
}

// sentence says who can move what. Its verb is "can move", which stands there once.
func (r *rules) sentence(f Finding, to []string) string {
	who := "whoever asks, without the approval of any member,"
	switch {
	case len(f.Members) == 1:
		who = r.vault.names(f.Members, "") + " alone"
	case len(f.Together) > 0:
		var each []string
		for _, s := range f.Together[:min(maxSaid, len(f.Together))] {
			each = append(each, r.vault.names(s, "and"))
		}
		if more := f.More + len(f.Together) - len(each); more > 0 {
			each = append(each, count(more, "other set")+" of members")
		}
		who = strings.Join(each, ", or ") + " together"
	}
	what := plural(f.Kind)
	if f.Kind == intent.KindReplace { // which spends no more than that
		what = "fees of " + what
	}
	text := fmt.Sprintf("%s can move %s in %s of %s", who, f.inDay(), what, r.in())
	if f.Request != "" && f.Request != f.Day {
		text += ", at most " + thousands(f.Request) + " in one request"
	}
	if len(to) > 0 && sends(f.Kind) {
		text += ", to " + r.recipients(to) + " only"
	}
	if len(f.Reviewers) > 0 {
		text += ", as far as " + r.vault.names(f.Reviewers, "and") + " approves it"
	}
	return text
}

// recipients are addresses for people: the accounts whose own they are, when they all are
// accounts'.
func (r *rules) recipients(to []string) string {
	var names []string
	for _, word := range to {
		i := slices.IndexFunc(r.vault.Accounts, func(a Account) bool { return a.receives() == word })
		if i < 0 {
			return "listed addresses"
		}
		if of := name.Within(r.vault.Accounts[i].Name); !slices.Contains(names, of) {
			names = append(names, of)
		}
	}
	return join(names, "and")
}

// inDay says what can be moved in a day.
func (f Finding) inDay() string {
	switch {
	case f.Currency == "" && (sends(f.Kind) || f.Kind == message):
		return "any amount of each asset a day"
	case f.Day == "" && sends(f.Kind) && isCurrency(f.Currency):
		return "any amount of " + f.Currency + " in value a day"
	case sends(f.Kind) && isCurrency(f.Currency):
		return "up to " + thousands(f.Day) + " " + f.Currency + " in value a day"
	case f.Currency == "":
		return "any amount of each currency a day"
	case f.Day == "":
		return "any amount of " + f.Currency + " a day"
	}
	return "up to " + thousands(f.Day) + " " + f.Currency + " a day"
}

// most says what can be moved in a day and in one request.
func (f Finding) most() string {
	text := f.inDay()
	if f.Request != "" && f.Request != f.Day {
		text += ", at most " + thousands(f.Request) + " in one request"
	}
	return text
}

// replaces reports whether two findings say of the same members what they can move.
func (f Finding) replaces(old Finding) bool {
	return (f.Code == MovesAlone || f.Code == MovesTogether) && f.Code == old.Code && f.Account == old.Account && f.Kind == old.Kind &&
		f.Currency == old.Currency && slices.Equal(f.Members, old.Members) && slices.EqualFunc(f.Together, old.Together, slices.Equal)
}
