package guard

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"countersign/shared/frame"
	"countersign/shared/spec"
)

// Each row of the page's table is asked of a guard.
func TestWhatIsRefusedBeforeTheUpgradeIsWhatThePageSays(t *testing.T) {
	t.Parallel()
	port := start(t)
	host, origin, protocol := "127.0.0.1:"+port, "Origin: "+page, "Sec-WebSocket-Protocol: "+Protocol
	heads := map[string][]string{
		"has a head of more than 8 KiB": upgradeHead(Path, host, origin, protocol, "X-Long: "+strings.Repeat("x", MaxHead)),
		"comes from another computer":   nil,
		"has a `Host` that is not the bridge's own: `127.0.0.1`, `localhost` or `[::1]` with its port": upgradeHead(Path, "bridge.example:"+port, origin, protocol),
		"has no `Origin`, two, or one that is not in the bridge's list":                                upgradeHead(Path, host, protocol),
		"is for `/health` and neither GET nor HEAD":                                                    {"PUT /health HTTP/1.1", "Host: " + host, origin, "Content-Length: 0"},
		"is for another path than `/v1/ws` and `/health`, or has a query":                              upgradeHead(Path+"?a=b", host, origin, protocol),
		"has no sub-protocol `countersign.v1`":                                                         upgradeHead(Path, host, origin, "Sec-WebSocket-Protocol: countersign.v2"),
		"is not a WebSocket upgrade (RFC 6455)":                                                        {"GET " + Path + " HTTP/1.1", "Host: " + host, origin, protocol},
		"finds all WebSockets taken that its origin may have, by pages that proved who they are":       upgradeHead(Path, host, origin, protocol),
	}
	for _, row := range spec.Table(t, "link.md", "Before the upgrade", "the request") {
		head, known := heads[row[0]]
		if !known {
			t.Errorf("nobody asks: %s", row[0])
			continue
		}
		port := port
		if strings.HasPrefix(row[0], "finds all") {
			port = start(t)
			host := "127.0.0.1:" + port
			head = upgradeHead(Path, host, origin, protocol)
			for range MaxConnections {
				ws, _, err := (&websocket.Dialer{Subprotocols: []string{Protocol}}).Dial("ws://"+host+Path, map[string][]string{"Origin": {page}})
				if err != nil {
					break // the origin's share is taken
				}
				defer ws.Close()
				settle(t, ws)
			}
		}
		delete(heads, row[0])
		var status int
		var body string
		if head == nil {
			w, r := httptest.NewRecorder(), httptest.NewRequest("GET", Path, nil)
			r.RemoteAddr = "192.0.2.1:4711"
			(&Guard{cfg: Config{Log: slog.New(slog.DiscardHandler)}}).ServeHTTP(w, r)
			status, body = w.Code, w.Body.String()
		} else {
			status, _, body = raw(t, port, head...)
		}
		var p struct {
			Error struct{ Code, Message string }
		}
		if err := json.Unmarshal([]byte(body), &p); status != 431 && (err != nil || p.Error.Message == "") {
			t.Errorf("%s: the body is %q", row[0], body)
		}
		if code := strings.Join(spec.Words(row[2]), ""); fmt.Sprint(status) != row[1] || p.Error.Code != code {
			t.Errorf("%s: %d %s, the page says %s %s", row[0], status, p.Error.Code, row[1], code)
		}
	}
	if len(heads) > 0 {
		t.Errorf("the page does not have %v", heads)
	}
}

func TestAHeadIsReadUpToItsLimitAndNotBeyond(t *testing.T) {
	t.Parallel()
	port := start(t)
	bare := strings.Join(upgradeHead(Path, "127.0.0.1:"+port, "Origin: "+page, "Sec-WebSocket-Protocol: "+Protocol, "X-Long: "), "\r\n") + "\r\n\r\n"
	for size, want := range map[int]int{MaxHead - 100: 101, MaxHead + 1: 431, MaxHead + 100: 431, 11000: 431, 3 * MaxHead: 431} {
		head := upgradeHead(Path, "127.0.0.1:"+port, "Origin: "+page, "Sec-WebSocket-Protocol: "+Protocol, "X-Long: "+strings.Repeat("x", size-len(bare)))
		if status, _, _ := raw(t, port, head...); status != want {
			t.Errorf("a head of %d bytes: %d, want %d", size, status, want)
		}
	}
}

func TestThePageHasTheLimitsOfTheGuard(t *testing.T) {
	t.Parallel()
	var ports []string
	for _, p := range frame.Ports {
		ports = append(ports, strconv.Itoa(p))
	}
	spec.Limit(t, "link.md", "ports that both ends know, in this order", strings.Join(ports, ", "))
	spec.Limit(t, "link.md", "HTTP head of the upgrade", fmt.Sprintf("%d KiB", MaxHead>>10), fmt.Sprintf("%.0f s", HandshakeTimeout.Seconds()))
	spec.Limit(t, "link.md", "sockets that are not a WebSocket yet", fmt.Sprint(MaxWaiting))
	spec.Limit(t, "link.md", "WebSockets", fmt.Sprint(MaxConnections), fmt.Sprint(MaxConnections/2))
	spec.Limit(t, "link.md", "WebSocket message", spec.Number(MaxMessage))
	spec.Limit(t, "link.md", "pings by the page", fmt.Sprint(maxPings), fmt.Sprintf("%.0f s", pingsTime.Seconds()))
	spec.Limit(t, "link.md", "handshake", fmt.Sprintf("%.0f s", HandshakeTimeout.Seconds()))
}
