package app

import (
	"slices"
	"strings"
	"testing"

	"countersign/shared/frame"
	"countersign/shared/governance"
	"countersign/shared/quote"
	"countersign/wasm/internal/quoteui"
)

// says fails unless the scene has each text, and none of those that begin with "!".
func says(t *testing.T, m *Model, texts ...string) {
	t.Helper()
	words := strings.ReplaceAll(m.View().Tree.Words(), "\u00a0", " ") // which keeps an amount in one line
	for _, text := range texts {
		text, not := strings.CutPrefix(text, "!")
		if strings.Contains(words, text) == not {
			t.Errorf("the page says %q: %v\n%s", text, not, words)
		}
	}
}

func TestThePairingPanelSaysWhatToType(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"bridge-pairing", "request-pairing"} {
		says(t, scene(t, name), "type “approve” there", "If they differ, press Enter, which declines")
	}
}

func TestBeforeTheFirstPairingThePageSaysHowToSign(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"request-unpaired", "requests-unpaired"} {
		m := scene(t, name)
		says(t, m, "Connect the bridge on this computer to see whom you can sign as.", "The first time you compare six digits, which pairs it with this page.")
		m.bridge.Paired = true
		says(t, m, "to see whom you can sign as", "!six digits")
	}
	says(t, scene(t, "request-ready"), "!to see whom you can sign as", "Sign as")
}

func TestAWrongPINIsToldWhileTheBridgeAsksAgain(t *testing.T) {
	t.Parallel()
	says(t, scene(t, "request-pin"), "!The last PIN was wrong")
	m := scene(t, "request-pin-wrong")
	says(t, m, "The last PIN was wrong. The bridge asks for it in the terminal where the bridge runs.")
	if m.announce != "The last PIN was wrong. The bridge asks for the PIN of the device." {
		t.Errorf("said %q", m.announce)
	}
	m.Update(PromptChanged{})
	m.Update(PromptChanged{Open: true, Kind: frame.PromptPIN, Where: frame.WhereTerminal})
	says(t, m, "!The last PIN was wrong")
}

// "2 of 2" alone could be the second of two requests, or two approvals.
func TestRequestsAndApprovalsAreCountedInWords(t *testing.T) {
	t.Parallel()
	says(t, scene(t, "requests-together-done"), "3 of 3 requests", "2 of 2 approvals")
	says(t, scene(t, "requests-together-count"), "2 of 3 requests inside the device")
	says(t, scene(t, "requests-together-partly"), "recorded 1 of 3 requests")
	says(t, scene(t, "request-verified"), "1 of 2 approvals")
}

func TestCountriesAreInTheOrderOfTheirNames(t *testing.T) {
	t.Parallel()
	names := map[string]string{"DE": "Germany", "FR": "France", "AT": "Austria", "CH": "Switzerland", "ES": "Spain"}
	m := New(Config{Words: Words{Country: func(c string) string { return names[c] }, Sorted: func(s []string) []string { return slices.Sorted(slices.Values(s)) }}}, noon)
	m.Update(Started{Path: "/buy"})
	p := sampleProviders()[0]
	p.Capabilities.Countries = nil
	for _, c := range []string{"AT", "CH", "DE", "ES", "FR"} {
		p.Capabilities.Countries = append(p.Capabilities.Countries, quote.Country{Country: c, PaymentMethods: []string{"card"}})
	}
	m.Update(Loaded{What: TheProviders, Value: []quote.Provider{p}})
	outline := m.View().Tree.Outline()
	at := 0
	for _, want := range []string{"AT", "FR", "DE", "ES", "CH"} {
		i := strings.Index(outline, "value="+want+" key="+want+" “"+names[want]+"”")
		if i < at {
			t.Errorf("%s stands at %d, after %d:\n%s", want, i, at, outline)
		}
		at = i
	}
}

// out is an offer of a provider that has none.
func out(provider string, e quote.Excluded) quoteui.Offer {
	e.Provider, e.ProviderName = provider, strings.ToUpper(provider[:1])+provider[1:]
	return quoteui.Offer{Provider: provider, Out: &e}
}

func TestAChangeThatARowOffersIsOfferedOnce(t *testing.T) {
	t.Parallel()
	m := stage("/buy")
	m.Update(Acted{Action: "buy.field:amount", Value: "1000"})
	m.Update(Acted{Action: "buy.ask"})
	fix := quote.Fix{Field: "amount", Value: "1500", Opens: 2, Text: "t"}
	for _, provider := range []string{"coinharbor", "meridian", "northpay"} {
		m.Update(OfferCame{Seq: m.board.Seq, Offer: out(provider, quote.Excluded{Stage: quote.StageEligibility, Code: quote.AmountBelowMin, Params: &quote.Params{Min: "1500", Max: "20000", Currency: "EUR"}})})
	}
	m.Update(OfferCame{Seq: m.board.Seq, Offer: out("coinharbor", quote.Excluded{Stage: quote.StageEligibility, Code: quote.AmountBelowMin,
		Params: &quote.Params{Min: "1500", Max: "20000", Currency: "EUR"}, Fix: &fix})})
	m.Update(QuotesEnded{Seq: m.board.Seq, Result: &quote.Result{Fixes: []quote.Fix{fix, {Field: "payment_method", Value: "sepa", Opens: 1, Text: "t"}}}})
	says(t, m, "Pay 1\u202f500 EUR instead", "!With 1\u202f500 EUR", "With SEPA transfer, 1 provider can sell", "!more provider")
}

// Money has one form on a page, whoever found the sum: the gateway, the code that it
// shares with the page, or a rule.
func TestMoneyIsWrittenInOneWay(t *testing.T) {
	t.Parallel()
	m := stage("/buy")
	m.cfg.Words.Decimal = ","
	m.cfg.Words.Country = func(c string) string { return map[string]string{"FR": "France"}[c] }
	m.Update(Acted{Action: "buy.field:amount", Value: "1000"})
	m.Update(Acted{Action: "buy.ask"})
	m.Update(OfferCame{Seq: m.board.Seq, Offer: out("coinharbor", quote.Excluded{Stage: quote.StageEligibility, Code: quote.AmountBelowMin, Message: "Coinharbor needs at least EUR 1,500.",
		Params: &quote.Params{Min: "1500", Max: "20000", Currency: "EUR"}, Fix: &quote.Fix{Field: "amount", Value: "1500", Opens: 1, Text: "Pay EUR 1,500 instead"}})})
	m.Update(OfferCame{Seq: m.board.Seq, Offer: out("meridian", quote.Excluded{Stage: quote.StageEligibility, Code: quote.CountryUnsupported, Message: "Meridian does not serve residents of FR."})})
	m.Update(OfferCame{Seq: m.board.Seq, Offer: out("northpay", quote.Excluded{Stage: quote.StageTransport, Code: quote.ConnectError, Message: "Northpay cannot be reached."})})
	m.Update(QuotesEnded{Seq: m.board.Seq, Result: &quote.Result{Fixes: []quote.Fix{{Field: "amount", Value: "2500", Opens: 2, Text: "With EUR 2,500, 2 more providers can sell"}}}})
	says(t, m, "Coinharbor needs at least 1\u202f500 EUR.", "Pay 1\u202f500 EUR instead", "With 2\u202f500 EUR, 2 more providers can sell",
		"Meridian does not serve residents of France.", "Northpay cannot be reached.", "At least 20 EUR, at Northpay. At most 50\u202f000 EUR, at Meridian.", "!EUR 1,500", "!1500")

	m.Update(Acted{Action: "buy.field:amount", Value: "999999"})
	says(t, m, "At most 50\u202f000 EUR, at Meridian.", "With 5\u202f000 EUR, 3 providers can sell", "!EUR 5")

	a := sampleAccount()
	a.Rules.Rules[0].When = []governance.Condition{{Amount: &governance.Amount{Min: "0.01", Max: "10000", Currency: "EUR"}}}
	m = stage("/accounts/" + a.ID)
	m.cfg.Words.Decimal = ","
	m.Update(Loaded{What: TheAccount, ID: a.ID, Value: a})
	says(t, m, "from 0,01 EUR up to 10\u202f000 EUR")
}
