package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"countersign/shared/fault"
	"countersign/shared/quote"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/buy"
	"countersign/web/internal/gateway"
	"countersign/web/internal/gateway/gatewaytest"
	"countersign/web/internal/sandbox/pretend"
)

// providers are the sandbox's three, which deliver on the chain of a world. They count
// what they are asked.
type providers struct {
	world *gatewaytest.World
	url   string
	mu    sync.Mutex
	asked map[string]int // by path
	last  map[string]url.Values
}

// Send and Sent make providers a [pretend.Chain].
func (p *providers) Send(_ string, to common.Address, value *big.Int) (string, error) {
	tx := p.world.Chain.Pay(to.Hex(), value.String())
	p.world.Chain.Mine()
	return tx, nil
}

func (p *providers) Sent(common.Address, *big.Int) (string, bool) { return "", false }

func (p *providers) count(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[path]
}

func (p *providers) question(path string) url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last[path]
}

// desk is a real one that asks them.
func (p *providers) desk(w *gatewaytest.World) gateway.Desk {
	w.T.Helper()
	p.world, p.asked, p.last = w, map[string]int{}, map[string]url.Values{}
	var h http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.asked[r.URL.Path]++
		p.last[r.URL.Path] = r.URL.Query()
		p.mu.Unlock()
		h.ServeHTTP(rw, r)
	}))
	w.T.Cleanup(server.Close)
	p.url = server.URL
	s, err := pretend.New(pretend.Config{Base: server.URL, Dir: w.T.TempDir(), Chain: p, Now: w.Now})
	if err != nil {
		w.T.Fatal(err)
	}
	h = s.Handler()
	var all []buy.Provider
	for _, id := range pretend.IDs() {
		all = append(all, buy.Provider{ID: id, Name: id, URL: server.URL + "/" + id, APIKey: "provider-key-0123456789"})
	}
	d, err := buy.New(buy.Config{Providers: all, Sandbox: true, Now: w.Now})
	if err != nil {
		w.T.Fatal(err)
	}
	return d
}

// The names of the steps are the sentences of the integration's description, in its order: what it
// calls Live is a client of the API here, and what it calls Backend the gateway.
func TestTheBuyIntegrationSentenceBySentence(t *testing.T) {
	t.Parallel()
	p := &providers{}
	r := rigOn(t, gatewaytest.NewOn(t, p.desk))
	step := func(sentence string, f func(t *testing.T)) {
		t.Helper()
		if !t.Run(sentence, f) {
			t.FailNow()
		}
	}
	var known wire.Providers
	var quotes wire.Quotes
	var chosen quote.Row
	var order wire.Order
	var widget string

	step("Providers are expected to implement specific endpoints", func(t *testing.T) {
		for _, path := range []string{"/northpay/capabilities", "/northpay/crypto-currencies", "/northpay/quote", "/coinharbor/quotes", "/northpay/buy-redirect"} {
			res, err := http.Get(p.url + path)
			if err != nil || res.Body.Close() != nil || res.StatusCode == http.StatusNotFound {
				t.Errorf("%s: %v", path, err)
			}
		}
	})
	step("Step 1: fetches capabilities data from the Backend, which caches responses from the provider's /capabilities endpoint", func(t *testing.T) {
		before := p.count("/northpay/capabilities")
		for range 3 {
			known = get[wire.Providers](t, r.do("GET", "/v1/providers", ""))
		}
		i := slices.IndexFunc(known.Providers, func(p quote.Provider) bool { return p.ID == "northpay" })
		c := known.Providers[i].Capabilities
		if p.count("/northpay/capabilities") != before+1 || len(known.Providers) != 3 || c == nil || c.Fiats[0] != (quote.FiatLimit{Fiat: "EUR", Min: "30", Max: "20000"}) {
			t.Errorf("asked %d times: %+v", p.count("/northpay/capabilities"), known)
		}
	})
	step("Step 1: fetches supported cryptocurrencies from the Backend, which caches responses from the provider's /crypto-currencies endpoint", func(t *testing.T) {
		for _, one := range known.Providers {
			if !slices.Contains(one.Capabilities.Assets, "ethereum") || p.count("/"+one.ID+"/crypto-currencies") > 2 {
				t.Errorf("%s, asked %d times: %v", one.ID, p.count("/"+one.ID+"/crypto-currencies"), one.Capabilities.Assets)
			}
		}
	})
	const ask = "/v1/quotes?from=%s&to=%s&amount=%s&payment-method=%s&country=%s&account=acc_treasury"
	asked := func() int {
		return p.count("/northpay/quote") + p.count("/coinharbor/quotes") + p.count("/meridian/quote")
	}
	step("Step 2: the user selects the cryptocurrency, fiat currency and the amount; country and preferred payment method", func(t *testing.T) {
		before := asked()
		for field, query := range map[string]string{
			"from": fmt.Sprintf(ask, "XYZ", "ethereum", "250", "card", "FR"), "to": fmt.Sprintf(ask, "EUR", "a b", "250", "card", "FR"),
			"amount": fmt.Sprintf(ask, "EUR", "ethereum", "1e3", "card", "FR"), "payment-method": fmt.Sprintf(ask, "EUR", "ethereum", "250", "barter", "FR"),
			"country": fmt.Sprintf(ask, "EUR", "ethereum", "250", "card", "XX"),
		} {
			a := r.do("GET", strings.ReplaceAll(query, " ", "%20"), "")
			var problem wire.Problem
			if err := json.Unmarshal(a.body, &problem); err != nil || a.code(t) != fault.Invalid || problem.Error.Details["field"] != field || problem.Error.Details[field] == "" {
				t.Errorf("%s: %s", field, a.body)
			}
		}
		if asked() != before {
			t.Error("a provider was asked what cannot be")
		}
	})
	step("Step 2: validation is performed using cached data from /capabilities: minimum and maximum amounts, supported countries", func(t *testing.T) {
		before, read := asked(), p.count("/northpay/capabilities")
		for code, in := range map[string]quote.Input{
			quote.AmountBelowMin: {From: "EUR", To: "ethereum", Amount: "5", PaymentMethod: "card", Country: "FR"}, quote.AmountAboveMax: {From: "EUR", To: "ethereum", Amount: "60000", PaymentMethod: "sepa", Country: "FR"},
			quote.CountryUnsupported: {From: "EUR", To: "ethereum", Amount: "250", PaymentMethod: "card", Country: "JP"},
		} {
			if got := quote.Validate(known.Providers, in, quote.English); len(got) != 1 || got[0].Code != code || got[0].Message == "" {
				t.Errorf("%s: %+v", code, got)
			}
		}
		if asked() != before || p.count("/northpay/capabilities") != read {
			t.Error("a provider was asked")
		}
	})
	step("Step 2: if the input is invalid, an error message is displayed to the user", func(t *testing.T) {
		got := get[wire.Quotes](t, r.do("GET", fmt.Sprintf(ask, "EUR", "ethereum", "5", "card", "FR"), ""))
		if len(got.Quotes) != 0 || len(got.Excluded) != 3 || got.Excluded[0].Message == "" || got.Excluded[0].Fix == nil {
			t.Errorf("%+v", got)
		}
	})
	step("Step 3: the Backend identifies eligible providers based on the user's input", func(t *testing.T) {
		before := p.count("/meridian/quote")
		got := get[wire.Quotes](t, r.do("GET", fmt.Sprintf(ask, "EUR", "ethereum", "60", "card", "FR"), ""))
		if got.Asked != 2 || len(got.Excluded) != 1 || got.Excluded[0].Provider != "meridian" || p.count("/meridian/quote") != before {
			t.Errorf("%+v", got)
		}
	})
	step("Step 3: for each eligible provider, the Backend sends a GET /quotes request to retrieve pricing details after fees", func(t *testing.T) {
		quotes = get[wire.Quotes](t, r.do("GET", fmt.Sprintf(ask, "EUR", "ethereum", "250", "card", "FR"), ""))
		q := p.question("/coinharbor/quotes")
		if q.Get("from") != "EUR" || q.Get("to") != "ethereum" || q.Get("amount") != "250" || q.Get("payment-method") != "card" || q.Get("country") != "FR" || q.Get("dest") == "" {
			t.Errorf("%v", q)
		}
		for _, row := range quotes.Quotes {
			if row.CryptoAmount == "" || row.FiatAmount != "250" {
				t.Errorf("%+v", row)
			}
		}
	})
	step("Step 3: quotes are aggregated by the Backend and displayed", func(t *testing.T) {
		if len(quotes.Quotes) != 3 || !quotes.Complete || quotes.Quotes[0].Rank != 1 || !quotes.Quotes[0].Best || quotes.Quotes[2].Rank != 3 {
			t.Errorf("%+v", quotes.Quotes)
		}
	})
	step("Step 3: the user selects a provider from the list of quotes", func(t *testing.T) {
		i := slices.IndexFunc(quotes.Quotes, func(r quote.Row) bool { return r.Provider == "coinharbor" })
		chosen = quotes.Quotes[i]
		made := get[wire.Request](t, r.do("POST", "/v1/requests", `{"quote_id":"`+chosen.ID+`","account_id":"acc_treasury"}`))
		for _, who := range []string{"mem_alice", "mem_bob"} {
			r.Signer.Decide(made.ID, who, statement.Approve)
		}
		if err := r.Gateway.Sync(t.Context(), gatewaytest.Entity); err != nil {
			t.Fatal(err)
		}
		order = get[wire.Order](t, r.do("POST", "/v1/orders", `{"request_id":"`+made.ID+`"}`))
		if order.Provider != "coinharbor" || order.Promised.Amount != chosen.CryptoAmount {
			t.Errorf("%+v", order)
		}
	})
	step("Step 4: the user is redirected to the provider's widget", func(t *testing.T) {
		a := r.do("GET", order.Ticket.URL, "", "Authorization", "")
		widget = a.header.Get("Location")
		if a.status != http.StatusSeeOther || !strings.HasPrefix(widget, p.url+"/coinharbor/widget?") {
			t.Fatalf("%d %s", a.status, widget)
		}
	})
	step("Step 4: the redirection includes the selected cryptocurrency, fiat currency, amount and user-specific details", func(t *testing.T) {
		u, err := url.Parse(widget)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{
			"accountAddress": order.Address, "cryptoCurrency": "ethereum", "fiatCurrency": "EUR", "fiatAmount": "250", "cryptoAmount": chosen.CryptoAmount, "mode": "buy",
			"paymentMethod": "card", "bankResidency": "fr", "buySessionId": order.ID,
		} {
			if got := u.Query()[name]; len(got) != 1 || got[0] != want {
				t.Errorf("%s is %q, want %s", name, got, want)
			}
		}
	})
	step("Step 4: the user lands on the provider widget to complete the transaction details", func(t *testing.T) {
		body := widgetPage(t, http.MethodGet, widget)
		if !strings.Contains(body, "Review and pay") || !strings.Contains(body, order.Address) || strings.Contains(body, "<input") {
			t.Errorf("%s", body)
		}
		if state := get[wire.Order](t, r.do("GET", "/v1/orders/"+order.ID, "")).State; state != wire.OrderRedirected {
			t.Errorf("the order is %s", state)
		}
	})
	step("Step 5: the user finishes the transaction in the provider widget and the provider sends funds to the user's wallet", func(t *testing.T) {
		r.Scan()
		if body := widgetPage(t, http.MethodPost, widget); !strings.Contains(body, "Paid.") {
			t.Errorf("%s", body)
		}
		r.Scan()
		o := get[wire.Order](t, r.do("GET", "/v1/orders/"+order.ID, ""))
		if o.State != wire.OrderCompleted || o.Delivered == nil || o.Again == nil || o.Again.Amount != "250" || o.Again.Dest != "" {
			t.Errorf("%+v", o)
		}
	})
}

func widgetPage(t *testing.T, method, address string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v\n%s", res.Status, err, body)
	}
	return string(body)
}
