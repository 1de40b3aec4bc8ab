package dashboard

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"countersign/shared/fingerprint"
)

// receipts are the vectors of receipts: what the canned gateway has one of.
var receipts = sync.OnceValue(func() (all []struct{ Name, Receipt, Root, Part string }) {
	doc, err := os.ReadFile("../../shared/spec/vectors/receipt.json")
	if err == nil {
		err = json.Unmarshal(doc, &all)
	}
	if err != nil {
		panic(err)
	}
	return all
})

// vaultSample is what the gallery shows of a vault, with the root key of the receipts.
var vaultSample = sync.OnceValue(func() map[string]any {
	var sample map[string]any
	doc, err := os.ReadFile("gallery/page/vault.json")
	if err == nil {
		err = json.Unmarshal(doc, &sample)
	}
	root := receipts()[0].Root
	print, rerr := fingerprint.Of(root)
	if err != nil || rerr != nil {
		panic(fmt.Sprint(err, rerr))
	}
	sample["vault"].(map[string]any)["root"] = map[string]any{"thumbprint": root, "words": print.Words(), "digits": print.Digits()}
	return sample
})

// vaultAnswer answers what the vault's screens ask.
func vaultAnswer(r *http.Request) ([]byte, bool) {
	sample := vaultSample()
	var answer any
	switch r.URL.Path {
	case "/v1/vault":
		answer = sample["vault"]
	case "/v1/vault/acc_treasury":
		answer = sample["object"]
	case "/v1/vault/mem_bob":
		answer = sample["single"]
	case "/v1/log":
		answer = logAnswer(sample["log"].(map[string]any), r)
	case "/v1/log/checkpoint":
		answer = sample["note"]
	case "/v1/requests/req_done/receipt":
		return []byte(receipts()[0].Receipt), true
	default:
		return nil, false
	}
	body, err := json.Marshal(answer)
	return body, err == nil
}

// logAnswer is a log of 120 entries, as many of them as are asked for.
func logAnswer(sample map[string]any, r *http.Request) any {
	const size = 120
	after, _ := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
	limit, _ := strconv.ParseInt(r.URL.Query().Get("limit"), 10, 64)
	some := sample["entries"].([]any)
	all := []any{}
	for seq := after + 1; after >= -1 && seq < min(size, after+1+limit); seq++ {
		entry := maps.Clone(some[seq%int64(len(some))].(map[string]any))
		entry["seq"] = seq
		all = append(all, entry)
	}
	return map[string]any{"entries": all, "log": map[string]any{"size": size, "head": digest}}
}

// changing is the canned gateway with a stream of events that a test speaks on.
type changing struct {
	canned
	events chan string
	mu     sync.Mutex
	asked  map[string]int
}

func (c *changing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.asked[r.URL.Path]++
	c.mu.Unlock()
	if r.URL.Path != "/v1/events" {
		c.canned.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprint(w, "event: open\ndata: {\"entity\":\"ent_sandbox\"}\n\n")
	w.(http.Flusher).Flush()
	for {
		select {
		case data := <-c.events:
			fmt.Fprintf(w, "event: change\ndata: %s\n\n", data)
			w.(http.Flusher).Flush()
		case <-r.Context().Done():
			return
		}
	}
}

func (c *changing) count(path string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked[path]
}

// quoted is a text as JavaScript has it.
func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a text is written always
	}
	return string(b)
}

// drop gives the page a file, as one who chooses it does.
const drop = `window.drop = (text) => {
	const input = document.querySelector('input[type=file]') ?? document.querySelector('countersign-vault').shadowRoot.querySelector('input[type=file]'), files = new DataTransfer();
	files.items.add(new File([text], 'mine.json'));
	input.files = files.files;
	input.dispatchEvent(new Event('change', { bubbles: true }));
};`

func TestTheVaultInTheDashboard(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	if s.hashes[verifier] == "" {
		t.Fatal("the verifier is not built; run make wasm")
	}
	at := &changing{events: make(chan string), asked: map[string]int{}}
	mux := http.NewServeMux()
	mux.Handle("/v1/", at)
	mux.Handle("/session/", at)
	mux.HandleFunc("/config.json", text("application/json", config))
	mux.Handle("/", s)
	url := serveHandler(t, mux)
	chrome := browser(t)
	begin := func(t *testing.T, path, shows string) tab {
		t.Helper()
		p := open(t, chrome, url+path)
		p.run(`window.refused = []; const log = console.error; console.error = (...a) => { refused.push(a.join(' ')); log(...a); };
			addEventListener('securitypolicyviolation', (e) => refused.push('policy: ' + e.violatedDirective)); ` + drop)
		p.until("document.querySelector('main.page')?.innerText.includes('" + shows + "')")
		return p
	}
	t.Run("is found from the rail, by keyboard, and goes back", func(t *testing.T) {
		p := begin(t, "/requests", "Northpay")
		p.do(chromedp.KeyEvent("g"), chromedp.KeyEvent("v"))
		p.until("location.pathname === '/vault' && document.querySelector('main.page').innerText.includes('To trading only')")
		p.want("document.title", "Vault (sandbox) · Countersign")
		p.run("document.querySelector('.tab[href=\"/vault/members\"]').focus()")
		p.do(chromedp.KeyEvent(kb.Enter))
		p.until("location.pathname === '/vault/members' && document.querySelector('main.page').innerText.includes('Dave Lindqvist')")
		p.run("document.querySelector('a.row[href=\"/vault/mem_bob\"]').focus()")
		p.do(chromedp.KeyEvent(kb.Enter))
		p.until("location.pathname === '/vault/mem_bob' && document.querySelector('main.page').innerText.includes('The vault began with it')")
		p.run("history.back()")
		p.until("location.pathname === '/vault/members' && document.querySelector('main.page').innerText.includes('Dave Lindqvist')")
		p.run("document.querySelector('.rail-link[href=\"/buy\"]').click()")
		p.until("location.pathname === '/buy' && !document.querySelector('.tabs')")
		p.want("refused", []string{})
	})
	t.Run("two versions are compared, and lead to their requests", func(t *testing.T) {
		p := begin(t, "/vault/acc_treasury", "2 lines added, 1 removed, 2 kept")
		p.run("const [from] = document.querySelectorAll('main select'); from.value = '1'; from.dispatchEvent(new Event('change', { bubbles: true }))")
		p.until("document.querySelector('main.page').innerText.includes('3 lines added, 1 removed, 1 kept')")
		p.run("document.querySelector('.event a').click()")
		p.until("location.pathname === '/requests/req_dddddddddddddddddddddddddd'")
		p.want("refused", []string{})
	})
	t.Run("a change of the vault is shown as it happens", func(t *testing.T) {
		p := begin(t, "/vault/acc_treasury", "What differs")
		before := at.count("/v1/vault/acc_treasury")
		at.events <- `{"what":"entity","id":"ent_sandbox"}`
		for range 100 {
			if at.count("/v1/vault/acc_treasury") > before {
				return
			}
			p.run("await new Promise((done) => setTimeout(done, 50))")
		}
		t.Error("it was not asked again")
	})
	t.Run("the log is read back to its genesis", func(t *testing.T) {
		p := begin(t, "/vault/log", "120 entries")
		p.until("document.querySelectorAll('ol.list > li').length === 50 && document.querySelector('main.page').innerText.includes('countersign/ent_sandbox/')")
		for _, want := range []int{100, 120} {
			p.run("[...document.querySelectorAll('main button')].find((b) => b.innerText.includes('older')).click()")
			p.until(fmt.Sprintf("document.querySelectorAll('ol.list > li').length === %d", want))
		}
		p.want("[document.querySelector('ol.list > li').innerText.includes('Entry 119'), document.querySelector('ol.list > li:last-child').innerText.includes('Entry 0 '), [...document.querySelectorAll('main button')].some((b) => b.innerText.includes('older'))]", []any{true, true, false})
		p.want("refused", []string{})
	})
	t.Run("a receipt is verified in the browser with the key that the person compared", func(t *testing.T) {
		p := begin(t, "/requests/req_done", "Northpay")
		p.run("[...document.querySelectorAll('main a')].find((a) => a.innerText === 'Receipt').click()")
		p.until("location.pathname === '/vault/req_done' && document.querySelector('main.page').innerText.includes('It holds for the key that the gateway names')")
		p.until("document.querySelector('.paper').innerText.includes('Approved by')")
		p.run("[...document.querySelectorAll('main button')].find((b) => b.innerText.includes('trust it')).click()")
		p.until("document.querySelector('main.page').innerText.includes('This receipt holds')")
		p.do(chromedp.Reload())
		p.until("document.querySelector('main.page')?.innerText.includes('This receipt holds')") // the browser remembers the key
		p.run(drop)
		for _, v := range receipts() {
			p.run("document.querySelector('.notice-title').textContent = ''; drop(" + quoted(v.Receipt) + ")")
			want := "This receipt holds"
			switch {
			case strings.HasPrefix(v.Part, "entry"):
				want = "What does not fit: " + v.Part
			case v.Part != "":
				want = "This receipt does not hold"
			}
			p.until("document.querySelector('main.page').innerText.includes('" + want + "')")
		}
		p.until("(() => { const b = [...document.querySelectorAll('main button')].find((b) => b.innerText.includes('Forget')); b?.click(); return !!b; })()")
		p.until("!!document.querySelector('textarea')")
		p.run("document.querySelector('textarea').focus()")
		p.do(chromedp.KeyEvent("one two"))
		p.run("document.querySelector('form').requestSubmit()")
		p.until("document.querySelector('main.page').innerText.includes('not sixteen words') && document.querySelector('textarea').value === 'one two'")
	})
	t.Run("a receipt is verified soon, once the module is there", func(t *testing.T) {
		p := begin(t, "/vault/req_done", "It holds for the key")
		p.run("window.verify = await (await import('" + s.base + "verify.js')).verifier({ verifyURL: '" + s.base + verifier + "' }); window.bytes = new TextEncoder().encode(" + quoted(receipts()[0].Receipt) + ")")
		for range 3 {
			t.Logf("%.0f ms", js[float64](p, "(() => { const began = performance.now(); const { error } = verify(bytes, '"+receipts()[0].Root+"'); return error ? -1 : performance.now() - began; })()"))
		}
		p.want("verify(bytes, 'x').error.code", "INVALID_REQUEST")
	})
	t.Run("a receipt is printed alone", func(t *testing.T) {
		p := begin(t, "/vault/req_done", "It holds for the key")
		p.print(true)
		p.want("['.rail', '.status', '.tabs', '.split-side', '.page-head', '.paper .button'].filter((s) => document.querySelector(s)?.checkVisibility())", []string{})
		p.want("document.querySelector('.paper').checkVisibility()", true)
		if *pictures != "" {
			shot(p, filepath.Join(*pictures, "paper.png"))
		}
		p.print(false)
	})
}

func TestTheVaultStandsAloneInAPageOfAnotherOrigin(t *testing.T) {
	t.Parallel()
	e := hosted(t, map[string]string{
		"page":    hostPage("hostile.css", `<countersign-vault api-url="{{api}}" environment="sandbox" wasm-url="{{base}}countersign.wasm"></countersign-vault>`),
		"page.js": watch + deep + drop + `await import('{{base}}vault.js'); document.querySelector('countersign-vault').accessToken = token; window.ready = true;`,
	})
	p := open(t, e.chrome, e.host+"/page")
	p.until("window.ready && said('vault').includes('To trading only')")
	p.run("inside('vault').querySelector('.tab[href=\"/vault/log\"]').click()")
	p.until("said('vault').includes('120 entries') && seen.some(([type, d]) => type === 'navigated' && d.route === '/vault/log') && document.querySelector('countersign-vault').at === 'log'")
	p.run("inside('vault').querySelector('a.row').click()")
	p.until("seen.some(([type, d]) => type === 'selected' && d.request === 'req_dddddddddddddddddddddddddd')")
	p.run("document.querySelector('countersign-vault').at = 'req_done'")
	p.until("said('vault').includes('It holds for the key')")
	p.want("[document.title, location.pathname, inside('vault').querySelectorAll('h1, main').length]", []any{"Host", "/page", 0})
	p.run(axeCore(t))
	checkAccessible(p, "the vault")
	p.run("document.querySelector('countersign-vault').remove()")
	p.want("wrong", []string{})
}

// Who will decide is asked while the form is filled in, waits for nobody and holds nothing up.
func TestWhoWillDecideIsSaidBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	if s.hashes[core] == "" {
		t.Fatal("the core is not built; run make wasm")
	}
	var mu sync.Mutex
	asked, down := []string{}, false
	api := withAPI(s)
	url := serveHandler(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Dry-Run") != "" {
			body, _ := io.ReadAll(r.Body)
			mu.Lock()
			asked = append(asked, string(body))
			refuse := down
			mu.Unlock()
			if refuse {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusServiceUnavailable)
				fmt.Fprint(w, `{"error":{"code":"SIGNER_UNAVAILABLE","message":"the vault's signer does not answer"}}`)
				return
			}
		}
		api.ServeHTTP(w, r)
	}))
	p := open(t, browser(t), url+"/buy")
	p.until("document.getElementById('amount') && document.querySelector('main').innerText.includes('Treasury')")
	p.do(typeInto("amount", "250"))
	p.run("for (const [id, v] of [['to', 'ethereum'], ['country', 'FR']]) { const e = document.getElementById(id); if (e) { e.value = v; e.dispatchEvent(new Event('change', {bubbles: true})); } }")
	p.do(typeInto("amount", kb.Enter))
	p.until("document.querySelector('.quotes-who')?.innerText === 'Who decides: 2 of Alice Martin and mem_bob (Treasury purchases).'")
	p.run("for (const id of ['meridian', 'northpay', 'meridian', 'northpay', 'meridian']) document.querySelector('input[value=' + id + ']').click()")
	p.until("document.querySelector('input[value=meridian]').checked")
	p.run("await new Promise((done) => setTimeout(done, 1000))")
	mu.Lock()
	if n := len(asked); n > 4 || !strings.Contains(asked[n-1], `"quote_id":"quo_4k8t1q5n7p9r4s2w0x3a6h2v0m"`) || !strings.Contains(asked[n-1], `"account_id":"acc_treasury"`) {
		t.Errorf("asked %d times: %q", n, asked)
	}
	mu.Unlock()
	press := "[...document.querySelectorAll('main button')].find((b) => /^Request .* Meridian/.test(b.innerText))"
	p.until("!!" + press)
	p.run(press + ".click()")
	p.until("document.querySelector('main').innerText.includes('49\u202f750 EUR is left before it') && document.querySelector('details summary').innerText === 'Why no other rule'")
	if *pictures != "" {
		shot(p, filepath.Join(*pictures, "dry-review.png"))
	}
	p.run("[...document.querySelectorAll('main button')].find((b) => b.innerText === 'Back to the prices').click()")
	mu.Lock()
	down = true
	mu.Unlock()
	p.until("!!" + press)
	p.run(press + ".click()")
	p.until("document.querySelector('main').innerText.includes('You can send the request all the same') && [...document.querySelectorAll('main button')].some((b) => b.innerText === 'Send to the approvers' && b.getAttribute('aria-disabled') !== 'true')")
}
