package dashboard

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
)

// The recipe of wasm/README.md, as it is typed there: elements in a page, and calls
// without a screen.
func TestTheRecipeOfTheREADMEWorksAsItIsTyped(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../wasm/README.md")
	if err != nil {
		t.Fatal(err)
	}
	typed := map[string][]string{}
	for _, m := range regexp.MustCompile("(?s)```(html|js)\n(.*?)```").FindAllStringSubmatch(string(doc), -1) {
		typed[m[1]] = append(typed[m[1]], strings.ReplaceAll(m[2], "https://gateway.example", "{{api}}"))
	}
	if len(typed["html"]) != 1 || len(typed["js"]) < 2 {
		t.Fatalf("the README has %d blocks of HTML and %d of JavaScript", len(typed["html"]), len(typed["js"]))
	}
	s := newSite(t, nil)
	e := hosted(t, map[string]string{
		"page": hostPage("plain.css", typed["html"][0]), "page.js": watch + deep, "start.js": typed["js"][0],
		"calls": hostPage("plain.css", ""), "calls.js": typed["js"][1] + "window.made = purchase;",
	}, func(mux *http.ServeMux) {
		mux.Handle("/countersign/", http.StripPrefix("/countersign", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.URL.Path = s.base + strings.TrimPrefix(r.URL.Path, "/")
			s.ServeHTTP(w, r)
		})))
		mux.Handle("/session/", canned{})
	})
	p := open(t, e.chrome, e.host+"/page")
	p.until("window.inside && inside('quotes') && said('quotes').includes('Treasury') && inside('quotes').getElementById('amount').value === '250'")
	p.until("inside('requests').querySelector('a.row')?.click() === undefined && said('approve').includes('Your decision')")
	p.want("wrong", []string{})

	p = open(t, e.chrome, e.host+"/calls")
	p.run("await import('/calls.js')")
	p.want("[made.state, made.provider.name]", []any{"decide", "Northpay"})
}
