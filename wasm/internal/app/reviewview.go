package app

import (
	"countersign/shared/asset"
	"countersign/shared/quote"
	"countersign/wasm/internal/approvals"
	"countersign/wasm/internal/quoteui"
	"countersign/wasm/internal/view"
)

// leastPart is the part of a quote that a request accepts as the least, in percent.
const leastPart = 99

// reviewPage is the step before a request: the one price that was chosen, to the last
// digit, what is said about it, who will decide and until when. The price never changes
// by itself here.
func (m *Model) reviewPage(row *quote.Row) view.Node {
	w, unit := m.cfg.Words, assetOf(row.Asset).Ticker
	operation := "request " + row.ID
	trouble := view.Node{}
	if err := m.failed[operation]; err != nil {
		trouble = notice(approvals.Explain(err), "buy.request:"+row.ID)
	}
	account := m.accountOf(m.asked.Account)
	rest := row.ExpiresAt.Sub(m.server())
	ended := rest <= 0 && m.keys[operation] == ""
	price := "Firm, for another " + left(rest)
	if row.PriceType == "indicative" {
		price = "Indicative: " + row.ProviderName + " says the last price when you pay. Shown for another " + left(rest)
	}
	if rest <= 0 {
		price = "Ended"
	}
	_, fees := w.fees(row)
	press := view.El("div", "cluster", working("is-primary", "buy.request:"+row.ID, m.busy[operation], "Send to the approvers", "Sending"), button("is-quiet", "buy.back", "Back to the prices"))
	if ended {
		press = m.renewed(row)
	}
	return page("is-narrow", view.El("button", "back", view.A("type", "button"), view.On("click", "buy.back"), icon("back"), "Prices"),
		head("Review the request", "Nothing has been sent. The approvers decide; then you pay at the provider."),
		view.El("section", "card is-attention", view.A("tabindex", "-1"), view.Flag("focus", true), view.A("aria-label", "The request"), view.El("div", "card-body", view.El("div", "stack",
			view.El("p", "lead", "Buy ", w.exact(row.CryptoAmount, unit, ""), " for ", view.El("strong", "nowrap", w.fiat(row.FiatAmount, row.Fiat)),
				" from ", view.El("strong", "", row.ProviderName), " into ", view.El("strong", "", or(account.Name, m.asked.Account))),
			view.El("dl", "facts",
				fact("You pay", w.fiat(row.FiatAmount, row.Fiat)+", "+methodName(m.asked.Method)),
				fact("Fees", fees),
				fact("Not less than", w.exact(quoteui.Part(row.CryptoAmount, leastPart), unit, "")),
				fact("On chain", asset.ChainName(account.Chain)),
				fact("Price", price)),
			m.deciders(row, ""),
			m.whyField("purpose", "What it is for (optional)", m.form.Purpose, "Approvers read it as your words.", operation),
			m.whyField("reference", "Your reference (optional)", m.form.Reference, "Such as the number of an invoice. The provider is told neither.", operation),
			trouble, press))))
}

// renewed stands where one would send a request for a price that has ended.
func (m *Model) renewed(row *quote.Row) view.Node {
	w, unit := m.cfg.Words, assetOf(row.Asset).Ticker
	now := m.board.Of(row.Provider)
	if !now.Valid(m.server()) || now.Row.ID == row.ID {
		return view.El("div", "stack is-tight", view.El("p", "strong", "This price has ended. Nothing was sent."),
			view.El("div", "cluster", working("is-primary", "buy.ask", m.board.Renewing, "Get new prices", "Asking again"), button("is-quiet", "buy.back", "Back to the prices")))
	}
	return view.El("div", "stack is-tight", view.El("p", "strong", "This price has ended. "+row.ProviderName+" has a new one."), w.compare("Price that ended", row.CryptoAmount, "Price now", now.Row.CryptoAmount, unit),
		view.El("div", "cluster", button("is-primary", "buy.review:"+now.Row.ID, "Take the new price"), button("is-quiet", "buy.back", "Back to the prices")))
}

// compare sets two amounts side by side, with their difference.
func (w Words) compare(was, before, is, after, unit string) view.Node {
	diff := quoteui.Diff(after, before)
	tone := "is-positive"
	if diff[0] == '-' {
		tone = "is-negative"
	}
	return view.El("div", "compare",
		view.El("div", "compare-cell", view.El("span", "eyebrow", was), w.exact(before, unit, "")),
		view.El("div", "compare-cell", view.El("span", "eyebrow", is), w.exact(after, unit, "")),
		view.El("div", "compare-diff", "Difference", w.exact(diff, unit, tone)))
}

// deciders is where the page says who must approve, and until when, as the vault's own
// rules answer: the loader asks and shows it.
func (m *Model) deciders(row *quote.Row, how string) view.Node {
	return lent("dry", row.ID+" "+m.asked.Account+how)
}

// whyField is what the asker says about a request. It is closed while a request may have
// been made that says it.
func (m *Model) whyField(name, label, value, hint, operation string) view.Node {
	return view.El("div", "field", view.El("label", "field-label", view.A("for", name), label),
		view.El("input", "input", view.A("id", name), view.A("name", name), view.A("type", "text"), view.A("autocomplete", "off"), view.A("maxlength", "140"),
			view.A("aria-describedby", name+"-hint"), view.Flag("disabled", m.keys[operation] != ""), view.Prop("value", value), view.On("input", "buy."+name)),
		view.El("p", "field-hint", view.A("id", name+"-hint"), hint))
}
