package gateway

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

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

// Claims of a process to an answer.
const (
	claimLife  = 5 * time.Second        // after which another process takes a question over whose process ended
	claimRenew = 1 * time.Second        // how often a process that is answering says so
	claimLook  = 100 * time.Millisecond // how often another looks for the answer
)

// errClaimed says that another process is answering.
var errClaimed = errors.New("another process is answering")

// Once answers a question that changes something exactly once: the same key
// with the same body gives the same answer, with another body or on another
// route IDEMPOTENCY_KEY_CONFLICT. Failures are not kept: a refusal frees the key,
// and after a failure that may have changed something the same question may be
// asked again, and no other. Two at the same time wait for each other, also in two
// processes on one database; BUSY when the other takes longer than ctx. A process that
// ends without an answer loses its claim within five seconds. f must itself be safe
// to repeat, because a crash may come between it and the keeping of its answer.
func (g *Gateway) Once(ctx context.Context, a Ask, f func() (any, error)) (body []byte, replayed bool, err error) {
	defer g.locks.lock(a.Scope + "\x00" + a.Key)()
	r := store.Reply{Scope: a.Scope, Key: a.Key, Route: a.Route, Hash: a.Hash, At: g.now()}
	old, err := g.claim(ctx, r)
	if err != nil {
		return nil, false, err
	}
	if old.Status != 0 && old.Body != nil {
		return old.Body, true, nil
	}
	stop := sync.OnceFunc(g.renewing(ctx, r))
	defer stop() // also when f panics
	answer, err := f()
	stop()
	switch {
	case err != nil && old.Status == 0 && a.Refused != nil && a.Refused(err):
		return nil, false, errors.Join(err, g.answered(ctx, r, func(tx store.Tx) error { return tx.DropReply(a.Scope, a.Key) }))
	case err != nil: // another may try again at once
		return nil, false, errors.Join(err, g.answered(ctx, r, func(tx store.Tx) error { return tx.PutReply(old) }))
	}
	if body, err = strictjson.Canonical(answer); err != nil {
		return nil, false, fmt.Errorf("write the answer to %s: %w", a.Route, err)
	}
	r.Status = 200
	if !a.Secret {
		r.Body = body
	}
	return body, false, g.answered(ctx, r, func(tx store.Tx) error { return tx.PutReply(r) })
}

// answered keeps what became of a question, unless another process took it over.
func (g *Gateway) answered(ctx context.Context, r store.Reply, keep func(store.Tx) error) error {
	return g.cfg.Store.Write(context.WithoutCancel(ctx), func(tx store.Tx) error {
		now, err := tx.Reply(r.Scope, r.Key)
		if err == nil && now.Holder != g.process {
			return nil
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		return keep(tx)
	})
}

// claim waits until no other process is answering a question, and says that this one
// is. It returns what was known before: the answer, or none.
func (g *Gateway) claim(ctx context.Context, r store.Reply) (old store.Reply, err error) {
	busy := func(old store.Reply) bool {
		return old.Body == nil && old.Holder != "" && old.Holder != g.process && g.now().Before(old.Until)
	}
	for {
		err := g.cfg.Store.Write(ctx, func(tx store.Tx) error {
			var err error
			switch old, err = tx.Reply(r.Scope, r.Key); {
			case errors.Is(err, store.ErrNotFound):
				old = r
				return errors.Join(tx.PutReply(g.claimed(r)), tx.TrimReplies(r.Scope, RepliesKept, ReplyBytesKept))
			case err != nil:
				return err
			case old.Route != r.Route || old.Hash != r.Hash:
				return fault.New(fault.Idempotency, "this Idempotency-Key was used for another question")
			case old.Status != 0 && old.Body != nil:
				return nil
			case busy(old):
				return errClaimed
			}
			old.Holder, old.Until = "", time.Time{}
			return tx.PutReply(g.claimed(old))
		})
		if !errors.Is(err, errClaimed) {
			return old, err
		}
		for busy(old) {
			select {
			case <-ctx.Done():
				return old, fault.Wrap(err, fault.Busy, "the same question is being answered: ask again in a moment")
			case <-time.After(claimLook):
			}
			look := func(tx store.Tx) (err error) { old, err = tx.Reply(r.Scope, r.Key); return err }
			if err := g.cfg.Store.Read(ctx, look); err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrNotFound) {
				return old, err
			}
		}
	}
}

// claimed is a reply that this process is giving.
func (g *Gateway) claimed(r store.Reply) store.Reply {
	r.Holder, r.Until = g.process, g.now().Add(claimLife)
	return r
}

// renewing keeps the claim to an answer that takes long, until it is answered.
func (g *Gateway) renewing(ctx context.Context, r store.Reply) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		t := time.NewTicker(claimRenew)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
			}
			err := g.cfg.Store.Write(ctx, func(tx store.Tx) error {
				now, err := tx.Reply(r.Scope, r.Key)
				if err != nil || now.Holder != g.process {
					return err
				}
				return tx.PutReply(g.claimed(now))
			})
			if err != nil && ctx.Err() == nil {
				g.cfg.Log.Warn("keep the claim to an answer", "route", r.Route, "error", err.Error())
			}
		}
	}()
	return func() { cancel(); <-ended }
}
