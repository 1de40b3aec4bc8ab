package dialout

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"countersign/bridge/internal/dialout/dialouttest"
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/link"
	"countersign/shared/rendezvous"
)

const origin = "https://app.example"

// rig is a dialer that runs, with a person's patience of none.
type rig struct {
	key    *link.Key
	pages  chan Connection // handed to the handler
	end    chan struct{}   // lets the handlers return
	pauses chan time.Duration
	states chan error
	stop   func()
}

func start(t *testing.T, gateway string, roots *x509.CertPool) *rig {
	t.Helper()
	key, err := link.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	g := &rig{key: key, pages: make(chan Connection, 64), end: make(chan struct{}), pauses: make(chan time.Duration, 1000), states: make(chan error, 1000)}
	ctx, cancel := context.WithCancel(t.Context())
	d, err := New(Config{
		Gateway: gateway, Key: key, Rand: rand.Reader, Roots: roots,
		Origins: func() []string { return []string{origin} },
		Handle: func(c Connection) {
			g.pages <- c
			select {
			case <-g.end:
			case <-c.Context.Done():
			}
		},
		Wait: func(ctx context.Context, d time.Duration) {
			g.pauses <- d
			wait(ctx, d/100)
		},
		Connected: func(err error) { g.states <- err },
	})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { d.Run(ctx); close(done) }()
	var once sync.Once
	g.stop = func() { once.Do(func() { cancel(); <-done }) }
	t.Cleanup(g.stop)
	return g
}

func TestABridgeProvesItsKeyAndTakesPagesUp(t *testing.T) {
	t.Parallel()
	gw := dialouttest.New(t, (*httptest.Server).Start)
	g := start(t, gw.Origin, nil)
	if name := <-gw.Registered; name != rendezvous.Name(g.key.Static()) {
		t.Errorf("registered as %s", name)
	}
	stream := <-gw.Announce(origin)
	c := <-g.pages
	if c.Origin != origin || "http://"+c.Gateway != gw.Origin {
		t.Errorf("the page is of %s at %s", c.Origin, c.Gateway)
	}
	if err := stream.WriteMessage(websocket.BinaryMessage, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, data, err := c.Socket.ReadMessage(); err != nil || string(data) != "hello" {
		t.Errorf("read %q, %v", data, err)
	}
	close(g.end)
	if _, _, err := stream.ReadMessage(); err == nil {
		t.Error("the stream goes on without its handler")
	}
}

func TestASiteThatIsNotListedIsRefusedAlsoWhenTheGatewaySendsIt(t *testing.T) {
	t.Parallel()
	gw := dialouttest.New(t, (*httptest.Server).Start)
	g := start(t, gw.Origin, nil)
	<-gw.Registered
	for _, from := range []string{"https://evil.example", "null", "https://app.example:444", "http://app.example"} {
		stream := <-gw.Announce(from)
		if err := stream.WriteMessage(websocket.BinaryMessage, []byte("message 1")); err != nil {
			t.Fatal(err)
		}
		_, _, err := stream.ReadMessage()
		if c := (*websocket.CloseError)(nil); !errors.As(err, &c) || c.Code != frame.CloseCode || c.Text != string(fault.OriginRefused) {
			t.Errorf("%s: %v", from, err)
		}
	}
	if len(g.pages) > 0 {
		t.Error("a page was served")
	}
}

func TestTheBridgeComesBackWhenTheGatewayDoes(t *testing.T) {
	t.Parallel()
	gw := dialouttest.New(t, (*httptest.Server).Start)
	g := start(t, gw.Origin, nil)
	for range 3 {
		<-gw.Registered
		if err := <-g.states; err != nil {
			t.Errorf("connected: %v", err)
		}
		gw.Cut()
		if err := <-g.states; err == nil {
			t.Error("a lost gateway is not told")
		}
		if p := <-g.pauses; p < firstWait/2 || p > firstWait {
			t.Errorf("the first pause is %v", p)
		}
	}
}

func TestPausesGrowAndAreSpread(t *testing.T) {
	t.Parallel()
	key, err := link.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	d, err := New(Config{Gateway: "https://gateway.example", Key: key, Rand: rand.Reader, Origins: func() []string { return nil }, Handle: func(Connection) {}})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[time.Duration]bool{}
	for n, whole := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60, 60} {
		for range 20 {
			p := d.pause(n)
			if p < whole*time.Second/2 || p > whole*time.Second {
				t.Errorf("pause %d is %v", n, p)
			}
			seen[p] = true
		}
	}
	if p := d.pause(1 << 40); p > longestWait {
		t.Errorf("after many failures %v", p)
	}
	if len(seen) < 100 {
		t.Errorf("%d different pauses of 200", len(seen))
	}
}

func TestAGatewayThatPrefersAnotherConnectionIsLeftAlone(t *testing.T) {
	t.Parallel()
	gw := dialouttest.New(t, (*httptest.Server).Start)
	g := start(t, gw.Origin, nil)
	control := <-gw.Control
	closing := websocket.FormatCloseMessage(frame.CloseCode, string(fault.Conflict))
	if err := control.WriteControl(websocket.CloseMessage, closing, time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if p := <-g.pauses; p != longestWait {
		t.Errorf("the bridge comes back after %v", p)
	}
	<-g.states
	if err := <-g.states; fault.CodeOf(err) != fault.Conflict || !strings.Contains(err.Error(), "same key") {
		t.Errorf("told: %v", err)
	}
}

func TestAGatewayThatBreaksTheProtocolIsLeft(t *testing.T) {
	t.Parallel()
	for what, message := range map[string]string{
		"no JSON": "hello", "an unknown field": `{"type":"open","x":1}`, "an unknown message": `{"type":"close"}`,
		"a stream without an id": `{"type":"open","stream":"","origin":"https://app.example"}`,
		"too much":               strings.Repeat(" ", rendezvous.MaxControl+1),
	} {
		gw := dialouttest.New(t, (*httptest.Server).Start)
		g := start(t, gw.Origin, nil)
		control := <-gw.Control
		<-g.states
		if err := control.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
			t.Fatal(err)
		}
		if err := <-g.states; err == nil {
			t.Errorf("%s: no error", what)
		}
		g.stop()
	}
}

func TestAProbeFindsARelayWithoutBeingRegistered(t *testing.T) {
	t.Parallel()
	gw := dialouttest.New(t, (*httptest.Server).Start)
	key, err := link.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Gateway: gw.Origin, Key: key, Rand: rand.Reader, Origins: func() []string { return nil }, Handle: func(Connection) {}}
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Probe(t.Context()); err != nil || len(gw.Registered) > 0 {
		t.Errorf("%v, %d registered", err, len(gw.Registered))
	}
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	cfg.Gateway = other.URL
	if d, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	if err := d.Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("what is not a gateway: %v", err)
	}
}

func TestAGatewayIsVerifiedByItsCertificate(t *testing.T) {
	t.Parallel()
	gw := dialouttest.New(t, (*httptest.Server).StartTLS)
	stranger := start(t, gw.Origin, nil)
	if err := <-stranger.states; !errors.As(err, new(x509.UnknownAuthorityError)) {
		t.Errorf("an unknown authority: %v", err)
	}
	stranger.stop()
	roots := x509.NewCertPool()
	roots.AddCert(gw.Server.Certificate())
	g := start(t, gw.Origin, roots)
	<-gw.Registered
	<-gw.Announce(origin)
	<-g.pages
}

func TestAGatewayCannotOpenStreamsWithoutEnd(t *testing.T) {
	t.Parallel()
	gw := dialouttest.New(t, (*httptest.Server).Start)
	g := start(t, gw.Origin, nil)
	<-gw.Registered
	var open []*websocket.Conn
	for range maxStreams {
		open = append(open, <-gw.Announce(origin))
		<-g.pages
	}
	more := gw.Announce(origin)
	gw.Flush()
	close(g.end)
	for _, ws := range open {
		ws.Close()
	}
	for taken := false; !taken; { // places are free in a moment, but not for the one that was too many
		select {
		case <-gw.Announce(origin):
			taken = true
		case <-time.After(100 * time.Millisecond):
		}
	}
	select {
	case <-more:
		t.Error("one more was taken up")
	default:
	}
}

func TestStoppingEndsThePages(t *testing.T) {
	t.Parallel()
	gw := dialouttest.New(t, (*httptest.Server).Start)
	g := start(t, gw.Origin, nil)
	<-gw.Registered
	stream := <-gw.Announce(origin)
	<-g.pages
	g.stop()
	if _, _, err := stream.ReadMessage(); err == nil {
		t.Error("the stream goes on")
	}
}

func TestAGatewayIsAnHTTPSOrigin(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"https://gateway.example", "https://gateway.example:8443", "http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"} {
		if _, err := ParseGateway(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "gateway.example", "http://gateway.example", "wss://gateway.example", "https://", "https://gateway.example/", "https://gateway.example/v1",
		"https://user@gateway.example", "https://gateway.example?x", "https://gateway.example#x", "https://Gateway.example", "http://127.0.0.1.evil.example", "http://10.0.0.1"} {
		if _, err := ParseGateway(bad); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
