package dashboard

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"countersign/web/dashboard/loader"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// harness is the page of the painter's tests: the real element, styles and
// painter under the real policy, without a core.
const harness = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>t</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<link rel="stylesheet" href="{{base}}app.css"><script type="module" src="/harness.js"></script></head>
<body><countersign-app></countersign-app></body></html>`

const harnessScript = `import { Painter } from '{{base}}painter.js';
import { apply } from '{{base}}theme.js';
window.root = document.querySelector('countersign-app');
window.sent = [];
window.refused = [];
console.error = (...a) => refused.push(a.join(' '));
addEventListener('securitypolicyviolation', (e) => refused.push('policy: ' + e.violatedDirective));
window.painter = new Painter(root, (a, v) => sent.push([a, v]));
window.theme = (t) => apply(root, t);
window.show = (picture) => new Promise((done) => {
  painter.paint(picture);
  requestAnimationFrame(() => requestAnimationFrame(() => done()));
});
window.$ = (s) => root.querySelector(s);
window.ready = true;
`

// loaderFiles are the modules of the loader, with an empty core.
func loaderFiles(t *testing.T) fstest.MapFS {
	t.Helper()
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatalf("go env GOROOT: %v", err)
	}
	modules, err := loader.Files("../..", strings.TrimSpace(string(goroot)))
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{core: {Data: []byte("\x00asm\x01\x00\x00\x00")}}
	for name, body := range modules {
		files[name] = &fstest.MapFile{Data: body}
	}
	return files
}

func newSite(t *testing.T, bundle fs.FS) *Site {
	t.Helper()
	h, err := Handler(Config{Bundle: bundle, Environment: "sandbox"})
	if err != nil {
		t.Fatalf("Handler: %v", err)
	}
	return h
}

// serve starts the dashboard's handler, with extra pages under the same policy.
func serve(t *testing.T, s *Site, extra map[string]http.HandlerFunc) string {
	t.Helper()
	return serveHandler(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h, ok := extra[r.URL.Path]; ok {
			s.secure(w.Header())
			h(w, r)
			return
		}
		s.ServeHTTP(w, r)
	}))
}

func serveHandler(t *testing.T, h http.Handler) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}

func text(kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		fmt.Fprint(w, body)
	}
}

var browserNames = []string{"chromium", "chromium-browser", "google-chrome"}

// browser starts Chromium; a machine without one fails the test.
func browser(t *testing.T) context.Context {
	t.Helper()
	bin := ""
	for _, name := range browserNames {
		if path, err := exec.LookPath(name); err == nil {
			bin = path
			break
		}
	}
	if bin == "" {
		t.Fatalf("these tests need Chromium: none of %s is installed", strings.Join(browserNames, ", "))
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(bin), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	ctx, stop := chromedp.NewExecAllocator(ctx, opts...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(ctx)
	t.Cleanup(closeTab)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", bin, err)
	}
	return ctx
}

// tab is one page of a browser, with short names for what tests do.
type tab struct {
	*testing.T
	ctx context.Context
}

// patience is for how long one page is used. A busy machine takes a minute for what takes a second
// on an idle one.
const patience = 4 * time.Minute

func open(t *testing.T, browser context.Context, url string) tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	ctx, stop := context.WithTimeout(ctx, patience)
	t.Cleanup(stop)
	p := tab{t, ctx}
	p.do(chromedp.EmulateViewport(1280, 900), chromedp.Navigate(url))
	return p
}

func (p tab) do(actions ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	if err := chromedp.Do(p.ctx, actions...); err != nil {
		p.Fatal(err)
	}
}

// typeInto types into the field with an id. It is SendKeys without its look at the
// node's attributes, which races with the browser's events that change them.
func typeInto(id, keys string) chromedp.Action[chromedp.Void] {
	return chromedp.Steps(chromedp.Focus(chromedp.ID(id)), chromedp.KeyEvent(keys))
}

// js evaluates an expression, waits for its promise and decodes the value.
func js[T any](p tab, expression string) T {
	p.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.Fatalf("%s: %v", expression, err)
	}
	return v
}

func (p tab) run(expression string) {
	p.Helper()
	js[chromedp.Void](p, "(async () => { "+expression+" })()")
}

// until waits for an expression to become true.
func (p tab) until(expression string) {
	p.Helper()
	if _, err := chromedp.Run(p.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(20*time.Second))); err != nil {
		p.Fatalf("waiting for %s: %v\nthe page: %s", expression, err, js[string](p, "document.body.innerText"))
	}
}

func (p tab) want(expression string, want any) {
	p.Helper()
	got, err := json.Marshal(js[any](p, expression))
	if err != nil {
		p.Fatal(err)
	}
	expected, err := json.Marshal(want)
	if err != nil {
		p.Fatal(err)
	}
	if string(got) != string(expected) {
		p.Errorf("%s = %s, want %s", expression, got, expected)
	}
}

// media makes the page light or dark, and still or moving.
func (p tab) media(scheme, motion string) {
	p.Helper()
	_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: motion},
	}})
	if err != nil {
		p.Fatal(err)
	}
}

// print has the page look as on paper, or on screen again.
func (p tab) print(on bool) {
	p.Helper()
	media := ""
	if on {
		media = "print"
	}
	if _, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: media}); err != nil {
		p.Fatal(err)
	}
}

// stage is a browser with the harness page served; open as many tabs as needed.
type stage struct {
	browser context.Context
	url     string
}

func newStage(t *testing.T) stage {
	t.Helper()
	s := newSite(t, loaderFiles(t))
	fill := func(page string) string { return strings.ReplaceAll(page, "{{base}}", s.base) }
	url := serve(t, s, map[string]http.HandlerFunc{
		"/":           text("text/html; charset=utf-8", fill(harness)),
		"/requests":   text("text/html; charset=utf-8", fill(harness)),
		"/harness.js": text("text/javascript; charset=utf-8", fill(harnessScript)),
	})
	return stage{browser(t), url}
}

func (s stage) open(t *testing.T) tab {
	t.Helper()
	p := open(t, s.browser, s.url+"/")
	p.until("window.ready === true")
	return p
}
