package relay

import (
	"crypto/rand"
	"fmt"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/link"
	"countersign/shared/rendezvous"
)

// register adds a bridge of nobody's to a registry.
func register(t *testing.T, g *registry, name, client string) *bridge {
	t.Helper()
	b := &bridge{name: name, client: client, gone: make(chan fault.Code, 1)}
	if err := g.put(b); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return b
}

// why is why a bridge lost its place; empty when it has it.
func why(g *registry, b *bridge) fault.Code {
	select {
	case code := <-b.gone:
		return code
	default:
		if g.of[b.name] != b {
			return "it is gone without a word"
		}
		return ""
	}
}

func TestStrangersWithKeysOfTheirOwnKeepNoBridgeOut(t *testing.T) {
	t.Parallel()
	var g registry
	used := register(t, &g, "used", "192.0.2.1")
	g.reach(used)
	quiet := register(t, &g, "quiet", "192.0.2.2")
	var first *bridge
	for i := range 2 * maxBridges {
		b := register(t, &g, fmt.Sprint("stranger ", i), fmt.Sprint("198.51.100.", i%20))
		if first == nil {
			first = b
		}
	}
	if len(g.of) > maxBridges {
		t.Errorf("%d bridges are kept", len(g.of))
	}
	if code := why(&g, first); code != fault.Busy {
		t.Errorf("the strangers' first has %q", code)
	}
	for _, b := range []*bridge{used, quiet, register(t, &g, "new", "192.0.2.3")} {
		if code := why(&g, b); code != "" {
			t.Errorf("%s lost its place: %s", b.name, code)
		}
	}
	total := 0
	for _, bridges := range g.unknown {
		total += bridges.Len()
	}
	if total != len(g.of)-1 {
		t.Errorf("%d bridges count for an address, of %d", total, len(g.of)-1)
	}
}

func TestOneAddressHasItsShareAndLosesItsOldest(t *testing.T) {
	t.Parallel()
	var g registry
	other, first := register(t, &g, "other", "192.0.2.2"), register(t, &g, "first", "192.0.2.1")
	office := register(t, &g, "office", "192.0.2.1")
	g.reach(office)
	for i := range maxOfAddress {
		register(t, &g, fmt.Sprint(i), "192.0.2.1")
	}
	if code := why(&g, first); code != fault.Busy {
		t.Errorf("the oldest has %q", code)
	}
	if why(&g, other) != "" || why(&g, office) != "" {
		t.Error("a bridge of another address, or one that pages use, lost its place")
	}
}

func TestABridgeThatWasUsedIsKnownWhenItComesBack(t *testing.T) {
	t.Parallel()
	var g registry
	old := register(t, &g, "office", "192.0.2.1")
	g.reach(old)
	again := register(t, &g, "office", "198.51.100.9") // through another network
	if code := why(&g, old); code != fault.Conflict || again.place != nil || len(g.unknown) != 0 {
		t.Errorf("the old connection has %q, the new one counts: %v", code, again.place != nil)
	}
	g.drop(old)
	g.drop(again)
	if len(g.of) != 0 || len(g.unknown) != 0 {
		t.Errorf("left are %v and %v", g.of, g.unknown)
	}
}

func TestConnectionsThatProveNothingKeepNoBridgeOut(t *testing.T) {
	t.Parallel()
	var g registry
	dropped := 0
	for range 3 * maxWaiting {
		if old := g.wait(&pending{}); old != nil {
			dropped++
			g.done(old) // it ends, late
		}
	}
	if len(g.waiting) != maxWaiting || dropped != 2*maxWaiting {
		t.Errorf("%d wait, %d were dropped", len(g.waiting), dropped)
	}
}

func TestABridgeThatLosesItsPlaceIsTold(t *testing.T) {
	t.Parallel()
	g := newRig(t, 0)
	b := g.bridge()
	g.Relay.mu.Lock()
	control := g.bridges.of[b.name]
	g.bridges.drop(control)
	control.gone <- fault.Busy
	g.Relay.mu.Unlock()
	err := <-b.ended
	if got := fmt.Sprint(err); got != fmt.Sprintf("websocket: close %d: %s", frame.CloseCode, fault.Busy) {
		t.Errorf("it was told %v", err)
	}
	key, err := link.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if again := g.bridgeWith(key); again.name != rendezvous.Name(key.Static()) {
		t.Error(again.name)
	}
}

func TestTheOldestTicketMakesRoom(t *testing.T) {
	t.Parallel()
	g := newRig(t, 0)
	b := g.bridge()
	first := g.ticket(b.name)
	g.Relay.mu.Lock()
	for i := range maxTickets - 1 {
		var hash [32]byte
		hash[0], hash[1], hash[2], hash[3] = byte(i), byte(i>>8), byte(i>>16), 1
		g.tickets[hash] = ticket{b.name, g.clock().Add(2 * ticketLife)}
	}
	g.Relay.mu.Unlock()
	last := g.ticket(b.name)
	if _, err := g.spend(first); fault.CodeOf(err) != fault.TicketSpent {
		t.Errorf("the oldest: %v", err)
	}
	if _, err := g.spend(last); err != nil {
		t.Errorf("the newest: %v", err)
	}
}
