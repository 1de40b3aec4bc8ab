package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/name"
	"countersign/shared/quote"
	"countersign/shared/wire"
	"countersign/web/internal/report"
	"countersign/web/internal/store"
)

// NewOrder asks the provider of an approved request again, now with the
// request's own address, and makes the order with a ticket. When there is an
// order already, it is returned with a new ticket, as [Gateway.NewTicket] makes
// one. It fails with CONFLICT (not approved yet), REQUEST_CLOSED, APPROVAL_LAPSED,
// DEPOSIT_SEEN, PROVIDER_UNAVAILABLE, NOT_ELIGIBLE, and QUOTE_CHANGED when the
// provider now gives less than was approved: details old, new, minimum, asset and
// quote, which a new request can be made of. Nothing is lost then; the request
// stays approved. An order to whose address something came before it has no
// ticket.
func (g *Gateway) NewOrder(ctx context.Context, c Caller, request string) (wire.Order, error) {
	var done *store.Order
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		o, err := tx.OrderOf(c.Entity, request)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if done = &o; o.State != wire.OrderCompleted {
			done = nil
		}
		return err
	})
	if err != nil {
		return wire.Order{}, err
	}
	if done != nil { // nothing is left to be handed over for
		return g.orderView(ctx, *done)
	}
	return g.handOver(ctx, c, request, wire.TicketInput{})
}

// NewTicket makes another ticket for an order that is not completed. It fails as
// [Gateway.NewOrder] does.
func (g *Gateway) NewTicket(ctx context.Context, c Caller, order string, in wire.TicketInput) (wire.Order, error) {
	o, err := g.order(ctx, c, order)
	if err != nil {
		return wire.Order{}, err
	}
	return g.handOver(ctx, c, o.Request, in)
}

// handOver makes a ticket for a request, and its order when there is none.
func (g *Gateway) handOver(ctx context.Context, c Caller, request string, in wire.TicketInput) (wire.Order, error) {
	defer g.locks.lock("order\x00" + request)()
	var p purchase
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) {
		if p, err = purchaseOf(tx, c.Entity, request); err != nil {
			return err
		}
		if err = g.mayHandOff(p); err != nil || p.order == nil {
			return err
		}
		return mayPay(tx, p, in.PayAgain)
	})
	if err != nil {
		return wire.Order{}, err
	}
	row, asked, err := g.price(ctx, p)
	if err != nil {
		return wire.Order{}, err
	}
	var secret [24]byte
	if _, err := io.ReadFull(g.cfg.Rand, secret[:]); err != nil {
		return wire.Order{}, fmt.Errorf("make a ticket: %w", err)
	}
	text := base64.RawURLEncoding.EncodeToString(secret[:])
	t := store.Ticket{
		Hash: sha256.Sum256([]byte(text)), Entity: c.Entity, Language: in.Language, Theme: in.Theme,
		Expires: g.now().Add(ticketLife),
	}
	if by := useBy(p.request); by.Before(t.Expires) {
		t.Expires = by
	}
	oid, err := id.New(g.cfg.Rand, id.Order)
	if err != nil {
		return wire.Order{}, err
	}
	var o store.Order
	handed := false
	err = g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		fresh, err := purchaseOf(tx, c.Entity, request)
		if err != nil {
			return err
		}
		if err := g.mayHandOff(fresh); err != nil {
			return err
		}
		if o, err = g.keepOrder(tx, fresh, oid, row, asked); err != nil {
			return err
		}
		made := fresh.order == nil
		fresh.order = &o
		switch err := mayPay(tx, fresh, false); {
		case fault.CodeOf(err) == fault.DepositSeen && in.PayAgain:
			t.PayAgain = true // said of a deposit that was seen: not in advance
		case fault.CodeOf(err) == fault.DepositSeen && made:
			return nil // what came before it is the order's, which has no ticket
		case err != nil:
			return err
		}
		handed, t.Order = true, o.ID
		return errors.Join(tx.PutTicket(t), tx.TrimTickets(o.ID, TicketsKept))
	})
	if err != nil {
		return wire.Order{}, err
	}
	v, err := g.orderView(ctx, o)
	if err != nil || !handed {
		return v, err
	}
	v.Ticket = &wire.Ticket{URL: "/v1/redirect/" + text, ExpiresAt: t.Expires}
	return v, err
}

// keepOrder keeps the newest quote in the order of a purchase, which it makes, with
// the id given, when there is none.
func (g *Gateway) keepOrder(tx store.Tx, p purchase, oid string, row quote.Row, asked quote.Input) (store.Order, error) {
	now, r := g.now(), p.request
	if p.order != nil {
		o := *p.order
		o.Row, o.Input, o.Updated = row, asked, now
		return o, tx.PutOrder(o)
	}
	o := store.Order{
		ID: oid, Entity: r.Entity, Request: r.ID, Account: r.Account, State: wire.OrderCreated,
		Chain: p.buy.Chain, Address: p.buy.Address, Provider: p.buy.Provider, ProviderName: p.buy.ProviderName,
		FiatAmount: p.buy.Fiat.Amount, Fiat: p.buy.Fiat.Currency, Asset: p.buy.Crypto.Asset, Minimum: p.buy.Minimum, Row: row, Input: asked,
		Created: now, Updated: now, UseBy: useBy(r).Unix(),
		History: []store.Event{{At: now, Type: "order", Text: "Ordered from " + name.Within(p.buy.ProviderName)}},
	}
	r.State, r.Order = wire.RequestOrdered, o.ID
	if err := tx.PutOrder(o); err != nil {
		return o, err
	}
	if err := tx.PutRequest(r); err != nil {
		return o, err
	}
	err := g.ordered(tx, &o)
	return o, err
}

// useTicket spends a ticket. Anybody may come with one that was made up, so it is
// looked for before it is its turn to write: there is one writer for all.
func (g *Gateway) useTicket(ctx context.Context, hash [32]byte) (t store.Ticket, o store.Order, err error) {
	spent := fault.New(fault.TicketSpent, "this link was used or has expired: go back to the order and continue from there")
	var there bool
	err = g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) { there, err = tx.HasTicket(hash, g.now()); return err })
	if err != nil {
		return t, o, err
	}
	if !there {
		return t, o, spent
	}
	err = g.cfg.Store.Write(ctx, func(tx store.Tx) (err error) {
		if t, err = tx.UseTicket(hash, g.now()); errors.Is(err, store.ErrNotFound) {
			return fault.Wrap(err, spent.Code, spent.Message)
		} else if err != nil {
			return err
		}
		o, err = tx.Order(t.Entity, t.Order)
		return err
	})
	return t, o, err
}

// Redirect uses a ticket and returns the provider's address. What was true when
// the ticket was made is asked once more, the price too. It fails with
// TICKET_SPENT, APPROVAL_LAPSED, DEPOSIT_SEEN, QUOTE_CHANGED, NOT_ELIGIBLE and
// PROVIDER_UNAVAILABLE, all with the detail order but for a ticket that is not
// known; with UNAVAILABLE, and no ticket used, while the clock is not believed; the order then waits for another ticket.
func (g *Gateway) Redirect(ctx context.Context, ticket string) (string, error) {
	if err := g.timely(); err != nil { // which uses no ticket up
		return "", err
	}
	t, o, err := g.useTicket(ctx, sha256.Sum256([]byte(ticket)))
	if err != nil {
		return "", err
	}
	url, err := g.lead(ctx, o, t)
	if f, ok := fault.As(err); ok {
		err = f.With("order", o.ID)
	}
	return url, err
}

// OrderPage is where a person finds an order; empty when there is no page.
func (g *Gateway) OrderPage(order string) string {
	if g.cfg.PageURL == "" {
		return ""
	}
	return g.cfg.PageURL + "/orders/" + order
}

// lead leads to the provider of an order, for a ticket that is used up.
func (g *Gateway) lead(ctx context.Context, o store.Order, t store.Ticket) (string, error) {
	defer g.locks.lock("order\x00" + o.Request)()
	var p purchase
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) {
		if p, err = purchaseOf(tx, o.Entity, o.Request); err != nil {
			return err
		}
		if p.order != nil && p.order.State == wire.OrderCompleted {
			return fault.New(fault.TicketSpent, "the order is completed: there is nothing to pay")
		}
		if err := g.mayHandOff(p); err != nil {
			return err
		}
		return mayPay(tx, p, t.PayAgain)
	})
	if err != nil {
		return "", err
	}
	row, asked, err := g.price(ctx, p)
	if err != nil {
		return "", err
	}
	h := quote.HandOff{
		Order: o.ID, Provider: o.Provider, Input: asked, Crypto: row.CryptoAmount, Chain: o.Chain,
		QuoteRef: row.ProviderRef, Language: t.Language, Theme: t.Theme, Return: g.OrderPage(o.ID),
	}
	url, err := g.cfg.Desk.Redirect(ctx, h)
	if err != nil {
		return "", err
	}
	if row.Expired(g.now()) {
		return "", fault.New(fault.Provider, o.ProviderName+" took longer to lead on than its price holds: continue from the order").With("reason", quote.AlreadyExpired)
	}
	err = g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		fresh, err := purchaseOf(tx, o.Entity, o.Request)
		if err != nil {
			return err
		}
		if err := g.mayHandOff(fresh); err != nil {
			return err
		}
		if err := mayPay(tx, fresh, t.PayAgain); err != nil {
			return err
		}
		o, err := g.keepOrder(tx, fresh, "", row, asked)
		if err != nil {
			return err
		}
		if err := tx.AskOrderAt(o.ID, o.Updated); err != nil {
			return err
		}
		first := o.State == wire.OrderCreated
		if report.Ended(o.Said.State) {
			first, o.Said.State = true, "" // it begins again: what was said before is over
		}
		text := "Handed over to " + name.Within(o.ProviderName)
		o.Handed = o.Updated
		switch {
		case t.PayAgain:
			text += " to pay again, knowing that it may have been paid"
		case !first:
			return tx.PutOrder(o)
		default:
			o.State = wire.OrderRedirected
		}
		o.History = append(o.History, store.Event{At: o.Updated, Type: handedOff, Text: text})
		return tx.PutOrder(o)
	})
	if err != nil {
		return "", err
	}
	return url, nil
}

func (g *Gateway) order(ctx context.Context, c Caller, id string) (store.Order, error) {
	var o store.Order
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) {
		if o, err = tx.Order(c.Entity, id); err == nil && !c.Sees(o.Account) {
			return unseen("the order")
		}
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
		all, err = tx.Orders(c.Entity, c.among(), cursor, limit+1)
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
