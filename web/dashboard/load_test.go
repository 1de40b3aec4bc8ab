package dashboard

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

// A package's loader: modules that pin a core, a gateway that may serve it, and a host
// that may serve the copies in the package.
type embedded struct {
	wasm    []byte
	gateway http.HandlerFunc // at another origin
	files   map[string]http.HandlerFunc
	policy  string // besides that scripts are of the page's origin
}

const strict = "script-src 'self' 'wasm-unsafe-eval'; require-trusted-types-for 'script'; trusted-types 'none'"

// open starts both and opens a page that has loaded the core, or has the reason in window.said.
func (e embedded) open(t *testing.T, s stage) tab {
	t.Helper()
	short, long := sha256.Sum256(e.wasm), sha512.Sum384(e.wasm)
	hash := hex.EncodeToString(short[:])
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
		if r.URL.Path != "/custody/core/"+hash+"/countersign.wasm" || e.gateway == nil {
			http.Error(w, "other", http.StatusNotFound)
			return
		}
		e.gateway(w, r)
	}))
	t.Cleanup(gateway.Close)
	modules := loaderFiles(t)
	modules["build.js"] = &fstest.MapFile{Data: fmt.Appendf(nil, "export const version = '1'; export const core = { hash: %q, integrity: 'sha384-%s' };", hash, base64.StdEncoding.EncodeToString(long[:]))}
	if e.policy == "" {
		e.policy = strict
	}
	url := serveHandler(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		f, ok := modules[name]
		switch {
		case e.files[name] != nil:
			e.files[name](w, r)
		case name == "":
			w.Header().Set("Content-Security-Policy", "default-src 'none'; "+e.policy+"; connect-src 'self' "+gateway.URL)
			text("text/html; charset=utf-8", `<!doctype html><script src="/before.js"></script><script type="module" src="/page.js"></script>`)(w, r)
		case name == "before.js":
			text("text/javascript", `window.process = { env: { MODE: 'host' } }; window.fs = {}; window.Go = 'the host\'s'; window.thrown = [];
				addEventListener('error', (e) => thrown.push(e.message)); addEventListener('unhandledrejection', (e) => thrown.push(String(e.reason)));`)(w, r)
		case name == "page.js":
			text("text/javascript", `import { compile } from './load.js'; import { Go, run } from './wasm_exec.js';
				const go = new Go(); window.countersignReady = () => { window.ready = true; };
				try {
					const module = await compile({ apiUrl: '`+gateway.URL+`/custody' });
					run(go, await WebAssembly.instantiate(module, go.importObject));
					window.said = 'ready ' + window.ready;
				} catch (e) { window.said = e.code + ': ' + e.message; window.remedy = e.remedy; }`)(w, r)
		case ok && name != core:
			text(kind(name), string(f.Data))(w, r)
		default:
			http.NotFound(w, r)
		}
	}))
	p := open(t, s.browser, url+"/")
	p.until("window.said !== undefined")
	return p
}

func wasm(body []byte, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/wasm")
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		_, _ = w.Write(body)
	}
}

func gzipped(t *testing.T, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTheCoreComesFromTheGatewayElseFromThePackage(t *testing.T) {
	t.Parallel()
	s := stage{browser: browser(t)}
	core := testCore(t)
	packed := gzipped(t, core)
	page := text("text/html", "<!doctype html><title>the app</title>")
	for name, test := range map[string]struct {
		embedded
		said string
	}{
		"the gateway serves it":               {embedded{gateway: wasm(packed, "Content-Encoding", "gzip")}, "ready true"},
		"the gateway serves another":          {embedded{gateway: wasm(append(bytes.Clone(core), 0)), files: map[string]http.HandlerFunc{"core.wasm.gz": wasm(packed)}}, "ready true"},
		"the package's copy, packed":          {embedded{files: map[string]http.HandlerFunc{"core.wasm.gz": wasm(packed, "Content-Type", "application/octet-stream")}}, "ready true"},
		"packed, and said to be":              {embedded{files: map[string]http.HandlerFunc{"core.wasm.gz": wasm(packed, "Content-Encoding", "gzip")}}, "ready true"},
		"the package's copy as it is":         {embedded{files: map[string]http.HandlerFunc{"core.wasm.gz": page, "core.wasm": wasm(core)}}, "ready true"},
		"under a type that is not its own":    {embedded{files: map[string]http.HandlerFunc{"core.wasm": wasm(core, "Content-Type", "application/octet-stream")}}, "ready true"},
		"the app's page at every address":     {embedded{gateway: page, files: map[string]http.HandlerFunc{"core.wasm.gz": page, "core.wasm": page}}, "CORE_NOT_SERVED: "},
		"nowhere":                             {embedded{}, "CORE_NOT_SERVED: "},
		"damaged":                             {embedded{files: map[string]http.HandlerFunc{"core.wasm": wasm([]byte("\x00asm broken"))}}, "CORE_DAMAGED: "},
		"half of it":                          {embedded{files: map[string]http.HandlerFunc{"core.wasm.gz": wasm(packed[:len(packed)/2])}}, "CORE_DAMAGED: "},
		"a policy that does not let it start": {embedded{gateway: wasm(core), policy: "script-src 'self'"}, "CSP_BLOCKS_WASM: "},
	} {
		t.Run(name, func(t *testing.T) {
			e := test.embedded
			e.wasm = core
			p := e.open(t, s)
			if said := js[string](p, "window.said"); !strings.HasPrefix(said, test.said) {
				t.Errorf("it said %q, want %q", said, test.said)
			}
			if !strings.HasPrefix(test.said, "ready") && js[string](p, "window.remedy ?? ''") == "" {
				t.Error("it does not say what helps")
			}
			p.want("[process, fs, Go, typeof path, thrown]", []any{map[string]any{"env": map[string]any{"MODE": "host"}}, map[string]any{}, "the host's", "undefined", []any{}})
		})
	}
}
