package app

import (
	"strings"

	"countersign/shared/asset"
	"countersign/shared/fault"
	"countersign/shared/quote"
	"countersign/wasm/internal/approvals"
	"countersign/wasm/internal/quoteui"
)

// formLoaded takes in what the form needs, and asks for the prices that were asked
// for before it was there.
func (m *Model) formLoaded(take func()) []Command {
	before := m.formReady()
	take()
	m.defaults()
	if !before && m.formReady() && m.touched {
		return m.ask(true)
	}
	return nil
}

func (m *Model) formReady() bool { return m.providers.Loaded && m.accounts.Loaded }

// defaults fills the form once providers and accounts are known.
func (m *Model) defaults() {
	want := quoteui.Form{Fiat: "EUR", Asset: "ethereum", Country: "FR", Method: "card"}
	if len(m.accounts.Value) > 0 {
		want.Account = m.accounts.Value[0].ID
	}
	if m.form.Account == "" {
		m.form.Account = want.Account
	}
	if m.providers.Loaded {
		m.form = quoteui.Default(m.providers.Value, m.form, want, m.accountChain())
	}
}

// accountChain is the chain of the account that the form buys into; empty while
// that is not known.
func (m *Model) accountChain() string {
	for _, a := range m.accounts.Value {
		if a.ID == m.form.Account {
			return a.Chain
		}
	}
	return ""
}

func (m *Model) sayOffers(seq int) {
	if seq != m.board.Seq {
		return
	}
	offered, asked := m.board.Counts()
	s := itoa(offered) + " of " + itoa(asked) + " prices received"
	if best := m.board.Best(m.server()); best.Row != nil {
		s += ", best " + best.Name + " " + m.cfg.Words.fiat(best.Row.CryptoAmount, assetOf(best.Row.Asset).Ticker)
	}
	m.announce = s + "."
}

func (m *Model) quotesEnded(msg QuotesEnded) {
	if msg.Seq != m.board.Seq {
		return
	}
	if msg.Err != nil {
		m.quoting = asFault(msg.Err)
		if m.quoting.Code == fault.Cancelled {
			m.quoting = nil
			return
		}
		m.announce = approvals.Explain(m.quoting).Title
	}
	m.board = m.board.Finish(msg.Seq, msg.Result)
}

// plain is the amount of the form as a plain decimal.
func (m *Model) plain() (string, bool) { return m.cfg.Words.plain(m.form.Amount) }

// problems judges the form with the code that the gateway uses.
func (m *Model) problems() []quote.Problem {
	plain, ok := m.plain()
	switch {
	case m.form.Amount == "":
		return []quote.Problem{{Field: "amount", Message: "Say how much you want to spend."}}
	case !ok:
		text := "Write the amount in digits, for example 250."
		digits, _, _ := typed(m.form.Amount)
		if strings.Contains(digits, "0") && strings.Trim(digits, "0.,٫") == "" {
			text = "Write an amount of more than zero."
		}
		if whole, decimal := twoWays(digits); whole != "" {
			text = "This may be " + m.cfg.Words.number(whole, -1) + " or " + m.cfg.Words.number(decimal, -1) + ". Write " + whole + " for the first."
		}
		return []quote.Problem{{Field: "amount", Message: text}}
	case !m.providers.Loaded:
		return nil
	}
	if chain := m.accountChain(); chain != "" {
		if _, why := asset.Buyable(chain, m.form.Asset); why != "" {
			return []quote.Problem{{Field: "to", Code: quote.CodeInvalid, Message: capital(why) + "."}}
		}
	}
	for _, a := range m.accounts.Value {
		if a.ID == m.form.Account && a.NotWatched != "" {
			return []quote.Problem{{Field: "to", Code: quote.CodeInvalid, Message: capital(a.NotWatched) + "."}}
		}
	}
	return quote.Validate(m.providers.Value, m.form.Input(plain), m.cfg.Words.quotes())
}

// ask starts the stream of prices. Unless loud, an invalid form stays silent.
func (m *Model) ask(loud bool) []Command {
	m.touched = m.touched || loud
	if !m.formReady() {
		return nil // formLoaded asks
	}
	if list := m.problems(); len(list) > 0 {
		m.board = quoteui.Board{Seq: m.board.Seq + 1}
		if loud {
			m.announce = list[0].Message
		}
		return []Command{StopQuotes{}}
	}
	plain, _ := m.plain()
	var able []quote.Provider
	able = append(able, m.providers.Value...)
	m.board = m.board.Ask(able)
	m.asked, m.quoting = m.form, nil
	return []Command{AskQuotes{Seq: m.board.Seq, Input: m.form.Input(plain), Account: m.form.Account}}
}
