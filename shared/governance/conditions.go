package governance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/shared/field"
)

// Condition is exactly one of its members.
type Condition struct {
	Amount    *Amount    `json:"amount,omitempty"`
	Whitelist *Whitelist `json:"whitelist,omitempty"`
	Recipient *Recipient `json:"recipient,omitempty"`
	Window    *Window    `json:"window,omitempty"`
	Filter    *Filter    `json:"filter,omitempty"`
	Velocity  *Velocity  `json:"velocity,omitempty"`
}

// Amount matches when the intent spends between Min and Max, both included, of
// Currency. An asset also matches by its recorded [Value] in Currency, where the rule
// says how old the rate may be. What is spent in another unit never matches.
type Amount struct {
	Currency string `json:"currency"`      // ISO 4217, or the LedgerId of an asset
	Min      string `json:"min,omitempty"` // decimal; absent: no lower bound
	Max      string `json:"max,omitempty"` // decimal; absent: no upper bound
}

// Whitelist matches when the intent's address is in a whitelist of the vault, for its
// chain, and its provider is listed; what is absent allows every value.
type Whitelist struct {
	Whitelist string   `json:"whitelist,omitempty"` // wls_…
	Providers []string `json:"providers,omitempty"`
}

// Window matches inside the hours [From, To) of the days, in Zone.
type Window struct {
	Days     []string `json:"days,omitempty"`     // mon … sun; absent: every day
	From     string   `json:"from"`               // HH:MM
	To       string   `json:"to"`                 // HH:MM, 24:00 for the end of the day; after From
	Zone     string   `json:"zone,omitempty"`     // IANA; absent: UTC
	Business bool     `json:"business,omitempty"` // business days only: no holidays of the set, and mon to fri when Days is absent
}

// Filter matches the kind and the asset of the intent; an absent list allows
// every value.
type Filter struct {
	Kinds  []string `json:"kinds,omitempty"`
	Assets []string `json:"assets,omitempty"`
}

// Velocity matches while what the account spent in the last Seconds, and this
// intent, stay within Max of Currency, or within Count requests of any kind. It is one
// of the two.
type Velocity struct {
	Currency string `json:"currency,omitempty"` // as of [Amount]
	Seconds  int64  `json:"seconds"`
	Max      string `json:"max,omitempty"`
	Count    int    `json:"count,omitempty"`
}

// unmet is why a condition does not match; why is empty when it does. What is unknown
// lets nothing through, and keeps no rule from denying.
type unmet struct {
	why     string
	unknown bool
}

var met unmet

func no(format string, args ...any) unmet { return unmet{why: fmt.Sprintf(format, args...)} }

func unknown(format string, args ...any) unmet {
	return unmet{why: fmt.Sprintf(format, args...), unknown: true}
}

// verdict is how a rule stands to a request: it matches, or why it does not.
type verdict struct {
	matches   bool
	condition int // the first that decided against it, or that nobody knows; -1: none
	why       string
}

// verdicts are those of all rules, in their order.
func (in Input) verdicts() []verdict {
	all := make([]verdict, len(in.Rules.Rules))
	for i, r := range in.Rules.Rules {
		all[i] = in.verdict(r)
	}
	return all
}

func (in Input) verdict(r Rule) verdict {
	v := verdict{matches: true, condition: -1}
	for i, c := range r.When {
		u := in.unmet(c, r.RateWithin)
		switch {
		case u.why == "":
		case !r.Deny || !u.unknown: // one is enough
			return verdict{condition: i, why: u.why}
		case v.condition < 0: // it denies, unless another condition says that it is for something else
			v.condition, v.why = i, u.why
		}
	}
	if !r.For(in.Facts.Kind) {
		return verdict{condition: -1, why: "it names no kinds, so that it is for purchases"}
	}
	return v
}

// govern finds the rule. why is why it denies, or where there is none, why each does not
// match.
func (in Input) govern() (rule *Rule, why []string) {
	if in.Pinned != "" {
		for i := range in.Rules.Rules {
			if rule = &in.Rules.Rules[i]; rule.Name == in.Pinned {
				return rule, []string{denies(*rule, verdict{})}
			}
		}
		return nil, []string{fmt.Sprintf("rule %q, which governed this, is gone", in.Pinned)}
	}
	for i, v := range in.verdicts() {
		switch r := &in.Rules.Rules[i]; {
		case v.matches && r.Deny:
			return r, []string{denies(*r, v)}
		case v.matches && rule == nil:
			rule = r
		case !v.matches:
			why = append(why, fmt.Sprintf("rule %q does not apply: %s", r.Name, v.why))
		}
	}
	return rule, why
}

func denies(r Rule, v verdict) string {
	if v.why != "" {
		return fmt.Sprintf("rule %q denies this, because %s", r.Name, v.why)
	}
	return fmt.Sprintf("rule %q denies this", r.Name)
}

func (in Input) unmet(c Condition, rateWithin int64) unmet {
	i := in.Facts
	switch {
	case c.Amount != nil:
		return in.outside(*c.Amount, rateWithin)
	case c.Whitelist != nil:
		if w := c.Whitelist; len(w.Providers) > 0 && !slices.Contains(w.Providers, i.Provider) {
			return no("provider %s is not on its list", i.Provider)
		}
		if w := c.Whitelist; w.Whitelist != "" {
			return in.unlisted(w.Whitelist)
		}
		return met
	case c.Recipient != nil:
		return in.elsewhere(*c.Recipient)
	case c.Window != nil:
		return in.off(*c.Window)
	case c.Filter != nil:
		if f := c.Filter; len(f.Kinds) > 0 && !slices.Contains(f.Kinds, i.Kind) {
			return no("it is not for %s", i.Kind)
		}
		if f := c.Filter; len(f.Assets) > 0 && !slices.Contains(f.Assets, i.Asset) {
			return no("it is not for %s", i.Asset)
		}
		return met
	case c.Velocity != nil:
		return in.overspent(*c.Velocity, rateWithin)
	}
	return unknown("it has a condition that this version does not know")
}

// unlisted is why the address is not in a whitelist. Of one that is gone nobody knows.
func (in Input) unlisted(id string) unmet {
	switch l := in.objects().list(id); {
	case l == nil:
		return unknown("its whitelist is gone")
	case !l.holds(in.Facts.Chain, in.Facts.Address):
		return no("the address is not on its whitelist")
	}
	return met
}

// outside is why what is spent is not in the bounds.
func (in Input) outside(a Amount, rateWithin int64) unmet {
	spends, not := in.spends(a.Currency, rateWithin)
	switch {
	case not.why != "":
		return not
	case a.Min != "" && compare(spends, a.Min) < 0:
		return no("%s %s is less than %s %s", spends, a.Currency, a.Min, a.Currency)
	case a.Max != "" && compare(spends, a.Max) > 0:
		return no("%s %s is more than %s %s", spends, a.Currency, a.Max, a.Currency)
	}
	return met
}

var week = []string{"mon", "tue", "wed", "thu", "fri"}

// off is why the request was not made in the window.
func (in Input) off(w Window) unmet {
	at, ok := in.Recorded.in(w.Zone, in.Created)
	if !ok {
		return unknown("what time it was in %s is not recorded", w.Zone)
	}
	zone := "UTC"
	if w.Zone != "" {
		zone = "in " + w.Zone
	}
	from, _ := minutes(w.From)
	to, _ := minutes(w.To)
	if now := at.Hour()*60 + at.Minute(); now < from || now >= to {
		return no("it is for requests made from %s to %s %s", w.From, w.To, zone)
	}
	on := w.Days
	if w.Business && len(on) == 0 {
		on = week
	}
	if day := days[at.Weekday()]; len(on) > 0 && !slices.Contains(on, day) {
		return no("it is for requests made on %s", strings.Join(on, ", "))
	}
	if date := at.Format(time.DateOnly); w.Business && slices.Contains(in.Rules.Holidays, date) {
		return no("it is for business days, and %s is a holiday", date)
	}
	return met
}

func (c Condition) check(at string) error {
	n := 0
	for _, set := range []bool{c.Amount != nil, c.Whitelist != nil, c.Recipient != nil, c.Window != nil, c.Filter != nil, c.Velocity != nil} {
		if set {
			n++
		}
	}
	if n != 1 {
		return mistake(at, "must be exactly one of amount, whitelist, recipient, window, filter, velocity")
	}
	switch {
	case c.Amount != nil:
		return c.Amount.check(at + ".amount")
	case c.Whitelist != nil:
		if c.Whitelist.Whitelist != "" && len(c.Whitelist.Providers) == 0 {
			return nil
		}
		return valuesOK(at+".whitelist", c.Whitelist.Providers)
	case c.Recipient != nil:
		return c.Recipient.check(at + ".recipient")
	case c.Filter != nil:
		return valuesOK(at+".filter", c.Filter.Kinds, c.Filter.Assets)
	case c.Window != nil:
		return c.Window.check(at + ".window")
	}
	return c.Velocity.check(at + ".velocity")
}

func (v Velocity) check(at string) error {
	switch counts := v.Count != 0; {
	case counts && (v.Currency != "" || v.Max != ""):
		return mistake(at, "must be a max of a currency or a count, and not both")
	case counts && (v.Count < 1 || v.Count > maxCount):
		return mistake(at+".count", "must be 1 to 1,000,000")
	case !counts && (!unitOK(v.Currency) || !decimalOK(v.Max)):
		return mistake(at, "needs a count, or a currency or an asset and a decimal max")
	case v.Seconds < 60 || v.Seconds > maxSeconds:
		return mistake(at+".seconds", "must be a minute to a year")
	}
	return nil
}

func (a Amount) check(at string) error {
	if !unitOK(a.Currency) {
		return mistake(at+".currency", "is neither a currency nor an asset")
	}
	if a.Min == "" && a.Max == "" {
		return mistake(at, "has neither min nor max")
	}
	for _, s := range []string{a.Min, a.Max} {
		if s != "" && !decimalOK(s) {
			return mistake(at, "has a bound that is not a plain decimal")
		}
	}
	if a.Min != "" && a.Max != "" && compare(a.Min, a.Max) > 0 {
		return mistake(at, "has a min above its max")
	}
	return nil
}

var days = [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} // as time.Weekday counts

func (w Window) check(at string) error {
	seen := map[string]bool{}
	for _, d := range w.Days {
		if !slices.Contains(days[:], d) || seen[d] {
			return mistake(at+".days", "must be of mon to sun, once each")
		}
		seen[d] = true
	}
	from, ok1 := minutes(w.From)
	to, ok2 := minutes(w.To)
	if !ok1 || !ok2 || from >= to {
		return mistake(at, "must go from HH:MM to a later HH:MM of the same day")
	}
	if w.Zone != "" && !zoneOK(w.Zone) {
		return mistake(at+".zone", "is not the name of a time zone with its area, such as Europe/Paris")
	}
	return nil
}

func minutes(s string) (int, bool) {
	if s == "24:00" {
		return 24 * 60, true
	}
	t, err := time.Parse("15:04", s)
	return t.Hour()*60 + t.Minute(), err == nil && len(s) == 5
}

func holidaysOK(dates []string) error {
	if len(dates) > maxValues {
		return mistake("holidays", "must be at most 256")
	}
	for i, d := range dates {
		if _, err := time.Parse(time.DateOnly, d); err != nil || i > 0 && dates[i-1] >= d {
			return mistake("holidays", "must be dates YYYY-MM-DD, ascending, once each")
		}
	}
	return nil
}

func valuesOK(at string, lists ...[]string) error {
	n := 0
	for _, l := range lists {
		n += len(l)
		for _, v := range l {
			if v == "" || len(v) > 128 {
				return mistake(at, "has an empty or over-long value")
			}
		}
	}
	if n == 0 || n > maxValues {
		return mistake(at, "must list 1 to 256 values")
	}
	return nil
}

// unitOK reports whether s has the form of what amounts are counted in: a currency, or
// the LedgerId of an asset.
func unitOK(s string) bool {
	return moneyOK(s) || slugOK(s)
}

func slugOK(s string) bool {
	var c field.Checks
	c.Slug(s, "")
	return c.OK()
}

// moneyOK reports whether s has the form of a currency.
func moneyOK(s string) bool {
	var currency field.Checks
	currency.Capitals(s, 3, "", "")
	return currency.OK()
}
