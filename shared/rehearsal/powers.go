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
)

// Limits of what is said about who can.
const (
	maxTogether = 3  // members who move something together
	maxListed   = 12 // sets of members in one finding
)

// powers finds who can move what in a day: the smallest sets of at most maxTogether
// members under each rule, and what each can do with all rules that it meets.
func (r *rules) powers() (all []Finding) {
	sets := make([][][]string, len(r.can)) // the smallest for each rule
	for i, rule := range r.account.Rules.Rules {
		if r.can[i] && r.governs(i) {
			sets[i] = r.smallest(rule)
		}
	}
	for _, k := range r.reach {
		var each []Finding // unit
		for _, unit := range k.units(r.can) {
			some := r.power(k, unit, sets)
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

// smallest are the sets of members who can approve under a rule and of whom each is
// needed, by id; one that is empty: nobody has to.
func (r *rules) smallest(rule governance.Rule) (all [][]string) {
	var may []governance.Member
	for _, m := range r.objects.Members { // whoever makes no difference is left out
		if r.named(rule, m.ID) {
			may = append(may, m)
		}
	}
	var try func(from int, with []governance.Member, size int)
	try = func(from int, with []governance.Member, size int) {
		if len(with) == size {
			ids := make([]string, 0, size)
			for _, m := range with {
				ids = append(ids, m.ID)
			}
			if !slices.ContainsFunc(all, func(s []string) bool { return within(s, ids) }) && approvable(rule, governance.Objects{Members: with, Groups: r.vault.Groups, Lists: r.vault.Whitelists}) {
				all = append(all, ids)
			}
			return
		}
		for i := from; i < len(may); i++ {
			try(i+1, append(slices.Clip(with), may[i]), size)
		}
	}
	needed := 0 // each approval is another member's
	for _, s := range rule.Steps {
		if needed += s.Quorum; foreign(s, "Name", "Quorum", "Members", "Group", "ExcludeInitiator") {
			needed = 0
			break
		}
	}
	for size := needed; size <= maxTogether; size++ {
		try(0, nil, size)
	}
	return all
}

// named reports whether a rule may count a member: one whose steps this version does not
// know may count anybody.
func (r *rules) named(rule governance.Rule, member string) bool {
	steps := slices.Clone(rule.Steps)
	if c := rule.Creation; c != nil {
		steps = append(steps, governance.Step{Members: c.Members, Group: c.Group})
	}
	return slices.ContainsFunc(steps, func(s governance.Step) bool {
		return foreign(s, "Name", "Quorum", "Members", "Group", "ExcludeInitiator") || slices.Contains(r.electorate(s), member)
	})
}

// within reports whether all of a are in b.
func within(a, b []string) bool {
	return !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) })
}

// units are what the rules that can be approved under count amounts in: empty for each
// unit that they do not name.
func (k reach) units(can []bool) (all []string) {
	for i, pieces := range k.governs {
		for _, p := range pieces {
			w := p[spends(k.kind)].(words)
			list := w.list
			if w.not {
				list = []string{""}
			}
			for _, s := range list {
				if can[i] && !slices.Contains(all, s) {
					all = append(all, s)
				}
			}
		}
	}
	slices.Sort(all)
	return all
}

// way is what a rule lets be moved in one unit.
type way struct {
	rule    int
	request amount.Amount // the most in one request
	limited bool          // there is such a most
	day     *governance.Velocity
	listed  int // addresses, providers; 0: others too
}

// way says what rule i lets be moved in a unit; false: nothing.
func (r *rules) way(k reach, i int, unit string) (w way, ok bool) {
	w = way{rule: i, limited: true}
	dim := byAddress
	if k.kind == intent.KindBuy {
		dim = byProvider
	}
	for _, p := range k.governs[i] {
		in := p[spends(k.kind)].(words)
		if unit == "" && !in.not || unit != "" && !in.has(unit) {
			continue
		}
		if to := p[dim].(words); to.not {
			w.listed = -1
		} else if w.listed >= 0 {
			w.listed = max(w.listed, len(to.list))
		}
		most, limited := p[byAmount].(amounts).most()
		if w.limited = w.limited && limited; w.limited && most.Cmp(w.request) > 0 {
			w.request = most
		}
		ok = true
	}
	for _, c := range r.account.Rules.Rules[i].When {
		v := c.Velocity
		if v == nil || v.Count == 0 && v.Currency != unit || foreign(*v, "Currency", "Seconds", "Max", "Count") {
			continue
		}
		if w.day == nil || r.tighter(*v, *w.day) {
			w.day = v
		}
	}
	return w, ok
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
func (r *rules) power(k reach, unit string, sets [][][]string) (all []Finding) {
	var ways []way
	var who [][]string // each smallest set of these rules
	for i := range sets {
		w, ok := r.way(k, i, unit)
		if !ok || len(sets[i]) == 0 {
			continue
		}
		ways = append(ways, w)
		for _, s := range sets[i] {
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
			if slices.ContainsFunc(sets[w.rule], func(smallest []string) bool { return within(smallest, s) }) {
				used, f.Rules = append(used, w), append(f.Rules, r.account.Rules.Rules[w.rule].Name)
			}
		}
		listed := r.bound(&f, used)
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
			if r.joined(all, f, listed) {
				continue
			}
		}
		f.Text = r.sentence(f, listed)
		all = append(all, f)
	}
	return all
}

// bound sets the most that ways let be moved together, and returns how many addresses or
// providers it may go to; below 1: others too.
func (r *rules) bound(f *Finding, ways []way) (listed int) {
	request, limited, listed := amount.Amount{}, true, 0
	for _, w := range ways {
		if limited = limited && w.limited; w.request.Cmp(request) > 0 {
			request = w.request
		}
		if listed = max(listed, w.listed); w.listed < 1 {
			listed = 1 << 30
		}
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
	if listed >= 1<<30 {
		return 0
	}
	return listed
}

// joined adds a set of members to the finding that says the same of others.
func (r *rules) joined(all []Finding, f Finding, listed int) bool {
	for i := range all {
		o := &all[i]
		if o.Code != MovesTogether || len(o.Together[0]) != len(f.Together[0]) || !slices.Equal(o.Rules, f.Rules) {
			continue
		}
		if len(o.Together) < maxListed {
			o.Together = append(o.Together, f.Together[0])
		} else {
			o.More++
		}
		o.Text = r.sentence(*o, listed)
		return true
	}
	return false
}

// sentence says who can move what. Its verb is "can move", which stands there once.
func (r *rules) sentence(f Finding, listed int) string {
	who := "the vault by itself, without any approval,"
	switch {
	case len(f.Members) == 1:
		who = r.vault.names(f.Members, "") + " alone"
	case len(f.Together) > 0:
		var each []string
		for _, s := range f.Together {
			each = append(each, r.vault.names(s, "and"))
		}
		if f.More > 0 {
			each = append(each, count(f.More, "other set")+" of members")
		}
		who = strings.Join(each, ", or ") + " together"
	}
	text := fmt.Sprintf("%s can move %s in %s of %s", who, f.inDay(), plural(f.Kind), r.in())
	if f.Request != "" && f.Request != f.Day {
		text += ", at most " + thousands(f.Request) + " in one request"
	}
	if listed > 0 && f.Kind == intent.KindTransfer {
		text += ", to listed addresses only"
	}
	return text
}

// inDay says what can be moved in a day.
func (f Finding) inDay() string {
	switch {
	case f.Currency == "" && f.Kind == intent.KindTransfer:
		return "any amount of each asset a day"
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
