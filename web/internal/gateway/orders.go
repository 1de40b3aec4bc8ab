package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"time"

	"countersign/shared/amount"
	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/quote"
	"countersign/shared/wire"
	"countersign/web/internal/store"
)

// NewOrder asks the provider of an approved request again, now with the
// request's own address, and makes the order with a ticket. When there is an
// order already, it is returned with a new ticket. It fails with CONFLICT (not
// approved yet), REQUEST_CLOSED, PROVIDER_UNAVAILABLE, NOT_ELIGIBLE, and
// QUOTE_CHANGED when the provider now gives less than was approved: details old,
// new, minimum, asset and quote, which a new request can be made of. Nothing is
// lost then; the request stays approved.
func (g *Gateway) NewOrder(ctx context.Context, c Caller, request string) (wire.Order, error) {
	defer g.locks.lock("order\x00" + request)()
	var r store.Request
	var q store.Quote
	var have *store.Order
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		var err error
		if r, err = tx.Request(c.Entity, request); err != nil {
			return found(err, "the request")
		}
		if have, err = orderOf(tx, r); err != nil || have != nil {
			return err
		}
		if q, err = tx.Quote(c.Entity, r.Body.Intent.Quote); err != nil {
			return fmt.Errorf("find the quote of %s: %w", r.ID, err)
		}
		return nil
	})
	if err != nil {
		return wire.Order{}, err
	}
	if have != nil {
		return g.withTicket(ctx, *have, wire.TicketInput{})
	}
	if err := orderable(r); err != nil {
		return wire.Order{}, err
	}
	if err := g.buyable(r.Body.Intent.Chain, r.Body.Intent.Crypto.Asset, "request_id"); err != nil {
		return wire.Order{}, err
	}
	in := q.Input
	in.Dest = r.Body.Intent.Address
	row, err := g.cfg.Desk.Requote(ctx, r.Body.Intent.Provider, in)
	if err != nil {
		return wire.Order{}, err
	}
	if err := g.stillGood(ctx, r, q, row); err != nil {
		return wire.Order{}, err
	}
	id, err := id.New(g.cfg.Rand, id.Order)
	if err != nil {
		return wire.Order{}, err
	}
	now := g.now()
	o := store.Order{
		ID: id, Entity: c.Entity, Request: r.ID, Account: r.Account, State: wire.OrderCreated,
		Chain: r.Body.Intent.Chain, Address: r.Body.Intent.Address, Intent: r.Body.Intent, Row: row, Input: in,
		Created: now, Updated: now,
		History: []wire.Event{{At: now, Type: "order", Text: "Ordered from " + r.Body.Intent.ProviderName, Seq: -1}},
	}
	err = g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		fresh, err := tx.Request(c.Entity, r.ID)
		if err != nil {
			return err
		}
		if err := orderable(fresh); err != nil {
			return err
		}
		fresh.State, fresh.Order = wire.RequestOrdered, o.ID
		if err := tx.PutOrder(o); err != nil {
			return err
		}
		if err := tx.PutRequest(fresh); err != nil {
			return err
		}
		return g.ordered(tx, &o)
	})
	if err != nil {
		return wire.Order{}, err
	}
	return g.withTicket(ctx, o, wire.TicketInput{})
}

func orderable(r store.Request) error {
	switch {
	case !r.Verified:
		return fault.New(fault.SignatureInvalid, "the signer's attestation of the deposit address does not verify: nothing may be paid to it")
	case r.State == wire.RequestApproved && r.Order == "":
		return nil
	case r.State == wire.RequestPending:
		return fault.New(fault.Conflict, "the request is not approved yet").With("state", r.State)
	}
	return fault.New(fault.RequestClosed, "the request is "+r.State).With("state", r.State)
}

// stillGood compares the new quote with what was approved. One that is worse is
// kept, so that a new request can be made of it.
func (g *Gateway) stillGood(ctx context.Context, r store.Request, q store.Quote, row quote.Row) error {
	got, err := amount.Parse(row.CryptoAmount)
	if err != nil {
		return fmt.Errorf("read quote %s: %w", row.ID, err)
	}
	least, err := amount.Parse(r.Body.Intent.Minimum)
	if err != nil {
		return fmt.Errorf("read the minimum of %s: %w", r.ID, err)
	}
	if got.Cmp(least) >= 0 {
		return nil
	}
	q = store.Quote{ID: row.ID, Entity: r.Entity, Account: r.Account, Input: q.Input, Row: row}
	if err := g.cfg.Store.Write(ctx, func(tx store.Tx) error { return tx.PutQuote(q) }); err != nil {
		return err
	}
	return fault.New(fault.QuoteChanged, "the price changed: the provider now gives less than was approved. Ask for approval of the new price").
		With("old", r.Body.Intent.Crypto.Amount).With("new", row.CryptoAmount).With("minimum", r.Body.Intent.Minimum).
		With("asset", row.Asset).With("quote", row.ID).With("quote_expires_at", row.ExpiresAt.UTC().Format(time.RFC3339))
}

// NewTicket makes another ticket for an order that is not completed.
func (g *Gateway) NewTicket(ctx context.Context, c Caller, order string, in wire.TicketInput) (wire.Order, error) {
	o, err := g.order(ctx, c, order)
	if err != nil {
		return wire.Order{}, err
	}
	if o.State == wire.OrderCompleted {
		return wire.Order{}, fault.New(fault.Conflict, "the order is completed: there is nothing to pay").With("state", o.State)
	}
	return g.withTicket(ctx, o, in)
}

func (g *Gateway) withTicket(ctx context.Context, o store.Order, in wire.TicketInput) (wire.Order, error) {
	v, err := g.orderView(ctx, o)
	if err != nil || o.State == wire.OrderCompleted {
		return v, err
	}
	var secret [24]byte
	if _, err := io.ReadFull(g.cfg.Rand, secret[:]); err != nil {
		return v, fmt.Errorf("make a ticket: %w", err)
	}
	text := base64.RawURLEncoding.EncodeToString(secret[:])
	t := store.Ticket{
		Hash: sha256.Sum256([]byte(text)), Order: o.ID, Entity: o.Entity, Language: in.Language, Theme: in.Theme,
		Expires: g.now().Add(ticketLife),
	}
	if err := g.cfg.Store.Write(ctx, func(tx store.Tx) error { return errors.Join(tx.PutTicket(t), tx.TrimTickets(o.ID, TicketsKept)) }); err != nil {
		return v, err
	}
	v.Ticket = &wire.Ticket{URL: "/v1/redirect/" + text, ExpiresAt: t.Expires}
	return v, nil
}

// Redirect uses a ticket and returns the provider's address. It fails with
// TICKET_SPENT, and with PROVIDER_UNAVAILABLE; the order then waits for another
// ticket.
func (g *Gateway) Redirect(ctx context.Context, ticket string) (string, error) {
	var o store.Order
	var t store.Ticket
	err := g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		var err error
		if t, err = tx.UseTicket(sha256.Sum256([]byte(ticket)), g.now()); errors.Is(err, store.ErrNotFound) {
			return fault.Wrap(err, fault.TicketSpent, "this link was used or has expired: go back to the order and continue from there")
		} else if err != nil {
			return err
		}
		if o, err = tx.Order(t.Entity, t.Order); err != nil {
			return err
		}
		if o.State == wire.OrderCompleted {
			return fault.New(fault.TicketSpent, "the order is completed: there is nothing to pay")
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	h := HandOff{
		Order: o.ID, Provider: o.Intent.Provider, Input: o.Input, Crypto: o.Row.CryptoAmount,
		QuoteRef: o.Row.ProviderRef, Language: t.Language, Theme: t.Theme,
	}
	if g.cfg.PageURL != "" {
		h.Return = g.cfg.PageURL + "/orders/" + o.ID
	}
	url, err := g.cfg.Desk.Redirect(ctx, h)
	if err != nil {
		return "", err
	}
	return url, g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		fresh, err := tx.Order(o.Entity, o.ID)
		if err != nil || fresh.State != wire.OrderCreated {
			return err
		}
		fresh.State, fresh.Updated = wire.OrderRedirected, g.now()
		fresh.History = append(fresh.History, wire.Event{At: fresh.Updated, Type: "hand_off", Text: "Handed over to " + o.Intent.ProviderName, Seq: -1})
		return tx.PutOrder(fresh)
	})
}

func (g *Gateway) order(ctx context.Context, c Caller, id string) (store.Order, error) {
	var o store.Order
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) {
		o, err = tx.Order(c.Entity, id)
		return found(err, "the order")
	})
	return o, err
}

// Order is one order.
func (g *Gateway) Order(ctx context.Context, c Caller, id string) (wire.Order, error) {
	o, err := g.order(ctx, c, id)
	if err != nil {
		return wire.Order{}, err
	}
	return g.orderView(ctx, o)
}

// Orders are newest first.
func (g *Gateway) Orders(ctx context.Context, c Caller, cursor string, limit int) (wire.Page[wire.Order], error) {
	p := wire.Page[wire.Order]{Items: []wire.Order{}}
	var all []store.Order
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) {
		all, err = tx.Orders(c.Entity, cursor, limit+1)
		return err
	})
	if err != nil {
		return p, err
	}
	if len(all) > limit {
		all = all[:limit]
		p.NextCursor = all[limit-1].ID
	}
	for _, o := range all {
		v, err := g.orderView(ctx, o)
		if err != nil {
			return p, err
		}
		p.Items = append(p.Items, v)
	}
	return p, nil
}
