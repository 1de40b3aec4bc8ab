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

// deep finds elements also in shadow roots.
const deep = `((all) => (all = (root) => [...root.querySelectorAll('*')].flatMap((e) => [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])]))(document))()`

// inElement finds a button in an element by how its text begins.
func inElement(text string) string {
	return deep + `.find((e) => e.localName === 'button' && e.innerText.trim().startsWith(` + quoted(text) + `) && !e.disabled && e.offsetParent)`
}

// The README's elements in a page without a build, as npm left them, under the policy
// that the README calls complete.
func TestTheREADMEsElementsPlayInAPageOfPlainHTML(t *testing.T) {
	h := newHost(t)
	dir := project(t)
	html := strings.ReplaceAll(block(t, "README.md", "html", "countersign-provider"), example, h.api)
	h.write(filepath.Join(dir, "index.html"), `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A host</title><script type="module" src="/before.js"></script></head><body><h1>A host</h1>`+html+`</body></html>`)
	start := block(t, "README.md", "js", "countersign-requested")
	h.write(filepath.Join(dir, "start.js"), strings.Replace(start, "'@countersign/core/elements'", "'./node_modules/@countersign/core/elements.js'", 1))
	h.write(filepath.Join(dir, "before.js"), fmt.Sprintf("document.querySelector('countersign-provider').bridgeUrls = [%q];\n", h.BridgeURL))
	h.serves(h.policyOfREADME(), pagesIn(dir))
	p := h.playsElements()
	if title := eval[string](p, "document.title"); title != "A host" {
		t.Errorf("the page's title became %q", title)
	}
}

// playsElements opens the page and plays what a person does with its elements: prices
// come, one is requested, and alice approves.
func (h *host) playsElements() *tab {
	h.T.Helper()
	p := browse(h.T, h.origin)
	p.requestsInElements()
	p.picture("requested")
	p.clicks("the button that approves", inElement("Approve"))
	p.until("one of two approvals", deep+`.some((e) => /1 of 2 approvals/.test(e.shadowRoot?.querySelector('*')?.innerText ?? ''))`)
	p.picture("approved")
	p.accessible("the page with elements")
	h.coreCame(p)
	return p
}

// requestsInElements asks for prices, and requests one.
func (p *tab) requestsInElements() {
	p.Helper()
	p.until("the form", deep+".some((e) => e.id === 'country' && e.options.length > 1)")
	found[bool](p, "what tells of moves", `(() => { window.shifts = []; new PerformanceObserver((l) => { for (const e of l.getEntries()) shifts.push([e.value, e.hadRecentInput]); }).observe({ type: 'layout-shift' }); return true })()`)
	p.clicks("the button that asks for prices", inElement("Get prices"))
	p.until("three prices", deep+".filter((e) => e.name === 'offer').length === 3")
	if shifts := found[string](p, "what moved", "JSON.stringify(shifts)"); shifts != "[]" {
		p.Errorf("while prices came it moved: %s", shifts)
	}
	p.until("a request that waits for approval", fmt.Sprintf(`(() => { // looked at, sent, and begun again when a price runs out
		if (%s) return true;
		(%s ?? %s ?? %s ?? %s)?.click();
		return false })()`, inElement("Approve"), inElement("Send to the approvers"), inElement("Request "), inElement("Take the new price"),
		"(/expired|ran out|run out/i.test(document.querySelector('countersign-quotes').shadowRoot.querySelector('[part=root]').innerText) ? "+inElement("Get new prices")+" : undefined)"))
}

// The README's calls without a screen, in one file that esbuild makes.
func TestTheREADMEsCallsPlayWhenEsbuildBundlesThem(t *testing.T) {
	h := newHost(t)
	dir := project(t)
	h.typed(filepath.Join(dir, "page.js"), block(t, "README.md", "js", "import { connect }")+
		"document.body.innerText = `${approved.have} of ${approved.needs} approvals, for ${approved.purpose}`;\n")
	result := api.Build(api.BuildOptions{AbsWorkingDir: dir, EntryPoints: []string{"page.js"}, Bundle: true, Format: api.FormatESModule, Outdir: "out", Write: true, MinifySyntax: true, MinifyWhitespace: true})
	if len(result.Errors) > 0 {
		t.Fatal(strings.Join(api.FormatMessages(result.Errors, api.FormatMessagesOptions{}), "\n"))
	}
	h.write(filepath.Join(dir, "out", "index.html"), `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A host</title></head><body><script type="module" src="/page.js"></script></body></html>`)
	h.serves(h.policyOfREADME(), pagesIn(filepath.Join(dir, "out")))
	p := browse(t, h.origin)
	p.sees("1 of 2 approvals, for Salaries of May")
	h.coreCame(p)
}

// What is wrong with apiUrl is said as what it is.
func TestThePackageSaysWhyAGatewayDoesNotAnswerThePage(t *testing.T) {
	h := newHost(t)
	dir := project(t)
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

// buildsApp has Vite build the app of the React package's README, and serves it under the
// policy of the other README.
func (h *host) buildsApp(vite string) {
	h.T.Helper()
	dir := project(h.T, "vite", vite)
	h.typed(filepath.Join(dir, "src", "App.tsx"), block(h.T, "react/README.md", "tsx", "export default function App"))
	inside(h.T, dir, "npm", "run", "build")
	h.serves(h.policyOfREADME(), pagesIn(filepath.Join(dir, "dist")))
}

// The app of the React package's README, with strict types and in StrictMode, behind a
// gateway that serves another core: the build has the package's copy.
func TestTheREADMEsAppIsBuiltByViteAndPlays(t *testing.T) {
	h := newHost(t)
	h.passesOn()
	h.buildsApp("vite8")
	h.plays()
}

// The provider of the seed "Authentication", with its props to the letter: a token in a
// form that says it lives for a hundred years, colours in both forms, and a refusal that
// is told once and answered with another token.
func TestTheSeedsProviderTakesItsPropsAndSaysWhenTheTokenIsRefused(t *testing.T) {
	h := newHost(t)
	dir := project(t, "vite", "vite8", "seed")
	app := filepath.Join(dir, "src", "App.tsx")
	code, err := os.ReadFile(app)
	if err != nil {
		t.Fatal(err)
	}
	h.typed(app, string(code))
	inside(t, dir, "node", "--test", "server.mjs")
	inside(t, dir, "npm", "run", "build")
	h.serves(h.policyOfREADME(), pagesIn(filepath.Join(dir, "dist")))
	p := browse(t, h.origin)
	p.until("three prices", "document.querySelectorAll('li').length === 3")
	p.until("that the first token was refused", "document.querySelector('#said').innerText === 'TOKEN_REFUSED'")
	if asked := h.tokens.Load(); asked != 1 {
		t.Errorf("the page asked for %d tokens, want the one that it needs", asked)
	}
}
