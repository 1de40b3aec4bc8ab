package governance

import (
	"strconv"
	"time"
)

// Earlier is another request of the account, as far as a velocity looks at it.
type Earlier struct {
	Amount   string
	Currency string
	Value    *Value // recorded for it; nil: none
	State    State
	Expires  time.Time // of a pending one: when it cannot be approved any more
	Approved time.Time // of an approved one: when its last approval was given
	UseBy    time.Time // of an approved one: when its approval ends
}

// Until is when an approved request counts no more in the window: when it was approved
// before the window began, and can be used no longer. Money has gone when it was
// approved in the window, for nothing proves that an approval was not used.
func (v Velocity) Until(e Earlier) time.Time {
	left := e.Approved.Add(time.Duration(v.Seconds) * time.Second)
	if e.UseBy.After(left) {
		return e.UseBy
	}
	return left
}

// counts reports whether what an earlier request asked for is part of what was spent in
// the window that ends now. Money may also go while something can still be approved,
// whenever it was asked for. What was rejected, or ended without its approvals, moved
// nothing.
func (v Velocity) counts(e Earlier, now time.Time) bool {
	switch e.State {
	case Pending:
		return now.Before(e.Expires)
	case Approved:
		return now.Before(v.Until(e))
	}
	return false
}

// Of is what a request counts for in the window while it counts: a decimal; empty when
// it is for what v does not add up.
func (v Velocity) Of(e Earlier) string {
	switch {
	case v.Count != 0:
		return "1"
	case e.Currency == v.Currency:
		return e.Amount
	case e.Value != nil && e.Value.Currency == v.Currency:
		return e.Value.Amount
	}
	return ""
}

// Spent adds up what the account's other requests spent, or may still spend, in the
// window that ends now: kept, a decimal, which the caller has added up already, and
// others. It reports false when that cannot be said.
func (v Velocity) Spent(now time.Time, kept string, others []Earlier) (Spent, bool) {
	amounts := []string{kept}
	for _, e := range others {
		if of := v.Of(e); of != "" && v.counts(e, now) {
			amounts = append(amounts, of)
		}
	}
	sum, ok := Sum(amounts...)
	return Spent{Currency: v.Currency, Seconds: v.Seconds, Amount: sum}, ok
}

// overspent is why a request would take the account out of the window.
func (in Input) overspent(v Velocity, rateWithin int64) unmet {
	this, unit, most := "1", "requests", strconv.Itoa(v.Count)
	if v.Count == 0 {
		var no unmet
		if this, no = in.spends(v.Currency, rateWithin); no.why != "" {
			return no
		}
		unit, most = v.Currency, v.Max
	}
	before, ok := in.spent(v)
	switch {
	case !ok && compare(this, most) > 0: // whatever it was
		return no("%s %s is more than %s %s", this, unit, most, unit)
	case !ok:
		return unknown("what was spent before is not known") // never guess
	}
	total, ok := Sum(before, this)
	switch {
	case !ok:
		return unknown("what was spent is not a plain decimal")
	case compare(total, most) > 0:
		return no("with %s %s asked for or approved before, this is more than %s %s in %s", before, unit, most, unit, time.Duration(v.Seconds)*time.Second)
	}
	return met
}

// spent is what counts as spent before this request in the window of v.
func (in Input) spent(v Velocity) (string, bool) {
	for _, s := range in.Spent {
		if s.Currency == v.Currency && s.Seconds == v.Seconds {
			return s.Amount, true
		}
	}
	return "", false
}

// Windows lists the currency and seconds of each velocity condition, for the
// caller who adds up what was spent.
func (s Set) Windows() []Velocity {
	var all []Velocity
	for _, r := range s.Rules {
		for _, c := range r.When {
			if c.Velocity != nil {
				all = append(all, *c.Velocity)
			}
		}
	}
	return all
}
