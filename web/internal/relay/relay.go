// Package relay introduces pages to bridges that they cannot reach on loopback,
// and copies messages between the two. It cannot read them: what passes is
// shared/link, whose ends prove themselves to each other. A bridge dials in,
// proves its key, and waits under the name that follows from it; a page that
// knows the name gets a ticket, and a connection of its own. Spec:
// shared/spec/relay.md. User: web/internal/api.
package relay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/rendezvous"
	"countersign/shared/wire"
	"countersign/web/internal/party"
)

// The limits; shared/spec/relay.md lists them.
const (
	ticketLife    = 30 * time.Second
	registerTime  = 10 * time.Second // for a bridge to prove its key
	takeUpTime    = 8 * time.Second  // for a bridge to take a stream up: the page stops waiting after 10
	writeTime     = 20 * time.Second // for an end to take one message
	lingerTime    = 2 * time.Second  // for an end to answer a close frame
	maxBridges    = 10_000
	maxOfAddress  = 1_000 // bridges of one client's address that no page has reached yet
	maxWaiting    = 1024  // bridges that have not proved their key yet
	maxTickets    = 50_000
	ticketsEntity = 120 // in a minute: pages of its members ask again while their bridges are off
	ticketsName   = 20  // in a minute, of one entity
	failures      = 120 // in a minute, of one client's address: tickets, streams and proofs that are wrong
)

// Config is what a relay needs.
type Config struct {
	Gateway string   // the origin that bridges dial: https://gateway.example
	Origins []string // of the dashboards whose pages may connect
	Now     func() time.Time
	Rand    io.Reader
	Log     *slog.Logger

	// Idle is how long an end may be silent; it is pinged three times in it.
	// 0: a minute.
	Idle time.Duration
}

// Relay is the meeting place of one gateway. Its state is in memory: when the
// gateway starts again, bridges and pages come back by themselves.
type Relay struct {
	cfg    Config
	limit  budgets
	ctx    context.Context
	cancel context.CancelFunc
	open   sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	bridges registry
	streams map[string]int // by the bridge's name: open or being opened
	tickets map[[sha256.Size]byte]ticket
	waiting map[[sha256.Size]byte]*waiter
}

// ticket lets a page reach a bridge.
type ticket struct {
	name    string
	expires time.Time
}

// New makes a relay that knows no bridge yet.
func New(cfg Config) (*Relay, error) {
	if cfg.Gateway == "" || len(cfg.Origins) == 0 || cfg.Now == nil || cfg.Rand == nil {
		return nil, errors.New("relay: the gateway's origin, the dashboards, a clock and randomness are needed")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Idle == 0 {
		cfg.Idle = time.Minute
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Relay{
		cfg: cfg, limit: newBudgets(cfg.Now), ctx: ctx, cancel: cancel, streams: map[string]int{},
		tickets: map[[sha256.Size]byte]ticket{}, waiting: map[[sha256.Size]byte]*waiter{},
	}, nil
}

// Close ends every connection and waits for them.
func (r *Relay) Close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.cancel()
	r.open.Wait()
}

// begin counts a connection, unless the relay is closed.
func (r *Relay) begin() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return fault.New(fault.Unavailable, "the gateway is about to stop")
	}
	r.open.Add(1)
	return nil
}

// Ticket lets one page of the entity reach the bridge with this name, once. It
// fails with RATE_LIMITED, and with UNAVAILABLE when no such bridge is
// connected.
func (r *Relay) Ticket(entity, name string) (wire.RelayTicket, error) {
	if err := r.limit.entities.Spend(entity); err != nil {
		return wire.RelayTicket{}, err
	}
	if err := r.limit.names.Spend(entity + " " + name); err != nil {
		return wire.RelayTicket{}, err
	}
	secret, hash, err := r.secret()
	if err != nil {
		return wire.RelayTicket{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.bridges.of[name] == nil {
		return wire.RelayTicket{}, fault.New(fault.Unavailable, "no bridge with this name is connected to the gateway")
	}
	now := r.cfg.Now()
	for h, t := range r.tickets {
		if !now.Before(t.expires) {
			delete(r.tickets, h)
		}
	}
	if len(r.tickets) >= maxTickets { // the oldest makes room
		oldest := slices.MinFunc(slices.Collect(maps.Keys(r.tickets)), func(a, b [sha256.Size]byte) int {
			return r.tickets[a].expires.Compare(r.tickets[b].expires)
		})
		delete(r.tickets, oldest)
	}
	t := ticket{name, now.Add(ticketLife)}
	r.tickets[hash] = t
	return wire.RelayTicket{Ticket: secret, ExpiresAt: t.expires}, nil
}

// spend uses a ticket up and returns the name that it is for.
func (r *Relay) spend(secret string) (string, error) {
	hash := sha256.Sum256([]byte(secret))
	r.mu.Lock()
	defer r.mu.Unlock()
	t, ok := r.tickets[hash]
	delete(r.tickets, hash)
	if !ok || !r.cfg.Now().Before(t.expires) {
		return "", fault.New(fault.TicketSpent, "this ticket was used or has expired")
	}
	return t.name, nil
}

// secret makes 32 random bytes, as text, and the hash under which they are kept.
func (r *Relay) secret() (text string, hash [sha256.Size]byte, err error) {
	var raw [rendezvous.SecretSize]byte
	if _, err := io.ReadFull(r.cfg.Rand, raw[:]); err != nil {
		return "", hash, fmt.Errorf("make a ticket: %w", err)
	}
	text = rendezvous.Bytes(raw[:])
	return text, sha256.Sum256([]byte(text)), nil
}

// admit checks who asks for a WebSocket, before the upgrade: a page has the
// origin of a dashboard, a bridge has none.
func (r *Relay) admit(req *http.Request, protocol string) error {
	origins := req.Header.Values("Origin")
	if page := protocol == frame.SubProtocol; page && (len(origins) != 1 || !slices.Contains(r.cfg.Origins, origins[0])) || !page && len(origins) > 0 {
		return fault.New(fault.OriginRefused, "this page is not one of the gateway's dashboards")
	}
	if !slices.Contains(websocket.Subprotocols(req), protocol) {
		return fault.New(fault.Version, "the sub-protocol must be "+protocol)
	}
	return nil
}

// presented is the secret among the sub-protocols of a request: exactly one, and
// not empty.
func presented(req *http.Request, wrap func(string) string) (string, error) {
	secret := rendezvous.Presented(websocket.Subprotocols(req), wrap)
	if secret == "" {
		return "", fault.New(fault.Version, "one sub-protocol must be "+wrap("…"))
	}
	return secret, nil
}

// upgrade makes a WebSocket of a request that was admitted. Until it returns,
// nothing was answered.
func (r *Relay) upgrade(w http.ResponseWriter, req *http.Request, protocol string) (*websocket.Conn, error) {
	u := websocket.Upgrader{
		HandshakeTimeout: registerTime, Subprotocols: []string{protocol}, // buffers are those of the HTTP server
		CheckOrigin: func(*http.Request) bool { return true }, // admit has looked
		Error:       func(http.ResponseWriter, *http.Request, int, error) {},
	}
	ws, err := u.Upgrade(w, req, nil)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "this address is for WebSockets")
	}
	return ws, nil
}

// keepAlive lets ws live as long as it is not silent for too long, and ends it
// with the relay. The reads and writes of ws fail after that.
func (r *Relay) keepAlive(ws *websocket.Conn) (stop func()) {
	alive := func() { _ = ws.SetReadDeadline(time.Now().Add(r.cfg.Idle)) } // a closed socket fails the next read
	alive()
	ws.SetPongHandler(func(string) error { alive(); return nil })
	ws.SetPingHandler(func(data string) error {
		alive()
		_ = ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(writeTime)) // the next read or write fails
		return nil
	})
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		ping := time.NewTicker(r.cfg.Idle / 3)
		defer ping.Stop()
		for {
			select {
			case <-done:
				return
			case <-r.ctx.Done():
				shut(ws, websocket.CloseGoingAway, "")
				ws.Close()
				return
			case <-ping.C:
				_ = ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeTime)) // likewise
			}
		}
	})
	return func() { close(done); wg.Wait() }
}

// shut sends a close frame, once the writes before it are done.
func shut(ws *websocket.Conn, code int, reason string) {
	_ = ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), time.Now().Add(lingerTime)) // it may be gone
}

// shutFault sends the close frame that names a fault, as a bridge does.
func shutFault(ws *websocket.Conn, code fault.Code) { shut(ws, frame.CloseCode, string(code)) }

// failed charges a failure to the client that asked; one that failed too often
// learns that instead of why.
func (r *Relay) failed(req *http.Request, why error) error {
	if err := r.limit.failures.Spend(party.Of(req)); err != nil {
		return err
	}
	return why
}

// short is how a log names a bridge: its name is a capability.
func short(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:4])
}
