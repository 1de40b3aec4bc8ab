package journal

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"countersign/shared/fault"
)

// RefusalsEvery is how long refusals of one kind for one site are counted before
// they make a line of the journal; the first makes one at once.
const RefusalsEvery = time.Minute

// Refusals keep a site that is refused again and again from filling the disk.
type Refusals struct {
	now  func() time.Time
	note func(Event)
	mu   sync.Mutex
	of   map[refusal]*counted
}

// refusal is what is counted together: sites are those of the configuration, and
// the kinds and codes a closed set.
type refusal struct{ origin, kind, code string }

type counted struct {
	since time.Time
	last  Event
	n     int // not written yet
}

// over reports whether the refusals were counted for long enough; a clock that was set
// back ends the count, which would last for as long as the clock was wrong.
func (c *counted) over(now time.Time) bool {
	elapsed := now.Sub(c.since)
	return elapsed < 0 || elapsed >= RefusalsEvery
}

// NewRefusals hands each line to note.
func NewRefusals(now func() time.Time, note func(Event)) *Refusals {
	return &Refusals{now: now, note: note, of: map[refusal]*counted{}}
}

// add notes one refusal.
func (r *Refusals) add(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key, now := refusal{e.Origin, e.Kind, e.Code}, r.now().Round(0)
	c := r.of[key]
	if c != nil && c.n > 0 && c.over(now) {
		r.write(c)
		c = nil
	}
	if c == nil || c.over(now) {
		r.of[key] = &counted{since: now}
		r.note(e)
		return
	}
	c.last = e
	c.n++
}

// Flush writes what was counted for long enough, or all.
func (r *Refusals) Flush(all bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now().Round(0)
	for key, c := range r.of {
		if all || c.over(now) {
			if c.n > 0 {
				r.write(c)
			}
			delete(r.of, key)
		}
	}
}

func (r *Refusals) write(c *counted) {
	e := c.last
	e.Count = c.n
	r.note(e)
	c.n = 0
}

// Refuse notes that something was refused, unless a line says so already, and
// returns err, which is [Written] then.
func (r *Refusals) Refuse(e Event, err error) error {
	if _, ok := errors.AsType[*written](err); ok || err == nil {
		return err
	}
	e.Kind, e.Code = Refused, string(fault.CodeOf(err))
	if fault.CodeOf(err) == fault.Limited {
		e.Kind = Limited
	}
	r.add(e)
	return Written(err)
}

// Record writes what has happened already, and what nothing follows from: when the
// journal cannot be written, that is in the log, and the next use of a key fails for it.
func (j *Journal) Record(e Event, log *slog.Logger) {
	if err := j.Append(e); err != nil {
		log.Error("the journal cannot be written", "event", e.Kind, "error", err)
	}
}

// Written is an error that has its line in the journal.
func Written(err error) error { return &written{err} }

type written struct{ error }

func (w *written) Unwrap() error { return w.error }
