package app

import (
	"strings"
	"time"

	"countersign/shared/frame"
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
		return m.renew()
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
		return m.chose()
	case QuotesEnded:
		m.quotesEnded(msg)
		return m.chose()
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
	cmds := []Command{Load{What: TheEntity}}
	if m.uses(Quotes) {
		cmds = append(cmds, Load{What: TheProviders}, Load{What: TheAccounts})
		m.providers.Asked, m.accounts.Asked = true, true
	}
	if m.uses(Inbox) {
		cmds = append(cmds, Load{What: TheRequests})
		m.requests.Asked = true
	}
	cmds = append(cmds, MeasureClock{})
	if msg.Paired && m.uses(Approve, Inbox, BridgeStatus) {
		m.bridge.State = BridgeConnecting
		cmds = append(cmds, ConnectBridge{})
	}
	cmds = append(cmds, After{Delay: pollEvery, Name: PausePoll})
	return append(cmds, m.enter(false)...)
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
	case msg.Name == pauseMissed && m.live:
		return m.missed()
	case msg.Name == pauseTyping && msg.Seq == m.typing && m.board.Open:
		return m.ask(false)
	}
	return nil
}

// settled reports whether nothing more happens to a request by itself.
func settled(state string) bool {
	return state == wire.RequestRejected || state == wire.RequestExpired || state == wire.RequestBlocked || state == wire.RequestLapsed || state == wire.RequestCompleted || state == wire.RequestFailed || state == wire.RequestCancelled
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
	if m.route.Screen != Buy || m.review == nil {
		return // the list renews its prices by itself
	}
	if s := sayable(m.review.ExpiresAt.Sub(m.server())); s != "" {
		m.announce = "This price ends in " + s + " seconds."
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

func (m *Model) requestMade(msg RequestMade) []Command {
	m.done(msg.Operation, msg.Err)
	if msg.Err != nil {
		m.announce = approvals.Explain(asFault(msg.Err)).Title
		return []Command{Tell{TellError, msg.Err}}
	}
	m.request[msg.Request.ID] = Loadable[wire.Request]{Value: msg.Request, Loaded: true, Asked: true}
	m.board, m.review = quoteui.Board{Seq: m.board.Seq + 1}, nil
	m.form.Purpose, m.form.Reference = "", ""
	m.announce = "Request made. It waits for approval."
	told := Tell{TellRequested, msg.Request.ID}
	if m.part() {
		m.made = msg.Request.ID
		return []Command{StopQuotes{}, told, SaveForm{m.form}}
	}
	m.route = Route{Screen: Requests, ID: msg.Request.ID}
	return append([]Command{StopQuotes{}, told, SaveForm{m.form}, Load{What: TheRequests}}, m.enter(false)...)
}

func (m *Model) orderMade(msg OrderMade) []Command {
	m.done(msg.Operation, msg.Err)
	if msg.Err != nil {
		m.announce = approvals.Explain(asFault(msg.Err)).Title
		return []Command{Tell{TellError, msg.Err}}
	}
	o := msg.Order
	m.order[o.ID] = Loadable[wire.Order]{Value: o, Loaded: true, Asked: true}
	var cmds []Command
	if strings.HasPrefix(msg.Operation, "order ") { // else a ticket for one that was made before
		cmds = append(cmds, Tell{TellOrdered, o.ID})
	}
	switch m.cfg.Kind {
	case Approve, Inbox:
		cmds = append(cmds, Load{What: TheRequest, ID: o.Request})
	default:
		cmds = append(cmds, Load{What: TheOrders}, Load{What: TheRequests})
		m.route = Route{Screen: Orders, ID: o.ID}
	}
	if o.Ticket != nil && strings.HasPrefix(o.Ticket.URL, "/v1/redirect/") {
		m.tickets[o.ID] = *o.Ticket
		cmds = append(cmds, Tell{TellOpen, Address{URL: o.Ticket.URL, NewTab: true}})
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
