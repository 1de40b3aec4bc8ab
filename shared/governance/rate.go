package governance

import (
	"strings"

	"countersign/shared/amount"
)

// Limits of rates.
const (
	MaxAhead    = 30      // seconds that the clock of a source may be ahead of the signer's
	MaxRateAge  = maxRate // seconds; an older rate is good for no rule
	rateDigits  = 18      // before the point of a rate, and behind it
	valuePlaces = 8
)

// Valuation is what a rate is asked for: of an asset, in a currency, signed by a source.
type Valuation struct {
	Source   string // member id
	Asset    string // LedgerId
	Currency string // ISO 4217
}

// Valuation is the rate that the rules look at for a request; ok is false when none of
// them looks at one. Rules that count in several currencies are asked in the first of them.
func (s Set) Valuation(f Facts) (of Valuation, ok bool) {
	if s.RateSource == "" || f.Currency == "" || moneyOK(f.Currency) {
		return of, false
	}
	for _, r := range s.Rules {
		if c := r.ValuedIn(); c != "" && r.For(f.Kind) {
			return Valuation{s.RateSource, f.Currency, c}, true
		}
	}
	return of, false
}

// ValuedIn is the currency in which a rule counts what assets are worth: the first of its
// conditions'; empty: it looks at no rate.
func (r Rule) ValuedIn() string {
	if r.RateWithin == 0 {
		return ""
	}
	for _, c := range r.When {
		if unit := c.Unit(); moneyOK(unit) {
			return unit
		}
	}
	return ""
}

// Unit is what a condition counts in, a currency or an asset; empty: it counts nothing, or
// requests.
func (c Condition) Unit() string {
	switch {
	case c.Amount != nil:
		return c.Amount.Currency
	case c.Velocity != nil:
		return c.Velocity.Currency
	}
	return ""
}

// RateOK reports whether s is a rate: a plain decimal of more than 0, with at most 18
// digits before the point and 18 behind it.
func RateOK(s string) bool {
	a, err := amount.Parse(s)
	whole, _, _ := strings.Cut(s, ".")
	return err == nil && a.Sign() > 0 && a.Places() <= rateDigits && len(whole) <= rateDigits
}

// Worth is what an amount of an asset is worth at a rate: exact, and rounded up to 8 places,
// so that the parts of an amount are never worth less than the whole. ok is false when one of
// the two is not a plain decimal, or the value has more digits than one.
func Worth(spent, rate string) (value string, ok bool) {
	if !decimalOK(spent) || !RateOK(rate) {
		return "", false
	}
	value = amount.Must(spent).Mul(amount.Must(rate)).Rescale(valuePlaces, amount.Ceil).Trim().String()
	return value, decimalOK(value)
}
