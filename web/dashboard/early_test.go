package dashboard

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// moves sums what moves on a page, whether or not the person has just done something.
const moves = `window.moved = 0; window.what = []; new PerformanceObserver((list) => { for (const e of list.getEntries()) { moved += e.value;
	what.push(...e.sources.map((s) => [s.node?.className || s.node?.nodeName, s.previousRect.y, s.currentRect.y, s.previousRect.height, s.currentRect.height].join(' '))); } }).observe({ type: 'layout-shift', buffered: true });`

// stays fails when something moved.
func stays(p tab, when string) {
	p.Helper()
	p.run("await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
	if moved := js[float64](p, "moved"); moved > 0.001 {
		p.Errorf("%s the page moved by %.4f: %q", when, moved, js[[]string](p, "what"))
	}
}

// An element shows the form before the core is there, with what the page fills in, takes
// what is typed, and does what was pressed once the core has come. Nothing moves, then or when
// prices come.
func TestAnElementIsUsefulBeforeTheCoreComes(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for _, width := range []int64{1280, 390} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			typed := make(chan struct{})
			e := hosted(t, map[string]string{
				"page": hostPage("plain.css", `<countersign-provider api-url="{{api}}" environment="development" wasm-url="/slow.wasm"><countersign-quotes amount="2" currency="EUR" asset="ethereum" method="card" country="FR"></countersign-quotes>
					<countersign-requests></countersign-requests></countersign-provider>`),
				"page.js": watch + deep + moves + `document.querySelector('countersign-provider').accessToken = token; await import('{{base}}elements.js'); window.ready = true;`,
			}, func(mux *http.ServeMux) {
				mux.HandleFunc("/slow.wasm", func(w http.ResponseWriter, r *http.Request) {
					select {
					case <-typed:
						r.URL.Path = s.base + core
						s.ServeHTTP(w, r)
					case <-r.Context().Done():
					}
				})
			})
			p := open(t, e.chrome, "about:blank")
			p.do(chromedp.EmulateViewport(width, 900), chromedp.Navigate(e.host+"/page"))
			p.until("window.ready && inside('quotes').getElementById('amount')?.value === '2'")
			p.until("said('quotes').includes('SANDBOX') && said('quotes').includes('Get prices') && inside('requests').querySelector('.skeleton') !== null")
			p.run("window.field = inside('quotes').getElementById('amount'); field.focus(); field.setSelectionRange(1, 1); moved = 0; what.length = 0")
			p.do(chromedp.KeyEvent("5"), chromedp.KeyEvent("0"), chromedp.KeyEvent(kb.Enter))
			p.until("inside('quotes').querySelector('button[type=submit].is-busy') !== null && inside('quotes').querySelector('[role=status]').textContent.includes('what you pressed comes next')")
			stays(p, "before the core")
			p.run(axeCore(t))
			checkAccessible(p, "before the core")
			if *pictures != "" {
				for _, scheme := range []string{"light", "dark"} {
					p.media(scheme, "reduce")
					shot(p, filepath.Join(*pictures, fmt.Sprintf("element-early-%s-%d.png", scheme, width)))
				}
				p.media("light", "reduce")
			}
			p.run("document.querySelector('countersign-requests').remove(); moved = 0; what.length = 0") // what comes into a list is as long as it is
			close(typed)
			p.until("said('quotes').includes('Meridian')") // the prices for 250 EUR
			p.want("[field.isConnected, field.value, inside('quotes').activeElement === field]", []any{true, "250", true})
			stays(p, "when the core came")
			p.want("wrong", []string{})
		})
	}
}
