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

// enterAlone is enter for a call that must not run beside another of its kind. The
// time until it is its turn does not count.
func (k *Token) enterAlone(c class) (leave func()) {
	k.module.calls.RLock()
	k.alone.Lock()
	done := k.module.running.begin(k.module.limit(c))
	return func() {
		done()
		k.alone.Unlock()
		k.module.calls.RUnlock()
	}
}

// running knows the calls into the module that have not returned. Most modules do
// one thing at a time: a look at the slots waits there until a person has typed a
// PIN on the reader, or touched the token. So a call may wait for one other that
// has time left, if that may take as long. Its zero value is ready.
type running struct {
	mu    sync.Mutex
	calls map[*inside]struct{}
	felt  time.Time // when pulse was last called
}

// inside is one call.
type inside struct {
	began, until time.Time
	limit        time.Duration
}

// excused is until when a call may take that waits for another.
func (c *inside) excused(other *inside) time.Time { return c.began.Add(other.limit + c.limit) }

// begin notes a call that may take as long as limit; done ends it.
func (r *running) begin(limit time.Duration) (done func()) {
	c := r.enter(time.Now(), limit)
	return func() { r.leave(time.Now(), c) }
}

func (r *running) enter(now time.Time, limit time.Duration) *inside {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.calls == nil {
		r.calls = map[*inside]struct{}{}
	}
	c := &inside{began: now, until: now.Add(limit), limit: limit}
	r.calls[c] = struct{}{}
	return c
}

func (r *running) leave(now time.Time, c *inside) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.calls, c)
	for other := range r.calls {
		if until := now.Add(other.limit); other.limit <= c.limit && until.After(other.until) && !until.After(other.excused(c)) {
			other.until = until
		}
	}
}

// beat is how much of the time between two pulses counts as time that calls had. The
// bridge feels the pulse every second: what is beyond is time in which this process, or
// the bridge, did not run, because the machine was busy or somebody stopped it.
const beat = 2 * time.Second

// pulse is stuck for who asks again and again.
func (r *running) pulse(now time.Time) bool {
	r.mu.Lock()
	if lost := now.Sub(r.felt) - beat; !r.felt.IsZero() && lost > 0 {
		for c := range r.calls {
			lost := min(lost, max(0, now.Sub(c.began)))
			c.began, c.until = c.began.Add(lost), c.until.Add(lost)
		}
	}
	r.felt = now
	r.mu.Unlock()
	return r.stuck(now)
}

// stuck reports that a call should have returned by now.
func (r *running) stuck(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.calls {
		if now.After(c.until) && !r.waits(c, now) {
			return true
		}
	}
	return false
}

// waits reports that a call may be waiting for another, which has time left.
func (r *running) waits(c *inside, now time.Time) bool {
	for other := range r.calls {
		if other != c && other.limit >= c.limit && !now.After(other.until) && !now.After(c.excused(other)) {
			return true
		}
	}
	return false
}
