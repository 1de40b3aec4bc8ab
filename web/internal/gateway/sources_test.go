package gateway_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/receipt"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
	"countersign/web/internal/review"
)

// inEuros lets Alice or Bob send what is worth at most 5,000 EUR, at a rate of the last quarter
// of an hour.
func inEuros(r *governance.Rule) {
	r.RateWithin = 900
	r.When = []governance.Condition{{Filter: &governance.Filter{Kinds: []string{intent.KindTransfer}, Assets: []string{"ethereum"}}}, {Amount: &governance.Amount{Currency: "EUR", Max: "5000"}}}
	r.Steps = []governance.Step{{Name: "approval", Quorum: 1, Members: []string{"mem_alice", "mem_bob"}}}
}

// priced is a world with a source of rates that is asked over HTTPS, and answers as says does.
func priced(t *testing.T, says func(w *gatewaytest.World, asked url.Values) (string, int)) (w *gatewaytest.World, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	s := httptest.NewTLSServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if q := r.URL.Query(); r.Method != http.MethodGet || q.Get("feed") != "spot" {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		answer, status := says(w, r.URL.Query())
		out.Header().Set("Content-Type", review.ContentType)
		out.WriteHeader(status)
		_, _ = io.WriteString(out, answer)
	}))
	t.Cleanup(s.Close)
	w = gatewaytest.NewValued(t, review.New(s.Client()), s.URL+"/rate?feed=spot", inEuros)
	return w, asked
}

// quoting signs a rate of now for what is asked.
func quoting(rate string) func(w *gatewaytest.World, asked url.Values) (string, int) {
	return func(w *gatewaytest.World, asked url.Values) (string, int) {
		answer, err := w.Signer.Rate(statement.Rate{V: 1, Type: "rate", Entity: asked.Get("entity"), Source: asked.Get("source"), Asset: asked.Get("asset"), Currency: asked.Get("currency"),
			Rate: rate, At: w.Now().Unix()})
		if err != nil {
			w.T.Error(err)
		}
		return answer, http.StatusOK
	}
}

func sends(amount string) intent.Intent {
	return intent.Transfer{
		Kind: intent.KindTransfer, V: 1, Account: gatewaytest.Account, Crypto: intent.Crypto{Amount: amount, Asset: "ethereum"},
		To: intent.Recipient{Address: "0x52908400098527886E0F7030069857D2E4169EE7"}, MaxFee: intent.Crypto{Amount: "0.0021", Asset: "ethereum"}, Purpose: "Invoice 2026-117",
	}
}

func TestARateIsFetchedOverHTTPSAndTheSignerRecordsIt(t *testing.T) {
	t.Parallel()
	w, asked := priced(t, quoting("2600.333333"))
	for range 3 { // one that is new is not fetched again
		if err := w.Gateway.FetchRates(t.Context(), gatewaytest.Entity); err != nil {
			t.Fatal(err)
		}
		w.Pass(time.Minute)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("it was asked %d times", n)
	}
	const request = "req_aaaaaaaaaaaaaaaaaaaaaaaaaa"
	w.Signer.Request(request, sends("1.5"))
	if err := w.Gateway.Sync(t.Context(), gatewaytest.Entity); err != nil { // which verifies the rate in the log
		t.Fatal(err)
	}
	r := must[wire.Request](t)(w.Gateway.Request(t.Context(), gatewaytest.Caller(), request))
	if r.State != wire.RequestPending || r.Reasons[0] != "0 of 1 approval; waiting for Alice or Bob" {
		t.Errorf("%s: %q", r.State, r.Reasons)
	}
	w.Signer.Decide(request, "mem_bob", statement.Approve)
	if err := w.Gateway.Sync(t.Context(), gatewaytest.Entity); err != nil {
		t.Fatal(err)
	}
	proof, err := receipt.Verify(must[[]byte](t)(w.Gateway.Receipt(t.Context(), gatewaytest.Caller(), request)), w.Signer.Key.PublicKey().Thumbprint())
	if err != nil {
		t.Fatal(err)
	}
	if want := "EUR 3,900.4999995 at 2600.333333, signed by Carol (mem_carol), 2026-11-20 21:00:00 UTC"; !strings.Contains(proof.Text(), want) {
		t.Errorf("the receipt does not say %q:\n%s", want, proof.Text())
	}
	w.Pass(5 * time.Minute) // half of the time for which the rule takes it
	if err := w.Gateway.FetchRates(t.Context(), gatewaytest.Entity); err != nil || asked.Load() != 2 {
		t.Errorf("an older one was fetched %d times: %v", asked.Load()-1, err)
	}
}

// Whatever goes wrong on the way values nothing, and is tried again later.
func TestASourceThatDoesNotAnswerIsAskedAgainAndValuesNothing(t *testing.T) {
	t.Parallel()
	for name, says := range map[string]func(w *gatewaytest.World, asked url.Values) (string, int){
		"an error": func(*gatewaytest.World, url.Values) (string, int) { return "", http.StatusServiceUnavailable },
		"a number": func(*gatewaytest.World, url.Values) (string, int) { return "2600.33", http.StatusOK },
		"a rate for another vault": func(w *gatewaytest.World, asked url.Values) (string, int) {
			asked.Set("entity", gatewaytest.Other)
			return quoting("2600")(w, asked)
		},
		"a rate of another asset": func(w *gatewaytest.World, asked url.Values) (string, int) {
			asked.Set("asset", "bitcoin")
			return quoting("2600")(w, asked)
		},
		"a rate by another member": func(w *gatewaytest.World, asked url.Values) (string, int) {
			asked.Set("source", "mem_alice")
			return quoting("2600")(w, asked)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, asked := priced(t, says)
			for i, wait := range []time.Duration{0, 2 * time.Second, 5 * time.Second, 2 * time.Second, 10 * time.Second} {
				w.Pass(wait)
				err := w.Gateway.FetchRates(t.Context(), gatewaytest.Entity)
				if want := []int64{1, 1, 2, 2, 3}[i]; asked.Load() != want || err == nil || strings.Contains(err.Error(), "127.0.0.1") {
					t.Errorf("after %s it was asked %d times, want %d: %v", wait, asked.Load(), want, err)
				}
			}
		})
	}
}
