package approver

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"countersign/bridge/internal/journal"
)

// DefaultIdleLock is after how long without a use the bridge locks a token.
const DefaultIdleLock = 10 * time.Minute

// idleLock is the time of the configuration; 0 is never.
func (c Config) idleLock() (time.Duration, error) {
	if c.IdleLock == "" {
		return DefaultIdleLock, nil
	}
	d, err := time.ParseDuration(c.IdleLock)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("idle_lock %q: write a time such as 10m or 1h30m, or 0 for never", c.IdleLock)
	}
	return d, nil
}

// idleness knows when each unlocked token was last used, by the clock on the
// wall: a computer that slept was idle.
type idleness struct {
	now   func() time.Time
	limit time.Duration
	mu    sync.Mutex
	last  map[string]time.Time // by token; absent when it is locked
}

func newIdleness(now func() time.Time, limit time.Duration) *idleness {
	return &idleness{now: now, limit: limit, last: map[string]time.Time{}}
}

// used notes that a token was unlocked, or a key in it used.
func (i *idleness) used(device string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.last[device] = i.now().Round(0)
}

// expire reports whether a token was idle for too long; it says so once. A clock
// that was set back begins again.
func (i *idleness) expire(device string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	last, ok := i.last[device]
	if !ok || i.limit == 0 {
		return false
	}
	now := i.now().Round(0)
	if now.Before(last) {
		i.last[device] = now
	}
	if now.Sub(last) < i.limit {
		return false
	}
	delete(i.last, device)
	return true
}

// gone forgets a token that was pulled, and reports whether it was unlocked.
func (i *idleness) gone(device string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	_, unlocked := i.last[device]
	delete(i.last, device)
	return unlocked
}

func (i *idleness) devices() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Collect(maps.Keys(i.last))
}

// lockIdle locks a token that nobody has used for too long: the person may have
// left. Who reads a statement meanwhile is asked for the PIN afterwards.
func (b *Bridge) lockIdle(ctx context.Context, device string) {
	if !b.idle.expire(device) {
		return
	}
	b.grants.takeDevice(device)
	b.record(journal.Event{Kind: journal.Locked, Device: b.deps.Devices.Name(device)})
	if err := b.deps.Devices.Logout(ctx, device); err != nil {
		b.deps.Log.Warn("the idle token could not be locked; no page may use it", "device", device, "error", err)
	}
}

// housekeep locks idle tokens, writes counted refusals and says which certificates have
// expired until ctx ends.
func (b *Bridge) housekeep(ctx context.Context) {
	every := 10 * time.Second
	if d := b.idle.limit / 4; d > 0 && d < every {
		every = d
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			b.refusals.flush(true)
			return
		case <-tick.C:
			for _, device := range b.idle.devices() {
				b.lockIdle(ctx, device)
			}
			b.refusals.flush(false)
			b.members.Report(b.deps.Log, b.deps.Now())
		}
	}
}
