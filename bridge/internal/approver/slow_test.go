package approver

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/guard"
	"countersign/bridge/internal/journal"
	bridgepage "countersign/bridge/internal/page"
	"countersign/bridge/internal/peer"
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/link"
)

// pipes is a listener in memory: what waits on it waits by the clock of a bubble.
type pipes struct {
	backlog chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

// onLoopback is an end of a pipe with addresses.
type onLoopback struct{ net.Conn }

var pipeAddress = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 18427}

func (onLoopback) LocalAddr() net.Addr  { return pipeAddress }
func (onLoopback) RemoteAddr() net.Addr { return pipeAddress }
func (*pipes) Addr() net.Addr           { return pipeAddress }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.backlog:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// slowly runs a bridge in a bubble of synctest and a page that is connected to it.
func slowly(t *testing.T, do func(t *testing.T, p *rawPage)) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		book, err := journal.Open(journal.Config{Path: filepath.Join(dir, "journal.log")})
		if err != nil {
			t.Fatal(err)
		}
		b, err := New(Config{Origins: []string{origin}, StateDir: dir}, Deps{Devices: &drawer{watched: make(chan struct{})}, Prompts: consent.NewQueue(&person{}, 0), Journal: book,
			Identify: func(netip.AddrPort, netip.AddrPort) (peer.Process, error) { return peer.Process{UID: os.Getuid()}, nil }})
		if err != nil {
			t.Fatal(err)
		}
		listener := &pipes{backlog: make(chan net.Conn), closed: make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- b.Serve(ctx, []net.Listener{listener}) }()
		d := websocket.Dialer{Subprotocols: []string{frame.SubProtocol}, NetDialContext: func(context.Context, string, string) (net.Conn, error) {
			client, server := net.Pipe()
			listener.backlog <- onLoopback{server}
			return client, nil
		}}
		ws, _, err := d.Dial("ws://127.0.0.1:18427"+frame.Path, http.Header{"Origin": {origin}})
		if err != nil {
			t.Fatal(err)
		}
		do(t, &rawPage{t: t, ws: ws})
		ws.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := book.Close(); err != nil {
			t.Error(err)
		}
	})
}

// within checks how long the bridge put up with something.
func within(t *testing.T, began time.Time, limit time.Duration) {
	t.Helper()
	if took := time.Since(began); took < limit-time.Second || took > limit+10*time.Second {
		t.Errorf("it took %v, want %v", took, limit)
	}
}

func TestAPageThatDoesNotFinishTheHandshakeIsToldSoInTime(t *testing.T) {
	slowly(t, func(t *testing.T, p *rawPage) {
		began := time.Now()
		if _, why, ok := p.next(); ok || why != fault.Timeout {
			t.Errorf("closed with %q", why)
		}
		within(t, began, guard.HandshakeTimeout)
	})
}

// One fragment each second is not progress: the time is that of whole messages.
func TestAHandshakeInSlowFragmentsIsCutOffInTime(t *testing.T) {
	slowly(t, func(t *testing.T, p *rawPage) {
		began := time.Now()
		go func() {
			for { // read what the bridge says at its end, so that it can say it
				if _, _, err := p.ws.ReadMessage(); err != nil {
					return
				}
			}
		}()
		dripFragments(p.ws.NetConn())
		within(t, began, guard.HandshakeTimeout)
	})
}

func TestAMessageInSlowFragmentsIsCutOffInTime(t *testing.T) {
	slowly(t, func(t *testing.T, p *rawPage) {
		key, err := link.NewKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		p.handshake(key)
		for ready := false; !ready; {
			messages, why, ok := p.next()
			if !ok {
				t.Fatalf("closed with %q", why)
			}
			for _, m := range messages {
				ready = ready || strings.Contains(string(m.Params), `"ready"`)
			}
		}
		began := time.Now()
		raw := p.ws.NetConn()
		go func() {
			for buffer := make([]byte, 1024); ; { // pings, which nobody answers
				if _, err := raw.Read(buffer); err != nil {
					return
				}
			}
		}()
		dripFragments(raw)
		within(t, began, bridgepage.IdleTimeout)
	})
}

// dripFragments writes a message in fragments of one byte, one a second, until the
// other end has enough of it.
func dripFragments(c net.Conn) {
	for first := byte(websocket.BinaryMessage); ; first = 0 {
		if _, err := c.Write([]byte{first, 0x80 | 1, 0, 0, 0, 0, 'x'}); err != nil {
			return
		}
		time.Sleep(time.Second) // of the bubble: no real time passes
	}
}
