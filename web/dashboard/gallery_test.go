package dashboard

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"countersign/web/dashboard/gallery"

	"github.com/chromedp/chromedp"
)

var (
	pictures = flag.String("pictures", "", "write the gallery's screenshots into this folder")
	whole    = flag.Bool("gallery", false, "look at all of the gallery, not at some of each kind")
)

// some are the pictures of the gallery that are looked at in each run: those that differ
// most from each other.
var some = []string{
	"app--account", "app--accounts-no-signer", "app--bridge-asking", "app--bridge-key-changed", "app--bridge-relayed", "app--buy-quotes", "app--buy-review", "app--buy-start", "app--buy-too-little",
	"app--keys", "app--order-completed", "app--request-in-use", "app--request-pairing", "app--request-pin-wrong", "app--request-reading", "app--requests-by-next", "app--requests-together-partly", "app-bare--bridge-asking", "app-inside--buy-several-entities",
	"approve--request-reading", "bridge-status--bridge-pairing", "order--order-completed", "quotes--buy-quotes", "quotes--buy-review", "requests--requests-picked",
}

// someForms are the forms, and what becomes of them, that are looked at in each run.
var someForms = []string{
	"vault--form-account", "vault--form-invited", "vault--form-reporting-made", "vault--form-rules-open", "vault--form-rules-wrong", "vault--form-whitelist",
	"send--filled", "send--wrong", "send--two-ways", "record--provider", "sending--included", "sending--speed-up", "sending--signature", "receive--account", "books--month", "books--own", "vault--form-message", "vault--form-message-wrong",
}

// The gallery is every element in every state. Each is met as a person would: nothing
// refused, nothing wider than the window, nothing that an accessibility checker calls
// serious. With -pictures DIR it leaves screenshots to look at.
func TestGallery(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := gallery.Pictures(t.Context(), "../..", dir); err != nil {
		t.Fatal(err)
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	site, err := gallery.Handler("../..", strings.TrimSpace(string(goroot)), dir)
	if err != nil {
		t.Fatal(err)
	}
	all, err := gallery.Names(dir)
	if err != nil {
		t.Fatal(err)
	}
	chrome, url, axe := browser(t), serveHandler(t, site), axeCore(t)
	for _, name := range some {
		if !slices.Contains(all, name) {
			t.Errorf("the gallery has no %s", name)
		}
	}
	forms, sends := gallery.Forms, gallery.Sends
	if !*whole {
		less := func(name string) bool { return !slices.Contains(someForms, name) }
		all, forms, sends = some, slices.DeleteFunc(slices.Clone(forms), less), slices.DeleteFunc(slices.Clone(sends), less)
	}
	all = slices.Concat(all, gallery.Vault, forms, sends)
	t.Run("an element on a page of one scheme", func(t *testing.T) { checkPlain(t, chrome, url, axe) })
	for _, name := range all {
		t.Run(name, func(t *testing.T) {
			p := open(t, chrome, url+"/?only="+name)
			p.until("window.ready === true")
			p.run(axe)
			for _, v := range []struct {
				scheme string
				width  int64
			}{{"light", 1440}, {"light", 768}, {"light", 320}, {"dark", 1440}, {"dark", 768}, {"dark", 320}} {
				p.media(v.scheme, "reduce")
				p.do(chromedp.EmulateViewport(v.width, 900))
				p.want("refused", []string{})
				fits(p, v.scheme, v.width)
				stepFirst(p, v.width)
				if v.scheme == "light" {
					none(p, "the focus is not seen well", cut)
				}
				checkAccessible(p, v.scheme)
				if *pictures != "" {
					shot(p, filepath.Join(*pictures, fmt.Sprintf("%s-%s-%d.png", name, v.scheme, v.width)))
				}
			}
			p.media("light", "reduce")
			p.do(chromedp.EmulateViewport(640, 450)) // 1280 × 900 at 200 % zoom
			fits(p, "at 200 % zoom", 640)
			p.run("document.documentElement.dir = root.parentElement.dir = 'rtl'")
			for _, width := range []int64{1280, 320} {
				p.do(chromedp.EmulateViewport(width, 900))
				fits(p, "from right to left", width)
				none(p, "from right to left these are not seen as they are written", disordered)
			}
			if *pictures != "" {
				p.do(chromedp.EmulateViewport(1280, 900))
				shot(p, filepath.Join(*pictures, name+"-rtl.png"))
			}
			p.do(chromedp.EmulateViewport(320, 900, chromedp.EmulateMobile, chromedp.EmulateTouch))
			p.want("matchMedia('(pointer: coarse)').matches", true)
			p.want(small, []string{})
		})
	}
}

// A page that says nothing of colour schemes is white, also for who prefers dark ones.
func checkPlain(t *testing.T, chrome context.Context, url, axe string) {
	t.Helper()
	p := open(t, chrome, url+"/?plain&only=quotes--buy-quotes")
	p.media("dark", "reduce")
	p.do(chromedp.Reload())
	p.until("window.ready === true")
	p.run(axe)
	checkAccessible(p, "dark")
	p.want("getComputedStyle(root).colorScheme", "light")
}

func fits(p tab, how string, width int64) {
	p.Helper()
	if w := js[int64](p, "document.documentElement.scrollWidth"); w > width {
		p.Errorf("%s at %d px: the page is %d px wide: %s", how, width, w, js[string](p, widest))
	}
	p.want(sideways, []string{})
}

// small lists what a finger may miss: less than 44 px high. Links in a sentence
// are exempt, and .copy has a larger area around it.
const small = `[...root.querySelectorAll('a, button, select, input')].filter((e) => !e.matches('.link, .copy, .skip, .quote-radio') && e.checkVisibility() &&
	e.getBoundingClientRect().height < 44 && !(e.closest('.input-group, .check')?.getBoundingClientRect().height >= 44)).map((e) => e.outerHTML.slice(0, 90))`

// sideways lists the texts that would have to be moved sideways to be read.
const sideways = `[...root.querySelectorAll('pre')].filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.textContent.slice(0, 40))`

// cut lists the controls around which the ring that shows the focus is not whole.
const cut = `(() => {
	const wrong = new Set(), was = [scrollX, scrollY];
	for (const el of root.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')) {
		if (!el.checkVisibility() || el.disabled || el.matches('.skip')) continue;
		el.focus();
		if (root.getRootNode().activeElement !== el) continue; // behind a dialog
		el.scrollIntoView({ block: 'nearest', inline: 'nearest' }); // as Tab does
		let e = el;
		while (e && e !== root && getComputedStyle(e).outlineStyle === 'none') e = e.parentElement;
		if (!e || e === root) { wrong.add('no ring: ' + el.outerHTML.slice(0, 60)); continue; }
		const s = getComputedStyle(e), ring = parseFloat(s.outlineOffset) + parseFloat(s.outlineWidth) - 1, b = e.getBoundingClientRect();
		for (let p = e.parentElement; p && p !== root; p = p.parentElement) {
			const { overflowX: x, overflowY: y, overflowClipMargin: margin } = getComputedStyle(p);
			if (x === 'visible' && y === 'visible') continue;
			const c = p.getBoundingClientRect(), m = x === 'clip' ? parseFloat(margin) || 0 : 0;
			if (b.top - ring < c.top - m || b.bottom + ring > c.bottom + m || b.left - ring < c.left - m || b.right + ring > c.right + m) wrong.add('cut by ' + p.className + ': ' + el.outerHTML.slice(0, 60));
		}
	}
	(root.getRootNode().activeElement)?.blur();
	root.querySelector('.status')?.scrollTo(0, 0);
	scrollTo(...was);
	return [...wrong];
})()`

// none fails with what an expression lists.
func none(p tab, what, expression string) {
	p.Helper()
	if list := js[[]string](p, expression); len(list) > 0 {
		p.Errorf("%s: %q", what, list)
	}
}

// disordered lists the texts of a page from right to left that are not seen as they are
// written, "EUR of Ethereum from Northpay 250" for one: all that the gallery says runs from
// left to right, also where boxes of one row make one text.
const disordered = `(() => {
	const wrong = new Set(), range = document.createRange(), texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
	const box = (e) => /flex|grid/.test(getComputedStyle(e.parentElement).display) || !getComputedStyle(e).display.startsWith('inline') ? e : box(e.parentElement);
	let before;
	for (let n; (n = texts.nextNode());) {
		if (!n.parentElement.checkVisibility()) continue;
		const home = n.parentElement.closest('.quote-fact, .code-display, dd:has(> .key)') ?? box(n.parentElement);
		for (let i = 0; i < n.length; i++) {
			range.setStart(n, i); range.setEnd(n, i + 1);
			const now = range.getBoundingClientRect();
			if (!n.data[i].trim() || !now.width) continue;
			const line = before?.home === home && Math.min(now.bottom, before.bottom) - Math.max(now.top, before.top) > Math.min(now.height, before.height) / 2;
			if (line && now.left < before.left) wrong.add(home.textContent.slice(0, 60) + ' at ' + n.data.slice(i, i + 12));
			before = { home, left: now.left, top: now.top, bottom: now.bottom, height: now.height };
		}
		if (/flex|grid/.test(getComputedStyle(n.parentElement).display)) before = undefined;
	}
	const fields = [...root.querySelectorAll('input:not([type=radio], [type=checkbox]), textarea, option')].filter((e) => getComputedStyle(e).unicodeBidi !== 'plaintext');
	return [...wrong, ...fields.map((e) => e.outerHTML.slice(0, 60))];
})()`

// widest names the elements that stick out.
const widest = `[...root.querySelectorAll('*')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.table-wrap, .visually-hidden'))
	.slice(0, 5).map((e) => e.tagName + '.' + e.getAttribute('class')).join(', ')`

func axeCore(t *testing.T) string {
	t.Helper()
	src, err := os.ReadFile("../../softhsm/e2e/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatalf("axe-core is not installed; run softhsm/e2e/install.sh test: %v", err)
	}
	return string(src)
}

func checkAccessible(p tab, scheme string) {
	p.Helper()
	raw := js[string](p, `axe.run(document, {resultTypes: ['violations']}).then((r) => JSON.stringify(r.violations
		.filter((v) => ['serious', 'critical'].includes(v.impact))
		.map((v) => ({id: v.id, nodes: v.nodes.map((n) => n.html.slice(0, 160) + ' | ' + n.failureSummary.slice(0, 260))}))))`)
	var violations []struct {
		ID    string
		Nodes []string
	}
	if err := json.Unmarshal([]byte(raw), &violations); err != nil {
		p.Fatal(err)
	}
	for _, v := range violations {
		p.Errorf("%s: %s:\n%s", scheme, v.ID, strings.Join(v.Nodes, "\n"))
	}
}

func shot(p tab, path string) {
	p.Helper()
	png, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		p.Fatal(err)
	}
	if err := os.WriteFile(path, png, 0o644); err != nil {
		p.Fatal(err)
	}
}

// stepFirst looks where the steps of a decision stand: above what the person is to read or
// do where there is room, and below it on a small screen.
func stepFirst(p tab, width int64) {
	p.Helper()
	const below = `[...document.querySelectorAll('.stack:has(> .track)')].map((s) => { const track = s.querySelector(':scope > .track').getBoundingClientRect().top;
		return [...s.children].some((c) => !c.classList.contains('track') && c.getBoundingClientRect().height > 40 && c.getBoundingClientRect().top < track); })`
	for _, is := range js[[]bool](p, below) {
		if is != (width < 640) {
			p.Errorf("at %d px the steps stand below what is to be done: %v", width, is)
		}
	}
}
