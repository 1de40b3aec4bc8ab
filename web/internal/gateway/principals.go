package gateway

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"countersign/shared/apikey"
	"countersign/shared/id"
	"countersign/web/internal/store"
)

// Principal is a developer of the configuration.
type Principal struct {
	ID       string
	Name     string
	APIKey   string // empty: the configuration has none, and keys are made with the program or the API
	Tier     string // whose limits it has; empty: those of the gateway's own developers
	Entities []string
}

// Follow makes the database agree with the configuration. Developers and entities
// that are not in it any more are disabled: they get no tokens, and those that
// they have are refused; one that comes back is enabled, and its old tokens stay
// refused. An API key that is not in it any more is revoked, with its tokens; the other
// keys of the developer stay. An entity may move
// to another developer. Developers that POST /v1/sandbox made belong to the
// environment sandbox, and have no access in another one. disabled names what has
// just lost its access.
func Follow(ctx context.Context, db store.Store, env string, now time.Time, all []Principal) (disabled []string, err error) {
	if err := consistent(all); err != nil {
		return nil, err
	}
	err = db.Write(ctx, func(tx store.Tx) error {
		disabled = nil
		for _, p := range all {
			if err := followDeveloper(tx, p, now); err != nil {
				return err
			}
		}
		known, err := tx.Developers()
		if err != nil {
			return err
		}
		for _, d := range known {
			i := slices.IndexFunc(all, func(p Principal) bool { return p.ID == d.ID })
			var entities []string
			switch {
			case i >= 0:
				entities = all[i].Entities
			case d.MadeBy == store.BySandbox && env == "sandbox":
				continue
			case !d.Disabled:
				d.Disabled, d.Version = true, d.Version+1
				disabled = append(disabled, d.ID)
				if err := tx.PutDeveloper(d); err != nil {
					return err
				}
			}
			gone, err := followEntities(tx, d.ID, entities)
			disabled = append(disabled, gone...)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return disabled, err
}

// consistent refuses a configuration that says two things.
func consistent(all []Principal) error {
	developers, entities := map[string]bool{}, map[string]string{}
	for _, p := range all {
		if p.ID == "" || developers[p.ID] {
			return fmt.Errorf("developers: the id %q is missing or given twice", p.ID)
		}
		developers[p.ID] = true
		for _, e := range p.Entities {
			if of, ok := entities[e]; ok || e == "" {
				return fmt.Errorf("developers: the entity %q of %s is missing or belongs to %s too", e, p.ID, of)
			}
			entities[e] = p.ID
		}
	}
	return nil
}

func followDeveloper(tx store.Tx, p Principal, now time.Time) error {
	d := store.Developer{ID: p.ID, Name: p.Name, Version: 1, MadeBy: store.ByConfiguration, Tier: p.Tier}
	old, err := tx.Developer(p.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return err
	default:
		d.Version = old.Version
	}
	if err := tx.PutDeveloper(d); err != nil {
		return err
	}
	if err := followKey(tx, p, now); err != nil {
		return err
	}
	for _, name := range p.Entities {
		e, err := tx.Entity(name)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if e.Developer != "" && e.Developer != p.ID {
			e.Version++
		}
		e.ID, e.Developer, e.Disabled = name, p.ID, false
		if e.MadeBy != store.ByDeveloper {
			e.Name, e.MadeBy = name, store.ByConfiguration
		}
		if err := tx.PutEntity(e); err != nil {
			return err
		}
	}
	return nil
}

// followKey makes the key of the configuration the only one of that origin that works.
// One that was revoked stays so until the configuration has another.
func followKey(tx store.Tx, p Principal, now time.Time) error {
	all, err := tx.Keys(p.ID)
	if err != nil {
		return err
	}
	hash := sha256.Sum256([]byte(p.APIKey))
	all = slices.DeleteFunc(all, func(k store.Key) bool { return k.MadeBy != store.ByConfiguration })
	if len(all) > 0 {
		newest := all[0]
		if newest.Hash == hash && p.APIKey != "" {
			return nil
		}
		if newest.Revoked.IsZero() {
			newest.Revoked = now
		}
		if err := tx.PutKey(newest); err != nil {
			return err
		}
	}
	if p.APIKey == "" {
		return nil
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "countersign-key/1\x00%s\x00configuration\x00%d\x00%d\x00%x", p.ID, len(all), now.UnixNano(), hash))
	return tx.PutKey(store.Key{
		ID: id.FromHash(id.Key, sum[:]), Developer: p.ID, Name: "Configuration", Hash: hash, Hint: apikey.Hint(p.APIKey), Scopes: allScopes,
		MadeBy: store.ByConfiguration, Created: now,
	})
}

// followEntities disables the entities of a developer that the configuration made and
// does not list.
func followEntities(tx store.Tx, developer string, listed []string) (gone []string, err error) {
	of, err := tx.EntitiesOf(developer)
	if err != nil {
		return nil, err
	}
	for _, e := range of {
		if e.Disabled || e.MadeBy == store.ByDeveloper || slices.Contains(listed, e.ID) {
			continue
		}
		e.Disabled, e.Version = true, e.Version+1
		gone = append(gone, e.ID)
		if err := tx.PutEntity(e); err != nil {
			return gone, err
		}
	}
	return gone, nil
}

// access looks a developer up, and an entity of its, which both must be enabled:
// otherwise it fails with store.ErrNotFound. An empty entity is none. version is
// that of their tokens.
func access(tx store.Tx, now time.Time, developer, entity string) (d store.Developer, version int64, err error) {
	d, err = tx.Developer(developer)
	if err == nil && (d.Disabled || expired(d, now)) {
		err = store.ErrNotFound
	}
	if err != nil || entity == "" {
		return d, d.Version, err
	}
	e, err := tx.Entity(entity)
	if err == nil && (e.Disabled || e.Developer != developer) {
		err = store.ErrNotFound
	}
	return d, d.Version + e.Version, err
}
