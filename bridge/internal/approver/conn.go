package approver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"countersign/bridge/internal/approval"
	"countersign/bridge/internal/guard"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/peer"
	"countersign/bridge/internal/unlock"
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/link"
)

// The limits of one connection.
const (
	maxInFlight  = 64 // calls that are not answered yet
	writeTimeout = 10 * time.Second
	pingEvery    = 20 * time.Second
	idleTimeout  = 60 * time.Second // without a byte, not even a pong
)

// conn is one page's connection.
type conn struct {
	bridge   *Bridge
	ws       *websocket.Conn
	origin   string
	gateway  string // through whose relay the page came; empty: on loopback
	session  *link.Session
	process  peer.Process // the page's program, as the operating system says
	page     []byte       // the page's static key
	pairing  string       // its id
	user     *unlock.User // of the tokens
	desk     *approval.Desk
	mayPair  bool // the site has not abandoned too many handshakes
	log      *slog.Logger
	ctx      context.Context
	cancel   context.CancelFunc
	work     context.Context // of the page's calls and prompts: ends first
	stopWork context.CancelCauseFunc
	calls    sync.WaitGroup
	slots    chan struct{}

	mu     sync.Mutex
	ready  bool
	out    frame.Batcher
	ending fault.Code // close with this code when out is empty
	wake   chan struct{}
}

// serve runs one connection until either side ends it. gateway is empty on
// loopback; otherwise the origin is its claim until the link proves a page's key.
func (b *Bridge) serve(ctx context.Context, ws *websocket.Conn, origin, gateway string) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := &conn{bridge: b, ws: ws, origin: origin, gateway: gateway, ctx: ctx, cancel: cancel, slots: make(chan struct{}, maxInFlight),
		wake: make(chan struct{}, 1), log: b.deps.Log.With("origin", origin)}
	c.work, c.stopWork = context.WithCancelCause(ctx)
	defer c.stopWork(nil)
	stop := context.AfterFunc(ctx, func() { ws.Close() }) // ends the reads and writes below
	defer stop()
	err := c.identify(ws)
	if err == nil {
		err = c.handshake()
	}
	if err != nil {
		c.log.Warn("the link was not established", "error", err)
		c.closeWith(fault.CodeOf(err))
		return
	}
	defer c.session.Close()
	c.user = b.keeper.User(c)
	c.desk = approval.New(c.work, approval.Config{Members: b.members, Tokens: c.user, Asker: c, Decider: approval.Person{},
		Journal: b.deps.Journal, Refusals: b.refusals, Rand: b.deps.Rand, Now: b.deps.Now})
	b.mu.Lock()
	b.conns[c] = true
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		delete(b.conns, c)
		b.mu.Unlock()
		c.user.Leave()
	}()
	c.calls.Go(c.write)
	c.calls.Go(c.begin)
	if err := c.read(); err != nil && ctx.Err() == nil {
		c.log.Info("the connection ended", "reason", err)
	}
	cancel() // prompts of this page close
	c.calls.Wait()
	c.desk.Close()
}

// handshake is the link's three messages, within the guard's time.
func (c *conn) handshake() error {
	b := c.bridge
	budget := &b.budget
	if c.gateway != "" {
		budget = &b.relayed
	}
	pair, finished := budget.Begin(c.origin)
	if c.mayPair = pair; !pair {
		_ = c.refused(c.event(journal.Limited), tooManyHandshakes())
	}
	r, err := link.NewResponder(link.ResponderConfig{DH: b.key, Origin: c.origin, Rand: b.deps.Rand})
	if err != nil {
		return err
	}
	deadline := time.Now().Add(guard.HandshakeTimeout) // of the operating system's clock, as all socket deadlines
	if err := c.ws.SetReadDeadline(deadline); err != nil {
		return err
	}
	if err := c.ws.SetWriteDeadline(deadline); err != nil {
		return err
	}
	message1, err := c.readBinary()
	if err != nil {
		return err
	}
	message2, err := r.Accept(message1)
	if err != nil {
		return err
	}
	if err := c.ws.WriteMessage(websocket.BinaryMessage, message2); err != nil {
		return fmt.Errorf("write message 2: %w", err)
	}
	message3, err := c.readBinary()
	if err != nil {
		return err
	}
	if c.session, err = r.Finish(message3); err != nil {
		return err
	}
	finished()
	c.page = c.session.RemoteStatic()
	c.pairing = pairingID(c.origin, c.page)
	return nil
}

func (c *conn) readBinary() ([]byte, error) {
	kind, data, err := c.ws.ReadMessage()
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return nil, fault.Wrap(err, fault.Timeout, "the page was silent for too long")
	}
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	if kind != websocket.BinaryMessage {
		return nil, fault.New(fault.RecordInvalid, "messages must be binary")
	}
	return data, nil
}

func (c *conn) deviceChanged(label string, present bool) {
	c.mu.Lock()
	ready := c.ready
	c.mu.Unlock()
	if !ready || label == "" || len(label) > frame.MaxName {
		return
	}
	method := frame.DeviceRemoved
	if present {
		method = frame.DeviceAdded
	}
	c.notify(method, frame.DeviceParams{Device: label})
}

// Who says which page it is.
func (c *conn) Who() unlock.Who {
	return unlock.Who{Origin: c.origin, Site: c.site(), Pairing: c.pairing, Process: c.program()}
}

// Permitted notices a pairing that was revoked from the command line.
func (c *conn) Permitted() error {
	ok, err := c.bridge.pairings.Has(c.origin, c.page)
	if err == nil && !ok {
		c.user.Disallow()
		c.user.Leave()
		return fault.New(fault.NotPaired, "the pairing of this page was revoked")
	}
	return err
}

// Progress tells the page how much of a batch is done.
func (c *conn) Progress(batch string, done, of int) {
	c.notify(frame.ApprovalProgress, frame.ApprovalProgressParams{Batch: batch, Done: done, Of: of})
}

// Tell tells the person what became of what they decided for the page.
func (c *conn) Tell(ctx context.Context, news string) {
	c.bridge.deps.Prompts.Tell(ctx, c.site(), news)
}

// event begins a line of the journal about this page.
func (c *conn) event(kind string) journal.Event { return c.Who().Event(kind) }

// refused notes that something was refused: see [journal.Refusals.Refuse].
func (c *conn) refused(e journal.Event, err error) error { return c.bridge.refusals.Refuse(e, err) }
