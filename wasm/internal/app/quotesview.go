package app

import (
	"strconv"
	"strings"
	"time"

	"countersign/shared/asset"
	"countersign/shared/quote"
	"countersign/wasm/internal/approvals"
	"countersign/wasm/internal/quoteui"
	"countersign/wasm/internal/view"
)

// buyQuotes are the prices. Every row has its height from the beginning, and what comes
// later stands below the button, so that nothing moves while prices come.
func (m *Model) buyQuotes() view.Node {
	b := m.board
	if !b.Open {
		return m.noQuotes()
	}
	now := m.server()
	best, chosen := b.Best(now), b.Chosen(now)
	list := columns{best: best, chosen: chosen, places: b.Places(shownPlaces)}
	for _, o := range b.Offers() {
		if o.Row != nil {
			_, frac, _ := strings.Cut(o.Row.UnitPrice, ".")
			list.rate = max(list.rate, len(frac))
		}
	}
	rows := make([]view.Node, 0, len(b.Offers()))
	for i, o := range b.Offers() {
		rows = append(rows, m.offer(i, o, list))
	}
	trouble := view.Node{}
	if m.quoting != nil {
		trouble = notice(approvals.Explain(m.quoting), "buy.ask")
	}
	return view.El("section", "stack is-tight", view.A("aria-label", "Prices"), view.A("reveal", itoa(m.reveal)), m.quotesHead(),
		view.El("div", "quotes", view.A("role", "radiogroup"), view.A("aria-label", "Prices, the most crypto first"), view.On("hold", "buy.stay"), rows),
		m.buyFoot(), trouble, m.fixes(), m.howRanked())
}

// columns are what all rows of the list are written by.
type columns struct {
	best, chosen quoteui.Offer
	places, rate int // decimals of the amounts and of the rates
}

func (m *Model) quotesHead() view.Node {
	b := m.board
	offered, asked := b.Counts()
	sum := itoa(offered) + " of " + plural(asked, "provider", "providers")
	if !b.Done && !b.Renewing {
		sum += ", waiting for more"
	}
	hold := view.El("button", "button is-quiet is-small", view.A("type", "button"), pressed(b.Hold), view.A("title", "No price changes its place. Prices are still renewed. (h)"),
		view.On("click", "buy.hold"), icon(map[bool]string{true: "play", false: "pause"}[b.Hold]), "Hold prices")
	other := func(action, text string) view.Node {
		return view.El("button", "link", view.A("type", "button"), view.On("click", action), text)
	}
	rank, show := other("buy.rank", "Rank by record"), view.Node{}
	if b.ByRecord {
		rank = other("buy.rank", "Rank as quoted")
	}
	if b.Reordered() && !b.Renewing {
		show = other("buy.show", "Show in new order")
	}
	return view.El("div", "quotes-head", view.El("div", "", view.El("div", "cluster", view.El("h2", "card-title", "Prices"), rank), view.El("p", "muted small", sum+" ", show)),
		view.El("div", "cluster", m.clock(), hold))
}

func pressed(on bool) view.Attr {
	if on {
		return view.A("aria-pressed", "true")
	}
	return view.A("aria-pressed", "false")
}

// clock is the one countdown of the list.
func (m *Model) clock() view.Node {
	b := m.board
	rest, whole := b.RenewAt().Sub(m.server()), b.RenewAt().Sub(b.Asked)
	text := "New prices in " + left(rest)
	switch {
	case !m.renewing() || b.RenewAt().IsZero() && !b.Renewing:
		return view.El("span", "expiry")
	case b.Renewing || rest <= 0:
		rest, text = 0, "Renewing"
	}
	return view.El("span", "expiry", ring(rest, whole), view.El("span", "countdown", view.A("role", "timer"), view.A("aria-live", "off"), text))
}

func ring(rest, whole time.Duration) view.Node {
	part := "0"
	if rest > 0 && whole > 0 {
		part = strconv.FormatFloat(min(float64(rest)/float64(whole), 1), 'f', 3, 64)
	}
	return view.El("span", "ring", view.A("aria-hidden", "true"), view.CSS("--progress", part))
}

// offer is one row. Rows are places in the list, not providers: what a place shows
// changes, and the place does not. The parts of a row have keys by what they say, so that
// another text is another part and does not move the one before.
func (m *Model) offer(place int, o quoteui.Offer, l columns) view.Node {
	who := view.El("strong", "quote-who", o.Name)
	switch {
	case o.Row != nil:
		return m.offered(view.Key(itoa(place)), who, o, l)
	case o.Out != nil:
		fix, words, in := view.Node{}, m.cfg.Words.quotes(), m.asked.Input("")
		if o.Out.Fix != nil {
			fix = fixButton("button is-small", *o.Out.Fix, words.Fix(*o.Out.Fix, in))
		}
		why := words.Why(*o.Out, in)
		return view.El("div", "quote is-unavailable", view.Key("out"+itoa(place)), view.El("div", "quote-name", who, badge("", "minus", outWord(o.Out))),
			view.El("p", "quote-reason", view.A("title", why), why), view.El("div", "quote-fix", fix))
	}
	return view.El("div", "quote is-late", view.Key("late"+itoa(place)), view.A("aria-busy", "true"),
		view.El("div", "quote-name", who), view.El("div", "quote-terms", "Asking"), view.El("div", "quote-receive", view.El("span", "skeleton is-amount")))
}

func outWord(out *quote.Excluded) string {
	switch {
	case out.Code == quote.TimedOut:
		return "No answer in time"
	case out.Code == quote.CircuitIsOpen, out.Code == quote.CapabilitiesUnavailable, out.Stage == quote.StageTransport:
		return "Not reachable now"
	case out.Stage == quote.StageValidation:
		return "Answer refused"
	}
	return "Not for this purchase"
}

func (m *Model) offered(key view.Attr, who view.Node, o quoteui.Offer, l columns) view.Node {
	now, row, w := m.server(), o.Row, m.cfg.Words
	expired, isBest := !o.Valid(now), l.best.Row != nil && l.best.Provider == o.Provider
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
	if at := m.readAt(row.Provider); at != "" {
		badges = append(badges, badge("", "clock", "Its limits are of "+at))
	}
	unit := assetOf(row.Asset).Ticker
	fee, parts := w.fees(row)
	delta := m.delta(row, isBest, expired, l.best)
	return view.El("label", classes("quote", cond(isBest, "is-best"), cond(expired, "is-expired")), key,
		view.El("input", "quote-radio", view.A("type", "radio"), view.A("name", "offer"), view.A("value", o.Provider),
			view.Prop("checked", l.chosen.Provider == o.Provider), view.On("change", "buy.select:"+o.Provider)),
		view.El("div", "quote-name", view.Key("name"+o.Provider), who, badges),
		view.El("div", "quote-terms", append(m.worth(row), terms(row))...),
		view.El("div", "quote-facts", view.Key("facts"+row.ID), quoteFact(w.padded(row.UnitPrice, l.rate)+"\u00a0"+row.Fiat, "for 1\u00a0"+unit), quoteFact(fee, parts), arrival(row)),
		view.El("div", "quote-receive", view.Key(row.ID+delta), shown(row.CryptoAmount, w.padded(row.CryptoAmount, l.places), unit, "is-medium"),
			view.El("div", "quote-delta", delta)))
}

// delta is how a price stands to the best one.
func (m *Model) delta(row *quote.Row, isBest, expired bool, best quoteui.Offer) string {
	w := m.cfg.Words
	switch {
	case expired:
		return "Ended, asked again soon"
	case m.board.ByRecord && row.Expected != nil:
		return w.number(row.Expected.Amount, shownPlaces) + "\u00a0" + assetOf(row.Asset).Ticker + " expected"
	case isBest:
		return "Most crypto"
	case best.Row == nil:
		return ""
	}
	minor, _ := asset.Currency(row.Fiat)
	exact, percent, money := quoteui.Difference(row.CryptoAmount, best.Row.CryptoAmount, best.Row.UnitPrice, minor)
	if exact == "0" {
		return "Same as the best"
	}
	sign := "\u2212"
	if rest, more := strings.CutPrefix(money, "-"); more { // an outlier is above the best
		sign, money, percent = "+", rest, strings.TrimPrefix(percent, "-")
	}
	return sign + w.number(money, -1) + "\u00a0" + row.Fiat + " (" + sign + w.number(percent, -1) + "\u00a0%)"
}

func quoteFact(main, sub string) view.Node {
	return view.El("div", "quote-fact", view.El("span", "", main), view.El("span", "quote-sub", view.A("title", sub), sub))
}

// readAt is when the documents of a provider were read whose newer ones could not be.
func (m *Model) readAt(provider string) string {
	for _, p := range m.providers.Value {
		if p.ID == provider && p.Freshness == quote.Stale && p.FetchedAt != nil {
			return m.cfg.Words.when(*p.FetchedAt, m.server())
		}
	}
	return ""
}

// worth is what a price is worth by what the provider did before, and how that comes about.
func (m *Model) worth(row *quote.Row) []any {
	e, w := row.Expected, m.cfg.Words
	if e == nil || e.Ended == 0 {
		return nil
	}
	text := "By its record worth " + w.number(e.Amount, -1) + "\u00a0" + assetOf(row.Asset).Ticker + ": quoted \u00d7 " + w.number(e.DeliveryRatio, -1) + " (delivered of what it promised) \u00d7 " +
		w.number(e.CompletionOdds, -1) + " (orders that it delivered), each counted with ten orders as promised before"
	return []any{view.A("title", text)}
}

// howRanked is how the order of the list comes about.
func (m *Model) howRanked() view.Node {
	if !m.board.ByRecord {
		return view.Node{}
	}
	r := quote.TheRanking()
	return view.El("details", "", view.Key("ranked"), view.El("summary", "", "How the record counts"),
		view.El("p", "small muted", "What is quoted is multiplied by the share of what was promised that arrived, and by the odds that an order is delivered. Your newest "+
			itoa(r.Orders)+" orders at a provider count, behind "+itoa(r.Prior)+" that are taken as delivered as promised. An outlier is never the best."),
		view.El("p", "code", r.Formula), link("link", "/providers", "What each promised, and what arrived"))
}

// terms are what a price binds to, and how often the provider delivered.
func terms(row *quote.Row) string {
	text := binds(row)
	if e := row.Expected; e != nil && e.Ended > 0 {
		text += " \u00b7 delivered " + itoa(e.Delivered) + " of " + itoa(e.Ended)
	}
	return text
}

// binds is what a price binds the provider and the person to.
func binds(row *quote.Row) string {
	text := "Firm"
	if row.PriceType == "indicative" {
		text = "Indicative"
	}
	switch row.KYC {
	case "none":
		return text + ", no ID check"
	case "light":
		return text + ", light ID check"
	case "full":
		return text + ", full ID check"
	}
	return text + ", ID check not disclosed"
}

// fees are the fees of a price: the sum where they are in its currency, and each.
func (w Words) fees(row *quote.Row) (sum, parts string) {
	if len(row.Fees) == 0 {
		return "Fee not disclosed", "already taken off"
	}
	total := ""
	for i, f := range row.Fees {
		amount := w.fiat(f.Amount, f.Currency)
		if f.Currency == row.Fiat {
			total, amount = quoteui.Sum(total, f.Amount), w.number(f.Amount, -1)
		}
		parts += cond(i > 0, ", ") + f.Type + " " + amount
	}
	if total == "" {
		return "Fees", parts
	}
	return w.fiat(total, row.Fiat) + " fees", parts
}

func arrival(row *quote.Row) view.Node {
	if row.Settlement == nil {
		return quoteFact("Not disclosed", "when it arrives")
	}
	return quoteFact(span(row.Settlement.Min, row.Settlement.Max), "to arrive")
}

func span(from, to int) string {
	unit, div := "\u00a0s", 1
	switch {
	case to >= 2*86400:
		unit, div = "\u00a0days", 86400
	case to >= 2*3600:
		unit, div = "\u00a0h", 3600
	case to >= 120:
		unit, div = "\u00a0min", 60
	}
	a, b := from/div, (to+div-1)/div
	if a == b || a == 0 {
		return "Up to " + itoa(b) + unit
	}
	return itoa(a) + " to " + itoa(b) + unit
}

// buyFoot is what one can do with the chosen price. It is there from the beginning, and
// the pointer on it keeps the choice.
func (m *Model) buyFoot() view.Node {
	now := m.server()
	o, best := m.board.Chosen(now), m.board.Best(now)
	again := view.El("div", "notice-actions", button("is-small is-primary", "buy.ask", "Get new prices"))
	say := func(picture, title, text string) view.Node {
		return view.El("div", "notice is-info", icon(picture), view.El("div", "notice-body", view.El("p", "notice-title", title), view.El("p", "", text), again))
	}
	switch {
	case m.stale():
		return say("info", "You changed the form.", "These prices answer what you asked before.")
	case m.board.Expired(now) && !m.renewing():
		return say("clock", "All prices have expired.", "Nothing was requested. What you typed is kept.")
	}
	offered, _ := m.board.Counts()
	text, press := "Waiting for the first price.", button("is-primary", "buy.review:", view.Flag("disabled", true), "Request")
	switch {
	case o.Row != nil:
		text = "You review it before anything is sent."
		press = button("is-primary", "buy.review:"+o.Row.ID, "Request "+m.cfg.Words.number(o.Row.CryptoAmount, shownPlaces)+"\u00a0"+assetOf(o.Row.Asset).Ticker+" from "+o.Name)
	case o.Name != "" && best.Row != nil:
		text = o.Name + " has no price now. Wait for its next one, or choose another."
	case m.board.Done && offered == 0:
		return empty("tag", "No provider has a price", "Each one above says why, and what would change it.")
	case m.board.Done || m.board.Renewing:
		text = "New prices are on their way."
	}
	who := view.Node{}
	if o.Row != nil {
		who = m.deciders(o.Row, " short")
	}
	return view.El("div", "quotes-foot", view.On("hold", "buy.pin"), press, view.El("p", "muted small", text), view.El("div", "quotes-who", who))
}

// fixesFor offers the smallest changes that let a provider sell.
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
