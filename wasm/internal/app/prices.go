package app

import (
	"countersign/shared/asset"
	"countersign/shared/fault"
	"countersign/shared/quote"
	"countersign/shared/wire"
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
func (m *Model) accountChain() string { return m.accountOf(m.form.Account).Chain }

// accountOf is an account of the list by its id; without one its zero.
func (m *Model) accountOf(id string) wire.Account {
	for _, a := range m.accounts.Value {
		if a.ID == id {
			return a
		}
	}
	return wire.Account{}
}

func (m *Model) sayOffers(seq int) {
	if seq != m.board.Seq || m.board.Renewing {
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
func (m *Model) plain() (string, bool) { return plainAmount(m.form.Amount) }

// regroup writes the amount as the page writes numbers, once the person is done with it.
// The prices are still for it.
func (m *Model) regroup() {
	text, ok := m.plain()
	if !ok {
		return
	}
	same := !m.stale()
	m.form.Amount = m.cfg.Words.number(text, -1)
	if same {
		m.asked = m.form
	}
}

// problems judges the form with the code that the gateway uses.
func (m *Model) problems() []quote.Problem {
	text, ok := m.plain()
	amount := func(message string) []quote.Problem { return []quote.Problem{{Field: "amount", Message: message}} }
	switch all := readings(m.form.Amount); {
	case m.form.Amount == "":
		return amount("Say how much you want to spend.")
	case len(all) == 2:
		return amount("Which of the two do you mean?")
	case len(all) == 0:
		return amount("Write the amount in digits, for example 250.")
	case all[0] == "0":
		return amount("Write an amount of more than zero.")
	case !ok:
		return amount("The amount is too large.")
	case !m.providers.Loaded:
		return nil
	}
	if chain := m.accountChain(); chain != "" {
		if _, why := asset.Buyable(chain, m.form.Asset); why != "" {
			return []quote.Problem{{Field: "to", Code: quote.CodeInvalid, Message: capital(why) + "."}}
		}
	}
	if why := m.accountOf(m.form.Account).NotWatched; why != "" {
		return []quote.Problem{{Field: "to", Code: quote.CodeInvalid, Message: capital(why) + "."}}
	}
	return quote.Validate(m.providers.Value, m.form.Input(text), m.cfg.Words.quotes())
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
	text, _ := m.plain()
	m.board = m.board.Ask(append([]quote.Provider(nil), m.providers.Value...), m.server())
	m.asked, m.quoting, m.renewals = m.form, nil, 0
	if loud {
		m.reveal++
	}
	return []Command{AskQuotes{Seq: m.board.Seq, Input: m.form.Input(text), Account: m.form.Account}}
}

// maxRenewals is how often prices are asked for again by themselves before the person
// says that they are still wanted.
const maxRenewals = 20

// renewing reports whether the prices that are shown will be asked for again.
func (m *Model) renewing() bool {
	return m.route.Screen == Buy && m.board.Open && !m.stale() && m.quoting == nil && m.online && !m.hidden && m.renewals < maxRenewals
}

// renew asks for the prices again when they are due.
func (m *Model) renew() []Command {
	at := m.board.RenewAt()
	if !m.renewing() || at.IsZero() || m.server().Before(at) {
		return nil
	}
	text, ok := plainAmount(m.asked.Amount)
	if !ok {
		return nil
	}
	m.renewals++
	m.board = m.board.Renew(m.server())
	return []Command{AskQuotes{Seq: m.board.Seq, Input: m.asked.Input(text), Account: m.asked.Account}}
}
