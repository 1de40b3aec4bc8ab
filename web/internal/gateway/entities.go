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

	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/apikey"
	"countersign/web/internal/projection"
	"countersign/web/internal/store"
)

// Entity is the caller's entity.
func (g *Gateway) Entity(ctx context.Context, c Caller) (wire.Entity, error) {
	v := wire.Entity{ID: c.Entity, Members: []wire.Member{}, Signer: signerNone, Env: g.cfg.Env, ServerTime: g.now()}
	if own := g.vaults[c.Entity]; own != nil {
		if v.Signer = own.says(); v.Signer == signerCorrupt {
			v.Signer = signerDown // what is shown is what was read before
		}
		if at, _ := own.read(); !at.IsZero() {
			v.SyncedAt = &at
		}
	}
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		e, err := tx.Entity(c.Entity)
		if err != nil {
			return found(err, "the entity")
		}
		v.Name = e.Name
		gen, err := projection.Genesis(tx, c.Entity)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		v.Enrolled, v.Name = true, gen.EntityName
		for _, m := range gen.Members {
			key, err := jws.FromJWK(m.Approval)
			if err != nil {
				return err
			}
			v.Members = append(v.Members, wire.Member{
				ID: m.Member, Name: m.Name, Role: m.Role, Curve: m.Approval.Crv, Key: key.Thumbprint(), ChannelIn: m.ChannelIn,
			})
		}
		mark, err := tx.Mark(c.Entity)
		v.Log = statement.Log{Size: mark.Size, Head: mark.Head}
		return err
	})
	return v, err
}

// Accounts are the accounts of the entity with their balances.
func (g *Gateway) Accounts(ctx context.Context, c Caller) (wire.Accounts, error) {
	v := wire.Accounts{Accounts: []wire.Account{}, ServerTime: g.now()}
	gen, err := g.genesis(ctx, c)
	if fault.CodeOf(err) == fault.EntityUnknown {
		return v, nil
	}
	if err != nil {
		return v, err
	}
	err = g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		for _, a := range gen.Accounts {
			balances, err := tx.Balances(c.Entity, a.Account)
			if err != nil {
				return err
			}
			v.Accounts = append(v.Accounts, wire.Account{
				ID: a.Account, Name: a.Name, Chain: a.Chain, Address: a.Address, Rules: a.Rules, Balances: balanceViews(balances),
				NotWatched: g.unwatched(a.Chain), ServerTime: v.ServerTime,
			})
		}
		return nil
	})
	return v, err
}

// Account is one account, with what was booked.
func (g *Gateway) Account(ctx context.Context, c Caller, id string) (wire.Account, error) {
	_, a, err := g.account(ctx, c, id)
	if err != nil {
		return wire.Account{}, err
	}
	v := wire.Account{
		ID: a.Account, Name: a.Name, Chain: a.Chain, Address: a.Address, Rules: a.Rules,
		Entries: []wire.LedgerEntry{}, Deposits: []wire.Deposit{}, NotWatched: g.unwatched(a.Chain), ServerTime: g.now(),
	}
	err = g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		booked, err := tx.Bookings(c.Entity, id, 100)
		if err != nil {
			return err
		}
		for _, b := range booked {
			v.Entries = append(v.Entries, entryView(b.Entry))
		}
		deposits, err := tx.Deposits(c.Entity, id, shownDeposits)
		if err != nil {
			return err
		}
		if v.Deposits, err = g.depositViews(tx, deposits); err != nil {
			return err
		}
		balances, err := tx.Balances(c.Entity, id)
		v.Balances = balanceViews(balances)
		return err
	})
	return v, err
}

func entryView(e store.Entry) wire.LedgerEntry {
	v := wire.LedgerEntry{ID: e.ID, At: e.At, Kind: e.Kind, Text: e.Text, Order: e.Order, Deposit: e.Deposit, Reverses: e.Reverses, Postings: []wire.Posting{}}
	for _, p := range e.Postings {
		v.Postings = append(v.Postings, wire.Posting(p))
	}
	return v
}

func balanceViews(all []store.Balance) []wire.Balance {
	v := []wire.Balance{}
	for _, b := range all {
		v = append(v, wire.Balance(b))
	}
	return v
}

// ownSigner is the line to the signer of the caller's entity. It fails with
// ENTITY_NOT_ENROLLED when the signer does not know the entity, or there is none.
func (g *Gateway) ownSigner(ctx context.Context, c Caller) (Signer, error) {
	if _, err := g.genesis(ctx, c); err != nil {
		return nil, err
	}
	v, err := g.vault(c.Entity)
	if err != nil {
		return nil, err
	}
	return v.Signer, nil
}

// OpenChannel relays the first record of a channel to the signer.
func (g *Gateway) OpenChannel(ctx context.Context, c Caller, record string) (wire.Channel, error) {
	signer, err := g.ownSigner(ctx, c)
	if err != nil {
		return wire.Channel{}, err
	}
	if err := g.limit.channels.Spend(c.Entity); err != nil {
		return wire.Channel{}, err
	}
	r, err := signer.OpenChannel(ctx, record)
	return wire.Channel(r), err
}

// Relay relays a record; what it changed is in the read model when it returns.
func (g *Gateway) Relay(ctx context.Context, c Caller, channel, record string) (wire.Record, error) {
	signer, err := g.ownSigner(ctx, c)
	if err != nil {
		return wire.Record{}, err
	}
	r, err := signer.Relay(ctx, channel, record)
	if err != nil {
		return wire.Record{}, err
	}
	if err := g.Sync(ctx, c.Entity); err != nil {
		// The answer is the member's: the log will be read again soon.
		g.cfg.Log.Warn("read the signer's log after a record", "error", err.Error())
	}
	return wire.Record{Record: r.Record}, nil
}

// maxSandboxes is how many developers the sandbox keeps; one more removes the
// oldest.
const maxSandboxes = 1000

// Sandbox makes a developer and an entity to try the API with. Name and
// developer_id give the ids; those that exist are not given to somebody else:
// CONFLICT. It fails with NOT_FOUND outside the sandbox environment.
func (g *Gateway) Sandbox(ctx context.Context, in wire.SandboxInput, client string) (wire.SandboxReply, error) {
	if g.cfg.Env != "sandbox" {
		return wire.SandboxReply{}, fault.New(fault.NotFound, "there is no sandbox here")
	}
	if err := g.limit.sandboxes.Spend(client); err != nil {
		return wire.SandboxReply{}, err
	}
	sum := sha256.Sum256([]byte("countersign-sandbox/1\x00" + in.DeveloperID + "\x00" + in.Name))
	tag := hex.EncodeToString(sum[:10])
	var secret [4]byte
	if _, err := io.ReadFull(g.cfg.Rand, secret[:]); err != nil {
		return wire.SandboxReply{}, fmt.Errorf("make a developer: %w", err)
	}
	key, err := apikey.New(g.cfg.Rand, g.cfg.Env)
	if err != nil {
		return wire.SandboxReply{}, err
	}
	d := store.Developer{ID: "dev_" + tag, Name: in.Name, Version: int64(binary.BigEndian.Uint32(secret[:])), MadeBy: store.BySandbox, Tier: "developer"} // never that of one that was removed
	k := store.Key{
		ID: id.FromHash(id.Key, sum[:]), Developer: d.ID, Name: "First key", Hash: sha256.Sum256([]byte(key)), Hint: apikey.Hint(key),
		Scopes: allScopes, MadeBy: store.BySandbox, Created: g.now(),
	}
	e := store.Entity{ID: "ent_" + tag, Developer: d.ID, Name: in.Name, MadeBy: store.BySandbox, Created: g.now()}
	err = g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		if err := addSandbox(tx, d, e); err != nil {
			return err
		}
		return tx.PutKey(k)
	})
	if err != nil {
		return wire.SandboxReply{}, err
	}
	t, err := g.mint(ctx, Subject{Developer: d.ID, Version: d.Version, Key: k.ID})
	if err != nil {
		return wire.SandboxReply{}, err
	}
	return wire.SandboxReply{Success: true, Data: wire.SandboxData{
		Developer: wire.SandboxDeveloper{ID: d.ID, Name: d.Name, APIKey: key},
		Entity:    wire.SandboxEntity{ID: e.ID, LegalName: e.Name},
		Ledger:    wire.SandboxLedger{ID: "led_" + tag, Name: e.Name + " ledger"},
		PlaidAccounts: []wire.SandboxBank{
			{ID: "acc_" + tag + "0", Name: "Sandbox Checking", Mask: "0000", Type: "depository", Subtype: "checking", Balance: wire.SandboxBalance{Available: "100.00", Current: "110.00"}},
			{ID: "acc_" + tag + "1", Name: "Sandbox Saving", Mask: "1111", Type: "depository", Subtype: "savings", Balance: wire.SandboxBalance{Available: "200.00", Current: "210.00"}},
		},
		Token: t.AccessToken,
	}}, nil
}

// addSandbox adds a developer that the sandbox made, with its entity.
func addSandbox(tx store.Tx, d store.Developer, e store.Entity) error {
	_, err1 := tx.Developer(d.ID)
	_, err2 := tx.Entity(e.ID)
	switch {
	case err1 == nil || err2 == nil:
		return fault.New(fault.Conflict, "this name is taken: its API key was shown when it was made, and is not shown again; choose another name").With("field", "name")
	case !errors.Is(err1, store.ErrNotFound):
		return err1
	case !errors.Is(err2, store.ErrNotFound):
		return err2
	}
	all, err := tx.Developers()
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(d store.Developer) bool { return d.MadeBy != store.BySandbox })
	for len(all) >= maxSandboxes {
		if err := tx.DropDeveloper(all[0].ID); err != nil {
			return err
		}
		all = all[1:]
	}
	if err := tx.PutDeveloper(d); err != nil {
		return err
	}
	return tx.PutEntity(e)
}
