// Package bridgeclient is the page's end of the line to the bridge: it connects,
// runs the link's handshake, follows the pairing, and matches replies to
// requests. It is pure Go over a small [Socket], so that it is tested natively;
// wasm/internal/browser brings the browser's WebSocket and key. Specs:
// shared/spec/link.md and shared/spec/frame.md. Users: wasm/internal/app and
// wasm/internal/relay.
package bridgeclient

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
	"time"

	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/link"
)

// The time limits. A person who compares a code or reads a statement has no
// limit here; the bridge's prompt has one.
const (
	HandshakeTime = 10 * time.Second // from dialling to the first link.state
	CallTime      = 20 * time.Second // of a call for which the bridge asks nobody
)

// Socket is one WebSocket connection to a bridge, with binary messages.
type Socket interface {
	// Send queues one message.
	Send(message []byte) error
	// Receive returns the next message, and io.EOF when the connection is closed
	// and everything was read.
	Receive(ctx context.Context) ([]byte, error)
	// CloseReason is the code and the text of the bridge's close frame (RFC 6455
	// §7.1.5); 0 when there was none.
	CloseReason() (code int, reason string)
	// Close ends the connection; Receive returns.
	Close() error
}

// Config is what a client needs.
type Config struct {
	// Dial opens the connection, with the sub-protocol frame.SubProtocol. Its
	// error means that nobody listens, or that the upgrade was refused: a
	// browser does not tell the two apart.
	Dial func(ctx context.Context) (Socket, error)

	DH     link.DH   // the page's key
	Origin string    // the page's origin
	Remote []byte    // the bridge's key from an earlier visit, or nil
	Rand   io.Reader // crypto/rand.Reader

	// Notify is called for every notification but link.state, one at a time and
	// in order; it must not block. It may be nil.
	Notify func(Event)
}

// Event is a notification of the bridge. One of the three is set.
type Event struct {
	Method   string                        // frame.DeviceAdded, DeviceRemoved, PromptOpened, PromptClosed, PromptText, ApprovalProgress
	Device   *frame.DeviceParams           // of device.added and device.removed
	Prompt   *frame.PromptParams           // of prompt.opened and prompt.closed
	Text     *frame.PromptTextParams       // of prompt.text
	Progress *frame.ApprovalProgressParams // of approval.progress
}

// Client is one connection to a bridge.
type Client struct {
	socket  Socket
	session *link.Session
	notify  func(Event)
	stop    context.CancelFunc
	done    chan struct{}

	mu       sync.Mutex
	state    frame.LinkStateParams
	changed  chan struct{} // closed at each change of state
	pending  map[uint64]chan<- answer
	next     uint64
	out      frame.Batcher
	flushing bool
	err      error
}

type answer struct {
	message frame.Message
	err     error
}

// Connect dials, proves both ends to each other, and returns when the bridge has
// said whether it knows this page. See [Client.State]: when the state is
// frame.Pairing, show [Client.Code] and call [Client.WaitReady]. Errors are *Error.
func Connect(ctx context.Context, cfg Config) (*Client, error) {
	hand, cancel := context.WithTimeout(ctx, HandshakeTime)
	defer cancel()
	socket, err := cfg.Dial(hand)
	if err != nil {
		return nil, dialError(ctx, err)
	}
	session, err := shake(hand, socket, cfg)
	if err != nil {
		_ = socket.Close() // it is abandoned either way
		return nil, handshakeError(ctx, socket, err)
	}
	run, stop := context.WithCancel(context.Background())
	c := &Client{
		socket: socket, session: session, notify: cfg.Notify, stop: stop, done: make(chan struct{}),
		changed: make(chan struct{}), pending: map[uint64]chan<- answer{},
	}
	go c.read(run)
	if err := c.wait(hand, func(s string) bool { return s != "" }); err != nil {
		c.Close()
		return nil, handshakeError(ctx, socket, err)
	}
	return c, nil
}

func shake(ctx context.Context, socket Socket, cfg Config) (*link.Session, error) {
	hs, err := link.NewInitiator(link.InitiatorConfig{DH: cfg.DH, Origin: cfg.Origin, Remote: cfg.Remote, Rand: cfg.Rand})
	if err != nil {
		return nil, err
	}
	first, err := hs.Start()
	if err != nil {
		return nil, err
	}
	if err := socket.Send(first); err != nil {
		return nil, err
	}
	second, err := socket.Receive(ctx)
	if err != nil {
		return nil, err
	}
	third, session, err := hs.Finish(second)
	if err != nil {
		return nil, err
	}
	return session, socket.Send(third)
}

// Code is the six digits to compare with those of the bridge's prompt.
func (c *Client) Code() string { return c.session.Code() }

// BridgeKey is the bridge's static key. Keep it, for Config.Remote of the next
// visit, once the state is frame.Ready and never before.
func (c *Client) BridgeKey() []byte { return c.session.RemoteStatic() }

// State is frame.Ready or frame.Pairing, with the bridge's name and version.
func (c *Client) State() frame.LinkStateParams {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// WaitReady returns when the person has accepted the pairing in the bridge's
// prompt. It fails with the problem PairingRefused, or with how the connection
// ended.
func (c *Client) WaitReady(ctx context.Context) error {
	return c.wait(ctx, func(s string) bool { return s == frame.Ready })
}

func (c *Client) wait(ctx context.Context, good func(state string) bool) error {
	for {
		c.mu.Lock()
		state, changed, err := c.state.State, c.changed, c.err
		c.mu.Unlock()
		switch {
		case err != nil:
			return err
		case good(state):
			return nil
		}
		select {
		case <-changed:
		case <-c.done:
		case <-ctx.Done():
			return ctxError(ctx)
		}
	}
}

// Done is closed when the connection is over; Err says why.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err is nil while the connection lives, and an *Error after that.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close ends the connection and every call that waits.
func (c *Client) Close() {
	c.fail(&Error{Problem: Closed, Fault: fault.New(fault.ChannelClosed, "the connection to the bridge was closed")})
}

// fail ends the client for good, the first time that it is called.
func (c *Client) fail(err *Error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err = err
	pending := c.pending
	c.pending = map[uint64]chan<- answer{}
	c.mu.Unlock()
	c.session.Close()
	c.stop()
	_ = c.socket.Close() // it is abandoned either way
	for _, to := range pending {
		to <- answer{err: err}
	}
	close(c.done)
}

// Info asks what the bridge is and whom it can act for.
func (c *Client) Info(ctx context.Context) (frame.BridgeInfoResult, error) {
	var r frame.BridgeInfoResult
	err := c.Call(ctx, frame.BridgeInfo, frame.BridgeInfoParams{}, &r)
	return r, err
}

// Call sends a request and reads its result into result, a pointer to the type
// that frame.Methods names. A refusal by the bridge is a *fault.Error; the end of
// the connection is an *Error. When ctx ends first the error is CANCELLED or
// TIMEOUT, and a late answer is dropped. Calls are sent together when they are
// made together.
func (c *Client) Call(ctx context.Context, method string, params, result any) error {
	if !frame.Prompts(method) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, CallTime)
		defer cancel()
	}
	to := make(chan answer, 1)
	id, err := c.request(method, params, to)
	if err != nil {
		return err
	}
	select {
	case a := <-to:
		if a.err != nil {
			return a.err
		}
		return frame.DecodeResult(a.message, result)
	case <-ctx.Done():
		c.mu.Lock()
		delete(c.pending, id)
		c.mu.Unlock()
		return ctxError(ctx)
	}
}

func (c *Client) request(method string, params any, to chan<- answer) (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return 0, c.err
	}
	if c.state.State != frame.Ready {
		return 0, &Error{Problem: NotPaired, Fault: fault.New(fault.NotPaired, "this page is not paired with the bridge")}
	}
	id := c.next + 1
	m, err := frame.NewRequest(id, method, params)
	if err != nil {
		return 0, err
	}
	if err := c.out.Add(m); err != nil {
		return 0, err
	}
	c.next = id
	c.pending[id] = to
	if !c.flushing {
		c.flushing = true
		go c.flush()
	}
	return id, nil
}

// flush sends until nothing waits. Only one runs at a time, so that records leave
// in the order in which they were sealed.
func (c *Client) flush() {
	runtime.Gosched() // let those who are about to call add their messages to the frame
	for {
		c.mu.Lock()
		next := c.out.Next()
		if next == nil || c.err != nil {
			c.flushing = false
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		record, err := c.session.Seal(next)
		if err == nil {
			err = c.socket.Send(record)
		}
		if err != nil {
			c.fail(lost(c.socket, err))
			return
		}
	}
}

func (c *Client) read(ctx context.Context) {
	for {
		record, err := c.socket.Receive(ctx)
		if err != nil {
			c.fail(lost(c.socket, err))
			return
		}
		plaintext, err := c.session.Open(record)
		if err != nil {
			c.fail(broken(err))
			return
		}
		msgs, err := frame.Decode(plaintext)
		if err != nil {
			c.fail(broken(err))
			return
		}
		for _, m := range msgs {
			if err := c.receive(m); err != nil {
				c.fail(err)
				return
			}
		}
	}
}

func (c *Client) receive(m frame.Message) *Error {
	switch m.Kind() {
	case frame.Reply:
		return c.reply(m)
	case frame.Notification:
		return c.notification(m)
	}
	return broken(errors.New("a bridge sends no requests"))
}

func (c *Client) reply(m frame.Message) *Error {
	c.mu.Lock()
	to := c.pending[*m.ID]
	delete(c.pending, *m.ID)
	known := *m.ID >= 1 && *m.ID <= c.next
	c.mu.Unlock()
	switch {
	case to != nil:
		to <- answer{message: m}
	case !known:
		return broken(errors.New("a reply to nothing"))
	}
	return nil
}

func (c *Client) notification(m frame.Message) *Error {
	e := Event{Method: m.Method}
	var into any
	switch m.Method {
	case frame.LinkState:
		return c.linkState(m)
	case frame.DeviceAdded, frame.DeviceRemoved:
		e.Device = new(frame.DeviceParams)
		into = e.Device
	case frame.PromptOpened, frame.PromptClosed:
		e.Prompt = new(frame.PromptParams)
		into = e.Prompt
	case frame.PromptText:
		e.Text = new(frame.PromptTextParams)
		into = e.Text
	case frame.ApprovalProgress:
		e.Progress = new(frame.ApprovalProgressParams)
		into = e.Progress
	default:
		return nil // of a later version
	}
	if err := frame.DecodeParams(m, into); err != nil {
		return broken(err)
	}
	if c.notify != nil {
		c.notify(e)
	}
	return nil
}

func (c *Client) linkState(m frame.Message) *Error {
	var p frame.LinkStateParams
	if err := frame.DecodeParams(m, &p); err != nil {
		return broken(err)
	}
	if p.State == frame.Refused {
		return refused(p.Error.Fault())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = p
	close(c.changed)
	c.changed = make(chan struct{})
	return nil
}
