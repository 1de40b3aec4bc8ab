package gateway

import (
	"log/slog"
	"sync"
	"time"
)

// setBack is how far behind a clock must be to be told of.
const setBack = 2 * time.Second

// steady is a clock that never goes back.
type steady struct {
	wall    func() time.Time
	elapsed func() time.Duration
	log     *slog.Logger

	mu   sync.Mutex
	last time.Time     // that was returned
	at   time.Duration // when
	told bool
}

// Steady is the time on the wall, and goes on from where it was when that is set
// back, with the time that elapsed: a quote or a ticket that ran out stays so.
// The computer's clock counts again when it has caught up, or in the next process.
// elapsed counts from any moment on and is never set. The log, which may be nil,
// is told once when the clock is set back and once when it has caught up.
func Steady(wall func() time.Time, elapsed func() time.Duration, log *slog.Logger) func() time.Time {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return (&steady{wall: wall, elapsed: elapsed, log: log}).now
}

func (s *steady) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, at := s.wall().Round(0), s.elapsed()
	least := s.last.Add(at - s.at)
	behind := least.Sub(now)
	switch {
	case s.last.IsZero() || behind <= 0:
		if s.told {
			s.log.Info("the computer's clock has caught up", "time", now.UTC())
		}
		s.told = false
	default:
		if behind > setBack && !s.told {
			s.told = true
			s.log.Warn("the computer's clock was set back: time goes on from where it was; if it is right now, restart the gateway", "clock", now.UTC(), "time", least.UTC(), "back", behind.Round(time.Second).String())
		}
		now = least
	}
	s.last, s.at = now, at
	return now
}
