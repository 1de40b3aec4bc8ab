package quoteui

import (
	"slices"
	"testing"
	"time"

	"countersign/shared/quote"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func providers() []quote.Provider {
	p := func(id, low, high string, methods ...string) quote.Provider {
		return quote.Provider{ID: id, Name: id, Capabilities: &quote.Capabilities{Assets: []string{"ethereum"},
			Fiats: []quote.FiatLimit{{Fiat: "EUR", Min: low, Max: high}}, Countries: []quote.Country{{Country: "FR", PaymentMethods: methods}}}}
	}
	return []quote.Provider{p("a", "20", "5000", "card"), p("b", "50", "900", "card", "sepa"), p("c", "300", "20000", "sepa"), {ID: "d", Name: "d"}}
}

func row(provider, amount string, life time.Duration, warnings ...string) Offer {
	return Offer{Provider: provider, Row: &quote.Row{ID: "quo_" + provider, Provider: provider, CryptoAmount: amount, ReceivedAt: noon, ExpiresAt: noon.Add(life), Warnings: warnings}}
}

func order(b Board) []string {
	var ids []string
	for _, o := range b.Offers() {
		ids = append(ids, o.Provider)
	}
	return ids
}

func TestLimitsAreKnownBeforeTheyAreBroken(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		method string
		want   Range
	}{
		{"card", Range{"20", "5000", "a", "a", 2}}, {"sepa", Range{"50", "20000", "b", "c", 2}}, {"pix", Range{}},
	} {
		if got := Limits(providers(), Form{Fiat: "EUR", Asset: "ethereum", Country: "FR", Method: tt.method}); got != tt.want {
			t.Errorf("%s: %+v", tt.method, got)
		}
	}
}

func TestDefaultsReplaceWhatNoProgramServes(t *testing.T) {
	t.Parallel()
	f := Default(providers(), Form{Fiat: "XXX", Method: "pix", Amount: "5"}, Form{Fiat: "EUR", Asset: "ethereum", Country: "FR", Method: "sepa", Account: "acc_treasury"}, "eip155:31337")
	if want := (Form{Amount: "5", Fiat: "EUR", Asset: "ethereum", Method: "sepa", Country: "FR", Account: "acc_treasury"}); f != want {
		t.Errorf("%+v", f)
	}
}

func TestTheListStaysStillUnderPointerAndFocus(t *testing.T) {
	t.Parallel()
	b := Board{}.Ask(providers(), noon)
	b = b.Put(1, row("b", "0.09", time.Minute))
	if got := order(b); !slices.Equal(got, []string{"b", "a", "c", "d"}) {
		t.Fatalf("the first price comes first: %v", got)
	}
	b = b.Stay(true).Put(1, row("a", "0.10", time.Minute))
	if got := order(b); !slices.Equal(got, []string{"b", "a", "c", "d"}) || !b.Reordered() {
		t.Errorf("it moved under the pointer: %v", got)
	}
	if got := order(b.Show()); got[0] != "a" {
		t.Errorf("asked for, it moves: %v", got)
	}
	if got := order(b.Stay(false)); got[0] != "a" {
		t.Errorf("it settles when nobody is in it: %v", got)
	}
	if got := order(b.HoldPrices(true).Stay(false)); got[0] != "b" {
		t.Errorf("held prices moved: %v", got)
	}
}

func TestAnswersToAnOlderQuestionAreDropped(t *testing.T) {
	t.Parallel()
	b := Board{}.Ask(providers(), noon).Ask(providers(), noon).Put(1, row("a", "1", time.Minute)).Finish(1, nil)
	if n, _ := b.Counts(); n != 0 || b.Done {
		t.Errorf("%d offers, done %v", n, b.Done)
	}
}

func TestWhoDoesNotAnswerStaysInTheListWithTheReason(t *testing.T) {
	t.Parallel()
	b := Board{}.Ask(providers(), noon).Put(1, row("a", "1", time.Minute)).Finish(1, nil)
	for _, o := range b.Offers()[1:] {
		if o.Out == nil || o.Out.Code != quote.TimedOut {
			t.Errorf("%s: %+v", o.Provider, o)
		}
	}
}

func TestTheBestIsValidAndNoOutlier(t *testing.T) {
	t.Parallel()
	b := Board{}.Ask(providers(), noon).Put(1, row("a", "0.3", time.Minute, quote.RateOutlier)).Put(1, row("b", "0.2", time.Second)).Put(1, row("c", "0.1", time.Minute)).Finish(1, nil)
	if got := b.Best(noon).Provider; got != "b" {
		t.Errorf("best %q", got)
	}
	later := noon.Add(2 * time.Second)
	if got := b.Best(later).Provider; got != "c" {
		t.Errorf("best after b expired: %q", got)
	}
	if got := b.Select("b").Chosen(later); got.Provider != "b" || got.Row != nil {
		t.Errorf("another took the place of the choice that ended: %+v", got)
	}
	if b.Expired(later) || !b.Expired(noon.Add(time.Hour)) {
		t.Error("expired too early or never")
	}
}

func TestDifferenceIsExact(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ a, best, exact, percent, money string }{
		{"0.0943", "0.094904123456789012", "0.000604123456789012", "0.64", "1.60"},
		{"1", "1", "0", "0.00", "0.00"}, {"99", "100", "1", "1.00", "2634.24"}, {"1", "0", "0", "0", "0"},
	} {
		if e, p, m := Difference(tt.a, tt.best, "2634.24", 2); e != tt.exact || p != tt.percent || m != tt.money {
			t.Errorf("%s of %s: %s, %s %%, %s", tt.a, tt.best, e, p, m)
		}
	}
	if got := Part("0.0815", 99); got != "0.0807" {
		t.Errorf("99 %% of 0.0815, rounded up, is %s", got)
	}
}

func TestOnlyWhatTheAccountsChainCanHoldIsOffered(t *testing.T) {
	t.Parallel()
	sells := []quote.Provider{{ID: "a", Capabilities: &quote.Capabilities{
		Assets: []string{"bitcoin", "ethereum", "ethereum/erc20/usd__coin", "polygon", "solana", "ethereum/erc20/shiba"}}}}
	for _, c := range []struct {
		chain string
		want  []string
		picks string
	}{
		{"eip155:31337", []string{"ethereum"}, "ethereum"},
		{"eip155:1", []string{"ethereum", "ethereum/erc20/usd__coin"}, "ethereum"},
		{"eip155:137", []string{"polygon"}, "polygon"},
		{"solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", nil, "bitcoin"}, // what was chosen stays, and the form says that nothing fits
		{"", []string{"bitcoin", "ethereum", "ethereum/erc20/shiba", "ethereum/erc20/usd__coin", "polygon", "solana"}, "bitcoin"},
	} {
		f := Form{Asset: "bitcoin"}
		if got := Options(sells, f, c.chain).Assets; !slices.Equal(got, c.want) {
			t.Errorf("on %q: %v", c.chain, got)
		}
		if got := Default(sells, f, Form{Asset: "ethereum"}, c.chain).Asset; got != c.picks {
			t.Errorf("on %q the form has %s", c.chain, got)
		}
	}
}

// A renewal is not a new question: nothing that is shown moves or goes away, and the
// choice is kept.
func TestRenewedPricesTakeTheirPlaces(t *testing.T) {
	t.Parallel()
	b := Board{}.Ask(providers(), noon).Put(1, row("a", "0.3", 20*time.Second)).Put(1, row("b", "0.2", time.Minute)).Finish(1, nil).Select("b")
	if at := b.RenewAt(); !at.Equal(noon.Add(20 * time.Second)) {
		t.Errorf("due at %s", at)
	}
	if at := b.Put(1, row("c", "0.1", time.Second)).RenewAt(); !at.Equal(noon.Add(renewAfter)) {
		t.Errorf("with a price that holds for a second it is due at %s", at)
	}
	before := order(b)
	b = b.Renew(noon.Add(20*time.Second)).Put(2, row("b", "0.9", 2*time.Minute))
	if got := order(b); !slices.Equal(got, before) || b.Of("b").Row.CryptoAmount != "0.9" || b.Of("a").Row.CryptoAmount != "0.3" {
		t.Errorf("%v, before %v", got, before)
	}
	if !b.RenewAt().IsZero() {
		t.Error("it is renewed while it is renewed")
	}
	if got := b.Finish(2, nil); order(got)[0] != "b" || got.Selected != "b" {
		t.Errorf("after it: %v, chosen %s", order(got), got.Selected)
	}
}

func TestAPriceIsChosenByItsPlace(t *testing.T) {
	t.Parallel()
	b := Board{}.Ask(providers(), noon).Put(1, row("c", "0.1", time.Minute)).Put(1, row("a", "0.12", time.Minute))
	if got := b.Nth(1) + b.Nth(2) + b.Nth(3); got != "ac" {
		t.Errorf("%q", got)
	}
	if n := b.Places(8); n != 2 {
		t.Errorf("%d decimals", n)
	}
}
