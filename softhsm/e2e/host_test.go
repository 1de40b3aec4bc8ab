package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// host is somebody else's dashboard, at an origin of its own: it serves pages, and
// trades its API key for an entity token behind them, as the packages' READMEs say.
type host struct {
	*testing.T
	*rig
	origin string
	api    string       // the gateway's address, as the examples name it
	core   string       // where the core comes from
	tokens atomic.Int32 // that were asked for

	mu     sync.Mutex
	policy string       // of its pages
	pages  http.Handler // what is not /token
}

// example is the gateway's address in the READMEs.
const example = "https://gateway.example"

// policyOfREADME is the policy that the package's README calls complete.
func (h *host) policyOfREADME() string {
	h.T.Helper()
	_, policy, _ := strings.Cut(block(h.T, "README.md", "http", "script-src"), ": ")
	return strings.TrimSpace(strings.ReplaceAll(policy, example, h.GatewayURL))
}

// newHost starts a host that the gateway and the bridge know, and the rest of the world.
func newHost(t *testing.T) *host {
	t.Helper()
	h := &host{T: t, pages: http.NotFoundHandler()}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	h.origin = server.URL
	h.rig = start(t, h.origin)
	h.api, h.core = h.GatewayURL, h.GatewayURL+"/core/"
	return h
}

// passesOn has the host pass /custody/… on to the gateway, but for the core: as behind a
// gateway of another release, the package's own copy is what there is.
func (h *host) passesOn() {
	h.api, h.core = "/custody", h.origin
}

func (h *host) custody(w http.ResponseWriter, r *http.Request) {
	gateway, err := url.Parse(h.GatewayURL)
	if err != nil || strings.HasPrefix(r.URL.Path, "/custody/core/") {
		http.NotFound(w, r)
		return
	}
	proxy := httputil.NewSingleHostReverseProxy(gateway)
	proxy.FlushInterval = -1
	http.StripPrefix("/custody", proxy).ServeHTTP(w, r)
}

// serves says what the host's pages are from now on.
func (h *host) serves(policy string, pages http.Handler) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.policy, h.pages = policy, pages
}

func (h *host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	policy, pages := h.policy, h.pages
	h.mu.Unlock()
	if r.Method == http.MethodPost && r.URL.Path == "/token" {
		h.tokens.Add(1)
		h.token(w)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/custody/") {
		h.custody(w, r)
		return
	}
	if policy != "" {
		w.Header().Set("Content-Security-Policy", policy)
	}
	pages.ServeHTTP(w, r)
}

func (h *host) token(w http.ResponseWriter) {
	key, err := os.ReadFile(filepath.Join(h.State.Dir, "secrets", "developer.key"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	question, err := json.Marshal(map[string]string{"apiKey": strings.TrimSpace(string(key)), "id": "ent_sandbox", "userType": "entity"})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer, err := http.Post(h.GatewayURL+"/v1/entities/auth/generate-token", "application/json", bytes.NewReader(question))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer answer.Body.Close()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(answer.StatusCode)
	_, _ = io.Copy(w, answer.Body) // the page may be gone
}

// tarballs are the packages as `make npm` leaves them.
func tarballs(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, name := range []string{"core", "react"} {
		found, err := filepath.Glob(filepath.Join(top, "dist", "npm", "countersign-"+name+"-*.tgz"))
		if err != nil || len(found) != 1 {
			t.Fatalf("the package %s is not built once: run make npm: %q %v", name, found, err)
		}
		path, err := filepath.Abs(found[0])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, path)
	}
	return all
}

// project makes a fresh folder of fixtures, which come one over the other, and has npm
// install the packages, and what the fixtures pin. Without a package.json that is
// @countersign/core alone, which needs nothing else.
func project(t *testing.T, fixtures ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range fixtures {
		if err := os.CopyFS(dir, os.DirFS(filepath.Join("hosts", f))); err != nil {
			t.Fatal(err)
		}
	}
	packages := tarballs(t)
	if _, err := os.Stat(filepath.Join(dir, "package.json")); err != nil {
		packages = packages[:1]
	}
	inside(t, dir, "npm", append([]string{"install", "--no-save", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"}, packages...)...)
	return dir
}

// inside runs a program in a folder.
func inside(t *testing.T, dir, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CI=1", "NEXT_TELEMETRY_DISABLED=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
}

// block is the only block of code in a package's README that is of a language and has a text in it.
func block(t *testing.T, readme, language, with string) string {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join(top, "wasm", "js", readme))
	if err != nil {
		t.Fatal(err)
	}
	var fit []string
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(doc), -1) {
		if strings.Contains(m[1], with) {
			fit = append(fit, m[1])
		}
	}
	if len(fit) != 1 {
		t.Fatalf("%s has %d blocks of %s with %q", readme, len(fit), language, with)
	}
	return fit[0]
}

// sandbox is where examples say which environment they are for.
var sandbox = regexp.MustCompile(`environment(?:="(?:sandbox|development)"|: 'sandbox')`)

// typed writes what a README says into a file of a project, for this gateway and this
// bridge, which listens at no usual port.
func (h *host) typed(path, code string) {
	h.T.Helper()
	if !strings.Contains(code, example) || !sandbox.MatchString(code) {
		h.T.Fatalf("the example does not name %s and its environment", example)
	}
	code = strings.ReplaceAll(code, example, h.api)
	code = sandbox.ReplaceAllStringFunc(code, func(is string) string {
		if strings.Contains(is, "=") {
			return fmt.Sprintf("%s bridgeUrls={[%q]}", is, h.BridgeURL)
		}
		return fmt.Sprintf("%s, bridgeUrls: [%q]", is, h.BridgeURL)
	})
	h.write(path, code)
}

func (h *host) write(path, text string) {
	h.T.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		h.T.Fatal(err)
	}
}

// plays opens the page and plays what a person does with it: prices come, one is
// requested, and alice approves.
func (h *host) plays() {
	h.T.Helper()
	p := browse(h.T, h.origin)
	p.until("three prices", "[...document.querySelectorAll('li')].filter((e) => /ETH/.test(e.innerText)).length === 3")
	p.presses("Request")
	p.sees("0 of 2 approvals")
	p.picture("requested")
	p.presses("Approve")
	p.sees("1 of 2 approvals")
	p.picture("approved")
	if shown := h.prompts(); !strings.Contains(shown, `"kind":"pairing"`) || !strings.Contains(shown, "250 EUR") {
		h.T.Errorf("the bridge's prompts did not show pairing and purchase:\n%s", shown)
	}
	h.coreCame(p)
}

// coreCame checks where the page's core came from.
func (h *host) coreCame(p *tab) {
	h.T.Helper()
	from := eval[[]string](p, "performance.getEntriesByType('resource').map((e) => e.name).filter((n) => n.includes('wasm'))")
	if len(from) == 0 || !strings.HasPrefix(from[len(from)-1], h.core) {
		h.T.Errorf("the core came from %q, not from %s", from, h.core)
	}
}

// pagesIn are the pages of a host that are files; every other address is not found.
func pagesIn(dir string) http.Handler { return http.FileServer(http.Dir(dir)) }
