package dashboard

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/quote"
	"countersign/shared/statement"
	"countersign/shared/wire"
)

// canned answers like a gateway with one of everything, so that the real core
// can be looked at without the rest of the system.
type canned struct{ now time.Time }

const (
	address = "0x52F19C4a77B0e3D2C0AF1B689D034E5A8B21c7f4"
	digest  = "pDRbFb6Ia1cRO1k5RzqkJIr4XZBLTVPKVXUGcYdTqJQ"
)

func (c canned) intent() intent.Buy {
	return intent.Buy{Kind: intent.KindBuy, V: 1, Account: "acc_treasury", AccountName: "Treasury", Provider: "northpay", ProviderName: "Northpay",
		Fiat: intent.Fiat{Amount: "250", Currency: "EUR"}, Crypto: intent.Crypto{Amount: "0.08421390751120486", Asset: "ethereum"}, Minimum: "0.08337176843609281",
		Chain: "eip155:31337", Address: address, PaymentMethod: "card", Country: "FR", Quote: "quo_3k8t1q5n7p9r4s2w0x3a6h2v0m"}
}

func (c canned) request(id, state string, approved int) wire.Request {
	at := c.now.Add(-2 * time.Minute)
	r := wire.Request{ID: id, Entity: "ent_sandbox", State: state, Sentence: "Buy 0.0842 ETH for 250 EUR from Northpay into Treasury", Intent: intenttest.Doc(c.intent()),
		Rule: wire.Rule{Name: "Treasury purchases", Version: 3, Digest: digest}, Reasons: []string{"2 of 3 members must approve; " + fmt.Sprint(approved) + " did"},
		Step: 1, Needed: 2, Approved: approved,
		Steps:     []governance.Progress{{Name: "Treasury", Needed: 2, Approved: []string{"mem_bob"}[:approved%2], Waiting: []string{"mem_alice", "mem_carol"}}},
		Approvers: []wire.Approver{{Member: "mem_alice", Name: "Alice Martin", Curve: "secp256k1", Key: digest, ChannelIn: "token"}, {Member: "mem_bob", Name: "Bob Keller", Curve: "P-256", Key: digest, ChannelIn: "token"}, {Member: "mem_carol", Name: "Carol Diaz", Curve: "secp256k1", Key: digest, ChannelIn: "software"}},
		Address:   &wire.DepositInfo{Chain: "eip155:31337", Address: address, Attestation: "e.y.z", Verified: true},
		History:   []wire.Event{{At: at, Type: "request", Text: "Alice Martin asked for this purchase", Seq: 4}},
		CreatedAt: at, ExpiresAt: c.now.Add(12 * time.Minute), ServerTime: c.now}
	if approved > 0 {
		r.Approvers[1].Decision, r.Approvers[1].At = "APPROVE", &at
		r.History = append(r.History, wire.Event{At: at, Type: "approval", Text: "Bob Keller approved", Seq: 5})
	}
	if state == wire.RequestCompleted {
		r.Order = "ord_1"
	}
	return r
}

func (c canned) order() wire.Order {
	return wire.Order{ID: "ord_9r4s2w0x3a6h2v0m3k8t1q5n7p", Entity: "ent_sandbox", Request: "req_done", Account: "acc_treasury", State: wire.OrderCompleted, Provider: "northpay", ProviderName: "Northpay",
		Fiat: c.intent().Fiat, Promised: c.intent().Crypto, Minimum: c.intent().Minimum, Delivered: &intent.Crypto{Amount: "0.0841", Asset: "ethereum"},
		Difference: "-0.00011390751120486", DifferencePct: "-0.14", Chain: "eip155:31337", Address: address, TxHash: "0x" + strings.Repeat("5a9c", 16),
		History:   []wire.Event{{At: c.now.Add(-time.Minute), Type: "order", Text: "Handed over to Northpay", Seq: -1}, {At: c.now, Type: "delivered", Text: "The deposit is final", Seq: -1}},
		CreatedAt: c.now.Add(-time.Minute), UpdatedAt: c.now, ServerTime: c.now}
}

// history is what Northpay promised and delivered: as promised, a little less, nothing, and not yet.
func (c canned) history() wire.History {
	seconds := int64(340)
	one := func(n int, state, delivered, difference, pct string) wire.Delivery {
		d := wire.Delivery{Order: fmt.Sprintf("ord_%dr4s2w0x3a6h2v0m3k8t1q5n7p", n), State: state, Fiat: c.intent().Fiat, Promised: c.intent().Crypto, CreatedAt: c.now.Add(-time.Duration(n) * 26 * time.Hour)}
		if delivered != "" {
			d.Delivered, d.Difference, d.DifferencePct, d.Seconds = &intent.Crypto{Amount: delivered, Asset: "ethereum"}, difference, pct, &seconds
		}
		return d
	}
	return wire.History{Provider: "northpay", Record: quote.Record{Delivered: 2, Ended: 3, DeliveryRatio: "0.985000", CompletionOdds: "0.923077"}, Ranking: quote.TheRanking(), Items: []wire.Delivery{
		one(1, wire.OrderProcessing, "", "", ""), one(2, wire.OrderCompleted, "0.0841", "-0.00011390751120486", "-0.14"), one(3, wire.OrderFailed, "", "", ""), one(4, wire.OrderCompleted, c.intent().Crypto.Amount, "0", "0.00")}, NextCursor: "ord_4r4s2w0x3a6h2v0m3k8t1q5n7p"}
}

func (c canned) account() wire.Account {
	return wire.Account{ID: "acc_treasury", Name: "Treasury", Chain: "eip155:31337", Address: address, Balances: []wire.Balance{{Asset: "ethereum", Amount: "0.33421390751120486"}},
		Rules: governance.Set{Version: 3, Rules: []governance.Rule{{Name: "Treasury purchases", Steps: []governance.Step{{Name: "Treasury", Quorum: 2, Members: []string{"mem_alice", "mem_bob", "mem_carol"}}}}}},
		Entries: []wire.LedgerEntry{{ID: "ent_1", At: c.now, Text: "Purchase at Northpay", Order: "ord_9r4s2w0x3a6h2v0m3k8t1q5n7p",
			Postings: []wire.Posting{{Ledger: "vault:acc_treasury", Side: "debit", Asset: "ethereum", Amount: "0.08421390751120486"}, {Ledger: "provider:northpay", Side: "credit", Asset: "ethereum", Amount: "0.08421390751120486"}}}},
		Deposits: []wire.Deposit{{ID: "dep_done", State: wire.DepositFinal, Chain: "eip155:31337", Address: address, Request: "req_done", Order: "ord_9r4s2w0x3a6h2v0m3k8t1q5n7p", Asset: "ethereum", Amount: "0.08421390751120486", TxHash: "0x" + strings.Repeat("5a9c", 16), At: c.now, Confirmations: 3, Needed: 1}}, ServerTime: c.now}
}

func (c canned) providers() wire.Providers {
	at := c.now
	capable := func(id, name, most string) quote.Provider {
		return quote.Provider{ID: id, Name: name, FetchedAt: &at, Freshness: quote.Fresh, Circuit: quote.CircuitClosed, SpecDeviations: []string{},
			Capabilities: &quote.Capabilities{Fiats: []quote.FiatLimit{{Fiat: "EUR", Min: "20", Max: most}, {Fiat: "USD", Min: "20", Max: most}},
				Countries: []quote.Country{{Country: "DE", PaymentMethods: []string{"card", "sepa"}}, {Country: "FR", PaymentMethods: []string{"card", "sepa"}}}, Assets: []string{"bitcoin", "ethereum"}}}
	}
	return wire.Providers{Providers: []quote.Provider{capable("northpay", "Northpay", "20000"), capable("meridian", "Meridian", "20000"), capable("coinharbor", "Coinharbor", "150")}, ServerTime: c.now}
}

func (c canned) quotes(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/event-stream")
	row := func(provider, name, crypto string, best bool) quote.Row {
		r := quote.Row{ID: "quo_3k8t1q5n7p9r4s2w0x3a6h2v0m", Provider: provider, ProviderName: name, Rank: 1, Best: best, Fiat: "EUR", FiatAmount: "250", Asset: "ethereum", AssetPlaces: 18,
			CryptoAmount: crypto, UnitPrice: "2968.63", KYC: "light", PriceType: "indicative", Settlement: &quote.Range{Min: 120, Max: 600}, ReceivedAt: c.now, ExpiresAt: c.now.Add(50 * time.Second), LatencyMS: 212}
		if best {
			r.Fees = []quote.Fee{{Type: "provider", Amount: "3.75", Currency: "EUR"}}
		} else {
			r.ID, r.Rank = "quo_4k8t1q5n7p9r4s2w0x3a6h2v0m", 2
		}
		return r
	}
	in := quote.Input{From: "EUR", To: "ethereum", Amount: "250", PaymentMethod: "card", Country: "FR"}
	out := quote.Excluded{Provider: "coinharbor", ProviderName: "Coinharbor", Stage: quote.StageEligibility, Code: quote.AmountAboveMax, Message: "Coinharbor takes at most 150 EUR.",
		Params: &quote.Params{Min: "20", Max: "150", Currency: "EUR"}, Fix: &quote.Fix{Field: "amount", Value: "150", Opens: 1, Text: "Pay EUR 150 instead"}}
	rows := []quote.Row{row("northpay", "Northpay", "0.08421390751120486", true), row("meridian", "Meridian", "0.083991", false)}
	event := func(name string, v any) {
		b, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(w, "event: %s\ndata: %s\n\n", name, b)
	}
	event(wire.EventOpen, wire.QuoteOpen{Question: "qst_1", Account: "acc_treasury", Input: in, ServerTime: c.now})
	event(wire.EventExcluded, out)
	event(wire.EventQuote, rows[0])
	event(wire.EventQuote, rows[1])
	event(wire.EventDone, wire.Quotes{Question: "qst_1", Account: "acc_treasury", Result: quote.Result{Input: in, ServerTime: c.now, Complete: true, Asked: 2, Quotes: rows, Excluded: []quote.Excluded{out}, Fixes: []quote.Fix{}}})
}

// dryRun is what the rules say of a purchase.
func (c canned) dryRun() governance.Explanation {
	return governance.Explanation{
		Decision:  governance.Decision{State: governance.Pending, Rule: "Treasury purchases", Version: 3, Digest: digest, Step: 1, Steps: []governance.Progress{}, Expires: c.now.Add(time.Hour), Reasons: []string{"waiting for 2 of 2"}},
		Rules:     []governance.Answer{{Rule: "Treasury purchases", Result: governance.Governs, Condition: -1}, {Rule: "Large purchases", Result: governance.Unmet, Why: "250 EUR is less than 10000 EUR"}},
		Remaining: []governance.Remaining{{Step: 1, Name: "approval", Quorums: []governance.Missing{{Needed: 2, Members: []string{"mem_alice", "mem_bob"}}}}},
		Windows:   []governance.Left{{Rule: "Treasury purchases", Currency: "EUR", Seconds: 86400, Max: "50000", Spent: "250", Left: "49750"}},
	}
}

func (c canned) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.now = time.Now().UTC().Truncate(time.Second)
	pending := c.request("req_6h2v0m3k8t1q5n7p9r4s2w0x3a", wire.RequestPending, 1)
	answers := map[string]any{
		"/session/token":                 wire.TokenReply{AccessToken: "e.y.z", TokenType: "Bearer", ExpiresIn: 3600},
		"/v1/clock":                      wire.Clock{Now: c.now},
		"/v1/providers":                  c.providers(),
		"/v1/accounts":                   wire.Accounts{Accounts: []wire.Account{c.account()}, ServerTime: c.now},
		"/v1/accounts/acc_treasury":      c.account(),
		"/v1/orders":                     wire.Page[wire.Order]{Items: []wire.Order{c.order()}},
		"/v1/orders/" + c.order().ID:     c.order(),
		"/v1/providers/northpay/history": c.history(),
		"/v1/requests":                   wire.Page[wire.Request]{Items: []wire.Request{pending, c.request("req_rejected", wire.RequestRejected, 0), c.request("req_expired", wire.RequestExpired, 0), c.request("req_done", wire.RequestCompleted, 1)}},
		"/v1/requests/" + pending.ID:     pending,
		"/v1/requests/req_rejected":      c.request("req_rejected", wire.RequestRejected, 0),
		"/v1/requests/req_done":          c.request("req_done", wire.RequestCompleted, 1),
		"/v1/requests/" + pending.ID + "/statement": wire.StatementPreview{Request: pending.ID, Member: "mem_alice", Decision: "APPROVE",
			Text: "Decision      APPROVE this purchase\nYou pay       250 EUR by card, FR\nTo address    0x 7E5F 4552 091A 6912 5d5D fCb7 b8C2 6590 2939 5Bdf\n" +
				"Asked by      Atlas Trading SAS (ent_sandbox); which person is not proven\nRequest       " + pending.ID},
		"/v1/entity": wire.Entity{ID: "ent_sandbox", Name: "Atlas Trading SAS", Enrolled: true, Signer: "ok", Env: "sandbox", Log: statement.Log{Size: 6, Head: digest}, ServerTime: c.now,
			Members: []wire.Member{{ID: "mem_alice", Name: "Alice Martin", Role: "OPERATOR", Curve: "secp256k1", Key: digest, ChannelIn: "token"}}},
	}
	if r.URL.Path == "/v1/quotes" {
		c.quotes(w)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if r.Header.Get(wire.HeaderDryRun) != "" {
		_ = json.NewEncoder(w).Encode(c.dryRun())
		return
	}
	if body, ok := vaultAnswer(r); ok {
		_, _ = w.Write(body)
		return
	}
	if c.sends(w, r) {
		return
	}
	answer, ok := answers[r.URL.Path]
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		answer = wire.Problem{}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// withAPI is the dashboard with the canned gateway.
func withAPI(pages http.Handler) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("/v1/", canned{})
	mux.Handle("/session/", canned{})
	mux.HandleFunc("/config.json", text("application/json", config))
	mux.Handle("/", pages)
	return mux
}

// The core that `make wasm` built, on every screen: it starts under the policy,
// paints only what the painter and the styles know, fits from 320 px up and has
// nothing that an accessibility checker calls serious.
func TestTheRealCore(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	if s.hashes[core] == "" {
		t.Fatal("the core is not built; run make wasm")
	}
	url := serveHandler(t, withAPI(s))
	chrome := browser(t)
	axe := axeCore(t)
	for _, screen := range []struct{ name, path, shows string }{
		{"buy", "/", "Meridian"},
		{"requests", "/requests", "Northpay"},
		{"request", "/requests/req_6h2v0m3k8t1q5n7p9r4s2w0x3a", "Treasury purchases"},
		{"rejected", "/requests/req_rejected", "Treasury"},
		{"orders", "/orders", "Northpay"},
		{"order", "/orders/ord_9r4s2w0x3a6h2v0m3k8t1q5n7p", "Delivered"},
		{"accounts", "/accounts", "Treasury"},
		{"account", "/accounts/acc_treasury", "Purchase at Northpay"},
		{"vault", "/vault", "To trading only"},
		{"vault-object", "/vault/acc_treasury", "What differs"},
		{"vault-change", "/vault/change_acc_trading", "Everyday purchases"},
		{"send", "/send/acc_treasury", "Available: 1.2 ETH"},
		{"providers", "/providers", "Coinharbor"},
		{"provider", "/providers/northpay", "98.5\u00a0%"},
		{"sending", "/requests/req_sending", "2 of 12 blocks"},
		{"nowhere", "/requests/none/at/all", "nothing"},
	} {
		t.Run(screen.name, func(t *testing.T) {
			p := open(t, chrome, url+screen.path)
			p.run(`window.refused = []; const log = console.error; console.error = (...a) => { refused.push(a.join(' ')); log(...a); };
				addEventListener('securitypolicyviolation', (e) => refused.push('policy: ' + e.violatedDirective)); window.root = document.querySelector('countersign-app');`)
			if screen.name == "buy" {
				p.do(typeInto("amount", "250"))
				p.run("for (const [id, v] of [['to', 'ethereum'], ['country', 'FR']]) { const e = document.getElementById(id); if (e) { e.value = v; e.dispatchEvent(new Event('change', {bubbles: true})); } }")
				p.do(typeInto("amount", kb.Enter))
			}
			p.until("document.querySelector('main.page')?.innerText.includes('" + screen.shows + "')")
			p.until("performance.getEntriesByName('countersign:picture').length > 0")
			t.Logf("first picture of the core %.0f ms after navigation", js[float64](p, "performance.getEntriesByName('countersign:picture')[0].startTime"))
			p.run(axe)
			for _, v := range []struct {
				scheme string
				width  int64
			}{{"light", 1280}, {"light", 1120}, {"light", 320}, {"dark", 1280}, {"dark", 320}} { // two columns begin at 1120 px, where the first is narrowest
				p.media(v.scheme, "reduce")
				p.do(chromedp.EmulateViewport(v.width, 900))
				fits(p, v.scheme, v.width)
				checkAccessible(p, v.scheme)
				if *pictures != "" {
					shot(p, filepath.Join(*pictures, fmt.Sprintf("core-%s-%s-%d.png", screen.name, v.scheme, v.width)))
				}
			}
			p.want("refused", []string{})
			unknownClasses(p)
		})
	}
}

// unknownClasses holds the core to the list at the top of app.css.
func unknownClasses(p tab) {
	p.Helper()
	sheet, err := os.ReadFile("static/app.css")
	if err != nil {
		p.Fatal(err)
	}
	for _, class := range js[[]string](p, "[...new Set([...root.querySelectorAll('[class]')].flatMap((e) => [...e.classList]))]") {
		if !strings.Contains(string(sheet), "."+class) {
			p.Errorf("the class %q is not in app.css", class)
		}
	}
}
