package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/wire"
	"countersign/web/internal/bank"
	"countersign/web/internal/store"
)

// Bounds of pretend bank connections.
const (
	ItemsKept  = 10 // of one entity
	linkLife   = 30 * time.Minute
	publicLife = 30 * time.Minute
	linksKept  = 100 // of one entity
)

// bookedBank is the kind of entries that book what moved at a pretend bank.
const bookedBank = "bank"

// Kinds of links.
const (
	linkToken   = "link"
	publicToken = "public"
)

// pretending fails with NOT_FOUND where there are no pretend banks: outside the sandbox.
func (g *Gateway) pretending() error {
	if g.cfg.Env != "sandbox" {
		return fault.New(fault.NotFound, "there are no pretend bank connections here: they are the sandbox's")
	}
	return nil
}

// BankLink begins a connection to a bank, or another login to the connection item.
func (g *Gateway) BankLink(ctx context.Context, c Caller, item, request string) (wire.BankLink, error) {
	if err := g.pretending(); err != nil {
		return wire.BankLink{}, err
	}
	v := wire.BankLink{RequestID: request, UserID: c.Entity, Expiration: g.now().Add(linkLife)}
	err := g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		items, err := tx.BankItems(c.Entity)
		switch {
		case err != nil:
			return err
		case item != "" && !slices.ContainsFunc(items, func(i store.BankItem) bool { return i.ID == item }):
			return fault.New(fault.NotFound, "the connection was not found").With("field", "item")
		case item == "" && len(items) >= ItemsKept:
			return fault.New(fault.Conflict, fmt.Sprintf("an entity has at most %d connections to banks", ItemsKept))
		}
		v.LinkToken, err = g.newLink(tx, store.BankLink{Kind: linkToken, Entity: c.Entity, Item: item, Expires: v.Expiration})
		return err
	})
	return v, err
}

// BankLogin is a person who signs in at the pretend bank. It fails with INVALID_REQUEST
// for wrong credentials, details reason INVALID_CREDENTIALS, after which the link works
// on, and with TICKET_SPENT for a link that was used or has expired.
func (g *Gateway) BankLogin(ctx context.Context, c Caller, in wire.BankLoginInput) (wire.BankLogin, error) {
	if err := g.pretending(); err != nil {
		return wire.BankLogin{}, err
	}
	if !bank.Login(in.Username, in.Password) {
		return wire.BankLogin{}, fault.New(fault.Invalid, "the bank does not know this user and password: the sandbox's are "+bank.GoodUser+" and "+bank.GoodPass).With("reason", "INVALID_CREDENTIALS")
	}
	v := wire.BankLogin{Expiration: g.now().Add(publicLife)}
	err := g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		l, err := g.useLink(tx, c, linkToken, in.LinkToken)
		if err != nil {
			return err
		}
		v.PublicToken, err = g.newLink(tx, store.BankLink{Kind: publicToken, Entity: c.Entity, Item: l.Item, Expires: v.Expiration})
		return err
	})
	return v, err
}

// ConnectBank makes a connection of a public token, or mends the one that it is for, and
// reads its accounts. Asked again with the same token it fails with TICKET_SPENT.
func (g *Gateway) ConnectBank(ctx context.Context, c Caller, in wire.BankConnectInput) (v wire.BankItem, err error) {
	if err := g.pretending(); err != nil {
		return v, err
	}
	if in.EntityID != "" && in.EntityID != c.Entity {
		return v, fault.New(fault.Forbidden, msgForbidden)
	}
	err = g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		l, err := g.useLink(tx, c, publicToken, in.PublicToken)
		if err != nil {
			return err
		}
		item, err := tx.BankItem(c.Entity, l.Item)
		if errors.Is(err, store.ErrNotFound) {
			sum := sha256.Sum256([]byte("countersign-item/1\x00" + in.PublicToken))
			item = store.BankItem{ID: id.FromHash(id.Item, sum[:]), Entity: c.Entity, Connected: g.now(), Currency: defaultCurrency}
		} else if err != nil {
			return err
		}
		item.LoginRequired = false
		if _, err := g.syncItem(tx, &item); err != nil {
			return err
		}
		v, err = g.itemView(item), tx.PutBankItem(item)
		return err
	})
	return v, err
}

// BankItems are the connections of the caller's entity.
func (g *Gateway) BankItems(ctx context.Context, c Caller) (wire.BankItems, error) {
	v := wire.BankItems{Items: []wire.BankItem{}}
	if err := g.pretending(); err != nil {
		return v, err
	}
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		all, err := tx.BankItems(c.Entity)
		for _, i := range all {
			v.Items = append(v.Items, g.itemView(i))
		}
		return err
	})
	return v, err
}

// SyncBanks books what moved since the last time, of one connection or of all. A
// connection that needs a login is CONFLICT, details reason ITEM_LOGIN_REQUIRED and item;
// others are read all the same.
func (g *Gateway) SyncBanks(ctx context.Context, c Caller, in wire.BankItemInput) (wire.BankSync, error) {
	if err := g.pretending(); err != nil {
		return wire.BankSync{}, err
	}
	booked, stuck := 0, ""
	err := g.eachItem(ctx, c, in.Item, func(tx store.Tx, i *store.BankItem) error {
		if i.LoginRequired {
			stuck = i.ID
			return nil
		}
		n, err := g.syncItem(tx, i)
		booked += n
		return err
	})
	if err == nil && stuck != "" {
		err = fault.New(fault.Conflict, "the bank wants a person to sign in again: ask for a link to this connection").With("reason", wire.BankLoginRequired).With("item", stuck)
	}
	return wire.BankSync{Success: true, Message: fmt.Sprintf("%d transactions were booked", booked), Transactions: booked}, err
}

// ResetLogin makes a connection, or all, want another login.
func (g *Gateway) ResetLogin(ctx context.Context, c Caller, in wire.BankItemInput) (wire.SandboxReset, error) {
	if err := g.pretending(); err != nil {
		return wire.SandboxReset{}, err
	}
	err := g.eachItem(ctx, c, in.Item, func(_ store.Tx, i *store.BankItem) error { i.LoginRequired = true; return nil })
	return wire.SandboxReset{Success: true}, err
}

// BankSyncStatus is how far each account is read.
func (g *Gateway) BankSyncStatus(ctx context.Context, c Caller) (wire.BankSyncStatus, error) {
	v := wire.BankSyncStatus{Accounts: []wire.BankAccountSync{}}
	if err := g.pretending(); err != nil {
		return v, err
	}
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		all, err := tx.BankItems(c.Entity)
		for _, i := range all {
			for n, a := range bank.Accounts() {
				s := wire.BankAccountSync{ID: bankAccount(i.ID, n), AccountName: a.Name, AccountMask: a.Mask, SyncStatus: "completed"}
				s.TransactionCount = len(bank.Movements(i.ID, n, i.Connected, i.Synced))
				v.Summary.Total++
				if i.LoginRequired {
					s.SyncStatus = "pending"
					v.Summary.Pending++
				} else {
					v.Summary.Completed++
				}
				v.Accounts = append(v.Accounts, s)
			}
		}
		return err
	})
	return v, err
}

// eachItem changes one connection of the caller's entity, or all.
func (g *Gateway) eachItem(ctx context.Context, c Caller, item string, change func(store.Tx, *store.BankItem) error) error {
	return g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		all, err := tx.BankItems(c.Entity)
		if err != nil {
			return err
		}
		hit := false
		for _, i := range all {
			if item != "" && i.ID != item {
				continue
			}
			hit = true
			if err := change(tx, &i); err != nil {
				return err
			}
			if err := tx.PutBankItem(i); err != nil {
				return err
			}
		}
		if item != "" && !hit {
			return fault.New(fault.NotFound, "the connection was not found").With("field", "item")
		}
		return nil
	})
}

// syncItem books what moved on the accounts of a connection and is not booked yet.
func (g *Gateway) syncItem(tx store.Tx, i *store.BankItem) (booked int, err error) {
	now := g.now()
	for n := range bank.Accounts() {
		account := bankAccount(i.ID, n)
		for k, m := range bank.Movements(i.ID, n, i.Connected, now) {
			if !i.Synced.IsZero() && !m.At.After(i.Synced) {
				continue
			}
			debit, credit := bankLedger(account), m.Other
			if !m.In {
				debit, credit = credit, debit
			}
			sum := sha256.Sum256(fmt.Appendf(nil, "countersign-movement/1\x00%s\x00%d\x00%d", i.ID, n, k))
			err := tx.Book(store.Booking{Entity: i.Entity, Account: account, Entry: store.Entry{
				ID: id.FromHash(id.Booking, sum[:]), At: m.At, Kind: bookedBank, Text: m.Text, Postings: []store.Posting{
					{Ledger: debit, Side: "debit", Asset: i.Currency, Amount: m.Amount}, {Ledger: credit, Side: "credit", Asset: i.Currency, Amount: m.Amount},
				},
			}})
			if err != nil {
				return booked, err
			}
			booked++
		}
	}
	i.Synced = now
	return booked, nil
}

func (g *Gateway) itemView(i store.BankItem) wire.BankItem {
	v := wire.BankItem{ID: i.ID, Institution: bank.Institution, State: wire.BankOK, ConnectedAt: i.Connected, SyncedAt: some(i.Synced), Accounts: []wire.SandboxBank{}}
	if i.LoginRequired {
		v.State = wire.BankLoginRequired
	}
	for n, a := range bank.Accounts() {
		balance := bank.Balance(bank.Movements(i.ID, n, i.Connected, i.Synced))
		v.Accounts = append(v.Accounts, wire.SandboxBank{
			ID: bankAccount(i.ID, n), Name: a.Name, Mask: a.Mask, Type: a.Type, Subtype: a.Subtype, Balance: wire.SandboxBalance{Available: balance, Current: balance},
		})
	}
	return v
}

// bankAccount is the id of the nth account of a connection.
func bankAccount(item string, n int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "countersign-bank-account/1\x00%s\x00%d", item, n))
	return id.FromHash(id.Account, sum[:])
}

// bankLedger is the ledger account of a bank account.
func bankLedger(account string) string { return "bank:" + account }

// newLink makes a token of the form that the API that this follows uses, and keeps its
// hash.
func (g *Gateway) newLink(tx store.Tx, l store.BankLink) (string, error) {
	var raw [16]byte
	if _, err := io.ReadFull(g.cfg.Rand, raw[:]); err != nil {
		return "", fmt.Errorf("make a token: %w", err)
	}
	raw[6], raw[8] = raw[6]&0x0f|0x40, raw[8]&0x3f|0x80 // RFC 9562, version 4
	h := hex.EncodeToString(raw[:])
	token := fmt.Sprintf("%s-sandbox-%s-%s-%s-%s-%s", l.Kind, h[:8], h[8:12], h[12:16], h[16:20], h[20:])
	l.Hash = sha256.Sum256([]byte(token))
	return token, errors.Join(tx.PutBankLink(l), tx.TrimBankLinks(l.Entity, linksKept))
}

func (g *Gateway) useLink(tx store.Tx, c Caller, kind, token string) (store.BankLink, error) {
	l, err := tx.UseBankLink(c.Entity, kind, sha256.Sum256([]byte(token)), g.now())
	if errors.Is(err, store.ErrNotFound) {
		err = fault.New(fault.TicketSpent, "this "+kind+" token was used, has expired, or is another entity's: ask for a link")
	}
	return l, err
}
