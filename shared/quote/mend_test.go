package quote_test

import (
	"strings"
	"testing"

	"countersign/shared/quote"
)

// Whatever an input lacks for a provider, the fix applied as a whole lets the provider in,
// and changes nothing that it need not.
func TestAFixAppliedLetsTheProviderIn(t *testing.T) {
	t.Parallel()
	p := quote.Provider{ID: "a", Name: "A", Freshness: quote.Fresh, Capabilities: &quote.Capabilities{
		Fiats:     []quote.FiatLimit{{Fiat: "CHF", Min: "10", Max: "90"}, {Fiat: "EUR", Min: "100", Max: "1000"}},
		Countries: []quote.Country{{Country: "FR", PaymentMethods: []string{"applepay", "ideal", "sepa"}}, {Country: "LU", PaymentMethods: []string{}}},
		Assets:    []string{"ethereum"},
	}}
	for _, c := range []struct{ from, amount, method, country, fix, text string }{
		{"EUR", "250", "sepa", "FR", "", ""},
		{"EUR", "20", "sepa", "FR", "amount=100", "Pay EUR 100 instead"},
		{"EUR", "2000", "sepa", "FR", "amount=1000", "Pay EUR 1,000 instead"},
		{"EUR", "250", "card", "FR", "payment_method=applepay", "Pay by Apple Pay instead"},
		{"EUR", "250", "bank", "FR", "payment_method=ideal", "Pay by iDEAL instead"},
		{"EUR", "20", "bank", "FR", "payment_method=ideal&amount=100", "Pay EUR 100 by iDEAL instead"},
		{"USD", "250", "sepa", "FR", "from=EUR", "Pay in EUR instead"},
		{"USD", "20", "sepa", "FR", "from=EUR&amount=100", "Pay EUR 100 instead"},
		{"USD", "250", "card", "FR", "from=EUR&payment_method=applepay", "Pay in EUR by Apple Pay instead"},
		{"USD", "20", "card", "FR", "from=EUR&payment_method=applepay&amount=100", "Pay EUR 100 by Apple Pay instead"},
		{"EUR", "250", "card", "LU", "", ""},
		{"EUR", "250", "card", "JP", "", ""},
	} {
		in := quote.Input{From: c.from, To: "ethereum", Amount: c.amount, PaymentMethod: c.method, Country: c.country}
		e, ok := quote.Check(p, in)
		if e.Fix == nil {
			if c.fix != "" || !ok && c.country == "FR" {
				t.Errorf("%+v: no fix", c)
			}
			continue
		}
		if got := e.Fix.String(); got != c.fix || quote.English.Fix(*e.Fix, in) != c.text {
			t.Errorf("%+v: %s, %q", c, got, quote.English.Fix(*e.Fix, in))
		}
		for _, change := range e.Fix.Changes() {
			switch change.Field {
			case "from":
				in.From = change.Value
			case "amount":
				in.Amount = change.Value
			case "payment_method":
				in.PaymentMethod = change.Value
			}
		}
		if e, ok := quote.Check(p, in); !ok {
			t.Errorf("%+v: applied, it is still excluded: %+v", c, e)
		}
	}
	in := quote.Input{From: "EUR", To: "solana", Amount: "250", PaymentMethod: "sepa", Country: "FR"}
	if e, _ := quote.Check(p, in); e.Fix != nil || !strings.Contains(e.Code, "CRYPTO") {
		t.Errorf("another asset is offered: %+v", e)
	}
}
