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

// counts reports whether what an earlier request asked for is part of what was
// spent in the window that ends now. Money may go while something can still be
// approved or used, whenever it was asked for, and has gone when it was approved in
// the window: nothing proves that an approval was not used. What was rejected, or
// ended without its approvals, moved nothing.
func (e Earlier) counts(now time.Time, window time.Duration) bool {
	switch e.State {
	case Pending:
		return now.Before(e.Expires)
	case Approved:
		return now.Before(e.UseBy) || e.Approved.After(now.Add(-window))
	}
	return false
}

// Spent adds up what the account's other requests spent, or may still spend, in the
// window that ends now. It reports false when that cannot be said.
func (v Velocity) Spent(now time.Time, others []Earlier) (Spent, bool) {
	var amounts []string
	for _, e := range others {
		if e.Currency == v.Currency && e.counts(now, time.Duration(v.Seconds)*time.Second) {
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
