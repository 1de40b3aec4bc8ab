package dashboard

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func bundle() fstest.MapFS {
	plain := []byte("\x00asm plain")
	return fstest.MapFS{
		core:             {Data: plain},
		core + ".br":     {Data: []byte("as brotli")},
		core + ".gz":     {Data: []byte("as gzip")},
		"manifest.json":  {Data: fmt.Appendf(nil, `{"compressed":{%q:"%x"}}`, core, sha256.Sum256(plain))},
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
			for _, name := range []string{"X-Content-Type-Options", "Referrer-Policy", "Cross-Origin-Resource-Policy"} {
				if w.Header().Get(name) == "" {
					t.Errorf("%s is missing", name)
				}
			}
			document := !slices.Contains([]string{"application/wasm", "text/javascript; charset=utf-8", "text/css; charset=utf-8"}, test.kind)
			for _, name := range []string{"Content-Security-Policy", "X-Frame-Options", "Cross-Origin-Opener-Policy", "Permissions-Policy"} {
				if (w.Header().Get(name) != "") != document {
					t.Errorf("%s is %q", name, w.Header().Get(name))
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

// ask sends a request over a real connection, as it is: nothing is decompressed.
func ask(t *testing.T, method, url string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	res, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

func TestAFileComesInTheFormThatTheClientPrefers(t *testing.T) {
	t.Parallel()
	s := newSite(t, bundle())
	url := serve(t, s, nil)
	for _, test := range []struct{ name, accept, encoding, body string }{
		{"a browser", "gzip, deflate, br, zstd", "br", "as brotli"},
		{"brotli with a weight", "br;q=0.5", "br", "as brotli"},
		{"gzip alone", "gzip", "gzip", "as gzip"},
		{"gzip by its old name", "x-gzip", "gzip", "as gzip"},
		{"gzip rather than brotli", "br;q=0.2, gzip;q=0.8", "gzip", "as gzip"},
		{"equal weights", "gzip;q=0.5, br;q=0.5", "br", "as brotli"},
		{"anything", "*", "br", "as brotli"},
		{"anything but brotli", "*, br;q=0", "gzip", "as gzip"},
		{"upper case", "GZIP", "gzip", "as gzip"},
		{"spaces", " gzip ; q=1.0 ", "gzip", "as gzip"},
		{"plain rather than compressed", "identity, br;q=0.5", "", "\x00asm plain"},
		{"nothing is said", "", "", "\x00asm plain"},
		{"brotli is refused", "br; q=0", "", "\x00asm plain"},
		{"nothing at all is accepted", "*;q=0", "", "\x00asm plain"},
		{"a coding that there is not", "zstd", "", "\x00asm plain"},
		{"a weight that is not a number", "br;q=x", "", "\x00asm plain"},
		{"a weight that is too large", "br;q=2", "", "\x00asm plain"},
		{"a weight that is not a weight", "br;q=NaN, gzip;w=1", "", "\x00asm plain"},
	} {
		t.Run(test.name, func(t *testing.T) {
			res, body := ask(t, "GET", url+s.base+core, "Accept-Encoding", test.accept)
			h := res.Header
			if h.Get("Content-Encoding") != test.encoding || body != test.body || res.ContentLength != int64(len(test.body)) || h.Get("Content-Type") != "application/wasm" {
				t.Errorf("%q: %v, length %d, body %q", test.accept, h, res.ContentLength, body)
			}
			if h.Get("Cache-Control") != "public, max-age=31536000, immutable" || h.Get("Vary") != "Accept-Encoding" {
				t.Errorf("headers %v", h)
			}
			head, nothing := ask(t, "HEAD", url+s.base+core, "Accept-Encoding", test.accept)
			if head.ContentLength != res.ContentLength || head.Header.Get("ETag") != h.Get("ETag") || head.Header.Get("Content-Encoding") != test.encoding || nothing != "" {
				t.Errorf("HEAD: %v, length %d", head.Header, head.ContentLength)
			}
			again, nothing := ask(t, "GET", url+s.base+core, "Accept-Encoding", test.accept, "If-None-Match", `"x", W/`+h.Get("ETag"))
			if again.StatusCode != http.StatusNotModified || nothing != "" || again.Header.Get("ETag") != h.Get("ETag") || again.Header.Get("Vary") != "Accept-Encoding" {
				t.Errorf("the same ETag again: %d %v", again.StatusCode, again.Header)
			}
		})
	}
}

func TestAPartOfAFileIsAPartOfOneForm(t *testing.T) {
	t.Parallel()
	s := newSite(t, bundle())
	url := serve(t, s, nil) + s.base + core
	whole, _ := ask(t, "GET", url, "Accept-Encoding", "br")
	other, _ := ask(t, "GET", url)
	if whole.Header.Get("ETag") == other.Header.Get("ETag") {
		t.Errorf("two forms have one ETag, %s", whole.Header.Get("ETag"))
	}
	for _, test := range []struct {
		name, span, ifRange string
		status              int
		body                string
	}{
		{"the beginning", "bytes=0-1", "", http.StatusPartialContent, "as"},
		{"the end", "bytes=-6", "", http.StatusPartialContent, "brotli"},
		{"of the same form", "bytes=0-1", whole.Header.Get("ETag"), http.StatusPartialContent, "as"},
		{"of another form: all of this one", "bytes=0-1", other.Header.Get("ETag"), http.StatusOK, "as brotli"},
		{"beyond the end", "bytes=100-", "", http.StatusRequestedRangeNotSatisfiable, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			res, body := ask(t, "GET", url, "Accept-Encoding", "br", "Range", test.span, "If-Range", test.ifRange)
			if res.StatusCode != test.status || res.StatusCode < 300 && (body != test.body || res.Header.Get("Content-Encoding") != "br") {
				t.Errorf("%d %q %v, want %d %q", res.StatusCode, body, res.Header, test.status, test.body)
			}
		})
	}
}

func TestAFileThatChangedSinceItWasCompressedIsServedAsItIs(t *testing.T) {
	t.Parallel()
	files := bundle()
	files[core] = &fstest.MapFile{Data: []byte("\x00asm of a later build")}
	s := newSite(t, files)
	res, body := ask(t, "GET", serve(t, s, nil)+s.base+core, "Accept-Encoding", "br, gzip")
	if res.Header.Get("Content-Encoding") != "" || body != "\x00asm of a later build" {
		t.Errorf("%v %q", res.Header, body)
	}
}

func TestThePageIsAskedAboutEachTimeAndSentOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, bundle())
	url := serve(t, s, nil)
	res, body := ask(t, "GET", url+"/requests")
	if res.Header.Get("Cache-Control") != "no-cache" || !strings.Contains(body, s.base+"boot.js") {
		t.Errorf("the page: %v", res.Header)
	}
	again, _ := ask(t, "GET", url+"/requests", "If-None-Match", res.Header.Get("ETag"))
	if again.StatusCode != http.StatusNotModified || again.Header.Get("Content-Security-Policy") == "" {
		t.Errorf("the page again: %d %v", again.StatusCode, again.Header)
	}
	packed, form := ask(t, "GET", url+"/requests", "Accept-Encoding", "gzip, br")
	r, err := gzip.NewReader(strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := io.ReadAll(r); err != nil || !bytes.Equal(plain, []byte(body)) || packed.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("compressed: %v, %v", packed.Header, err)
	}
	files := bundle()
	files["countersign.js"] = &fstest.MapFile{Data: []byte("export default 1")}
	later := newSite(t, files)
	changed, _ := ask(t, "GET", serve(t, later, nil)+"/requests", "If-None-Match", res.Header.Get("ETag"))
	if later.base == s.base || changed.StatusCode != http.StatusOK {
		t.Errorf("another build: address %s, status %d", later.base, changed.StatusCode)
	}
	policy, err := Handler(Config{Bundle: bundle(), Bridges: []string{"wss://bridge.example"}})
	if err != nil {
		t.Fatal(err)
	}
	if changed, _ := ask(t, "GET", serve(t, policy, nil)+"/requests", "If-None-Match", res.Header.Get("ETag")); changed.StatusCode != http.StatusOK {
		t.Errorf("another policy: status %d", changed.StatusCode)
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
