package rehearsal

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"countersign/shared/governance"
	"countersign/shared/intent"
)

// match says which requests of one kind a rule matches.
type match struct {
	region // outside of it, the rule never matches
	// sure: inside of it, the rule always matches, whatever was spent before.
	sure bool
}

// known reports whether this version knows what a kind of intent has.
func known(kind string) bool { return kind == intent.KindBuy || kind == intent.KindTransfer }

// spends is the dimension of what a kind counts its amounts in.
func spends(kind string) dimension {
	if kind == intent.KindTransfer { // what moves an asset spends the asset
		return byAsset
	}
	return byCurrency
}

// everything is each request of a kind.
func everything(kind string) region {
	r := region{anyWord(), anyWord(), anyAmount(), anyWord(), anyWord(), anyTime()}
	switch kind {
	case intent.KindBuy:
		r[byAddress], r[byProvider] = only(""), except("")
	case intent.KindTransfer:
		r[byAddress], r[byProvider] = except(""), only("")
	}
	return r
}

// matches says what of a kind a rule matches.
func matches(rule governance.Rule, kind string, lists []governance.List) match {
	m := match{region: everything(kind), sure: true}
	if !rule.For(kind) {
		m.region[byAmount] = amounts(nil)
	}
	for _, c := range rule.When {
		m.meet(c, kind, lists)
	}
	return m
}

// meet takes a condition that must match as well.
func (m *match) meet(c governance.Condition, kind string, lists []governance.List) {
	narrow := func(d dimension, v values) { m.region[d] = m.region[d].and(v) }
	unit := func(currency string) {
		if kind == intent.KindBuy && !isCurrency(currency) {
			narrow(byCurrency, only())
			return
		}
		narrow(spends(kind), only(currency))
		m.sure = m.sure && known(kind) // another kind may have no amount
	}
	// An amount in a currency is, of what moves an asset, that of its value: one that is
	// not recorded does not match.
	valued := func(currency string) bool { return kind != intent.KindBuy && isCurrency(currency) }
	some := 0
	if a := c.Amount; a != nil {
		some++
		if m.sure = m.sure && !valued(a.Currency) && !foreign(*a, "Currency", "Min", "Max"); !valued(a.Currency) {
			unit(a.Currency)
			narrow(byAmount, between(a.Min, a.Max))
		}
	}
	if w := c.Whitelist; w != nil {
		some++
		if w.Whitelist != "" {
			narrow(byAddress, only(listed(w.Whitelist, lists)...))
		}
		if len(w.Providers) > 0 {
			narrow(byProvider, only(w.Providers...))
		}
		m.sure = m.sure && !foreign(*w, "Whitelist", "Providers")
	}
	if w := c.Window; w != nil {
		some++
		if foreign(*w, "Days", "From", "To") {
			m.sure = false // in another zone, say
		} else {
			narrow(byTime, window(*w))
		}
	}
	if f := c.Filter; f != nil {
		some++
		if len(f.Assets) > 0 {
			narrow(byAsset, only(f.Assets...))
		}
		m.sure = m.sure && !foreign(*f, "Kinds", "Assets")
	}
	if v := c.Velocity; v != nil {
		some++
		m.sure = false // it depends on what was spent before
		if !valued(v.Currency) && !foreign(*v, "Currency", "Seconds", "Max") {
			unit(v.Currency)
			narrow(byAmount, between("", v.Max))
		}
	}
	if some == 0 {
		m.sure = false
	}
}

// foreign reports whether a condition has something beside the fields that are known
// here: it may then match or not.
func foreign(condition any, fields ...string) bool {
	v := reflect.ValueOf(condition)
	for i := range v.NumField() {
		if !slices.Contains(fields, v.Type().Field(i).Name) && !v.Field(i).IsZero() {
			return true
		}
	}
	return false
}

// listed are the addresses of a whitelist as the dimension has them.
func listed(id string, lists []governance.List) (all []string) {
	for _, l := range lists {
		if l.Whitelist == id {
			for _, e := range l.Entries {
				all = append(all, e.Address+" on "+e.Chain)
			}
		}
	}
	return all
}

func isCurrency(unit string) bool { return strings.ToUpper(unit) == unit && len(unit) == 3 }

var days = [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} // as time.Weekday counts

func window(w governance.Window) (t times) {
	from, to := minute(w.From), minute(w.To)
	for day := range weekdays {
		if len(w.Days) == 0 || slices.Contains(w.Days, days[day]) {
			t.add(day, from, to)
		}
	}
	return t
}

// minute expects a time that governance accepted.
func minute(s string) int {
	h, m, _ := strings.Cut(s, ":")
	hours, _ := strconv.Atoi(h)
	minutes, _ := strconv.Atoi(m)
	return hours*60 + minutes
}

// kinds are the kinds of intents that an account's rules are asked about: those that this
// version knows, and others that the rules name.
func kinds(set governance.Set) []string {
	all := []string{intent.KindBuy, intent.KindTransfer}
	for _, r := range set.Rules {
		for _, c := range r.When {
			if c.Filter == nil {
				continue
			}
			for _, k := range c.Filter.Kinds {
				if !slices.Contains(all, k) {
					all = append(all, k)
				}
			}
		}
	}
	return all
}

// reach is what each rule of a set governs of one kind, at most: what it may match, and no
// rule before it surely does.
type reach struct {
	kind    string
	match   []match
	governs [][]region
}

func reaches(set governance.Set, kind string, lists []governance.List) reach {
	r := reach{kind: kind}
	var taken []region
	for _, rule := range set.Rules {
		m := matches(rule, kind, lists)
		r.match = append(r.match, m)
		var left []region
		if !m.empty() {
			left = without([]region{m.region}, taken)
		}
		r.governs = append(r.governs, left)
		if m.sure && !m.empty() {
			taken = append(taken, m.region)
		}
	}
	return r
}
