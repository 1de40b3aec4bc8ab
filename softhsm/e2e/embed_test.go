package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evanw/esbuild/pkg/api"
)

// page is the host's own script, with what it imports by name at a path.
func (h *host) page(dir, core string) {
	h.T.Helper()
	path := filepath.Join(dir, "page.js")
	script, err := os.ReadFile(path)
	if err != nil {
		h.T.Fatal(err)
	}
	h.typed(path, strings.Replace(string(script), "'@countersign/core'", "'"+core+"'", 1))
}

// The package in a page without a build: as npm left it, under the strictest policy.
func TestThePackagePlaysInAPageOfPlainHTML(t *testing.T) {
	h := newHost(t)
	dir := project(t, "plain")
	h.page(dir, "./node_modules/@countersign/core/client.js")
	h.serves(policyOfREADME, pagesIn(dir))
	h.plays()
}

// What is wrong with apiUrl is said as what it is.
func TestThePackageSaysWhyAGatewayDoesNotAnswerThePage(t *testing.T) {
	h := newHost(t)
	dir := project(t, "plain")
	for name, test := range map[string]struct{ host, at, code, remedy string }{
		"a page that the gateway does not list": {"localhost", h.GatewayURL, "ORIGIN_NOT_ALLOWED", "dashboards"},
		"the address of the host itself":        {"127.0.0.1", "", "NOT_A_GATEWAY", ""},
		"an address where nothing listens":      {"127.0.0.1", "http://127.0.0.1:1", "GATEWAY_UNREACHABLE", ""},
	} {
		t.Run(name, func(t *testing.T) {
			h.serves("", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path == "/said.js":
					w.Header().Set("Content-Type", "text/javascript")
					fmt.Fprintf(w, `import { connect } from './node_modules/@countersign/core/client.js';
						connect({ apiUrl: %q, environment: 'sandbox', getAccessToken: async () => (await fetch('/token', { method: 'POST' })).json() })
							.catch((e) => { document.body.innerText = e.code + ' ' + e.remedy; });`, test.at)
				case strings.HasPrefix(r.URL.Path, "/node_modules/"):
					pagesIn(dir).ServeHTTP(w, r)
				default: // as servers of single-page apps do
					w.Header().Set("Content-Type", "text/html")
					fmt.Fprint(w, `<!doctype html><body><script type="module" src="/said.js"></script>`)
				}
			}))
			p := browse(t, strings.Replace(h.origin, "127.0.0.1", test.host, 1))
			p.sees(test.code)
			p.sees(test.remedy)
		})
	}
}

// The package in one file, as esbuild makes it.
func TestThePackagePlaysWhenEsbuildBundlesIt(t *testing.T) {
	h := newHost(t)
	dir := project(t, "plain")
	h.page(dir, "@countersign/core")
	result := api.Build(api.BuildOptions{AbsWorkingDir: dir, EntryPoints: []string{"page.js"}, Bundle: true, Format: api.FormatESModule, Outdir: "out", Write: true, MinifySyntax: true, MinifyWhitespace: true})
	if len(result.Errors) > 0 {
		t.Fatal(strings.Join(api.FormatMessages(result.Errors, api.FormatMessagesOptions{}), "\n"))
	}
	mux := http.NewServeMux()
	mux.Handle("/", pagesIn(dir))
	mux.Handle("/page.js", pagesIn(filepath.Join(dir, "out")))
	h.serves(policyOfREADME, mux)
	h.plays()
}
