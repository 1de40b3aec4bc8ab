package guard

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

const page = "https://dashboard.example.com"

// start serves a guard on a free loopback port until the test ends and returns
// its port. Every WebSocket that gets through echoes one message.
func start(t *testing.T, origins ...string) (port string) {
	t.Helper()
	listeners, err := Listen(t.Context(), []string{"127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if len(origins) == 0 {
		origins = []string{page, "http://127.0.0.1:8080", "https://bank.example:8443", "https://xn--mnchen-3ya.example"}
	}
	g, err := New(Config{Listeners: listeners, Origins: origins, Handle: func(ctx context.Context, ws *websocket.Conn, origin string) {
		stop := context.AfterFunc(ctx, func() { ws.Close() })
		defer stop()
		for {
			kind, data, err := ws.ReadMessage()
			if err != nil {
				return
			}
			Settle(ctx)
			if err := ws.WriteMessage(kind, append(data, origin...)); err != nil {
				return
			}
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	_, port, err = net.SplitHostPort(listeners[0].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// raw sends a request head exactly as written and returns the status and the
// head of the answer.
func raw(t *testing.T, port string, lines ...string) (int, http.Header, string) {
	t.Helper()
	c, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, strings.Join(lines, "\r\n")+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body []byte
	if resp.StatusCode != http.StatusSwitchingProtocols {
		if body, err = io.ReadAll(resp.Body); err != nil {
			t.Fatal(err)
		}
	}
	return resp.StatusCode, resp.Header, string(body)
}

func upgradeHead(path, host string, more ...string) []string {
	head := []string{"GET " + path + " HTTP/1.1"}
	if host != "" {
		head = append(head, "Host: "+host)
	}
	head = append(head, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")
	return append(head, more...)
}

func TestUpgradeNeedsExactHostAndOrigin(t *testing.T) {
	t.Parallel()
	port := start(t)
	good := "127.0.0.1:" + port
	sub := "Sec-WebSocket-Protocol: countersign.v1"
	type row struct {
		name, path, host string
		origin           []string
		protocol         string
		want             int
	}
	rows := []row{
		{"the page by IPv4", Path, good, []string{page}, sub, 101},
		{"the page by localhost", Path, "localhost:" + port, []string{page}, sub, 101},
		{"the page by IPv6 literal", Path, "[::1]:" + port, []string{page}, sub, 101},
		{"a page on loopback", Path, good, []string{"http://127.0.0.1:8080"}, sub, 101},
		{"a page on its own port", Path, good, []string{"https://bank.example:8443"}, sub, 101},
		{"an international page in xn-- form", Path, good, []string{"https://xn--mnchen-3ya.example"}, sub, 101},
		{"several sub-protocols, ours among them", Path, good, []string{page}, "Sec-WebSocket-Protocol: other, countersign.v1", 101},

		{"no origin", Path, good, nil, sub, 403},
		{"an empty origin", Path, good, []string{""}, sub, 403},
		{"the null origin", Path, good, []string{"null"}, sub, 403},
		{"two origins", Path, good, []string{page, page}, sub, 403},
		{"two origins in one header", Path, good, []string{page + ", " + page}, sub, 403},
		{"two origins with a space", Path, good, []string{page + " " + page}, sub, 403},
		{"another site", Path, good, []string{"https://evil.example"}, sub, 403},
		{"the page as suffix", Path, good, []string{"https://evildashboard.example.com"}, sub, 403},
		{"the page as sub-domain of a stranger", Path, good, []string{page + ".evil.example"}, sub, 403},
		{"a sub-domain of the page", Path, good, []string{"https://a.dashboard.example.com"}, sub, 403},
		{"the parent domain", Path, good, []string{"https://example.com"}, sub, 403},
		{"a prefix of the page", Path, good, []string{"https://dashboard.example.co"}, sub, 403},
		{"the page with a letter more", Path, good, []string{page + "m"}, sub, 403},
		{"the page as user information", Path, good, []string{"https://dashboard.example.com@evil.example"}, sub, 403},
		{"user information before the page", Path, good, []string{"https://user@dashboard.example.com"}, sub, 403},
		{"a trailing dot", Path, good, []string{page + "."}, sub, 403},
		{"a trailing slash", Path, good, []string{page + "/"}, sub, 403},
		{"a path", Path, good, []string{page + "/app"}, sub, 403},
		{"a backslash", Path, good, []string{`https://dashboard.example.com\@evil.example`}, sub, 403},
		{"upper case in the host", Path, good, []string{"https://Dashboard.example.com"}, sub, 403},
		{"upper case in the scheme", Path, good, []string{"HTTPS://dashboard.example.com"}, sub, 403},
		{"plain http", Path, good, []string{"http://dashboard.example.com"}, sub, 403},
		{"the default port written out", Path, good, []string{page + ":443"}, sub, 403},
		{"another port", Path, good, []string{page + ":8443"}, sub, 403},
		{"an empty port", Path, good, []string{page + ":"}, sub, 403},
		{"a port with leading zero", Path, good, []string{"https://bank.example:08443"}, sub, 403},
		{"a listed page without its port", Path, good, []string{"https://bank.example"}, sub, 403},
		{"a punycode look-alike", Path, good, []string{"https://xn--dshboard-2za.example.com"}, sub, 403},
		{"a look-alike in UTF-8", Path, good, []string{"https://dаshboard.example.com"}, sub, 403},
		{"the international page in UTF-8", Path, good, []string{"https://münchen.example"}, sub, 403},
		{"a full stop of another script", Path, good, []string{"https://dashboard。example.com"}, sub, 403},
		{"percent escapes", Path, good, []string{"https://dashboard%2eexample.com"}, sub, 403},
		{"origin equal to Host", Path, good, []string{"http://" + good}, sub, 403},
		{"localhost instead of the listed address", Path, good, []string{"http://localhost:8080"}, sub, 403},
		{"the loopback address in another form", Path, good, []string{"http://127.1:8080"}, sub, 403},
		{"the listed address as IPv6", Path, good, []string{"http://[::1]:8080"}, sub, 403},
		{"the listed address as mapped IPv6", Path, good, []string{"http://[::ffff:127.0.0.1]:8080"}, sub, 403},
		{"a zero byte after the page", Path, good, []string{page + "\x00"}, sub, 400},
		{"a tab after the scheme", Path, good, []string{"https://\tdashboard.example.com"}, sub, 403},
		{"an extension", Path, good, []string{"chrome-extension://abcdefghijklmnop"}, sub, 403},
		{"a file", Path, good, []string{"file://"}, sub, 403},

		{"a rebound name", Path, "evil.example:" + port, []string{page}, sub, 403},
		{"a rebound name with the page's origin equal", Path, "dashboard.example.com", []string{page}, sub, 403},
		{"Host without port", Path, "127.0.0.1", []string{page}, sub, 403},
		{"Host with another port", Path, "127.0.0.1:1", []string{page}, sub, 403},
		{"Host in upper case", Path, "LOCALHOST:" + port, []string{page}, sub, 403},
		{"Host with a trailing dot", Path, "localhost.:" + port, []string{page}, sub, 403},
		{"Host as suffix", Path, "localhost.evil.example:" + port, []string{page}, sub, 403},
		{"Host as prefix", Path, "evil.localhost:" + port, []string{page}, sub, 403},
		{"Host in another loopback form", Path, "127.0.0.2:" + port, []string{page}, sub, 403},
		{"Host as number", Path, "2130706433:" + port, []string{page}, sub, 403},
		{"Host as mapped address", Path, "[::ffff:127.0.0.1]:" + port, []string{page}, sub, 403},
		{"Host as long IPv6", Path, "[0:0:0:0:0:0:0:1]:" + port, []string{page}, sub, 403},
		{"Host as unspecified address", Path, "0.0.0.0:" + port, []string{page}, sub, 403},
		{"Host as short IPv4", Path, "127.1:" + port, []string{page}, sub, 403},
		{"Host as hexadecimal IPv4", Path, "0x7f000001:" + port, []string{page}, sub, 403},
		{"Host with user information", Path, "user@127.0.0.1:" + port, []string{page}, sub, 400},
		{"Host with an empty port", Path, "127.0.0.1:", []string{page}, sub, 403},
		{"Host with a leading zero in the port", Path, "127.0.0.1:0" + port, []string{page}, sub, 403},
		{"Host as IPv6 without port", Path, "[::1]", []string{page}, sub, 403},
		{"Host as IPv6 without brackets", Path, "::1:" + port, []string{page}, sub, 403},
		{"Host in UTF-8", Path, "lоcalhost:" + port, []string{page}, sub, 400},
		{"no Host", Path, "", []string{page}, sub, 400},
		{"Host twice", Path, good + "\r\nHost: " + good, []string{page}, sub, 400},
		{"Host with a zone", Path, "[::1%25lo]:" + port, []string{page}, sub, 403},

		{"another path", "/", good, []string{page}, sub, 404},
		{"a path with slash", Path + "/", good, []string{page}, sub, 404},
		{"a query", Path + "?a=b", good, []string{page}, sub, 404},
		{"no sub-protocol", Path, good, []string{page}, "X-Nothing: 1", 400},
		{"another sub-protocol", Path, good, []string{page}, "Sec-WebSocket-Protocol: countersign.v2", 400},
		{"the sub-protocol in upper case", Path, good, []string{page}, "Sec-WebSocket-Protocol: COUNTERSIGN.V1", 400},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			head := upgradeHead(r.path, r.host, r.protocol)
			for _, o := range r.origin {
				head = append(head, "Origin: "+o)
			}
			got, header, _ := raw(t, port, head...)
			if got != r.want {
				t.Errorf("status %d, want %d", got, r.want)
			}
			if got == 101 && header.Get("Sec-WebSocket-Protocol") != Protocol {
				t.Errorf("sub-protocol %q was chosen", header.Get("Sec-WebSocket-Protocol"))
			}
			if got != 101 && header.Get("Access-Control-Allow-Origin") != "" {
				t.Error("a refusal has a CORS header")
			}
		})
	}
	if len(rows) < 40 {
		t.Errorf("%d rows", len(rows))
	}
}

// A page at evil.example, whose name was rebound to 127.0.0.1 after it loaded,
// talks to the bridge as "same origin": Host and Origin agree with each other.
func TestReboundPageIsRefusedOnARawSocket(t *testing.T) {
	t.Parallel()
	port := start(t)
	rebound := "evil.example:" + port
	for _, target := range []string{Path, HealthPath, "/"} {
		for _, request := range [][]string{
			upgradeHead(target, rebound, "Origin: http://"+rebound, "Sec-WebSocket-Protocol: countersign.v1"),
			{"GET " + target + " HTTP/1.1", "Host: " + rebound},
			{"GET " + target + " HTTP/1.1", "Host: " + rebound, "Origin: " + page},
			{"GET http://" + rebound + target + " HTTP/1.1", "Host: 127.0.0.1:" + port, "Origin: " + page},
			{"OPTIONS " + target + " HTTP/1.1", "Host: " + rebound, "Origin: http://" + rebound, "Access-Control-Request-Method: GET"},
		} {
			status, header, body := raw(t, port, request...)
			if status != http.StatusForbidden || strings.Contains(body, "evil") || header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%q: %d %v %q", request, status, header, body)
			}
		}
	}
}

func TestHealthTellsAllowedPagesTheProtocolAndNothingElse(t *testing.T) {
	t.Parallel()
	port := start(t)
	host := "Host: 127.0.0.1:" + port
	for _, r := range []struct {
		name   string
		lines  []string
		status int
		cors   string
	}{
		{"an allowed page", []string{"GET /health HTTP/1.1", host, "Origin: " + page}, 200, page},
		{"a program without origin", []string{"GET /health HTTP/1.1", host}, 403, ""},
		{"an empty origin", []string{"GET /health HTTP/1.1", host, "Origin: "}, 403, ""},
		{"two origins", []string{"GET /health HTTP/1.1", host, "Origin: " + page, "Origin: " + page}, 403, ""},
		{"another page", []string{"GET /health HTTP/1.1", host, "Origin: https://evil.example"}, 403, ""},
		{"the null origin", []string{"GET /health HTTP/1.1", host, "Origin: null"}, 403, ""},
		{"another method", []string{"POST /health HTTP/1.1", host, "Origin: " + page, "Content-Length: 0"}, 405, ""},
	} {
		status, header, body := raw(t, port, r.lines...)
		if status != r.status || header.Get("Access-Control-Allow-Origin") != r.cors {
			t.Errorf("%s: %d, CORS %q", r.name, status, header.Get("Access-Control-Allow-Origin"))
		}
		if r.status == 403 && strings.Contains(body, Protocol) {
			t.Errorf("%s: body %q", r.name, body)
		}
		if r.status == 200 && body != "{\"protocol\":\"countersign.v1\"}\n" {
			t.Errorf("%s: body %q", r.name, body)
		}
		if header.Get("Cache-Control") != "no-store" || header.Get("Vary") != "Origin" {
			t.Errorf("%s: header %v", r.name, header)
		}
	}
}

func TestListenRefusesEverythingButLoopback(t *testing.T) {
	t.Parallel()
	for _, a := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "localhost:0", "example.com:0", "127.0.0.1", "", "[::ffff:192.0.2.1]:0"} {
		if l, err := Listen(t.Context(), []string{"127.0.0.1:0", a}); err == nil {
			t.Errorf("%q: listening on %s", a, l[1].Addr())
		}
	}
	if _, err := Listen(t.Context(), nil); err == nil {
		t.Error("no address: no error")
	}
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := New(Config{Listeners: []net.Listener{l}, Origins: []string{page}}); err == nil {
		t.Error("a listener on every address was accepted")
	}
}

func TestNewRefusesOriginsThatNoBrowserSends(t *testing.T) {
	t.Parallel()
	for _, o := range []string{
		"", "*", "null", "https://", "example.com", "https://*.example.com", page + "/", page + ":443", "http://127.0.0.1:80",
		"http://example.com", "https://Example.com", "https://münchen.example", "https://a@b.example", "https://a.example.", "https://a..example",
		"https://a.example:0", "https://a.example:65536", "https://a.example:08", "https://a.example?", "https://-a.example", "https://[::1", "https://[0::1]",
		"https://[::ffff:1.2.3.4]", "https://[::1]x", "https://1.2.3", "https://a.1", "ftp://a.example", "https:// a.example", strings.Repeat("a", 400),
	} {
		if _, err := New(Config{Origins: []string{o}}); err == nil {
			t.Errorf("%q was accepted", o)
		}
	}
	if _, err := New(Config{}); err == nil {
		t.Error("an empty list was accepted")
	}
}

func dial(t *testing.T, port string) (*websocket.Conn, int) {
	t.Helper()
	d := websocket.Dialer{Subprotocols: []string{Protocol}}
	ws, resp, err := d.Dial("ws://127.0.0.1:"+port+Path, http.Header{"Origin": {page}})
	if resp == nil {
		t.Fatal(err)
	}
	if err != nil {
		return nil, resp.StatusCode
	}
	t.Cleanup(func() { ws.Close() })
	return ws, resp.StatusCode
}

// settle has the page at the other end of ws prove who it is.
func settle(t *testing.T, ws *websocket.Conn) {
	t.Helper()
	if err := ws.WriteMessage(websocket.BinaryMessage, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ws.ReadMessage(); err != nil {
		t.Fatal(err)
	}
}

func TestASilentConnectionMakesRoomForAPage(t *testing.T) {
	t.Parallel()
	port := start(t, page)
	first, _ := dial(t, port)
	for range 3 * MaxConnections {
		if ws, status := dial(t, port); ws == nil {
			t.Fatalf("status %d", status)
		}
	}
	if _, _, err := first.ReadMessage(); err == nil {
		t.Error("the oldest lives on")
	}
	ws, _ := dial(t, port)
	settle(t, ws)
}

func TestConnectionsAndMessagesAreLimited(t *testing.T) {
	t.Parallel()
	port := start(t, page)
	var open []*websocket.Conn
	for range MaxConnections {
		ws, _ := dial(t, port)
		if ws == nil {
			t.Fatal("a connection within the limit was refused")
		}
		settle(t, ws)
		open = append(open, ws)
	}
	if ws, status := dial(t, port); ws != nil || status != http.StatusServiceUnavailable {
		t.Errorf("connection %d: status %d", MaxConnections+1, status)
	}
	if err := open[0].WriteMessage(websocket.BinaryMessage, make([]byte, MaxMessage)); err != nil {
		t.Fatal(err)
	}
	if _, data, err := open[0].ReadMessage(); err != nil || len(data) != MaxMessage+len(page) {
		t.Errorf("a message at the limit: %d bytes, %v", len(data), err)
	}
	if err := open[1].WriteMessage(websocket.BinaryMessage, make([]byte, MaxMessage+1)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := open[1].ReadMessage(); !websocket.IsCloseError(err, websocket.CloseMessageTooBig) {
		t.Errorf("a message over the limit: %v", err)
	}
}

func TestAConnectionsContextEndsWithTheGuard(t *testing.T) {
	t.Parallel()
	listeners, err := Listen(t.Context(), []string{"127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	entered, left := make(chan struct{}), make(chan struct{})
	g, err := New(Config{Listeners: listeners, Origins: []string{page}, Handle: func(ctx context.Context, ws *websocket.Conn, origin string) {
		close(entered)
		<-ctx.Done()
		close(left)
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.Serve(ctx) }()
	_, port, _ := net.SplitHostPort(listeners[0].Addr().String())
	dial(t, port)
	<-entered
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	select {
	case <-left:
	default:
		t.Error("Serve returned before the connection's handler")
	}
}

func TestAPageWithAnUnderscoreInItsHostMayConnect(t *testing.T) {
	t.Parallel()
	const odd = "https://my_dashboard.example.com"
	port := start(t, odd)
	d := websocket.Dialer{Subprotocols: []string{Protocol}}
	ws, _, err := d.Dial("ws://127.0.0.1:"+port+Path, http.Header{"Origin": {odd}})
	if err != nil {
		t.Fatal(err)
	}
	ws.Close()
}

func TestAPageThatIsRefusedAgainAndAgainDoesNotFillTheLog(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	g, err := New(Config{Origins: []string{page}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	connect := func(host string) {
		r := httptest.NewRequest(http.MethodGet, "http://"+host+Path, nil)
		r.RemoteAddr = "127.0.0.1:40000"
		r.Header.Set("Origin", "https://elsewhere.example")
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		if w.Code != http.StatusForbidden {
			t.Fatalf("status %d", w.Code)
		}
	}
	g.hosts = []string{"127.0.0.1:18427"}
	for range 50 {
		connect("127.0.0.1:18427")
		connect("bridge.example")
	}
	if lines := strings.Count(log.String(), "connection refused"); lines != 2 || !strings.Contains(log.String(), "list of origins") || !strings.Contains(log.String(), "this Host") {
		t.Errorf("%d lines for two reasons:\n%s", lines, &log)
	}
	var r refusals
	now := time.Now()
	for i, want := range []bool{true, false, true} {
		if r.news("reason", now.Add(time.Duration(i)*refusalEvery/2)) != want {
			t.Errorf("after %s: not %t", time.Duration(i)*refusalEvery/2, want)
		}
	}
}
