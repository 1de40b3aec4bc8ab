package gateway

import (
	"cmp"
	"slices"
	"time"

	"countersign/shared/amount"
	"countersign/shared/asset"
	"countersign/shared/governance"
	"countersign/shared/wire"
	"countersign/web/internal/store"
)

// values says what amounts of an account were worth in one currency, by the rates that came
// with its requests: signed by a source of the vault, and recorded in its log. Nothing else
// values anything.
type values struct {
	currency string
	places   int
	rates    map[string][]store.Rate // by asset, the oldest first
}

// valuesOf reads the rates with which what was booked from one time to before another can be
// valued. An empty currency is that of the newest of them.
func valuesOf(tx store.Tx, entity, account, currency string, from, to time.Time) (values, error) {
	v := values{currency: currency, rates: map[string][]store.Rate{}}
	all, err := tx.Rates(entity, account, from.Unix()-governance.MaxRateAge, to.Unix()+1)
	if err != nil {
		return v, err
	}
	if v.currency == "" && len(all) > 0 {
		v.currency = all[len(all)-1].Currency
	}
	v.places, _ = asset.Currency(v.currency)
	for _, r := range all {
		if r.Currency == v.currency {
			v.rates[r.Asset] = append(v.rates[r.Asset], r)
		}
	}
	if len(all) == 0 && currency == "" {
		v.currency = ""
	}
	return v, nil
}

// of is what an amount of an asset was worth at a time; nil when no rate of then was recorded,
// or one older than a day.
func (v values) of(a amount.Amount, of string, at time.Time) *wire.Value {
	all := v.rates[of]
	i, same := slices.BinarySearchFunc(all, at.Unix(), func(r store.Rate, t int64) int { return cmp.Compare(r.At, t) })
	for same && i < len(all) && all[i].At == at.Unix() { // the newest of those of this second
		i++
	}
	if i == 0 || at.Unix()-all[i-1].At > governance.MaxRateAge {
		return nil
	}
	r := all[i-1]
	rate, err := amount.Parse(r.Rate)
	if err != nil { // which the log has in this form
		return nil
	}
	return &wire.Value{
		Currency: r.Currency, Amount: nearest(a.Mul(rate), v.places).String(), Rate: r.Rate, Source: r.Source, At: time.Unix(r.At, 0).UTC(),
	}
}

// nearest is an amount with so many places; a half goes away from zero.
func nearest(a amount.Amount, places int) amount.Amount {
	neg := a.Sign() < 0
	if neg {
		a = a.Neg()
	}
	a = a.Rescale(max(a.Places(), places+1), amount.Floor)
	half, _ := amount.FromUnits("5", places+1) // of digits, which never fails
	if a = a.Add(half).Rescale(places, amount.Floor); neg {
		a = a.Neg()
	}
	return a
}
