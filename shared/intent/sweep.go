package intent

import (
	"countersign/shared/amount"
	"countersign/shared/asset"
	"countersign/shared/field"
)

// Sweep is the standing rule that what arrives at deposit addresses of an account is sent
// on to the account's own address, from where it can be spent. Nobody is asked each time:
// it can go nowhere else, and fees are limited. Amounts are of the chain's coin.
type Sweep struct {
	MaxFee string `json:"max_fee"` // the most that one transaction may cost
	PerDay string `json:"per_day"` // the most that all of them may cost in 24 hours
}

// CheckSweep checks the standing rule of an account on a chain; nil: it has none. chain is
// empty where it is not known.
func CheckSweep(c *field.Checks, s *Sweep, chain, at string) {
	if s == nil {
		return
	}
	c.Amount(s.MaxFee, at+"sweep.max_fee", field.AssetPlaces)
	c.Amount(s.PerDay, at+"sweep.per_day", field.AssetPlaces)
	if !c.OK() {
		return
	}
	c.That(amount.Must(s.MaxFee).Cmp(amount.Must(s.PerDay)) <= 0, at+"sweep.per_day", "is less than one transaction may cost")
	if n, ok := asset.Chain(chain); ok {
		coin, _ := asset.On(chain, n.Coin)
		c.That(amount.Must(s.MaxFee).Places() <= coin.Places, at+"sweep.max_fee", finerThan(coin.Places, coin.Ticker))
		c.That(amount.Must(s.PerDay).Places() <= coin.Places, at+"sweep.per_day", finerThan(coin.Places, coin.Ticker))
	}
}

// text says the standing rule in words; empty of none.
func (s *Sweep) text() string {
	if s == nil {
		return ""
	}
	return "what arrives at its deposit addresses goes on to its own address without asking, for at most " + s.MaxFee + " of the chain's coin each time, and " + s.PerDay + " in 24 hours"
}

// SweepLines say the standing rule of an account; nothing where it has none.
func SweepLines(s *Sweep) []Line { return turned("Sweep", "", "", s.text()) }

// sweepTurned is the line of a standing rule that changes, or stays.
func sweepTurned(before, after *Sweep) []Line {
	was, is := before.text(), after.text()
	if was == is {
		return SweepLines(after)
	}
	if is == "" {
		is = "none: what arrives stays at its deposit addresses"
	}
	lines := []Line{{Label: "Sweep", Value: is}}
	if was != "" {
		lines = append(lines, Line{Label: "Sweep before", Value: was})
	}
	return lines
}
