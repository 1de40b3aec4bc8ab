package gateway

import (
	"time"

	"countersign/shared/wire"
	"countersign/web/internal/party"
)

// Rate is how many questions of one kind a caller may ask in a minute.
type Rate struct{ All, Write, Read int }

// Tiers are the rates of developers by their tier; "" is of those without one, which the
// gateway's own company is. The sandbox doubles them.
func Tiers() map[string]Rate {
	return map[string]Rate{
		"": {6000, 3000, 6000}, "developer": {60, 30, 60}, "professional": {300, 120, 300}, "enterprise": {1000, 500, 1000},
	}
}

// rates are the budgets of a tier, by caller.
type rates struct{ all, write, read *party.Budget }

func newRates(env string, now func() time.Time) map[string]rates {
	times := 1
	if env == "sandbox" {
		times = 2
	}
	of := map[string]rates{}
	for tier, r := range Tiers() {
		of[tier] = rates{party.NewBudget(r.All*times, now), party.NewBudget(r.Write*times, now), party.NewBudget(r.Read*times, now)}
	}
	return of
}

// rated is whose budget a question is charged to: the token's own developer or entity, or its
// reporting key, so that a back office that asks too often slows down nobody else.
func rated(c Caller) string {
	if c.Reporting != nil {
		return c.Scope()
	}
	return c.Developer + "/" + c.Token.EntityID
}

func (g *Gateway) ratesOf(c Caller) rates {
	r, ok := g.limit.rates[c.Tier]
	if !ok { // of a version that knew this tier
		r = g.limit.rates["developer"]
	}
	return r
}

// Spend charges one question to a caller, and says what is left of what it has least of.
// It fails with RATE_LIMITED.
func (g *Gateway) Spend(c Caller, write bool) (party.Left, error) {
	r := g.ratesOf(c)
	kind := r.read
	if write {
		kind = r.write
	}
	left, err := kind.Take(rated(c))
	if err != nil {
		return left, err
	}
	all, err := r.all.Take(rated(c))
	if err != nil || all.Remaining < left.Remaining {
		left = all
	}
	return left, err
}

// RateLimits are what a caller may ask, and what is left of it.
func (g *Gateway) RateLimits(c Caller) wire.RateLimits {
	r, v := g.ratesOf(c), wire.RateLimits{Tier: c.Tier, Limits: []wire.RateLimit{}, ServerTime: g.now()}
	for _, b := range []struct {
		kind   string
		budget *party.Budget
	}{{"all", r.all}, {"write", r.write}, {"read", r.read}} {
		left := b.budget.Left(rated(c))
		v.Limits = append(v.Limits, wire.RateLimit{Kind: b.kind, Limit: left.Limit, Remaining: left.Remaining, Reset: left.Reset.UTC()})
	}
	return v
}
