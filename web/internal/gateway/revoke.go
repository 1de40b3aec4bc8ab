package gateway

import (
	"context"
	"slices"

	"countersign/shared/wire"
	"countersign/web/internal/store"
)

// Revoke ends an API key for good, and with too each that it made, all the way down. One
// that was revoked stays as it is. The answer has what it made, and which of that stays.
func (k Keyring) Revoke(ctx context.Context, developer, name string, too bool) (v wire.RevokedKey, err error) {
	err = k.Store.Write(ctx, func(tx store.Tx) error {
		v = wire.RevokedKey{}
		key, err := tx.Key(developer, name)
		if err != nil {
			return found(err, "the key")
		}
		if v.Key, err = k.end(tx, key); err != nil {
			return err
		}
		all, err := tx.Keys(developer)
		if err != nil {
			return err
		}
		for _, child := range madeBy(all, name) {
			shown := k.view(child)
			if too {
				if shown, err = k.end(tx, child); err != nil {
					return err
				}
			}
			v.Made = append(v.Made, shown)
			if shown.State == wire.KeyActive {
				v.Stay = append(v.Stay, shown.ID)
			}
		}
		return nil
	})
	return v, err
}

// end revokes a key.
func (k Keyring) end(tx store.Tx, key store.Key) (wire.Key, error) {
	if key.Revoked.IsZero() {
		key.Revoked = k.Now()
	}
	return k.view(key), tx.PutKey(key)
}

// madeBy are the keys that a key made, and those that these made, and so on: the ones
// that it made itself first.
func madeBy(all []store.Key, name string) (found []store.Key) {
	seen := map[string]bool{name: true}
	for next := []string{name}; len(next) > 0; next = next[1:] {
		for _, key := range all {
			if key.Maker == next[0] && !seen[key.ID] {
				seen[key.ID] = true
				found, next = append(found, key), append(next, key.ID)
			}
		}
	}
	return found
}

// isRoot reports whether a key that no other made has made some that are kept: it can be
// asked what came of it as long as there is any of that.
func isRoot(all []store.Key, key store.Key) bool {
	return key.Maker == "" && slices.ContainsFunc(all, func(k store.Key) bool { return k.Maker == key.ID })
}

// inherit puts the maker of a key that is about to be removed in its place, as that of
// the keys that it made: what comes from a key stays found.
func inherit(tx store.Tx, all []store.Key, gone store.Key) error {
	for i, key := range all {
		if gone.Maker == "" || key.Maker != gone.ID {
			continue
		}
		all[i].Maker = gone.Maker
		if err := tx.PutKey(all[i]); err != nil {
			return err
		}
	}
	return nil
}
