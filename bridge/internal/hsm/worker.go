package hsm

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/miekg/pkcs11"

	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
)

// operation is what a worker does in its session. It outlives the call that asked
// for it when that is cancelled, so it owns what it reads, and its result is handed
// over or wiped.
type operation struct {
	class class
	run   func(session pkcs11.SessionHandle) ([]byte, error)
	wipe  func() // called once it has run, or will not; nil: nothing to wipe
}

// job is one operation that waits for a worker.
type job struct {
	operation
	ctx  context.Context
	done chan outcome
	left chan struct{} // closed when who asked has gone
}

type outcome struct {
	result []byte
	err    error
}

func (o operation) end() {
	if o.wipe != nil {
		o.wipe()
	}
}

// workersFor is how many operations a token does at once: one for hardware,
// which is serial anyway, and one per processor for a token in software.
func (k *Token) workersFor() int {
	if strings.Contains(k.id.Manufacturer, "SoftHSM") || strings.Contains(k.id.Manufacturer, "Mozilla") {
		return runtime.GOMAXPROCS(0)
	}
	return 1
}

// do has a worker run an operation in its session, first come, first served. An
// operation whose caller has gone is not started; one that has started is
// finished, but not waited for.
func (k *Token) do(ctx context.Context, o operation) ([]byte, error) {
	j := &job{operation: o, ctx: ctx, done: make(chan outcome), left: make(chan struct{})}
	if err := k.queue(j); err != nil {
		o.end()
		return nil, err
	}
	defer close(j.left)
	select {
	case out := <-j.done:
		return out.result, out.err
	case <-ctx.Done():
		return nil, keys.Ended(ctx)
	case <-k.stop:
		return nil, removed(k.id)
	}
}

func (k *Token) queue(j *job) error {
	if err := keys.Ended(j.ctx); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.present {
		return removed(k.id)
	}
	for ; k.workers < k.workersFor(); k.workers++ {
		go k.work()
	}
	select {
	case k.jobs <- j:
		return nil
	default:
		return fault.New(fault.Busy, fmt.Sprintf("%d operations wait for the token already", queueLength))
	}
}

// work is one worker. Its session is its own for as long as it lives, and is
// opened again after anything but a clean result.
func (k *Token) work() {
	var w worker
	for {
		select {
		case <-k.stop:
			return
		case j := <-k.jobs:
			var out outcome
			if out.err = keys.Ended(j.ctx); out.err == nil {
				out = w.run(k, j)
			}
			j.end()
			select {
			case j.done <- out:
			case <-j.left:
				clear(out.result) // it may be a secret
			}
		}
	}
}

type worker struct{ session *session }

// run does one job. A session that another program closed is opened again and the
// job done again, once, unless the call that was refused may have done its work.
func (w *worker) run(k *Token, j *job) (out outcome) {
	defer k.module.enter(j.class)()
	result, err := w.try(k, j)
	if is(err, pkcs11.CKR_SESSION_HANDLE_INVALID) && !mayHaveRun(err) {
		result, err = w.try(k, j)
	}
	return outcome{result, k.judge(err, "do the operation")}
}

// try does the job in the worker's session. The caller holds calls.
func (w *worker) try(k *Token, j *job) (result []byte, err error) {
	m := k.module
	if !m.isOpen(w.session) {
		if w.session, err = m.openSession(k, k.where(), 0); err != nil {
			return nil, k.judge(err, "open a session")
		}
	}
	result, err = j.run(w.session.handle)
	if err != nil && !isRefusal(err) {
		m.closeSession(w.session)
	}
	return result, err
}

// isRefusal reports an error that is our own decision: the module did not fail.
func isRefusal(err error) bool {
	var f *fault.Error
	return errors.As(err, &f) && errors.Unwrap(f) == nil
}
