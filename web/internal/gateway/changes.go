package gateway

import (
	"context"
	"crypto/sha256"
	"time"

	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/intent"
	"countersign/shared/wire"
)

// newChange makes a request for what changes the vault of the caller's entity: the signer
// fills and governs it. It fails with INVALID_REQUEST, INTENT_UNSUPPORTED, NOT_FOUND,
// CONFLICT (the vault is at another version), DENIED_BY_RULES, ENTITY_NOT_ENROLLED and
// SIGNER_UNAVAILABLE. The same question with the same key is the same request.
func (g *Gateway) newChange(ctx context.Context, c Caller, doc intent.Doc, key string) (wire.Request, error) {
	draft, err := intent.Draft(doc)
	if err != nil {
		return wire.Request{}, err
	}
	if _, ok := draft.(intent.Change); !ok {
		return wire.Request{}, fault.New(fault.Invalid, "intent is a "+draft.Noun()+", which does not change the vault: of a purchase, name the quote").With("field", "intent")
	}
	signer, err := g.ownSigner(ctx, c)
	if err != nil {
		return wire.Request{}, err
	}
	name := sha256.Sum256([]byte("change\x00" + c.Scope() + "\x00" + key))
	return g.asked(ctx, c, signer, wire.SignerRequestInput{
		Request: id.FromHash(id.Request, name[:]), Intent: doc, ExpiresAt: g.now().Add(g.cfg.RequestLife).UTC().Truncate(time.Second),
	})
}
