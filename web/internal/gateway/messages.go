package gateway

import (
	"context"
	"errors"
	"fmt"
	"time"

	"countersign/shared/fault"
	"countersign/shared/wire"
	"countersign/web/internal/store"
)

// messagesAtOnce is how many messages are read at once.
const messagesAtOnce = 50

// SignMessages has the messages of an entity signed that its members approved. What is wrong
// with one keeps no other back: it is said in the message, and in the error.
func (g *Gateway) SignMessages(ctx context.Context, entity string) error {
	v, err := g.vault(entity)
	if err != nil {
		return err
	}
	var failed error
	for after, tried := "", false; ; tried = true {
		var all []store.Message
		if err := g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) {
			all, err = tx.OpenMessages(entity, after, messagesAtOnce)
			return err
		}); err != nil {
			return errors.Join(failed, err)
		}
		if len(all) == 0 && !tried {
			return nil
		}
		for _, m := range all {
			after = m.Request
			if _, err := v.Signer.SignMessage(ctx, m.Request); err != nil {
				failed = errors.Join(failed, fmt.Errorf("have the message of %s signed: %w", m.Request, err), g.unsigned(ctx, m, err))
			}
		}
		if len(all) < messagesAtOnce {
			return errors.Join(failed, g.Sync(ctx, entity)) // what was signed is in the log
		}
	}
}

// unsigned keeps why a message is not signed.
func (g *Gateway) unsigned(ctx context.Context, m store.Message, why error) error {
	return g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		now, err := tx.Message(m.Entity, m.Request)
		if err != nil || now.State != store.MessageApproved {
			return err
		}
		reason := reasonOf(why)
		if now.Reason == reason {
			return nil
		}
		if fault.CodeOf(why) == fault.RequestClosed && !now.Begun {
			now.State = store.MessageLapsed
		}
		now.Reason, now.Updated = reason, g.now()
		return tx.PutMessage(now)
	})
}

// messageOf is the message of a request; nil when it has none.
func messageOf(tx store.Tx, r store.Request) (*store.Message, error) {
	if r.Outcome == "" {
		return nil, nil
	}
	m, err := tx.Message(r.Entity, r.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return &m, err
}

// signatureView is a message as clients see it.
func signatureView(m *store.Message) *wire.Signature {
	if m == nil {
		return nil
	}
	v := &wire.Signature{State: m.State, Address: m.Address, Digest: m.Digest, Signature: m.Signature, Reason: m.Reason}
	if m.Signature != "" {
		at := time.Unix(m.SignedAt, 0).UTC()
		v.SignedAt = &at
	}
	return v
}

// signatureEvents are what happened to a message, for a history.
func signatureEvents(m *store.Message) []wire.Event {
	if m == nil || m.Signature == "" {
		return nil
	}
	return []wire.Event{{At: time.Unix(m.SignedAt, 0).UTC(), Type: "signature", Text: "The vault signed the message", Seq: -1}}
}
