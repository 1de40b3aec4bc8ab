package governance

import (
	"testing"

	"pgregory.net/rapid"

	"countersign/shared/amount"
)

func TestRatesArePlainDecimalsOfMoreThanNothing(t *testing.T) {
	t.Parallel()
	for rate, want := range map[string]bool{
		"2600.333333": true, "1": true, "0.000000000000000001": true, "999999999999999999.999999999999999999": true,
		"0": false, "0.0": false, "-1": false, "1e3": false, "": false, "01": false, "1000000000000000000": false, "0.0000000000000000001": false, "NaN": false,
	} {
		if RateOK(rate) != want {
			t.Errorf("%q: %v", rate, !want)
		}
	}
}

func TestAValueIsRoundedUp(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"1.5", "2600.333333", "3900.4999995"}, {"1", "2600", "2600"}, {"0", "5", "0"}, {"0.000000000000000001", "0.01", "0.00000001"}, {"3", "0.333333333333", "1"},
		{"1e3", "1", ""}, {"1", "0", ""}, {"-1", "1", ""}, {"9999999999999999999999999999999999999999", "100", ""},
	} {
		if got, ok := Worth(c[0], c[1]); ok != (c[2] != "") || ok && got != c[2] {
			t.Errorf("%s at %s is %q, want %q", c[0], c[1], got, c[2])
		}
	}
}

func TestThePartsOfAnAmountAreNeverWorthLessThanTheWhole(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		decimal := rapid.StringMatching(`[1-9][0-9]{0,8}\.[0-9]{1,12}`)
		a, b, rate := decimal.Draw(t, "a"), decimal.Draw(t, "b"), decimal.Draw(t, "rate")
		sum, _ := Sum(a, b)
		whole, _ := Worth(sum, rate)
		one, _ := Worth(a, rate)
		other, _ := Worth(b, rate)
		if parts := amount.Must(one).Add(amount.Must(other)); parts.Cmp(amount.Must(whole)) < 0 {
			t.Fatalf("%s and %s at %s are worth %s, together %s", a, b, rate, parts, whole)
		}
	})
}

func TestARateIsAskedForWhatTheRulesLookAt(t *testing.T) {
	t.Parallel()
	kinds := Condition{Filter: &Filter{Kinds: []string{"transfer"}}}
	set := Set{RateSource: "mem_northrates", Rules: []Rule{
		{Name: "in the asset", When: []Condition{kinds, {Amount: &Amount{Currency: "ethereum", Max: "1"}}}, RateWithin: 60},
		{Name: "without a rate", When: []Condition{kinds, {Amount: &Amount{Currency: "USD", Max: "1"}}}},
		{Name: "of purchases", When: []Condition{eur("", "10")}, RateWithin: 60},
		{Name: "a day", When: []Condition{kinds, {Velocity: &Velocity{Currency: "GBP", Seconds: 86400, Max: "1"}}}, RateWithin: 60},
	}}
	sends := Facts{Kind: "transfer", Currency: "ethereum", Amount: "1"}
	if v, ok := set.Valuation(sends); !ok || v != (Valuation{"mem_northrates", "ethereum", "GBP"}) {
		t.Errorf("%+v, %v", v, ok)
	}
	for name, c := range map[string]struct {
		set Set
		f   Facts
	}{
		"a purchase, which spends a currency": {set, Facts{Kind: "buy", Currency: "EUR", Amount: "1"}},
		"what spends nothing":                 {set, Facts{Kind: "message"}},
		"rules without a source":              {Set{Rules: set.Rules}, sends},
		"rules that look at no rate":          {Set{RateSource: "mem_northrates", Rules: set.Rules[:2]}, sends},
	} {
		if v, ok := c.set.Valuation(c.f); ok {
			t.Errorf("%s: %+v", name, v)
		}
	}
}
