package quote

import (
	"slices"
	"strings"
	"testing"

	"countersign/shared/spec"
)

func TestThePageListsExactlyThePaymentMethods(t *testing.T) {
	t.Parallel()
	methods := strings.Fields(paymentMethods)
	spec.Same(t, "payment methods", spec.Words(spec.Section(t, "providers.md", "Payment methods")), methods)
	if !strings.Contains(spec.Page(t, "providers.md"), "39 names") || len(methods) != 39 {
		t.Errorf("there are %d payment methods", len(methods))
	}
}

func TestThePageListsTheCodesOfEachStage(t *testing.T) {
	t.Parallel()
	page := map[string][]string{}
	for _, row := range spec.Table(t, "providers.md", "Eligibility", "stage") {
		page[spec.Words(row[0])[0]] = spec.Words(row[1])
	}
	for stage, codes := range map[string][]string{
		StageEligibility: {CapabilitiesUnavailable, CryptoUnsupported, FiatUnsupported, CountryUnsupported, PaymentMethodUnsupported, AmountBelowMin, AmountAboveMax, AmountNotWhole, CircuitIsOpen},
		StageTransport:   {TimedOut, ConnectError, TLSError, HTTP4xx, HTTP5xx, HTTPStatus, RateLimited, RegionRestricted, NotAwaited},
		StageValidation:  {MalformedJSON, MissingField, EchoMismatch, NonPositiveAmount, BodyTooLarge, WrongContentType, AlreadyExpired},
	} {
		spec.Same(t, stage, page[stage], codes)
		if stage == StageEligibility && !slices.IsSortedFunc(page[stage], func(a, b string) int { return depth(a) - depth(b) }) {
			t.Errorf("the order on the page is %v", page[stage])
		}
	}
}

func TestTheTextsOfFixesAreThoseOfThePage(t *testing.T) {
	t.Parallel()
	fill := strings.NewReplacer("CODE", "EUR", "AMOUNT", "1,500", "NAME", "SEPA transfer", "N", "1", "OTHER", "USD")
	var page []string
	for _, text := range spec.Column(t, "providers.md", "Fixes", "text", 0) {
		page = append(page, fill.Replace(text))
	}
	provider := func(id string, limit FiatLimit, methods ...string) Provider {
		return Provider{ID: id, Name: id, Freshness: Fresh, Capabilities: &Capabilities{Fiats: []FiatLimit{limit}, Countries: []Country{{"FR", methods}}, Assets: []string{"ethereum"}}}
	}
	in := Input{From: "EUR", To: "ethereum", Amount: "250", PaymentMethod: "card", Country: "FR"}
	dear, other := provider("a", FiatLimit{"EUR", "1500", "5000"}, "card"), provider("b", FiatLimit{"EUR", "1", "5000"}, "sepa")
	dollars, both := provider("c", FiatLimit{"USD", "1", "5000"}, "card"), provider("d", FiatLimit{"EUR", "1500", "5000"}, "sepa")
	var code []string
	for _, p := range []Provider{dear, other, dollars, both} {
		lost, _ := Check(p, in)
		code = append(code, English.Tell(lost, in).Fix.Text)
		for _, f := range Fixes([]Provider{p}, in) {
			if text := English.Opens(f, in, true); !slices.Contains(code, text) {
				code = append(code, text)
			}
		}
	}
	spec.Same(t, "texts of fixes", page, code)
}
