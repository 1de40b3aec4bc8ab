package app

import (
	"strconv"

	"countersign/shared/quote"
	"countersign/wasm/internal/approvals"
	"countersign/wasm/internal/quoteui"
	"countersign/wasm/internal/view"
)

func (m *Model) buyPage() view.Node {
	if m.review != nil {
		return m.reviewPage(m.review)
	}
	return page("", head("Buy", "Compare what providers deliver, then request the purchase."),
		view.El("div", "split is-form", view.El("div", "split-main", m.buyForm()), view.El("div", "split-side", m.buyQuotes())))
}

func (m *Model) buyForm() view.Node {
	f := m.form
	c := quoteui.Options(m.providers.Value, f, m.accountChain())
	assets := named(c.Assets, func(s string) string { a := assetOf(s); return a.Name + " (" + a.Ticker + ")" })
	if len(assets) == 0 && m.formReady() {
		assets = [][2]string{{f.Asset, "Nothing for this account"}}
	}
	var problems []quote.Problem
	if m.touched || f.Amount != "" {
		problems = m.problems()
	}
	of := func(fields ...string) string { return problemOf(problems, fields...) }
	trouble := view.Node{}
	if m.providers.Err != nil && !m.providers.Loaded {
		trouble = notice(approvals.Explain(m.providers.Err), "refresh")
	}
	accounts := make([][2]string, 0, len(m.accounts.Value))
	for _, a := range m.accounts.Value {
		accounts = append(accounts, [2]string{a.ID, a.Name})
	}
	waits := m.board.Open && !m.board.Done
	ask := view.El("button", classes("button is-block", cond(m.board.Open, ""), cond(!m.board.Open || m.stale(), "is-primary"), cond(waits, "is-busy")), view.A("type", "submit"), "Get prices")
	if m.board.Open && !m.stale() {
		ask.Kids = []view.Node{view.Text("Get new prices")}
	}
	return view.El("section", "card", view.El("div", "card-body",
		view.El("form", "form", view.On("submit", "buy.ask"), view.Flag("novalidate", false), trouble,
			m.amountField(c.Fiats, of("amount", "from")),
			choice("asset", "You get", f.Asset, assets, of("to"), "What the account's chain can hold."),
			view.El("div", "field-row",
				choice("method", "Pay by", f.Method, named(c.Methods, methodName), of("payment_method"), "Used at the provider."),
				choice("country", "Country of residence", f.Country, m.cfg.Words.byName(named(c.Countries, m.cfg.Words.country)), of("country"), "Decides who may sell.")),
			choice("account", "Into account", f.Account, accounts, "", "Its rules say who must approve."),
			ask, m.sentence())))
}

func (m *Model) amountField(fiats []string, problem string) view.Node {
	f := m.form
	hint, w := "", m.cfg.Words
	if r := limits(m); r.Providers == 1 {
		hint = r.MinAt + " takes " + w.fiat(r.Min, f.Fiat) + " to " + w.fiat(r.Max, f.Fiat) + "."
	} else if r.Providers > 0 {
		hint = "At least " + w.fiat(r.Min, f.Fiat) + ", at " + r.MinAt + ". At most " + w.fiat(r.Max, f.Fiat) + ", at " + r.MaxAt + "."
	} else if m.providers.Loaded {
		hint = "No provider serves this choice."
	}
	below, ways := view.El("p", "field-hint", view.A("id", "amount-hint"), hint), view.Node{}
	invalid := view.Attr{}
	if problem != "" && (f.Amount != "" || m.touched) {
		below = view.El("p", "field-error", view.A("id", "amount-hint"), icon("alert"), problem)
		invalid = view.A("aria-invalid", "true")
		ways = m.ways()
	}
	var options []view.Node
	for _, c := range fiats {
		options = append(options, view.El("option", "", view.A("value", c), c))
	}
	if len(options) == 0 {
		options = append(options, view.El("option", "", view.A("value", f.Fiat), or(f.Fiat, "EUR")))
	}
	var chips []view.Node
	for _, v := range []string{"100", "250", "500", "1000"} {
		plain, ok := m.plain()
		pressed := ok && quoteui.Compare(plain, v) == 0
		chips = append(chips, view.El("button", "chip", view.A("type", "button"), view.Key(v), view.On("click", "buy.amount:"+v),
			view.A("aria-pressed", strconv.FormatBool(pressed)), m.cfg.Words.number(v, -1)))
	}
	return view.El("div", "field",
		view.El("label", "field-label", view.A("for", "amount"), "You pay"),
		view.El("div", "input-group is-hero",
			view.El("input", "input", view.A("id", "amount"), view.A("name", "amount"), view.A("type", "text"), view.A("inputmode", "decimal"),
				view.A("autocomplete", "off"), view.A("placeholder", "0"), view.A("maxlength", "64"), view.A("aria-describedby", "amount-hint"), invalid,
				view.A("enterkeyhint", "go"), view.Prop("value", f.Amount), view.On("input", "buy.field:amount"), view.On("change", "buy.regroup")),
			view.El("select", "select", view.A("name", "fiat"), view.A("aria-label", "Currency"), view.A("title", w.name(f.Fiat)), view.On("change", "buy.field:fiat"), view.Prop("value", f.Fiat), options)),
		below, ways,
		view.El("div", "chips", view.A("role", "group"), view.A("aria-label", "Common amounts"), chips))
}

// ways are the amounts that one press puts in the place of one that cannot be taken: those
// that it may mean, or the nearest that a provider takes.
func (m *Model) ways() view.Node {
	all := readings(m.form.Amount)
	if len(all) != 2 {
		return m.fixesFor()
	}
	var chips []view.Node
	for _, a := range all {
		value := a
		if len(readings(a)) == 2 {
			value += "0"
		}
		chips = append(chips, view.El("button", "chip", view.A("type", "button"), view.Key(value), view.On("click", "buy.amount:"+value), m.cfg.Words.fiat(a, m.form.Fiat)))
	}
	return view.El("div", "chips", view.A("role", "group"), view.A("aria-label", "What it may mean"), chips)
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func named(values []string, name func(string) string) [][2]string {
	list := make([][2]string, len(values))
	for i, v := range values {
		list[i] = [2]string{v, name(v)}
	}
	return list
}

func choice(field, label, value string, options [][2]string, problem, hint string) view.Node {
	var list []view.Node
	for _, o := range options {
		list = append(list, view.El("option", "", view.A("value", o[0]), view.Key(o[0]), o[1]))
	}
	if len(list) == 0 {
		list = append(list, view.El("option", "", view.A("value", value), "Loading"))
	}
	invalid, below := view.Attr{}, view.El("p", "field-hint", view.A("id", field+"-hint"), hint)
	if problem != "" {
		invalid, below = view.A("aria-invalid", "true"), view.El("p", "field-error", view.A("id", field+"-hint"), icon("alert"), problem)
	}
	return view.El("div", "field",
		view.El("label", "field-label", view.A("for", field), label),
		view.El("select", "select", view.A("id", field), view.A("name", field), view.Flag("disabled", len(options) == 0), invalid, view.A("aria-describedby", field+"-hint"),
			view.On("change", "buy.field:"+field), view.Prop("value", value), list),
		below)
}

// sentence says what will happen.
func (m *Model) sentence() view.Node {
	f := m.form
	plain, ok := m.plain()
	if !ok || f.Account == "" {
		return view.El("p", "sentence muted", "Nothing is bought yet: a purchase is first requested, then approved.")
	}
	account := or(m.accountOf(f.Account).Name, f.Account)
	return view.El("p", "sentence", "You request to buy ", view.El("strong", "", assetOf(f.Asset).Name), " for ",
		view.El("strong", "", m.cfg.Words.fiat(plain, f.Fiat)), " into ", view.El("strong", "", account),
		", to an address made in the vault for this purchase. The account's approvers decide, then you pay at the provider.")
}

func (m *Model) noQuotes() view.Node {
	if !m.online {
		return empty("wifi", "You are offline", "What you typed is kept. Prices come back with the network.", button("", "refresh", "Try again"))
	}
	if list := m.problems(); len(list) > 0 && m.touched && m.form.Amount != "" {
		return empty("tag", "No prices for this yet", list[0].Message)
	}
	return empty("tag", "Prices appear here", "Say how much, then get prices from every provider at once. Nothing is bought by looking.")
}
