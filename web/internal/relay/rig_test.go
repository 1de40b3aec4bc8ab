package relay

import (
	"bytes"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/link"
	"countersign/shared/rendezvous"
)

const (
	self   = "https://gateway.example"
	origin = "https://app.example"
)

// rig is a relay on a real port.
type rig struct {
	*Relay
	t   testing.TB
	url string
	log *buffer

	mu  sync.Mutex
	now time.Time
}

// buffer is what was logged.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func newRig(t testing.TB, idle time.Duration) *rig {
	t.Helper()
	g := &rig{t: t, log: &buffer{}, now: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)}
	var err error
	g.Relay, err = New(Config{Gateway: self, Origins: []string{"https://other.example", origin}, Now: g.clock, Rand: rand.Reader,
		Log: slog.New(slog.NewTextHandler(g.log, nil)), Idle: idle})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for path, serve := range map[string]func(http.ResponseWriter, *http.Request) error{
		rendezvous.PagePath: g.Page, rendezvous.BridgePath: g.Bridge, rendezvous.StreamPath: g.Stream,
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if err := serve(w, r); err != nil {
				w.Header().Set("X-Code", string(fault.CodeOf(err)))
				w.WriteHeader(http.StatusBadRequest)
			}
		})
	}
	s := httptest.NewServer(mux)
	t.Cleanup(func() { g.Close(); s.Close() })
	g.url = "ws" + strings.TrimPrefix(s.URL, "http")
	return g
}

func (g *rig) clock() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.now
}

func (g *rig) later(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now = g.now.Add(d)
}

// dial opens a WebSocket; code is why it was refused.
func (g *rig) dial(path, from string, protocols ...string) (ws *websocket.Conn, code fault.Code) {
	g.t.Helper()
	header := http.Header{}
	if from != "" {
		header["Origin"] = strings.Split(from, "\n")
	}
	d := websocket.Dialer{Subprotocols: protocols}
	ws, answer, err := d.DialContext(g.t.Context(), g.url+path, header)
	if errors.Is(err, websocket.ErrBadHandshake) {
		return nil, fault.Code(answer.Header.Get("X-Code"))
	}
	if err != nil {
		g.t.Fatal(err)
	}
	if ws.Subprotocol() != protocols[0] {
		g.t.Errorf("sub-protocol %q", ws.Subprotocol())
	}
	g.t.Cleanup(func() { ws.Close() })
	return ws, ""
}

func (g *rig) mustDial(path, from string, protocols ...string) *websocket.Conn {
	g.t.Helper()
	ws, code := g.dial(path, from, protocols...)
	if ws == nil {
		g.t.Fatalf("%s: refused with %s", path, code)
	}
	return ws
}

// testBridge is a bridge that takes every stream up.
type testBridge struct {
	g       *rig
	key     *link.Key
	name    string
	control *websocket.Conn
	streams chan *websocket.Conn
	origins chan string
	ended   chan error // of the control connection
}

func (g *rig) bridge() *testBridge {
	g.t.Helper()
	key, err := link.NewKey(rand.Reader)
	if err != nil {
		g.t.Fatal(err)
	}
	return g.bridgeWith(key)
}

func (g *rig) bridgeWith(key *link.Key) *testBridge {
	g.t.Helper()
	b := &testBridge{g: g, key: key, name: rendezvous.Name(key.Static()), streams: make(chan *websocket.Conn, 64), origins: make(chan string, 64), ended: make(chan error, 1)}
	b.control = g.mustDial(rendezvous.BridgePath, "", rendezvous.BridgeProtocol)
	if err := b.control.WriteMessage(websocket.TextMessage, b.register(b.challenge(), self)); err != nil {
		g.t.Fatal(err)
	}
	_, data, err := b.control.ReadMessage()
	if err != nil {
		g.t.Fatal(err)
	}
	if _, err := rendezvous.DecodeMessage(data, rendezvous.Registered); err != nil {
		g.t.Fatal(err)
	}
	go func() {
		for {
			_, data, err := b.control.ReadMessage()
			if err != nil {
				b.ended <- err
				return
			}
			m, err := rendezvous.DecodeMessage(data, rendezvous.Open)
			if err != nil {
				b.ended <- err
				return
			}
			b.origins <- m.Origin
			d := websocket.Dialer{Subprotocols: []string{rendezvous.BridgeProtocol, rendezvous.Stream(m.Stream)}}
			ws, _, err := d.DialContext(g.t.Context(), g.url+rendezvous.StreamPath, nil)
			if err == nil {
				b.streams <- ws
			}
		}
	}()
	return b
}

func (b *testBridge) challenge() []byte {
	b.g.t.Helper()
	_, data, err := b.control.ReadMessage()
	if err != nil {
		b.g.t.Fatal(err)
	}
	m, err := rendezvous.DecodeMessage(data, rendezvous.Challenge)
	if err != nil {
		b.g.t.Fatal(err)
	}
	return rendezvous.ParseBytes(m.Key, link.KeySize)
}

func (b *testBridge) register(challenge []byte, gateway string) []byte {
	b.g.t.Helper()
	secret, err := b.key.DH(nil, challenge)
	if err != nil {
		b.g.t.Fatal(err)
	}
	data, err := rendezvous.Message{Type: rendezvous.Register, Key: rendezvous.Bytes(b.key.Static()),
		Proof: rendezvous.Bytes(rendezvous.Proof(secret, challenge, b.key.Static(), gateway))}.Encode()
	if err != nil {
		b.g.t.Fatal(err)
	}
	return data
}

// next is the bridge's end of the stream that was opened last.
func (b *testBridge) next() *websocket.Conn {
	b.g.t.Helper()
	select {
	case ws := <-b.streams:
		b.g.t.Cleanup(func() { ws.Close() })
		return ws
	case <-b.g.t.Context().Done():
		b.g.t.Fatal("no stream came")
		return nil
	}
}

func (g *rig) ticket(name string) string {
	g.t.Helper()
	t, err := g.Ticket("ent_sandbox", name)
	if err != nil {
		g.t.Fatal(err)
	}
	return t.Ticket
}

// page connects a page to a bridge.
func (g *rig) page(name string) *websocket.Conn {
	g.t.Helper()
	return g.mustDial(rendezvous.PagePath, origin, frame.SubProtocol, rendezvous.Ticket(g.ticket(name)))
}

func say(t testing.TB, ws *websocket.Conn, text string) {
	t.Helper()
	if err := ws.WriteMessage(websocket.BinaryMessage, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func hear(t testing.TB, ws *websocket.Conn, want string) {
	t.Helper()
	_, data, err := ws.ReadMessage()
	if err != nil || string(data) != want {
		t.Fatalf("read %q, %v; want %q", data, err, want)
	}
}

// wantClosed reads until the connection is closed with code and reason.
func wantClosed(t testing.TB, what string, ws *websocket.Conn, code int, reason string) {
	t.Helper()
	for {
		_, _, err := ws.ReadMessage()
		if err == nil {
			continue
		}
		if c := (*websocket.CloseError)(nil); !errors.As(err, &c) || c.Code != code || c.Text != reason {
			t.Errorf("%s: %v, want %d %s", what, err, code, reason)
		}
		return
	}
}
