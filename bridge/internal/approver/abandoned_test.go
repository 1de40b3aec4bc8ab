package approver

import (
	"crypto/rand"
	"slices"
	"testing"

	"countersign/bridge/internal/guard"
	"countersign/bridge/internal/journal"
	"countersign/shared/fault"
	"countersign/shared/link"
	"countersign/softhsm/e2e/page"
)

// abandon begins a handshake, learns the bridge's code from message 2 and leaves.
func (g *rig) abandon(t *testing.T) {
	t.Helper()
	i, err := link.NewInitiator(link.InitiatorConfig{DH: g.pageKey, Origin: origin, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	first, err := i.Start()
	if err != nil {
		t.Fatal(err)
	}
	p := g.raw(t)
	p.write(first)
	if _, _, err := p.ws.ReadMessage(); err != nil {
		t.Fatal(err)
	}
	p.ws.Close()
}

func TestAbandonedHandshakesKeepNoPairedPageOut(t *testing.T) {
	t.Parallel()
	const other = "http://127.0.0.1:9090"
	g := newRig(t, func(g *rig) { g.cfg.Origins = append(g.cfg.Origins, other) })
	g.mustConnect()
	for range 3 * link.MaxAbandoned {
		g.abandon(t)
	}
	for range link.MaxAbandoned {
		g.mustConnect()
	}
	stranger, err := link.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	asked, _ := g.person.questions()
	_, err = page.Connect(t.Context(), page.BridgeConfig{URL: g.url, Origin: origin, Key: stranger})
	wantCode(t, "a page that would have to be paired", err, fault.Limited)
	if again, _ := g.person.questions(); len(again) != len(asked) {
		t.Errorf("the person was asked: %q", again[len(asked):])
	}
	b, err := page.Connect(t.Context(), page.BridgeConfig{URL: g.url, Origin: other, Key: stranger})
	if err != nil {
		t.Fatalf("a new page of another site: %v", err)
	}
	defer b.Close()
	if events := g.events(); !slices.Contains(events, journal.Limited) {
		t.Errorf("journal %v", events)
	}
}

func TestConnectionsThatProveNothingKeepNoPageOut(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	first := g.mustConnect()
	for range 2 * guard.MaxConnections {
		g.raw(t) // and is silent
	}
	g.mustConnect()
	if err := first.Call(t.Context(), "bridge.info", struct{}{}, &struct{}{}); fault.CodeOf(err) == fault.Unavailable {
		t.Errorf("the page that was there before: %v", err)
	}
}
