package approver

import (
	"errors"
	"sync"
	"time"

	"countersign/bridge/internal/journal"
	"countersign/shared/fault"
)

// refusalsEvery is how long refusals of one kind for one site are counted before
// they make a line of the journal; the first makes one at once.
const refusalsEvery = time.Minute

// refusals keep a site that is refused again and again from filling the disk.
type refusals struct {
	now  func() time.Time
	note func(journal.Event)
	mu   sync.Mutex
	of   map[refusal]*counted
}

// refusal is what is counted together: sites are those of the configuration, and
// the kinds and codes a closed set.
type refusal struct{ origin, kind, code string }

type counted struct {
	since time.Time
	last  journal.Event
	n     int // not written yet
}

// passed reports whether a time has passed since then; a clock that was set back
// ends the wait, which would last for as long as the clock was wrong.
func passed(since time.Time, d time.Duration, now time.Time) bool {
	elapsed := now.Sub(since)
	return elapsed < 0 || elapsed >= d
}

func newRefusals(now func() time.Time, note func(journal.Event)) *refusals {
	return &refusals{now: now, note: note, of: map[refusal]*counted{}}
}

// add notes one refusal.
func (r *refusals) add(e journal.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key, now := refusal{e.Origin, e.Kind, e.Code}, r.now().Round(0)
	c := r.of[key]
	if c != nil && c.n > 0 && passed(c.since, refusalsEvery, now) {
		r.write(c)
		c = nil
	}
	if c == nil || passed(c.since, refusalsEvery, now) {
		r.of[key] = &counted{since: now}
		r.note(e)
		return
	}
	c.last = e
	c.n++
}

// flush writes what was counted for long enough, or all.
func (r *refusals) flush(all bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now().Round(0)
	for key, c := range r.of {
		if all || passed(c.since, refusalsEvery, now) {
			if c.n > 0 {
				r.write(c)
			}
			delete(r.of, key)
		}
	}
}

func (r *refusals) write(c *counted) {
	e := c.last
	e.Count = c.n
	r.note(e)
	c.n = 0
}

// record writes what has happened already, and what nothing follows from: when
// the journal cannot be written, the next use of a key fails for it.
func (b *Bridge) record(e journal.Event) {
	if err := b.deps.Journal.Append(e); err != nil {
		b.deps.Log.Error("the journal cannot be written", "event", e.Kind, "error", err)
	}
}

// event begins a line of the journal about this page.
func (c *conn) event(kind string) journal.Event {
	return journal.Event{Kind: kind, Origin: c.origin, Pairing: c.pairing, Process: c.program()}
}

// entry begins a line about one of an identity's keys.
func (c *conn) entry(kind string, id *identity) journal.Event {
	e := c.event(kind)
	e.Entity, e.Member, e.Device = id.Entity, id.Member, c.bridge.deps.Devices.Name(id.token())
	return e
}

// refused notes that something was refused, unless a line says so already, and
// returns err.
func (c *conn) refused(e journal.Event, err error) error {
	if _, written := errors.AsType[*written](err); written || err == nil {
		return err
	}
	e.Kind, e.Code = journal.Refused, string(fault.CodeOf(err))
	if fault.CodeOf(err) == fault.Limited {
		e.Kind = journal.Limited
	}
	c.bridge.refusals.add(e)
	return &written{err}
}

// unasked reports whether a prompt came to nothing before anybody saw it. A page
// can bring that about as often as it likes, so it is counted and not listed.
func unasked(err error) bool {
	switch fault.CodeOf(err) {
	case fault.Limited, fault.Busy, fault.PromptUnavailable:
		return true
	}
	return false
}

// written is an error that has its line in the journal.
type written struct{ error }

func (w *written) Unwrap() error { return w.error }
