package unlock

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"countersign/bridge/internal/journal"
)

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

// LockIdle locks a token that nobody has used for too long: the person may have
// left. Who reads a statement meanwhile is asked for the PIN afterwards.
func (k *Keeper) LockIdle(ctx context.Context, token string) {
	if !k.idle.expire(token) {
		return
	}
	k.grants.takeDevice(token)
	k.cfg.Journal.Record(journal.Event{Kind: journal.Locked, Device: k.cfg.Tokens.Name(token)}, k.cfg.Log)
	if err := k.cfg.Locks.Logout(ctx, token); err != nil {
		k.cfg.Log.Warn("the idle token could not be locked; no page may use it", "device", token, "error", err)
	}
}

// LockAllIdle locks every token that nobody has used for too long.
func (k *Keeper) LockAllIdle(ctx context.Context) {
	for _, token := range k.idle.devices() {
		k.LockIdle(ctx, token)
	}
}
