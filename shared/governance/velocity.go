package governance

import (
	"fmt"
	"time"
)

// Earlier is another request of the account, as far as a velocity looks at it.
type Earlier struct {
	Amount   string
	Currency string
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

// Spent adds up what the account's other requests spent, or may still spend, in the
// window that ends now: kept, a decimal, which the caller has added up already, and
// others. It reports false when that cannot be said.
func (v Velocity) Spent(now time.Time, kept string, others []Earlier) (Spent, bool) {
	amounts := []string{kept}
	for _, e := range others {
		if e.Currency == v.Currency && v.counts(e, now) {
			amounts = append(amounts, e.Amount)
		}
	}
	sum, ok := Sum(amounts...)
	return Spent{Currency: v.Currency, Seconds: v.Seconds, Amount: sum}, ok
}

func (in Input) overspent(v Velocity) string {
	if in.Facts.Currency != v.Currency {
		return "it is for amounts in " + v.Currency
	}
	for _, s := range in.Spent {
		if s.Currency != v.Currency || s.Seconds != v.Seconds {
			continue
		}
		total, ok := Sum(s.Amount, in.Facts.Amount)
		if !ok {
			return "what was spent is not a plain decimal"
		}
		if compare(total, v.Max) > 0 {
			return fmt.Sprintf("with %s %s asked for or approved before, this is more than %s %s in %s", s.Amount, v.Currency, v.Max, v.Currency, time.Duration(v.Seconds)*time.Second)
		}
		return ""
	}
	return "what was spent before is not known" // never guess
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
