package app

import (
	"countersign/shared/wire"
	"countersign/wasm/internal/view"
)

// deposits lists what came to addresses of the vault, to the last digit.
func (m *Model) deposits(all []wire.Deposit, title, sub string) view.Node {
	if len(all) == 0 {
		return view.Node{}
	}
	var rows []view.Node
	for _, d := range all {
		from := view.El("span", "muted small", "Seen in the balance: no transaction shows it")
		if d.TxHash != "" {
			from = labelled("Transaction", identifier(d.TxHash))
		}
		rows = append(rows, view.El("div", "fact", view.Key(d.ID), view.El("dt", "", m.cfg.Words.moment(d.At, m.server(), "")),
			view.El("dd", "", view.El("div", "stack is-tight", m.cfg.Words.exact(d.Amount, assetOf(d.Asset).Ticker, ""),
				view.El("div", "cluster", depositState(d), depositFor(d)), from, labelled("To", address(d.Address))))))
	}
	return card(title, sub, view.El("dl", "facts", rows))
}

func labelled(label string, what view.Node) view.Node {
	return view.El("div", "labelled", view.El("span", "muted small", label), what)
}

func depositState(d wire.Deposit) view.Node {
	switch d.State {
	case wire.DepositFinal:
		return badge("is-positive", "check", "Booked")
	case wire.DepositReversed:
		return badge("is-negative", "alert", "Taken back by the chain")
	}
	return badge("is-accent", "clock", itoa(int(d.Confirmations))+" of "+itoa(int(d.Needed))+" confirmations")
}

// depositFor says what a deposit is for, as far as somebody asked for it.
func depositFor(d wire.Deposit) view.Node {
	switch {
	case d.Order != "":
		return link("link small", "/orders/"+d.Order, "Order")
	case d.State == wire.DepositFinal && d.Request != "":
		return view.El("span", "small", "Received, not asked for, to the address of a ", link("link", "/requests/"+d.Request, "request"))
	case d.State == wire.DepositFinal:
		return view.El("span", "small", "Received, not asked for")
	}
	return view.Node{}
}
