package approver

import (
	"context"
	"sync"

	"countersign/shared/fault"
)

// alarms end what waits on something that may cease: a token that is pulled, a
// site that may not ask any more.
type alarms struct {
	mu      sync.Mutex
	waiting map[string]map[*alarm]bool
}

type alarm struct{ ring context.CancelCauseFunc }

func newAlarms() *alarms { return &alarms{waiting: map[string]map[*alarm]bool{}} }

// watch returns a context that ends with ctx, or when the alarm called name
// rings; stop must be called.
func (a *alarms) watch(ctx context.Context, name string) (watched context.Context, stop func()) {
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

// ring ends everything that waits on name, because of why.
func (a *alarms) ring(name string, why *fault.Error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for one := range a.waiting[name] {
		one.ring(why)
	}
}

// because is why an operation failed that ended with ctx: the alarm that rang.
func because(ctx context.Context, err error) error {
	if rang, ok := fault.As(context.Cause(ctx)); ok && fault.CodeOf(err) == fault.Cancelled {
		return rang
	}
	return err
}
