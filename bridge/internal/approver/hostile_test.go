package approver

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/site"
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/link"
	"countersign/shared/statement"
	"countersign/softhsm/e2e/page"
)

// squatter is a program that took the port before the bridge could. It has heard
// what passed through it.
type squatter struct {
	t   *testing.T
	g   *rig
	url string

	mu    sync.Mutex
	heard [][]byte
}

// squat starts a program that serves pages with handle.
func squat(t *testing.T, g *rig, handle func(s *squatter, page *websocket.Conn)) *squatter {
	t.Helper()
	s := &squatter{t: t, g: g}
	upgrader := websocket.Upgrader{Subprotocols: []string{frame.SubProtocol}, CheckOrigin: func(*http.Request) bool { return true }}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer ws.Close()
		handle(s, ws)
	}))
	t.Cleanup(srv.Close)
	s.url = "ws" + strings.TrimPrefix(srv.URL, "http")
	return s
}

// bridge connects to the real bridge and names the page's origin, as any program
// can.
func (s *squatter) bridge() *websocket.Conn {
	d := websocket.Dialer{Subprotocols: []string{frame.SubProtocol}}
	ws, _, err := d.Dial(s.g.url+frame.Path, http.Header{"Origin": {origin}})
	if err != nil {
		s.t.Error(err)
		return nil
	}
	return ws
}

func (s *squatter) hear(data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = append(s.heard, bytes.Clone(data))
}

// relay carries messages both ways, as they are or changed, until an end closes.
func (s *squatter) relay(page *websocket.Conn, change func([]byte) []byte) {
	bridge := s.bridge()
	if bridge == nil {
		return
	}
	var both sync.WaitGroup
	carry := func(from, to *websocket.Conn) {
		defer from.Close()
		defer to.Close()
		for {
			kind, data, err := from.ReadMessage()
			if err != nil {
				return
			}
			s.hear(data)
			if to.WriteMessage(kind, change(data)) != nil {
				return
			}
		}
	}
	both.Go(func() { carry(bridge, page) })
	carry(page, bridge)
	both.Wait()
}

// visit connects a page through the squatter.
func (s *squatter) visit(cfg page.BridgeConfig) (*page.Bridge, error) {
	cfg.URL, cfg.Origin, cfg.Key = s.url, origin, s.g.pageKey
	b, err := page.Connect(s.t.Context(), cfg)
	if err == nil {
		s.t.Cleanup(func() { b.Close() })
	}
	return b, err
}

// between runs a handshake with each end, with keys of its own, and then opens
// and seals again what passes.
func between(s *squatter, pageEnd *websocket.Conn) {
	bridgeEnd := s.bridge()
	if bridgeEnd == nil {
		return
	}
	defer bridgeEnd.Close()
	toPage, err := respond(pageEnd)
	if err != nil {
		return // the page has left
	}
	toBridge, err := initiate(bridgeEnd)
	if err != nil {
		s.t.Error(err)
		return
	}
	for { // what the bridge says, the page hears
		_, record, err := bridgeEnd.ReadMessage()
		if err != nil {
			return
		}
		plaintext, err := toBridge.Open(record)
		if err != nil {
			s.t.Error(err)
			return
		}
		if record, err = toPage.Seal(plaintext); err != nil || pageEnd.WriteMessage(websocket.BinaryMessage, record) != nil {
			return
		}
	}
}

func respond(ws *websocket.Conn) (*link.Session, error) {
	key, err := link.NewKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	r, err := link.NewResponder(link.ResponderConfig{DH: key, Origin: origin, Rand: rand.Reader})
	if err != nil {
		return nil, err
	}
	_, first, err := ws.ReadMessage()
	if err != nil {
		return nil, err
	}
	second, err := r.Accept(first)
	if err != nil {
		return nil, err
	}
	if err := ws.WriteMessage(websocket.BinaryMessage, second); err != nil {
		return nil, err
	}
	_, third, err := ws.ReadMessage()
	if err != nil {
		return nil, err
	}
	return r.Finish(third)
}

func initiate(ws *websocket.Conn) (*link.Session, error) {
	key, err := link.NewKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	i, err := link.NewInitiator(link.InitiatorConfig{DH: key, Origin: origin, Rand: rand.Reader})
	if err != nil {
		return nil, err
	}
	first, err := i.Start()
	if err != nil {
		return nil, err
	}
	if err := ws.WriteMessage(websocket.BinaryMessage, first); err != nil {
		return nil, err
	}
	_, second, err := ws.ReadMessage()
	if err != nil {
		return nil, err
	}
	third, session, err := i.Finish(second)
	if err != nil {
		return nil, err
	}
	return session, ws.WriteMessage(websocket.BinaryMessage, third)
}

func TestAProgramBetweenWithItsOwnKeysMakesTheCodesDiffer(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	shown := make(chan string, 1)
	g.person.answer(func(ctx context.Context, q consent.Question) error {
		select {
		case code := <-shown: // the person compares
			if strings.Contains(q.Text, code[:3]+" "+code[3:]) {
				return nil
			}
			return fault.New(fault.Declined, "the codes differ")
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	_, err := squat(t, g, between).visit(page.BridgeConfig{Paired: func(code string) { shown <- code }})
	wantCode(t, "pairing through the program", err, fault.PairingRefused)
	if list, err := site.OpenPairings(g.cfg.StateDir).List(); len(list) != 0 || err != nil {
		t.Errorf("paired: %+v, %v", list, err)
	}
}

func TestAProgramOnThePortOfAKnownBridgeLearnsNothingOfThePage(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	known := g.mustConnect().RemoteStatic()
	more := make(chan error, 1)
	s := squat(t, g, func(s *squatter, pageEnd *websocket.Conn) {
		_, err := respond(pageEnd) // ends where message 3 would come
		more <- err
	})
	_, err := s.visit(page.BridgeConfig{Remote: known})
	wantCode(t, "visit", err, fault.BridgeKeyChanged)
	if _, isClose := errors.AsType[*websocket.CloseError](<-more); !isClose {
		t.Error("the program heard more than message 1")
	}
}

func TestARelayBetweenPageAndBridgeLearnsAndChangesNothing(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	s := squat(t, g, func(s *squatter, pageEnd *websocket.Conn) {
		s.relay(pageEnd, func(data []byte) []byte { return data })
	})
	b, err := s.visit(page.BridgeConfig{})
	if err != nil {
		t.Fatal(err)
	}
	result, err := g.mustOpen(b, "mem_alice").decide(t.Context(), "req_0001", statement.Approve)
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	all := bytes.Join(s.heard, nil)
	s.mu.Unlock()
	for _, secret := range []string{"jsonrpc", "req_0001", "mem_alice", "APPROVE", "Treasury", "250.00", "1234-alice", result.StatementText[:20],
		string(g.pageKey.Static()), base64.RawURLEncoding.EncodeToString(g.pageKey.Static())} {
		if bytes.Contains(all, []byte(secret)) {
			t.Errorf("%q passed in clear", secret)
		}
	}
	// The same relay changes one bit of the tenth message: the link is over.
	var passed atomic.Int32
	s = squat(t, g, func(s *squatter, pageEnd *websocket.Conn) {
		s.relay(pageEnd, func(data []byte) []byte {
			if passed.Add(1) == 10 {
				data[len(data)/2] ^= 1
			}
			return data
		})
	})
	if b, err = s.visit(page.BridgeConfig{}); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		err = b.Call(t.Context(), frame.BridgeInfo, frame.BridgeInfoParams{}, &frame.BridgeInfoResult{})
	}
	if n := passed.Load(); n < 10 || n > 12 {
		t.Errorf("%d messages passed: %v", n, err)
	}
}

// A page names the port that it dialled in Host, and a relay of bytes cannot
// change that: the bridge has another port.
func TestARelayOfBytesIsRefusedByItsHost(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", strings.TrimPrefix(g.url, "ws://"))
			if err != nil {
				in.Close()
				return
			}
			go func() { _, _ = io.Copy(out, in); out.Close() }() // until either end closes
			go func() { _, _ = io.Copy(in, out); in.Close() }()
		}
	}()
	d := websocket.Dialer{Subprotocols: []string{frame.SubProtocol}}
	_, resp, err := d.Dial("ws://"+l.Addr().String()+frame.Path, http.Header{"Origin": {origin}})
	if err == nil || resp == nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("%v, %v", resp, err)
	}
}

// wallClock is the computer's clock, set wrong by as much as a test says.
type wallClock struct{ wrong atomic.Int64 }

func (c *wallClock) Now() time.Time { return time.Now().Round(0).Add(time.Duration(c.wrong.Load())) }

func TestAClockThatJumpsDuringAnApprovalSignsNothingStale(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]struct {
		jump time.Duration
		want fault.Code // "": signed
	}{
		"forward past the end of the statement": {10 * time.Minute, fault.StatementInvalid},
		"forward by a year":                     {365 * 24 * time.Hour, fault.StatementInvalid},
		"back before the statement":             {-10 * time.Minute, fault.StatementInvalid},
		"back by a year":                        {-365 * 24 * time.Hour, fault.StatementInvalid},
		"by some seconds":                       {-30 * time.Second, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t)
			g.stop()
			var c wallClock
			g.now, g.drawer.watched = c.Now, make(chan struct{})
			g.serve(g.drawer)
			b := g.mustConnect()
			l := g.mustOpen(b, "mem_alice")
			g.person.answer(func(context.Context, consent.Question) error { c.wrong.Store(int64(r.jump)); return nil })
			_, err := l.decide(t.Context(), "req_0001", statement.Approve)
			if r.want == "" && err != nil {
				t.Errorf("%v, want a signature", err)
			}
			if r.want != "" {
				wantCode(t, "decide", err, r.want)
			}
			if signed := slices.Contains(g.events(), journal.Signed); signed != (r.want == "") {
				t.Errorf("journal %v", g.events())
			}
			c.wrong.Store(0) // set right again: work goes on
			g.person.answer(nil)
			if _, err := g.mustOpen(b, "mem_alice").decide(t.Context(), "req_0002", statement.Approve); err != nil {
				t.Errorf("after the clock was set right: %v", err)
			}
			g.stop()
			g.serve(&drawer{watched: make(chan struct{})}) // opens the journal, whose times went back: it is whole
		})
	}
}

func TestBadInputThroughTheLinkCutsOffThatPageOnly(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	other := g.mustConnect()
	const info = `{"jsonrpc":"2.0","id":1,"method":"bridge.info","params":{}}`
	for name, r := range map[string]struct {
		kind int
		send func(*rawPage) []byte
		want fault.Code
	}{
		"arrays without end":    {websocket.BinaryMessage, func(p *rawPage) []byte { return p.sealed(strings.Repeat("[", frame.MaxFrame)) }, fault.Invalid},
		"objects without end":   {websocket.BinaryMessage, func(p *rawPage) []byte { return p.sealed(strings.Repeat(`{"a":`, frame.MaxFrame/5)) }, fault.Invalid},
		"invalid UTF-8":         {websocket.BinaryMessage, func(p *rawPage) []byte { return p.sealed("[\"\xff\xfe\"]") }, fault.Invalid},
		"an id twice":           {websocket.BinaryMessage, func(p *rawPage) []byte { return p.sealed("[" + info + "," + info + "]") }, fault.Invalid},
		"a reply":               {websocket.BinaryMessage, func(p *rawPage) []byte { return p.sealed(`[{"jsonrpc":"2.0","id":1,"result":{}}]`) }, fault.Invalid},
		"a text":                {websocket.TextMessage, func(*rawPage) []byte { return []byte("hello") }, fault.RecordInvalid},
		"a text that is none":   {websocket.TextMessage, func(*rawPage) []byte { return []byte{0xff, 0xfe} }, fault.RecordInvalid},
		"a frame too large":     {websocket.BinaryMessage, func(p *rawPage) []byte { return p.sealed(strings.Repeat(" ", frame.MaxFrame+1)) }, fault.TooLarge},
		"another page's record": {websocket.BinaryMessage, func(*rawPage) []byte { p := g.raw(t); p.handshake(g.pageKey); return p.sealed("[]") }, fault.RecordInvalid},
	} {
		p := g.raw(t)
		p.handshake(g.pageKey)
		if err := p.ws.WriteMessage(r.kind, r.send(p)); err != nil {
			t.Fatal(err)
		}
		for {
			if _, why, ok := p.next(); !ok {
				if why != r.want {
					t.Errorf("%s: closed with %s", name, why)
				}
				break
			}
		}
		if err := other.Call(t.Context(), frame.BridgeInfo, frame.BridgeInfoParams{}, &frame.BridgeInfoResult{}); err != nil {
			t.Fatalf("%s: the other page: %v", name, err)
		}
	}
}
