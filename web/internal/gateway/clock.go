package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"countersign/shared/fault"
	"countersign/web/internal/store"
)

const (
	setBack = 2 * time.Second // how far behind a clock must be to be told of
	// maxBack is how far the clock may be behind what this gateway saw when it ran
	// last: as much as the vault's signer allows.
	maxBack   = 2 * time.Minute
	keepEvery = 10 * time.Second // how often the time is written down
)

// Clock is the time on the wall, and goes on from where it was when that is set
// back, with the time that elapsed: a quote or a ticket that ran out stays so. The
// time is kept with the database, so that this holds across a restart too; but a
// clock that is then more than two minutes behind says nothing about how long the
// gateway was down, and nothing is sold until it is right, or the operator confirms
// it. It is safe for concurrent use.
type Clock struct {
	wall    func() time.Time
	elapsed func() time.Duration
	log     *slog.Logger

	mu      sync.Mutex
	last    time.Time     // that was returned
	at      time.Duration // when
	told    bool
	kept    time.Time // as the database has it
	stopped bool      // since the start: the clock was behind what was kept
}

// NewClock is the time on the wall. elapsed counts from any moment on and is never
// set. The log, which may be nil, is told once when the clock is set back and once
// when it has caught up.
func NewClock(wall func() time.Time, elapsed func() time.Duration, log *slog.Logger) *Clock {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Clock{wall: wall, elapsed: elapsed, log: log}
}

// Now never goes back, but by the operator's word.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Clock) now() time.Time {
	now, at := c.wall().Round(0), c.elapsed()
	least := c.last.Add(at - c.at)
	behind := least.Sub(now)
	switch {
	case c.last.IsZero() || behind <= 0:
		if c.told {
			c.log.Info("the computer's clock has caught up", "time", now.UTC())
		}
		c.told = false
	default:
		if behind > setBack && !c.told {
			c.told = true
			c.log.Warn("the computer's clock was set back: time goes on from where it was; if it is right now, say so with countersign-gateway resume",
				"clock", now.UTC(), "time", least.UTC(), "back", behind.Round(time.Second).String())
		}
		now = least
	}
	c.last, c.at = now, at
	return now
}

// begin goes on from the time that was kept when the gateway ran last.
func (c *Clock) begin(ctx context.Context, db store.Store) error {
	var kept time.Time
	err := db.Read(ctx, func(tx store.Tx) (err error) {
		kept, err = tx.Seen()
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil // the first start
	}
	if err != nil {
		return fmt.Errorf("read when this gateway ran last: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept = kept
	c.stopped = kept.Sub(c.wall()) > maxBack
	if kept.After(c.last) {
		c.last, c.at = kept, c.elapsed()
	}
	if c.stopped {
		c.log.Error("the computer's clock is behind what this gateway saw last: nothing is quoted or handed over until it is right, or you confirm it with countersign-gateway resume",
			"clock", c.wall().UTC(), "seen", kept.UTC())
	}
	return nil
}

// keep writes the time down, and takes the operator's word: where an earlier time is
// kept than was written, the clock on the wall counts from now on. It never holds mu
// while it waits for the database: whoever writes there asks for the time.
func (c *Clock) keep(ctx context.Context, db store.Store) error {
	var now time.Time
	err := db.Write(ctx, func(tx store.Tx) error {
		kept, err := tx.Seen()
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if now = c.compare(kept); !now.After(kept) {
			return nil // it is stopped, or another process is ahead by a little
		}
		return tx.PutSeen(now)
	})
	if err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.kept = now
	}
	return err
}

// compare takes what the database has, and returns what it should have.
func (c *Clock) compare(kept time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if kept.Before(c.kept) {
		c.log.Info("the operator confirmed the clock", "clock", c.wall().UTC(), "before", c.last.UTC())
		c.last, c.told, c.stopped = time.Time{}, false, false
	}
	if c.stopped = c.stopped && kept.Sub(c.wall()) > maxBack; c.stopped {
		return kept
	}
	if now := c.now().Truncate(time.Millisecond); now.After(kept) {
		return now
	}
	return kept
}

// check fails with UNAVAILABLE (details reason=clock) while the clock is behind what
// the gateway saw before it was started.
func (c *Clock) check() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.wall(); c.stopped && c.kept.Sub(now) > maxBack {
		return fault.New(fault.Unavailable, fmt.Sprintf("the gateway stopped: the clock of its computer says %s, and it ran at %s before. Nothing is quoted or handed over "+
			"until the clock is right again, or the operator confirms it with `countersign-gateway resume`", stampOf(now), stampOf(c.kept))).With("reason", "clock")
	}
	return nil
}

func stampOf(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// Resume is the operator's word that the clock on the wall is right although the
// gateway saw a later time. A gateway that runs takes it within ten seconds. It
// reports the time that was seen, and whether there was something to confirm.
func Resume(ctx context.Context, db store.Store, wall time.Time) (seen time.Time, ok bool, err error) {
	err = db.Write(ctx, func(tx store.Tx) error {
		seen, err = tx.Seen()
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil || seen.Sub(wall) <= setBack {
			return err
		}
		ok = true
		return tx.PutSeen(wall.Truncate(time.Millisecond))
	})
	return seen, ok, err
}
