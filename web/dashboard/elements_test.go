package dashboard

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"countersign/shared/wire"
)

// elsewhere is a gateway on an origin of its own, which lets another one read its
// answers, and counts what it is asked.
type elsewhere struct {
	mu    sync.Mutex
	asked map[string]int
	html  bool // it is no gateway
}

func (e *elsewhere) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
	h.Set("Access-Control-Allow-Headers", "authorization, content-type, idempotency-key, dry-run")
	h.Set("Access-Control-Max-Age", "7200")
	h.Set("Vary", "Origin")
	if r.Method == http.MethodOptions {
		return
	}
	e.mu.Lock()
	e.asked[r.Method+" "+r.URL.Path]++
	e.mu.Unlock()
	switch {
	case e.html:
		h.Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html>")
	case r.Method == http.MethodPost && r.URL.Path == "/v1/requests" && r.Header.Get(wire.HeaderDryRun) == "":
		h.Set("Content-Type", "application/json")
		writeJSON(w, canned{time.Now()}.request("req_6h2v0m3k8t1q5n7p9r4s2w0x3a", wire.RequestPending, 0))
	case r.URL.Path == "/v1/events":
		h.Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "event: open\ndata: {\"entity\":\"ent_sandbox\"}\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	default:
		canned{}.ServeHTTP(w, r)
	}
}

func (e *elsewhere) count(name string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.asked[name]
}

// hostile is what a host's styles may say.
const hostile = `* { color: lime !important; letter-spacing: 9px; text-transform: uppercase; } html { font-size: 30px; direction: ltr; }
button { all: unset !important; display: none !important; } p, h1, div { font-family: fantasy; } #own { color: rgb(1, 2, 3) !important; }`

// embedding is somebody else's page: its origin, and the gateway's.
type embedding struct {
	chrome context.Context
	host   string
	at     *elsewhere
	api    string
}

func hosted(t *testing.T, pages map[string]string, more ...func(*http.ServeMux)) embedding {
	t.Helper()
	s := newSite(t, nil)
	if s.hashes[core] == "" {
		t.Fatal("the core is not built; run make wasm")
	}
	at := &elsewhere{asked: map[string]int{}}
	api := serveHandler(t, at)
	mux := http.NewServeMux()
	mux.Handle("/", s)
	mux.HandleFunc("/hostile.css", text("text/css", hostile))
	mux.HandleFunc("/plain.css", text("text/css", "body { margin: 16px; background: #fff; color: #222; font: 16px/1.5 sans-serif; }"))
	for _, f := range more {
		f(mux)
	}
	put := strings.NewReplacer("{{base}}", s.base, "{{api}}", api)
	for name, body := range pages {
		kind := "text/html; charset=utf-8"
		if strings.HasSuffix(name, ".js") {
			kind = "text/javascript; charset=utf-8"
		}
		mux.HandleFunc("/"+name, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self' "+api+
				" http://127.0.0.1:* ws://127.0.0.1:*; img-src 'self'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'")
			text(kind, put.Replace(body))(w, r)
		})
	}
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return embedding{browser(t), strings.Replace(srv.URL, "127.0.0.1", "localhost", 1), at, api}
}

// watch keeps what a page must not have: exceptions, refusals and policy violations.
const watch = `window.seen = []; window.wrong = [];
addEventListener('error', (e) => wrong.push('error: ' + e.message));
addEventListener('unhandledrejection', (e) => wrong.push('rejected: ' + e.reason));
addEventListener('securitypolicyviolation', (e) => wrong.push('policy: ' + e.violatedDirective + ' ' + e.blockedURI));
const log = console.error; console.error = (...a) => { wrong.push(a.join(' ')); log(...a); };
for (const type of ['error', 'navigated', 'selected', 'requested', 'token-expired', 'bridge', 'step', 'quote']) addEventListener('countersign-' + type, (e) => seen.push([type, e.detail]));
window.token = { access_token: 'e.y.z', token_type: 'Bearer', expires_in: 3600 };
`

func hostPage(sheet, body string) string {
	return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Host</title><meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/` + sheet + `"><script type="module" src="/page.js"></script></head><body><main><h1 id="own">The host</h1>` + body + `</main></body></html>`
}

const provider = `<countersign-provider api-url="{{api}}" environment="sandbox" wasm-url="{{base}}countersign.wasm">`

// deep finds in the shadow root of the element of a name.
const deep = `window.inside = (name) => document.querySelector('countersign-' + name).shadowRoot; window.said = (name) => inside(name).querySelector('.countersign').innerText;
window.press = (name, text) => { const b = [...inside(name).querySelectorAll('button')].find((e) => text.test(e.innerText) && e.getAttribute('aria-disabled') !== 'true'); b?.click(); return !!b; };
window.type = (name, id, value) => { const e = inside(name).getElementById(id); e.focus(); e.value = value; e.dispatchEvent(new Event(e.tagName === 'SELECT' ? 'change' : 'input', { bubbles: true, composed: true })); };
`

func TestElementsStandAloneInAPageOfAnotherOrigin(t *testing.T) {
	t.Parallel()
	all := provider + `<countersign-quotes></countersign-quotes><countersign-approve request="req_6h2v0m3k8t1q5n7p9r4s2w0x3a"></countersign-approve>
<countersign-requests></countersign-requests><countersign-order request="req_rejected"></countersign-order><countersign-bridge-status></countersign-bridge-status></countersign-provider>`
	script := watch + deep + `const later = document.querySelector('countersign-provider');
later.getAccessToken = async () => { window.asked = (window.asked ?? 0) + 1; return token; }; // before it is defined
document.querySelector('countersign-quotes').value = { amount: '250', currency: 'EUR', asset: 'ethereum', method: 'card', country: 'FR' };
await import('{{base}}elements.js'); window.ready = true;`
	e := hosted(t, map[string]string{"hostile": hostPage("hostile.css", all), "plain": hostPage("plain.css", all), "page.js": script})

	t.Run("shows each, out of reach of the host's styles", func(t *testing.T) {
		p := open(t, e.chrome, e.host+"/hostile")
		p.until("window.ready && said('quotes').includes('Treasury') && said('approve').includes('Northpay') && said('requests').includes('Northpay') && said('order').includes('Northpay') && said('bridge-status').includes('Bridge')")
		p.until("inside('quotes').getElementById('amount').value === '250'")
		p.want(`[...inside('approve').querySelectorAll('button')].every((b) => getComputedStyle(b).display !== 'none')`, true)
		p.want(`(() => { const s = getComputedStyle(inside('approve').querySelector('.page-title')); return [s.color === 'rgb(0, 255, 0)', s.letterSpacing === '9px', s.textTransform, s.fontFamily.includes('fantasy'), s.fontSize]; })()`,
			[]any{false, false, "none", false, "18px"})
		p.want("getComputedStyle(document.getElementById('own')).color", "rgb(1, 2, 3)")
		p.want("['quotes', 'approve', 'requests', 'order', 'bridge-status'].flatMap((n) => [...inside(n).querySelectorAll('h1, h2, h3, main, .rail, .skip')].map((e) => e.tagName))", []string{})
		p.want("[document.title, location.pathname]", []any{"Host", "/hostile"})
		p.want("window.asked", float64(1))
		p.want("performance.getEntriesByType('resource').filter((r) => r.name.endsWith('.wasm')).length", float64(1))
		if n := e.at.count("GET /v1/events"); n != 1 {
			t.Errorf("there are %d streams of events", n)
		}
		p.run("inside('quotes').querySelector('form').requestSubmit()")
		p.until("said('quotes').includes('Meridian')")
		p.run("document.querySelector('countersign-quotes').amount = '260'")
		p.until("inside('quotes').getElementById('amount').value === '260'") // in place: the prices stand
		p.want("said('quotes').includes('Meridian')", true)
		p.run("document.querySelector('countersign-quotes').amount = '250'; inside('quotes').querySelector('form').requestSubmit()")
		chosen := func(id, receive string) {
			p.until("inside('quotes').querySelector('input[value=" + id + "]')?.click() || seen.some(([t, q]) => t === 'quote' && q.provider.id === '" + id + "' && q.receive === '" + receive + "' && q.account === 'acc_treasury')")
		}
		chosen("meridian", "0.083991")
		chosen("northpay", "0.08421390751120486")
		p.until("said('quotes').includes('Who decides: 2 of Alice Martin and mem_bob (Treasury purchases).')") // who will decide, before anything is sent
		p.until("press('quotes', /^Request .* Northpay/)")
		p.until("said('quotes').includes('49\u202f750 EUR is left before it') && said('quotes').includes('Why no other rule')")
		p.want("seen.filter(([t]) => t === 'quote').map(([, q]) => q.provider.id)", []any{"meridian", "northpay"})
		p.until("press('quotes', /^Send to the approvers/)")
		p.until("seen.some(([t, d]) => t === 'requested' && d.id === 'req_6h2v0m3k8t1q5n7p9r4s2w0x3a' && d.state === 'decide') && said('quotes').includes('Requested. It waits for approval.')")
		p.run("document.querySelector('countersign-requests').state = 'done'")
		p.until("!said('requests').includes('Waits for approval')")
		p.run("document.querySelector('countersign-requests').pageSize = 1") // of the three that are done
		p.until("said('requests').includes('Show more of 3')")
		p.run("seen.length = 0; document.querySelector('countersign-requests').pageSize = 'all'")
		p.until("seen.some(([t, d]) => t === 'error' && d.code === 'PROP_INVALID' && d.field === 'pageSize')")
		p.run("document.querySelector('countersign-requests').state = ''")
		p.until("said('requests').includes('Waits for approval')")
		p.run("inside('requests').querySelector('a.row').click()")
		p.until("seen.some(([t, d]) => t === 'selected' && d.request === 'req_6h2v0m3k8t1q5n7p9r4s2w0x3a')")
		p.want("location.pathname", "/hostile")
		p.want("wrong", []string{})
	})
	t.Run("is accessible in every width and scheme", func(t *testing.T) {
		p := open(t, e.chrome, e.host+"/plain")
		p.until("window.ready && said('quotes').includes('Treasury') && said('approve').includes('Northpay') && said('requests').includes('Northpay')")
		p.run(axeCore(t))
		p.run("window.root = document.body")
		for _, v := range []struct {
			scheme string
			width  int64
		}{{"light", 1280}, {"light", 768}, {"light", 320}, {"dark", 1280}} { // the page is light, whatever the computer likes
			p.media(v.scheme, "reduce")
			p.do(chromedp.EmulateViewport(v.width, 900))
			fits(p, v.scheme, v.width)
			checkAccessible(p, v.scheme)
			if *pictures != "" {
				shot(p, filepath.Join(*pictures, fmt.Sprintf("elements-%s-%d.png", v.scheme, v.width)))
			}
		}
		p.run("document.documentElement.style.colorScheme = 'light dark'; document.body.style.background = '#111'; document.body.style.color = '#eee'; document.querySelector('countersign-provider').theme = {}")
		p.want("getComputedStyle(inside('quotes').querySelector('.countersign')).colorScheme", "light dark")
		checkAccessible(p, "a page that is dark too")
		if *pictures != "" {
			shot(p, filepath.Join(*pictures, "elements-dark-1280.png"))
		}
		p.want("wrong", []string{})
	})
	t.Run("a part that is removed, put back or moved works on", func(t *testing.T) {
		p := open(t, e.chrome, e.host+"/plain")
		p.until("window.ready && said('quotes').includes('Treasury')")
		p.run("type('quotes', 'amount', '777'); window.q = document.querySelector('countersign-quotes'); q.parentNode.append(q)")
		p.until("said('quotes').includes('Treasury') && inside('quotes').getElementById('amount').value === '777'") // moved: as it was
		p.run("q.remove(); await new Promise((done) => setTimeout(done)); document.querySelector('countersign-provider').prepend(q)")
		p.until("inside('quotes').getElementById('amount')?.value === '250' && said('quotes').includes('Treasury')") // put back: begun anew
		p.run("document.querySelector('countersign-provider').remove()")
		p.want("wrong", []string{})
	})
	t.Run("reads from right to left, and takes the host's colours", func(t *testing.T) {
		p := open(t, e.chrome, e.host+"/plain")
		p.until("window.ready && said('requests').includes('Northpay')")
		p.run(`document.querySelector('countersign-requests').dir = 'rtl'; document.querySelector('countersign-provider').theme = { primary: '#0044cc' };`)
		p.until("getComputedStyle(inside('requests').querySelector('.countersign')).direction === 'rtl'")
		p.until("getComputedStyle(inside('quotes').querySelector('.countersign')).getPropertyValue('--primary').includes('#0044cc')")
		p.want("wrong", []string{})
	})
}

func TestTheWholeInsideAnotherPageKeepsToItself(t *testing.T) {
	t.Parallel()
	e := hosted(t, map[string]string{
		"page":    hostPage("plain.css", `<countersign-app api-url="{{api}}" environment="sandbox" wasm-url="{{base}}countersign.wasm" amount="250" country="DE"></countersign-app>`),
		"page.js": watch + deep + `await import('{{base}}elements.js'); document.querySelector('countersign-app').accessToken = token; window.ready = true;`,
	})
	p := open(t, e.chrome, e.host+"/page")
	p.until("window.ready && said('app').includes('Atlas Trading SAS') && inside('app').getElementById('amount')?.value === '250'")
	p.run("document.querySelector('countersign-app').amount = '300'")
	p.until("inside('app').getElementById('amount').value === '300'")
	p.want("inside('app').getElementById('country').value", "DE")
	p.run("document.querySelector('countersign-app').navigate('/requests')")
	p.until("said('app').includes('Waits for approval') && seen.some(([t, d]) => t === 'navigated' && d.route === '/requests')")
	p.run("inside('app').querySelector('a.row').click()")
	p.until("said('app').includes('Treasury purchases')")
	p.want("[document.title, location.pathname, history.length > 2]", []any{"Host", "/page", false})
	p.want("[document.querySelectorAll('h1, main').length, inside('app').querySelectorAll('h1, main').length, !!inside('app').querySelector('.rail')]", []any{float64(2), float64(0), true})
	p.run(axeCore(t))
	checkAccessible(p, "the whole")
	if *pictures != "" {
		shot(p, filepath.Join(*pictures, "elements-app.png"))
	}
	keys := "inside('app').querySelector('dialog:modal')"
	p.run("inside('app').querySelector('[aria-label=Keys]').click()")
	p.until(keys + "?.innerText.includes('Hold prices in their places')")
	p.want(keys+".innerText.includes('Go to Vault')", false) // which this page does not have
	p.run(keys + ".querySelector('[aria-label=Close]').click()")
	p.until("!" + keys)
	p.run("inside('app').querySelector('.rail-link').focus()")
	p.do(chromedp.KeyEvent("?"))
	p.until("!!" + keys)
	p.do(chromedp.KeyEvent(kb.Escape))
	p.until("!" + keys)
	p.run("document.querySelector('countersign-app').chrome = 'none'")
	p.until("said('app').includes('Treasury') && !inside('app').querySelector('.rail, .status')")
	p.want("wrong", []string{})
}

func TestAClientIsCalledWithoutAScreen(t *testing.T) {
	t.Parallel()
	e := hosted(t, map[string]string{"page": hostPage("plain.css", ""), "page.js": watch + `window.core = await import('{{base}}client.js'); window.options = { wasmURL: '{{base}}countersign.wasm', apiUrl: '{{api}}', environment: 'sandbox', getAccessToken: async () => token };
window.fails = (f) => Promise.resolve().then(f).then(() => 'nothing', (e) => (typeof e.code === 'string' ? e.code : e.name)); window.ready = true;`},
		func(mux *http.ServeMux) { mux.HandleFunc("/elsewhere/", http.NotFound) })
	input := "{ pay: { amount: '250', currency: 'EUR' }, asset: 'ethereum', method: 'card', country: 'FR' }"
	p := open(t, e.chrome, e.host+"/page")
	p.until("window.ready")
	p.run("window.client = await core.connect(options)")
	p.want("[client.session.entityId, client.session.environment, client.bridge.status.state]", []any{"ent_sandbox", "sandbox", "idle"})
	p.run("window.rows = []; window.last = await client.quotes(" + input + ", { onRows: (r) => rows.push(r) }); window.best = last.find((r) => r.state === 'quoted').quote")
	p.want("[best.provider.name, best.receive, best.identity, best.account, last.filter((r) => r.state === 'ineligible').map((r) => [r.provider.id, r.reason.code, r.fix.pay.amount]), rows.length > 0]",
		[]any{"Northpay", "0.08421390751120486", "light", "acc_treasury", []any{[]any{"coinharbor", "AMOUNT_ABOVE_MAX", "150"}}, true})
	p.run("window.news = []; client.on('requested', (r) => news.push(r.id)); window.made = await client.request(best, { purpose: 'Rent' }); await client.request(best, { purpose: 'Rent' })")
	p.want("[made.state, made.needs, made.provider.name, news.length, news[0] === made.id]", []any{"decide", float64(2), "Northpay", float64(1), true})
	p.want("core.connect({ ...options, environment: 'development' }).then((c) => { c.close(); return c.session.environment; })", "sandbox") // its other name
	p.want("client.requests({ state: 'rejected' }).then((l) => l.items.map((r) => r.id))", []any{"req_rejected"})

	// What a callback throws is the page's, and the next call is answered.
	p.run("await client.quotes(" + input + ", { onRows: () => { throw new Error('of the page') } })")
	p.until("wrong.includes('error: Uncaught Error: of the page')")
	p.run("wrong.length = 0")
	p.want("client.providers().then((l) => l.length)", float64(3))

	p.want("fails(() => client.purchase('nonsense'))", "INVALID_REQUEST")
	p.want("fails(() => client.purchase('req_missing'))", "NOT_FOUND")
	p.want("fails(() => client.quotes({ pay: { amount: 250 } }))", "PROP_INVALID")
	p.want("fails(() => { const a = new AbortController(); const q = client.quotes("+input+", { signal: a.signal }); a.abort(); return q; })", "AbortError")
	p.want("fails(() => client.approve('req_6h2v0m3k8t1q5n7p9r4s2w0x3a', { onStep: (s) => seen.push(s.step) }))", "BRIDGE_NOT_RUNNING")
	p.want("[seen.includes('connecting'), client.bridge.status.state, client.bridge.status.error.remedy.length > 20]", []any{true, "failed", true})
	for _, secret := range []string{"developerSecret: 'x'", "apiKey: 'x'", "accessToken: { access_token: 'cs_test_x' }", "accessToken: 'cs_live_x'"} {
		p.want("fails(() => core.connect({ ...options, "+secret+" }))", "SECRET_IN_PAGE")
	}
	p.want("fails(() => core.connect({ ...options, environment: 'production' }))", "PROP_INVALID")
	p.want("fails(() => core.connect({ ...options, apiUrl: 5 }))", "PROP_INVALID")
	p.want("fails(() => core.connect({ ...options, apiUrl: 'http://127.0.0.1:9' }))", "GATEWAY_UNREACHABLE")
	says := func(options string) string {
		return "core.connect({ ...options, " + options + " }).then(() => 'nothing', (e) => e.code + ': ' + e.message + ' ' + e.remedy)"
	}
	for _, wrong := range [][]string{ // an error of the start names what the page's maker can change
		{"entityId: 'ent_a', getAccessToken: undefined, tokenUrl: '/no-such-endpoint'", "TOKEN_UNAVAILABLE", "answered with status 4", "endpoint of your back end"},
		{"entityId: 'ent_b', getAccessToken: async () => 'e.y.z'", "TOKEN_REFUSED", "whole answer", "generate-token"},
		{"apiUrl: 'http://127.0.0.1:9/v1'", "GATEWAY_UNREACHABLE", "http://127.0.0.1:9/v1", "before /v1"},
		{"apiUrl: new URL('/elsewhere', location.href).href", "NOT_A_GATEWAY", "/elsewhere is not a gateway", "Check apiUrl"},
	} {
		p.run("window.error = await " + says(wrong[0]))
		for _, part := range wrong[1:] {
			p.want("error.includes("+strconv.Quote(part)+") || error", true)
		}
	}
	p.run("wrong.length = 0")
	p.want("fails(() => core.connect({ ...options, entityId: 'ent_other', getAccessToken: async () => { throw new Error('signed out') } }))", "TOKEN_REFUSED")
	p.want("fails(() => core.connect({ ...options, entityId: 'ent_foreign' }))", "TOKEN_REFUSED")
	p.run("wrong.length = 0")

	// A second client joins the same core, which lives on when one is closed.
	p.run("window.second = await core.connect(options); client.close()")
	p.want("Promise.all([fails(() => client.providers()), second.providers().then((l) => l.length)])", []any{"CORE_STOPPED", float64(3)})

	// Each core asks for its first token. Who names no entity shares one with those alone who
	// sign in with the same.
	p.run("window.asked = [0, 0]; const anyone = (getAccessToken) => core.connect({ ...options, getAccessToken }), " +
		"f = async () => { asked[0]++; return token; }; await anyone(f); await anyone(f); await anyone(async () => { asked[1]++; return token; })")
	p.want("asked", []any{float64(1), float64(1)})
	p.run("asked[0] = 0; const named = (getAccessToken) => core.connect({ ...options, entityId: 'ent_sandbox', getAccessToken }), " +
		"f = async () => { asked[0]++; return token; }; await named(f); await named(async () => f())")
	p.want("asked[0]", float64(1))
	p.want("wrong", []string{})
}

func TestWhatAPageDoesWrongIsShownAndNotThrown(t *testing.T) {
	t.Parallel()
	e := hosted(t, map[string]string{
		"page": hostPage("plain.css", `<countersign-quotes id="bare" wasm-url="{{base}}countersign.wasm"></countersign-quotes>`),
		"page.js": watch + deep + `Object.defineProperty(window, 'indexedDB', { get() { throw new DOMException('refused', 'SecurityError') } });
globalThis.process = { polyfill: true }; globalThis.fs = {}; // of the host
window.mod = await import('{{base}}elements.js'); window.ready = true;`,
	})
	p := open(t, e.chrome, e.host+"/page")
	p.until("window.ready && said('quotes').includes('There is no gateway to ask')")
	p.want("seen.map(([t, d]) => [t, d.code, d.field])", []any{[]any{"error", "PROP_INVALID", "apiUrl"}})
	p.run("seen.length = 0; const q = document.getElementById('bare'); q.amount = {}; q.theme = 'red'; q.client = {}; q.value = 5; await null")
	p.until("seen.length === 4")
	p.want("[...new Set(seen.map(([, d]) => d.code))]", []any{"PROP_INVALID"})
	p.run("seen.length = 0; const q = document.getElementById('bare'); q.theme = { colours: {} }; q.theme = { colors: { primary: '#0044cc', error: 'red' } }; q.theme = { colors: { primary: { hex: '#0044cc' } } }; await null")
	p.until("seen.length === 2 && inside('quotes').querySelector('.countersign').style.getPropertyValue('--primary').includes('#0044cc')")
	p.want("seen.map(([, d]) => [d.field, d.remedy.length > 20])", []any{[]any{"theme.colours", true}, []any{"theme.negative", true}})

	p.run("const q = document.getElementById('bare'); q.environment = 'production'; q.accessToken = token; q.apiUrl = '" + e.api + "'")
	p.until("said('quotes').includes('The gateway is of the environment sandbox')")
	p.run("const q = document.getElementById('bare'); q.environment = 'sandbox'; q.accessToken = token; q.apiUrl = '" + e.api + "'") // in parts, a database or none
	p.until("said('quotes').includes('Treasury')")
	p.want("[process.polyfill, Object.keys(fs).length, 'Go' in window]", []any{true, float64(0), false})

	// An API key in the page is refused by name, also where there is nothing to sign in with.
	p.run("seen.length = 0; const b = document.createElement('countersign-bridge-status'); b.setAttribute('api-key', 'cs_test_x'); document.body.append(b)")
	p.until("said('bridge-status').includes('api-key is a secret of your back end')")
	p.want("seen.map(([t, d]) => [t, d.code, d.field, /generate-token/.test(d.remedy)])", []any{[]any{"error", "SECRET_IN_PAGE", "api-key", true}})

	// Without a request there is no decision to show, and nothing that looks as if it loaded.
	p.run("document.body.append(document.createElement('countersign-approve'))")
	p.until("inside('approve').querySelector('.countersign') && said('approve') === '' && !inside('approve').querySelector('.skeleton')")

	e.at.html = true
	p.run("const b = document.createElement('countersign-requests'); b.wasmURL = document.getElementById('bare').getAttribute('wasm-url'); b.apiUrl = '" + e.api + "'; b.environment = 'sandbox'; b.entityId = 'ent_b'; b.accessToken = token; document.body.append(b)")
	p.until("said('requests').includes('What answers at " + e.api + " is not a gateway') && said('requests').includes('Check apiUrl')")
	p.run("const { connect } = await import(performance.getEntriesByType('resource').find((r) => r.name.endsWith('/client.js')).name); window.code = await connect({ apiUrl: '" + e.api + "', environment: 'sandbox', entityId: 'ent_c', accessToken: token, wasmURL: document.getElementById('bare').getAttribute('wasm-url') }).catch((e) => e.code)")
	p.want("window.code", "NOT_A_GATEWAY")

	e.at.html = false
	p.run("seen.length = 0; window.r = document.querySelector('countersign-requests'); r.apiUrl = 'http://127.0.0.1:9'")
	p.until("said('requests').includes('No gateway answers this page at http://127.0.0.1:9') && /dashboards must list.*connect-src/.test(said('requests'))")
	p.want("press('requests', /Try again/)", true)
	p.until("seen.length >= 2 && said('requests').includes('No gateway')")
	p.want("seen.map(([t, d]) => [t, d.code])", []any{[]any{"error", "GATEWAY_UNREACHABLE"}, []any{"error", "GATEWAY_UNREACHABLE"}})
	p.run("r.entityId = 'ent_sandbox'; r.apiUrl = '" + e.api + "'")
	p.until("said('requests').includes('Northpay')")

	// Another version is told apart.
	p.run("customElements.define('other-quotes', class extends HTMLElement { static version = '9.9.9' }); try { mod.define({ prefix: 'other' }) } catch (e) { window.conflict = [e.code, e.message.includes('9.9.9')] }; mod.define({ prefix: 'mine' }); mod.define()")
	p.want("window.conflict", []any{"VERSION_CONFLICT", true})
	p.want("document.createElement('mine-quotes') instanceof mod.CountersignQuotes", true)
	p.want("wrong", []string{})
}

func TestATokenThatEndsIsTold(t *testing.T) {
	t.Parallel()
	e := hosted(t, map[string]string{"page": hostPage("plain.css", provider+`<countersign-requests></countersign-requests></countersign-provider>`),
		"page.js": watch + deep + `await import('{{base}}elements.js'); document.querySelector('countersign-provider').accessToken = { ...token, expires_in: 3 }; window.ready = true;`})
	p := open(t, e.chrome, e.host+"/page")
	p.until("window.ready && said('requests').includes('Northpay')")
	p.until("seen.some(([t, d]) => t === 'token-expired' && d.error.code === 'TOKEN_REFUSED')")
	p.want("wrong", []string{})
}

func writeJSON(w http.ResponseWriter, v any) {
	if err := json.NewEncoder(w).Encode(v); err != nil {
		panic(err)
	}
}

// Ten tabs, here frames: each gets its first token by itself, and one renews for all.
// One that acts for somebody else renews for itself.
func TestTabsRenewOneTokenTogether(t *testing.T) {
	t.Parallel()
	s := newSite(t, loaderFiles(t))
	put := strings.NewReplacer("{{base}}", s.base)
	mux := http.NewServeMux()
	mux.Handle("/", s)
	mux.HandleFunc("/frame", text("text/html", `<!doctype html><title>frame</title>`))
	mux.HandleFunc("/tabs", text("text/html", `<!doctype html><title>tabs</title>`))
	p := open(t, browser(t), serveHandler(t, mux)+"/tabs")
	p.run(put.Replace(`window.asked = []; window.jwt = (sub, n) => 'e30.' + btoa(JSON.stringify({ iss: 'i', sub, n })).replaceAll('=', '') + '.c2ln';
		window.tabs = await Promise.all([...Array(11).keys()].map(async (i) => {
			const frame = document.body.appendChild(document.createElement('iframe'));
			await new Promise((done) => { frame.onload = done; frame.src = '/frame'; });
			const { tokens } = await frame.contentWindow.eval("import('{{base}}token.js')");
			const sub = i === 10 ? 'ent_other' : 'ent_a';
			return tokens({ getAccessToken: async (reason) => { asked.push(sub + ' ' + reason); await new Promise((done) => setTimeout(done, 20)); return { access_token: jwt(sub, asked.length), token_type: 'Bearer', expires_in: 900 }; } });
		}));
		const all = () => Promise.all(tabs.map((get) => get(false).then((text) => JSON.parse(text).access_token)));
		window.first = await all(); window.second = await all()`))
	p.want("asked.filter((a) => a.endsWith('first')).length", float64(11))
	p.want("asked.filter((a) => a === 'ent_a expiring').length", float64(1))
	p.want("asked.filter((a) => a === 'ent_other expiring').length", float64(1))
	p.want("[new Set(second.slice(0, 10)).size, second[10] === second[0], first.includes(second[0])]", []any{float64(1), false, false})

	// Where a browser refuses locks, each renews by itself.
	p.run(`for (const f of document.querySelectorAll('iframe')) Object.defineProperty(f.contentWindow.navigator, 'locks', { value: { request: () => Promise.reject(new DOMException('refused', 'SecurityError')) } });
		asked.length = 0; window.third = await Promise.all(tabs.map((get) => get(false).then((text) => JSON.parse(text).access_token)))`)
	p.want("[asked.length, third.every(Boolean)]", []any{float64(11), true})
}

// A core that stops is started again, and then waits for the person; what was asked of it
// fails with a code.
func TestAnElementOutlivesItsCore(t *testing.T) {
	t.Parallel()
	files := loaderFiles(t)
	files[core] = &fstest.MapFile{Data: testCore(t)}
	s := newSite(t, files)
	mux := http.NewServeMux()
	mux.Handle("/", s)
	mux.HandleFunc("/page", text("text/html", `<!doctype html><title>Host</title><countersign-requests api-url="" environment="sandbox" wasm-url="`+s.base+core+`"></countersign-requests>`))
	p := open(t, browser(t), serveHandler(t, mux)+"/page")
	p.run(watch + deep + `await import('` + s.base + `elements.js'); const e = document.querySelector('countersign-requests'); e.user = { name: 'Alice' }; e.accessToken = token;
		const { Port } = await import('` + s.base + `port.js'); const call = Port.prototype.call; window.pending = (port) => call.call(port, 'providers').catch((e) => [e.code, e.done]);`)
	p.until("said('requests').includes('running for Alice')")
	p.run("window.shadow = inside('requests'); shadow.getElementById('crash').click()")
	p.until("window.starts === 2 && said('requests').includes('running for Alice')")
	p.want("seen.filter(([t]) => t === 'error').map(([, e]) => [e.code, e.done])", []any{[]any{"CORE_STOPPED", "unknown"}})
	p.run("shadow.getElementById('crash').click()")
	p.until("said('requests').includes('stopped unexpectedly') && said('requests').includes('CORE_STOPPED')")
	p.until("press('requests', /Try again/)")
	p.until("window.starts === 3 && said('requests').includes('running for Alice')")
	p.run(`const { enter } = await import('` + s.base + `shared.js'), { checked } = await import('` + s.base + `options.js'); const shared = enter(checked({ apiUrl: '', environment: 'sandbox', accessToken: token })); const port = await shared.port;
		const asked = pending(port); shadow.getElementById('crash').click(); window.answer = await asked`)
	p.want("window.answer", []any{"CORE_STOPPED", "unknown"})
	p.want("wrong.filter((w) => !w.startsWith('countersign') && !w.includes('crash on demand') && !w.includes('exit code'))", []string{})
}
