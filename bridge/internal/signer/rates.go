package signer

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"countersign/shared/asset"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/statement"
	"countersign/shared/vault"
	"countersign/shared/wire"
)

// maxRates is how many rates are asked for in one answer.
const maxRates = 16

// knownRate is the newest rate of a kind that the signer was told.
type knownRate struct {
	jws  string // empty: none yet
	at   int64  // Unix seconds
	told int64  // which answer of the signer asked for it last
}

// Rates are those that rules look at, and of which a newer one is wanted: there is none yet, or
// it has half of the age at which the first rule stops to take it. Those come first that were
// asked for longest ago, so that a source that does not answer keeps no other waiting.
func (s *Service) Rates(ctx context.Context) (out wire.SignerRates, err error) {
	out.Rates = []wire.SignerRate{}
	if err := s.begin(); err != nil {
		return out, err
	}
	defer s.end(ctx, &err)
	wanted := s.valuations()
	maps.DeleteFunc(s.rates, func(of governance.Valuation, _ knownRate) bool { return wanted[of] == 0 })
	s.told++
	for _, of := range slices.SortedFunc(maps.Keys(wanted), func(a, b governance.Valuation) int {
		return cmp.Or(cmp.Compare(s.rates[a].told, s.rates[b].told), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Asset, b.Asset), cmp.Compare(a.Currency, b.Currency))
	}) {
		known := s.rates[of]
		if m := s.state.Member(of.Source); m == nil || m.State != intent.Active || known.jws != "" && 2*(s.at.Unix()-known.at) < wanted[of] {
			continue
		}
		known.told = s.told
		s.rates[of] = known
		out.Rates = append(out.Rates, wireRate(of, known.at))
		if len(out.Rates) == maxRates {
			break
		}
	}
	return out, nil
}

func wireRate(of governance.Valuation, at int64) wire.SignerRate {
	r := wire.SignerRate{Source: of.Source, Asset: of.Asset, Currency: of.Currency}
	if at != 0 {
		known := time.Unix(at, 0).UTC()
		r.At = &known
	}
	return r
}

// valuations are the rates that the rules of the vault may look at, each with the shortest
// time, in seconds, for which a rule takes it. s.mu is held.
func (s *Service) valuations() map[governance.Valuation]int64 {
	all := map[governance.Valuation]int64{}
	for _, a := range s.state.Current().Accounts {
		for _, r := range a.Rules.Rules {
			currency := r.ValuedIn()
			if a.Rules.RateSource == "" || currency == "" {
				continue
			}
			for _, held := range asset.OnChain(a.Chain) {
				if of := (governance.Valuation{Source: a.Rules.RateSource, Asset: held.ID, Currency: currency}); looksAt(r, held.ID) {
					all[of] = min(cmp.Or(all[of], r.RateWithin), r.RateWithin)
				}
			}
		}
	}
	return all
}

// looksAt reports whether the filters of a rule let an asset through.
func looksAt(r governance.Rule, id string) bool {
	return !slices.ContainsFunc(r.When, func(c governance.Condition) bool {
		return c.Filter != nil && len(c.Filter.Assets) > 0 && !slices.Contains(c.Filter.Assets, id)
	})
}

// Rate takes a rate that a source signed, for the requests that are made from now on. Of each
// kind the newest is kept, whoever brings which: a gateway that has several cannot choose. It
// fails, in this order, as [vault.State.Rate] does; with INVALID_REQUEST when no rule looks
// at such a rate; with STATEMENT_INVALID, details field at, when it is of more than 30 seconds
// ahead or of more than a day ago; and with CONFLICT when one is known that is newer, or
// another one of the same second.
func (s *Service) Rate(ctx context.Context, token string) (_ wire.SignerRate, err error) {
	if err := s.begin(); err != nil {
		return wire.SignerRate{}, err
	}
	defer s.end(ctx, &err)
	r, err := s.state.Rate(token)
	if err != nil {
		return wire.SignerRate{}, err
	}
	of := vault.Valued(r)
	if s.valuations()[of] == 0 {
		return wire.SignerRate{}, fault.New(fault.Invalid, "no rule of the vault looks at this rate").With("field", "source")
	}
	if why := s.untimely(r); why != "" {
		return wire.SignerRate{}, fault.New(fault.StatementInvalid, "the rate was refused: at "+why).With("field", "at")
	}
	known := s.rates[of]
	if r.At < known.at || r.At == known.at && token != known.jws {
		return wire.SignerRate{}, fault.New(fault.Conflict, fmt.Sprintf("the rate was refused: one of %s is known already", time.Unix(known.at, 0).UTC().Format(time.DateTime))).With("field", "at")
	}
	known.jws, known.at = token, r.At
	s.rates[of] = known
	return wireRate(of, r.At), nil
}

// untimely is why a rate is of no time that could be taken; empty: it is. s.mu is held.
func (s *Service) untimely(r statement.Rate) string {
	switch age := s.at.Unix() - r.At; {
	case age < -governance.MaxAhead:
		return fmt.Sprintf("is more than %d seconds ahead of the signer's clock", governance.MaxAhead)
	case age > governance.MaxRateAge:
		return "is more than a day ago"
	}
	return ""
}

// value is what a request that is made now is worth, and the signed rate that says so; nil
// when no rate could be taken, and then nobody knows. s.mu is held.
func (s *Service) value(wants intent.Intent) (*governance.Value, string) {
	of, ok := s.state.Valuation(wants)
	if !ok || s.rates[of].jws == "" {
		return nil, ""
	}
	token := s.rates[of].jws
	r, err := s.state.Rate(token) // its source may not be active any more, or have other keys
	if err != nil || s.untimely(r) != "" {
		return nil, ""
	}
	value := vault.Worth(wants, r)
	if value == nil {
		return nil, ""
	}
	return value, token
}
