package quote_test

import (
	"fmt"
	"strings"
	"testing"

	"countersign/shared/quote"
	"countersign/shared/spec"
)

func TestAQuoteIsWorthWhatTheProviderDidBefore(t *testing.T) {
	t.Parallel()
	v := load(t)
	if len(v.Expected) < 8 {
		t.Fatalf("%d cases", len(v.Expected))
	}
	for _, c := range v.Expected {
		r := quote.Sum(c.Deliveries)
		got := quote.Expect(quote.Row{CryptoAmount: c.Crypto, AssetPlaces: c.Places}, r)
		if r.DeliveryRatio != c.DeliveryRatio || r.CompletionOdds != c.CompletionOdds || r.Ended != len(c.Deliveries) || got.Expected.Amount != c.Amount || got.Expected.Record != r {
			t.Errorf("%s: %+v, %+v", c.Name, r, got.Expected)
		}
	}
}

func TestRanksByExpectedDeliveryStandBesideThoseAsQuoted(t *testing.T) {
	t.Parallel()
	failed := quote.Sum([]quote.Delivery{{Promised: "1"}, {Promised: "1"}})
	fine := quote.Sum(nil)
	row := func(id, crypto string, r quote.Record) quote.Row {
		return quote.Expect(quote.Row{ID: id, Provider: id, CryptoAmount: crypto, AssetPlaces: 18}, r)
	}
	rows := quote.Rank([]quote.Row{row("a", "0.101", failed), row("b", "0.1", fine), row("c", "0.1", fine), row("d", "0.2", fine)})
	quote.RankExpected(rows)
	var got []string
	for _, r := range rows {
		got = append(got, fmt.Sprint(r.ID, r.Rank, r.Expected.Rank))
	}
	if text := strings.Join(got, " "); text != "a1 3 b2 1 c2 1 d4 4" {
		t.Errorf("%s", text)
	}
}

func TestTheFormulaIsThatOfThePage(t *testing.T) {
	t.Parallel()
	section := spec.Section(t, "providers.md", "Expected delivery")
	r := quote.TheRanking()
	plain := strings.Join(strings.Fields(section), " ")
	for _, line := range strings.Split(r.Formula, "; ") {
		if !strings.Contains(plain, line) {
			t.Errorf("the page lacks %q", line)
		}
	}
	if !strings.Contains(plain, fmt.Sprintf("newest %d orders", r.Orders)) || r.Prior != 10 {
		t.Errorf("%+v", r)
	}
}
