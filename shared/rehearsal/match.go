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
	// odd: it has a condition that is not looked into.
	odd bool
}

// known reports whether this version knows what a kind of intent has.
func known(kind string) bool { return kind == intent.KindBuy || sends(kind) || kind == message }

// message is the kind of requests that have no amount, no asset and no address. What is signed
// may give away any amount of each asset.
const message = intent.KindMessage

// sends reports whether requests of a kind send something, so that they have an address.
func sends(kind string) bool { return kind == intent.KindTransfer || kind == intent.KindReplace }

// spends is the dimension of what a kind counts its amounts in.
func spends(kind string) dimension {
	if sends(kind) { // what moves an asset spends the asset, or the coin of its fee
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
	case intent.KindTransfer, intent.KindReplace:
		r[byAddress], r[byProvider] = except(""), only("")
	case message:
		r[byAddress], r[byProvider] = only(""), only("")
	}
	return r
}

// matches says what of a kind a rule of an account matches.
func matches(v Vault, a Account, rule governance.Rule, kind string) match {
	m := matching{match: match{region: everything(kind), sure: true}, vault: v, account: a, kind: kind, rule: rule}
	if !rule.For(kind) {
		m.narrow(byAmount, amounts(nil))
	}
	for _, c := range rule.When {
		switch {
		case c.Amount != nil && !foreign(*c.Amount, "Currency", "Min", "Max"):
			m.amount(*c.Amount)
		case c.Whitelist != nil && !foreign(*c.Whitelist, "Whitelist", "Providers"):
			m.whitelist(*c.Whitelist)
		case c.Recipient != nil && !foreign(*c.Recipient, "Children", "Accounts"):
			m.recipient(*c.Recipient)
		case c.Window != nil && !foreign(*c.Window, "Days", "From", "To", "Business"):
			m.window(*c.Window, a.Rules.Holidays)
		case c.Filter != nil && !foreign(*c.Filter, "Kinds", "Assets"):
			switch {
			case len(c.Filter.Assets) == 0:
			case kind == message:
				m.narrow(byAmount, amounts(nil))
			default:
				m.narrow(byAsset, only(c.Filter.Assets...))
			}
		case c.Velocity != nil && !foreign(*c.Velocity, "Currency", "Seconds", "Max", "Count"):
			m.velocity(*c.Velocity)
		default: // in another zone, say
			m.unsure()
		}
	}
	return m.match
}

// matching is a match while the conditions of its rule are looked at.
type matching struct {
	match
	vault   Vault
	account Account
	kind    string
	rule    governance.Rule
}

func (m *matching) narrow(d dimension, v values) { m.region[d] = m.region[d].and(v) }

func (m *matching) unsure() { m.sure, m.odd = false, true }

// counted narrows to what is counted in a unit; false: amounts in it are not looked into.
func (m *matching) counted(unit string) bool {
	switch valued := isCurrency(unit) && m.rule.RateWithin != 0; {
	case !known(m.kind), sends(m.kind) && valued: // it may have no amount, or a recorded value
		m.unsure()
		return false
	case m.kind == message, isCurrency(unit) == sends(m.kind): // what is spent in another unit never matches
		m.narrow(byAmount, amounts(nil))
	default:
		m.narrow(spends(m.kind), only(unit))
	}
	return true
}

func (m *matching) amount(a governance.Amount) {
	if m.counted(a.Currency) {
		m.narrow(byAmount, between(a.Min, a.Max))
	}
}

func (m *matching) velocity(v governance.Velocity) {
	odd := m.odd
	if v.Count == 0 && m.counted(v.Currency) && !m.rule.Deny { // what is not known denies
		m.narrow(byAmount, between("", v.Max))
	}
	m.sure, m.odd = false, odd // it depends on what was spent before
}

func (m *matching) whitelist(w governance.Whitelist) {
	if w.Whitelist != "" {
		var all []string
		for _, l := range m.vault.Whitelists {
			if l.Whitelist == w.Whitelist {
				for _, e := range l.Entries {
					all = append(all, listed(e.Chain, e.Address))
				}
			}
		}
		m.narrow(byAddress, only(all...))
	}
	if len(w.Providers) > 0 {
		m.narrow(byProvider, only(w.Providers...))
	}
}

func (m *matching) recipient(r governance.Recipient) {
	var all []string
	for _, a := range m.vault.Accounts {
		if r.Children && a.Parent == m.account.Account || slices.Contains(r.Accounts, a.Account) {
			all = append(all, a.receives())
		}
	}
	m.narrow(byAddress, only(all...))
}

func (m *matching) window(w governance.Window, holidays []string) {
	if w.Business && len(w.Days) == 0 {
		w.Days = days[1:6]
	}
	if m.narrow(byTime, window(w)); w.Business && len(holidays) > 0 {
		m.unsure()
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

// listed is an address on a chain as the dimension has it.
func listed(chain, address string) string { return address + " on " + chain }

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

func reaches(v Vault, a Account, kind string) reach {
	r := reach{kind: kind}
	var taken []region
	for _, rule := range a.Rules.Rules {
		m := matches(v, a, rule, kind)
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
