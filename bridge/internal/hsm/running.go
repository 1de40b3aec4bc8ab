package hsm

import (
	"sync"
	"time"
)

// class is how long a call into the module may take.
type class int

const (
	quick  class = iota // looks at slots and tokens: [quickTime], or less
	normal              // works: the configured time
	human               // waits for a person at the reader: twice that
)

// quickTime is how long a module may take to say what is plugged in.
const quickTime = 10 * time.Second

func (m *module) limit(c class) time.Duration {
	switch c {
	case quick:
		return min(quickTime, m.timeout)
	case human:
		return 2 * m.timeout
	}
	return m.timeout
}

// enter holds calls for one call into the module, until the returned function is
// called.
func (m *module) enter(c class) (leave func()) {
	m.calls.RLock()
	done := m.running.begin(m.limit(c))
	return func() {
		done()
		m.calls.RUnlock()
	}
}

// running knows the calls into the module that have not returned. Its zero value
// is ready.
type running struct {
	mu    sync.Mutex
	until map[uint64]time.Time
	next  uint64
}

// begin notes a call that may take as long as limit; done ends it.
func (r *running) begin(limit time.Duration) (done func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.until == nil {
		r.until = map[uint64]time.Time{}
	}
	r.next++
	id := r.next
	r.until[id] = time.Now().Add(limit)
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.until, id)
	}
}

// stuck reports that a call should have returned by now.
func (r *running) stuck(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, until := range r.until {
		if now.After(until) {
			return true
		}
	}
	return false
}
