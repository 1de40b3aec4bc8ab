package gateway

import (
	"context"
	"errors"
	"slices"
	"time"

	"countersign/shared/ceremony"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/charter"
	"countersign/web/internal/projection"
	"countersign/web/internal/store"
)

// Vault is what is in the vault of the caller's entity, as it is now, and as far as the
// caller may read it. It fails with
// ENTITY_NOT_ENROLLED.
func (g *Gateway) Vault(ctx context.Context, c Caller) (out wire.Vault, err error) {
	if err := g.Enrolled(ctx, c); err != nil {
		return out, err
	}
	err = g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		by, err := projection.Governs(tx, c.Entity)
		if err != nil {
			return err
		}
		if out, err = charter.Now(by); err != nil {
			return err
		}
		out = c.scoped(out)
		if err := g.reportingKeys(tx, c.Entity, out.ReportingKeys); err != nil {
			return err
		}
		mark, err := tx.Mark(c.Entity)
		out.Log, out.ServerTime = statement.Log{Size: mark.Size, Head: mark.Head}, g.now()
		return err
	})
	return out, err
}

// VaultObject is an object of the vault, with at most limit versions before one, the
// newest first; 0: from the newest on. It fails with ENTITY_NOT_ENROLLED and NOT_FOUND.
func (g *Gateway) VaultObject(ctx context.Context, c Caller, id string, before, limit int) (out wire.VaultObject, err error) {
	if err := g.Enrolled(ctx, c); err != nil {
		return out, err
	}
	err = g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		by, err := projection.Governs(tx, c.Entity)
		if err != nil {
			return err
		}
		if !c.SeesAll() {
			if v, err := charter.Now(by); err != nil {
				return err
			} else if !charter.Has(c.scoped(v), id) {
				return charter.NoSuchObject()
			}
		}
		if out, err = charter.Object(by, id, before, limit); err != nil {
			return err
		}
		for i := range out.Versions {
			if err := dated(tx, by, &out.Versions[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// dated says when a version was made, of which request, and who approved it.
func dated(tx store.Tx, by *projection.Governance, v *wire.VaultVersion) error {
	if v.Request == "" {
		v.At = time.Unix(by.Genesis.IssuedAt, 0).UTC()
		for _, m := range ceremony.Administrators(by.Genesis) {
			v.Approved = append(v.Approved, approved(m, nil))
		}
		return nil
	}
	r, err := tx.Request(by.Genesis.Entity, v.Request)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	v.At = time.Unix(r.Closed, 0).UTC()
	if wants, err := intent.Open(intent.Doc(r.Intent)); err == nil { // which it was when its entry was read
		v.Sentence = wants.Title()
	}
	members := by.Current().Members
	for _, d := range r.Decisions {
		at := time.Unix(d.At, 0).UTC()
		i := slices.IndexFunc(members, func(m statement.GenesisMember) bool { return m.Member == d.Member })
		if i >= 0 && d.Decision == statement.Approve {
			v.Approved = append(v.Approved, approved(members[i], &at))
		}
	}
	return nil
}

// approved is a member who approved, at a time that is known.
func approved(m statement.GenesisMember, at *time.Time) wire.Approver {
	a := wire.Approver{Member: m.Member, Name: m.Name, Decision: statement.Approve, At: at, Curve: m.Approval.Crv, ChannelIn: m.ChannelIn}
	if key, err := jws.FromJWK(m.Approval); err == nil {
		a.Key = key.Thumbprint()
	}
	return a
}
