package app

import (
	"countersign/shared/fault"
	"countersign/shared/wire"
	"countersign/wasm/internal/approvals"
)

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
		if m.uses(Inbox) {
			list(TheRequests, &m.requests.Asked)
		}
	case Orders:
		if m.route.ID != "" {
			cmds = append(cmds, Load{What: TheOrder, ID: m.route.ID})
		}
		if m.uses() {
			list(TheOrders, &m.orders.Asked)
		}
	case Accounts:
		if m.route.ID != "" {
			cmds = append(cmds, Load{What: TheAccount, ID: m.route.ID})
		}
		list(TheAccounts, &m.accounts.Asked)
	}
	return cmds
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
	case TheRequests, TheOlder:
		m.listLoaded(msg)
		if msg.What == TheOlder && msg.Err == nil && m.route.Screen == Requests { // until there are none, or the person leaves
			return m.loadOlder()
		}
	case TheRequest:
		was := m.request[msg.ID].Value
		m.request[msg.ID] = store(m.request[msg.ID], msg)
		if was.ID != "" && was.State != m.request[msg.ID].Value.State {
			clear(m.statement) // what is shown was about another decision
		}
		now := m.request[msg.ID].Value
		m.sayRequest(was, now)
		if m.cfg.Kind == Purchase && m.route.ID == now.ID && now.Order != "" {
			m.route = Route{Screen: Orders, ID: now.Order}
			return m.enter(false)
		}
		return m.preview()
	case TheOrders:
		m.orders = store(m.orders, msg)
	case TheOrder:
		was := m.order[msg.ID].Value
		m.order[msg.ID] = store(m.order[msg.ID], msg)
		if now := m.order[msg.ID].Value; was.State != "" && was.State != now.State {
			m.announce = "Order: " + orderStates[now.State].text + "."
			if now.State == wire.OrderCompleted {
				return []Command{Tell{TellDelivered, now.ID}}
			}
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

// listLoaded takes in the newest requests, or older ones behind those that are there.
func (m *Model) listLoaded(msg Loaded) {
	p, _ := msg.Value.(wire.Page[wire.Request])
	list := p.Items
	if msg.What == TheOlder {
		delete(m.busy, olderOperation)
		if msg.Err == nil {
			m.older, m.before = append(m.older, list...), p.NextCursor
		}
		list = m.requests.Value
	} else if len(m.older) == 0 {
		m.before = p.NextCursor
	}
	there := make(map[string]bool, len(list))
	for _, r := range list {
		there[r.ID] = true
	}
	for _, r := range m.older {
		if !there[r.ID] {
			there[r.ID] = true
			list = append(list, r)
		}
	}
	msg.Value = list
	m.requests = store(m.requests, msg)
}

// olderOperation is the reading of older requests.
const olderOperation = "older requests"

func (m *Model) sayRequest(was, now wire.Request) {
	switch {
	case was.ID == "":
	case stateOf(was) != stateOf(now):
		m.announce = "Request: " + requestStates[stateOf(now)].text + "."
	case was.Approved != now.Approved:
		m.announce = itoa(now.Approved) + " of " + itoa(now.Needed) + " approvals."
	}
}
