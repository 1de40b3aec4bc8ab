package dashboard

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"countersign/shared/fault"
	"countersign/shared/gas"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/wire"
)

const (
	payee    = "0x52908400098527886E0F7030069857D2E4169EE7" // in no list of the sample
	supplier = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
	sendHash = "0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060"
)

// transfer is a request to send something.
func (c canned) transfer(id, state string, sending *wire.Sending) wire.Request {
	i := intent.Transfer{Kind: intent.KindTransfer, V: 1, Account: "acc_treasury", AccountName: "Treasury", Crypto: intent.Crypto{Amount: "1.5", Asset: "ethereum"},
		Chain: "eip155:31337", To: intent.Recipient{Address: supplier}, MaxFee: intent.Crypto{Amount: "0.00007", Asset: "ethereum"}, Reference: "INV-7"}
	r := c.request(id, state, 1)
	r.Intent, r.Sentence, r.Address, r.Order, r.Sending = intenttest.Doc(i), i.Title(), nil, "", sending
	return r
}

func (c canned) sending(state string, confirmations int64) *wire.Sending {
	s := &wire.Sending{State: state, Hash: sendHash, Confirmations: confirmations, Needed: 12, Attempts: []wire.Attempt{
		{Nonce: 7, Fees: gas.Fees{Gas: 21000, FeeCap: "2000000000", Tip: "1000000000"}, Hash: "0x" + strings.Repeat("5a9c", 16), SignedAt: c.now},
		{Nonce: 7, Fees: gas.Fees{Gas: 21000, FeeCap: "3000000000", Tip: "1500000000"}, Hash: sendHash, SignedAt: c.now}}}
	if confirmations > 0 {
		block := int64(1203)
		s.Block, s.Fee = &block, "0.0000315"
	}
	return s
}

// cost answers what a transfer would cost, for each recipient something else.
func (c canned) cost(w http.ResponseWriter, r *http.Request) {
	out := wire.TransferCost{Asset: "ethereum", Available: "1.2", Coin: "ethereum", Spare: "1.2", ServerTime: c.now,
		Speeds: []wire.Speed{{Name: "slow", MaxFee: "0.00004"}, {Name: "normal", MaxFee: "0.00007"}, {Name: "fast", MaxFee: "0.00013"}}}
	out.Contract = r.URL.Query().Get("to") == supplier
	_ = json.NewEncoder(w).Encode(out)
}

// sends reports what the canned gateway answers of what is sent, if it is asked for that.
func (c canned) sends(w http.ResponseWriter, r *http.Request) bool {
	var answer any
	switch r.URL.Path {
	case "/v1/accounts/acc_treasury/transfer-cost", "/v1/accounts/acc_trading/transfer-cost":
		c.cost(w, r)
		return true
	case "/v1/accounts/acc_treasury/statements":
		if format := r.URL.Query().Get("format"); format != "" {
			_, _ = io.WriteString(w, "the file of "+r.URL.RawQuery)
			return true
		}
		answer = books(r.URL.Query().Get("from"), r.URL.Query().Get("to"))
	case "/v1/requests/req_sending":
		answer = c.transfer("req_sending", wire.RequestApproved, c.sending(wire.SendingIncluded, 2))
	case "/v1/requests/req_sent":
		answer = c.transfer("req_sent", wire.RequestCompleted, c.sending(wire.SendingConfirmed, 14))
	case "/v1/requests/req_stuck":
		answer = c.transfer("req_stuck", wire.RequestApproved, c.sending(wire.SendingSubmitted, 0))
	case "/v1/requests/req_stuck/replace-cost":
		answer = wire.ReplaceCost{Action: r.URL.Query().Get("action"), Coin: "ethereum", Spare: "1.2", FeeBefore: "0.00007", Least: "0.000071", ServerTime: c.now,
			Speeds: []wire.Speed{{Name: "slow", MaxFee: "0.000071"}, {Name: "normal", MaxFee: "0.00009"}, {Name: "fast", MaxFee: "0.00013"}}}
	default:
		return false
	}
	_ = json.NewEncoder(w).Encode(answer)
	return true
}

const toField, amountField = "document.getElementById('f-to')", "document.getElementById('f-amount')"

func TestSomethingIsSentInTheDashboard(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	if s.hashes[core] == "" {
		t.Fatal("the core is not built; run make wasm")
	}
	chrome := browser(t)
	var dearer atomic.Bool // fees went up
	begin := func(t *testing.T, path, shows string) (tab, *writing) {
		t.Helper()
		g := &writing{}
		mux := http.NewServeMux()
		mux.Handle("/v1/", g)
		mux.Handle("/session/", g)
		mux.HandleFunc("/v1/accounts/acc_treasury/transfer-cost", func(w http.ResponseWriter, r *http.Request) {
			answer := httptest.NewRecorder()
			canned{}.cost(answer, r)
			body := answer.Body.String()
			if dearer.Load() {
				body = strings.ReplaceAll(body, "0.00007", "0.00009")
			}
			_, _ = io.WriteString(w, body)
		})
		mux.HandleFunc("/config.json", text("application/json", config))
		mux.Handle("/", s)
		p := open(t, chrome, serveHandler(t, mux)+path)
		p.run(`window.refused = []; const log = console.error; console.error = (...a) => { refused.push(a.join(' ')); log(...a); };
			addEventListener('securitypolicyviolation', (e) => refused.push('policy: ' + e.violatedDirective));`)
		p.until("document.querySelector('main.page')?.innerText.includes(" + quoted(shows) + ")")
		return p, g
	}
	const page = "document.querySelector('main.page').innerText.replaceAll('\u00a0', ' ')"
	sees := func(p tab, text string) { p.Helper(); p.until(page + ".includes(" + quoted(text) + ")") }
	types := func(p tab, element, value string) {
		p.Helper()
		p.run("const e = " + element + "; e.focus(); e.value = " + quoted(value) + "; e.dispatchEvent(new Event('input', { bubbles: true }))")
	}
	press := func(p tab, text string) {
		p.Helper()
		p.until("(() => { const b = [...document.querySelectorAll('main :is(button, a)')].find((b) => b.innerText.trim() === " + quoted(text) + "); b?.click(); return !!b; })()")
	}
	picks := func(p tab, id, value string) {
		p.Helper()
		p.run("const e = document.getElementById(" + quoted(id) + "); e.value = " + quoted(value) + "; e.dispatchEvent(new Event('change', { bubbles: true }))")
	}
	asked := func(g *writing) []string { return look(g, func() []string { return append([]string(nil), g.sent...) }) }

	t.Run("what it costs, what is left and who decides stand beside what is typed", func(t *testing.T) {
		p, g := begin(t, "/send/acc_treasury", "Available: 1.2 ETH")
		types(p, toField, payee)
		types(p, amountField, "0.5")
		sees(p, "It is in no whitelist of this vault")
		sees(p, "Left, at least")
		sees(p, "0.69993 ETH")
		sees(p, "Who decides")
		p.until(page + ".includes('Treasury purchases') || " + page + ".includes('administrators')")
		want := `{"intent":{"kind":"transfer","v":1,"account":"acc_treasury","account_name":"","crypto":{"amount":"0.5","asset":"ethereum"},"chain":"","to":{"address":"` + payee + `"},"max_fee":{"amount":"0.00007","asset":"ethereum"}}}`
		if dry := look(g, func() []string { return g.dry }); len(dry) == 0 || dry[len(dry)-1] != want {
			t.Errorf("the rules were asked about %q", dry)
		}
		press(p, "All of it")
		p.until(amountField + ".value === '1.19993'")
		p.run("document.querySelector('[name=speed][value=fast]').click()")
		p.until(amountField + ".value === '1.19987'")
		p.run("document.querySelector('[name=speed][value=own]').click()")
		types(p, "document.getElementById('f-fee')", "0.2")
		p.until(amountField + ".value === '1'")
		p.want("refused", []string{})
	})
	t.Run("what is wrong stands at its field in plain words, and nothing is asked for", func(t *testing.T) {
		p, g := begin(t, "/send/acc_treasury", "Available: 1.2 ETH")
		press(p, "Ask the approvers")
		p.until("document.activeElement === " + toField + " && document.getElementById('f-to-said').innerText === 'Choose a name, or paste an address' && document.getElementById('f-amount-said').innerText === 'Write an amount'")
		for typed, says := range map[string]string{
			"0x7E5F4552091A69125d5DfCb7b8C2659029395Bde": "a digit was changed",
			"0x52908400098527886e0f7030069857d2e4169ee7": "without the check in the case of its letters",
			"vitalik.eth": "Whoever holds a name can point it elsewhere",
			"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4":                         "an address of Bitcoin, and this account sends on Sandbox chain",
			"0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF":                         "the address of Treasury itself",
			"0x0000000000000000000000000000000000000000000000000000000000000001": "a private key",
		} {
			types(p, toField, typed)
			p.until("document.getElementById('f-to-said').innerText.includes(" + quoted(says) + ") && " + toField + ".getAttribute('aria-invalid') === 'true'")
		}
		if kept := js[string](p, "JSON.stringify(Object.entries(sessionStorage))"); strings.Contains(kept, "00000001") {
			t.Errorf("a private key was kept: %s", kept)
		}
		types(p, toField, "0x52908400098527886e0f7030069857d2e4169ee7")
		press(p, "Write it so")
		p.until(toField + ".value === " + quoted(payee))
		for typed, says := range map[string]string{
			"0": "It is zero", "1,500": "Which of the two do you mean?", "0.0000000000000000001": "ETH has 18 decimals", "1.2": "at most 1.19993 can be sent", "x": "Write the amount in digits",
		} {
			types(p, amountField, typed)
			p.until("document.getElementById('f-amount-said').innerText.includes(" + quoted(says) + ")")
		}
		for _, means := range []string{"1", "1\u202f000"} {
			types(p, amountField, "1.000")
			press(p, means+"\u00a0ETH")
			p.until(amountField + ".value === " + quoted(means) + " && !" + page + ".includes('Which of the two')")
		}
		types(p, amountField, "0.00003")
		sees(p, "The fee may be more than the amount")
		g.set(func() {
			g.refuse = func(bool, string) *fault.Body {
				return &fault.Body{Code: "NOT_ELIGIBLE", Message: "the maximum fee is below what the chain takes now, at least 0.00002 ETH", Details: map[string]string{"field": "max_fee.amount", "reason": "FEE_TOO_LOW"}}
			}
		})
		p.run("document.querySelector('[name=speed][value=own]').click()")
		types(p, "document.getElementById('f-fee')", "0.00001")
		p.until("document.getElementById('f-fee-said').innerText.includes('below what the chain takes now')")
		if sent := asked(g); len(sent) > 0 {
			t.Errorf("asked for %q", sent)
		}
		p.want("refused", []string{})
	})
	t.Run("the address book has the vault's accounts and whitelists, and a contract is warned of by its name", func(t *testing.T) {
		p, _ := begin(t, "/send", "Available: 1.2 ETH")
		p.want("[...document.querySelectorAll('#f-book optgroup')].map((g) => g.label)", []string{"Accounts of this vault", "Whitelist Suppliers", "Whitelist Trading wallet"})
		picks(p, "f-book", supplier)
		sees(p, "Acme Industrial Supplies, in the whitelist Suppliers:")
		sees(p, "The recipient is a contract")
		sees(p, "Acme Industrial Supplies runs a program")
		picks(p, "f-account", "acc_trading")
		sees(p, "Trading has")
		p.want("document.getElementById('f-book').value", supplier)
		p.want("refused", []string{})
	})
	t.Run("nothing is lost by an error, and one press makes one request", func(t *testing.T) {
		p, g := begin(t, "/send/acc_treasury", "Available: 1.2 ETH")
		types(p, toField, payee)
		types(p, amountField, "0.5")
		sees(p, "0.69993 ETH")
		g.set(func() {
			g.refuse = func(dry bool, _ string) *fault.Body {
				if dry {
					return nil
				}
				return &fault.Body{Code: "SIGNER_UNAVAILABLE", Message: "the vault's signer does not answer"}
			}
		})
		press(p, "Ask the approvers")
		p.until("document.activeElement.id === 'f-errors' && document.activeElement.innerText.includes('does not answer')")
		p.want(amountField+".value", "0.5")
		dearer.Store(true)
		p.do(chromedp.Reload())
		p.until(amountField + "?.value === '0.5' && " + toField + ".value === " + quoted(payee))
		sees(p, "0.69991 ETH")
		g.set(func() { g.refuse = nil })
		defer dearer.Store(false)
		p.run("for (let i = 0; i < 3; i++) document.querySelector('form [type=submit]').click()")
		p.until("location.pathname === '/requests/req_6h2v0m3k8t1q5n7p9r4s2w0x3a'")
		sent := asked(g)
		key := func(i int) string { k, _, _ := strings.Cut(sent[i], " "); return k }
		if len(sent) != 2 || sent[0] != sent[1] || len(key(0)) < 8 || !strings.Contains(sent[1], `"to":{"address":"`+payee+`"},"max_fee":{"amount":"0.00007"`) {
			t.Errorf("sent %q", sent)
		}
		p.run("history.back()")
		p.until(amountField + "?.value === ''")
	})
	t.Run("all of it is done by keyboard", func(t *testing.T) {
		p, g := begin(t, "/requests", "Northpay")
		for _, k := range []string{"g", "s"} {
			p.do(chromedp.KeyEvent(k))
		}
		p.until(toField + " !== null")
		p.run("document.getElementById('f-book').focus()")
		for _, k := range []string{kb.Tab, payee, kb.Tab, kb.Tab, "0.25"} { // past the button that copies it
			p.do(chromedp.KeyEvent(k))
		}
		p.want(amountField+".value", "0.25")
		sees(p, "0.94993 ETH")
		p.do(chromedp.KeyEvent(kb.Enter))
		p.until("location.pathname === '/requests/req_6h2v0m3k8t1q5n7p9r4s2w0x3a'")
		if sent := asked(g); len(sent) != 1 {
			t.Errorf("sent %q", sent)
		}
	})
}

// A transfer says to whom it goes and how far it is, and an account how it receives.
func TestATransferIsFollowedAndAnAccountReceives(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	if s.hashes[core] == "" {
		t.Fatal("the core is not built; run make wasm")
	}
	chrome, url := browser(t), serveHandler(t, withAPI(s))
	const page = "document.querySelector('main.page').innerText.replaceAll('\u00a0', ' ')"
	p := open(t, chrome, url+"/requests/req_sending")
	for _, says := range []string{"On its way", "Acme Industrial Supplies, in the whitelist Suppliers", "number 1\u202f203", "2 of 12 blocks", "0.0000315 ETH", sendHash, "2 attempts, of which one gets into a block"} {
		p.until(page + ".includes(" + quoted(says) + ")")
	}
	p.want("[...document.querySelectorAll('.track > .step')].map((e) => e.className)", []string{"step is-done", "step is-done", "step is-done", "step is-current"})
	p.until("[...document.querySelectorAll('.copy')].some((e) => e.ariaLabel === 'Copy transaction')")
	p.do(chromedp.Navigate(url + "/requests/req_sent"))
	p.until(page + ".includes('Completed') && " + page + ".includes('It arrived')")
	p.do(chromedp.Navigate(url + "/accounts/acc_treasury"))
	p.until("document.querySelector('svg.qr[role=img]')?.querySelector('path').getAttribute('d').length > 1000")
	p.until(page + ".includes('Only what is on Sandbox chain may be sent here')")
}

func TestATransferThatWaitsIsSpedUpOrCancelledFromItsPage(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	if s.hashes[core] == "" {
		t.Fatal("the core is not built; run make wasm")
	}
	g := &writing{}
	mux := http.NewServeMux()
	mux.Handle("/v1/", g)
	mux.Handle("/session/", g)
	mux.HandleFunc("/config.json", text("application/json", config))
	mux.Handle("/", s)
	url := serveHandler(t, mux)
	const page = "document.querySelector('main.page').innerText.replaceAll('\u00a0', ' ')"
	p := open(t, browser(t), url+"/requests/req_stuck")
	press := func(text string) {
		p.Helper()
		p.until("(() => { const b = [...document.querySelectorAll('main button')].find((b) => b.innerText.trim() === " + quoted(text) + "); b?.click(); return !!b; })()")
	}
	press("Cancel the transfer")
	p.until(page + ".includes('it may be the transfer') && " + page + ".includes('It takes at least 0.000071 ETH')")
	p.want("document.activeElement.id", "f-replace")
	press("Not now")
	p.until("!" + page + ".includes('it may be the transfer')")
	press("Speed up")
	p.until(page + ".includes('at most 0.00009 ETH')")
	p.run(axeCore(t))
	checkAccessible(p, "the form that speeds up")
	p.run("document.querySelector('input[value=own]').click()")
	p.until("document.getElementById('f-fee') !== null")
	p.run("const e = document.getElementById('f-fee'); e.value = '0.00001'; e.dispatchEvent(new Event('input', { bubbles: true }))")
	p.until(page + ".includes('It takes at least 0.000071 ETH to replace what was signed')")
	press("Ask the approvers")
	p.until("document.activeElement.id === 'f-fee'")
	p.run("document.querySelector('input[value=fast]').click()")
	p.until("!document.getElementById('f-fee') && " + page + ".includes('Who decides')")
	press("Ask the approvers")
	p.until("location.pathname === '/requests/req_6h2v0m3k8t1q5n7p9r4s2w0x3a'")
	sent := look(g, func() []string { return append([]string(nil), g.sent...) })
	if len(sent) != 1 || !strings.Contains(sent[0], `"kind":"replace"`) || !strings.Contains(sent[0], `"request":"req_stuck","action":"SPEED_UP"`) || !strings.Contains(sent[0], `"max_fee":{"amount":"0.00013","asset":"ethereum"}`) {
		t.Errorf("sent %q", sent)
	}
}

func TestTheSendFormStandsAloneInAPageOfAnotherOrigin(t *testing.T) {
	t.Parallel()
	e := hosted(t, map[string]string{
		"page": hostPage("hostile.css", provider+`<countersign-send account="acc_trading" to="`+payee+`" amount="0.5" reference="INV-7"></countersign-send><countersign-order request="req_sending"></countersign-order></countersign-provider>`),
		"page.js": watch + deep + `document.querySelector('countersign-provider').accessToken = token; await import('{{base}}send.js'); await import('{{base}}client.js').then((m) => { window.connect = m.connect; }); window.ready = true;
			window.client = await connect({ apiUrl: '{{api}}', environment: 'sandbox', accessToken: token, wasmURL: '{{base}}countersign.wasm' });`,
	})
	p := open(t, e.chrome, e.host+"/page")
	p.until("window.ready && said('send').includes('0.69993\u00a0ETH') && said('send').includes('Treasury purchases')")
	p.want("[inside('send').getElementById('f-account').value, inside('send').getElementById('f-reference').value]", []string{"acc_trading", "INV-7"})
	p.run("document.querySelector('countersign-send').amount = '0.25'")
	p.until("said('send').includes('0.94993\u00a0ETH')")
	p.until("said('order').includes('2 of 12 blocks') && said('order').includes('Acme Industrial Supplies')")
	p.run(axeCore(t))
	checkAccessible(p, "the form that sends")
	for _, width := range []int64{1280, 320} {
		p.do(chromedp.EmulateViewport(width, 900))
		p.want("document.documentElement.scrollWidth <= innerWidth", true)
	}
	p.until("window.client && client.transferCost({ account: 'acc_treasury', asset: 'ethereum' }).then((c) => c.speeds.fast === '0.00013')")
	p.want("client.purchase('req_sending').then((r) => [r.state, r.to, r.sending.state, r.sending.block, r.sending.attempts.length])", []any{"sending", supplier, "included", 1203, 2})
	p.want("client.transfer({ account: 'acc_treasury', asset: 'ethereum', amount: 1, to: '0x', maxFee: {} }).catch((e) => [e.code, e.field])", []string{"PROP_INVALID", "amount"})
	before := e.at.count("POST /v1/requests")
	p.until("press('send', /Ask the approvers/)")
	p.until("seen.some(([type, d]) => type === 'requested' && d.id === 'req_6h2v0m3k8t1q5n7p9r4s2w0x3a')")
	p.until("said('send').includes('The members are asked')")
	p.run("inside('send').querySelector('.notice a').click()")
	p.until("seen.some(([type, d]) => type === 'selected' && d.request === 'req_6h2v0m3k8t1q5n7p9r4s2w0x3a')")
	if n := e.at.count("POST /v1/requests") - before; n != 1 {
		t.Errorf("it asked %d times", n)
	}
	p.want("[document.title, location.pathname]", []string{"Host", "/page"})
	p.want("wrong", []string{})
}

// <countersign-app> leads to the form where its page has it, and has no way there where it has not.
func TestTheSendFormStandsInTheAppOfAHost(t *testing.T) {
	t.Parallel()
	e := hosted(t, map[string]string{
		"page": hostPage("hostile.css", `<countersign-app api-url="{{api}}" environment="sandbox" wasm-url="{{base}}countersign.wasm"></countersign-app>`),
		"page.js": watch + deep + `await import('{{base}}elements.js'); const app = document.querySelector('countersign-app'); app.accessToken = token; window.ready = true;
			window.items = () => [...inside('app').querySelectorAll('.rail-link')].map((a) => a.innerText.split('\n')[0]);
			addEventListener('countersign-navigated', (e) => { if (e.detail.route.startsWith('/send')) import('{{base}}send.js'); });`,
	})
	p := open(t, e.chrome, e.host+"/page")
	p.until("window.ready && said('app').includes('Treasury')")
	p.want("items()", []string{"Buy", "Requests", "Orders", "Accounts"})
	p.run("document.querySelector('countersign-app').navigate('/accounts/acc_treasury')")
	p.until("said('app').includes('Key in the vault')")
	p.want("[/Send from this account/.test(said('app')), inside('app').querySelector('svg.qr')]", []any{false, nil})
	p.run("document.querySelector('countersign-app').send = true")
	p.until("items().includes('Send')")
	p.run("document.querySelector('countersign-app').navigate('/send/acc_treasury')")
	p.until("said('app').includes('Available: 1.2 ETH')")
	p.run("document.querySelector('countersign-app').navigate('/accounts/acc_treasury')")
	p.until("/Send from this account/.test(said('app')) && inside('app').querySelector('svg.qr') !== null")
	p.want("[document.title, location.pathname]", []string{"Host", "/page"})
	p.want("wrong", []string{})
}
