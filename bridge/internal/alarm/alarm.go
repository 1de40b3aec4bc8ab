// Package alarm ends what waits on something that may cease: a token that is pulled
// (bridge/internal/unlock), a site that may not ask any more (bridge/internal/site).
package alarm

import (
	"context"
	"sync"

	"countersign/shared/fault"
)

// Alarms are the names on which something waits.
type Alarms struct {
	mu      sync.Mutex
	waiting map[string]map[*alarm]bool
}

type alarm struct{ ring context.CancelCauseFunc }

// New has no name that anything waits on.
func New() *Alarms { return &Alarms{waiting: map[string]map[*alarm]bool{}} }

// Watch returns a context that ends with ctx, or when the alarm called name
// rings; stop must be called.
func (a *Alarms) Watch(ctx context.Context, name string) (watched context.Context, stop func()) {
	watched, cancel := context.WithCancelCause(ctx)
	one := &alarm{cancel}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.waiting[name] == nil {
		a.waiting[name] = map[*alarm]bool{}
	}
	a.waiting[name][one] = true
	return watched, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.waiting[name], one)
		if len(a.waiting[name]) == 0 {
			delete(a.waiting, name)
		}
		cancel(nil)
	}
}

// Ring ends everything that waits on name, because of why.
func (a *Alarms) Ring(name string, why *fault.Error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for one := range a.waiting[name] {
		one.ring(why)
	}
}

// Because is why an operation failed that ended with ctx: the alarm that rang.
func Because(ctx context.Context, err error) error {
	if rang, ok := fault.As(context.Cause(ctx)); ok && fault.CodeOf(err) == fault.Cancelled {
		return rang
	}
	return err
}
