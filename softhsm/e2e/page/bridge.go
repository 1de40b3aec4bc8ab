// Package page is the dashboard's page without a browser: it speaks to a
// bridge and to a gateway exactly as countersign.wasm does, over the same
// protocols, with net/http and a WebSocket library in place of the browser.
// `make demo`, `make bench` and the end-to-end tests use it.
package page

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/link"
	"countersign/shared/rendezvous"
	"countersign/shared/wire"
)

// BridgeConfig says which bridge to reach and who is asking.
type BridgeConfig struct {
	URL    string // ws://127.0.0.1:18427
	Origin string // the dashboard's
	Key    link.DH
	Remote []byte                               // the bridge's key, when it is known
	Relay  *Relay                               // the way through the gateway; URL is not used then
	Paired func(code string)                    // called with the code to compare when the bridge does not know Key
	Notify func(method string, m frame.Message) // called for each notification; may be nil
}

// Bridge is a link to a bridge, ready for calls.
type Bridge struct {
	conn    *websocket.Conn
	session *link.Session
	notify  func(string, frame.Message)

	mu      sync.Mutex
	next    uint64
	waiting map[uint64]chan frame.Message
	out     frame.Batcher
	wake    chan struct{}
	done    chan struct{}
	err     error
}

// Connect opens the WebSocket, does the handshake and, the first time, waits
// for the person at the bridge to accept the pairing.
func Connect(ctx context.Context, cfg BridgeConfig) (*Bridge, error) {
	conn, err := dial(ctx, cfg)
	if err != nil {
		return nil, err
	}
	session, err := handshake(conn, cfg)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	b := &Bridge{conn: conn, session: session, notify: cfg.Notify, waiting: map[uint64]chan frame.Message{},
		wake: make(chan struct{}, 1), done: make(chan struct{})}
	states := make(chan frame.LinkStateParams, 4)
	go b.read(states)
	go b.write()
	for {
		select {
		case s := <-states:
			switch s.State {
			case frame.Ready:
				return b, nil
			case frame.Refused:
				return nil, errors.Join(s.Error.Fault(), b.Close())
			default:
				if cfg.Paired != nil {
					cfg.Paired(session.Code())
				}
			}
		case <-b.done:
			if len(states) > 0 {
				continue // what the bridge said before it closed comes first
			}
			return nil, b.err
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), b.Close())
		}
	}
}

// Relay is where a page meets a bridge that it cannot reach on loopback.
type Relay struct {
	Gateway *Gateway // with the page's entity token
	Name    string   // of the bridge
}

func dial(ctx context.Context, cfg BridgeConfig) (*websocket.Conn, error) {
	address, protocols := cfg.URL+frame.Path, []string{frame.SubProtocol}
	if r := cfg.Relay; r != nil {
		var t wire.RelayTicket
		if err := r.Gateway.Do(ctx, http.MethodPost, rendezvous.TicketsPath, wire.RelayInput{Name: r.Name}, &t); err != nil {
			return nil, err
		}
		address = "ws" + strings.TrimPrefix(r.Gateway.Base, "http") + rendezvous.PagePath
		protocols = append(protocols, rendezvous.Ticket(t.Ticket))
	}
	dialer := websocket.Dialer{Subprotocols: protocols, HandshakeTimeout: 10 * time.Second}
	conn, _, err := dialer.DialContext(ctx, address, http.Header{"Origin": {cfg.Origin}})
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the bridge is not running")
	}
	return conn, nil
}

func handshake(conn *websocket.Conn, cfg BridgeConfig) (*link.Session, error) {
	initiator, err := link.NewInitiator(link.InitiatorConfig{DH: cfg.Key, Origin: cfg.Origin, Remote: cfg.Remote, Rand: rand.Reader})
	if err != nil {
		return nil, err
	}
	first, err := initiator.Start()
	if err != nil {
		return nil, err
	}
	if err := conn.WriteMessage(websocket.BinaryMessage, first); err != nil {
		return nil, fmt.Errorf("send message 1: %w", err)
	}
	_, second, err := conn.ReadMessage()
	if err != nil {
		return nil, fmt.Errorf("read message 2: %w", err)
	}
	third, session, err := initiator.Finish(second)
	if err != nil {
		return nil, err
	}
	if err := conn.WriteMessage(websocket.BinaryMessage, third); err != nil {
		return nil, fmt.Errorf("send message 3: %w", err)
	}
	return session, nil
}

// RemoteStatic is the bridge's key, to be remembered after a pairing.
func (b *Bridge) RemoteStatic() []byte { return b.session.RemoteStatic() }

// Close ends the link.
func (b *Bridge) Close() error { return b.conn.Close() }

func (b *Bridge) read(states chan<- frame.LinkStateParams) {
	err := b.readAll(states)
	b.mu.Lock()
	b.err = err
	b.mu.Unlock()
	close(b.done)
}

func (b *Bridge) readAll(states chan<- frame.LinkStateParams) error {
	for {
		_, record, err := b.conn.ReadMessage()
		if err != nil {
			return fault.Wrap(err, fault.Unavailable, "the bridge closed the link")
		}
		plaintext, err := b.session.Open(record)
		if err != nil {
			return err
		}
		messages, err := frame.Decode(plaintext)
		if err != nil {
			return err
		}
		for _, m := range messages {
			if m.ID == nil {
				if m.Method == frame.LinkState {
					var s frame.LinkStateParams
					if err := frame.DecodeParams(m, &s); err != nil {
						return err
					}
					states <- s
				}
				if b.notify != nil {
					b.notify(m.Method, m)
				}
				continue
			}
			b.mu.Lock()
			reply := b.waiting[*m.ID]
			delete(b.waiting, *m.ID)
			b.mu.Unlock()
			if reply != nil {
				reply <- m
			}
		}
	}
}

// write sends what is queued, as many messages in a frame as wait.
func (b *Bridge) write() {
	for {
		select {
		case <-b.wake:
		case <-b.done:
			return
		}
		for {
			b.mu.Lock()
			plaintext := b.out.Next()
			b.mu.Unlock()
			if plaintext == nil {
				break
			}
			record, err := b.session.Seal(plaintext)
			if err == nil {
				err = b.conn.WriteMessage(websocket.BinaryMessage, record)
			}
			if err != nil {
				b.conn.Close()
				return
			}
		}
	}
}

// Call asks the bridge and waits for its answer, which it decodes into result.
// An error of the bridge comes back as *fault.Error.
func (b *Bridge) Call(ctx context.Context, method string, params, result any) error {
	reply := make(chan frame.Message, 1)
	b.mu.Lock()
	b.next++
	id := b.next
	m, err := frame.NewRequest(id, method, params)
	if err == nil {
		err = b.out.Add(m)
	}
	if err == nil {
		b.waiting[id] = reply
	}
	b.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case b.wake <- struct{}{}:
	default:
	}
	select {
	case m := <-reply:
		return frame.DecodeResult(m, result)
	case <-b.done:
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.err
	case <-ctx.Done():
		return ctx.Err()
	}
}
