package approver

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/dialout/dialouttest"
	"countersign/bridge/internal/journal"
	"countersign/shared/fault"
	"countersign/shared/link"
	"countersign/shared/rendezvous"
	"countersign/shared/statement"
	"countersign/softhsm/e2e/page"
)

// relayed starts a bridge that waits at a gateway.
func relayed(t *testing.T, prepare func(*dialouttest.Gateway)) (*rig, *dialouttest.Gateway) {
	t.Helper()
	gw := dialouttest.New(t, (*httptest.Server).Start)
	prepare(gw)
	g := newRig(t, func(g *rig) {
		g.cfg.Relay.Gateway = gw.Origin
		g.cfg.Origins = append(g.cfg.Origins, "https://other.example")
	})
	<-gw.Registered
	return g, gw
}

func honest(*dialouttest.Gateway) {}

// through connects a page through a gateway.
func (g *rig) through(gw *dialouttest.Gateway, key *link.Key) (*page.Bridge, error) {
	b, err := page.Connect(g.t.Context(), page.BridgeConfig{URL: gw.Pages, Origin: origin, Key: key})
	if err == nil {
		g.t.Cleanup(func() { b.Close() })
	}
	return b, err
}

// Requirement 20: the same link, where loopback is impossible.
func TestAPagePairsAndApprovesThroughTheGateway(t *testing.T) {
	t.Parallel()
	g, gw := relayed(t, honest)
	b, err := g.through(gw, g.pageKey)
	if err != nil {
		t.Fatal(err)
	}
	if name, err := RelayName(g.cfg); err != nil || name != rendezvous.Name(b.RemoteStatic()) {
		t.Errorf("the bridge says that it is %s, %v", name, err)
	}
	shown, _ := g.person.questions()
	host := strings.TrimPrefix(gw.Origin, "http://")
	if len(shown) != 1 || !strings.Contains(shown[0].Text, "through the relay at "+host) || !strings.Contains(shown[0].Text, "claims to be of "+origin) {
		t.Errorf("asked %q", shown)
	}
	if _, err := g.mustOpen(b, "mem_alice").decide(t.Context(), "req_0001", statement.Approve); err != nil {
		t.Fatal(err)
	}
	entries := g.entries()
	if i := slices.IndexFunc(entries, func(e journal.Entry) bool { return e.Kind == journal.Paired }); i < 0 || entries[i].Process != "through the relay at "+host {
		t.Errorf("journal %+v", entries)
	}
	b.Close()
	if _, err := g.connect(nil); err != nil { // the same page, on loopback again
		t.Fatal(err)
	}
	if shown, _ := g.person.questions(); len(shown) != 2 {
		t.Errorf("asked %d questions: the page had to pair again", len(shown))
	}
}

func TestThePageFindsTheBridgeAfterItStartedAgain(t *testing.T) {
	t.Parallel()
	g, gw := relayed(t, honest)
	if _, err := g.through(gw, g.pageKey); err != nil {
		t.Fatal(err)
	}
	g.stop()
	g.serve(g.drawer2())
	<-gw.Registered
	if _, err := g.through(gw, g.pageKey); err != nil {
		t.Fatal(err)
	}
	if shown, _ := g.person.questions(); len(shown) != 1 {
		t.Errorf("asked %d questions: the page had to pair again", len(shown))
	}
}

// drawer2 is the drawer for a bridge that starts again.
func (g *rig) drawer2() *drawer {
	g.drawer.mu.Lock()
	defer g.drawer.mu.Unlock()
	g.drawer.watched = make(chan struct{})
	return g.drawer
}

// Messages of a page whose pairing is known, until the token signs: two of the
// handshake, channel.open, accept and ready, approval.prepare and decide.
const toBridge = 7

func TestAGatewayThatTampersBreaksTheLinkAndNothingIsSigned(t *testing.T) {
	t.Parallel()
	kinds := map[string]func(n int, message, before []byte) [][]byte{
		"flips a bit":        func(n int, m, _ []byte) [][]byte { m = bytes.Clone(m); m[len(m)-1-n%16] ^= 1; return [][]byte{m} },
		"cuts the end":       func(_ int, m, _ []byte) [][]byte { return [][]byte{m[:len(m)-1]} },
		"empties":            func(int, []byte, []byte) [][]byte { return [][]byte{{}} },
		"repeats the former": func(_ int, m, before []byte) [][]byte { return [][]byte{before, m} },
		"swaps the former in": func(_ int, _, before []byte) [][]byte {
			return [][]byte{before}
		},
		"adds one": func(_ int, m, _ []byte) [][]byte { return [][]byte{bytes.Repeat([]byte{1}, 64), m} },
	}
	for kind, change := range kinds {
		for n := range toBridge + 2 { // the last two are of what the bridge answers
			t.Run(fmt.Sprintf("%s %d", kind, n), func(t *testing.T) {
				t.Parallel()
				before := []byte{1, 1}
				g, gw := relayed(t, func(gw *dialouttest.Gateway) {
					gw.Tamper = func(up bool, i int, message []byte) [][]byte {
						if up != (n < toBridge) {
							return [][]byte{message}
						}
						former := before
						before = bytes.Clone(message)
						if i == n || !up && i == n-toBridge {
							return change(n, message, former)
						}
						return [][]byte{message}
					}
				})
				own, err := g.connect(nil) // on loopback, so that the page is paired
				if err != nil {
					t.Fatal(err)
				}
				own.Close()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				b, err := g.through(gw, g.pageKey)
				if err == nil {
					var l *line
					if l, err = g.open(b, "mem_alice"); err == nil {
						_, err = l.decide(ctx, "req_0001", statement.Approve)
					}
				}
				if err == nil || ctx.Err() != nil {
					t.Errorf("the page saw %v", err)
				}
				if events := g.events(); slices.Contains(events, journal.Signed) || slices.Contains(events, journal.Approved) {
					t.Errorf("journal %v", events)
				}
			})
		}
	}
}

func TestAGatewayThatLiesAboutTheOriginOfAPageGetsNoLink(t *testing.T) {
	t.Parallel()
	g, gw := relayed(t, func(gw *dialouttest.Gateway) {
		gw.Claim = func(string) string { return "https://other.example" }
	})
	if _, err := g.through(gw, g.pageKey); err == nil {
		t.Error("the page got a link under another site's name")
	}
	if shown, _ := g.person.questions(); len(shown) != 0 {
		t.Errorf("asked %q", shown)
	}
}

func TestAGatewayThatPosesAsAPageIsAStranger(t *testing.T) {
	t.Parallel()
	g, gw := relayed(t, honest)
	g.mustConnect() // the page whose place it would like to take
	g.person.answer(func(_ context.Context, q consent.Question) error {
		if !strings.Contains(q.Text, "claims to be of "+origin) {
			t.Errorf("asked %q", q.Text)
		}
		return fault.New(fault.Declined, "that is not what my page shows")
	})
	key, err := link.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = g.through(gw, key); fault.CodeOf(err) != fault.PairingRefused {
		t.Errorf("the gateway's own key: %v", err)
	}
}

func TestAGatewayBetweenTheTwoCannotMakeTheCodesAgree(t *testing.T) {
	t.Parallel()
	g, gw := relayed(t, honest)
	asked := make(chan string, 1)
	g.person.answer(func(_ context.Context, q consent.Question) error {
		asked <- q.Text
		return fault.New(fault.Declined, "no")
	})
	evil, err := link.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	// The page's half: the gateway is the bridge, with a key of its own.
	i, err := link.NewInitiator(link.InitiatorConfig{DH: g.pageKey, Origin: origin, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	r, err := link.NewResponder(link.ResponderConfig{DH: evil, Origin: origin, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	first, err := i.Start()
	if err != nil {
		t.Fatal(err)
	}
	second, err := r.Accept(first)
	if err != nil {
		t.Fatal(err)
	}
	third, session, err := i.Finish(second)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Finish(third); err != nil {
		t.Fatal(err)
	}
	// The bridge's half: the gateway is the page.
	if _, err := g.through(gw, evil); err == nil {
		t.Error("the gateway was let in")
	}
	code := session.Code()
	if text := <-asked; strings.Contains(text, code[:3]+" "+code[3:]) {
		t.Errorf("page and prompt show the same code %s", code)
	}
	if name, err := RelayName(g.cfg); err != nil || rendezvous.Name(session.RemoteStatic()) == name {
		t.Errorf("the key in the middle has the bridge's name %s, %v", name, err)
	}
}

func TestAGatewayCannotUseUpTheHandshakesOfLoopback(t *testing.T) {
	t.Parallel()
	g, gw := relayed(t, func(gw *dialouttest.Gateway) {
		gw.Tamper = func(up bool, n int, m []byte) [][]byte {
			if up && n == 1 {
				return [][]byte{{0}}
			}
			return [][]byte{m}
		}
	})
	for range link.MaxAbandoned + 1 {
		if _, err := g.through(gw, g.pageKey); err == nil {
			t.Fatal("a link without message 3")
		}
	}
	if events := g.events(); !slices.Contains(events, journal.Limited) {
		t.Errorf("journal %v: the gateway is not limited", events)
	}
	g.mustConnect()
}
