package approver

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/guard"
	"countersign/bridge/internal/journal"
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/link"
)

// The limits of one connection.
const (
	maxInFlight  = 64 // calls that are not answered yet
	maxChannels  = 32
	maxApprovals = 256
	writeTimeout = 10 * time.Second
	pingEvery    = 20 * time.Second
	idleTimeout  = 60 * time.Second // without a byte, not even a pong
)

// conn is one page's connection.
type conn struct {
	bridge  *Bridge
	ws      *websocket.Conn
	origin  string
	gateway string // through whose relay the page came; empty: on loopback
	session *link.Session
	page    []byte // the page's static key
	pairing string // its id
	log     *slog.Logger
	ctx     context.Context
	cancel  context.CancelFunc
	calls   sync.WaitGroup
	slots   chan struct{}

	mu        sync.Mutex
	ready     bool
	out       frame.Batcher
	ending    fault.Code // close with this code when out is empty
	wake      chan struct{}
	channels  map[string]*channelState
	approvals map[string]*approvalState
}

// serve runs one connection until either side ends it. gateway is empty on
// loopback; otherwise the origin is its claim until the link proves a page's key.
func (b *Bridge) serve(ctx context.Context, ws *websocket.Conn, origin, gateway string) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := &conn{bridge: b, ws: ws, origin: origin, gateway: gateway, ctx: ctx, cancel: cancel, slots: make(chan struct{}, maxInFlight),
		wake: make(chan struct{}, 1), channels: map[string]*channelState{}, approvals: map[string]*approvalState{},
		log: b.deps.Log.With("origin", origin)}
	stop := context.AfterFunc(ctx, func() { ws.Close() }) // ends the reads and writes below
	defer stop()
	if err := c.handshake(); err != nil {
		c.log.Warn("the link was not established", "error", err)
		c.closeWith(fault.CodeOf(err))
		return
	}
	defer c.session.Close()
	b.mu.Lock()
	b.conns[c] = true
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		delete(b.conns, c)
		b.mu.Unlock()
	}()
	c.calls.Go(c.write)
	c.calls.Go(c.begin)
	if err := c.read(); err != nil && ctx.Err() == nil {
		c.log.Info("the connection ended", "reason", err)
	}
	cancel() // prompts of this page close
	c.calls.Wait()
	for _, ch := range c.channels {
		ch.close()
	}
}

// handshake is the link's three messages, within the guard's time.
func (c *conn) handshake() error {
	b := c.bridge
	budget := &b.budget
	if c.gateway != "" {
		budget = &b.relayed
	}
	finished, err := budget.Begin()
	if err != nil {
		return err
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
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	if kind != websocket.BinaryMessage {
		return nil, fault.New(fault.RecordInvalid, "messages must be binary")
	}
	return data, nil
}

// begin pairs when the page is new, and then lets it call methods.
func (c *conn) begin() {
	known, err := c.bridge.pairings.Has(c.origin, c.page)
	if err == nil && !known {
		c.bridge.forgetPage(c.pairing)
		err = c.pair()
	}
	if err == nil {
		err = c.bridge.pairings.Add(c.origin, c.page, c.bridge.deps.Now())
	}
	if err != nil {
		if c.ctx.Err() == nil {
			c.log.Warn("the page was not let in", "error", err)
		}
		c.notify(frame.LinkState, frame.LinkStateParams{State: frame.Refused, Bridge: name, Version: Version, Error: frame.FromFault(err)})
		c.end(fault.CodeOf(err))
		return
	}
	c.mu.Lock()
	c.ready = true
	c.mu.Unlock()
	c.notify(frame.LinkState, frame.LinkStateParams{State: frame.Ready, Bridge: name, Version: Version})
}

// pair asks the person whether the page shows the same code.
func (c *conn) pair() error {
	c.notify(frame.LinkState, frame.LinkStateParams{State: frame.Pairing, Bridge: name, Version: Version})
	code := c.session.Code()
	q := consent.Question{
		Title: "Pair with " + c.origin,
		Text: c.whence() + "\n" +
			"Its code:  " + code[:3] + " " + code[3:] + "\n\n" +
			"Approve only if you opened this page just now and it shows the same six digits.\n" +
			"You will still be asked about every signature.\n",
	}
	err := c.confirm(q, c.ctx, frame.PromptParams{Kind: frame.PromptPairing})
	event := journal.Event{Kind: journal.Paired, Origin: c.origin, Pairing: c.pairing}
	if err != nil {
		event.Kind, event.Code = journal.PairingFailed, string(fault.CodeOf(err))
	}
	if jerr := c.bridge.deps.Journal.Append(event); jerr != nil {
		return jerr
	}
	if fault.CodeOf(err) == fault.Declined {
		return fault.Wrap(err, fault.PairingRefused, "the pairing was refused at the bridge's prompt")
	}
	return err
}

// confirm asks, and tells the page that a prompt is open and where.
func (c *conn) confirm(q consent.Question, ctx context.Context, about frame.PromptParams) error {
	opened, closed := c.prompting(about)
	defer closed()
	return c.bridge.deps.Prompts.Confirm(ctx, q, opened)
}

func (c *conn) prompting(about frame.PromptParams) (opened, closed func()) {
	about.Where = c.bridge.deps.Prompts.Where()
	open := false
	return func() {
			open = true
			c.notify(frame.PromptOpened, about)
		}, func() {
			if open {
				c.notify(frame.PromptClosed, about)
			}
		}
}

// read dispatches frames until the connection ends.
func (c *conn) read() error {
	alive := func() { _ = c.ws.SetReadDeadline(time.Now().Add(idleTimeout)) } // a closed socket fails the next read
	c.ws.SetPongHandler(func(string) error { alive(); return nil })
	for {
		alive()
		record, err := c.readBinary()
		if _, ok := fault.As(err); ok {
			return c.violation(err)
		}
		if err != nil {
			return err
		}
		plaintext, err := c.session.Open(record)
		if err != nil {
			return c.violation(err)
		}
		messages, err := frame.Decode(plaintext)
		if err != nil {
			return c.violation(err)
		}
		for _, m := range messages {
			if m.Kind() != frame.Request {
				return c.violation(fault.New(fault.Invalid, "a page sends requests only"))
			}
			c.dispatch(m)
		}
	}
}

// violation ends a connection whose other end breaks the protocol.
func (c *conn) violation(err error) error {
	c.closeWith(fault.CodeOf(err))
	return err
}

// dispatch answers one request, in its own time.
func (c *conn) dispatch(m frame.Message) {
	select {
	case c.slots <- struct{}{}:
	default:
		c.send(frame.NewErrorReply(*m.ID, fault.New(fault.Busy, "too many calls are unanswered")))
		return
	}
	c.calls.Go(func() {
		defer func() { <-c.slots }()
		result, err := c.call(m)
		reply := frame.Message{}
		if err == nil {
			reply, err = frame.NewReply(*m.ID, result)
		}
		if err != nil {
			c.log.Info("refused", "method", m.Method, "error", err)
			reply = frame.NewErrorReply(*m.ID, err)
		}
		c.send(reply)
	})
}

// notify sends a notification.
func (c *conn) notify(method string, params any) {
	m, err := frame.NewNotification(method, params)
	if err != nil {
		c.log.Error("a notification could not be written", "method", method, "error", err)
		return
	}
	c.send(m)
}

// send queues a message; the writer puts what is queued into as few frames as
// it can.
func (c *conn) send(m frame.Message) {
	c.mu.Lock()
	err := c.out.Add(m)
	c.mu.Unlock()
	if err != nil { // the page does not read, or we made something that it would refuse
		c.log.Warn("the connection is given up", "error", err)
		c.cancel()
		return
	}
	c.poke()
}

// end closes the connection when everything before it was sent.
func (c *conn) end(code fault.Code) {
	c.mu.Lock()
	c.ending = code
	c.mu.Unlock()
	c.poke()
}

func (c *conn) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// write sends frames and pings until the connection ends.
func (c *conn) write() {
	defer c.cancel()
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-ping.C:
			if err := c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeTimeout)); err != nil {
				return
			}
		case <-c.wake:
			if !c.flush() {
				return
			}
		}
	}
}

// flush sends what is queued and reports whether the connection goes on.
func (c *conn) flush() bool {
	for {
		c.mu.Lock()
		plaintext, ending := c.out.Next(), c.ending
		c.mu.Unlock()
		if plaintext == nil {
			if ending != "" {
				c.closeWith(ending)
				return false
			}
			return true
		}
		record, err := c.session.Seal(plaintext)
		if err != nil {
			return false
		}
		if err := c.ws.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return false
		}
		if err := c.ws.WriteMessage(websocket.BinaryMessage, record); err != nil {
			return false
		}
	}
}

// closeWith sends the close frame that names a fault. It is a hint: the other
// end may be gone, and the code is not authenticated.
func (c *conn) closeWith(code fault.Code) {
	message := websocket.FormatCloseMessage(frame.CloseCode, string(code))
	_ = c.ws.WriteControl(websocket.CloseMessage, message, time.Now().Add(writeTimeout))
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
