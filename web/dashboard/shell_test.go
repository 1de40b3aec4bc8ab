package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Before the core is there, the page says in the core's own words where the person
// is, leads to the other screens, and has asked the gateway what the core will ask.
func TestThePageIsUsefulBeforeTheCoreComes(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	if s.hashes[core] == "" {
		t.Fatal("the core is not built; run make wasm")
	}
	chrome := browser(t)
	axe := axeCore(t)
	for _, test := range []struct{ path, title, sub string }{
		{"/", "Buy", "Compare what providers deliver, then request the purchase."},
		{"/send", "Send", "From an account of the vault to an address. Members decide on it before anything is sent."},
		{"/requests", "Requests", "What waits for a decision or a payment, and what was decided."},
		{"/orders", "Orders", "What providers promised, and what arrived."},
		{"/accounts", "Accounts", "What the vault holds."},
		{"/vault", "Vault", "Who decides what, and how it came to be."},
		{"/requests/req_6h2v0m3k8t1q5n7p9r4s2w0x3a", "Request", ""},
	} {
		t.Run(test.title, func(t *testing.T) {
			early := map[string]bool{"POST /session/token": true, "GET /v1/entity": true, "GET /v1/providers": true, "GET /v1/accounts": true, "GET /v1/requests?limit=100": true}
			var mu sync.Mutex
			asked, missing, looked := map[string]int{}, len(early), make(chan struct{})
			all := make(chan struct{}) // closed when all of early was asked
			api := withAPI(s)
			url := serveHandler(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				name := r.Method + " " + r.URL.RequestURI()
				mu.Lock()
				asked[name]++
				if early[name] && asked[name] == 1 {
					if missing--; missing == 0 {
						close(all)
					}
				}
				mu.Unlock()
				if r.URL.Path == s.base+core {
					for _, until := range []chan struct{}{all, looked} {
						select {
						case <-until:
						case <-r.Context().Done():
							return
						}
					}
				}
				api.ServeHTTP(w, r)
			}))
			p := open(t, chrome, url+test.path)
			p.until("document.querySelector('[data-loading]') !== null")
			heading := "document.querySelector('h1').textContent, document.querySelector('.page-sub')?.textContent ?? '',"
			if test.sub == "" {
				heading = "" // the core heads it with what the request says, once it has it
			}
			shown := func() string {
				return js[string](p, `JSON.stringify([document.title.replace(' (sandbox)', ''), `+heading+`
					...[...document.querySelectorAll('.rail-link')].map((e) => { const c = e.cloneNode(true); c.querySelector('.count')?.remove(); return c.outerHTML; })])`)
			}
			before := shown()
			p.want("[document.querySelector('h1').textContent, document.querySelector('.page-sub')?.textContent ?? '', document.querySelectorAll('.rail-link').length]", []any{test.title, test.sub, float64(6)})
			p.run(axe)
			p.run("window.root = document.querySelector('countersign-app')")
			for _, v := range []struct {
				scheme string
				width  int64
			}{{"light", 1280}, {"light", 320}, {"dark", 1280}, {"dark", 320}} {
				p.media(v.scheme, "reduce")
				p.do(chromedp.EmulateViewport(v.width, 900))
				fits(p, v.scheme, v.width)
				checkAccessible(p, v.scheme)
				if *pictures != "" {
					shot(p, filepath.Join(*pictures, fmt.Sprintf("shell-%s-%s-%d.png", test.title, v.scheme, v.width)))
				}
			}
			unknownClasses(p)
			close(looked)
			p.until("performance.getEntriesByName('countersign:picture').length > 0 && document.querySelector('[data-loading]') === null")
			if after := shown(); after != before {
				t.Errorf("the core shows something else\nbefore %s\n after %s", before, after)
			}
			p.until("document.body.innerText.includes('Atlas Trading SAS')")
			mu.Lock()
			defer mu.Unlock()
			for name := range early {
				if asked[name] != 1 {
					t.Errorf("%s was asked %d times", name, asked[name])
				}
			}
			if n := asked["GET "+s.base+core]; n != 1 {
				t.Errorf("the core was asked for %d times", n)
			}
		})
	}
}

// The form is there before the core, takes what is typed, and does what was pressed
// once the core has come; nothing moves then (prices that arrive are judged elsewhere).
func TestWhatIsTypedBeforeTheCoreComesIsNotLost(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	if s.hashes[core] == "" {
		t.Fatal("the core is not built; run make wasm")
	}
	chrome := browser(t)
	for _, width := range []int64{1280, 800, 390} {
		for _, c := range []struct{ entities, config string }{
			{"one entity", config},
			{"several entities", strings.Replace(config, "{", `{"entities":[{"id":"ent_sandbox","name":"Atlas Trading SAS"},{"id":"ent_branch","name":"Atlas Branch Ltd"}],`, 1)},
		} {
			t.Run(fmt.Sprint(width, ", ", c.entities), func(t *testing.T) { typeEarly(t, s, chrome, c.config, width) })
		}
	}
}

func typeEarly(t *testing.T, s *Site, chrome context.Context, config string, width int64) {
	typed := make(chan struct{})
	api := withAPI(s)
	url := serveHandler(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/config.json":
			text("application/json", config)(w, r)
			return
		case s.base + core:
			select {
			case <-typed:
			case <-r.Context().Done():
				return
			}
		}
		api.ServeHTTP(w, r)
	}))
	p := open(t, chrome, url+"/")
	p.do(chromedp.EmulateViewport(width, 900))
	p.until("document.getElementById('amount') !== null && document.querySelector('.sandbox') !== null")
	p.run("await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))") // laid out for this width
	p.run(`window.moved = 0; window.what = []; window.field = document.getElementById('amount');
		new PerformanceObserver((list) => { for (const e of list.getEntries()) { if (e.sources.every((s) => s.node?.matches?.('.quote'))) continue; moved += e.value; what.push(...e.sources.map((s) => [s.node?.className || s.node?.nodeName, s.previousRect.y, s.currentRect.y, s.previousRect.x, s.currentRect.x].join(" "))); } }).observe({type: 'layout-shift'});`)
	p.do(typeInto("amount", "25"))
	p.do(typeInto("amount", "0"))
	p.until("document.querySelector('[data-loading]').textContent.includes('loading')")
	p.do(typeInto("amount", kb.Enter))
	p.until("document.querySelector('[data-loading]').textContent.includes('what you pressed comes next')")
	close(typed)
	p.until("document.querySelector('main.page')?.innerText.includes('Meridian')") // the prices for 250 EUR
	p.want("[field.isConnected, field.value, document.activeElement === field]", []any{true, "250", true})
	p.want("[...document.querySelectorAll('.sandbox')].length", 1)
	if moved := js[float64](p, "moved"); moved > 0.001 {
		t.Errorf("the page moved by %.4f: %s", moved, js[[]string](p, "what"))
	}
}

// A press on another screen before the core comes shows that screen at once.
func TestTheScreensChangeBeforeTheCoreComes(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	come := make(chan struct{})
	api := withAPI(s)
	url := serveHandler(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == s.base+core {
			select {
			case <-come:
			case <-r.Context().Done():
				return
			}
		}
		api.ServeHTTP(w, r)
	}))
	p := open(t, browser(t), url+"/")
	p.until("document.getElementById('amount') !== null")
	p.do(chromedp.Click(chromedp.CSS("a[href='/send']")))
	p.until("document.querySelector('h1').textContent === 'Send'")
	p.do(chromedp.Click(chromedp.CSS("a[href='/orders']")))
	p.until("document.querySelector('h1').textContent === 'Orders'")
	close(come)
	p.until("document.body.innerText.includes('Northpay')")
	p.want("[location.pathname, document.querySelector('h1').textContent]", []any{"/orders", "Orders"})
}

// What the browser is told to load ahead is all that the page loads, so that nothing
// waits for another file to name it.
func TestThePageNamesEveryFileThatItLoads(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	if s.hashes[core] == "" {
		t.Fatal("the core is not built; run make wasm")
	}
	p := open(t, browser(t), serveHandler(t, withAPI(s))+"/buy")
	p.until("performance.getEntriesByName('countersign:picture').length > 0")
	p.want(`(() => { const named = new Set([...document.querySelectorAll('link, script')].map((e) => e.href || e.src));
		return performance.getEntriesByType('resource').map((e) => e.name).filter((n) => n.includes('/static/') && !named.has(n)); })()`, []string{})
	p.want(`performance.getEntriesByType('resource').filter((e) => e.name.includes('/static/') && e.decodedBodySize > 1000 && e.encodedBodySize >= e.decodedBodySize).map((e) => e.name)`, []string{})
}
