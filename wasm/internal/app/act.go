package app

import (
	"strings"

	"countersign/shared/frame"
	"countersign/shared/id"
	"countersign/shared/quote"
	"countersign/shared/wire"
	"countersign/wasm/internal/approvals"
	"countersign/wasm/internal/bridgeclient"
	"countersign/wasm/internal/quoteui"
)

// act does what the person asked for. Unknown actions do nothing.
func (m *Model) act(a Acted) []Command {
	name, arg, _ := strings.Cut(a.Action, ":")
	switch name {
	case "navigate":
		return m.navigate(arg)
	case "reload":
		return []Command{Tell{What: TellReload}}
	case "entity":
		return []Command{Tell{TellEntity, a.Value}}
	case "refresh":
		return m.enter(true)
	case "help":
		m.help = !m.help
		return nil
	case "token.renew":
		return []Command{RenewToken{}}
	case "clock.measure":
		return []Command{MeasureClock{}}
	}
	if strings.HasPrefix(name, "buy.") {
		cmds := m.actBuy(name, arg, a.Value)
		return append(cmds, m.chose()...)
	}
	if strings.HasPrefix(name, "find.") {
		return m.actFind(name, arg, a.Value)
	}
	if strings.HasPrefix(name, "bridge.") {
		return m.actBridge(name, a.Value)
	}
	return m.actRequest(name, arg, a.Value)
}

func (m *Model) navigate(path string) []Command {
	next := ParseRoute(path)
	if m.part() {
		return []Command{Tell{TellNavigated, next.Path()}}
	}
	if next == m.route {
		return m.enter(true)
	}
	m.route = next
	m.confirm = ""
	m.announce = ""
	return m.enter(true)
}

func (m *Model) actBridge(name, value string) []Command {
	switch name {
	case "bridge.name":
		m.bridge.Typed, m.bridge.Mistyped = value, false
	case "bridge.relay":
		return m.relay()
	case "bridge.connect":
		return m.connect(true)
	case "bridge.stop":
		return []Command{StopConnecting{}}
	case "bridge.show":
		m.bridge.Shown = true
	case "bridge.close":
		m.bridge.Shown = false
	case "bridge.forget":
		m.bridge = Bridge{State: BridgeConnecting, Shown: true}
		return []Command{ForgetBridge{}}
	}
	return nil
}

// connect opens the line. Without a gesture of the person the browser asks them
// nothing, and a failure that is shown stays until there is something new.
func (m *Model) connect(gesture bool) []Command {
	b := &m.bridge
	switch {
	case b.State == BridgeConnecting || b.State == BridgePairing || b.State == BridgeReady, b.Quiet && !gesture:
		return nil
	case b.State == BridgeFailed && !gesture:
		b.Quiet = true
	default:
		b.State, b.Err, b.Problem, b.Code, b.Step, b.Quiet, b.Shown = BridgeConnecting, nil, "", "", "", false, b.Shown || gesture
	}
	return []Command{ConnectBridge{Gesture: gesture}}
}

// askDevices looks who holds the devices, as long as nothing is decided.
func (m *Model) askDevices() []Command {
	if m.bridge.State != BridgeReady || m.flow != nil && !m.flow.Over() {
		return nil
	}
	return []Command{AskDevices{}}
}

// reconnect goes back to the bridge of a page that is paired, when that needs no
// word of the person.
func (m *Model) reconnect() []Command {
	b := m.bridge
	switch {
	case !b.Paired:
	case b.State == BridgeUnknown, b.State == BridgeFailed && (b.Problem == bridgeclient.NotRunning || b.Problem == bridgeclient.Lost):
		return m.connect(false)
	}
	return nil
}

func (m *Model) actRequest(name, arg, value string) []Command {
	switch name {
	case "sign.as":
		m.member = value
		if arg != "" {
			m.member = arg
		}
		return m.preview()
	case "decide":
		retry := m.flow != nil && m.flow.Request == m.route.ID && m.flow.Decision == arg && m.flow.Err != nil
		if arg == frame.Reject && m.confirm != m.route.ID && !retry {
			m.confirm = m.route.ID
			return nil
		}
		return m.decide(arg)
	case "decide.back":
		m.confirm = ""
	case "decide.stop":
		if m.flow != nil && m.flow.CanCancel() {
			m.flow.Stopping = true
			if m.flow.Stage <= approvals.Pair {
				m.pending = ""
				return []Command{StopConnecting{}}
			}
			return []Command{StopDeciding{}}
		}
	case "decide.close":
		m.flow = nil
	case "pick":
		return m.pick(arg, value == "true")
	case "pick.all":
		return m.pickAll(value == "true")
	case "batch":
		return m.decideAll()
	case "order.make":
		operation := "order " + arg
		if !id.Valid(arg) {
			return nil
		}
		if key, ok := m.operation(operation); ok {
			return []Command{MakeOrder{Operation: operation, Key: key, Request: arg}}
		}
	case "order.payagain":
		if m.confirm != arg {
			m.confirm = arg
			return nil
		}
		fallthrough
	case "order.continue":
		operation := "ticket " + arg
		if !id.Valid(arg) {
			return nil
		}
		if key, ok := m.operation(operation); ok {
			delete(m.tickets, arg)
			m.confirm = ""
			return []Command{MakeTicket{Operation: operation, Key: key, Order: arg, PayAgain: name == "order.payagain"}}
		}
	case "order.again":
		r := m.request[arg].Value
		b := bought(r.Intent)
		f := quoteui.Form{Amount: b.Fiat.Amount, Fiat: b.Fiat.Currency, Asset: b.Crypto.Asset, Method: b.PaymentMethod, Country: b.Country, Account: b.Account}
		if o := m.order[arg].Value; o.ID != "" {
			f = quoteui.Form{Amount: o.Fiat.Amount, Fiat: o.Fiat.Currency, Asset: o.Promised.Asset, Method: m.form.Method, Country: m.form.Country, Account: o.Account}
			if o.Again != nil {
				f.Method, f.Country = o.Again.PaymentMethod, o.Again.Country
			}
		}
		m.form, m.review = f, nil
		if m.part() {
			return []Command{Tell{TellNavigated, Route{Screen: Buy}.Path()}}
		}
		m.route = Route{Screen: Buy}
		m.defaults()
		return append(m.ask(true), append(m.enter(false), SaveForm{m.form})...)
	}
	return nil
}

// signer is the identity that would sign: the chosen one when it may still
// decide, else the first whose device is plugged in and free.
func (m *Model) signer(r wire.Request) frame.Identity {
	var first frame.Identity
	for _, id := range m.mine() {
		if !waiting(r, id.Member) {
			continue
		}
		if id.Member == m.member {
			return id
		}
		if first.Member == "" || usable(id) > usable(first) {
			first = id
		}
	}
	return first
}

// usable orders identities: plugged in and free, in use elsewhere, away.
func usable(id frame.Identity) int {
	switch {
	case !id.Present:
		return 0
	case id.Holder != "":
		return 1
	}
	return 2
}

// reader is whose statement is shown: of the one who would sign, else of the next
// who may; empty when nobody decides any more.
func (m *Model) reader(r wire.Request) string {
	if id := m.signer(r).Member; id != "" {
		return id
	}
	for _, a := range r.Approvers {
		if waiting(r, a.Member) {
			return a.Member
		}
	}
	return ""
}

// waiting reports whether the member may still decide on the current step, or send it.
func waiting(r wire.Request, member string) bool {
	if !open(r) {
		return false
	}
	for _, a := range r.Approvers {
		if a.Member == member {
			return a.Decision == ""
		}
	}
	return false
}

// decide starts the approve flow. When the bridge is not connected yet, it
// connects first and goes on by itself.
func (m *Model) decide(decision string) []Command {
	r := m.request[m.route.ID].Value
	if r.ID == "" || m.flow != nil && !m.flow.Over() || unsent(r) != (decision == frame.Initiate) || decision != frame.Approve && decision != frame.Reject && decision != frame.Initiate {
		return nil
	}
	m.flow = &approvals.Flow{Request: r.ID, Step: r.Step, Decision: decision, Paired: m.bridge.Paired, Needed: r.Needed, Done: r.Approved}
	return m.begin(decision)
}

// begin runs a new flow, after connecting where that is needed.
func (m *Model) begin(decision string) []Command {
	m.confirm, m.untold = "", 0
	if m.bridge.State == BridgeReady {
		return m.run(decision)
	}
	m.pending = decision
	told := m.step(approvals.Connect)
	if m.bridge.State == BridgePairing {
		*m.flow = m.flow.Advance(approvals.Pair)
		m.flow.Code = m.bridge.Code
		told = append(told, m.step(approvals.Pair)...)
	}
	return append(told, m.connect(true)...)
}

// run hands the decision to the bridge.
func (m *Model) run(decision string) []Command {
	m.pending = ""
	if len(m.flow.Items) > 0 {
		return m.runAll()
	}
	r := m.request[m.flow.Request].Value
	id := m.signer(r)
	if id.Member == "" {
		*m.flow = m.flow.Fail(noSigner(r, m.mine()))
		return nil
	}
	m.through(id)
	return []Command{Decide{Entity: id.Entity, Member: id.Member, Request: r.ID, Decision: decision}}
}

// through notes whose device decides.
func (m *Model) through(id frame.Identity) {
	m.flow.Member, m.flow.Name, m.flow.Device = id.Member, id.MemberName, id.Device
	m.flow.Paired = true
	*m.flow = m.flow.Advance(approvals.Channel)
	m.announce = "The bridge is asked. Its prompt opens on this computer."
}

func limits(m *Model) quoteui.Range { return quoteui.Limits(m.providers.Value, m.form) }

func problemOf(list []quote.Problem, fields ...string) string {
	for _, p := range list {
		for _, f := range fields {
			if p.Field == f {
				return p.Message
			}
		}
	}
	return ""
}
