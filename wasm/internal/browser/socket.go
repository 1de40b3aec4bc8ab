//go:build js && wasm

package browser

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"
	"syscall/js"

	"countersign/shared/frame"
	"countersign/wasm/internal/bridgeclient"
)

// Socket is the browser's WebSocket with binary messages.
type Socket struct {
	ws     js.Value
	inbox  chan []byte
	closed chan struct{}
	once   sync.Once
	funcs  []js.Func

	mu     sync.Mutex
	reason string
	code   int
}

// maxWaiting is how many messages may wait to be read before the connection is
// closed: nothing that speaks our protocol sends so many at once.
const maxWaiting = 256

// Dial opens a WebSocket and waits until it is open. A browser tells nothing
// about why it failed.
func Dial(ctx context.Context, url string, protocols ...string) (*Socket, error) {
	ctor := global.Get("WebSocket")
	offer := global.Get("Array").New()
	for _, p := range protocols {
		offer.Call("push", p)
	}
	ws, err := construct(ctor, url, offer)
	if err != nil {
		return nil, err
	}
	ws.Set("binaryType", "arraybuffer")
	s := &Socket{ws: ws, inbox: make(chan []byte, maxWaiting), closed: make(chan struct{})}
	opened := make(chan struct{})
	s.on("open", func(js.Value) { close(opened) })
	s.on("message", func(e js.Value) {
		data := e.Get("data")
		if !data.InstanceOf(global.Get("ArrayBuffer")) {
			s.Close()
			return
		}
		select {
		case s.inbox <- toGo(bytesT.New(data)):
		default:
			s.Close()
		}
	})
	s.on("close", func(e js.Value) {
		s.mu.Lock()
		s.code, s.reason = e.Get("code").Int(), e.Get("reason").String()
		s.mu.Unlock()
		s.once.Do(func() { close(s.closed) })
		for _, f := range s.funcs {
			f.Release()
		}
	})
	select {
	case <-opened:
		return s, nil
	case <-s.closed:
		code, why := s.CloseReason()
		return nil, errors.New("the WebSocket did not open (" + strconv.Itoa(code) + " " + why + ")")
	case <-ctx.Done():
		s.Close()
		return nil, ctx.Err()
	}
}

func construct(ctor js.Value, args ...any) (v js.Value, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = thrown("WebSocket", r)
		}
	}()
	return ctor.New(args...), nil
}

func (s *Socket) on(event string, f func(js.Value)) {
	fn := js.FuncOf(func(_ js.Value, args []js.Value) any {
		f(args[0])
		return nil
	})
	s.funcs = append(s.funcs, fn)
	s.ws.Call("addEventListener", event, fn)
}

// Send queues one binary message.
func (s *Socket) Send(message []byte) error {
	select {
	case <-s.closed:
		return io.ErrClosedPipe
	default:
	}
	_, err := call(s.ws, "send", toJS(message))
	return err
}

// DialBridge opens the line to a bridge; url is its scheme, host and port.
func DialBridge(ctx context.Context, url string) (bridgeclient.Socket, error) {
	s, err := Dial(ctx, strings.TrimSuffix(url, "/")+frame.Path, frame.SubProtocol)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// DialGateway opens a WebSocket at the gateway.
func DialGateway(ctx context.Context, url string, protocols ...string) (bridgeclient.Socket, error) {
	s, err := Dial(ctx, url, protocols...)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Receive waits for the next message; io.EOF when the connection is closed and
// everything was read.
func (s *Socket) Receive(ctx context.Context) ([]byte, error) {
	select {
	case m := <-s.inbox:
		return m, nil
	default:
	}
	select {
	case m := <-s.inbox:
		return m, nil
	case <-s.closed:
		select {
		case m := <-s.inbox:
			return m, nil
		default:
			return nil, io.EOF
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// CloseReason is the code and the text of the close frame, which nobody
// authenticated.
func (s *Socket) CloseReason() (code int, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.code, s.reason
}

// Close ends the connection.
func (s *Socket) Close() error {
	_, err := call(s.ws, "close")
	return err
}
