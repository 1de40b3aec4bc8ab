package gateway

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/intent"
	"countersign/shared/wire"
	"countersign/web/internal/store"
)

// newIntent makes a request of an intent: for what changes the vault of the caller's entity,
// sends what it holds, or has a message signed. The signer fills and governs it. It fails with INVALID_REQUEST, INTENT_UNSUPPORTED, NOT_FOUND,
// CONFLICT (the vault is at another version), DENIED_BY_RULES, ENTITY_NOT_ENROLLED and
// SIGNER_UNAVAILABLE, and as [Gateway.maySend]. The same question with the same key is the same request.
func (g *Gateway) newIntent(ctx context.Context, c Caller, doc intent.Doc, key string) (wire.Request, error) {
	signer, ask, err := g.intended(ctx, c, doc, key)
	if err != nil {
		return wire.Request{}, err
	}
	if err := g.known(ctx, c, ask.Request); !errors.Is(err, store.ErrNotFound) { // it counts for itself already
		return g.asked(ctx, c, signer, ask)
	}
	draft, err := intent.Draft(doc)
	if err != nil {
		return wire.Request{}, err
	}
	if sender, ok := draft.(intent.Sender); ok {
		defer g.locks.lock("funds\x00" + c.Entity + "\x00" + sender.Sends().Account)() // of two that want the last of it one gets it
		if err := g.maySend(ctx, c, sender); err != nil {
			return wire.Request{}, err
		}
	}
	return g.asked(ctx, c, signer, ask)
}

// dryIntent says what the rules would say of such a request. Its id is that of no other,
// because no key is empty.
func (g *Gateway) dryIntent(ctx context.Context, c Caller, in wire.DryRunInput) (wire.Explanation, error) {
	signer, ask, err := g.intended(ctx, c, in.Intent, "")
	if err != nil {
		return wire.Explanation{}, err
	}
	draft, err := intent.Draft(in.Intent)
	if err != nil {
		return wire.Explanation{}, err
	}
	if sender, ok := draft.(intent.Sender); ok {
		if err := g.maySend(ctx, c, sender); err != nil {
			return wire.Explanation{}, err
		}
	}
	ask.Try = in.Try
	return signer.DryRun(ctx, ask)
}

// intended is what the signer is asked for.
func (g *Gateway) intended(ctx context.Context, c Caller, doc intent.Doc, key string) (signer Signer, ask wire.SignerRequestInput, err error) {
	draft, err := intent.Draft(doc)
	if err != nil {
		return nil, ask, err
	}
	_, changes := draft.(intent.Change)
	_, signs := draft.(intent.Messenger)
	if _, sends := draft.(intent.Sender); !changes && !sends && !signs {
		return nil, ask, fault.New(fault.Invalid, "intent is a "+draft.Noun()+": of a purchase, name the quote").With("field", "intent")
	}
	name := sha256.Sum256([]byte("change\x00" + c.Scope() + "\x00" + key))
	ask = wire.SignerRequestInput{Request: id.FromHash(id.Request, name[:]), Intent: doc, ExpiresAt: g.now().Add(g.cfg.RequestLife).UTC().Truncate(time.Second)}
	signer, err = g.ownSigner(ctx, c)
	return signer, ask, err
}

// Impact is the report of what a request does to the vault (shared/spec/rehearsal.md), as the
// signer computes it again: the bytes whose digest administrators sign. It fails with
// NOT_FOUND, CONFLICT for a request that changes nothing in the vault, and SIGNER_UNAVAILABLE.
func (g *Gateway) Impact(ctx context.Context, c Caller, request string) ([]byte, error) {
	var r store.Request
	if err := g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) {
		r, err = tx.Request(c.Entity, request)
		return found(err, "the request")
	}); err != nil {
		return nil, err
	}
	if r.Impact == nil {
		return nil, fault.New(fault.Conflict, "the request changes nothing in the vault")
	}
	signer, err := g.ownSigner(ctx, c)
	if err != nil {
		return nil, err
	}
	report, err := signer.Impact(ctx, request)
	if err == nil && intent.Digest(report) != r.Impact.Report {
		err = fault.New(fault.SignerDown, "the signer gives another report than the one that the request names")
	}
	return report, err
}
