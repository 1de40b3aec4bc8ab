package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"countersign/shared/apikey"
	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/wire"
	"countersign/web/internal/bank"
	"countersign/web/internal/store"
)

// SandboxesKept is how many developers the sandbox keeps; SandboxLife is after which time
// one is removed.
const (
	SandboxesKept   = 1000
	SandboxLife     = 30 * 24 * time.Hour
	defaultCurrency = "USD"
)

// Sandbox makes a developer, an entity, a ledger and connections to pretend banks, to try
// the API with. Name and developer_id give the ids. once is the caller's secret name for
// the question, or empty: the same one gives the same sandbox again, with another API key
// in place of the one whose answer was lost. What exists is not given to anybody else:
// CONFLICT. One too many removes the oldest of the same client; where all that are kept
// are others', it fails with RATE_LIMITED. It fails with NOT_FOUND outside the sandbox environment.
func (g *Gateway) Sandbox(ctx context.Context, in wire.SandboxInput, client, once string) (wire.SandboxReply, error) {
	if g.cfg.Env != "sandbox" {
		return wire.SandboxReply{}, fault.New(fault.NotFound, "there is no sandbox here")
	}
	if err := g.limit.sandboxes.Spend(client); err != nil {
		return wire.SandboxReply{}, err
	}
	s, secret, err := g.newSandbox(in, client, once)
	if err != nil {
		return wire.SandboxReply{}, err
	}
	err = g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		old, err := tx.Developer(s.developer.ID)
		switch {
		case err == nil && !expired(old, g.now()):
			if once == "" || old.Proof != s.developer.Proof {
				return fault.New(fault.Conflict, "this name is taken: its API key was shown when it was made, and is not shown again; choose another name, or ask with the Idempotency-Key of then").With("field", "name")
			}
			s.developer = old
			if s.key, err = another(tx, s.key, g.now()); err != nil {
				return err
			}
		case err == nil:
			if err := tx.DropDeveloper(old.ID); err != nil {
				return err
			}
			return g.addSandbox(tx, &s)
		case errors.Is(err, store.ErrNotFound):
			return g.addSandbox(tx, &s)
		default:
			return err
		}
		if s.item, err = tx.BankItem(s.entity.ID, s.item.ID); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		return tx.PutKey(s.key)
	})
	if err != nil {
		return wire.SandboxReply{}, err
	}
	t, err := g.mint(ctx, Subject{Developer: s.developer.ID, Version: s.developer.Version, Key: s.key.ID})
	if err != nil {
		return wire.SandboxReply{}, err
	}
	return wire.SandboxReply{Success: true, Data: wire.SandboxData{
		Developer:     wire.SandboxDeveloper{ID: s.developer.ID, Name: s.developer.Name, APIKey: secret},
		Entity:        wire.SandboxEntity{ID: s.entity.ID, LegalName: s.entity.Name},
		Ledger:        g.ledgerView(s),
		PlaidAccounts: g.itemView(s.item).Accounts,
		Item:          s.item.ID,
		Token:         t.AccessToken,
		ExpiresAt:     s.developer.Expires,
	}}, nil
}

// another is the first key of a sandbox with another secret, as of a new one. It fails
// with CONFLICT when the first does not work any more: with its id its tokens would work
// again.
func another(tx store.Tx, key store.Key, now time.Time) (store.Key, error) {
	old, err := tx.Key(key.Developer, key.ID)
	if errors.Is(err, store.ErrNotFound) || err == nil && !works(old, now) {
		return key, fault.New(fault.Conflict, "the first key of this sandbox does not work any more: use another of its keys, or choose another name").With("field", "name")
	}
	old.Hash, old.Hint = key.Hash, key.Hint
	return old, err
}

// sandboxed is what POST /v1/sandbox makes.
type sandboxed struct {
	developer store.Developer
	entity    store.Entity
	key       store.Key
	item      store.BankItem
	tag       string
}

func (g *Gateway) newSandbox(in wire.SandboxInput, client, once string) (s sandboxed, secret string, err error) {
	sum := sha256.Sum256([]byte("countersign-sandbox/1\x00" + in.DeveloperID + "\x00" + in.Name))
	s.tag = hex.EncodeToString(sum[:10])
	var version [4]byte
	if _, err := io.ReadFull(g.cfg.Rand, version[:]); err != nil {
		return s, "", fmt.Errorf("make a developer: %w", err)
	}
	if secret, err = apikey.New(g.cfg.Rand, g.cfg.Env); err != nil {
		return s, "", err
	}
	now := g.now()
	s.developer = store.Developer{
		ID: "dev_" + s.tag, Name: in.Name, Version: int64(binary.BigEndian.Uint32(version[:])), MadeBy: store.BySandbox, Tier: "developer", // never the version of one that was removed
		Proof: sha256.Sum256([]byte(once)), Client: sha256.Sum256([]byte("countersign-client/1\x00" + client)), Expires: now.Add(SandboxLife),
	}
	s.entity = store.Entity{ID: "ent_" + s.tag, Developer: s.developer.ID, Name: in.Name, MadeBy: store.BySandbox, Created: now}
	s.key = store.Key{
		ID: id.FromHash(id.Key, sum[:]), Developer: s.developer.ID, Name: "First key", Hash: sha256.Sum256([]byte(secret)), Hint: apikey.Hint(secret),
		Scopes: allScopes, MadeBy: store.BySandbox, Created: now,
	}
	s.item = store.BankItem{ID: id.FromHash(id.Item, sum[:]), Entity: s.entity.ID, Connected: now, Currency: defaultCurrency}
	if p := in.Preferences; p != nil && p.Currency != "" {
		s.item.Currency = p.Currency
	}
	return s, secret, nil
}

// addSandbox keeps what is new, and makes room for it.
func (g *Gateway) addSandbox(tx store.Tx, s *sandboxed) error {
	if _, err := tx.Entity(s.entity.ID); err == nil {
		return fault.New(fault.Conflict, "this name is taken: choose another name").With("field", "name")
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err := g.sandboxRoom(tx, s.developer.Client); err != nil {
		return err
	}
	if err := errors.Join(tx.PutDeveloper(s.developer), tx.PutEntity(s.entity), tx.PutKey(s.key)); err != nil {
		return err
	}
	if _, err := g.syncItem(tx, &s.item); err != nil {
		return err
	}
	return tx.PutBankItem(s.item)
}

// sandboxRoom removes the oldest sandboxes of a client until there is room for one more
// of its own. Those of others stay: it fails with RATE_LIMITED where they take all of it.
func (g *Gateway) sandboxRoom(tx store.Tx, client [32]byte) error {
	if err := dropExpired(tx, g.now()); err != nil {
		return err
	}
	all, err := tx.Developers()
	if err != nil {
		return err
	}
	kept, free := 0, time.Time{}
	var own, endless []string // endless: of a version whose sandboxes did not end
	for _, d := range all {
		if d.MadeBy != store.BySandbox {
			continue
		}
		kept++
		switch {
		case d.Client == client:
			own = append(own, d.ID)
		case d.Expires.IsZero():
			endless = append(endless, d.ID)
		case free.IsZero() || d.Expires.Before(free):
			free = d.Expires
		}
	}
	over := max(len(own)-SandboxesHeld+1, 0)
	if kept-over >= SandboxesKept {
		over += kept - over - SandboxesKept + 1
	}
	going := append(slices.Clone(own), endless...)
	if over > len(going) {
		wait := max(int64(free.Sub(g.now())/time.Second), 1)
		return fault.New(fault.Limited, "the sandbox is full of what others made: ask again when the first of that has ended").With("retry_after", strconv.FormatInt(wait, 10))
	}
	for _, name := range going[:over] {
		if err := tx.DropDeveloper(name); err != nil {
			return err
		}
	}
	return nil
}

// ledgerView is the structure of the ledger: its accounts and their categories.
func (g *Gateway) ledgerView(s sandboxed) wire.SandboxLedger {
	v := wire.SandboxLedger{ID: "led_" + s.tag, Name: s.entity.Name + " ledger", Currency: s.item.Currency, Accounts: []wire.SandboxLedgerAccount{}}
	if s.item.ID != "" {
		for n, a := range bank.Accounts() {
			v.Accounts = append(v.Accounts, wire.SandboxLedgerAccount{ID: bankLedger(bankAccount(s.item.ID, n)), Name: a.Name, Category: "ASSET"})
		}
	}
	for _, c := range bank.Chart() {
		v.Accounts = append(v.Accounts, wire.SandboxLedgerAccount{ID: c[0], Name: c[1], Category: c[2]})
	}
	return v
}

// ResetSandbox takes back what pretend banks did to the caller's entity: its connections,
// and what they booked. An entity that POST /v1/sandbox made gets its first connection
// again. Asked twice it is the same.
func (g *Gateway) ResetSandbox(ctx context.Context, c Caller) (wire.SandboxReset, error) {
	if err := g.pretending(); err != nil {
		return wire.SandboxReset{}, err
	}
	err := g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		items, err := tx.BankItems(c.Entity)
		if err != nil {
			return err
		}
		if err := errors.Join(tx.DropBanks(c.Entity), tx.DropBookings(c.Entity, bookedBank)); err != nil {
			return err
		}
		e, err := tx.Entity(c.Entity)
		if err != nil || e.MadeBy != store.BySandbox || len(items) == 0 {
			return err
		}
		first := items[0]
		first.LoginRequired, first.Synced = false, time.Time{}
		if _, err := g.syncItem(tx, &first); err != nil {
			return err
		}
		return tx.PutBankItem(first)
	})
	return wire.SandboxReset{Success: err == nil}, err
}

// expired reports whether a developer of the sandbox has had its time.
func expired(d store.Developer, now time.Time) bool {
	return !d.Expires.IsZero() && !now.Before(d.Expires)
}

// dropExpired removes developers of the sandbox that have had their time.
func dropExpired(tx store.Tx, now time.Time) error {
	all, err := tx.Developers()
	if err != nil {
		return err
	}
	for _, d := range all {
		if d.MadeBy == store.BySandbox && expired(d, now) {
			if err := tx.DropDeveloper(d.ID); err != nil {
				return err
			}
		}
	}
	return nil
}
