package gateway

import (
	"context"

	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/projection"
	"countersign/web/internal/store"
)

// LogPage is the signer's log as it was signed: at most limit entries after one,
// -1 for the genesis on. It fails with ENTITY_NOT_ENROLLED. It needs no signer
// that answers, and no trust: the entries verify with the statement key alone. With words
// each says also what it is, which is the gateway's word.
func (g *Gateway) LogPage(ctx context.Context, c Caller, after int64, limit int, words bool) (wire.LogPage, error) {
	page := wire.LogPage{Entries: []wire.LogEntry{}}
	if err := g.Enrolled(ctx, c); err != nil {
		return page, err
	}
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		mark, err := tx.Mark(c.Entity)
		if err != nil {
			return err
		}
		page.Log = statement.Log{Size: mark.Size, Head: mark.Head}
		if after >= mark.Size-1 {
			return nil
		}
		lines, err := tx.Lines(c.Entity, after+1, limit)
		if err != nil {
			return err
		}
		size := 0
		for _, l := range lines {
			if size += len(l.Text); size > wire.MaxLogBytes && len(page.Entries) > 0 {
				break
			}
			entry := wire.LogEntry{Seq: l.Seq, JWS: l.Text}
			if words {
				if entry.Said, err = projection.Say(tx, c.Entity, l.Text); err != nil {
					return err
				}
			}
			page.Entries = append(page.Entries, entry)
		}
		return nil
	})
	return page, err
}
