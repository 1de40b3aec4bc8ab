// Package rate counts what somebody does within a minute. Users:
// web/internal/gateway and web/internal/relay.
package rate

import (
	"sync"
	"time"
)

// maxNames bounds what a limiter remembers; beyond it new names are refused for
// the rest of the minute.
const maxNames = 20000

// Limiter counts per minute and name.
type Limiter struct {
	now   func() time.Time
	mu    sync.Mutex
	start time.Time
	seen  map[string]int
}

// New makes a limiter that counts from zero.
func New(now func() time.Time) *Limiter { return &Limiter{now: now} }

// Allow counts one more for name and reports whether it is within perMinute.
func (l *Limiter) Allow(name string, perMinute int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := l.now(); l.seen == nil || now.Sub(l.start) >= time.Minute {
		l.start, l.seen = now, map[string]int{}
	}
	if len(l.seen) >= maxNames && l.seen[name] == 0 {
		return false
	}
	l.seen[name]++
	return l.seen[name] <= perMinute
}
