package app

import (
	"strings"

	"countersign/shared/fault"
	"countersign/shared/wire"
	"countersign/wasm/internal/approvals"
	"countersign/wasm/internal/quoteui"
	"countersign/wasm/internal/view"
)

var orderStates = map[string]stateWord{
	wire.OrderCreated:    {"Ready to pay", "is-warning", "clock"},
	wire.OrderRedirected: {"At the provider", "is-accent", "external"},
	wire.OrderPending:    {"Waiting for payment", "is-accent", "external"},
	wire.OrderOnHold:     {"On hold", "is-warning", "alert"},
	wire.OrderProcessing: {"Arriving", "is-accent", "arrow"},
	wire.OrderCompleted:  {"Delivered", "is-positive", "check"},
	wire.OrderFailed:     {"Failed", "is-negative", "alert"},
	wire.OrderExpired:    {"Not paid in time", "", "clock"},
	wire.OrderRefunded:   {"Paid back", "", "back"},
}

func (m *Model) ordersPage() view.Node {
	return page("", head("Orders", "What providers promised, and what arrived."),
		list(m.orders, len(m.orders.Value),
			empty("orders", "No orders yet", "An approved request becomes an order when you continue to its provider.", link("button", "/requests", "Show requests")),
			func() view.Node {
				var rows []view.Node
				for _, o := range m.orders.Value {
					sub := o.ProviderName + " · " + m.cfg.Words.when(o.CreatedAt, m.server())
					shown := m.cfg.Words.crypto(o.Promised.Amount, o.Promised.Asset, "")
					if o.Delivered != nil {
						shown = m.cfg.Words.crypto(o.Delivered.Amount, o.Delivered.Asset, "")
					}
					rows = append(rows, view.El("li", "", view.Key(o.ID), link(classes("row", cond(o.State == wire.OrderCompleted, "is-done")), "/orders/"+o.ID,
						view.El("div", "row-main", view.El("span", "row-title", m.cfg.Words.fiat(o.Fiat.Amount, o.Fiat.Currency)+" of "+assetOf(o.Promised.Asset).Name), view.El("span", "row-sub", sub)),
						view.El("div", "row-end", shown, stateBadge(orderStates, o.State)), icon("chevron"))))
				}
				return view.El("ul", "list", rows)
			}))
}

func (m *Model) orderPage() view.Node {
	back := link("back", "/orders", icon("back"), "Orders")
	l := m.order[m.route.ID]
	if !l.Loaded {
		if l.Err != nil {
			return page("is-narrow", back, head("Order", ""), notice(approvals.Explain(l.Err), "refresh"))
		}
		return page("is-narrow", back, head("Order", ""), skeletons(3))
	}
	o := l.Value
	trouble := view.Node{}
	if l.Err != nil {
		trouble = notice(approvals.Explain(l.Err), "refresh")
	}
	again := view.Node{}
	if _, over := ended[o.State]; o.Again != nil && (over || o.State == wire.OrderCompleted) {
		again = button("is-small", "order.again:"+o.ID, "Buy again")
	}
	return page("is-narrow", back,
		view.El("div", "page-head", view.El("div", "",
			view.El("h1", "page-title", m.cfg.Words.fiat(o.Fiat.Amount, o.Fiat.Currency)+" of "+assetOf(o.Promised.Asset).Name+" from "+o.ProviderName),
			view.El("div", "cluster", stateBadge(orderStates, o.State), identifier(o.ID))), again),
		trouble, m.handOff(o), m.promised(o), m.timeline(o), m.deposits(o.Deposits, "Arrived", "Everything that came to this order's address."), m.orderDetails(o), history(m, o.History))
}

// handOff continues at the provider, with a ticket that works once.
func (m *Model) handOff(o wire.Order) view.Node {
	operation := "ticket " + o.ID
	err := m.failed[operation]
	trouble := view.Node{}
	if err != nil {
		p, action := approvals.Explain(err), "order.continue:"+o.ID
		switch p.Remedy {
		case approvals.Requote:
			return m.requote(p, err.Details["new"], o.Minimum, o.Promised.Asset, o.ID)
		case approvals.Refresh:
			action = "refresh"
			fallthrough
		default:
			trouble = notice(p, action)
		}
	}
	switch {
	case o.State == wire.OrderCompleted:
		return view.Node{}
	case o.UseBy != nil && !m.server().Before(*o.UseBy):
		return card("The approval has ended", "", view.El("div", "spread",
			view.El("p", "", "Nothing more can be paid under it. What was paid in time is still booked when it arrives."), askAgain("", o.ID)))
	case o.State == wire.OrderProcessing || o.State == wire.OrderOnHold || err != nil && err.Code == fault.DepositSeen:
		return m.payAgain(o, trouble)
	}
	text := "A new tab opens with a link that works once. This page shows when the funds arrive."
	if o.State == wire.OrderRedirected {
		text = "You were handed over. If you closed the provider's page, continue again; the address stays the same. This page shows when the funds arrive."
	}
	class := "is-primary"
	if o.State == wire.OrderRedirected {
		class = ""
	}
	same := view.Node{}
	if t := m.tickets[o.ID]; t.URL != "" && o.State == wire.OrderCreated && m.server().Before(t.ExpiresAt) {
		same = view.El("a", "button", view.A("href", t.URL), "Open in this tab")
		text = "A new tab opens with a link that works once. If none did, the browser blocked it: open it in this tab. This page shows when the funds arrive."
	}
	if word, ok := ended[o.State]; ok {
		text = o.ProviderName + " says that " + word + ". While the approval lasts you can continue there again; what arrives all the same is booked."
	}
	return view.El("section", "card is-attention", view.El("div", "card-head", view.El("h2", "card-title", "Pay at "+o.ProviderName)),
		view.El("div", "card-body", view.El("div", "stack", trouble, view.El("p", "", text, m.useBy(o.UseBy)),
			view.El("div", "cluster", working(class, "order.continue:"+o.ID, m.busy[operation], "Continue to "+o.ProviderName, "Opening"), same))))
}

// onlySaid reports whether the provider has the payment by its own word alone.
func onlySaid(o wire.Order) bool { return len(o.Deposits) == 0 && o.AtProvider != nil }

// ended is what a provider says of an order that it will not deliver.
var ended = map[string]string{wire.OrderFailed: "it will not deliver", wire.OrderExpired: "it was not paid in time", wire.OrderRefunded: "it paid back what was paid"}

// askAgain asks for prices of what a request or an order was for.
func askAgain(class, of string) view.Node {
	return button(class, "order.again:"+of, "Ask for prices again")
}

// payAgain is what is left once a deposit was seen: nothing to do, unless somebody
// says in so many words that they want to pay a second time.
func (m *Model) payAgain(o wire.Order, trouble view.Node) view.Node {
	what, next := "A deposit was seen", "There is nothing to do: this page shows when it is final."
	if onlySaid(o) {
		what, next = o.ProviderName+" has the payment", "There is nothing to do here: this page shows when the funds arrive."
		if o.State == wire.OrderOnHold {
			next = "It examines the payment, and may ask for something on its own page or by mail. This page shows when it goes on."
		}
	}
	if m.confirm != o.ID {
		return card(what, "", view.El("div", "stack", trouble, view.El("div", "spread",
			view.El("p", "", next), button("is-quiet", "order.payagain:"+o.ID, "Pay again"))))
	}
	return view.El("section", "card is-attention", view.El("div", "card-head", view.El("h2", "card-title", "Pay a second time?")),
		view.El("div", "card-body", view.El("div", "stack",
			view.El("p", "", what+". If you pay now, you pay twice for one approval. What arrives is booked; nothing sends it back."),
			view.El("div", "cluster", working("is-primary is-danger", "order.payagain:"+o.ID, m.busy["ticket "+o.ID], "Pay a second time", "Opening"), button("is-quiet", "decide.back", "Back")))))
}

// promised compares to the last digit.
func (m *Model) promised(o wire.Order) view.Node {
	w, unit := m.cfg.Words, assetOf(o.Promised.Asset).Ticker
	second := view.El("div", "compare-cell", view.El("span", "eyebrow", "Delivered"), view.El("span", "muted", "Not yet"))
	diff := view.Node{}
	if o.Pending != "" {
		second.Kids = append(second.Kids, view.El("span", "muted small", "On its way: ", w.number(o.Pending, -1)+" "+unit))
	}
	if o.Delivered != nil {
		second = view.El("div", "compare-cell", view.El("span", "eyebrow", "Delivered"), w.exact(o.Delivered.Amount, unit, "is-medium"))
		d := o.Difference
		if d == "" {
			d = quoteui.Diff(o.Delivered.Amount, o.Promised.Amount)
		}
		text := "Delivered exactly as promised."
		if quoteui.Compare(o.Delivered.Amount, o.Promised.Amount) != 0 {
			text = "Difference " + w.number(d, -1) + "\u00a0" + unit
			switch {
			case strings.Trim(o.DifferencePct, "+-0.") == "" && o.DifferencePct != "":
				text += " (less than " + w.number("0.01", -1) + " %)"
			case o.DifferencePct != "":
				text += " (" + w.number(o.DifferencePct, -1) + " %)"
			}
			text += "."
		}
		mark := view.Node{}
		if o.BelowMinimum {
			mark = badge("is-negative", "alert", "Less than was approved")
		}
		diff = view.El("div", "compare-diff", text, mark)
	}
	return card("Promised and delivered", "", view.El("div", "compare",
		view.El("div", "compare-cell", view.El("span", "eyebrow", "Promised"), w.exact(o.Promised.Amount, unit, "is-medium")), second, diff))
}

func (m *Model) timeline(o wire.Order) view.Node {
	seen := "Something came to the vault's address."
	if o.State == wire.OrderProcessing {
		seen = "Something came to the vault's address: not yet final, or not yet enough."
	}
	names := []struct{ state, title, next, done string }{
		{wire.OrderCreated, "Order made", "", "The price was checked and the address fixed."},
		{wire.OrderRedirected, "Handed over", "You continue to " + o.ProviderName + " and pay there.", "You pay at " + o.ProviderName + "."},
		{wire.OrderProcessing, "Seen on chain", "What comes to the vault's address shows here.", seen},
		{wire.OrderCompleted, "Delivered", "Waits until enough is final on chain.", "Final on chain and booked in the account."},
	}
	at := 1 // what its provider says of it alone
	for i, n := range names {
		if n.state == o.State && (o.State != wire.OrderProcessing || !onlySaid(o)) {
			at = i
		}
	}
	var steps []view.Node
	for i, n := range names {
		s := approvals.Step{Title: n.title}
		switch {
		case i <= at:
			s.Status, s.Text = approvals.Done, n.done
		case i == at+1:
			s.Status, s.Text = approvals.Current, n.next
		}
		steps = append(steps, stepItem(i, s))
	}
	return card("Progress", "", view.El("ol", "steps", steps))
}

func (m *Model) orderDetails(o wire.Order) view.Node {
	tx := view.Node{}
	if o.TxHash != "" {
		tx = fact("Transaction", identifier(o.TxHash))
	}
	return card("Details", "", view.El("dl", "facts",
		fact("You pay", m.cfg.Words.fiat(o.Fiat.Amount, o.Fiat.Currency)),
		fact("Provider", link("link", "/providers/"+o.Provider, o.ProviderName)),
		fact("Approved minimum", m.cfg.Words.exact(o.Minimum, assetOf(o.Promised.Asset).Ticker, "")),
		fact("To address", address(o.Address)), tx,
		fact("Request", link("link", "/requests/"+o.Request, "Show the request")),
		fact("Account", link("link", "/accounts/"+o.Account, or(m.accountOf(o.Account).Name, o.Account)))))
}
