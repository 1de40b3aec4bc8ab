package gateway

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"countersign/shared/apikey"
	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/wire"
	"countersign/web/internal/store"
)

// Bounds of the API keys of one developer.
const (
	KeysLive = 20  // that work at the same time
	KeysKept = 100 // those that do not any more included; the oldest of these makes room
)

// usedEvery is how exact the time of the last use is.
const usedEvery = time.Minute

// allScopes are those of the first key of a developer.
var allScopes = strings.Join(wire.Scopes(), " ")

// Keyring manages API keys: for developers through a gateway, for the operator on the
// database itself. All fields are needed.
type Keyring struct {
	Store store.Store
	Env   string
	Now   func() time.Time
	Rand  io.Reader
}

func (g *Gateway) keyring() Keyring {
	return Keyring{Store: g.cfg.Store, Env: g.cfg.Env, Now: g.now, Rand: g.cfg.Rand}
}

// Keys are the API keys of the caller's developer, the newest first.
func (g *Gateway) Keys(ctx context.Context, c Caller) (wire.Keys, error) {
	return g.keyring().List(ctx, c.Developer)
}

// NewKey makes an API key with scopes that the caller has itself. once is the caller's
// name for the question: the same one gives the same key again, with another secret in
// place of the one whose answer was lost.
func (g *Gateway) NewKey(ctx context.Context, c Caller, in wire.KeyInput, once string) (wire.NewKey, error) {
	for i, s := range in.Scopes {
		if !c.May(s) {
			return wire.NewKey{}, fault.New(fault.Forbidden, "a key can be given the scopes of your own key alone").With("field", fmt.Sprintf("scopes.%d", i))
		}
	}
	return g.keyring().create(ctx, c.Developer, in, made{store.ByDeveloper, c.Token.KeyID, once})
}

// RotateKey makes the successor of an API key; once is as for NewKey.
func (g *Gateway) RotateKey(ctx context.Context, c Caller, key string, in wire.RotateInput, once string) (wire.NewKey, error) {
	return g.keyring().rotate(ctx, c.Developer, key, in, made{store.ByDeveloper, c.Token.KeyID, once}, c.May)
}

// RevokeKey ends an API key, and the tokens that it was traded for; too is as for
// [Keyring.Revoke].
func (g *Gateway) RevokeKey(ctx context.Context, c Caller, key string, too bool) (wire.RevokedKey, error) {
	return g.keyring().Revoke(ctx, c.Developer, key, too)
}

// List is all API keys of a developer, the newest first. It fails with NOT_FOUND.
func (k Keyring) List(ctx context.Context, developer string) (wire.Keys, error) {
	v := wire.Keys{Keys: []wire.Key{}, ServerTime: k.Now()}
	err := k.Store.Read(ctx, func(tx store.Tx) error {
		if _, err := tx.Developer(developer); err != nil {
			return found(err, "the developer")
		}
		all, err := tx.Keys(developer)
		for _, key := range all {
			v.Keys = append(v.Keys, k.view(key))
		}
		return err
	})
	return v, err
}

// Create makes an API key; once names the question, and is random when it is not asked
// twice. It fails with CONFLICT when the developer has too many, or when the key of
// this question is in use already.
func (k Keyring) Create(ctx context.Context, developer string, in wire.KeyInput, by, once string) (wire.NewKey, error) {
	return k.create(ctx, developer, in, made{by: by, once: once})
}

// made is how a key comes to be: who makes it, with the token of which key (empty: with
// none), and the name of the question.
type made struct{ by, maker, once string }

func (k Keyring) create(ctx context.Context, developer string, in wire.KeyInput, m made) (wire.NewKey, error) {
	key := store.Key{Developer: developer, Name: in.Name, Scopes: ordered(in.Scopes), MadeBy: m.by, Maker: m.maker, Created: k.Now()}
	if in.ExpiresIn > 0 {
		key.Expires = key.Created.Add(time.Duration(in.ExpiresIn) * time.Second)
	}
	return k.add(ctx, key, "create\x00"+m.once, func(store.Tx, *store.Key) error { return nil })
}

// Rotate makes the successor of an API key, with its name, scopes and length of life.
// The old one works for the overlap; with none it is revoked.
func (k Keyring) Rotate(ctx context.Context, developer, old string, in wire.RotateInput, by, once string) (wire.NewKey, error) {
	return k.rotate(ctx, developer, old, in, made{by: by, once: once}, func(string) bool { return true })
}

func (k Keyring) rotate(ctx context.Context, developer, old string, in wire.RotateInput, m made, may func(scope string) bool) (wire.NewKey, error) {
	key := store.Key{Developer: developer, MadeBy: m.by, Maker: m.maker, Created: k.Now(), Replaces: old}
	return k.add(ctx, key, "rotate\x00"+old+"\x00"+m.once, func(tx store.Tx, key *store.Key) error {
		was, err := tx.Key(developer, old)
		switch {
		case err != nil:
			return found(err, "the key")
		case !works(was, key.Created):
			return fault.New(fault.Conflict, "the key does not work any more: make a new one").With("state", k.view(was).State)
		}
		for s := range strings.FieldsSeq(was.Scopes) {
			if !may(s) {
				return fault.New(fault.Forbidden, "the key has scopes that yours does not have")
			}
		}
		key.Name, key.Scopes = was.Name, was.Scopes
		if !was.Expires.IsZero() {
			key.Expires = key.Created.Add(was.Expires.Sub(was.Created))
		}
		end := key.Created.Add(time.Duration(in.Overlap) * time.Second)
		switch {
		case in.Overlap == 0:
			was.Revoked = key.Created
		case was.Expires.IsZero() || end.Before(was.Expires):
			was.Expires = end
		}
		return tx.PutKey(was)
	})
}

// Configured fails with CONFLICT, details state, when the newest key that a developer has
// of the configuration does not work.
func (k Keyring) Configured(ctx context.Context, developer string) error {
	all, err := k.List(ctx, developer)
	for _, key := range all.Keys {
		if key.MadeBy == store.ByConfiguration && key.State != wire.KeyActive {
			return fault.New(fault.Conflict, "it was "+key.State+": put another key into its file").With("state", key.State)
		}
		if key.MadeBy == store.ByConfiguration {
			break
		}
	}
	return err
}

// add keeps a new key, whose id follows from the question; complete makes what it
// depends on, unless the same question was asked before.
func (k Keyring) add(ctx context.Context, key store.Key, question string, complete func(store.Tx, *store.Key) error) (wire.NewKey, error) {
	secret, err := apikey.New(k.Rand, k.Env)
	if err != nil {
		return wire.NewKey{}, err
	}
	sum := sha256.Sum256([]byte("countersign-key/1\x00" + key.Developer + "\x00" + question))
	key.ID = id.FromHash(id.Key, sum[:])
	err = k.Store.Write(ctx, func(tx store.Tx) error {
		if _, err := tx.Developer(key.Developer); err != nil {
			return found(err, "the developer")
		}
		if key.Maker != "" { // it may have been revoked since its token was looked at
			if maker, err := tx.Key(key.Developer, key.Maker); errors.Is(err, store.ErrNotFound) || err == nil && !works(maker, key.Created) {
				return fault.New(fault.Unauthenticated, msgBadToken)
			} else if err != nil {
				return err
			}
		}
		switch old, err := tx.Key(key.Developer, key.ID); {
		case err == nil && old.Maker != key.Maker:
			return fault.New(fault.Conflict, "this question was asked with another key: choose another Idempotency-Key").With("key", old.ID)
		case err == nil && (!old.Used.IsZero() || !works(old, key.Created) || key.Created.Sub(old.Created) > replyLife):
			return fault.New(fault.Conflict, "this question was answered with a key that is in use: choose another Idempotency-Key").With("key", old.ID)
		case err == nil:
			key = old
		case !errors.Is(err, store.ErrNotFound):
			return err
		default:
			if err := complete(tx, &key); err != nil {
				return err
			}
			if err := k.makeRoom(tx, key); err != nil {
				return err
			}
		}
		key.Hash, key.Hint = sha256.Sum256([]byte(secret)), apikey.Hint(secret)
		return tx.PutKey(key)
	})
	return wire.NewKey{Key: k.view(key), APIKey: secret}, err
}

// makeRoom fails with CONFLICT when a developer has too many keys that work, and
// removes the oldest that does not when too many are kept.
func (k Keyring) makeRoom(tx store.Tx, key store.Key) error {
	all, err := tx.Keys(key.Developer)
	if err != nil {
		return err
	}
	live := 0
	for _, old := range all {
		if works(old, key.Created) && old.ID != key.Replaces {
			live++
		}
	}
	if live >= KeysLive {
		return fault.New(fault.Conflict, fmt.Sprintf("a developer has at most %d API keys that work: revoke one that is not used", KeysLive))
	}
	kept := len(all)
	for _, old := range slices.Backward(all) {
		if kept < KeysKept {
			break
		}
		if works(old, key.Created) || old.ID == key.Maker || old.ID == key.Replaces || isRoot(all, old) {
			continue
		}
		if err := errors.Join(inherit(tx, all, old), tx.DropKey(key.Developer, old.ID)); err != nil {
			return err
		}
		kept--
	}
	return nil
}

func (k Keyring) view(key store.Key) wire.Key {
	v := wire.Key{
		ID: key.ID, Name: key.Name, Hint: key.Hint, Scopes: strings.Fields(key.Scopes), State: wire.KeyActive, MadeBy: key.MadeBy, Env: k.Env,
		Created: some(key.Created), Expires: some(key.Expires), Used: some(key.Used), Revoked: some(key.Revoked), Replaces: key.Replaces, Maker: key.Maker,
	}
	switch now := k.Now(); {
	case !key.Revoked.IsZero():
		v.State = wire.KeyRevoked
	case !works(key, now):
		v.State = wire.KeyExpired
	}
	return v
}

// works reports whether an API key and its tokens are accepted.
func works(k store.Key, now time.Time) bool {
	return k.Revoked.IsZero() && (k.Expires.IsZero() || now.Before(k.Expires))
}

// ordered are scopes in the order in which they are shown.
func ordered(scopes []string) string {
	all := slices.DeleteFunc(wire.Scopes(), func(s string) bool { return !slices.Contains(scopes, s) })
	return strings.Join(all, " ")
}

// some is a time that may be absent.
func some(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
