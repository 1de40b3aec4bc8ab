package gateway

import (
	"context"
	"errors"
	"fmt"

	"countersign/shared/fault"
	"countersign/shared/strictjson"
	"countersign/web/internal/store"
)

// Ask is a question with an idempotency key.
type Ask struct {
	Scope string
	Key   string
	Route string
	Hash  [32]byte // of the body
	// Secret: the answer holds what must not be stored (a ticket, an API key).
	// The question is then asked again; its use case makes that safe.
	Secret bool
	// Refused reports whether an error means that nothing happened: the key is
	// then free for another question, such as the corrected one. nil: none does.
	Refused func(error) bool
}

// Once answers a question that changes something exactly once: the same key
// with the same body gives the same answer, with another body or on another
// route IDEMPOTENCY_KEY_CONFLICT. Failures are not kept: a refusal frees the key,
// and after a failure that may have changed something the same question may be
// asked again, and no other. Two at the same time wait for each other. f must itself be safe to repeat, because a crash may come
// between it and the keeping of its answer.
func (g *Gateway) Once(ctx context.Context, a Ask, f func() (any, error)) (body []byte, replayed bool, err error) {
	defer g.locks.lock(a.Scope + "\x00" + a.Key)()
	r := store.Reply{Scope: a.Scope, Key: a.Key, Route: a.Route, Hash: a.Hash, At: g.now()}
	var old store.Reply
	err = g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		var err error
		if old, err = tx.Reply(a.Scope, a.Key); errors.Is(err, store.ErrNotFound) {
			return errors.Join(tx.PutReply(r), tx.TrimReplies(a.Scope, RepliesKept, ReplyBytesKept))
		}
		return err
	})
	if err != nil {
		return nil, false, err
	}
	if old.Route != "" && (old.Route != a.Route || old.Hash != a.Hash) {
		return nil, false, fault.New(fault.Idempotency, "this Idempotency-Key was used for another question")
	}
	if old.Status != 0 && old.Body != nil {
		return old.Body, true, nil
	}
	answer, err := f()
	if err != nil && old.Status == 0 && a.Refused != nil && a.Refused(err) {
		return nil, false, errors.Join(err, g.cfg.Store.Write(context.WithoutCancel(ctx), func(tx store.Tx) error { return tx.DropReply(a.Scope, a.Key) }))
	}
	if err != nil {
		return nil, false, err
	}
	if body, err = strictjson.Canonical(answer); err != nil {
		return nil, false, fmt.Errorf("write the answer to %s: %w", a.Route, err)
	}
	r.Status = 200
	if !a.Secret {
		r.Body = body
	}
	err = g.cfg.Store.Write(context.WithoutCancel(ctx), func(tx store.Tx) error { return tx.PutReply(r) })
	return body, false, err
}
