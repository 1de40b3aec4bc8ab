package buy_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/shared/quote"
	"countersign/web/internal/buy"
)

// logged is a log that a test reads while it is written.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestOneBadItemOfADocumentIsNamedAndLosesNothingElse(t *testing.T) {
	t.Parallel()
	s, c, log := newProvider(t), newClock(), &logged{}
	documents := strings.NewReplacer(
		`"countriesCapabilities":[`, `"countriesCapabilities":[{"country":"XK","paymentMethods":[{"name":"card"}]},`,
		`"fiatCurrencyCapabilities":[`, `"fiatCurrencyCapabilities":[{"fiat":"CLF","minAmount":1,"maxAmount":9},`)
	s.set("/capabilities", body(documents.Replace(caps)))
	s.set("/crypto-currencies", body(`["ethereum",{"chainId":1},"bitcoin"]`))
	d := newDesk(t, buy.Config{Providers: one(s), Now: c.now, Log: slog.New(slog.NewTextHandler(log, nil))})
	if row, err := d.Requote(t.Context(), "alpha", input()); err != nil || row.CryptoAmount != "0.1" {
		t.Fatalf("%+v, %v", row, err)
	}
	p := d.Providers(t.Context())[0]
	said := strings.Join(p.SpecDeviations, "; ")
	for _, want := range []string{"countries left out", "XK", "currencies left out", "CLF", "assets left out, id is missing: item 2"} {
		if !strings.Contains(said, want) {
			t.Errorf("the deviations do not say %q: %s", want, said)
		}
	}
	if len(p.Capabilities.Countries) != 1 || len(p.Capabilities.Fiats) != 1 || len(p.Capabilities.Assets) != 2 {
		t.Errorf("what is right was not kept: %+v", p.Capabilities)
	}
	// The log says it once, and again when it changes.
	fetch := func() {
		t.Helper()
		before := *d.Providers(t.Context())[0].FetchedAt
		c.advance(16 * time.Minute)
		await(t, func() bool { return d.Providers(t.Context())[0].FetchedAt.After(before) })
	}
	fetch()
	if n := strings.Count(log.String(), "XK"); n != 1 {
		t.Errorf("said %d times:\n%s", n, log)
	}
	s.set("/capabilities", body(caps))
	fetch()
	if n := strings.Count(log.String(), "capabilities is as the contract says again"); n != 1 {
		t.Errorf("said %d times:\n%s", n, log)
	}
}

func TestADocumentThatCannotBeUsedSaysWhy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
		seen   bool // by clients too, not in the log alone
	}{
		"nothing usable": {body(`{"fiatCurrencyCapabilities":[{"fiat":"CLF","minAmount":1,"maxAmount":2}],"countriesCapabilities":[]}`),
			"capabilities cannot be used: none of the currencies can be used: a code of ISO 4217 that nobody can pay with", true},
		"an error page": {body("<html>"), "capabilities cannot be used: the capabilities document is not a JSON object", true},
		"a failure":     {status(503), "capabilities was not read: HTTP_5XX", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, log := newProvider(t), &logged{}
			s.set("/capabilities", c.answer)
			d := newDesk(t, buy.Config{Providers: one(s), Log: slog.New(slog.NewTextHandler(log, nil))})
			p := d.Providers(t.Context())[0]
			if p.Freshness != quote.Unavailable || c.seen != (fmt.Sprint(p.SpecDeviations) == "["+c.want+"]") {
				t.Errorf("%+v", p)
			}
			if !strings.Contains(log.String(), c.want) || strings.Contains(log.String(), s.URL) {
				t.Errorf("the log says %q, want %q", log, c.want)
			}
		})
	}
}

func TestNullInAQuoteIsAbsence(t *testing.T) {
	t.Parallel()
	s := newProvider(t)
	s.set("/quote", body(strings.Replace(offer, "{", `{"quoteId":null,"expiresAt":null,"feeBreakdown":null,"kyc":null,"settlementSeconds":null,"priceType":null,`, 1)))
	d := newDesk(t, buy.Config{Providers: one(s)})
	null, err := d.Requote(t.Context(), "alpha", input())
	if err != nil {
		t.Fatal(err)
	}
	if null.ProviderRef != "" || null.Fees != nil || null.KYC != "unknown" || null.PriceType != "indicative" || null.Settlement != nil ||
		null.ExpiresAt.Sub(null.ReceivedAt) != quote.Life {
		t.Errorf("null was read as a value: %+v", null)
	}
}
