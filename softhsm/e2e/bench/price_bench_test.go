package bench

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// shown tells f when the first price that have finds in the document is on screen: the
// document has it, and the frame with it was drawn. A person presses at any moment of a
// frame: later chooses one.
const shown = `const later = (f) => setTimeout(f, Math.random() * 17);
const shown = (have, f) => new MutationObserver((_, me) => {
  if (!have()) return;
  me.disconnect();
  requestAnimationFrame(() => {
    const drawn = new MessageChannel();
    drawn.port1.onmessage = () => f(performance.now());
    drawn.port2.postMessage(null);
  });
}).observe(document, {subtree: true, childList: true});`

// press fills the form in and asks for prices, and notes what was asked, when (asked), when
// the first price is on screen (priced, a promise), when all are (streamed), and the longest
// task of the page and how far it moved until then.
// With an address that ends in #early it presses as soon as there is a form, which is
// before the core is there, else once the page can be used.
const press = shown + `if (location.pathname === '/buy') {
  window.longest = window.moved = 0;
  new PerformanceObserver((list) => { for (const e of list.getEntries()) window.moved += e.value; }).observe({type: 'layout-shift', buffered: true});
  const ask = window.fetch;
  window.fetch = (url, options) => { if (String(url).includes('/v1/quotes?')) window.question = {url: String(url), headers: Object.fromEntries(new Headers(options.headers))}; return ask(url, options); };
  new PerformanceObserver((list) => { for (const e of list.getEntries()) window.longest = Math.max(longest, e.duration); }).observe({type: 'longtask', buffered: true});
  window.priced = new Promise((done) => shown(() => document.querySelector('input[name=offer]:not(:disabled)'), done));
  window.streamed = new Promise((done) => shown(() => document.querySelectorAll('input[name=offer]:not(:disabled)').length === 3, done));
  (function look() {
    const amount = document.querySelector('#amount'), account = document.querySelector('#account');
    if (!amount || location.hash !== '#early' && (!account || account.disabled)) return requestAnimationFrame(look);
    later(() => {
      window.asked = performance.now();
      amount.value = '250';
      amount.dispatchEvent(new Event('input', {bubbles: true}));
      amount.form.requestSubmit();
    });
  })();
}`

// plain is a page in plain JavaScript: a form, and a row for each provider that the gateway
// named. It is filled in and sent as the dashboard's, asks the same question, and writes
// each price into its row as it comes. It returns how long the first took to be on screen.
const plain = `(async ({url, headers}) => {
  const make = (tag, parent, set) => { const el = Object.assign(document.createElement(tag), set); parent.append(el); return el; };
  document.body.replaceChildren();
  const form = make('form', document.body), amount = make('input', form, {id: 'amount'}), list = make('ul', document.body), rows = new Map();
  make('button', form, {textContent: 'Get prices'});
  const [{providers}] = await Promise.all(['/v1/providers', '/v1/accounts', '/v1/requests?limit=100'].map(async (path) => (await fetch(path, {headers: {...headers, accept: 'application/json'}})).json()));
  const price = (row) => {
    const el = rows.get(row.provider);
    el.replaceChildren(make('input', el, {type: 'radio', name: 'offer', value: row.provider}));
    for (const text of [row.provider_name, row.crypto_amount, row.unit_price, row.fees?.map((f) => f.amount + ' ' + f.currency).join(), row.expires_at]) make('span', el, {textContent: text});
  };
  form.addEventListener('submit', async (e) => {
    e.preventDefault();
    list.replaceChildren();
    for (const {id, name} of providers) rows.set(id, make('li', list, {textContent: name}));
    const address = new URL(url, location.href);
    address.searchParams.set('amount', amount.value);
    const reader = (await fetch(address, {headers})).body.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ''; ;) {
      const {value, done} = await reader.read();
      if (done) return;
      const events = (text + value).split('\n\n');
      text = events.pop();
      for (const event of events) if (event.includes('event: quote')) price(JSON.parse(/^data: (.*)$/m.exec(event)[1]));
    }
  });
  return new Promise((done) => later(() => {
    const asked = performance.now();
    shown(() => document.querySelector('input[name=offer]'), (at) => done(at - asked));
    amount.value = '250';
    amount.dispatchEvent(new Event('input', {bubbles: true}));
    form.requestSubmit();
  }));
})`

// BenchmarkFirstPrice measures how long the first price takes to be on screen without a
// limit of the line, in milliseconds: after a press in the dashboard (page-ms) and in a
// page in plain JavaScript that asks the same (plain-ms); and from navigation, when the
// person presses before the core is there (early-ms). longest-ms is the longest task of
// the page from then on until all prices are there, and moved how far it moved (layout shift). Medians; of-plain is their ratio.
func BenchmarkFirstPrice(b *testing.B) {
	s := start(b)
	tab := chromium(b)
	if _, err := chromedp.Call(tab, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: press}); err != nil {
		b.Fatal(err)
	}
	open := func(path string) {
		if err := chromedp.Do(tab, chromedp.Navigate("about:blank"), chromedp.Navigate(s.DashboardURL+path)); err != nil {
			b.Fatal(err)
		}
	}
	metrics := map[string][]float64{}
	note := func(name, js string) {
		v, err := chromedp.Run(tab, chromedp.Evaluate[float64](js, chromedp.EvalAwaitPromise))
		if err != nil {
			b.Fatal(fmt.Errorf("%s: %w", name, err))
		}
		metrics[name] = append(metrics[name], v)
	}
	open("/buy") // starts what a browser starts once
	note("started-ms", "window.priced")
	delete(metrics, "started-ms")
	for b.Loop() {
		open("/buy#early")
		note("early-ms", "window.priced")
		note("longest-ms", "window.streamed.then(() => window.longest)")
		note("moved", "window.moved")
		open("/buy")
		note("page-ms", "window.priced.then((at) => at - window.asked)")
		question, err := chromedp.Run(tab, chromedp.Evaluate[json.RawMessage]("window.question"))
		if err != nil {
			b.Fatal(err)
		}
		open("/config.json") // a document of the same origin, without the dashboard
		note("plain-ms", plain+"("+string(question)+")")
	}
	for name, all := range metrics {
		b.ReportMetric(median(all), name)
	}
	b.ReportMetric(median(metrics["page-ms"])/median(metrics["plain-ms"]), "of-plain")
}
