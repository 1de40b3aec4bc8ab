package rebuild

import (
	"context"
	"encoding/json"
	"errors"

	"countersign/web/internal/store"
)

// resume brings into fresh, which was made of an entity's log alone, what a database kept of
// its sendings that the log does not say: blocks, and what became of each. The states of their
// requests follow. What was not kept, or does not fit the log, the gateway finds on the chain.
func resume(ctx context.Context, fresh, db store.Store, entity string) error {
	for after := ""; ; {
		var said []store.Sending
		if err := fresh.Read(ctx, func(tx store.Tx) (err error) {
			said, err = tx.Sendings(entity, after, pageSize)
			return err
		}); err != nil || len(said) == 0 {
			return err
		}
		after = said[len(said)-1].Request
		all := make([]kept, len(said))
		if err := db.Read(ctx, func(tx store.Tx) (err error) {
			for i, s := range said {
				if all[i], err = keptOf(tx, s); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
		if err := fresh.Write(ctx, func(tx store.Tx) error {
			for i, s := range said {
				if err := all[i].resume(tx, s); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
}

// kept is a sending as a database has it, and the one that is in a block in its place; zero:
// it has none.
type kept struct{ of, by store.Sending }

func keptOf(tx store.Tx, s store.Sending) (k kept, err error) {
	if k.of, err = readable(tx, s.Entity, s.Request); err == nil && k.of.ReplacedBy != "" {
		k.by, err = readable(tx, s.Entity, k.of.ReplacedBy)
	}
	return k, err
}

// readable is a sending of a database; zero where it has none, or one that cannot be read.
func readable(tx store.Tx, entity, request string) (store.Sending, error) {
	s, err := tx.Sending(entity, request)
	var syntax *json.SyntaxError
	var other *json.UnmarshalTypeError
	if errors.Is(err, store.ErrNotFound) || errors.As(err, &syntax) || errors.As(err, &other) {
		return store.Sending{}, nil
	}
	return s, err
}

// resume goes on with what was kept of a sending where it fits the log.
func (k kept) resume(tx store.Tx, s store.Sending) error {
	now, fits := s.Resume(k.of)
	if !fits {
		return nil
	}
	var winner store.Sending
	if now.State == store.SendingReplaced {
		by, err := tx.Sending(s.Entity, now.ReplacedBy)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if winner, fits = by.Resume(k.by); !fits || !winner.Beat(now) {
			return nil
		}
	}
	if err := tx.PutSending(now); err != nil {
		return err
	}
	end := now.Ends(winner)
	if end == "" || s.Sweep != "" {
		return nil
	}
	r, err := tx.Request(s.Entity, s.Request)
	if err != nil {
		return err
	}
	r.State = end
	return tx.PutRequest(r)
}
