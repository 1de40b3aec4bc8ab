package app

import (
	"strings"
	"time"
)

// actBuy does what the person asked for on the screen that buys.
func (m *Model) actBuy(name, arg, value string) []Command {
	m.renewals = 0 // the person is here
	switch name {
	case "buy.field":
		m.form = m.form.Set(arg, value)
		return m.changed(arg != "amount")
	case "buy.regroup":
		m.regroup()
		return []Command{SaveForm{m.form}}
	case "buy.amount":
		m.form = m.form.Set("amount", arg)
		return m.changed(true)
	case "buy.fix":
		for change := range strings.SplitSeq(arg, "&") {
			field, to, _ := strings.Cut(change, "=")
			m.form = m.form.Set(field, to)
		}
		m.defaults()
		return append(m.ask(true), SaveForm{m.form})
	case "buy.ask":
		return append(m.ask(true), SaveForm{m.form})
	case "buy.select":
		m.board = m.board.Select(arg)
	case "buy.nth":
		m.nth(arg)
	case "buy.pin":
		if value == "true" { // what is about to be pressed stays what it is
			m.board = m.board.Select(m.board.Chosen(m.server()).Provider)
		}
	case "buy.hold":
		m.board = m.board.HoldPrices(!m.board.Hold)
		m.announce = "Prices move again."
		if m.board.Hold {
			m.announce = "No price changes its place. Prices are still renewed."
		}
	case "buy.stay":
		m.board = m.board.Stay(value == "true")
	case "buy.rank":
		m.board = m.board.Rank(!m.board.ByRecord)
		m.announce = "Prices are ranked as quoted."
		if m.board.ByRecord {
			m.announce = "Prices are ranked by what is expected of each provider, by its record."
		}
	case "buy.show":
		m.board = m.board.Show()
	case "buy.review":
		return m.look(arg)
	case "buy.back":
		m.review = nil
	case "buy.purpose", "buy.reference":
		m.form = m.form.Set(name[len("buy."):], value)
		return []Command{SaveForm{m.form}}
	case "buy.request":
		return m.pin(arg)
	}
	return nil
}

// nth chooses the n-th price, by its key.
func (m *Model) nth(n string) {
	if len(n) != 1 || m.route.Screen != Buy || m.review != nil {
		return
	}
	provider := m.board.Nth(int(n[0] - '0'))
	if provider == "" {
		return
	}
	m.board = m.board.Select(provider)
	o := m.board.Of(provider)
	m.announce = o.Name + ", " + m.cfg.Words.fiat(o.Row.CryptoAmount, assetOf(o.Row.Asset).Ticker) + "."
}

// chose tells the page around which price the person has chosen, or was about to: each
// once, and the one that takes its place when prices are renewed.
func (m *Model) chose() []Command {
	row := m.board.Of(m.board.Selected).Row
	if row == nil || row.ID == m.quoted {
		return nil
	}
	m.quoted = row.ID
	return []Command{Tell{TellQuote, Choice{Row: row, Account: m.asked.Account}}}
}

// look opens the step before a request, for the price that was on the button. When
// another one has come since, that is shown first.
func (m *Model) look(quote string) []Command {
	o := m.board.Chosen(m.server())
	if o.Row == nil || o.Row.ID != quote || m.stale() {
		m.announce = "The price has changed. Look at it once more."
		return nil
	}
	m.board = m.board.Select(o.Provider)
	m.review = o.Row
	return nil
}

// changed keeps the form and, when prices are shown, asks again after a pause.
func (m *Model) changed(soon bool) []Command {
	m.defaults()
	m.typing++
	delay := 600 * time.Millisecond
	if soon {
		delay = 0
	}
	return []Command{SaveForm{m.form}, After{Delay: delay, Name: pauseTyping, Seq: m.typing}}
}

// pin asks for a governed request for the quote that was looked at.
func (m *Model) pin(quote string) []Command {
	if m.review == nil || m.review.ID != quote {
		return nil
	}
	operation := "request " + quote
	key, ok := m.operation(operation)
	if !ok {
		return nil
	}
	return []Command{MakeRequest{Operation: operation, Key: key, Quote: quote, Account: m.asked.Account, Purpose: words(m.form.Purpose), Reference: words(m.form.Reference)}}
}

// words are typed words without blanks around them and with one between them.
func words(s string) string { return strings.Join(strings.Fields(s), " ") }

// stale reports whether the form has changed since the prices were asked for.
func (m *Model) stale() bool { return !m.form.Asks(m.asked) }
