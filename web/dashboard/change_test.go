package dashboard

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"countersign/shared/fault"
	"countersign/shared/wire"
)

// writing is the canned gateway that is asked for changes: dry and in earnest, as a test says.
type writing struct {
	canned
	mu      sync.Mutex
	dry     []string                                // intents that were asked about
	stopped int                                     // questions whose asker left
	sent    []string                                // "KEY BODY" of those that were asked for
	hold    bool                                    // dry questions wait until their asker leaves
	refuse  func(dry bool, body string) *fault.Body // nil: nothing is refused
	forms   []string                                // other requests, as "METHOD PATH"
}

func (g *writing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	dry := r.Header.Get(wire.HeaderDryRun) != ""
	switch {
	case r.URL.Path == "/v1/invitations" || strings.HasPrefix(r.URL.Path, "/v1/invitations/"):
		g.invitations(w, r)
	case r.URL.Path == "/v1/reporting-keys":
		g.secret(w, r)
	case r.Method != http.MethodPost || r.URL.Path != "/v1/requests":
		g.canned.ServeHTTP(w, r)
	default:
		g.mu.Lock()
		if dry {
			g.dry = append(g.dry, string(body))
		} else {
			g.sent = append(g.sent, r.Header.Get("Idempotency-Key")+" "+string(body))
		}
		hold, refusal := g.hold && dry, (*fault.Body)(nil)
		if g.refuse != nil {
			refusal = g.refuse(dry, string(body))
		}
		g.mu.Unlock()
		if hold {
			<-r.Context().Done()
			g.mu.Lock()
			g.stopped++
			g.mu.Unlock()
			return
		}
		g.answer(w, dry, refusal)
	}
}

func (g *writing) answer(w http.ResponseWriter, dry bool, refusal *fault.Body) {
	w.Header().Set("Content-Type", "application/json")
	switch {
	case refusal != nil:
		status := http.StatusBadRequest
		if refusal.Code == "SIGNER_UNAVAILABLE" {
			status = http.StatusServiceUnavailable
		}
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"error": refusal})
	case dry:
		fmt.Fprint(w, `{"decision":{"state":"PENDING_APPROVAL","rule":"administrators","reasons":[],"expires":"2026-11-20T21:00:00Z"},"rules":[],"windows":[],"remaining":[{"step":1,"name":"administrators","quorums":[{"needed":2,"members":["mem_alice","mem_bob","mem_carol"]}]}],
			"impact":{"report":"LwAZxfElgrvDf49Nmg_5o4UudAy1veijBhlOxO_RlqM","log":51,"summary":["17 of 4,210 past requests would have been denied"]}}`)
	default:
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"id":"req_6h2v0m3k8t1q5n7p9r4s2w0x3a","sentence":"Change account Trading"}`)
	}
}

func (g *writing) invitations(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	g.mu.Lock()
	g.forms = append(g.forms, r.Method+" "+r.URL.Path)
	g.mu.Unlock()
	if r.Method == http.MethodDelete {
		fmt.Fprint(w, `{"invitations":[]}`)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"invitations": vaultSample()["invited"]})
}

func (g *writing) secret(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	g.forms = append(g.forms, r.Method+" "+r.URL.Path)
	g.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(vaultSample()["reporting_secret"])
}

// look reads what was asked so far.
func look[T any](g *writing, f func() T) T {
	g.mu.Lock()
	defer g.mu.Unlock()
	return f()
}

func (g *writing) set(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f()
}

func TestChangesAreWrittenInTheDashboard(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	if s.hashes[core] == "" {
		t.Fatal("the core is not built; run make wasm")
	}
	chrome := browser(t)
	begin := func(t *testing.T, path, shows string) (tab, *writing) {
		t.Helper()
		g := &writing{}
		mux := http.NewServeMux()
		mux.Handle("/v1/", g)
		mux.Handle("/session/", g)
		mux.HandleFunc("/config.json", text("application/json", config))
		mux.Handle("/", s)
		p := open(t, chrome, serveHandler(t, mux)+path)
		p.run(`window.refused = []; const log = console.error; console.error = (...a) => { refused.push(a.join(' ')); log(...a); };
			addEventListener('securitypolicyviolation', (e) => refused.push('policy: ' + e.violatedDirective));`)
		p.until("document.querySelector('main.page')?.innerText.includes(" + quoted(shows) + ")")
		return p, g
	}
	const page = "document.querySelector('main.page').innerText"
	sees := func(p tab, text string) { p.Helper(); p.until(page + ".includes(" + quoted(text) + ")") }
	press := func(p tab, text string) {
		p.Helper()
		p.until("(() => { const b = [...document.querySelectorAll('main :is(button, a)')].find((b) => b.innerText.trim() === " + quoted(text) + "); b?.click(); return !!b; })()")
	}
	const quorum = `document.querySelector('[aria-label="How many"]')`
	opened := func(p tab, i int) {
		p.Helper()
		p.until(fmt.Sprintf("(() => { const b = document.getElementById('f-rules-%d'); if (b?.ariaExpanded === 'false') b.click(); return b?.ariaExpanded === 'true'; })()", i))
	}
	types := func(p tab, element, value string) {
		p.Helper()
		p.run("const e = " + element + "; e.focus(); e.value = " + quoted(value) + "; e.dispatchEvent(new Event('input', { bubbles: true }))")
	}

	t.Run("the vault is asked a moment after the last key, and what is not wanted any more is cancelled", func(t *testing.T) {
		p, g := begin(t, "/vault/change_acc_trading", "17 of 4,210 past requests")
		if n := look(g, func() int { return len(g.dry) }); n != 1 {
			t.Errorf("it was asked %d times at first", n)
		}
		opened(p, 0)
		g.set(func() { g.hold = true })
		types(p, quorum, "2")
		p.until("document.querySelector('.progress-line') && " + page + ".includes('The vault plays its history again: 2 seconds so far')")
		g.set(func() { g.hold = false })
		p.run("const e = " + quorum + "; for (const v of ['1', '11', '1', '12', '1']) { e.value = v; e.dispatchEvent(new Event('input', { bubbles: true })); }")
		p.until("!document.querySelector('.progress-line')")
		if n, stopped, last := look(g, func() int { return len(g.dry) }), look(g, func() int { return g.stopped }), look(g, func() string { return g.dry[len(g.dry)-1] }); n != 3 || stopped != 1 || !strings.Contains(last, `"quorum":1,`) {
			t.Errorf("asked %d times, %d of them cancelled, at last %s", n, stopped, last)
		}
		p.want("refused", []string{})
	})
	t.Run("nothing is lost by an error, and the same question is asked again with the same key", func(t *testing.T) {
		p, g := begin(t, "/vault/change_acc_trading", "17 of 4,210 past requests")
		opened(p, 0)
		types(p, quorum, "2")
		g.set(func() {
			g.refuse = func(dry bool, _ string) *fault.Body {
				if dry {
					return nil
				}
				return &fault.Body{Code: "SIGNER_UNAVAILABLE", Message: "the vault's signer does not answer"}
			}
		})
		press(p, "Ask the administrators")
		p.until("document.activeElement.id === 'f-errors' && document.activeElement.innerText.includes('does not answer')")
		p.want(quorum+".value", "2")
		press(p, "Ask the administrators")
		p.until("document.activeElement.id === 'f-errors'")
		g.set(func() {
			g.refuse = func(dry bool, body string) *fault.Body {
				if strings.Contains(body, `"quorum":2,"members":["mem_alice","mem_bob"]`) {
					return &fault.Body{Code: "INVALID_REQUEST", Message: "the rules are not valid: rules.Everyday purchases.steps.approval.quorum must be 1", Details: map[string]string{"field": "rules.Everyday purchases.steps.approval.quorum"}}
				}
				return nil
			}
		})
		press(p, "Ask the administrators")
		p.until(quorum + ".getAttribute('aria-invalid') === 'true' && document.querySelector('.clause .field-error').innerText === 'It must be 1'")
		p.run("document.querySelector('.notice .link').click()")
		p.until("document.activeElement === " + quorum)
		types(p, quorum, "1")
		press(p, "Ask the administrators")
		p.until("location.pathname === '/requests/req_6h2v0m3k8t1q5n7p9r4s2w0x3a'")
		sent := look(g, func() []string { return g.sent })
		key := func(i int) string { k, _, _ := strings.Cut(sent[i], " "); return k }
		if len(sent) < 4 || key(0) != key(1) || key(0) != key(2) || key(0) == key(len(sent)-1) || len(key(0)) < 8 {
			t.Errorf("sent %q", sent)
		}
		p.run("history.back()")
		sees(p, "Change the account Trading")
		p.want(page+".includes('You wrote this before')", false) // what was sent is not kept
	})
	t.Run("what is typed survives leaving by Esc and a reload, until it is given up", func(t *testing.T) {
		p, _ := begin(t, "/vault/change_grp_board", "Change the group Board")
		types(p, "document.getElementById('f-name')", "Board of 2027")
		p.do(chromedp.KeyEvent(kb.Escape))
		p.until("location.pathname === '/vault/grp_board'")
		p.run("history.back()")
		p.until("document.getElementById('f-name')?.value === 'Board of 2027' && " + page + ".includes('You wrote this before')")
		p.do(chromedp.Reload())
		p.until("document.getElementById('f-name')?.value === 'Board of 2027'")
		press(p, "Start over")
		p.until("document.getElementById('f-name').value === 'Board' && document.activeElement.id === 'f-title'")
		p.do(chromedp.Reload())
		p.until("document.getElementById('f-name')?.value === 'Board'")
	})
	t.Run("rules are put in order by keyboard, and the focus goes with them", func(t *testing.T) {
		p, g := begin(t, "/vault/change_acc_trading", "17 of 4,210 past requests")
		p.run("document.getElementById('f-rules-2').focus()")
		p.do(chromedp.KeyEvent(kb.ArrowUp, chromedp.KeyModifiers(chromedp.ModifierAlt)))
		p.until("document.activeElement.innerText.startsWith('2. Everything else') && document.querySelector('[role=status]:not(:empty)')?.innerText === 'Everything else is now rule 2 of 3' || [...document.querySelectorAll('[role=status]')].some((e) => e.innerText === 'Everything else is now rule 2 of 3')")
		p.until("document.activeElement.innerText.startsWith('2. Everything else')")
		p.run(`document.querySelector('[aria-label="Move Everything else up"]').focus()`)
		p.do(chromedp.KeyEvent(kb.Enter))
		p.until(`document.querySelector('.rule-title').innerText.startsWith('1. Everything else') && document.activeElement.getAttribute('aria-label') === 'Move Everything else up'`)
		p.until("!document.querySelector('.progress-line')")
		if last := look(g, func() string { return g.dry[len(g.dry)-1] }); !strings.Contains(last, `"rules":{"version":0,"rules":[{"name":"Everything else"`) {
			t.Errorf("asked about %s", last)
		}
		p.want("refused", []string{})
	})
	t.Run("a form that is not filled in says what is missing, and asks nobody", func(t *testing.T) {
		p, g := begin(t, "/vault/new_account", "New account")
		press(p, "Ask the administrators")
		p.until("document.activeElement.id === 'f-errors' && document.activeElement.innerText.includes('4 things are to be mended') || document.activeElement.innerText.includes('things are to be mended')")
		if n := look(g, func() int { return len(g.dry) + len(g.sent) }); n != 0 {
			t.Errorf("asked %d times", n)
		}
		press(p, "Add a rule")
		p.until("document.activeElement.id === 'f-rules-0-name'")
		p.do(chromedp.KeyEvent("everything"))
		p.until("document.querySelector('.rule-title').innerText.startsWith('1. ')")
		p.want("refused", []string{})
	})
	t.Run("the secret of a reporting key is shown once, and is kept and sent nowhere", func(t *testing.T) {
		p, g := begin(t, "/vault/reporting", "Back office of the old house")
		secret := vaultSample()["reporting_secret"].(map[string]any)["apiKey"].(string)
		const kept = "JSON.stringify([...Object.entries(sessionStorage), ...Object.entries(localStorage), location.href, history.state])"
		press(p, "New reporting key")
		p.until("!!document.getElementById('f-name')")
		press(p, "Make the secret")
		p.until("document.activeElement.id === 'f-errors' && document.activeElement.innerText.includes('3 things are to be mended')")
		types(p, "document.getElementById('f-name')", "Monthly report")
		p.run("document.querySelector('#f-accounts input').click()")
		if n := look(g, func() int { return len(g.forms) + len(g.dry) }); n != 0 {
			t.Errorf("asked %d times", n)
		}
		press(p, "Make the secret")
		p.until("document.activeElement.id === 'f-secret' && document.activeElement.innerText.includes(" + quoted(secret) + ") && document.activeElement.innerText.includes('universe')")
		sees(p, "2 of Alice Martin")
		p.want(kept+".includes('Monthly report')", true)
		p.want(kept+".includes("+quoted(secret)+")", false)
		p.want("refused", []string{})
		p.do(chromedp.Reload()) // what was typed stays, and the secret does not
		p.until("document.getElementById('f-name')?.value === 'Monthly report' && document.querySelector('#f-accounts input').checked")
		p.want("document.documentElement.innerHTML.includes("+quoted(secret)+")", false)
		press(p, "Make the secret")
		p.until("document.activeElement.id === 'f-secret'")
		sees(p, "Ask the administrators")
		press(p, "Ask the administrators")
		sees(p, "The administrators are asked")
		sees(p, secret)
		p.want(kept+".includes('Monthly report')", false)
		press(p, "Show the request")
		p.until("location.pathname === '/requests/req_6h2v0m3k8t1q5n7p9r4s2w0x3a'")
		p.run("history.back()")
		sees(p, "Make the secret")
		p.want("document.documentElement.innerHTML.includes("+quoted(secret)+") || document.getElementById('f-name').value !== ''", false)
		all := look(g, func() string { return strings.Join(append(append(g.sent, g.dry...), g.forms...), "\n") })
		if want := `"reads":"ACCOUNTS","accounts":[{"account":"acc_treasury","name":""}],"verifier":"We5Vn0oWeK7zpOqzHgGEzDUf3L09Lhm3FDXjeWQvv3A"`; !strings.Contains(all, want) || strings.Contains(all, secret) || strings.Count(all, "POST /v1/reporting-keys") != 2 {
			t.Error(all)
		}
	})
	t.Run("an invitation is withdrawn", func(t *testing.T) {
		p, g := begin(t, "/vault/members", "Frank Abara")
		p.run(`document.querySelector('[aria-label="Withdraw the invitation of Frank Abara"]').click()`)
		p.until("!" + page + ".includes('Frank Abara')")
		if all := look(g, func() string { return strings.Join(g.forms, ", ") }); !strings.HasSuffix(all, "DELETE /v1/invitations/mem_frank") {
			t.Error(all)
		}
	})
}

// The vault is a screen of <countersign-app> too, which loads it when somebody opens it.
func TestTheVaultStandsInTheAppOfAHost(t *testing.T) {
	t.Parallel()
	e := hosted(t, map[string]string{
		"page": hostPage("hostile.css", `<countersign-app vault api-url="{{api}}" environment="sandbox" wasm-url="{{base}}countersign.wasm"></countersign-app>`),
		"page.js": watch + deep + `await import('{{base}}elements.js'); document.querySelector('countersign-app').accessToken = token; window.ready = true;
			document.querySelector('countersign-app').addEventListener('countersign-navigated', (e) => { if (e.detail.route.startsWith('/vault')) import('{{base}}vault.js'); });
			window.came = () => performance.getEntriesByType('resource').some((r) => r.name.endsWith('/vaultpart.js'));`,
	})
	p := open(t, e.chrome, e.host+"/page")
	p.until("window.ready && said('app').includes('Treasury')")
	p.want("came()", false)
	p.run("[...inside('app').querySelectorAll('.rail-link')].find((a) => a.innerText === 'Vault').click()")
	p.until("said('app').includes('To trading only') && seen.some(([type, d]) => type === 'navigated' && d.route === '/vault')")
	p.want("came()", true)
	p.run("inside('app').querySelector('[aria-label=\"Change Treasury\"]').click()")
	p.until("said('app').includes('Change the account Treasury') && seen.some(([type, d]) => type === 'navigated' && d.route === '/vault/change_acc_treasury')")
	p.run("inside('app').getElementById('f-rules-0').click()")
	p.until("inside('app').getElementById('f-rules-0-name')?.value === 'Never at night'")
	p.run(axeCore(t))
	checkAccessible(p, "the vault in the app")
	for _, width := range []int64{1280, 320} {
		p.do(chromedp.EmulateViewport(width, 900))
		p.want("document.documentElement.scrollWidth <= innerWidth", true)
	}
	p.run("inside('app').getElementById('f-rules-0-name').focus()")
	p.do(chromedp.KeyEvent(kb.Escape))
	p.until("seen.some(([type, d]) => type === 'navigated' && d.route === '/vault/acc_treasury') && said('app').includes('What differs')")
	p.run("document.querySelector('countersign-app').navigate('/requests')")
	p.until("said('app').includes('Northpay') && !said('app').includes('What differs')")
	p.want("[document.title, location.pathname]", []any{"Host", "/page"})
	p.want("wrong", []string{})

	// One that does not say so has the item when the page imports the vault, and else not.
	p.run("const app = document.querySelector('countersign-app'); app.vault = false")
	p.until("[...inside('app').querySelectorAll('.rail-link')].some((a) => a.innerText === 'Vault')")
	e = hosted(t, map[string]string{
		"page":    hostPage("plain.css", `<countersign-app api-url="{{api}}" environment="sandbox" wasm-url="{{base}}countersign.wasm"></countersign-app>`),
		"page.js": watch + deep + `await import('{{base}}elements.js'); document.querySelector('countersign-app').accessToken = token; window.ready = true;`,
	})
	p = open(t, e.chrome, e.host+"/page")
	p.until("window.ready && said('app').includes('Treasury')")
	p.want("[...inside('app').querySelectorAll('.rail-link')].map((a) => a.innerText).includes('Vault')", false)
}
