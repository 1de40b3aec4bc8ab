package e2e

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

var pictures = flag.String("pictures", "", "write screenshots of the story into this folder")

// patience is how long a test waits for something to appear on a page.
const patience = 60 * time.Second

// tab is one page in a real Chromium, with words for what a person does.
type tab struct {
	*testing.T
	ctx  context.Context
	shot int
}

// browse starts Chromium and opens url. A machine without Chromium fails the
// test. What the page writes to the console as an error fails it too.
func browse(t *testing.T, url string, flags ...chromedp.ExecAllocatorOption) *tab {
	t.Helper()
	bin := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			bin = path
			break
		}
	}
	if bin == "" {
		t.Fatal("the browser tests need Chromium; softhsm/e2e/install.sh test installs it")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(bin), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	ctx, stop := chromedp.NewExecAllocator(ctx, append(opts, flags...)...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(ctx)
	t.Cleanup(closeTab)
	p := &tab{T: t, ctx: ctx}
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", bin, err)
	}
	if err := chromedp.Listen(ctx, func(event any) {
		if e, ok := event.(*cdpruntime.EventExceptionThrown); ok {
			t.Errorf("the page threw: %s", e.ExceptionDetails.Text)
		}
	}); err != nil {
		t.Fatal(err)
	}
	p.media("light")
	p.do(chromedp.EmulateViewport(1280, 900), chromedp.Navigate(url))
	return p
}

// opened returns the tab that act opens.
func (p *tab) opened(act func()) *tab {
	p.Helper()
	found := chromedp.WaitNewTarget(p.ctx, func(i *target.Info) bool { return i.Type == "page" })
	act()
	select {
	case id := <-found:
		ctx, cancel := chromedp.NewContext(p.ctx, chromedp.WithTargetID(id))
		p.Cleanup(cancel)
		next := &tab{T: p.T, ctx: ctx, shot: p.shot}
		next.media("light")
		return next
	case <-time.After(patience):
		p.Fatalf("no tab was opened:\n%s", p.text())
		return nil
	}
}

// returns makes p the tab in front again: the browser draws no other.
func (p *tab) returns() {
	p.Helper()
	if _, err := chromedp.Call(p.ctx, page.BringToFront, cdp.Empty{}); err != nil {
		p.Fatal(err)
	}
}

func (p *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	if err := chromedp.Do(p.ctx, actions...); err != nil {
		p.Fatal(err)
	}
}

func eval[T any](p *tab, expression string) T {
	p.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.Fatalf("%s: %v", expression, err)
	}
	return v
}

// until waits for an expression to become true, also when the page is left or
// loaded again in between.
func (p *tab) until(what, expression string) { p.Helper(); found[bool](p, what, expression) }

// found waits for an expression to be something else than the zero value, as
// until does, and returns it.
func found[T comparable](p *tab, what, expression string) T {
	p.Helper()
	deadline := time.After(patience)
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	var none T
	for {
		// An error is a page that is just being loaded.
		if v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression)); err == nil && v != none {
			return v
		}
		select {
		case <-ticker.C:
		case <-deadline:
			p.picture("failed")
			p.Fatalf("the page does not show %s:\n%s", what, p.text())
		}
	}
}

// does waits until an expression finds an element and does something with it, e, in
// the same step: what was found in an earlier look may be gone by now.
func (p *tab) does(what, find, action string) {
	p.Helper()
	p.until(what, "((e) => { if (!e) return false; "+action+"; return true })("+find+")")
}

// clicks waits until an expression finds an element and clicks it.
func (p *tab) clicks(what, find string) { p.Helper(); p.does(what, find, "e.click()") }

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always encodes
	}
	return string(b)
}

// pageText is all that the page shows; a blank that keeps an amount in one line is one.
const pageText = `document.body.innerText.replaceAll('\u00a0', ' ')`

func (p *tab) text() string { p.Helper(); return eval[string](p, pageText) }

// sees waits until the page shows a text.
func (p *tab) sees(text string) {
	p.Helper()
	p.until(quoted(text), pageText+".includes("+quoted(text)+")")
}

// button finds a visible button or link by its text.
func button(text string) string {
	return `[...document.querySelectorAll('button, a')].find(e => e.innerText.trim().replaceAll('\u00a0', ' ') === ` + quoted(text) + ` && !e.disabled && e.offsetParent)`
}

// begins finds a visible button that begins with one of some texts.
func begins(texts ...string) string {
	any := make([]string, len(texts))
	for i, t := range texts {
		any[i] = "e.innerText.trim().startsWith(" + quoted(t) + ")"
	}
	return `[...document.querySelectorAll('button')].find(e => (` + strings.Join(any, " || ") + `) && !e.disabled && e.offsetParent)`
}

// presses waits for a button or link and clicks it.
func (p *tab) presses(text string) {
	p.Helper()
	p.clicks("a button "+quoted(text), button(text))
}

// picks chooses a radio button by its name and value.
func (p *tab) picks(name, value string) {
	p.Helper()
	p.clicks("the choice "+value, fmt.Sprintf("document.querySelector('input[name=%s][value=%s]')", name, value))
}

// picture takes a screenshot, when the tests were asked for them.
func (p *tab) picture(name string) {
	p.Helper()
	if *pictures == "" {
		return
	}
	p.shot++
	for _, v := range []struct {
		scheme string
		width  int64
	}{{"light", 1280}, {"dark", 320}} {
		p.media(v.scheme)
		p.do(chromedp.EmulateViewport(v.width, 900))
		png, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
		if err != nil {
			p.Fatal(err)
		}
		file := filepath.Join(*pictures, fmt.Sprintf("%s-%02d-%s-%d.png", strings.ReplaceAll(p.Name(), "/", "-"), p.shot, name, v.width))
		if err := os.WriteFile(file, png, 0o600); err != nil {
			p.Fatal(err)
		}
	}
	p.media("light")
	p.do(chromedp.EmulateViewport(1280, 900))
}

func (p *tab) media(scheme string) {
	p.Helper()
	_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
	if err != nil {
		p.Fatal(err)
	}
}

// accessible runs axe-core: nothing serious may be found.
func (p *tab) accessible(where string) {
	p.Helper()
	axe, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		p.Fatalf("axe-core is not installed; softhsm/e2e/install.sh test installs it: %v", err)
	}
	eval[any](p, "void (() => {"+string(axe)+"\n})()")
	found := eval[string](p, `axe.run(document, {resultTypes: ['violations']}).then(r => r.violations
		.filter(v => v.impact === 'serious' || v.impact === 'critical')
		.map(v => v.id + ': ' + v.nodes.map(n => n.html).join(' ')).join('\n'))`)
	if found != "" {
		p.Errorf("%s is not accessible:\n%s", where, found)
	}
}
