package surface

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"slices"
	"sync"
	"testing"

	"countersign/shared/frame"
	"countersign/shared/link"
	"countersign/shared/link/linkkey"
	"countersign/wasm/core"
	"countersign/wasm/internal/app"
	"countersign/wasm/internal/bridgeclient"
)

// bridgeKey is the name under which the core keeps the bridge's key.
const bridgeKey = "bridge-key"

// near is a computer with one bridge, at an address of its own.
type near struct {
	*crossing
	address    string
	permission bridgeclient.Permission

	mu     sync.Mutex
	looked []string // addresses, in the order of the first look
	lines  []*pipe
	hangs  chan struct{} // closed when a look at a hanging program was cancelled
}

func (n *near) local() bridgeclient.Local {
	return bridgeclient.Local{
		Permission: func(context.Context) bridgeclient.Permission { return n.permission },
		Health: func(ctx context.Context, address string) string {
			n.mu.Lock()
			n.looked = append(n.looked, address)
			n.mu.Unlock()
			if n.hangs != nil {
				<-ctx.Done()
				close(n.hangs)
				return bridgeclient.Nothing
			}
			if address == n.address {
				return frame.SubProtocol
			}
			return bridgeclient.Nothing
		},
		Dial: func(context.Context, string) (bridgeclient.Socket, error) {
			p := &pipe{in: make(chan []byte, 16), out: make(chan []byte, 16), closed: make(chan struct{})}
			n.mu.Lock()
			n.lines = append(n.lines, p)
			n.mu.Unlock()
			go n.bridge(p)
			return p, nil
		},
	}
}

func (n *near) open(h *host) page {
	n.t.Helper()
	return end(n.t, h, start(h, h, core.Config{Tokens: n, Fetch: n, Rand: rand.Reader, Local: n.local(), BridgeURLs: []string{"ws://127.0.0.1:9000"},
		LinkKey: func(context.Context) (link.DH, error) { return linkkey.New(rand.Reader) }}))
}

// line is the n-th connection that the page made.
func (n *near) line(i int) *pipe {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.lines[i]
}

func newNear(t *testing.T, address string) *near {
	t.Helper()
	n := &near{crossing: newCrossing(t), address: address, permission: bridgeclient.Granted}
	n.known = true
	return n
}

func TestThePortThatHeldTheBridgeIsRemembered(t *testing.T) {
	t.Parallel()
	n, h := newNear(t, "ws://127.0.0.1:18447"), newHost()
	sh := n.open(h)
	until(t, h, "not paired: connect")
	sh.Post(app.Acted{Action: "bridge.connect"})
	until(t, h, "ready: no device plugged in")
	if got := value(t, h, "bridge-address"); got != n.address {
		t.Errorf("kept %q", got)
	}
	n.mu.Lock()
	slices.Sort(n.looked)
	if want := []string{"ws://127.0.0.1:18427", "ws://127.0.0.1:18437", "ws://127.0.0.1:18447", "ws://127.0.0.1:18457", "ws://127.0.0.1:9000"}; !slices.Equal(n.looked, want) {
		t.Errorf("looked at %v", n.looked)
	}
	n.mu.Unlock()
	if got := bridgeclient.Addresses(value(t, h, "bridge-address"), nil)[0]; got != n.address {
		t.Errorf("the next time it begins at %s", got)
	}
}

func TestLeavingThePageClosesItsLineAndComingBackOpensOne(t *testing.T) {
	t.Parallel()
	n, h := newNear(t, "ws://127.0.0.1:9000"), newHost()
	h.values[bridgeKey] = base64.RawURLEncoding.EncodeToString(n.key.Static())
	sh := n.open(h)
	until(t, h, "ready: no device plugged in")
	sh.core.Visible(false)
	sh.core.Leave() // into the browser's cache of pages
	<-n.line(0).closed
	until(t, h, "not connected: connect")
	sh.core.Visible(true)
	until(t, h, "ready: no device plugged in")
}

func TestAPairedPageThatWouldHaveToAskWaitsForTheGesture(t *testing.T) {
	t.Parallel()
	n, h := newNear(t, "ws://127.0.0.1:9000"), newHost()
	n.permission = bridgeclient.Prompt
	h.values[bridgeKey] = base64.RawURLEncoding.EncodeToString(n.key.Static())
	sh := n.open(h)
	until(t, h, "not connected: connect")
	n.mu.Lock()
	if len(n.looked) > 0 {
		t.Errorf("it looked at %v", n.looked)
	}
	n.mu.Unlock()
	sh.Post(app.Acted{Action: "bridge.connect"})
	until(t, h, "ready: no device plugged in")
}

func TestASearchIsCancelledInTheMiddle(t *testing.T) {
	t.Parallel()
	n, h := newNear(t, "ws://127.0.0.1:9000"), newHost()
	hangs := make(chan struct{})
	n.permission, n.hangs = bridgeclient.Prompt, hangs
	sh := n.open(h)
	until(t, h, "not paired: connect")
	sh.Post(app.Acted{Action: "bridge.connect"})
	until(t, h, "Choose Allow in the browser")
	sh.Post(app.Acted{Action: "bridge.stop"})
	<-hangs
	until(t, h, "not paired: connect")
}

func TestAPageThatTheBridgeForgotPairsOnlyWhenThePersonPresses(t *testing.T) {
	t.Parallel()
	n, h := newNear(t, "ws://127.0.0.1:9000"), newHost()
	n.known = false // its pairing was revoked while the page was closed
	h.values[bridgeKey] = base64.RawURLEncoding.EncodeToString(n.key.Static())
	sh := n.open(h)
	until(t, h, "not paired: connect")
	<-n.line(0).closed
	if got, _ := h.Get(t.Context(), bridgeKey); got != "" {
		t.Errorf("it keeps the bridge for the next visit: %q", got)
	}
	sh.Post(app.Acted{Action: "bridge.connect"})
	until(t, h, "compare the code")
}
