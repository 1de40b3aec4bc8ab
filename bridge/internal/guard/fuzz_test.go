package guard

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

// Whatever a request looks like, what is admitted names the bridge in Host and a
// listed page in Origin, each once and exactly; everybody else is told nothing.
func FuzzAdmission(f *testing.F) {
	for _, head := range []string{
		"GET /v1/ws HTTP/1.1\r\nHost: 127.0.0.1:18427\r\nOrigin: " + page + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: countersign.v1\r\n\r\n",
		"GET /health HTTP/1.1\r\nHost: localhost:18427\r\nOrigin: " + page + "\r\n\r\n",
		"GET /health HTTP/1.1\r\nHost: [::1]:18427\r\nOrigin: null\r\n\r\n",
		"GET http://evil.example:18427/health HTTP/1.1\r\nHost: 127.0.0.1:18427\r\nOrigin: " + page + "\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\n\r\n",
		"CONNECT 127.0.0.1:18427 HTTP/1.1\r\nHost: 127.0.0.1:18427\r\n\r\n",
		"GET //v1/ws HTTP/1.0\r\n\r\n",
	} {
		f.Add(head, "127.0.0.1:50000")
	}
	f.Add("GET /health HTTP/1.1\r\nHost: 127.0.0.1:18427\r\nOrigin: "+page+"\r\n\r\n", "192.0.2.1:50000")
	g, err := New(Config{Listeners: []net.Listener{&pipes{}}, Origins: []string{page}, Handle: func(context.Context, *websocket.Conn, string) {}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, head, from string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head)))
		if err != nil {
			return
		}
		r.RemoteAddr = from
		w := httptest.NewRecorder() // which no WebSocket can come from: what is admitted there gets status 500
		g.ServeHTTP(w, r)
		exact := loopbackPeer(from) && slices.Contains([]string{"127.0.0.1:18427", "localhost:18427", "[::1]:18427"}, r.Host) &&
			slices.Equal(r.Header.Values("Origin"), []string{page})
		admitted := w.Code == http.StatusOK || w.Code == http.StatusInternalServerError
		if admitted && !exact {
			t.Fatalf("admitted with %d: %q from %q", w.Code, head, from)
		}
		if cors := w.Header().Get("Access-Control-Allow-Origin"); cors != "" && (cors != page || !exact) {
			t.Fatalf("%q may read the answer to %q", cors, head)
		}
		if !exact && strings.Contains(w.Body.String(), Protocol) {
			t.Fatalf("a stranger was told %q", w.Body)
		}
	})
}
