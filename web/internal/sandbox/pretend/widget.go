package pretend

import (
	"errors"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"countersign/shared/amount"
	"countersign/shared/asset"
	"countersign/shared/quote"
)

// pageHeaders let the page do nothing but show itself and post its one form.
func pageHeaders(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "strict-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
}

// widget shows an order. Where the address repeats what the order says, it must
// say the same.
func (s *Server) widget(w http.ResponseWriter, r *http.Request, p profile, _ Faults) {
	o, ok := s.orders.get(p.id, r.URL.Query().Get("order"))
	if !ok || !repeats(r.URL.Query(), o) {
		pageHeaders(w)
		w.WriteHeader(http.StatusNotFound)
		_ = page().Execute(w, view{Provider: p, Problem: "This order does not exist, or its address was changed on the way. Nothing was paid. Go back and start again."})
		return
	}
	pageHeaders(w)
	_ = page().Execute(w, show(p, o, r.URL.Query().Get("theme")))
}

func repeats(q url.Values, o order) bool {
	for name, want := range map[string]string{
		"walletAddress": o.Address, "account-address": o.Address, "accountAddress": o.Address,
		"fiatAmount": o.Amount, "fiat-amount": o.Amount, "cryptoCurrency": o.Asset, "crypto-currency": o.Asset,
	} {
		for _, v := range q[name] {
			if !strings.EqualFold(v, want) {
				return false
			}
		}
	}
	return true
}

// pay pretends that a card was charged and delivers. Paying again changes
// nothing and shows what was delivered.
func (s *Server) pay(w http.ResponseWriter, r *http.Request, p profile, _ Faults) {
	token := r.URL.Query().Get("order")
	paid, ok := s.orders.get(p.id, token)
	site := r.Header.Get("Sec-Fetch-Site")
	if !ok || site != "" && site != "same-origin" {
		plain(w, http.StatusForbidden, "A payment is made on this provider's own page.")
		return
	}
	first := paid.TxHash == ""
	if first {
		if before, err := s.orders.now(token, processing, s.cfg.Now()); err == nil {
			s.tell(p, before)
		}
	}
	o, err := s.orders.pay(token, s.cfg.Now(), s.deliver(p))
	if err != nil {
		v := show(p, o, "")
		v.Problem = "The payment was not made: " + err.Error() + "."
		pageHeaders(w)
		w.WriteHeader(http.StatusConflict)
		_ = page().Execute(w, v)
		return
	}
	if first {
		s.tell(p, o)
	}
	back := url.Values{"order": {token}}
	if theme := r.URL.Query().Get("theme"); theme == "dark" || theme == "light" {
		back.Set("theme", theme)
	}
	http.Redirect(w, r, "/"+p.id+"/widget?"+back.Encode(), http.StatusSeeOther)
}

func (s *Server) deliver(p profile) func(order) (string, string, error) {
	return func(o order) (string, string, error) {
		if o.Asset != "ethereum" || !common.IsHexAddress(o.Address) {
			return "", "", errors.New("the sandbox delivers ethereum only")
		}
		delivered := amount.Must(o.Crypto).MulRatio(p.delivered, 10_000, 18, amount.Floor).Trim()
		units, err := delivered.Units(18)
		if err != nil {
			return "", "", err
		}
		value, to := wei(units), common.HexToAddress(o.Address)
		if tx, ok := s.cfg.Chain.Sent(to, value); ok {
			return delivered.String(), tx, nil // paid before, but not noted
		}
		tx, err := s.cfg.Chain.Send(p.id, to, value)
		return delivered.String(), tx, err
	}
}

type row struct{ Name, Value string }

type view struct {
	Provider profile
	Theme    string
	Rows     []row
	Action   string // where the form goes; empty: nothing to pay
	Pay      string // the button
	Paid     bool
	Return   string
	Problem  string
}

// ID, Name are what the page says about the provider.
func (v view) ID() string   { return v.Provider.id }
func (v view) Name() string { return v.Provider.name }

func show(p profile, o order, theme string) view {
	bought, _ := asset.ByID(o.Asset)
	spend := amount.Money(amount.Must(o.Amount), o.Fiat)
	v := view{Provider: p, Return: o.Return, Rows: []row{
		{"You pay", spend}, {"You receive", o.Crypto + " " + bought.Ticker}, {"Paid by", quote.MethodName(o.Method)},
		{"Country", o.Country}, {"Sent to", o.Address}, {"Order", o.ID},
	}}
	if theme == "dark" || theme == "light" {
		v.Theme = theme
	}
	if o.TxHash != "" {
		v.Paid = true
		v.Rows = append(v.Rows, row{"Delivered", o.Delivered + " " + bought.Ticker}, row{"Transaction", o.TxHash})
		return v
	}
	q := url.Values{"order": {o.Token}}
	if v.Theme != "" {
		q.Set("theme", v.Theme)
	}
	v.Action = "/" + p.id + "/widget?" + q.Encode()
	v.Pay = "Pay " + strings.TrimPrefix(spend, o.Fiat+" ") + " " + o.Fiat + " (sandbox)"
	return v
}

func page() *template.Template {
	return template.Must(template.New("widget").Parse(`<!doctype html>
<html lang="en"{{with .Theme}} data-theme="{{.}}"{{end}}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{if .Paid}}Paid{{else}}Pay{{end}} · {{.Name}}</title>
<link rel="stylesheet" href="/{{.ID}}/widget.css">
</head>
<body>
<header><span class="mark" aria-hidden="true"></span><strong>{{.Name}}</strong><span class="tag">Sandbox</span></header>
<main>
{{if .Paid}}<h1>Paid. The funds are on their way.</h1>{{else if .Rows}}<h1>Review and pay</h1>{{else}}<h1>No such order</h1>{{end}}
{{with .Problem}}<p class="problem" role="alert">{{.}}</p>{{end}}
{{with .Rows}}<dl>{{range .}}<div><dt>{{.Name}}</dt><dd>{{.Value}}</dd></div>{{end}}</dl>{{end}}
{{if .Action}}<p class="note">The address was set by your vault and cannot be changed here.</p>
<form method="post" action="{{.Action}}"><button type="submit">{{.Pay}}</button></form>{{end}}
{{with .Return}}<p><a class="back" href="{{.}}">Back to your dashboard</a></p>{{end}}
</main>
<footer>A pretend provider: no money moves, and the chain is this computer's own.</footer>
</body>
</html>
`))
}

func stylesheet(p profile) http.HandlerFunc {
	css := strings.ReplaceAll(style, "ACCENT", p.colour)
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = io.WriteString(w, css)
	}
}

const style = `:root { color-scheme: light dark; --accent: ACCENT; --ground: #f4f5f7; --card: #fff; --ink: #16191d; --soft: #59616b; --line: #dfe3e8; }
@media (prefers-color-scheme: dark) { :root:not([data-theme=light]) { --ground: #101316; --card: #191d21; --ink: #f0f2f4; --soft: #a3acb6; --line: #2e343b; } }
:root[data-theme=dark] { color-scheme: dark; --ground: #101316; --card: #191d21; --ink: #f0f2f4; --soft: #a3acb6; --line: #2e343b; }
:root[data-theme=light] { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; display: flex; flex-direction: column; align-items: center; padding: 1.5rem 1rem; }
header, main, footer { width: 100%; max-width: 30rem; }
header { display: flex; align-items: center; gap: .6rem; font-size: 1.15rem; margin-bottom: 1rem; }
.mark { width: 1.6rem; height: 1.6rem; border-radius: .5rem; background: var(--accent); }
.tag { margin-inline-start: auto; font-size: .8rem; color: var(--soft); border: 1px solid var(--line); border-radius: 1rem; padding: .1rem .7rem; }
main { background: var(--card); border: 1px solid var(--line); border-radius: 1rem; padding: 1.5rem; }
h1 { font-size: 1.3rem; line-height: 1.3; margin: 0 0 1rem; }
dl { margin: 0; }
dl div { display: flex; flex-wrap: wrap; gap: .1rem 1rem; padding: .6rem 0; border-top: 1px solid var(--line); }
dt { flex: 0 0 7rem; color: var(--soft); }
dd { flex: 1 1 12rem; margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums lining-nums; }
dl div:nth-child(-n+2) dd { font-weight: 600; }
.note, footer { color: var(--soft); font-size: .9rem; }
.problem { border-inline-start: .25rem solid #b3261e; padding: .25rem .75rem; }
button { width: 100%; min-height: 3rem; border: 0; border-radius: .6rem; background: var(--accent); color: #fff; font: inherit; font-weight: 600; cursor: pointer; }
a { color: inherit; }
:focus-visible { outline: 3px solid var(--ink); outline-offset: 3px; }
footer { margin-top: 1rem; text-align: center; }
`
