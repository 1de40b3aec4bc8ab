package guard

import (
	"context"
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
// comes first. An origin whose slots are all taken gets the oldest of its own that
// is not settled: whoever opens connections and does nothing keeps no other out.
type slots struct {
	mu      sync.Mutex
	origins []string // each once
	used    map[string]int
	open    []*slot // the oldest first
}

// slot is one WebSocket, or one that is about to be.
type slot struct {
	origin  string
	settled bool   // see [Settle]
	evicted bool   // another has its place
	end     func() // closes it; nil as long as it is not a WebSocket
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

// take takes a slot; nil when none is left, or those that are left are the share
// of other origins.
func (s *slots) take(origin string) *slot {
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
	if need > MaxConnections && !s.evict(origin) {
		return nil
	}
	s.used[origin]++
	taken := &slot{origin: origin}
	s.open = append(s.open, taken)
	return taken
}

// evict ends the oldest connection of an origin that is not settled. s.mu is held.
func (s *slots) evict(origin string) bool {
	i := slices.IndexFunc(s.open, func(o *slot) bool { return o.origin == origin && !o.settled })
	if i < 0 {
		return false
	}
	old := s.open[i]
	s.open = slices.Delete(s.open, i, i+1)
	s.used[origin]--
	old.evicted = true
	if old.end != nil {
		old.end()
	}
	return true
}

// opened says how a slot's connection is ended, which must not wait.
func (s *slots) opened(o *slot, end func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.end = end; o.evicted {
		end()
	}
}

func (s *slots) settle(o *slot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o.settled = true
}

func (s *slots) give(o *slot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.open, o); i >= 0 { // it was not evicted
		s.open = slices.Delete(s.open, i, i+1)
		s.used[o.origin]--
	}
}

type settleKey struct{}

// Settle says that a connection's page has proved who it is, or that the person
// is asked about it: it is not ended any more to make room for another of its
// site. ctx is the one that Handle got, or comes from it; any other does nothing.
func Settle(ctx context.Context) {
	if settle, ok := ctx.Value(settleKey{}).(func()); ok {
		settle()
	}
}

// waiting are the sockets that are not a WebSocket yet, the oldest first. They cost
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

// refusalEvery is how often the log names one reason for refusing connections.
const refusalEvery = time.Minute

// refusals are those that the log has had. A page that is not let in may try as
// often as it likes: it must neither fill a disk nor push the prompt off a
// terminal. The reasons are ours, and few.
type refusals struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// news reports whether a refusal for this reason is worth a line.
func (r *refusals) news(reason string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if last, ok := r.last[reason]; ok && now.Sub(last) < refusalEvery {
		return false
	}
	if r.last == nil {
		r.last = map[string]time.Time{}
	}
	r.last[reason] = now
	return true
}
