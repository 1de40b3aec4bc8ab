package surface

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"io"
	"slices"
	"strings"
	"testing"

	"countersign/shared/frame"
	"countersign/shared/link"
	"countersign/shared/link/linkkey"
	"countersign/shared/rendezvous"
	"countersign/wasm/core"
	"countersign/wasm/internal/app"
	"countersign/wasm/internal/bridgeclient"
	"countersign/wasm/internal/gatewayclient"
)

// crossing is a gateway with a relay, and one bridge behind it.
type crossing struct {
	*server
	t       *testing.T
	key     *linkkey.Key // the bridge's
	absent  bool         // the gateway knows no such bridge
	asked   chan string  // bodies of POST /v1/relays
	dialled chan []string
	accept  chan bool // the person's answers at the bridge's prompt
	known   bool      // the bridge knows the page
}

func newCrossing(t *testing.T) *crossing {
	t.Helper()
	key, err := linkkey.New(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &crossing{server: gateway(), t: t, key: key, asked: make(chan string, 8), dialled: make(chan []string, 8), accept: make(chan bool, 1)}
}

func (c *crossing) Do(ctx context.Context, r gatewayclient.Request) (*gatewayclient.Response, error) {
	if r.URL != rendezvous.TicketsPath {
		return c.server.Do(ctx, r)
	}
	c.asked <- string(r.Body)
	status, body := 200, `{"ticket":"once","expires_at":"`+now+`"}`
	if c.absent {
		status, body = 503, `{"error":{"code":"UNAVAILABLE","message":"no bridge with this name is connected to the gateway"}}`
	}
	return &gatewayclient.Response{Status: status, Header: func(string) string { return "application/json" }, Body: io.NopCloser(strings.NewReader(body))}, nil
}

func (c *crossing) dial(_ context.Context, url string, protocols ...string) (bridgeclient.Socket, error) {
	c.dialled <- append([]string{url}, protocols...)
	p := &pipe{in: make(chan []byte, 16), out: make(chan []byte, 16), closed: make(chan struct{})}
	go c.bridge(p)
	return p, nil
}

// bridge is the bridge's end of one connection.
func (c *crossing) bridge(p *pipe) {
	r, err := link.NewResponder(link.ResponderConfig{DH: c.key, Origin: "http://page", Rand: rand.Reader})
	if err != nil {
		c.t.Error(err)
		return
	}
	second, err := r.Accept(<-p.in)
	if err != nil {
		c.t.Error(err)
		return
	}
	p.out <- second
	third, ok := <-p.in
	if !ok {
		return // the page did not like the key
	}
	session, err := r.Finish(third)
	if err != nil {
		c.t.Error(err)
		return
	}
	say := func(text string) {
		record, err := session.Seal([]byte("[" + text + "]"))
		if err != nil {
			c.t.Error(err)
			return
		}
		p.out <- record
	}
	if !c.known {
		say(`{"jsonrpc":"2.0","method":"link.state","params":{"state":"pairing","bridge":"Bridge","version":"1"}}`)
		if !<-c.accept {
			return
		}
	}
	say(`{"jsonrpc":"2.0","method":"link.state","params":{"state":"ready","bridge":"Bridge","version":"1"}}`)
	for record := range p.in {
		plaintext, err := session.Open(record)
		if err != nil {
			c.t.Error(err)
			return
		}
		messages, err := frame.Decode(plaintext)
		if err != nil {
			c.t.Error(err)
			return
		}
		for _, m := range messages {
			reply, err := frame.NewReply(*m.ID, frame.BridgeInfoResult{Version: "1", Identities: []frame.Identity{}})
			if err != nil {
				c.t.Error(err)
				return
			}
			text, err := frame.Encode([]frame.Message{reply})
			if err != nil {
				c.t.Error(err)
				return
			}
			say(strings.Trim(string(text), "[]"))
		}
	}
}

// pipe is a WebSocket in memory.
type pipe struct {
	in, out chan []byte
	closed  chan struct{}
}

func (p *pipe) Send(m []byte) error { p.in <- slices.Clone(m); return nil }
func (p *pipe) Receive(ctx context.Context) ([]byte, error) {
	select {
	case m := <-p.out:
		return m, nil
	case <-p.closed:
		return nil, io.EOF
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
func (p *pipe) CloseReason() (code int, reason string) { return 0, "" }
func (p *pipe) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
		close(p.in)
	}
	return nil
}

func (c *crossing) open(h *host) page {
	c.t.Helper()
	return end(c.t, h, start(h, h, core.Config{Tokens: c, Fetch: c, Rand: rand.Reader, Local: silent(), DialGateway: c.dial,
		LinkKey: func(context.Context) (link.DH, error) { return linkkey.New(rand.Reader) }}))
}

func (c *crossing) name() string { return rendezvous.Name(c.key.Static()) }

const viaGateway = "via the gateway, end-to-end encrypted"

func TestAPairedPageGoesThroughTheGatewayByItself(t *testing.T) {
	t.Parallel()
	c, h := newCrossing(t), newHost()
	c.known = true
	h.values[bridgeKey] = base64.RawURLEncoding.EncodeToString(c.key.Static())
	c.open(h)
	until(t, h, viaGateway, "ready")
	if body := <-c.asked; body != `{"name":"`+c.name()+`"}` {
		t.Errorf("asked for %s", body)
	}
	if d := <-c.dialled; !slices.Equal(d, []string{"ws://page/v1/relays/page", "countersign.v1", "ticket.once"}) {
		t.Errorf("dialled %q", d)
	}
}

func TestAPersonTypesTheRelayNameAndComparesTheCode(t *testing.T) {
	t.Parallel()
	c, h := newCrossing(t), newHost()
	sh := c.open(h)
	until(t, h, "not paired: connect")
	sh.Post(app.Acted{Action: "bridge.connect"})
	until(t, h, "not running", "relay-name")
	sh.Post(app.Acted{Action: "bridge.name", Value: "abcd"})
	sh.Post(app.Acted{Action: "bridge.relay"})
	until(t, h, "A relay name has 26 letters")
	sh.Post(app.Acted{Action: "bridge.name", Value: " " + strings.ToUpper(rendezvous.Show(c.name()))})
	sh.Post(app.Acted{Action: "bridge.relay"})
	until(t, h, "compare the code", viaGateway)
	c.accept <- true
	until(t, h, viaGateway, "ready")
	if got := value(t, h, bridgeKey); got != base64.RawURLEncoding.EncodeToString(c.key.Static()) {
		t.Errorf("kept %s", got)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for k, v := range h.values {
		if strings.Contains(v, c.name()) {
			t.Errorf("the name is stored in %s", k)
		}
	}
}

func TestAGatewayCannotPutAnotherBridgeInPlaceOfTheNamedOne(t *testing.T) {
	t.Parallel()
	c, h := newCrossing(t), newHost()
	sh := c.open(h)
	until(t, h, "not paired: connect")
	sh.Post(app.Acted{Action: "bridge.name", Value: rendezvous.Name([]byte("the bridge that was meant"))})
	sh.Post(app.Acted{Action: "bridge.relay"})
	until(t, h, "A bridge answers, but not the one")
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.values[bridgeKey] != "" {
		t.Error("its key is kept")
	}
}

func TestARelayNameThatNoBridgeHasIsReported(t *testing.T) {
	t.Parallel()
	c, h := newCrossing(t), newHost()
	c.absent = true
	sh := c.open(h)
	until(t, h, "not paired: connect")
	sh.Post(app.Acted{Action: "bridge.name", Value: c.name()})
	sh.Post(app.Acted{Action: "bridge.relay"})
	until(t, h, "No bridge with this name waits at the gateway.")
}
