package dashboard

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func bundle() fstest.MapFS {
	return fstest.MapFS{
		core:             {Data: []byte("\x00asm plain")},
		core + ".br":     {Data: []byte("compressed")},
		"countersign.js": {Data: []byte("export {}")},
		".keep":          {Data: []byte("placeholder")},
	}
}

func get(t *testing.T, h http.Handler, method, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	s := newSite(t, bundle())
	for _, test := range []struct {
		name, method, path string
		status             int
		kind               string
	}{
		{"the start page", "GET", "/", 200, "text/html; charset=utf-8"},
		{"a screen", "GET", "/requests", 200, "text/html; charset=utf-8"},
		{"a screen with an id", "GET", "/requests/req_1", 200, "text/html; charset=utf-8"},
		{"another screen", "GET", "/accounts/acc_treasury", 200, "text/html; charset=utf-8"},
		{"the head of a screen", "HEAD", "/orders", 200, "text/html; charset=utf-8"},
		{"an address that only starts like a screen", "GET", "/requestsX", 404, "text/plain; charset=utf-8"},
		{"the API is not the page's", "GET", "/v1/requests", 404, "text/plain; charset=utf-8"},
		{"the core", "GET", s.base + core, 200, "application/wasm"},
		{"a module", "GET", s.base + "countersign.js", 200, "text/javascript; charset=utf-8"},
		{"the styles", "GET", s.base + "app.css", 200, "text/css; charset=utf-8"},
		{"the icon", "GET", s.base + "favicon.svg", 200, "image/svg+xml"},
		{"a file of another build", "GET", "/static/AAAAAAAAAAAA/" + core, 404, "text/plain; charset=utf-8"},
		{"a file without a build", "GET", "/static/" + core, 404, "text/plain; charset=utf-8"},
		{"a placeholder", "GET", s.base + ".keep", 404, "text/plain; charset=utf-8"},
		{"the page is not a file", "GET", s.base + "index.html", 404, "text/plain; charset=utf-8"},
		{"a path upwards", "GET", s.base + "../../dashboard.go", 404, "text/plain; charset=utf-8"},
		{"the compressed form by name", "GET", s.base + core + ".br", 404, "text/plain; charset=utf-8"},
		{"a write", "POST", "/", 405, "text/plain; charset=utf-8"},
		{"the old icon's address", "GET", "/favicon.ico", 302, "text/html; charset=utf-8"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := get(t, s, test.method, test.path)
			if w.Code != test.status || w.Header().Get("Content-Type") != test.kind {
				t.Errorf("%s %s: %d %s, want %d %s", test.method, test.path, w.Code, w.Header().Get("Content-Type"), test.status, test.kind)
			}
			if test.method == http.MethodHead && w.Body.Len() > 0 {
				t.Errorf("HEAD has a body")
			}
			for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "X-Frame-Options", "Cross-Origin-Opener-Policy"} {
				if w.Header().Get(name) == "" {
					t.Errorf("%s is missing", name)
				}
			}
		})
	}
}

func TestPolicyAllowsOnlyWhatThePageNeeds(t *testing.T) {
	t.Parallel()
	w := get(t, newSite(t, bundle()), "GET", "/")
	want := "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self' http://127.0.0.1:* ws://127.0.0.1:*; " +
		"img-src 'self' data:; font-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'; " +
		"require-trusted-types-for 'script'; trusted-types 'none'"
	if got := w.Header().Get("Content-Security-Policy"); got != want {
		t.Errorf("policy\n got %s\nwant %s", got, want)
	}
}

func TestFilesAreCachedForGoodAndCompressed(t *testing.T) {
	t.Parallel()
	s := newSite(t, bundle())
	for _, test := range []struct{ name, accept, encoding, body string }{
		{"brotli when it is accepted", "gzip, deflate, br, zstd", "br", "compressed"},
		{"brotli with a weight", "br;q=0.5", "br", "compressed"},
		{"plain when nothing is said", "", "", "\x00asm plain"},
		{"plain when brotli is refused", "gzip, br; q=0", "", "\x00asm plain"},
		{"plain when the weight is nonsense", "br;q=x", "", "\x00asm plain"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := get(t, s, "GET", s.base+core, "Accept-Encoding", test.accept)
			if got := w.Header().Get("Content-Encoding"); got != test.encoding || w.Body.String() != test.body {
				t.Errorf("%q: encoding %q, body %q", test.accept, got, w.Body)
			}
			if !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || w.Header().Get("Vary") != "Accept-Encoding" {
				t.Errorf("headers %v", w.Header())
			}
			again := get(t, s, "GET", s.base+core, "Accept-Encoding", test.accept, "If-None-Match", `"x", W/`+w.Header().Get("ETag"))
			if again.Code != http.StatusNotModified || again.Body.Len() > 0 {
				t.Errorf("the same ETag again: %d with %d bytes", again.Code, again.Body.Len())
			}
		})
	}
	if w := get(t, s, "GET", "/"); w.Header().Get("Cache-Control") != "no-store" || !strings.Contains(w.Body.String(), s.base+"boot.js") {
		t.Errorf("the page: %v", w.Header())
	}
	other := bundle()
	other["countersign.js"] = &fstest.MapFile{Data: []byte("export default 1")}
	if newSite(t, other).base == s.base {
		t.Errorf("another build has the same address")
	}
}

func TestAServerWithoutTheModuleSaysHowToBuildIt(t *testing.T) {
	t.Parallel()
	w := get(t, newSite(t, fstest.MapFS{".keep": {}}), "GET", "/requests")
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "make wasm") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestTheEmbeddedSiteOpens(t *testing.T) {
	t.Parallel()
	if _, err := Handler(Config{}); err != nil {
		t.Fatal(err)
	}
}
