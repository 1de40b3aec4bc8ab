package gateway

import (
	"context"
	"errors"
	"time"

	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/projection"
	"countersign/web/internal/store"
)

// Entity is the caller's entity, with the members of whom the caller may read.
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
		by, err := projection.Governs(tx, c.Entity)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		v.Enrolled, v.Name = true, by.Genesis.EntityName
		shown, err := c.members(by)
		if err != nil {
			return err
		}
		for _, m := range by.Joined() {
			if !shown(m.Member) {
				continue
			}
			key, err := jws.FromJWK(m.Approval)
			if err != nil {
				return err
			}
			v.Members = append(v.Members, wire.Member{
				ID: m.Member, Name: m.Name, Role: m.Role, Is: m.Is, Curve: m.Approval.Crv, Key: key.Thumbprint(), ChannelIn: m.ChannelIn,
			})
		}
		mark, err := tx.Mark(c.Entity)
		v.Log = statement.Log{Size: mark.Size, Head: mark.Head}
		return err
	})
	return v, err
}

// Accounts are the accounts of the entity with their balances, those that the caller may read.
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
			if !c.Sees(a.Account) {
				continue
			}
			balances, err := tx.Balances(c.Entity, a.Account, time.Time{})
			if err != nil {
				return err
			}
			w := g.accountView(c, a, v.ServerTime)
			w.Balances = balanceViews(balances)
			v.Accounts = append(v.Accounts, w)
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
	v := g.accountView(c, a, g.now())
	v.Entries, v.Deposits = []wire.LedgerEntry{}, []wire.Deposit{}
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
		balances, err := tx.Balances(c.Entity, id, time.Time{})
		v.Balances = balanceViews(balances)
		return err
	})
	return v, err
}

// accountView is what the vault says of an account, without a parent that the caller does not read.
func (g *Gateway) accountView(c Caller, a statement.GenesisAccount, now time.Time) wire.Account {
	if !c.Sees(a.Parent) {
		a.Parent = ""
	}
	return wire.Account{
		ID: a.Account, Name: a.Name, Chain: a.Chain, Address: a.Address, Tier: a.Tier, Parent: a.Parent, Sweep: a.Sweep, Rules: a.Rules,
		NotWatched: g.unwatched(a.Chain), ServerTime: now,
	}
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

// Certificate is the certificate of a member of the entity, as its signer signs it now. It
// fails with NOT_FOUND, and with CONFLICT for a member who is not active.
func (g *Gateway) Certificate(ctx context.Context, c Caller, member string) (wire.Certificate, error) {
	signer, err := g.ownSigner(ctx, c)
	if err != nil {
		return wire.Certificate{}, err
	}
	return signer.Certificate(ctx, member)
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
