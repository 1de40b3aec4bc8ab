package bench

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// The line that a cold load is measured over.
const (
	lineBytes   = 200_000 // a second, both ways: 1.6 Mbit/s
	lineLatency = 150     // ms of each round trip
)

// BenchmarkColdLoad measures a first visit over a slow line, in milliseconds:
// cold-ms to a usable page, useful-ms until the page says in words where the person
// is and what it is for, form-ms until the form takes what is typed; the person presses
// then, and price-ms is how long after the core's last byte the first price is there. The floor
// is the module alone over that line, in the same browser: floor-ms is its download, compiled while it arrives. moved is how far
// the page moves by itself on the way (layout shift). Medians.
func BenchmarkColdLoad(b *testing.B) {
	s := start(b)
	tab := chromium(b)
	if _, err := chromedp.Call(tab, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: observe}); err != nil {
		b.Fatal(err)
	}
	line := network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: []*network.Conditions{
		{Latency: lineLatency, DownloadThroughput: lineBytes, UploadThroughput: lineBytes}}}
	if _, err := chromedp.Call(tab, network.Enable, network.EnableParams{}); err != nil {
		b.Fatal(err)
	}
	if _, err := chromedp.Call(tab, network.EmulateNetworkConditionsByRule, line); err != nil {
		b.Fatal(err)
	}
	number := func(js string) float64 {
		v, err := chromedp.Run(tab, chromedp.Evaluate[float64](js, chromedp.EvalAwaitPromise))
		if err != nil {
			b.Fatal(err)
		}
		return v
	}
	metrics := map[string][]float64{}
	for b.Loop() {
		if _, err := chromedp.Call(tab, network.ClearBrowserCache, cdp.Empty{}); err != nil {
			b.Fatal(err)
		}
		if err := chromedp.Do(tab, chromedp.Navigate(s.DashboardURL+"/buy")); err != nil {
			b.Fatal(err)
		}
		if _, err := chromedp.Run(tab, chromedp.Poll[bool]("window.usable > 0", chromedp.WithPollingTimeout(time.Minute))); err != nil {
			b.Fatal(fmt.Errorf("the page does not become usable: %w", err))
		}
		if _, err := chromedp.Run(tab, chromedp.Poll[bool]("window.priced > 0", chromedp.WithPollingTimeout(time.Minute))); err != nil {
			b.Fatal(fmt.Errorf("there is no price: %w", err))
		}
		for name, js := range map[string]string{
			"price-ms": "window.priced - " + core + ".responseEnd",
			"cold-ms":  "window.usable", "useful-ms": "window.useful ?? window.form", "moved": "window.moved", "form-ms": "window.form", "core-ms": core + ".responseEnd",
			"core-bytes": core + ".transferSize", "all-bytes": "performance.getEntriesByType('resource').reduce((n, e) => n + e.transferSize, 0)",
			"picture-ms": "performance.getEntriesByName('countersign:picture')[0].startTime",
		} {
			metrics[name] = append(metrics[name], number(js))
		}
		floor := number(`(async () => { const from = performance.now();
			await WebAssembly.compileStreaming(await fetch(` + core + `.name, {cache: 'reload'})); return performance.now() - from })()`)
		metrics["floor-ms"] = append(metrics["floor-ms"], floor)
		metrics["ratio"] = append(metrics["ratio"], metrics["cold-ms"][len(metrics["cold-ms"])-1]/floor)
	}
	for name, all := range metrics {
		b.ReportMetric(median(all), name)
	}
}

// core is the entry of the module in the page's list of what it loaded.
const core = "performance.getEntriesByType('resource').find((e) => e.name.endsWith('.wasm'))"

// observe notes when the title of the screen was painted (Element Timing), when the
// form was there, and how far the page moved.
const observe = `window.moved = 0;
(function look() {
  const amount = document.getElementById('amount');
  if (!amount) return requestAnimationFrame(look);
  window.form = performance.now();
  amount.value = '250';
  amount.dispatchEvent(new Event('input', {bubbles: true}));
  amount.form.requestSubmit();
  (function price() {
    if (document.querySelector('input[name=offer]:not(:disabled)')) window.priced = performance.now(); else requestAnimationFrame(price);
  })();
})();
new PerformanceObserver((list) => { for (const e of list.getEntries()) window.useful ??= e.renderTime; }).observe({type: 'element', buffered: true});
new PerformanceObserver((list) => { for (const e of list.getEntries()) window.moved += e.value; }).observe({type: 'layout-shift', buffered: true});`
