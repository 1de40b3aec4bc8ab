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

// job is one operation that waits for a worker.
type job struct {
	ctx   context.Context
	class class
	run   func(session pkcs11.SessionHandle) error
	done  chan error // buffered: the worker never waits for who asked
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
func (k *Token) do(ctx context.Context, c class, run func(pkcs11.SessionHandle) error) error {
	if err := keys.Ended(ctx); err != nil {
		return err
	}
	k.mu.Lock()
	if !k.present {
		k.mu.Unlock()
		return removed(k.id.Label)
	}
	for ; k.workers < k.workersFor(); k.workers++ {
		go k.work()
	}
	k.mu.Unlock()
	j := &job{ctx: ctx, class: c, run: run, done: make(chan error, 1)}
	select {
	case k.jobs <- j:
	default:
		return fault.New(fault.Busy, fmt.Sprintf("%d operations wait for the token already", queueLength))
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		return keys.Ended(ctx)
	case <-k.stop:
		return removed(k.id.Label)
	}
}

// work is one worker. Its session is its own for as long as it lives, and is
// opened anew after anything but a clean result.
func (k *Token) work() {
	var w worker
	for {
		select {
		case <-k.stop:
			return
		case j := <-k.jobs:
			if err := keys.Ended(j.ctx); err != nil {
				j.done <- err
				continue
			}
			j.done <- w.run(k, j)
		}
	}
}

type worker struct {
	session    pkcs11.SessionHandle
	open       bool
	generation int
	slot       uint
}

// run does one job. A session that another program closed is opened anew and the
// job done again, once: a call that was refused for its session did nothing.
func (w *worker) run(k *Token, j *job) error {
	defer k.module.enter(j.class)()
	err := w.try(k, j)
	if is(err, pkcs11.CKR_SESSION_HANDLE_INVALID) {
		err = w.try(k, j)
	}
	return k.judge(err, "do the operation")
}

// try does the job in the worker's session. The caller holds calls.
func (w *worker) try(k *Token, j *job) error {
	m := k.module
	generation, slot := m.currentGeneration(), k.where()
	if w.open && (w.generation != generation || w.slot != slot) {
		w.open = false // finalising the module, or pulling the token, has closed it
	}
	if !w.open {
		session, err := m.openSession(slot, 0)
		if err != nil {
			return k.judge(err, "open a session")
		}
		w.session, w.open, w.generation, w.slot = session, true, generation, slot
	}
	err := j.run(w.session)
	var a abandoned
	if e := effectOf(err); err != nil && e&(sessionLost|tokenLost) != 0 || errors.As(err, &a) {
		m.closeSession(w.session)
		w.open = false
	}
	return err
}
