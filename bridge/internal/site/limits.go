package site

import (
	"math"
	"strconv"
	"sync"
	"time"

	"countersign/shared/fault"
)

// A site may open this many prompts that come to nothing, and gets one back in
// each interval. A prompt that the person approves costs nothing: they wanted it.
const (
	VainPrompts  = 6
	VainInterval = 20 * time.Second
)

// limits bound how often each site may ask for nothing: a bucket of tokens for
// each origin of the configuration.
type limits struct {
	now func() time.Time
	mu  sync.Mutex
	of  map[string]*bucket
}

type bucket struct {
	left float64
	at   time.Time
}

func newLimits(now func() time.Time) *limits { return &limits{now: now, of: map[string]*bucket{}} }

// level is a site's bucket, filled up to now. The caller holds mu.
func (l *limits) level(origin string) *bucket {
	now := l.now().Round(0)
	b := l.of[origin]
	if b == nil {
		b = &bucket{VainPrompts, now}
		l.of[origin] = b
	}
	if passed := now.Sub(b.at); passed > 0 {
		b.left = min(VainPrompts, b.left+passed.Seconds()/VainInterval.Seconds())
	}
	b.at = now
	return b
}

// admit reports with RATE_LIMITED that a site must wait before it asks again.
func (l *limits) admit(origin string) *fault.Error {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.level(origin)
	if b.left >= 1 {
		return nil
	}
	wait := math.Ceil((1 - b.left) * VainInterval.Seconds())
	return fault.New(fault.Limited, "this site asked too often for nothing; it must wait before the bridge shows its prompt again").
		With("retry_after", strconv.Itoa(int(wait)))
}

// charge notes a prompt that came to nothing.
func (l *limits) charge(origin string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.level(origin)
	b.left = max(0, b.left-1)
}
