package buy

import (
	"sync"
	"time"

	"countersign/shared/quote"
)

// A circuit opens after this many failures in a row, and lets one question
// through after the pause, which doubles up to the longest.
const (
	breakAfter   = 3
	pause        = 5 * time.Second
	longestPause = 2 * time.Minute
)

// breaker keeps a failing provider from being asked by all.
type breaker struct {
	mu       sync.Mutex
	failures int
	code     string    // of the last failure
	since    time.Time // of the first
	opened   time.Time // the last failure
	probing  bool
}

func (b *breaker) pause() time.Duration {
	d := pause
	for i := breakAfter; i < b.failures && d < longestPause; i++ {
		d *= 2
	}
	return min(d, longestPause)
}

// state is one of the circuit states of package quote.
func (b *breaker) state(now time.Time) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.failures < breakAfter:
		return quote.CircuitClosed
	case b.probing || now.Sub(b.opened) < b.pause():
		return quote.CircuitOpen
	}
	return quote.CircuitHalfOpen
}

// enter reports whether the provider may be asked now. Every true is followed
// by one call of leave.
func (b *breaker) enter(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures < breakAfter {
		return true
	}
	if b.probing || now.Sub(b.opened) < b.pause() {
		return false
	}
	b.probing = true
	return true
}

// leave records how the question went: ok, or the provider's failure, or
// neither (both false).
func (b *breaker) leave(now time.Time, ok, failed bool, code string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
	switch {
	case ok:
		b.failures = 0
	case failed:
		if b.failures == 0 {
			b.since = now
		}
		b.failures++
		b.opened, b.code = now, code
	}
}

// failing is what is wrong at present; nil when nothing is.
func (b *breaker) failing() *quote.Failing {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures == 0 {
		return nil
	}
	f := &quote.Failing{Code: b.code, Times: b.failures, Since: b.since.UTC()}
	if b.failures >= breakAfter {
		at := b.opened.Add(b.pause()).UTC()
		f.RetryAt = &at
	}
	return f
}
