package relay

import (
	"container/list"
	"time"

	"countersign/shared/fault"
	"countersign/web/internal/party"
)

// budgets are what each party may spend.
type budgets struct{ entities, names, failures *party.Budget }

func newBudgets(now func() time.Time) budgets {
	return budgets{party.NewBudget(ticketsEntity, now), party.NewBudget(ticketsName, now), party.NewBudget(failures, now)}
}

// registry is the bridges that wait for pages, and those that still have to prove
// their key. Anybody can make keys and register them; so a bridge counts for its
// client's address until a page has reached it, which takes an entity's token.
// Where there is no room the address with the most such bridges loses its oldest.
// The lock of the relay guards it.
type registry struct {
	of      map[string]*bridge
	unknown map[string]*list.List // bridges that no page reached, by the client's address, the oldest first
	known   party.Known           // names that a page reached
	waiting []*pending            // the oldest first
}

// pending is a connection that has not proved a key yet.
type pending struct{ drop func() }

// wait notes a connection that has to prove its key. One too many has the oldest
// dropped, by the caller.
func (g *registry) wait(p *pending) (dropped *pending) {
	g.waiting = append(g.waiting, p)
	if len(g.waiting) <= maxWaiting {
		return nil
	}
	dropped = g.waiting[0]
	g.waiting = g.waiting[1:]
	return dropped
}

func (g *registry) done(p *pending) {
	for i, w := range g.waiting {
		if w == p {
			g.waiting = append(g.waiting[:i:i], g.waiting[i+1:]...)
			return
		}
	}
}

// put adds a bridge, in the place of an older connection of the same; those that
// lose their place get the reason in gone. It fails with BUSY when all other
// places are of bridges that pages use.
func (g *registry) put(b *bridge) error {
	if g.of == nil {
		g.of, g.unknown = map[string]*bridge{}, map[string]*list.List{}
	}
	if old := g.of[b.name]; old != nil {
		g.drop(old)
		old.gone <- fault.Conflict
	}
	if !g.known.Has(b.name) {
		if g.unknown[b.client] == nil {
			g.unknown[b.client] = list.New()
		}
		b.place = g.unknown[b.client].PushBack(b)
	}
	g.of[b.name] = b
	for len(g.of) > maxBridges || b.place != nil && g.unknown[b.client].Len() > maxOfAddress {
		from := b.client
		if len(g.of) > maxBridges {
			from = g.crowded()
		}
		old := g.oldest(from)
		if old == nil || old == b {
			g.drop(b)
			return fault.New(fault.Busy, "too many bridges are connected")
		}
		g.drop(old)
		old.gone <- fault.Busy
	}
	return nil
}

// crowded is the address with the most bridges that no page reached.
func (g *registry) crowded() (client string) {
	most := 0
	for c, bridges := range g.unknown {
		if n := bridges.Len(); n > most || n == most && c < client {
			client, most = c, n
		}
	}
	return client
}

// oldest is an address's first bridge that no page reached.
func (g *registry) oldest(client string) *bridge {
	if bridges := g.unknown[client]; bridges != nil {
		return bridges.Front().Value.(*bridge)
	}
	return nil
}

// reach notes that a page with an entity's token reached the bridge.
func (g *registry) reach(b *bridge) {
	g.known.Add(b.name)
	g.forget(b)
}

// drop removes a bridge if it is still in its place.
func (g *registry) drop(b *bridge) {
	if g.of[b.name] == b {
		delete(g.of, b.name)
		g.forget(b)
	}
}

// forget has a bridge count for no address.
func (g *registry) forget(b *bridge) {
	if b.place == nil {
		return
	}
	g.unknown[b.client].Remove(b.place)
	if b.place = nil; g.unknown[b.client].Len() == 0 {
		delete(g.unknown, b.client)
	}
}
