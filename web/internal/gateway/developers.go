package gateway

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/wire"
	"countersign/web/internal/projection"
	"countersign/web/internal/store"
)

// EntitiesKept is how many entities a developer may have.
const EntitiesKept = 1000

// Entities are those of the caller's developer, the newest first; cursor is the last one
// of the page before.
func (g *Gateway) Entities(ctx context.Context, c Caller, cursor string, limit int) (wire.Page[wire.EntityRecord], error) {
	p := wire.Page[wire.EntityRecord]{Items: []wire.EntityRecord{}}
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		all, err := tx.EntitiesOf(c.Developer)
		if err != nil {
			return err
		}
		slices.Reverse(all)
		if cursor != "" {
			i := slices.IndexFunc(all, func(e store.Entity) bool { return e.ID == cursor })
			all = all[i+1:]
			if i < 0 {
				all = nil
			}
		}
		for _, e := range all {
			if e.Disabled {
				continue
			}
			if len(p.Items) == limit {
				p.NextCursor = p.Items[limit-1].ID
				break
			}
			v, err := entityRecord(tx, e)
			if err != nil {
				return err
			}
			p.Items = append(p.Items, v)
		}
		return nil
	})
	return p, err
}

// EntityOf is one entity of the caller's developer.
func (g *Gateway) EntityOf(ctx context.Context, c Caller, name string) (v wire.EntityReply, err error) {
	err = g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		e, err := ownEntity(tx, c, name)
		if err != nil {
			return err
		}
		v.Entity, err = entityRecord(tx, e)
		return err
	})
	return v, err
}

// NewEntity makes an entity of the caller's developer. once is the caller's name for the
// question: the same one makes one entity. It fails with CONFLICT when the external id
// is another's, or there are too many.
func (g *Gateway) NewEntity(ctx context.Context, c Caller, in wire.EntityInput, once string) (wire.EntityReply, error) {
	sum := sha256.Sum256([]byte("countersign-entity/1\x00" + c.Developer + "\x00" + once))
	now := g.now()
	e := store.Entity{ID: id.FromHash(id.Entity, sum[:]), Developer: c.Developer, MadeBy: store.ByDeveloper, Created: now}
	return g.keepEntity(ctx, func(tx store.Tx) (store.Entity, error) {
		switch old, err := tx.Entity(e.ID); {
		case err == nil && (old.Disabled || now.Sub(old.Created) > replyLife):
			return e, fault.New(fault.Conflict, "this question was answered with an entity before: choose another Idempotency-Key").With("entity", old.ID)
		case err == nil:
			return old, nil // it was made, and the answer was lost
		case !errors.Is(err, store.ErrNotFound):
			return e, err
		}
		all, err := tx.EntitiesOf(c.Developer)
		if err != nil {
			return e, err
		}
		if len(all) >= EntitiesKept {
			return e, fault.New(fault.Conflict, fmt.Sprintf("a developer has at most %d entities", EntitiesKept))
		}
		return e, nil
	}, in)
}

// ChangeEntity gives an entity that the developer made other names.
func (g *Gateway) ChangeEntity(ctx context.Context, c Caller, name string, in wire.EntityInput) (wire.EntityReply, error) {
	return g.keepEntity(ctx, func(tx store.Tx) (store.Entity, error) { return madeByDeveloper(tx, c, name) }, in)
}

// RemoveEntity takes an entity that the developer made out of use, and ends its tokens.
// What it did is kept.
func (g *Gateway) RemoveEntity(ctx context.Context, c Caller, name string) (v wire.EntityReply, err error) {
	err = g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		e, err := madeByDeveloper(tx, c, name)
		if err != nil {
			return err
		}
		e.Disabled, e.Version, e.Updated = true, e.Version+1, g.now()
		if err := tx.PutEntity(e); err != nil {
			return err
		}
		v.Entity, err = entityRecord(tx, e)
		return err
	})
	return v, err
}

// keepEntity gives an entity what a body says.
func (g *Gateway) keepEntity(ctx context.Context, of func(store.Tx) (store.Entity, error), in wire.EntityInput) (v wire.EntityReply, err error) {
	err = g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		e, err := of(tx)
		if err != nil {
			return err
		}
		e.Name, e.ExternalID, e.Type, e.Updated = in.LegalName, in.ExternalID, in.EntityType, g.now()
		switch err := tx.PutEntity(e); {
		case errors.Is(err, store.ErrExists):
			return fault.New(fault.Conflict, "another of your entities has this externalId").With("field", "externalId")
		case err != nil:
			return err
		}
		v.Entity, err = entityRecord(tx, e)
		return err
	})
	return v, err
}

// ownEntity is an entity of the caller's developer. A foreign and an unknown one look
// the same.
func ownEntity(tx store.Tx, c Caller, name string) (store.Entity, error) {
	e, err := tx.Entity(name)
	if errors.Is(err, store.ErrNotFound) || err == nil && (e.Disabled || e.Developer != c.Developer) {
		return e, fault.New(fault.Forbidden, msgForbidden)
	}
	return e, err
}

func madeByDeveloper(tx store.Tx, c Caller, name string) (store.Entity, error) {
	e, err := ownEntity(tx, c, name)
	if err == nil && e.MadeBy != store.ByDeveloper {
		err = fault.New(fault.Conflict, "this entity was made by the gateway's "+e.MadeBy+", which alone changes it").With("made_by", e.MadeBy)
	}
	return e, err
}

func entityRecord(tx store.Tx, e store.Entity) (wire.EntityRecord, error) {
	v := wire.EntityRecord{
		ID: e.ID, Developer: e.Developer, LegalName: e.Name, ExternalID: e.ExternalID, EntityType: e.Type, Status: wire.EntityActive, MadeBy: e.MadeBy,
		CreatedAt: some(e.Created), UpdatedAt: some(e.Updated),
	}
	if e.Disabled {
		v.Status = wire.EntityInactive
	}
	gen, err := projection.Genesis(tx, e.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return v, nil
	case err == nil:
		v.Enrolled, v.LegalName = true, gen.EntityName
	}
	return v, err
}
