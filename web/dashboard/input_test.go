package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/wire"
)

// answering is the dashboard over a gateway that answers some addresses in its own way.
func answering(t *testing.T, chrome context.Context, path string, answers map[string]http.HandlerFunc) tab {
	t.Helper()
	s := newSite(t, nil)
	if s.hashes[core] == "" {
		t.Fatal("the core is not built; run make wasm")
	}
	mux := withAPI(s)
	for at, f := range answers {
		mux.HandleFunc(at, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			f(w, r)
		})
	}
	p := open(t, chrome, serveHandler(t, mux)+path)
	p.run(`window.wrong = []; for (const type of ['error', 'unhandledrejection']) addEventListener(type, (e) => wrong.push(String(e.message ?? e.reason)));
		addEventListener('securitypolicyviolation', (e) => wrong.push('policy: ' + e.violatedDirective));`)
	return p
}

const evil = `<img src=x onerror="window.hacked=1">Northpay</script><script>window.hacked=1</script>`

// What providers call themselves is text, wherever it stands: in prices, in what was
// requested and ordered, and in what the page says aloud.
func TestMarkupInTheNameOfAProviderIsText(t *testing.T) {
	t.Parallel()
	chrome := browser(t)
	c := canned{time.Now().UTC().Truncate(time.Second)}
	named := func(name string) intent.Buy { i := c.intent(); i.ProviderName = name; return i }
	request := c.request("req_6h2v0m3k8t1q5n7p9r4s2w0x3a", wire.RequestPending, 1)
	request.Intent, request.Sentence = intenttest.Doc(named(evil)), evil
	order := c.order()
	order.ProviderName = evil
	providers := c.providers()
	providers.Providers[0].Name = evil
	p := answering(t, chrome, "/", map[string]http.HandlerFunc{
		"/v1/providers": func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, providers) },
		"/v1/requests": func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, wire.Page[wire.Request]{Items: []wire.Request{request}})
		},
		"/v1/requests/" + request.ID: func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, request) },
		"/v1/orders": func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, wire.Page[wire.Order]{Items: []wire.Order{order}})
		},
		"/v1/orders/" + order.ID: func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, order) },
		"/v1/quotes": func(w http.ResponseWriter, r *http.Request) {
			c.quotes(renaming{w})
		},
	})
	shows := func(what string) {
		p.Helper()
		p.until("document.querySelector('main').textContent.includes(" + quoted("<img src=x") + ")")
		p.want("["+what+", window.hacked, document.querySelectorAll('main img, main script').length, wrong]", []any{true, nil, float64(0), []any{}})
	}
	p.until("document.getElementById('country')?.disabled === false")
	p.run("const e = document.getElementById('amount'); e.value = '250'; e.dispatchEvent(new Event('input', { bubbles: true })); document.querySelector('form').requestSubmit()")
	shows("document.querySelector('.quote').textContent.includes('onerror')")
	for _, path := range []string{"/requests", "/requests/" + request.ID, "/orders", "/orders/" + order.ID, "/providers"} {
		p.run("history.pushState(null, '', " + quoted(path) + "); dispatchEvent(new PopStateEvent('popstate'))")
		p.until("location.pathname === " + quoted(path))
		shows("true")
	}
}

// renaming gives a provider another name in an answer.
type renaming struct{ http.ResponseWriter }

func (r renaming) Write(b []byte) (int, error) {
	name := strings.Trim(string(must(evil)), `"`)
	_, err := r.ResponseWriter.Write([]byte(strings.ReplaceAll(string(b), `"Northpay"`, `"`+name+`"`)))
	return len(b), err
}

func must(s string) []byte { return []byte(strconv.Quote(s)) }

// Ten thousand requests come page by page when they are asked for, and are then found and
// saved; a hundred accounts can be chosen from.
func TestTenThousandRequestsAndAHundredAccountsInTheBrowser(t *testing.T) {
	t.Parallel()
	const all, most = 10_000, 100
	c := canned{time.Now().UTC().Truncate(time.Second)}
	one := func(n int) wire.Request {
		i := c.intent()
		i.Reference = fmt.Sprintf("INV-%05d", n)
		return wire.Request{ID: fmt.Sprintf("req_n%06d", n), Entity: "ent_sandbox", State: wire.RequestRejected, Sentence: "Buy", Intent: intenttest.Doc(i), CreatedAt: c.now.Add(-time.Duration(n) * time.Minute)}
	}
	accounts := wire.Accounts{ServerTime: c.now}
	for n := range 100 {
		a := c.account()
		a.ID, a.Name = fmt.Sprintf("acc_n%03d", n), fmt.Sprintf("Account %03d", n)
		accounts.Accounts = append(accounts.Accounts, a)
	}
	p := answering(t, browser(t), "/requests", map[string]http.HandlerFunc{
		"/v1/accounts": func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, accounts) },
		"/v1/requests": func(w http.ResponseWriter, r *http.Request) {
			page, from := wire.Page[wire.Request]{}, 0
			if state := r.URL.Query().Get("state"); state != "" && state != wire.RequestRejected {
				writeJSON(w, page)
				return
			}
			if cursor := r.URL.Query().Get("cursor"); cursor != "" {
				n, err := strconv.Atoi(strings.TrimPrefix(cursor, "req_n"))
				if err != nil {
					http.Error(w, "{}", http.StatusBadRequest)
					return
				}
				from = n + 1
			}
			for n := from; n < min(from+most, all); n++ {
				page.Items = append(page.Items, one(n))
			}
			if from+most < all {
				page.NextCursor = page.Items[most-1].ID
			}
			writeJSON(w, page)
		},
	})
	shown := "document.querySelector('main').innerText"
	find := func(text string) {
		p.run("const e = document.getElementById('search'); e.value = " + quoted(text) + "; e.dispatchEvent(new Event('input', { bubbles: true }))")
	}
	p.until(shown + ".includes('of the newest 100')")
	find("INV-09999")
	p.until(shown + ".includes('Nothing fits')")
	p.run(`URL.createObjectURL = (blob) => { window.saved = blob; return '#'; }; HTMLAnchorElement.prototype.click = function () { window.name = this.download; };
		[...document.querySelectorAll('main button')].find((b) => b.innerText === 'Load all older requests').click()`)
	for end := time.Now().Add(2 * time.Minute); !js[bool](p, shown+".includes('of the newest') === false"); time.Sleep(time.Second) {
		if time.Now().After(end) {
			p.Fatalf("it still loads: %s", js[string](p, shown))
		}
	}
	p.until("document.querySelectorAll('main a.row').length === 1")
	find("")
	p.until(shown + ".includes('Show more of 10000')")
	p.want("document.querySelectorAll('main a.row').length", float64(50)) // of a group
	p.run("[...document.querySelectorAll('main button')].find((b) => b.innerText.trim() === 'CSV').click()")
	p.until("window.saved !== undefined")
	p.want("saved.text().then((text) => [window.name, text.split('\\r\\n').length, text.includes('INV-00000') && text.includes('INV-09999')])", []any{"requests.csv", float64(all + 2), true})
	p.want("document.querySelectorAll('select[aria-label=Account] option').length", float64(101))
	p.run("history.pushState(null, '', '/accounts'); dispatchEvent(new PopStateEvent('popstate'))")
	p.until("document.querySelectorAll('main a.row').length === 100")
	p.want("wrong", []string{})
}
