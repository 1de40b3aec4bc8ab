package app

import (
	"time"

	"countersign/shared/wire"
)

// A page that is shown listens to what changes (GET /v1/events), and asks then. While
// it cannot listen it asks again and again instead.

const (
	pauseListen = "listen" // before listening again
	pauseMissed = "missed" // before reading what changed while the stream began
	// restEvery is how often a page that listens looks whether something ended.
	restEvery  = 20 * time.Second
	listenMost = time.Minute
	// missedAfter leaves the gateway and the page to what the person asks for first.
	missedAfter = 2 * time.Second
)

// listen begins to listen, when the page is shown and does not.
func (m *Model) listen() []Command {
	if m.live || m.hidden || !m.online || !m.entity.Loaded {
		return nil
	}
	return []Command{Listen{}}
}

// deaf stops listening: the page is hidden, and a browser has few connections.
func (m *Model) deaf() []Command {
	m.live = false
	return []Command{StopListening{}}
}

// listening is told when the stream begins and when it broke. What changed before it
// began was not told: what is shown is read again, and a little later where it was read
// just before.
func (m *Model) listening(msg Listening) []Command {
	m.live = msg.On
	if msg.On && m.breaks == 0 {
		return []Command{After{Delay: missedAfter, Name: pauseMissed}}
	}
	if msg.On {
		m.breaks = 0
		return m.missed()
	}
	m.breaks++
	return []Command{After{Delay: min(pollEvery<<min(m.breaks-1, 8), listenMost), Name: pauseListen}}
}

// missed reads again what is shown.
func (m *Model) missed() []Command {
	if !m.uses(Inbox) {
		return m.enter(true)
	}
	return append(m.enter(true), Load{What: TheRequests})
}

// told reads again what is shown of what changed.
func (m *Model) told(c wire.Change) (cmds []Command) {
	shown := func(screen, id string) bool { return m.route.Screen == screen && m.route.ID == id }
	switch c.What {
	case wire.ChangedEntity:
		cmds = append(cmds, Load{What: TheEntity})
		if m.uses(Quotes) || shown(Accounts, "") {
			cmds = append(cmds, Load{What: TheAccounts})
		}
	case wire.ChangedRequest:
		if m.uses(Inbox) {
			cmds = append(cmds, Load{What: TheRequests})
		}
		if shown(Requests, c.ID) {
			cmds = append(cmds, Load{What: TheRequest, ID: c.ID})
		}
	case wire.ChangedOrder:
		if shown(Orders, "") {
			cmds = append(cmds, Load{What: TheOrders})
		}
		if shown(Orders, c.ID) {
			cmds = append(cmds, Load{What: TheOrder, ID: c.ID})
		}
		if m.route.Screen == Requests && m.route.ID != "" && m.request[m.route.ID].Value.Order == c.ID {
			cmds = append(cmds, Load{What: TheRequest, ID: m.route.ID})
		}
	case wire.ChangedAccount:
		if shown(Accounts, "") {
			cmds = append(cmds, Load{What: TheAccounts})
		}
		if shown(Accounts, c.ID) {
			cmds = append(cmds, Load{What: TheAccount, ID: c.ID})
		}
		if m.route.Screen == Orders && m.route.ID != "" && m.order[m.route.ID].Value.Account == c.ID {
			cmds = append(cmds, Load{What: TheOrder, ID: m.route.ID})
		}
	}
	return cmds
}

// poll asks for what may have changed, while the page cannot listen. While it can,
// only what ends by the clock is asked for.
func (m *Model) poll() []Command {
	one := m.request[m.route.ID].Value
	switch {
	case m.route.Screen == Requests && m.route.ID != "":
		if settled(one.State) || m.live && !m.ended(one) {
			return nil
		}
		return []Command{Load{What: TheRequest, ID: m.route.ID}}
	case m.route.Screen == Requests && !m.live:
		return []Command{Load{What: TheRequests}}
	case m.route.Screen == Requests:
		for _, r := range m.requests.Value {
			if m.ended(r) {
				return []Command{Load{What: TheRequests}}
			}
		}
	case m.live:
	case m.route.Screen == Orders && m.route.ID != "" && m.order[m.route.ID].Value.State != wire.OrderCompleted:
		return []Command{Load{What: TheOrder, ID: m.route.ID}}
	case m.polls%8 == 0 && m.uses(Inbox):
		return []Command{Load{What: TheRequests}}
	}
	return nil
}

// ended reports whether a request is over by the clock and does not say so yet.
func (m *Model) ended(r wire.Request) bool {
	switch r.State {
	case wire.RequestUnsent, wire.RequestPending:
		return !m.server().Before(r.ExpiresAt)
	case wire.RequestApproved:
		return r.UseBy != nil && !m.server().Before(*r.UseBy)
	}
	return false
}

// pause is how long the page waits before it looks again. Beside a request the bridge
// is asked for its tokens.
func (m *Model) pause() time.Duration {
	if m.live && m.bridge.State != BridgeFailed && !(m.route.Screen == Requests && m.route.ID != "") {
		return restEvery
	}
	return pollEvery
}
