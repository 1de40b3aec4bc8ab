package page

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"countersign/bridge/internal/guard"
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/link"
)

// The limits of one connection. IdleTimeout is how long it lasts without a byte, not
// even a pong.
const (
	maxInFlight  = 64 // calls that are not answered yet
	writeTimeout = 10 * time.Second
	pingEvery    = 20 * time.Second
	IdleTimeout  = 60 * time.Second
)

// conn is a connection: a WebSocket, the link in it, and frames in that.
type conn struct {
	ws       *websocket.Conn
	session  *link.Session
	log      *slog.Logger
	ctx      context.Context
	cancel   context.CancelFunc
	work     context.Context // of the page's calls and prompts: ends first
	stopWork context.CancelCauseFunc
	calls    sync.WaitGroup
	slots    chan struct{}
	wake     chan struct{}

	mu     sync.Mutex
	out    frame.Batcher
	ending fault.Code // close with this code when out is empty
}

func newConn(ctx context.Context, cancel context.CancelFunc, ws *websocket.Conn, log *slog.Logger) *conn {
	c := &conn{ws: ws, log: log, ctx: ctx, cancel: cancel, slots: make(chan struct{}, maxInFlight), wake: make(chan struct{}, 1)}
	c.work, c.stopWork = context.WithCancelCause(ctx)
	return c
}

// handshake is the link's three messages.
func (c *conn) handshake(cfg link.ResponderConfig) error {
	r, err := link.NewResponder(cfg)
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
	c.session, err = r.Finish(message3)
	return err
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
