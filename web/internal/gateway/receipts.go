package gateway

import (
	"context"
	"errors"
	"slices"

	"countersign/shared/fault"
	"countersign/shared/receipt"
	"countersign/shared/wire"
	"countersign/web/internal/projection"
	"countersign/web/internal/store"
)

// Checkpoint is the signer's note about its log, and the proof that its tree has all of
// the first since entries; 0: no proof. While the signer does not answer it is the newest
// that is kept. It fails with ENTITY_NOT_ENROLLED, and with CONFLICT when there are fewer
// entries than since.
func (g *Gateway) Checkpoint(ctx context.Context, c Caller, since int64) (wire.LogCheckpoint, error) {
	out := wire.LogCheckpoint{Proof: []string{}}
	if err := g.Enrolled(ctx, c); err != nil {
		return out, err
	}
	text, size, err := g.logNote(ctx, c.Entity, 1)
	if err != nil {
		return out, err
	}
	if out.Note = text; since == 0 {
		return out, nil
	}
	if since > size {
		return out, fault.New(fault.Conflict, "the log has fewer entries than that").With("field", "since")
	}
	err = g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		out.Proof, err = projection.Follows(tx, c.Entity, size, since)
		return err
	})
	return out, err
}

// logNote is the signer's newest note, which is about size entries, at least the first
// least: it is held against the stored log, and kept. It fails with LOG_CORRUPT when it is
// about another log.
func (g *Gateway) logNote(ctx context.Context, entity string, least int64) (text string, size int64, err error) {
	v, err := g.vault(entity)
	if err != nil {
		return "", 0, err
	}
	asked, err := v.Signer.Note(ctx)
	if err != nil {
		return g.keptNote(ctx, v, least, err)
	}
	if err := g.Sync(ctx, entity); err != nil {
		return "", 0, err
	}
	err = g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		size, err = projection.KeepNote(tx, entity, asked.Note)
		return err
	})
	if err == nil && size < least {
		err = fault.New(fault.LogCorrupt, "the signer's note is about fewer entries than were read").With("part", "note")
	}
	return asked.Note, size, err
}

// keptNote is the newest note that is kept, while the signer gives none because of down.
func (g *Gateway) keptNote(ctx context.Context, v *vault, least int64, down error) (text string, size int64, err error) {
	err = g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		text, size, err = projection.KeptNote(tx, v.Entity)
		return err
	})
	if errors.Is(err, store.ErrNotFound) || err == nil && size < least {
		err = down
	}
	return text, size, err
}

// Receipt is the receipt of a request that is closed (shared/spec/receipt.md). It fails
// with NOT_FOUND, with CONFLICT while the request is open, and with SIGNER_UNAVAILABLE
// when the signer gives no note about its end, and none is kept.
func (g *Gateway) Receipt(ctx context.Context, c Caller, id string) ([]byte, error) {
	if err := g.Enrolled(ctx, c); err != nil {
		return nil, err
	}
	return g.receipt(ctx, c.Entity, id)
}

func (g *Gateway) receipt(ctx context.Context, entity, id string) ([]byte, error) {
	var r store.Request
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) { r, err = tx.Request(entity, id); return found(err, "the request") })
	if err != nil {
		return nil, err
	}
	if r.Outcome == "" {
		return nil, fault.New(fault.Conflict, "the request is open: there is a receipt once it is approved, rejected or expired").With("state", r.State)
	}
	text, size, err := g.logNote(ctx, entity, r.CloseSeq+1)
	if err != nil {
		return nil, err
	}
	f := receipt.File{V: 1, Type: "receipt", Request: id, Note: text}
	err = g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		if f.Lines, err = receiptLines(tx, r, size); err != nil {
			return err
		}
		f.LedTo, err = ledTo(tx, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	data, err := receipt.Encode(f)
	if err != nil {
		return nil, err
	}
	v, err := g.vault(entity)
	if err == nil {
		_, err = receipt.Verify(data, v.Root.Thumbprint()) // none that would be refused is handed out
	}
	return data, err
}

// receiptLines are the lines that a request rests on, as they are in the tree over the
// first size lines.
func receiptLines(tx store.Tx, r store.Request, size int64) (all []receipt.Line, err error) {
	rests, err := projection.Rests(tx, r, size)
	if err != nil {
		return nil, err
	}
	for _, seq := range rests {
		lines, err := tx.Lines(r.Entity, seq, 1)
		if err != nil {
			return nil, err
		}
		proof, err := projection.Included(tx, r.Entity, size, seq)
		if err != nil {
			return nil, err
		}
		for _, l := range lines {
			all = append(all, receipt.Line{Seq: seq, JWS: l.Text, Path: proof})
		}
	}
	return all, nil
}

// ledTo is the order that was made of a request; nil while there is none.
func ledTo(tx store.Tx, r store.Request) (*receipt.LedTo, error) {
	if r.Order == "" {
		return nil, nil
	}
	o, err := tx.Order(r.Entity, r.Order)
	if err != nil {
		return nil, err
	}
	to := &receipt.LedTo{Order: o.ID, State: o.State, Provider: o.Provider, Chain: o.Chain, Address: o.Address, Transactions: []string{}}
	deposits, err := tx.DepositsAt(o.Chain, o.Address)
	for _, d := range deposits {
		if d.Order == o.ID && d.Tx != "" && !d.Out && d.State == store.DepositFinal && !slices.Contains(to.Transactions, d.Tx) && len(to.Transactions) < receipt.MaxTransactions {
			to.Transactions = append(to.Transactions, d.Tx)
		}
	}
	return to, err
}
