package link

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"countersign/shared/fault"
)

// The responder's limit on handshakes that stop after message 2.
const (
	MaxAbandoned  = 10
	AbandonedTime = time.Minute
)

// Budget limits how many handshakes may begin and not end. A program between
// page and bridge learns the bridge's code from message 2, before the bridge
// shows anything; without a limit it could begin a million handshakes until two
// codes agree. With this one its chance is 1 in 100,000 per minute of trying.
// One Budget serves all connections of a bridge.
type Budget struct {
	Now func() time.Time

	mu    sync.Mutex
	spent []time.Time
}

// Begin is called before [Responder.Accept]. It fails with RATE_LIMITED.
// The function that it returns is called when [Responder.Finish] succeeded.
func (b *Budget) Begin() (finished func(), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.Now()
	b.spent = slices.DeleteFunc(b.spent, func(t time.Time) bool {
		age := now.Sub(t)
		return age < 0 || age >= AbandonedTime // a clock that was set back must not lock anybody out
	})
	if len(b.spent) >= MaxAbandoned {
		return nil, fault.New(fault.Limited, fmt.Sprintf("more than %d connections were given up within %v: wait a minute", MaxAbandoned, AbandonedTime))
	}
	b.spent = append(b.spent, now)
	return func() { b.refund(now) }, nil
}

func (b *Budget) refund(at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, t := range b.spent {
		if t.Equal(at) {
			b.spent = append(b.spent[:i:i], b.spent[i+1:]...)
			return
		}
	}
}
