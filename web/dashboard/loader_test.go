package dashboard

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

const config = `{"token_url":"/session/token","bridge_urls":[],"environment":"sandbox","user":{"name":"Alice"}}`

// testCore builds the core of testdata/core.
func testCore(t *testing.T) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), core)
	cmd := exec.Command("go", "build", "-o", out, "./testdata/core")
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the test core: %v\n%s", err, msg)
	}
	wasm, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

// The loader with a small core, served by the real handler under the real policy.
func TestLoader(t *testing.T) {
	t.Parallel()
	good := loaderFiles(t)
	good[core] = &fstest.MapFile{Data: testCore(t)}
	site := newSite(t, good)
	chrome := browser(t)
	violations := "addEventListener('securitypolicyviolation', (e) => { window.violated = e.violatedDirective })"

	t.Run("runs the core, and starts it again after a crash", func(t *testing.T) {
		p := open(t, chrome, serve(t, site, map[string]http.HandlerFunc{"/config.json": text("application/json", config)})+"/requests")
		p.run(violations)
		p.until("document.body.innerText.includes('running for Alice')")
		p.do(chromedp.Click(chromedp.ID("echo")))
		p.until("document.body.innerText.includes('did echo:x')")
		p.do(chromedp.Click(chromedp.ID("crash")))
		p.until("window.starts === 2 && document.body.innerText.includes('running for Alice')")
		p.do(chromedp.Click(chromedp.ID("crash")))
		p.until("document.body.innerText.includes('stopped unexpectedly')")
		p.until("document.activeElement.innerText === 'Try again'")
		p.do(chromedp.Click(chromedp.CSS("button")))
		p.until("window.starts === 3 && document.body.innerText.includes('running for Alice')")
		p.want("window.violated ?? ''", "")
	})
	t.Run("asks again for a configuration that does not come", func(t *testing.T) {
		var asked atomic.Int32
		p := open(t, chrome, serve(t, site, map[string]http.HandlerFunc{"/config.json": func(w http.ResponseWriter, r *http.Request) {
			if asked.Add(1) == 1 {
				http.Error(w, "down", http.StatusBadGateway)
				return
			}
			text("application/json", config)(w, r)
		}})+"/")
		p.until("document.body.innerText.includes('The server does not answer')")
		p.do(chromedp.Click(chromedp.CSS("button")))
		p.until("document.body.innerText.includes('running for Alice')")
	})
	t.Run("says that the core is damaged, and takes it when it is whole again", func(t *testing.T) {
		var broken atomic.Bool
		broken.Store(true)
		p := open(t, chrome, serve(t, site, map[string]http.HandlerFunc{
			"/config.json": text("application/json", config),
			site.base + core: func(w http.ResponseWriter, r *http.Request) {
				if broken.Load() {
					w.Header().Set("Cache-Control", "no-store")
					text("application/wasm", "\x00asm broken")(w, r)
					return
				}
				site.ServeHTTP(w, r)
			},
		})+"/")
		p.until("document.body.innerText.includes('What was loaded is damaged')")
		p.want("document.body.innerText.includes('CORE_DAMAGED')", true)
		broken.Store(false)
		p.do(chromedp.Click(chromedp.CSS("button")))
		p.until("document.body.innerText.includes('running for Alice')")
	})
	t.Run("says that WebAssembly is switched off", func(t *testing.T) {
		url := serve(t, site, map[string]http.HandlerFunc{"/config.json": text("application/json", config)})
		p := open(t, chrome, "about:blank")
		if _, err := chromedp.Call(p.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: "delete globalThis.WebAssembly"}); err != nil {
			t.Fatal(err)
		}
		p.do(chromedp.Navigate(url))
		p.until("document.body.innerText.includes('This browser has WebAssembly switched off')")
	})
	t.Run("says that the download failed", func(t *testing.T) {
		p := open(t, chrome, serve(t, site, map[string]http.HandlerFunc{
			"/config.json":   text("application/json", config),
			site.base + core: func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "gone", http.StatusNotFound) },
		})+"/")
		p.until("document.body.innerText.includes('could not be loaded completely')")
		checkLoaderAccessible(p)
	})
	t.Run("makes a link key that can be used and not read", func(t *testing.T) {
		p := open(t, chrome, serve(t, site, map[string]http.HandlerFunc{"/config.json": text("application/json", config)})+"/requests")
		p.until("document.body.innerText.includes('running for Alice')")
		p.run(`const { host } = await import('` + site.base + `host.js'); const { link, store } = host(() => {});
			const a = await Promise.all([link.static(), link.static()]), b = await link.generate(), again = await link.static();
			window.same = [a[0], a[1], again].map((k) => k.publicKey.join()).every((k, _, all) => k === all[0] && k.length > 31);
			window.shared = (await link.derive(a[0], b.publicKey)).join() === (await link.derive(b, again.publicKey)).join();
			window.kept = await crypto.subtle.exportKey('pkcs8', again.privateKey).catch((e) => e.name);
			await store.set('pin', 'x'); window.value = [await store.get('pin'), await store.get('none')]; await store.delete('pin'); value.push(await store.get('pin'))`)
		p.want("[same, shared, kept, value]", []any{true, true, "InvalidAccessError", []any{"x", nil, nil}})
	})
}

func checkLoaderAccessible(p tab) {
	p.Helper()
	p.run(axeCore(p.T))
	for _, scheme := range []string{"light", "dark"} {
		p.media(scheme, "reduce")
		checkAccessible(p, scheme)
		if *pictures != "" {
			shot(p, filepath.Join(*pictures, "failure-"+scheme+".png"))
		}
	}
}

func TestLoaderNeedsNoInlineScriptOrStyle(t *testing.T) {
	t.Parallel()
	s := newSite(t, loaderFiles(t))
	for name, page := range s.pages {
		for _, bad := range []string{"style=", "<style", " onload", "javascript:", "{{", "ZgotmplZ"} {
			if strings.Contains(string(page.body), bad) {
				t.Errorf("the page %s contains %q", name, bad)
			}
		}
		for line := range strings.Lines(string(page.body)) {
			if strings.Contains(line, "<script") && !strings.Contains(line, `src="`+s.base) {
				t.Errorf("a script that is not a file of this build: %s", line)
			}
		}
	}
}
