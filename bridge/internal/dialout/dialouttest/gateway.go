// Package dialouttest is a gateway for tests of the bridge's relay, and as
// hostile as a test wants it: it can change, repeat, reorder and drop what it
// carries, and lie about where a page comes from. Users: the tests of
// bridge/internal/dialout and bridge/internal/approver.
package dialouttest

import (
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"countersign/shared/frame"
	"countersign/shared/rendezvous"
)

// Gateway is a running gateway with one bridge.
type Gateway struct {
	Origin string // what the bridge dials: http://127.0.0.1:…
	Pages  string // what a page dials, as if it were a bridge on loopback: ws://127.0.0.1:…

	// Registered gets the name of each bridge that registered.
	Registered chan string
	// Control gets the control connection of each bridge, to be misused.
	Control chan *websocket.Conn

	// Tamper, when it is set, returns what is sent in place of the n-th message
	// of a direction, counted from 0 for each page.
	Tamper func(toBridge bool, n int, message []byte) [][]byte
	// Claim, when it is set, returns the origin that the bridge is told.
	Claim func(origin string) string

	// Server is what serves, for its certificate.
	Server *httptest.Server

	t       testing.TB
	pongs   chan struct{}
	mu      sync.Mutex
	bridge  *websocket.Conn
	waiting map[string]chan *websocket.Conn
	open    []*websocket.Conn
}

// New starts a gateway; start is (*httptest.Server).Start or StartTLS.
func New(t testing.TB, start func(*httptest.Server)) *Gateway {
	t.Helper()
	g := &Gateway{t: t, Registered: make(chan string, 64), Control: make(chan *websocket.Conn, 64), pongs: make(chan struct{}, 64), waiting: map[string]chan *websocket.Conn{}}
	mux := http.NewServeMux()
	mux.HandleFunc(rendezvous.BridgePath, g.serveBridge)
	mux.HandleFunc(rendezvous.StreamPath, g.serveStream)
	mux.HandleFunc(frame.Path, g.servePage)
	g.Server = httptest.NewUnstartedServer(mux)
	start(g.Server)
	g.Origin = g.Server.URL
	g.Pages = "ws" + strings.TrimPrefix(g.Origin, "http")
	t.Cleanup(func() { g.Cut(); g.Server.Close() })
	return g
}

// Cut ends every connection without a word.
func (g *Gateway) Cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, ws := range g.open {
		ws.Close()
	}
	g.open, g.bridge = nil, nil
}

func (g *Gateway) upgrade(w http.ResponseWriter, r *http.Request, protocol string) *websocket.Conn {
	u := websocket.Upgrader{Subprotocols: []string{protocol}, CheckOrigin: func(*http.Request) bool { return true }}
	ws, err := u.Upgrade(w, r, nil)
	if err != nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = append(g.open, ws)
	return ws
}

func (g *Gateway) serveBridge(w http.ResponseWriter, r *http.Request) {
	ws := g.upgrade(w, r, rendezvous.BridgeProtocol)
	if ws == nil {
		return
	}
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		g.t.Error(err)
		return
	}
	challenge := key.PublicKey().Bytes()
	g.send(ws, rendezvous.Message{Type: rendezvous.Challenge, Key: rendezvous.Bytes(challenge)})
	_, data, err := ws.ReadMessage()
	if err != nil {
		return
	}
	m, err := rendezvous.DecodeMessage(data, rendezvous.Register)
	if err != nil {
		g.t.Errorf("the bridge registers with %s: %v", data, err)
		return
	}
	static := rendezvous.ParseBytes(m.Key, len(challenge))
	public, err := ecdh.X25519().NewPublicKey(static)
	if err != nil {
		g.t.Error(err)
		return
	}
	secret, err := key.ECDH(public)
	if err != nil || !hmac.Equal(rendezvous.ParseBytes(m.Proof, 32), rendezvous.Proof(secret, challenge, static, g.Origin)) {
		g.t.Errorf("the bridge's proof is wrong: %v", err)
		return
	}
	ws.SetPongHandler(func(string) error { g.pongs <- struct{}{}; return nil })
	g.mu.Lock()
	g.bridge = ws
	g.mu.Unlock()
	g.send(ws, rendezvous.Message{Type: rendezvous.Registered})
	g.Control <- ws
	g.Registered <- rendezvous.Name(static)
	for { // pongs
		if _, _, err := ws.ReadMessage(); err != nil {
			return
		}
	}
}

func (g *Gateway) send(ws *websocket.Conn, m rendezvous.Message) {
	data, err := m.Encode()
	if err != nil {
		g.t.Error(err)
	}
	_ = ws.WriteMessage(websocket.TextMessage, data) // the bridge may be gone
}

// Announce tells the bridge of a page and returns where its stream will arrive.
func (g *Gateway) Announce(origin string) <-chan *websocket.Conn {
	id := make([]byte, rendezvous.SecretSize)
	_, _ = rand.Read(id) // never fails
	stream := make(chan *websocket.Conn, 1)
	g.mu.Lock()
	ws := g.bridge
	g.waiting[rendezvous.Bytes(id)] = stream
	g.mu.Unlock()
	if ws == nil {
		g.t.Error("no bridge is connected")
		return stream
	}
	g.send(ws, rendezvous.Message{Type: rendezvous.Open, Stream: rendezvous.Bytes(id), Origin: origin})
	return stream
}

// Flush returns when the bridge has read what it was told.
func (g *Gateway) Flush() {
	g.mu.Lock()
	ws := g.bridge
	g.mu.Unlock()
	if err := ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second)); err != nil {
		g.t.Error(err)
		return
	}
	<-g.pongs
}

func (g *Gateway) serveStream(w http.ResponseWriter, r *http.Request) {
	id := rendezvous.Presented(websocket.Subprotocols(r), rendezvous.Stream)
	g.mu.Lock()
	stream := g.waiting[id]
	delete(g.waiting, id)
	g.mu.Unlock()
	if stream == nil {
		g.t.Errorf("the bridge takes up a stream that nobody announced")
		return
	}
	if ws := g.upgrade(w, r, rendezvous.BridgeProtocol); ws != nil {
		stream <- ws
	}
}

func (g *Gateway) servePage(w http.ResponseWriter, r *http.Request) {
	page := g.upgrade(w, r, frame.SubProtocol)
	if page == nil {
		return
	}
	origin := r.Header.Get("Origin")
	if g.Claim != nil {
		origin = g.Claim(origin)
	}
	select {
	case bridge := <-g.Announce(origin):
		go g.copy(page, bridge, true)
		go g.copy(bridge, page, false)
	case <-time.After(10 * time.Second):
		page.Close()
	}
}

func (g *Gateway) copy(from, to *websocket.Conn, toBridge bool) {
	defer to.Close()
	for n := 0; ; n++ {
		kind, data, err := from.ReadMessage()
		if c := (*websocket.CloseError)(nil); errors.As(err, &c) {
			_ = to.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(c.Code, c.Text), time.Now().Add(time.Second)) // it may be gone
		}
		if err != nil {
			return
		}
		out := [][]byte{data}
		if g.Tamper != nil {
			out = g.Tamper(toBridge, n, data)
		}
		for _, m := range out {
			if err := to.WriteMessage(kind, m); err != nil {
				return
			}
		}
	}
}
