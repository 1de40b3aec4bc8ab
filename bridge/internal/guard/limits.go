package guard

import (
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// slots are the WebSockets that may be open at once. Each origin is sure of its
// share: half of all, divided by the origins. The other half goes to whoever
// comes first.
type slots struct {
	mu      sync.Mutex
	origins []string // each once
	used    map[string]int
}

func (s *slots) allow(origins []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.origins = slices.Compact(slices.Sorted(slices.Values(origins)))
}

func (s *slots) allows(origin string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.origins, origin)
}

// share is how many slots each origin is sure of; none when there are more
// origins than slots. The caller holds mu.
func (s *slots) share() int {
	n := len(s.origins)
	if n == 0 || n > MaxConnections {
		return 0
	}
	return max(1, MaxConnections/(2*n))
}

// take takes a slot, unless none is left or those that are left are the share of
// other origins.
func (s *slots) take(origin string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used == nil {
		s.used = map[string]int{}
	}
	need := s.used[origin] + 1
	for _, o := range s.origins {
		if o != origin {
			need += max(s.used[o], s.share())
		}
	}
	if need > MaxConnections {
		return false
	}
	s.used[origin]++
	return true
}

func (s *slots) give(origin string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used[origin]--
}

// waiting are the sockets that are no WebSocket yet, the oldest first. They cost
// a descriptor and a goroutine each, and anybody on this computer can open them.
type waiting struct {
	mu   sync.Mutex
	open []net.Conn
}

// change follows a socket through the states of net/http. What is one too many
// is closed, the oldest first: a page has sent its request within milliseconds.
func (w *waiting) change(c net.Conn, state http.ConnState) {
	var oldest net.Conn
	w.mu.Lock()
	switch state {
	case http.StateNew:
		w.open = append(w.open, c)
		if len(w.open) > MaxWaiting {
			oldest, w.open = w.open[0], w.open[1:]
		}
	case http.StateHijacked, http.StateClosed:
		if i := slices.Index(w.open, c); i >= 0 {
			w.open = slices.Delete(w.open, i, i+1)
		}
	}
	w.mu.Unlock()
	if oldest != nil {
		oldest.Close()
	}
}

// A browser never sends a ping; the limit is generous to programs.
const (
	maxPings  = 20
	pingsTime = 10 * time.Second
)

// pings answers pings and ends a connection that floods them.
func pings(ws *websocket.Conn, now func() time.Time) func(string) error {
	reply := ws.PingHandler()
	var began time.Time
	count := 0
	return func(data string) error {
		if t := now(); t.Sub(began) < 0 || t.Sub(began) >= pingsTime {
			began, count = t, 0
		}
		if count++; count > maxPings {
			_ = ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.ClosePolicyViolation, "too many pings"), now().Add(time.Second)) // a courtesy
			return errors.New("too many pings")
		}
		return reply(data)
	}
}

// knockEvery is how often the log names one reason for refusing connections.
const knockEvery = time.Minute

// knocks are the refusals that the log has had. A page that is not let in may
// knock as often as it likes: it must neither fill a disk nor push the prompt off
// a terminal. The reasons are ours, and few.
type knocks struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// news reports whether a refusal for this reason is worth a line.
func (k *knocks) news(reason string, now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if last, ok := k.last[reason]; ok && now.Sub(last) < knockEvery {
		return false
	}
	if k.last == nil {
		k.last = map[string]time.Time{}
	}
	k.last[reason] = now
	return true
}
