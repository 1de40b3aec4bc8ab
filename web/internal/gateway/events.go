package gateway

import (
	"context"
	"time"

	"countersign/shared/fault"
	"countersign/shared/wire"
	"countersign/web/internal/store"
)

const (
	// changesEvery is how often a stream looks for changes. They may be another
	// process's, so it asks the database.
	changesEvery = 500 * time.Millisecond
	// quietFor is how long a stream may say nothing: proxies end those that do.
	quietFor      = 20 * time.Second
	changesAtOnce = 256
	changesKept   = 10_000
)

// Events calls each with what changes for the caller's entity, until ctx or the
// gateway ends (nil), [Gateway.Still] fails, or each does. The first call has no changes: what
// is read after it is told of when it changes. Others without come every 20 seconds.
// It fails with RATE_LIMITED.
func (g *Gateway) Events(ctx context.Context, c Caller, each func([]wire.Change) error) error {
	end, err := g.limit.streams.begin(c.Scope())
	if err != nil {
		return fault.New(fault.Limited, "too many streams of events are open: close one").With("retry_after", "5")
	}
	defer end()
	var at int64
	if err := g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) { at, err = tx.LastChange(); return err }); err != nil {
		return err
	}
	if err := each(nil); err != nil {
		return err
	}
	look := time.NewTicker(changesEvery)
	defer look.Stop()
	for said := time.Now(); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-g.ended:
			return nil
		case <-look.C:
		}
		changes, last, err := g.changes(ctx, c, at)
		if err != nil && ctx.Err() != nil {
			return nil
		} else if err != nil {
			return err
		}
		at = last
		if err := g.Still(ctx, c); err != nil && ctx.Err() != nil {
			return nil
		} else if err != nil {
			return err
		}
		if len(changes) == 0 && time.Since(said) < quietFor {
			continue
		}
		if err := each(changes); err != nil {
			return err
		}
		said = time.Now()
	}
}

// changes are those after a position that a caller may hear of, each once, and the position
// of the last.
func (g *Gateway) changes(ctx context.Context, c Caller, after int64) (changes []wire.Change, last int64, err error) {
	err = g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		all, err := tx.Changes(c.Entity, after, changesAtOnce)
		seen := map[wire.Change]bool{}
		for _, change := range all {
			after = change.Pos
			one := wire.Change{What: change.What, ID: change.ID}
			if seen[one] {
				continue
			}
			seen[one] = true
			if tells, err := c.tells(tx, change); err != nil {
				return err
			} else if tells {
				changes = append(changes, one)
			}
		}
		return err
	})
	return changes, after, err
}
