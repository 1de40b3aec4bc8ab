package vault

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
)

// Valuation is the rate that the rules of what is wanted look at, as they are now; ok is
// false when they look at none.
func (s *State) Valuation(wants intent.Intent) (of governance.Valuation, ok bool) {
	facts := wants.Facts()
	set, _ := s.Rules.at(facts.RuleSet(), Newest) // without rules there is none
	return set.Value.Valuation(facts)
}

// Rate verifies a rate, in this order:
//
//  1. it is a compact JWS whose payload is a canonical rate (SIGNATURE_INVALID, STATEMENT_INVALID)
//  2. its source is a member who is active (AUTHORIZATION_ERROR), and signed it in its one
//     valid form (SIGNATURE_INVALID)
//  3. it is for this vault (STATEMENT_INVALID, details field)
//  4. it is not older than one that a request has, of the same source, asset and currency
//     (CONFLICT)
func (s *State) Rate(token string) (r statement.Rate, err error) {
	payload, err := jws.Payload(token)
	if err != nil {
		return r, err
	}
	if r, err = statement.Decode[statement.Rate](payload); err != nil {
		return r, err
	}
	m := s.members[r.Source]
	if m == nil || m.State != intent.Active {
		return r, fault.New(fault.Forbidden, "the vault has no source of rates of this name who is active").With("field", "source")
	}
	if _, err := s.Ahead.Verify(token, statement.TypRate, m.ApprovalKey); err != nil {
		return r, err
	}
	if r.Entity != s.Genesis.Entity {
		return r, fault.New(fault.StatementInvalid, "the rate was refused: entity is not this vault's").With("field", "entity")
	}
	if newest := s.rates[Valued(r)]; r.At < newest {
		return r, fault.New(fault.Conflict, "a newer rate of this source is in the log already").With("field", "at")
	}
	return r, nil
}

// Valued is what a rate is about.
func Valued(r statement.Rate) governance.Valuation {
	return governance.Valuation{Source: r.Source, Asset: r.Asset, Currency: r.Currency}
}

// Worth is what a request is worth at a rate, which was verified; nil when that is not a decimal
// that rules could compare.
func Worth(wants intent.Intent, r statement.Rate) *governance.Value {
	amount, ok := governance.Worth(wants.Facts().Amount, r.Rate)
	if !ok {
		return nil
	}
	return &governance.Value{Currency: r.Currency, Amount: amount, Rate: r.Rate, At: r.At, Source: r.Source}
}

// rated checks that what a request is recorded to be worth is what its rate says.
func (s *State) rated(r *Request) error {
	if r.Rate == "" {
		if r.Recorded.Value != nil {
			return fmt.Errorf("what %s is worth was signed by nobody", r.Request)
		}
		return nil
	}
	rate, err := s.Rate(r.Rate)
	if err != nil {
		return fmt.Errorf("the rate of %s: %w", r.Request, err)
	}
	switch of, ok := s.Valuation(r.Wants); {
	case !ok || of != Valued(rate):
		return fmt.Errorf("the rate of %s is not one that its rules look at", r.Request)
	case rate.At > r.Created+governance.MaxAhead || rate.At < r.Created-governance.MaxRateAge:
		return fmt.Errorf("the rate of %s is of another time", r.Request)
	}
	if worth := Worth(r.Wants, rate); worth == nil || r.Recorded.Value == nil || *worth != *r.Recorded.Value {
		return fmt.Errorf("%s is not worth what its rate says", r.Request)
	}
	return nil
}

// noteRate keeps how new the rate of a request is, which was checked.
func (s *State) noteRate(b signedlog.RequestBody, wants intent.Intent) {
	if v := b.Recorded.Value; v != nil {
		s.rates[governance.Valuation{Source: v.Source, Asset: wants.Facts().Currency, Currency: v.Currency}] = v.At
	}
}

// rateRecord is how new the newest rate of a kind is that a request has.
type rateRecord struct {
	Source   string `json:"source"`
	Asset    string `json:"asset"`
	Currency string `json:"currency"`
	At       int64  `json:"at"`
}

// rateRecords are sorted.
func (s *State) rateRecords() (all []rateRecord) {
	for of, at := range s.rates {
		all = append(all, rateRecord{of.Source, of.Asset, of.Currency, at})
	}
	slices.SortFunc(all, func(a, b rateRecord) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Asset, b.Asset), cmp.Compare(a.Currency, b.Currency))
	})
	return all
}

func (s *State) restoreRates(all []rateRecord) error {
	for _, r := range all {
		s.rates[governance.Valuation{Source: r.Source, Asset: r.Asset, Currency: r.Currency}] = r.At
	}
	if len(s.rates) != len(all) {
		return errors.New("it has a rate twice")
	}
	return nil
}
