package bench

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// press fills the form in and asks for prices, and notes what was asked, when (asked), when
// the first price is on screen (priced), and the longest task of the page until then.
// With an address that ends in #early it presses as soon as there is a form, which is
// before the core is there, else once the page can be used.
const press = `window.longest = 0;
const ask = window.fetch;
window.fetch = (url, options) => { if (String(url).includes('/v1/quotes?')) window.question = {url: String(url), headers: Object.fromEntries(new Headers(options.headers))}; return ask(url, options); };
new PerformanceObserver((list) => { for (const e of list.getEntries()) window.longest = Math.max(longest, e.duration); }).observe({type: 'longtask', buffered: true});
(function look() {
  const amount = document.querySelector('#amount'), account = document.querySelector('#account');
  if (!amount || location.hash !== '#early' && (!account || account.disabled)) return requestAnimationFrame(look);
  window.asked = performance.now();
  amount.value = '250';
  amount.dispatchEvent(new Event('input', {bubbles: true}));
  amount.form.requestSubmit();
  (function price() {
    if (document.querySelector('input[name=offer]:not(:disabled)')) window.priced = performance.now(); else requestAnimationFrame(price);
  })();
})();`

// plain is a page in plain JavaScript that asks the same gateway the same question; it
// returns how long its first price took.
const plain = `(async ({url, headers}) => {
  const began = performance.now(), reader = (await fetch(url, {headers})).body.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ''; !text.includes('event: quote');) {
    const {value, done} = await reader.read();
    if (done) throw new Error('there was no price: ' + text);
    text += value;
  }
  const took = performance.now() - began;
  await reader.cancel();
  return took;
})(window.question)`

// BenchmarkFirstPrice measures how long the first price takes without a limit of the
// line, in milliseconds: after a press in the dashboard (page-ms) and in a page in plain
// JavaScript that asks the same (plain-ms); and from navigation, when the person presses
// before the core is there (early-ms). longest-ms is the longest task of the page until
// then. Medians.
func BenchmarkFirstPrice(b *testing.B) {
	s := start(b)
	tab := chromium(b)
	if _, err := chromedp.Call(tab, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: press}); err != nil {
		b.Fatal(err)
	}
	evaluate := func(js string) float64 {
		v, err := chromedp.Run(tab, chromedp.Evaluate[float64](js, chromedp.EvalAwaitPromise))
		if err != nil {
			b.Fatal(err)
		}
		return v
	}
	visit := func(path string) {
		if err := chromedp.Do(tab, chromedp.Navigate("about:blank"), chromedp.Navigate(s.DashboardURL+path)); err != nil {
			b.Fatal(err)
		}
		if _, err := chromedp.Run(tab, chromedp.Poll[bool]("window.priced > 0", chromedp.WithPollingTimeout(time.Minute))); err != nil {
			b.Fatal(fmt.Errorf("there is no price: %w", err))
		}
	}
	visit("/buy") // starts what a browser starts once
	metrics := map[string][]float64{}
	note := func(name string, v float64) { metrics[name] = append(metrics[name], v) }
	for b.Loop() {
		visit("/buy#early")
		note("early-ms", evaluate("window.priced"))
		note("longest-ms", evaluate("window.longest"))
		visit("/buy")
		priced, first := evaluate("window.priced - window.asked"), evaluate(plain)
		note("page-ms", priced)
		note("plain-ms", first)
		note("of-plain", priced/first)
	}
	for name, all := range metrics {
		b.ReportMetric(median(all), name)
	}
}
