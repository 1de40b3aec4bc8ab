package app

import (
	"strings"
	"time"

	"countersign/shared/asset"
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/quote"
	"countersign/shared/wire"
	"countersign/wasm/internal/approvals"
	"countersign/wasm/internal/quoteui"
)

// Names of pauses, for After.
const (
	pauseTyping = "typing" // after the last change of the form
	PausePoll   = "poll"   // between looks at something that changes by itself
)

// pollEvery is how often a screen that waits for others looks again.
const pollEvery = 4 * time.Second

// Update is the only place where the model changes.
func (m *Model) Update(msg Msg) []Command {
	switch msg := msg.(type) {
	case Started:
		return m.start(msg)
	case Acted:
		return m.act(msg)
	case Tick:
		m.now = msg.Now
		m.countdown()
	case ClockSet:
		m.skew, m.measured = msg.Skew, true
	case TokenChanged:
		m.token = msg.Status
	case Visible:
		m.hidden = !msg.On
		if msg.On {
			return append(append(append(m.reconnect(), MeasureClock{}), m.enter(true)...), m.listen()...)
		}
		return m.deaf()
	case NetworkChanged:
		was := m.online
		m.online = msg.Online
		if m.online && !was {
			m.announce = "Online again."
			return append(append([]Command{MeasureClock{}}, m.enter(true)...), m.listen()...)
		}
	case Loaded:
		was := m.unanswered()
		cmds := m.loaded(msg)
		if was && !m.unanswered() {
			m.answers()
		}
		return cmds
	case Listening:
		return m.listening(msg)
	case Changed:
		return m.told(msg.Change)
	case OfferCame:
		m.board = m.board.Put(msg.Seq, msg.Offer)
		m.sayOffers(msg.Seq)
	case QuotesEnded:
		m.quotesEnded(msg)
	case RequestMade:
		return m.requestMade(msg)
	case OrderMade:
		return m.orderMade(msg)
	case BridgeChanged, DevicesChanged, PromptChanged, PromptShown, DecisionMoved, DecisionEnded, BatchMoved, ItemEnded:
		return m.bridged(msg)
	case Waited:
		return m.waited(msg)
	}
	return nil
}

func (m *Model) start(msg Started) []Command {
	m.route = ParseRoute(msg.Path)
	m.bridge.Paired = msg.Paired
	if msg.Form != nil {
		m.form = *msg.Form
	}
	cmds := []Command{Load{What: TheEntity}, Load{What: TheProviders}, Load{What: TheAccounts}, Load{What: TheRequests}, MeasureClock{}}
	m.providers.Asked, m.accounts.Asked, m.requests.Asked = true, true, true
	if msg.Paired {
		m.bridge.State = BridgeConnecting
		cmds = append(cmds, ConnectBridge{})
	}
	cmds = append(cmds, After{Delay: pollEvery, Name: PausePoll})
	return append(cmds, m.enter(false)...)
}

// enter loads what the current screen shows.
func (m *Model) enter(again bool) []Command {
	var cmds []Command
	list := func(what What, asked *bool) {
		if again || !*asked {
			*asked = true
			cmds = append(cmds, Load{What: what})
		}
	}
	switch m.route.Screen {
	case Buy:
		list(TheProviders, &m.providers.Asked)
		list(TheAccounts, &m.accounts.Asked)
	case Requests:
		if m.route.ID != "" {
			cmds = append(cmds, Load{What: TheRequest, ID: m.route.ID})
			cmds = append(cmds, m.askDevices()...)
			cmds = append(cmds, m.preview()...)
		}
		list(TheRequests, &m.requests.Asked)
	case Orders:
		if m.route.ID != "" {
			cmds = append(cmds, Load{What: TheOrder, ID: m.route.ID})
		}
		list(TheOrders, &m.orders.Asked)
	case Accounts:
		if m.route.ID != "" {
			cmds = append(cmds, Load{What: TheAccount, ID: m.route.ID})
		}
		list(TheAccounts, &m.accounts.Asked)
	}
	return cmds
}

func (m *Model) waited(msg Waited) []Command {
	switch {
	case msg.Name == PausePoll:
		m.polls++
		cmds := []Command{After{Delay: m.pause(), Name: PausePoll}}
		if !m.online || m.hidden {
			return cmds // it asks when it is online and shown again
		}
		cmds = append(cmds, m.poll()...)
		if m.route.Screen == Requests && m.route.ID != "" && !settled(m.request[m.route.ID].Value.State) {
			cmds = append(cmds, m.askDevices()...)
		}
		if m.bridge.State == BridgeFailed && m.polls%3 == 0 {
			cmds = append(cmds, m.reconnect()...)
		}
		if m.entity.Err != nil || !m.entity.Loaded {
			cmds = append(cmds, Load{What: TheEntity})
		}
		if m.route.Screen == Buy && (m.providers.Err != nil || m.accounts.Err != nil) {
			cmds = append(cmds, m.enter(true)...)
		}
		return cmds
	case msg.Name == pauseListen:
		return m.listen()
	case msg.Name == pauseTyping && msg.Seq == m.typing && m.board.Open:
		return m.ask(false)
	}
	return nil
}

// settled reports whether nothing more happens to a request by itself.
func settled(state string) bool {
	return state == wire.RequestRejected || state == wire.RequestExpired || state == wire.RequestLapsed || state == wire.RequestCompleted
}

func store[T any](l Loadable[T], msg Loaded) Loadable[T] {
	l.Asked = true
	if msg.Err != nil {
		l.Err = asFault(msg.Err)
		return l
	}
	if v, ok := msg.Value.(T); ok {
		l.Value, l.Loaded, l.Err = v, true, nil
	}
	return l
}

// unanswered reports whether the gateway did not answer last time.
func (m *Model) unanswered() bool { return unavailable(m.entity.Err) || unavailable(m.requests.Err) }

func unavailable(err *fault.Error) bool {
	return err != nil && err.Code == fault.Unavailable && err.Details[approvals.Unknown] == ""
}

// answers takes away a decision that failed because the gateway did not answer: it
// does now, nothing was signed, and what was picked still is.
func (m *Model) answers() {
	f := m.flow
	if f == nil || !f.Over() || f.Err != nil && !unavailable(f.Err) {
		return
	}
	failed := f.Err != nil
	for _, i := range f.Items {
		if i.Err != nil && !unavailable(i.Err) || i.Err == nil && i.Over {
			return // the list still tells something
		}
		failed = failed || i.Err != nil
	}
	if failed {
		m.flow = nil
	}
}

func (m *Model) loaded(msg Loaded) []Command {
	switch msg.What {
	case TheEntity:
		first := !m.entity.Loaded
		m.entity = store(m.entity, msg)
		if first {
			return m.listen()
		}
	case TheProviders:
		return m.formLoaded(func() { m.providers = store(m.providers, msg) })
	case TheRequests:
		m.requests = store(m.requests, msg)
	case TheRequest:
		was := m.request[msg.ID].Value
		m.request[msg.ID] = store(m.request[msg.ID], msg)
		if was.ID != "" && was.State != m.request[msg.ID].Value.State {
			clear(m.statement) // what is shown was about another decision
		}
		m.sayRequest(was, m.request[msg.ID].Value)
		return m.preview()
	case TheOrders:
		m.orders = store(m.orders, msg)
	case TheOrder:
		was := m.order[msg.ID].Value
		m.order[msg.ID] = store(m.order[msg.ID], msg)
		if now := m.order[msg.ID].Value; was.State != "" && was.State != now.State {
			m.announce = "Order: " + orderStates[now.State].text + "."
		}
	case TheAccounts:
		return m.formLoaded(func() { m.accounts = store(m.accounts, msg) })
	case TheAccount:
		m.account[msg.ID] = store(m.account[msg.ID], msg)
	case TheStatement:
		m.statement[msg.ID] = store(m.statement[msg.ID], msg)
	}
	return nil
}

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

func (m *Model) sayRequest(was, now wire.Request) {
	switch {
	case was.ID == "":
	case was.State != now.State:
		m.announce = "Request: " + requestStates[now.State].text + "."
	case was.Approved != now.Approved:
		m.announce = itoa(now.Approved) + " of " + itoa(now.Needed) + " approvals."
	}
}

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

// countdown says 60, 30 and 10 seconds, never each second: of the chosen price,
// and of the time to decide while the bridge's prompt is open.
func (m *Model) countdown() {
	if f := m.flow; f != nil && f.Where != "" && f.Ask == frame.PromptConfirm {
		if s := sayable(m.decisionLeft(m.request[f.Request].Value)); s != "" {
			m.announce = "The time to decide ends in " + s + " seconds."
		}
		return
	}
	best := m.board.Chosen(m.server())
	if m.route.Screen != Buy || best.Row == nil {
		return
	}
	if s := sayable(best.Left(m.server())); s != "" {
		m.announce = "This price holds for " + s + " seconds."
	}
}

// sayable is a number of seconds that is worth an announcement, else "".
func sayable(d time.Duration) string {
	switch s := int(d / time.Second); s {
	case 60, 30, 10:
		return itoa(s)
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

func (m *Model) requestMade(msg RequestMade) []Command {
	m.done(msg.Operation, msg.Err)
	if msg.Err != nil {
		m.announce = approvals.Explain(asFault(msg.Err)).Title
		return nil
	}
	m.request[msg.Request.ID] = Loadable[wire.Request]{Value: msg.Request, Loaded: true, Asked: true}
	m.board, m.purpose = quoteui.Board{Seq: m.board.Seq + 1}, ""
	m.announce = "Request made. It waits for approval."
	m.route = Route{Screen: Requests, ID: msg.Request.ID}
	return append([]Command{StopQuotes{}, Load{What: TheRequests}}, m.enter(false)...)
}

func (m *Model) orderMade(msg OrderMade) []Command {
	m.done(msg.Operation, msg.Err)
	if msg.Err != nil {
		m.announce = approvals.Explain(asFault(msg.Err)).Title
		return nil
	}
	o := msg.Order
	m.order[o.ID] = Loadable[wire.Order]{Value: o, Loaded: true, Asked: true}
	m.route = Route{Screen: Orders, ID: o.ID}
	cmds := []Command{Load{What: TheOrders}, Load{What: TheRequests}}
	if o.Ticket != nil && strings.HasPrefix(o.Ticket.URL, "/v1/redirect/") {
		m.tickets[o.ID] = *o.Ticket
		cmds = append(cmds, Open{URL: o.Ticket.URL, NewTab: true})
	}
	return cmds
}

// preview loads the text that the bridge will show to the member who would sign.
func (m *Model) preview() []Command {
	r := m.request[m.route.ID].Value
	member := m.reader(r)
	key := r.ID + " " + member
	l := m.statement[key]
	if m.route.Screen != Requests || member == "" || l.Asked && l.Err == nil {
		return nil
	}
	l.Asked = true
	m.statement[key] = l
	return []Command{Load{What: TheStatement, ID: key}}
}
