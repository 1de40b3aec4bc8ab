package app

import (
	"strconv"
	"time"

	"countersign/shared/quote"
	"countersign/wasm/internal/approvals"
	"countersign/wasm/internal/quoteui"
	"countersign/wasm/internal/view"
)

func (m *Model) buyPage() view.Node {
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
			m.amountField(c.Fiats, problemOf(problems, "amount", "from")),
			choice("asset", "You get", f.Asset, assets, problemOf(problems, "to")),
			view.El("div", "field-row",
				choice("method", "Pay by", f.Method, named(c.Methods, methodName), problemOf(problems, "payment_method")),
				choice("country", "Country of residence", f.Country, m.cfg.Words.byName(named(c.Countries, m.cfg.Words.country)), problemOf(problems, "country"))),
			choice("account", "Into account", f.Account, accounts, ""),
			m.sentence(), ask)))
}

func (m *Model) amountField(fiats []string, problem string) view.Node {
	f := m.form
	hint := ""
	if r := limits(m); r.Providers > 0 {
		hint = "From " + m.cfg.Words.fiat(r.Min, f.Fiat) + " to " + m.cfg.Words.fiat(r.Max, f.Fiat) + "."
	} else if m.providers.Loaded {
		hint = "No provider serves this choice."
	}
	below := view.El("p", "field-hint", view.A("id", "amount-hint"), hint)
	invalid := view.Attr{}
	if problem != "" && (f.Amount != "" || m.touched) {
		below = view.El("p", "field-error", view.A("id", "amount-hint"), icon("alert"), problem)
		invalid = view.A("aria-invalid", "true")
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
				view.A("autocomplete", "off"), view.A("placeholder", "0"), view.A("maxlength", "32"), view.A("aria-describedby", "amount-hint"), invalid,
				view.A("enterkeyhint", "go"), view.Prop("value", f.Amount), view.On("input", "buy.field:amount")),
			view.El("select", "select", view.A("name", "fiat"), view.A("aria-label", "Currency"), view.On("change", "buy.field:fiat"), view.Prop("value", f.Fiat), options)),
		below,
		view.El("div", "chips", view.A("role", "group"), view.A("aria-label", "Common amounts"), chips))
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

func choice(field, label, value string, options [][2]string, problem string) view.Node {
	var list []view.Node
	for _, o := range options {
		list = append(list, view.El("option", "", view.A("value", o[0]), view.Key(o[0]), o[1]))
	}
	if len(list) == 0 {
		list = append(list, view.El("option", "", view.A("value", value), "Loading"))
	}
	below, invalid, described := view.Node{}, view.Attr{}, view.Attr{}
	if problem != "" {
		below = view.El("p", "field-error", view.A("id", field+"-error"), icon("alert"), problem)
		invalid, described = view.A("aria-invalid", "true"), view.A("aria-describedby", field+"-error")
	}
	return view.El("div", "field",
		view.El("label", "field-label", view.A("for", field), label),
		view.El("select", "select", view.A("id", field), view.A("name", field), view.Flag("disabled", len(options) == 0), invalid, described,
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
	account := f.Account
	for _, a := range m.accounts.Value {
		if a.ID == f.Account {
			account = a.Name
		}
	}
	return view.El("p", "sentence", "You request to buy ", view.El("strong", "", assetOf(f.Asset).Name), " for ",
		view.El("strong", "", m.cfg.Words.fiat(plain, f.Fiat)), " into ", view.El("strong", "", account),
		", to an address made in the vault for this purchase. The account's approvers decide, then you pay at the provider.")
}

func (m *Model) buyQuotes() view.Node {
	b := m.board
	if !b.Open {
		return m.noQuotes()
	}
	now := m.server()
	trouble := view.Node{}
	if m.quoting != nil {
		trouble = notice(approvals.Explain(m.quoting), "buy.ask")
	}
	best := b.Best(now)
	rows := make([]view.Node, 0, len(b.Offers()))
	for _, o := range b.Offers() {
		rows = append(rows, m.offer(o, best, b.Chosen(now)))
	}
	return view.El("section", "stack", view.A("aria-label", "Prices"), trouble, m.quotesHead(),
		view.El("div", "quotes", view.A("role", "radiogroup"), view.A("aria-label", "Prices, the most crypto first"), view.On("hold", "buy.stay"), rows),
		m.fixes(), m.buyFoot())
}

func (m *Model) noQuotes() view.Node {
	if !m.online {
		return empty("wifi", "You are offline", "What you typed is kept. Prices come back with the network.", button("", "refresh", "Try again"))
	}
	if list := m.problems(); len(list) > 0 && m.touched && m.form.Amount != "" {
		return view.El("div", "stack", empty("tag", "No prices for this yet", list[0].Message), m.fixesFor())
	}
	return empty("tag", "Prices appear here", "Say how much, then get prices from every provider at once. Nothing is bought by looking.")
}

// fixesFor offers the smallest changes that let somebody quote.
func (m *Model) fixesFor() view.Node {
	plain, ok := m.plain()
	if !ok || !m.providers.Loaded {
		return view.Node{}
	}
	return m.fixButtons(quote.Fixes(m.providers.Value, m.form.Input(plain)), false)
}

func (m *Model) fixes() view.Node {
	if !m.board.Done || m.stale() {
		return view.Node{}
	}
	rest, some := m.board.Rest()
	return m.fixButtons(rest, some)
}

// fixButtons offers changes; some says whether a provider can sell as it is.
func (m *Model) fixButtons(list []quote.Fix, some bool) view.Node {
	if len(list) == 0 {
		return view.Node{}
	}
	var chips []view.Node
	for _, f := range list {
		chips = append(chips, fixButton("chip", f, m.cfg.Words.quotes().Opens(f, m.form.Input(""), some)))
	}
	return view.El("div", "chips", view.A("role", "group"), view.A("aria-label", "Changes that bring more prices"), chips)
}

func fixButton(class string, f quote.Fix, text string) view.Node {
	return view.El("button", class, view.A("type", "button"), view.Key(f.Field+f.Value), view.On("click", "buy.fix:"+f.String()), text)
}

func (m *Model) quotesHead() view.Node {
	b := m.board
	offered, asked := b.Counts()
	sum := itoa(offered) + " of " + plural(asked, "provider", "providers")
	if !b.Done {
		sum += ", waiting for more"
	}
	hold := view.El("button", "button is-quiet is-small", view.A("type", "button"), view.A("aria-pressed", strconv.FormatBool(b.Hold)), view.A("title", "No price changes its place. Prices still expire. (h)"),
		view.On("click", "buy.hold"), icon(map[bool]string{true: "play", false: "pause"}[b.Hold]), map[bool]string{true: "Kept in place", false: "Keep in place"}[b.Hold])
	return view.El("div", "quotes-head", view.El("div", "", view.El("h2", "card-title", "Prices"), view.El("p", "muted small", sum)),
		view.El("div", "cluster", view.If(b.Reordered(), button("is-quiet is-small", "buy.show", "Show in new order")), hold))
}

func (m *Model) offer(o quoteui.Offer, best, chosen quoteui.Offer) view.Node {
	switch {
	case o.Row != nil:
		return m.offered(o, best, chosen)
	case o.Out != nil:
		fix, words, in := view.Node{}, m.cfg.Words.quotes(), m.asked.Input("")
		if o.Out.Fix != nil {
			fix = fixButton("button is-small quote-fix", *o.Out.Fix, words.Fix(*o.Out.Fix, in))
		}
		return view.El("div", "quote is-unavailable", view.Key(o.Provider),
			view.El("div", "quote-main", view.El("div", "quote-provider", view.El("strong", "", o.Name), badge("", "minus", outWord(o.Out)))),
			view.El("p", "quote-reason", words.Why(*o.Out, in)), fix)
	}
	return view.El("div", "quote is-late", view.Key(o.Provider), view.A("aria-busy", "true"),
		view.El("div", "quote-main", view.El("div", "quote-provider", view.El("strong", "", o.Name)), view.El("div", "quote-meta", "Asking")),
		view.El("div", "quote-receive", view.El("span", "skeleton is-amount")))
}

func outWord(out *quote.Excluded) string {
	switch {
	case out.Code == quote.TimedOut:
		return "No answer in time"
	case out.Stage == quote.StageEligibility:
		return "Not for this purchase"
	case out.Stage == quote.StageValidation:
		return "Answer refused"
	}
	return "Not reachable"
}

func (m *Model) offered(o, best, chosen quoteui.Offer) view.Node {
	now, row, w := m.server(), o.Row, m.cfg.Words
	expired := !o.Valid(now)
	isBest := best.Row != nil && best.Provider == o.Provider
	var badges []view.Node
	if isBest {
		badges = append(badges, badge("is-accent", "check", "Best"))
	}
	for _, warning := range row.Warnings {
		switch warning {
		case quote.RateOutlier:
			badges = append(badges, badge("is-warning", "alert", "Far from the others"))
		case quote.ExcessPrecision:
			badges = append(badges, badge("", "info", "Rounded down"))
		}
	}
	delta := "Most crypto"
	if !isBest && best.Row != nil {
		exact, pct := quoteui.Difference(row.CryptoAmount, best.Row.CryptoAmount)
		delta = "\u2212" + w.number(pct, -1) + " % against the best"
		if exact == "0" {
			delta = "Same as the best"
		}
	} else if expired {
		delta = ""
	}
	state := cond(isBest && !expired, "is-best") + cond(expired, "is-expired")
	unit := assetOf(row.Asset).Ticker
	return view.El("label", classes("quote", state), view.Key(o.Provider),
		view.El("input", "quote-radio", view.A("type", "radio"), view.A("name", "offer"), view.A("value", o.Provider), view.Flag("disabled", expired),
			view.Prop("checked", chosen.Row != nil && chosen.Provider == o.Provider), view.On("change", "buy.select:"+o.Provider)),
		view.El("div", "quote-main",
			view.El("div", "quote-provider", view.El("strong", "", o.Name), badges),
			view.El("div", "quote-meta", "1 "+unit+" = "+w.fiat(row.UnitPrice, row.Fiat), kyc(row), settle(row))),
		view.El("div", "quote-receive", w.crypto(row.CryptoAmount, row.Asset, "is-large"), view.El("div", "quote-delta", delta)),
		m.more(row), m.expiry(o))
}

func kyc(row *quote.Row) string {
	switch row.KYC {
	case "none":
		return " · no identity check"
	case "light":
		return " · light identity check"
	case "full":
		return " · identity check"
	}
	return ""
}

func settle(row *quote.Row) string {
	if row.Settlement == nil {
		return ""
	}
	return " · arrives in " + span(row.Settlement.Min, row.Settlement.Max)
}

func span(from, to int) string {
	unit, div := " s", 1
	switch {
	case to >= 2*86400:
		unit, div = " days", 86400
	case to >= 2*3600:
		unit, div = " h", 3600
	case to >= 120:
		unit, div = " min", 60
	}
	a, b := from/div, (to+div-1)/div
	if a == b || a == 0 {
		return "up to " + itoa(b) + unit
	}
	return itoa(a) + " to " + itoa(b) + unit
}

var feeNames = map[string]string{"provider": "Provider fee", "network": "Network fee", "partner": "Partner fee", "spread": "Spread"}

func (m *Model) more(row *quote.Row) view.Node {
	facts := []any{fact("You pay", m.cfg.Words.fiat(row.FiatAmount, row.Fiat))}
	if len(row.Fees) == 0 {
		facts = append(facts, fact("Fees", "not disclosed, already taken off"))
	}
	for _, f := range row.Fees {
		facts = append(facts, fact(or(feeNames[f.Type], f.Type), m.cfg.Words.fiat(f.Amount, f.Currency)))
	}
	if row.PriceType == "indicative" {
		facts = append(facts, fact("Price", "indicative, asked again before you pay"))
	}
	return view.El("div", "quote-more", view.El("dl", "facts is-columns", facts...))
}

func (m *Model) expiry(o quoteui.Offer) view.Node {
	now := m.server()
	rest := o.Left(now)
	tone := cond(rest > 0 && rest <= 10*time.Second, "is-soon")
	text := "Holds for " + left(rest)
	if rest <= 0 {
		tone, text = "is-over", "Price expired"
	}
	return view.El("div", "expiry",
		view.El("span", classes("ring", cond(tone == "is-soon", tone)), view.A("aria-hidden", "true"), view.CSS("--progress", strconv.FormatFloat(o.Progress(now), 'f', 3, 64))),
		view.El("span", classes("countdown", tone), view.A("role", "timer"), view.A("aria-live", "off"), text))
}

// buyFoot is what one can do with the chosen price.
func (m *Model) buyFoot() view.Node {
	now := m.server()
	chosen := m.board.Chosen(now)
	switch {
	case m.stale():
		return view.El("div", "notice is-info", icon("info"), view.El("div", "notice-body",
			view.El("p", "notice-title", "You changed the form."), view.El("p", "", "These prices answer what you asked before."),
			view.El("div", "notice-actions", button("is-small is-primary", "buy.ask", "Get new prices"))))
	case m.board.Expired(now):
		return view.El("div", "notice is-info", icon("clock"), view.El("div", "notice-body",
			view.El("p", "notice-title", "All prices have expired."), view.El("p", "", "Nothing was requested. What you typed is kept."),
			view.El("div", "notice-actions", button("is-small is-primary", "buy.ask", "Get new prices"))))
	case chosen.Row == nil && m.board.Done:
		return empty("tag", "No provider has a price", "Each one above says why, and what would change it.")
	case chosen.Row == nil:
		return view.Node{}
	}
	operation := "request " + chosen.Row.ID
	trouble := view.Node{}
	if err := m.failed[operation]; err != nil {
		trouble = notice(approvals.Explain(err), "buy.request")
	}
	return view.El("div", "stack", trouble, m.purposeField(operation), view.El("div", "spread",
		view.El("p", "muted", chosen.Name+" delivers ", m.cfg.Words.crypto(chosen.Row.CryptoAmount, chosen.Row.Asset, ""), "."),
		working("is-primary", "buy.request", m.busy[operation], "Request this purchase", "Requesting")))
}

// purposeField is where one says what a purchase is for. It is closed while a request may
// have been made that says it.
func (m *Model) purposeField(operation string) view.Node {
	return view.El("div", "field", view.El("label", "field-label", view.A("for", "purpose"), "What it is for (optional)"),
		view.El("input", "input", view.A("id", "purpose"), view.A("name", "purpose"), view.A("type", "text"), view.A("autocomplete", "off"), view.A("maxlength", "140"),
			view.A("aria-describedby", "purpose-hint"), view.Flag("disabled", m.keys[operation] != ""), view.Prop("value", m.purpose), view.On("input", "buy.purpose")),
		view.El("p", "field-hint", view.A("id", "purpose-hint"), "Approvers read it as your words. The provider is not told."))
}
