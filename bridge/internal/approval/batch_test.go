package approval

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"countersign/shared/fault"
)

func TestALateStatementDoesNotHoldUpTheBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &batch{}
		for range 3 {
			a := &approval{}
			a.ctx, a.cancel = context.WithCancel(t.Context())
			defer a.cancel()
			b.parts = append(b.parts, &part{batch: b, approval: a, came: make(chan *item, 1), done: make(chan outcome, 1)})
		}
		b.parts[0].came <- &item{}
		b.parts[2].came <- &item{}
		start := time.Now()
		listed := b.gather(t.Context())
		if len(listed) != 2 || time.Since(start) != GatherTime {
			t.Errorf("%d listed after %s", len(listed), time.Since(start))
		}
		if o := <-b.parts[1].done; fault.CodeOf(o.err) != fault.Timeout {
			t.Error(o.err)
		}
	})
}
