package signer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"countersign/shared/fault"
	"countersign/shared/signedlog"
	"countersign/shared/strictjson"
)

// The bounds of what is believed of the clock on the wall.
const (
	// maxJump is how far it may be from where an uptime that nobody sets says that
	// it must be. It is at most the skew that statements allow for.
	maxJump = 2 * time.Minute
	// maxSlew is how much of the time that passes it may gain or lose for good, as
	// time servers do when they correct it: one part in a thousand.
	maxSlew = 1000
	// DefaultAway is how long the computer may have been off, without a word of the
	// operator: across that, only the clock on the wall tells how long it was.
	DefaultAway = time.Hour
	// recordEvery is how often it is written down where the clock was.
	recordEvery = 30 * time.Second
)

// Uptime is a clock that cannot be set: the time since the computer started, which
// goes on while it sleeps, and a name for that start.
type Uptime func() (boot string, since time.Duration)

// Moment is a reading of both clocks: DIR/clock.json, the last that the signer
// trusted, and DIR/resume.json, the one that the operator confirmed.
type Moment struct {
	Wall   int64  `json:"wall"` // Unix milliseconds
	Boot   string `json:"boot"`
	Uptime int64  `json:"uptime"` // milliseconds
}

func (m Moment) offset() time.Duration { return time.Duration(m.Wall-m.Uptime) * time.Millisecond }

// timekeeper decides whether the clock on the wall is to be believed. It keeps how
// far that may be ahead of the uptime: an offset between low and high.
type timekeeper struct {
	now       func() time.Time
	uptime    Uptime // nil: the clock on the wall is believed, whatever it says
	dir       string // of the two files; empty: none are kept
	away      time.Duration
	low, high time.Duration
	expected  string        // what speaks for low and high, for people; empty: the uptime
	checked   time.Duration // the uptime of the last check that passed
	recorded  time.Duration // the uptime at which clock.json was written; 0: not yet
	unwritten error         // why it could not be written
	stopped   string        // why nothing is decided; empty: it is
}

// read reads both clocks.
func (k *timekeeper) read() (now time.Time, at Moment) {
	boot, since := k.uptime()
	now = k.now().UTC()
	return now, Moment{now.UnixMilli(), boot, since.Milliseconds()}
}

// begin says where the clock must be at a start, by what was recorded before and by
// the last entry of the log. Before a first start, fresh, it may be any later time.
func (k *timekeeper) begin(last time.Time, fresh bool) error {
	if k.uptime == nil {
		return nil
	}
	_, at := k.read()
	since := time.Duration(at.Uptime) * time.Millisecond
	k.checked = since
	logged := time.Duration(last.UnixMilli())*time.Millisecond - since
	was, err := loadMoment(k.path(clockFile))
	switch {
	case err == nil && was.Boot == at.Boot:
		k.around(was.offset())
	case err == nil:
		off := time.Duration(was.Wall)*time.Millisecond - since
		k.low, k.high = off-maxJump, off+k.away
		k.expected = fmt.Sprintf("this signer last ran at %s, and the computer was started since; without your confirmation it may be off for at most %s",
			stamp(time.UnixMilli(was.Wall)), k.away)
	case errors.Is(err, fs.ErrNotExist):
		k.low, k.high = logged-maxJump, logged+k.away
		if fresh {
			k.high = math.MaxInt64
		}
		k.expected = "the last entry of its log is of " + stamp(last)
	default:
		return fmt.Errorf("read the last known time: %w", err)
	}
	if low := logged - maxJump; low > k.low {
		k.low, k.expected = low, "the last entry of its log is of "+stamp(last)
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// around lets the clock be where an offset says, within maxJump.
func (k *timekeeper) around(offset time.Duration) {
	k.low, k.high, k.expected = offset-maxJump, offset+maxJump, ""
}

// check returns the time, or UNAVAILABLE (details reason=clock) while the clock is
// not where it must be. It follows a clock that is corrected slowly.
func (k *timekeeper) check() (now time.Time, news bool, err error) {
	if k.uptime == nil {
		return k.now().UTC(), false, nil
	}
	now, at := k.read()
	offset, since := at.offset(), time.Duration(at.Uptime)*time.Millisecond
	if offset < k.low || offset > k.high {
		news = k.stopped == ""
		expected := k.expected
		if expected == "" {
			expected = "by the time that has passed it should be " + stamp(now.Add(k.low+maxJump-offset))
		}
		k.stopped = fmt.Sprintf("the clock of its computer says %s, and %s", stamp(now), expected)
		return now, news, k.refusal()
	}
	news = k.stopped != ""
	k.stopped = ""
	middle := offset
	if k.expected == "" { // else it is the first check, which says where it is
		middle = k.low + maxJump
		slew := max(since-k.checked, 0) / maxSlew
		middle += min(max(offset-middle, -slew), slew)
	}
	k.around(middle)
	k.checked = since
	k.record(middle, at, since)
	return now, news, nil
}

// refusal is what all are told while the clock is not believed.
func (k *timekeeper) refusal() error {
	return fault.New(fault.Unavailable, "the vault's signer stopped: "+k.stopped+". Nothing expires and nothing is decided until the clock "+
		"is right again, or the operator confirms it with `countersign-bridge signer resume`").With("reason", "clock")
}

// record writes down where the clock must be, now and then.
func (k *timekeeper) record(middle time.Duration, at Moment, since time.Duration) {
	if k.dir == "" || k.recorded != 0 && since-k.recorded < recordEvery && since >= k.recorded {
		return
	}
	at.Wall = at.Uptime + middle.Milliseconds()
	k.recorded, k.unwritten = since, at.save(k.path(clockFile))
}

// confirmed takes the operator's word, once, when the clock is still where it was
// then. It reports whether it is believed from now on.
func (k *timekeeper) confirmed() (bool, error) {
	if k.uptime == nil || k.dir == "" {
		return false, nil
	}
	word, err := loadMoment(k.path(resumeFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	err = errors.Join(err, os.Remove(k.path(resumeFile)))
	_, at := k.read()
	if err != nil || k.stopped == "" || word.Boot != at.Boot || (word.offset()-at.offset()).Abs() > maxJump {
		return false, err
	}
	k.around(at.offset())
	k.checked, k.recorded = time.Duration(at.Uptime)*time.Millisecond, 0
	return true, nil
}

// The files in the state directory.
const (
	clockFile  = "clock.json"
	resumeFile = "resume.json"
	maxMoment  = 1024 // bytes
)

func (k *timekeeper) path(name string) string { return filepath.Join(k.dir, name) }

func loadMoment(path string) (m Moment, err error) {
	data, err := readSmall(path, maxMoment)
	if err != nil {
		return m, err
	}
	return m, strictjson.Unmarshal(data, &m, maxMoment)
}

func (m Moment) save(path string) error {
	data, err := strictjson.Canonical(m)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// tick fixes the time of an operation. It fails with UNAVAILABLE while the clock is
// not believed; then no time passes. s.mu is held.
func (s *Service) tick() error {
	now, news, err := s.clock.check()
	stopped := s.clock.stopped
	if s.clock.unwritten != nil {
		s.deps.Log.Error("the last known time could not be written", "cause", s.clock.unwritten)
		s.clock.unwritten = nil
	}
	if news && stopped != "" {
		s.deps.Log.Error("stopped: the clock may be wrong; nothing expires and nothing is decided", "because", stopped)
	} else if news {
		s.deps.Log.Info("running again: the clock is right")
	}
	if err != nil {
		return err
	}
	if now = now.Truncate(time.Second); now.After(s.at) {
		s.at = now
	}
	return nil
}

// resume goes on after the operator's word, and writes it into the log: from there
// on, the time is the confirmed one, even when it is earlier. s.mu is held.
func (s *Service) resume(ctx context.Context) error {
	because := s.clock.stopped
	ok, err := s.clock.confirmed()
	if err != nil {
		return fmt.Errorf("read the operator's confirmation of the clock: %w", err)
	}
	if !ok || s.broken != nil {
		return nil
	}
	before := s.at
	s.at = time.Time{}
	if err := s.tick(); err != nil {
		s.at = before
		return err
	}
	s.deps.Log.Info("running again: the operator confirmed the clock", "now", s.at)
	return s.append(ctx, signedlog.Clock, signedlog.ClockBody{Before: before.Unix(), Because: because})
}
