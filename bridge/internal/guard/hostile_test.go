package guard

import (
	"bufio"
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// pipes is a listener in memory, so that a test in a bubble has a clock of its own.
type pipes struct {
	backlog chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

// loopbackPipe is an end of a connection that claims to come from this computer.
type loopbackPipe struct{ net.Conn }

var pipeAddress = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 18427}

func (loopbackPipe) RemoteAddr() net.Addr { return pipeAddress }
func (*pipes) Addr() net.Addr             { return pipeAddress }

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

// dial connects, as any program on this computer can.
func (p *pipes) dial(t *testing.T) net.Conn {
	client, server := net.Pipe()
	p.backlog <- loopbackPipe{server}
	t.Cleanup(func() { client.Close() })
	return client
}

// bubble serves a guard in a bubble of synctest until its function returns.
func bubble(t *testing.T, handle func(ws *websocket.Conn), do func(t *testing.T, p *pipes)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &pipes{backlog: make(chan net.Conn), closed: make(chan struct{})}
		g, err := New(Config{Listeners: []net.Listener{p}, Origins: []string{page}, Handle: func(_ context.Context, ws *websocket.Conn, _ string) { handle(ws) }})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- g.Serve(ctx) }()
		do(t, p)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// drip writes text one byte a second and returns how long the other end put up
// with it, and what it answered.
func drip(t *testing.T, c net.Conn, text string) (time.Duration, string) {
	began := time.Now()
	answer := make(chan string)
	go func() {
		data, _ := io.ReadAll(c) // until the guard closes
		answer <- string(data)
	}()
	for i := range len(text) {
		if _, err := io.WriteString(c, text[i:i+1]); err != nil {
			break
		}
		time.Sleep(time.Second) // of the bubble: no real time passes
	}
	c.Close()
	return time.Since(began), <-answer
}

func good(port string) []string {
	return upgradeHead(Path, "127.0.0.1:"+port, "Origin: "+page, "Sec-WebSocket-Protocol: "+Protocol)
}

// upgrade makes a WebSocket on c by hand, to write frames that no library writes.
func upgrade(t *testing.T, c net.Conn, port string, more ...string) *bufio.Reader {
	t.Helper()
	if _, err := io.WriteString(c, strings.Join(append(good(port), more...), "\r\n")+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(c)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("status %d", resp.StatusCode)
	}
	if ext := resp.Header.Get("Sec-WebSocket-Extensions"); ext != "" {
		t.Errorf("the extension %q was accepted", ext)
	}
	return in
}

func TestASlowHeaderIsCutOffInTime(t *testing.T) {
	bubble(t, nil, func(t *testing.T, p *pipes) {
		took, answer := drip(t, p.dial(t), strings.Join(good("18427"), "\r\n")+"\r\nX-Slow: "+strings.Repeat("x", 1000))
		if took > HandshakeTimeout+10*time.Second {
			t.Errorf("it took %v", took)
		}
		if strings.Contains(answer, Protocol) {
			t.Errorf("it was told %q", answer)
		}
	})
}

func TestASlowBodyIsCutOffInTime(t *testing.T) {
	bubble(t, nil, func(t *testing.T, p *pipes) {
		c := p.dial(t)
		head := "POST /health HTTP/1.1\r\nHost: 127.0.0.1:18427\r\nOrigin: " + page + "\r\nContent-Length: 1073741824\r\n\r\n"
		if _, err := io.WriteString(c, head); err != nil {
			t.Fatal(err)
		}
		if took, answer := drip(t, c, strings.Repeat("x", 1000)); took > HandshakeTimeout+10*time.Second || !strings.HasPrefix(answer, "HTTP/1.1 405") {
			t.Errorf("it took %v: %q", took, answer)
		}
	})
}

func TestASilentSocketIsClosedInTime(t *testing.T) {
	bubble(t, nil, func(t *testing.T, p *pipes) {
		began := time.Now()
		if _, err := io.ReadAll(p.dial(t)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > HandshakeTimeout+10*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// The handler's deadline holds for a whole message, however many fragments it
// comes in.
func TestASlowMessageDoesNotMoveTheDeadline(t *testing.T) {
	ended := make(chan error, 1)
	handle := func(ws *websocket.Conn) {
		_ = ws.SetReadDeadline(time.Now().Add(HandshakeTimeout)) // it is open
		_, _, err := ws.ReadMessage()
		ended <- err
	}
	bubble(t, handle, func(t *testing.T, p *pipes) {
		c := p.dial(t)
		upgrade(t, c, "18427")
		began := time.Now()
		for kind := byte(websocket.BinaryMessage); ; kind = 0 {
			if _, err := c.Write(frameOf(kind, false, []byte("x"))); err != nil {
				break
			}
			time.Sleep(time.Second) // of the bubble
		}
		if took := time.Since(began); took > HandshakeTimeout+10*time.Second {
			t.Errorf("it took %v", took)
		}
		var timeout net.Error
		if err := <-ended; !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("the handler was told %v", err)
		}
	})
}

// frameOf is a masked frame of a client, with a key of zeros.
func frameOf(kind byte, final bool, payload []byte) []byte {
	return append(frameHead(kind, final, uint64(len(payload))), payload...)
}

func frameHead(kind byte, final bool, length uint64) []byte {
	if final {
		kind |= 0x80
	}
	switch {
	case length < 126:
		return append([]byte{kind, 0x80 | byte(length)}, 0, 0, 0, 0)
	case length < 1<<16:
		return append(binary.BigEndian.AppendUint16([]byte{kind, 0x80 | 126}, uint16(length)), 0, 0, 0, 0)
	}
	return append(binary.BigEndian.AppendUint64([]byte{kind, 0x80 | 127}, length), 0, 0, 0, 0)
}

// bomb is a message of 1 GiB of zeros, compressed.
func bomb(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	part := make([]byte, 1<<20)
	for range 32 { // as good as 1024: the first part is one too many
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestHostileFramesEndTheConnectionAndNothingElse(t *testing.T) {
	t.Parallel()
	port := start(t)
	compressed := frameOf(websocket.BinaryMessage, true, bomb(t))
	compressed[0] |= 0x40 // RSV1: permessage-deflate
	unmasked := []byte{0x80 | websocket.BinaryMessage, 1, 'x'}
	repeat := func(n int, first byte, size int) []byte {
		var b []byte
		for i := range n {
			kind := first
			if i > 0 {
				kind = 0
			}
			b = append(b, frameOf(kind, false, make([]byte, size))...)
		}
		return b
	}
	for _, r := range []struct {
		name string
		sent []byte
		code int
	}{
		{"a header that announces 1 GiB", frameHead(websocket.BinaryMessage, true, 1<<30), websocket.CloseMessageTooBig},
		{"a header that announces 2^63 - 1 bytes", frameHead(websocket.BinaryMessage, true, 1<<63-1), websocket.CloseMessageTooBig},
		{"a negative length", frameHead(websocket.BinaryMessage, true, 1<<63+1), websocket.CloseAbnormalClosure},
		{"fragments without end", repeat(70, websocket.BinaryMessage, 1024), websocket.CloseMessageTooBig},
		{"a text that is too long", frameHead(websocket.TextMessage, true, MaxMessage+1), websocket.CloseMessageTooBig},
		{"a compressed bomb", compressed, websocket.CloseProtocolError},
		{"other reserved bits", []byte{0x80 | 0x30 | websocket.BinaryMessage, 0x81, 0, 0, 0, 0, 'x'}, websocket.CloseProtocolError},
		{"an unmasked frame", unmasked, websocket.CloseProtocolError},
		{"an unknown kind of frame", frameOf(3, true, []byte("x")), websocket.CloseProtocolError},
		{"a fragment of nothing", frameOf(0, true, []byte("x")), websocket.CloseProtocolError},
		{"a message within a message", append(frameOf(1, false, []byte("x")), frameOf(1, true, []byte("x"))...), websocket.CloseProtocolError},
		{"a long ping", frameHead(websocket.PingMessage, true, 126), websocket.CloseProtocolError},
		{"a ping in fragments", frameOf(websocket.PingMessage, false, []byte("x")), websocket.CloseProtocolError},
		{"a flood of pings", bytes.Repeat(frameOf(websocket.PingMessage, true, []byte("x")), maxPings+1), websocket.ClosePolicyViolation},
		{"pings within a message", append(frameOf(websocket.BinaryMessage, false, nil), bytes.Repeat(frameOf(websocket.PingMessage, true, nil), maxPings+1)...), websocket.ClosePolicyViolation},
		{"a close frame that is not UTF-8", frameOf(websocket.CloseMessage, true, []byte{0x03, 0xe8, 0xff, 0xfe}), websocket.CloseProtocolError},
		{"a close frame with a code that does not exist", frameOf(websocket.CloseMessage, true, []byte{0, 1}), websocket.CloseProtocolError},
		{"a close frame of one byte", frameOf(websocket.CloseMessage, true, []byte{3}), websocket.CloseNoStatusReceived},
	} {
		t.Run(r.name, func(t *testing.T) {
			var before, after runtime.MemStats
			c, err := net.Dial("tcp", "127.0.0.1:"+port)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := c.SetDeadline(time.Now().Add(HandshakeTimeout)); err != nil {
				t.Fatal(err)
			}
			in := upgrade(t, c, port, "Sec-WebSocket-Extensions: permessage-deflate")
			runtime.ReadMemStats(&before)
			_, _ = c.Write(r.sent) // the guard may close before it has read all
			if code := closing(in); code != r.code {
				t.Errorf("closed with %d, want %d", code, r.code)
			}
			runtime.ReadMemStats(&after)
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
				t.Errorf("%d bytes were allocated", grown)
			}
		})
	}
	if ws, _ := dial(t, port); ws == nil {
		t.Error("the guard does not serve any more")
	}
}

// closing reads frames of a server until its close frame and returns the code in
// it, or what a WebSocket library says when there is none.
func closing(in *bufio.Reader) int {
	for {
		var head [2]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return websocket.CloseAbnormalClosure
		}
		payload := make([]byte, head[1]&0x7f) // the guard writes short ones only
		if _, err := io.ReadFull(in, payload); err != nil {
			return websocket.CloseAbnormalClosure
		}
		if head[0]&0xf != websocket.CloseMessage {
			continue
		}
		if len(payload) < 2 {
			return websocket.CloseNoStatusReceived
		}
		return int(binary.BigEndian.Uint16(payload))
	}
}

func TestThousandsOfSilentSocketsKeepNoPageOut(t *testing.T) {
	// Not parallel: it counts goroutines.
	port := start(t)
	const crowd = 3000
	before := runtime.NumGoroutine()
	var open []net.Conn
	for range crowd {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		open = append(open, c)
	}
	if ws, status := dial(t, port); ws == nil {
		t.Fatalf("the page was refused: %d", status)
	}
	for i, c := range open[:crowd-MaxWaiting] { // the oldest are gone
		if err := c.SetReadDeadline(time.Now().Add(HandshakeTimeout / 2)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("socket %d of %d is still open: %v", i, crowd, err)
		}
	}
	deadline := time.Now().Add(HandshakeTimeout / 2)
	for runtime.NumGoroutine() > before+MaxWaiting+20 {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines for %d sockets, %d before", runtime.NumGoroutine(), crowd, before)
		}
		runtime.Gosched()
	}
}

func TestAFloodOfRequestsIsAnsweredWithoutGrowing(t *testing.T) {
	t.Parallel()
	port := start(t, page)
	held, _ := dial(t, port)
	for i := range 1000 {
		status, _, _ := raw(t, port, "GET /v1/ws HTTP/1.1", "Host: 127.0.0.1:"+port, "Origin: https://evil.example", "X: "+strings.Repeat("x", i))
		if status != http.StatusForbidden {
			t.Fatalf("request %d: %d", i, status)
		}
	}
	if status, _, _ := raw(t, port, "GET /health HTTP/1.1", "Host: 127.0.0.1:"+port, "X: "+strings.Repeat("x", 16<<10)); status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a header of 16 KiB: %d", status)
	}
	if err := held.WriteMessage(websocket.BinaryMessage, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, data, err := held.ReadMessage(); err != nil || string(data) != "x"+page {
		t.Errorf("the page that was there before: %q, %v", data, err)
	}
}

// claim takes a slot of a page that has proved who it is, and stays.
func claim(s *slots, origin string) bool {
	taken := s.take(origin)
	if taken != nil {
		s.settle(taken)
	}
	return taken != nil
}

func TestConnectionsThatDoNothingMakeRoomForOthersOfTheirSite(t *testing.T) {
	t.Parallel()
	s := slots{origins: []string{"https://a.example", "https://b.example"}}
	ended := map[*slot]bool{}
	open := func(origin string) *slot {
		t.Helper()
		o := s.take(origin)
		if o == nil {
			t.Fatalf("%s was not let in", origin)
		}
		s.opened(o, func() { ended[o] = true })
		return o
	}
	other, known := open("https://b.example"), open("https://a.example")
	s.settle(known)
	first := open("https://a.example")
	var late *slot
	for range 100 {
		late = open("https://a.example")
	}
	if ended[other] || ended[known] || !ended[first] || ended[late] {
		t.Errorf("ended: another site's %v, a known page's %v, the oldest %v, the newest %v", ended[other], ended[known], ended[first], ended[late])
	}
	if n := s.used["https://a.example"] + s.used["https://b.example"]; n > MaxConnections || len(s.open) != n {
		t.Errorf("%d connections are counted, %d are open", n, len(s.open))
	}
	s.give(first) // late: it has no slot any more
	if n := s.used["https://a.example"]; n != len(s.open)-1 {
		t.Errorf("a connection that was evicted was given back: %d of %d", n, len(s.open)-1)
	}
	early := s.take("https://a.example") // no WebSocket yet
	for range MaxConnections {
		open("https://a.example")
	}
	if s.opened(early, func() { ended[early] = true }); !ended[early] {
		t.Error("a connection that lost its slot before it was a WebSocket goes on")
	}
}

func TestOneOriginCannotTakeTheSlotsOfAnother(t *testing.T) {
	t.Parallel()
	for _, r := range []struct{ origins, greedy int }{{1, 16}, {2, 12}, {3, 12}, {4, 10}, {8, 9}, {16, 1}, {17, 16}} {
		t.Run(fmt.Sprint(r.origins, " origins"), func(t *testing.T) {
			var s slots
			for i := range r.origins {
				s.origins = append(s.origins, fmt.Sprint("https://", i, ".example"))
			}
			taken := 0
			for claim(&s, s.origins[0]) {
				taken++
			}
			if taken != r.greedy {
				t.Errorf("one origin took %d, want %d", taken, r.greedy)
			}
			for _, o := range s.origins[1:] {
				for range s.share() {
					if !claim(&s, o) {
						t.Fatalf("%s did not get its share", o)
					}
					taken++
				}
			}
			for _, o := range s.origins {
				for claim(&s, o) {
					taken++
				}
			}
			if taken != MaxConnections {
				t.Errorf("%d were taken in all", taken)
			}
			s.give(s.open[slices.IndexFunc(s.open, func(o *slot) bool { return o.origin == s.origins[0] })])
			if !claim(&s, s.origins[0]) {
				t.Error("a slot that was given back cannot be taken")
			}
		})
	}
}

func TestPingsAreAnsweredAtAHumanPace(t *testing.T) {
	answered := make(chan error, 1)
	handle := func(ws *websocket.Conn) {
		_, _, err := ws.ReadMessage()
		answered <- err
	}
	bubble(t, handle, func(t *testing.T, p *pipes) {
		c := p.dial(t)
		in := upgrade(t, c, "18427")
		for range 10 * maxPings {
			if _, err := c.Write(frameOf(websocket.PingMessage, true, []byte("x"))); err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(io.LimitReader(in, 3)); err != nil || string(b) != "\x8a\x01x" {
				t.Fatalf("answered %q, %v", b, err)
			}
			time.Sleep(pingsTime / maxPings) // of the bubble
		}
		if _, err := c.Write(frameOf(websocket.BinaryMessage, true, []byte("x"))); err != nil {
			t.Fatal(err)
		}
		if err := <-answered; err != nil {
			t.Error(err)
		}
		c.Close()
	})
}
