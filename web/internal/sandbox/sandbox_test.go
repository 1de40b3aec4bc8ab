package sandbox_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/shared/amount"
	"countersign/shared/fault"
	"countersign/shared/quote"
	"countersign/web/internal/buy"
	"countersign/web/internal/chain"
	"countersign/web/internal/sandbox"
)

const vault = "0x52908400098527886E0F7030069857D2E4169EE7"

const noticeSecret = "notice-secret-0123456789"

type world struct {
	providers, chain, dashboard string
	stop                        func()
}

// start runs a sandbox on free ports with its state in dir.
func start(t *testing.T, dir, gateway string) world {
	t.Helper()
	key := filepath.Join(dir, "api.key")
	if err := os.WriteFile(key, []byte("sandbox-secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	notices := filepath.Join(dir, "notices.key")
	if err := os.WriteFile(notices, []byte(noticeSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := sandbox.Run(ctx, sandbox.Config{
			ProvidersListen: "127.0.0.1:0", ChainListen: "127.0.0.1:0", DashboardListen: "127.0.0.1:0",
			GatewayURL: gateway, DeveloperID: "dev_sandbox", Entities: []sandbox.Entity{{ID: "ent_sandbox", Name: "Sandbox"}, {ID: "ent_branch", Name: "Branch"}}, APIKeyFile: key,
			BridgeURLs: []string{"ws://127.0.0.1:18427"}, StateDir: dir,
			NoticeSecretFiles: map[string]string{"northpay": notices},
		}, sandbox.Stdio{Out: w, Err: io.Discard})
		w.CloseWithError(io.EOF)
		ended <- err
	}()
	var urls []string
	for lines := bufio.NewScanner(r); len(urls) < 3; {
		if !lines.Scan() {
			t.Fatalf("the sandbox ended: %v", <-ended)
		}
		urls = append(urls, strings.TrimPrefix(lines.Text(), "listening on "))
	}
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(stop)
	return world{urls[0], urls[1], urls[2], stop}
}

func (w world) desk(t *testing.T) *buy.Desk {
	t.Helper()
	var providers []buy.Provider
	for _, id := range []string{"northpay", "coinharbor", "meridian"} {
		providers = append(providers, buy.Provider{ID: id, Name: id, URL: w.providers + "/" + id})
	}
	d, err := buy.New(buy.Config{Providers: providers, Sandbox: true})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (w world) fault(t *testing.T, provider, faults string) {
	t.Helper()
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPut, w.providers+"/_control/"+provider, strings.NewReader(faults))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("set faults: %s", res.Status)
	}
}

func input(dest string) quote.Input {
	return quote.Input{From: "EUR", To: "ethereum", Amount: "250", PaymentMethod: "card", Country: "FR", Dest: dest}
}

func TestAPurchaseIsDeliveredOnceAndSurvivesARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := start(t, dir, "http://127.0.0.1:1")
	desk, ctx := w.desk(t), t.Context()
	result, err := desk.Quote(ctx, input(vault), false, nil)
	if err != nil || len(result.Quotes) != 3 {
		t.Fatalf("Quote: %v, %+v", err, result)
	}
	var page, promised string
	for _, row := range result.Quotes {
		if row.Provider != "coinharbor" {
			continue
		}
		promised = row.CryptoAmount
		page, err = desk.Redirect(ctx, quote.HandOff{
			Order: "ord_1", Provider: row.Provider, Input: input(vault), Crypto: row.CryptoAmount, Return: w.dashboard + "/orders/ord_1", Theme: "dark",
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if body := get(t, page); !strings.Contains(body, "Pay 250.00 EUR (sandbox)") || !strings.Contains(body, vault) || strings.Contains(body, "<input") {
		t.Fatalf("the widget does not show the order:\n%s", body)
	}
	for range 2 { // paying twice sends once
		res, err := http.PostForm(page, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if !strings.Contains(string(body), "Back to your dashboard") || !strings.Contains(string(body), "Delivered") {
			t.Fatalf("paid page:\n%s", body)
		}
	}
	deposit := wait(t, w.chain)
	want := amount.Must(promised).MulRatio(9_997, 10_000, 18, amount.Floor).Trim().String()
	units, err := amount.Must(want).Units(18)
	if err != nil || deposit.Units != units || deposit.Asset != "ethereum" || deposit.Tx == "" {
		t.Errorf("deposit = %+v, want %s to %s", deposit, want, vault)
	}
	w.stop()

	again := start(t, dir, "http://127.0.0.1:1")
	if found := wait(t, again.chain); found != deposit {
		t.Errorf("after a restart: %+v", found)
	}
}

// wait reads the chain until the one deposit has a block above it, which comes by
// itself, and compares it with the balance.
func wait(t *testing.T, url string) chain.Arrival {
	t.Helper()
	w, err := chain.New(chain.Config{RPC: url, Chain: "eip155:31337"})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	address := strings.ToLower(vault)
	for {
		head, err := w.Head(ctx)
		if err != nil {
			t.Fatal(err)
		}
		blocks, found, err := w.Read(ctx, chain.Block{}, head.Number, chain.Watched{address: true})
		if err != nil {
			t.Fatal(err)
		}
		if len(found) > 1 {
			t.Fatalf("%d deposits", len(found))
		}
		if n := len(blocks); len(found) == 1 && blocks[n-1].Number > found[0].Block.Number {
			now, err := w.Balances(ctx, blocks[n-1], []string{address})
			before, err2 := w.Balances(ctx, chain.Block{Hash: found[0].Block.Parent}, []string{address})
			if err != nil || err2 != nil || now[0] != found[0].Units || before[0] != "0" {
				t.Errorf("balances %v, %v before %v, %v", now, err, before, err2)
			}
			return found[0]
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("no deposit")
		}
	}
}

func get(t *testing.T, address string) string {
	t.Helper()
	res, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestProvidersBreakOnDemand(t *testing.T) {
	t.Parallel()
	w := start(t, t.TempDir(), "http://127.0.0.1:1")
	before, err := w.desk(t).Requote(t.Context(), "northpay", input(vault))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, faults, reason string }{
		{"down", `{"down":true}`, quote.CapabilitiesUnavailable},
		{"malformed", `{"malformed":true}`, quote.MalformedJSON},
		{"wrong echo", `{"wrong_echo":true}`, quote.EchoMismatch},
		{"expired", `{"expired":true}`, quote.AlreadyExpired},
	} {
		w.fault(t, "northpay", c.faults)
		_, err := w.desk(t).Requote(t.Context(), "northpay", input(vault))
		if e, ok := fault.As(err); !ok || e.Code != fault.Provider || e.Details["reason"] != c.reason {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	w.fault(t, "northpay", `{"price_percent":5}`)
	after, err := w.desk(t).Requote(t.Context(), "northpay", input(vault))
	if err != nil || amount.Must(after.CryptoAmount).Cmp(amount.Must(before.CryptoAmount)) >= 0 {
		t.Errorf("a moved price: %v, %s then %s", err, before.CryptoAmount, after.CryptoAmount)
	}
}

func TestAWidgetRefusesAChangedAddress(t *testing.T) {
	t.Parallel()
	w := start(t, t.TempDir(), "http://127.0.0.1:1")
	page, err := w.desk(t).Redirect(t.Context(), quote.HandOff{Order: "ord_2", Provider: "northpay", Input: input(vault), Crypto: "0.1"})
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(page)
	q := u.Query()
	q.Set("accountAddress", "0x0000000000000000000000000000000000000001")
	u.RawQuery = q.Encode()
	if body := get(t, u.String()); strings.Contains(body, "<form") || !strings.Contains(body, "changed on the way") {
		t.Errorf("the widget offers to pay for a changed address:\n%s", body)
	}
	// The same order for something else is refused, not replaced.
	other := input("0x8617E340B3D01FA5F11F306F4090FD50E238070D")
	if _, err := w.desk(t).Redirect(t.Context(), quote.HandOff{Order: "ord_2", Provider: "northpay", Input: other, Crypto: "0.1"}); err == nil {
		t.Error("an order was replaced by another with its id")
	}
}

func TestTheBackEndKeepsTheKey(t *testing.T) {
	t.Parallel()
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/entities/auth/generate-token" {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "event: open\n\n")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return
		}
		var q map[string]string
		_ = json.NewDecoder(r.Body).Decode(&q)
		if q["apiKey"] != "sandbox-secret" || q["userType"] != "entity" || r.Header.Get("Origin") != "" || r.Header.Get("Cookie") != "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, `{"access_token":"of `+q["id"]+`"}`)
	}))
	t.Cleanup(gateway.Close)
	w := start(t, t.TempDir(), gateway.URL)
	for _, c := range []struct {
		name   string
		header map[string]string
		host   string
		status int
	}{
		{"own page", map[string]string{"Origin": w.dashboard, "Sec-Fetch-Site": "same-origin", "Cookie": "a=b"}, "", 200},
		{"own page, older browser", map[string]string{"Origin": w.dashboard}, "", 200},
		{"no browser", nil, "", 403},
		{"another site", map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, "", 403},
		{"another port", map[string]string{"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": "same-site"}, "", 403},
		{"null origin", map[string]string{"Origin": "null"}, "", 403},
		{"another name", map[string]string{"Sec-Fetch-Site": "same-origin"}, "evil.example", 403},
	} {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, w.dashboard+"/session/token", nil)
		for k, v := range c.header {
			req.Header.Set(k, v)
		}
		if c.host != "" {
			req.Host = c.host
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != c.status || strings.Contains(string(body), "sandbox-secret") {
			t.Errorf("%s: %d %s, want %d", c.name, res.StatusCode, body, c.status)
		}
	}
	if body := get(t, w.dashboard+"/config.json"); !strings.Contains(body, "ws://127.0.0.1:18427") || strings.Contains(body, "secret") {
		t.Errorf("config.json = %s", body)
	}
	for query, want := range map[string]struct {
		status int
		says   string
	}{
		"":                                      {200, "of ent_sandbox"},
		"?entity=ent_sandbox":                   {200, "of ent_sandbox"},
		"?entity=ent_branch":                    {200, "of ent_branch"},
		"?entity=ent_other":                     {403, "You may not act for this entity"},
		"?entity=":                              {403, "You may not act for this entity"},
		"?entity=ent_branch&entity=ent_sandbox": {403, "You may not act for this entity"},
	} {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, w.dashboard+"/session/token"+query, nil)
		req.Header.Set("Origin", w.dashboard)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != want.status || !strings.Contains(string(body), want.says) {
			t.Errorf("%s: %d %s", query, res.StatusCode, body)
		}
	}
	// An event passes while the answer is still open.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, w.dashboard+"/v1/quotes", nil)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if line, err := bufio.NewReader(res.Body).ReadString('\n'); err != nil || line != "event: open\n" {
		t.Errorf("stream: %q, %v", line, err)
	}
}

func TestAFirmQuoteKeepsItsPrice(t *testing.T) {
	t.Parallel()
	w := start(t, t.TempDir(), "http://127.0.0.1:1")
	desk := w.desk(t)
	row, err := desk.Requote(t.Context(), "northpay", input(vault))
	if err != nil || row.ProviderRef == "" || row.PriceType != "firm" || len(row.Fees) != 1 {
		t.Fatalf("%+v, %v", row, err)
	}
	w.fault(t, "northpay", `{"price_percent":5}`)
	order := quote.HandOff{Order: "ord_3", Provider: "northpay", Input: input(vault), Crypto: row.CryptoAmount, QuoteRef: row.ProviderRef}
	page, err := desk.Redirect(t.Context(), order)
	if err != nil {
		t.Fatal(err)
	}
	if body := get(t, page); !strings.Contains(body, "<dd>"+row.CryptoAmount+" ETH</dd>") {
		t.Errorf("the widget promises something else than %s:\n%s", row.CryptoAmount, body)
	}
	order.Order, order.QuoteRef = "ord_4", "np-unknown"
	if page, err = desk.Redirect(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(get(t, page), "<dd>"+row.CryptoAmount+" ETH</dd>") {
		t.Error("an order without its quote kept the old price")
	}
}
