package gateway

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"countersign/shared/amount"
	"countersign/shared/fault"
	"countersign/shared/wire"
	"countersign/web/internal/store"
)

// Deposits reads what is new on a chain: an order whose address received a
// final deposit is completed and booked, in one transaction with the cursor.
func (g *Gateway) Deposits(ctx context.Context, chain string) error {
	c, ok := g.cfg.Chains[chain]
	if !ok {
		return fault.New(fault.NotFound, "no node is configured for this chain")
	}
	cursor, watched, err := g.watched(ctx, c, chain)
	if err != nil {
		return err
	}
	addresses := make([]string, 0, len(watched))
	for _, o := range watched {
		addresses = append(addresses, o.Address)
	}
	seen, next, err := c.Scan(ctx, cursor, addresses)
	if err != nil {
		return fmt.Errorf("scan %s: %w", chain, err)
	}
	if len(seen) == 0 && next == cursor {
		return nil
	}
	return g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		open, err := tx.OpenOrders(chain)
		if err != nil {
			return err
		}
		for _, o := range open {
			known := false
			for _, w := range watched {
				known = known || w.ID == o.ID
			}
			if !known {
				next = cursor // an order came while the chain was read: read that part again for it
			}
			if err := g.deliver(tx, o, seen); err != nil {
				return err
			}
		}
		return tx.PutCursor(chain, next)
	})
}

// watched is where to read from and for whom. A chain that was never read
// starts at its head.
func (g *Gateway) watched(ctx context.Context, c Chain, chain string) (cursor string, open []store.Order, err error) {
	read := func(tx store.Tx) error {
		if cursor, err = tx.Cursor(chain); err != nil {
			return err
		}
		open, err = tx.OpenOrders(chain)
		return err
	}
	if err := g.cfg.Store.Read(ctx, read); err != nil || cursor != "" {
		return cursor, open, err
	}
	if cursor, err = c.Head(ctx); err != nil {
		return "", nil, fmt.Errorf("read the head of %s: %w", chain, err)
	}
	return cursor, open, g.cfg.Store.Write(ctx, func(tx store.Tx) error { return tx.PutCursor(chain, cursor) })
}

// deliver brings the deposits to an order's address into it.
func (g *Gateway) deliver(tx store.Tx, o store.Order, seen []Deposit) error {
	total, hash, pending := amount.Amount{}, "", false
	for _, d := range seen {
		if !strings.EqualFold(d.Address, o.Address) {
			continue
		}
		if !d.Final {
			pending = true
			continue
		}
		a, err := amount.Parse(d.Amount)
		if err != nil {
			return fmt.Errorf("read deposit %s: %w", d.TxHash, err)
		}
		if a.Sign() > 0 {
			total = total.Add(a)
			if hash == "" {
				hash = d.TxHash
			}
		}
	}
	now := g.now()
	switch {
	case hash != "":
		o.State, o.Delivered, o.TxHash, o.DeliveredAt = wire.OrderCompleted, total.Trim().String(), hash, now
		o.History = append(o.History, wire.Event{At: now, Type: "delivered", Text: "Received " + o.Delivered + " " + o.Intent.Crypto.Asset, Seq: -1})
	case pending && o.State != wire.OrderProcessing:
		o.State = wire.OrderProcessing
		o.History = append(o.History, wire.Event{At: now, Type: "deposit", Text: "A deposit was seen on the chain", Seq: -1})
	default:
		return nil
	}
	o.Updated = now
	if err := tx.PutOrder(o); err != nil {
		return err
	}
	if o.State != wire.OrderCompleted {
		return nil
	}
	r, err := tx.Request(o.Entity, o.Request)
	if err != nil {
		return err
	}
	r.State = wire.RequestCompleted
	if err := tx.PutRequest(r); err != nil {
		return err
	}
	err = tx.Book(booking(o))
	if errors.Is(err, store.ErrExists) {
		return fmt.Errorf("order %s is booked but was not completed: %w", o.ID, err)
	}
	return err
}

// booking is the ledger entry of a delivered order: crypto into the vault from
// the provider, and the fiat that was paid for it.
func booking(o store.Order) store.Booking {
	asset, provider := o.Intent.Crypto.Asset, "provider:"+o.Intent.Provider
	return store.Booking{
		Entity: o.Entity, Account: o.Account,
		Entry: wire.LedgerEntry{
			ID: "ent_" + strings.TrimPrefix(o.ID, "ord_"), At: o.Updated, Order: o.ID,
			Text: fmt.Sprintf("Bought %s %s from %s", o.Delivered, asset, o.Intent.ProviderName),
			Postings: []wire.Posting{
				{Ledger: "vault:" + o.Account, Side: "debit", Asset: asset, Amount: o.Delivered},
				{Ledger: provider, Side: "credit", Asset: asset, Amount: o.Delivered},
				{Ledger: provider, Side: "debit", Asset: o.Intent.Fiat.Currency, Amount: o.Intent.Fiat.Amount},
				{Ledger: "payments:" + o.Account, Side: "credit", Asset: o.Intent.Fiat.Currency, Amount: o.Intent.Fiat.Amount},
			},
		},
		Deposit: &wire.DepositRecord{
			Address: o.Address, Request: o.Request, Asset: asset, Amount: o.Delivered, TxHash: o.TxHash, At: o.DeliveredAt,
		},
	}
}
