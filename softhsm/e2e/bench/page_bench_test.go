package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"countersign/softhsm/e2e/system"
)

// watch notes when the page could first be used: the accounts and what the
// providers offer are there, so the form for prices can be filled in and sent.
const watch = `new MutationObserver((_, me) => {
  const amount = document.querySelector('#amount'), account = document.querySelector('select[name=account]');
  if (amount && !amount.disabled && account && !account.disabled && account.options.length) {
    window.usable = performance.now();
    me.disconnect();
  }
}).observe(document, {subtree: true, childList: true, attributes: true});`

// BenchmarkPageUsable measures the time from navigation to a usable page in
// headless Chromium, against the whole system, in milliseconds: usable-ms with an
// empty cache, again-ms with a filled one, paint-ms until the first picture.
// Medians; `make bench` prints them.
func BenchmarkPageUsable(b *testing.B) {
	s := start(b)
	tab := chromium(b)
	var usable, again, paint []float64
	visit := func() (ready, painted float64) {
		if err := chromedp.Do(tab, chromedp.Navigate(s.DashboardURL+"/buy")); err != nil {
			b.Fatal(err)
		}
		if _, err := chromedp.Run(tab, chromedp.Poll[bool]("window.usable > 0", chromedp.WithPollingTimeout(time.Minute))); err != nil {
			b.Fatal(fmt.Errorf("the page does not become usable: %w", err))
		}
		for name, to := range map[string]*float64{"window.usable": &ready,
			"performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0": &painted} {
			v, err := chromedp.Run(tab, chromedp.Evaluate[float64](name))
			if err != nil {
				b.Fatal(err)
			}
			*to = v
		}
		return ready, painted
	}
	visit() // starts what a browser starts once
	for b.Loop() {
		if _, err := chromedp.Call(tab, network.ClearBrowserCache, cdp.Empty{}); err != nil {
			b.Fatal(err)
		}
		ready, painted := visit()
		usable, paint = append(usable, ready), append(paint, painted)
		ready, _ = visit()
		again = append(again, ready)
	}
	b.ReportMetric(median(usable), "usable-ms")
	b.ReportMetric(median(again), "again-ms")
	b.ReportMetric(median(paint), "paint-ms")
}

// start starts the whole system, with a person who agrees to everything. The
// programs must be in bin/ (make build).
func start(b *testing.B) *system.System {
	b.Helper()
	bin, err := filepath.Abs("../../../bin")
	if err != nil {
		b.Fatal(err)
	}
	script := filepath.Join(b.TempDir(), "script.json")
	s, err := system.Start(b.Context(), system.Config{Dir: b.TempDir(), Bin: bin, Pinentry: filepath.Join(bin, "scripted-pinentry"), BridgeEnv: system.ScriptEnv(script)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Stop(); err != nil {
			b.Error(err)
		}
	})
	if err := s.State.Script(script, system.Answers{}); err != nil {
		b.Fatal(err)
	}
	return s
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// chromium starts the browser with one tab that watches.
func chromium(b *testing.B) context.Context {
	b.Helper()
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		b.Fatal("it needs Chromium; softhsm/e2e/install.sh test installs it")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.DisableGPU,
		chromedp.UserDataDir(b.TempDir()), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	if os.Geteuid() == 0 {
		opts = append(opts, chromedp.NoSandbox)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	b.Cleanup(cancel)
	ctx, stop := chromedp.NewExecAllocator(ctx, opts...)
	b.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(ctx)
	b.Cleanup(closeTab)
	if err := chromedp.Do(ctx); err != nil {
		b.Fatalf("start %s: %v", program, err)
	}
	if _, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watch}); err != nil {
		b.Fatal(err)
	}
	return ctx
}
