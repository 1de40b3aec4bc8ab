package app

import (
	"strings"

	"countersign/shared/asset"
	"countersign/shared/governance"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/wasm/internal/approvals"
	"countersign/wasm/internal/view"
)

func (m *Model) accountsPage() view.Node {
	return page("", head("Accounts", "What the vault holds."),
		list(m.accounts, len(m.accounts.Value),
			empty("accounts", "No accounts yet", "Accounts are made in the vault's genesis. Ask your administrator."),
			func() view.Node {
				var rows []view.Node
				for _, a := range m.accounts.Value {
					end := []view.Node{view.El("span", "muted", "Empty")}
					if len(a.Balances) > 0 {
						end = nil
					}
					for _, b := range a.Balances {
						end = append(end, m.cfg.Words.crypto(b.Amount, b.Asset, ""))
					}
					rows = append(rows, view.El("li", "", view.Key(a.ID), link("row", "/accounts/"+a.ID, icon("bank"),
						view.El("div", "row-main", view.El("span", "row-title", a.Name), view.El("span", "row-sub", chainOf(a.Chain))),
						view.El("div", "row-end", end), icon("chevron"))))
				}
				return view.El("ul", "list", rows)
			}))
}

func (m *Model) accountPage() view.Node {
	back := link("back", "/accounts", icon("back"), "Accounts")
	l := m.account[m.route.ID]
	if !l.Loaded {
		if l.Err != nil {
			return page("", back, head("Account", ""), notice(approvals.Explain(l.Err), "refresh"))
		}
		return page("", back, head("Account", ""), skeletons(3))
	}
	a := l.Value
	var balances []view.Node
	for _, b := range a.Balances {
		balances = append(balances, view.El("div", "figure", view.El("span", "eyebrow", assetOf(b.Asset).Name),
			m.cfg.Words.exact(b.Amount, assetOf(b.Asset).Ticker, "is-hero")))
	}
	if len(balances) == 0 {
		balances = append(balances, view.El("div", "figure", view.El("span", "eyebrow", "Balance"), view.El("span", "amount is-hero", view.El("span", "amount-value", "0")),
			view.El("p", "muted", "Nothing has arrived yet.")))
	}
	return page("", back, head(a.Name, chainOf(a.Chain), view.If(!m.cfg.NoSend, link("button", "/send/"+a.ID, "Send from this account")), link("button is-primary", "/buy", "Buy into this account")),
		view.El("div", "stack is-loose", unwatched(a), balances, m.deposits(a.Deposits, "Received", "Everything that arrived at an address of the vault, with or without an order."),
			m.addresses(a), lent("books", a.ID), m.ledger(a), m.accountRules(a)))
}

// unwatched says why nothing can be bought into the account at present.
func unwatched(a wire.Account) view.Node {
	if a.NotWatched == "" {
		return view.Node{}
	}
	return view.El("div", "notice is-negative", view.A("role", "status"), icon("alert"),
		view.El("div", "notice-body", view.El("p", "notice-title", "Nothing can be bought into this account at present"), view.El("p", "", capital(a.NotWatched)+".")))
}

func (m *Model) addresses(a wire.Account) view.Node {
	rows := []view.Node{view.El("div", "fact", view.El("dt", "", "Account address"),
		view.El("dd", "", view.El("div", "stack is-tight", address(a.Address), badge("is-positive", "shield", "Key in the vault"))))}
	return card("Receive", "At the account's own address. A purchase does not arrive here: its request shows an address of its own.",
		view.El("dl", "facts", rows), lent("receive", a.Chain+" "+a.Address+" "+asset.ChainName(a.Chain)))
}

func (m *Model) ledger(a wire.Account) view.Node {
	if len(a.Entries) == 0 {
		return card("Ledger", "", view.El("p", "muted", "No entries yet."))
	}
	cell := func(label, class string, parts ...any) view.Node {
		return view.El("td", class, append([]any{view.A("data-label", label)}, parts...)...)
	}
	var rows []view.Node
	for _, e := range a.Entries {
		for i, p := range e.Postings {
			when, text := view.Node{}, view.Node{}
			if i == 0 {
				when, text = m.cfg.Words.moment(e.At, m.server(), "nowrap"), view.El("span", "", e.Text)
			}
			debit, credit := view.Node{}, view.Node{}
			sum := m.cfg.Words.exact(p.Amount, assetOf(p.Asset).Ticker, "")
			if p.Side == "debit" {
				debit = sum
			} else {
				credit = sum
			}
			rows = append(rows, view.El("tr", "", view.Key(e.ID+itoa(i)), cell("When", "", when), cell("What", "", text),
				cell("Ledger", "mono small", p.Ledger), cell("Debit", "num", debit), cell("Credit", "num", credit)))
		}
	}
	th := func(s, class string) view.Node { return view.El("th", class, view.A("scope", "col"), s) }
	return flush("Ledger", "Double entry: every booking adds up to zero.",
		view.El("div", "table-wrap", view.A("tabindex", "0"), view.A("role", "region"), view.A("aria-label", "Ledger"),
			view.El("table", "table is-stack", view.El("thead", "", view.El("tr", "", th("When", ""), th("What", ""), th("Ledger", ""), th("Debit", "num"), th("Credit", "num"))),
				view.El("tbody", "", rows))))
}

func (m *Model) accountRules(a wire.Account) view.Node {
	var rows []view.Node
	for _, r := range a.Rules.Rules {
		rows = append(rows, view.El("li", "", view.El("div", "row", icon("users"), view.El("div", "row-main", view.El("span", "row-title", r.Name), view.El("span", "row-sub", ruleText(m, r)+cond(!r.Deny, "; usable for "+statement.GovernedBy{UseWithin: r.UseWithin}.Use()))))))
	}
	if len(rows) == 0 {
		return view.Node{}
	}
	return flush("Rules", "A rule that refuses comes first. Of the others, the first that fits decides who must approve.", view.El("ul", "list", rows))
}

// ruleText says a rule in words.
func ruleText(m *Model, r governance.Rule) string {
	if r.Deny {
		return "Refused" + m.condition(r)
	}
	text := ""
	if c := r.Creation; c != nil {
		text = "Sent by one of " + electorate(m, c.Members, c.Group) + ", then "
	}
	for i, s := range r.Steps {
		if i > 0 {
			text += ", then "
		}
		text += stepText(m, s)
		if s.ExcludeInitiator {
			text += ", without whoever asked" + cond(r.Creation == nil, " (refused: nothing proves who asked)")
		}
	}
	return text + m.condition(r)
}

// stepText says a step in words.
func stepText(m *Model, s governance.Step) (text string) {
	if s.Delay > 0 {
		return "a pause of " + statement.GovernedBy{UseWithin: s.Delay}.Use()
	}
	for i, q := range s.Quorums() {
		text += cond(i > 0, " or ") + itoa(q.Quorum) + " of " + electorate(m, q.Members, q.Group)
	}
	if s.Reviewer != "" {
		return m.name(s.Reviewer) + cond(text != "", ", which may leave it to "+text)
	}
	return text
}

// electorate names the members and the group of a step.
func electorate(m *Model, members []string, group string) (names string) {
	for i, k := range members {
		names += cond(i > 0, ", ") + m.name(k)
	}
	if group != "" {
		names = join(names, "the group "+group)
	}
	return names
}

// condition is for which amounts a rule is.
func (m *Model) condition(r governance.Rule) (text string) {
	for _, c := range r.When {
		if c.Amount == nil {
			continue
		}
		if text = ", "; c.Amount.Min != "" {
			text += "from " + m.cfg.Words.money(c.Amount.Min, c.Amount.Currency) + " "
		}
		if c.Amount.Max != "" {
			text += "up to " + m.cfg.Words.money(c.Amount.Max, c.Amount.Currency)
		}
		return strings.TrimRight(text, ", ")
	}
	return ""
}

// money is an amount of a currency, or of an asset, whose id stands in its place.
func (w Words) money(amount, of string) string {
	if a, ok := asset.ByID(of); ok {
		return w.number(amount, -1) + " " + a.Ticker
	}
	return w.fiat(amount, of)
}
