package gateway

import (
	"context"
	"fmt"
	"slices"
	"time"

	"countersign/shared/amount"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/name"
	"countersign/shared/quote"
	"countersign/shared/wire"
	"countersign/web/internal/report"
	"countersign/web/internal/store"
)

// purchase is what a buyer is about to be led to a provider for: an approved
// request, and its order once there is one.
type purchase struct {
	request store.Request
	buy     intent.Buy // what was approved
	order   *store.Order
}

func purchaseOf(tx store.Tx, entity, request string) (p purchase, err error) {
	if p.request, err = tx.Request(entity, request); err != nil {
		return p, found(err, "the request")
	}
	if p.buy, err = intent.As[intent.Buy](intent.Doc(p.request.Intent)); err != nil {
		return p, err
	}
	if p.order, err = orderOf(tx, p.request); err != nil {
		return p, fmt.Errorf("find the order of %s: %w", request, err)
	}
	return p, nil
}

// mayHandOff reports why a payer must not be led to the provider now, whatever it
// offers. Each way to the provider asks: an order, a ticket, and the use of one.
// It fails with CONFLICT (not approved yet, or completed),
// REQUEST_CLOSED, APPROVAL_LAPSED, INVALID_REQUEST for what cannot be bought on the
// account's chain, UNAVAILABLE while the clock is not believed, and LOG_CORRUPT while
// the signer's log is not the one that was read before: what was approved is in doubt.
func (g *Gateway) mayHandOff(p purchase) error {
	if err := g.timely(); err != nil {
		return err
	}
	if err := g.vaults[p.request.Entity].doubted(); err != nil {
		return err
	}
	r := p.request
	switch {
	case r.State == wire.RequestPending || r.State == wire.RequestUnsent:
		return fault.New(fault.Conflict, "the request is not approved yet").With("state", r.State)
	case p.order != nil && p.order.State == wire.OrderCompleted:
		return fault.New(fault.Conflict, "the order is completed: there is nothing to pay").With("state", p.order.State)
	case r.State != wire.RequestApproved && p.order == nil:
		return fault.New(fault.RequestClosed, "the request is "+r.State).With("state", r.State)
	case lapsed(r, g.now()):
		by := useBy(r).Format(time.RFC3339)
		return fault.New(fault.ApprovalLapsed, "the approval ended at "+by+" and was not used: nothing can be paid under it. Make a new request").
			With("state", wire.RequestLapsed).With("use_by", by)
	}
	return g.buyable(p.buy.Chain, p.buy.Crypto.Asset, "request_id")
}

// mayPay fails with DEPOSIT_SEEN once a deposit to an order was seen, or its provider
// says that it has the payment, unless the person knows and wants to pay again.
func mayPay(tx store.Tx, p purchase, again bool) error {
	seen, err := depositSeen(tx, p)
	taken := report.Taken(p.order.Said.State)
	if err != nil || !seen && !taken || again {
		return err
	}
	what := "a deposit to this address was seen already"
	if !seen {
		what = name.Within(p.order.ProviderName) + " says that it has the payment already"
	}
	return fault.New(fault.DepositSeen, what+": paying now would be paying again. Ask with pay_again if that is what you want").
		With("order", p.order.ID)
}

// depositSeen reports whether anything was ever seen at the address of an order
// since its request has it, final or not: also what the chain took back, which may
// come again.
func depositSeen(tx store.Tx, p purchase) (bool, error) {
	all, err := tx.DepositsAt(p.order.Chain, p.order.Address)
	return slices.ContainsFunc(all, func(d store.Deposit) bool { return d.Request == p.order.Request }), err
}

// useBy is when the approval of a request ends; zero while it has none.
func useBy(r store.Request) time.Time {
	switch {
	case r.Outcome != string(governance.Approved), r.Pin.RuleSet == governance.Admin: // what changes the vault did so at once
		return time.Time{}
	case r.UseBy != 0:
		return time.Unix(r.UseBy, 0).UTC()
	}
	return time.Unix(r.Closed, 0).UTC().Add(governance.Use(r.Pin.UseWithin)) // a log of an earlier version
}

// lapsed reports whether a request was approved and the approval has ended.
func lapsed(r store.Request, now time.Time) bool {
	by := useBy(r)
	return !by.IsZero() && !now.Before(by)
}

// price asks the provider of a purchase what it gives now for what was approved, and
// compares that with the approved minimum. A quote that is worse is kept, so that a new request can be
// made of it. It fails with PROVIDER_UNAVAILABLE, NOT_ELIGIBLE and QUOTE_CHANGED.
func (g *Gateway) price(ctx context.Context, p purchase) (quote.Row, quote.Input, error) {
	r := p.request
	in := quote.Input{
		From: p.buy.Fiat.Currency, To: p.buy.Crypto.Asset, Amount: p.buy.Fiat.Amount,
		PaymentMethod: p.buy.PaymentMethod, Country: p.buy.Country, Dest: p.buy.Address,
	}
	row, err := g.cfg.Desk.Requote(ctx, p.buy.Provider, in)
	if err != nil {
		return row, in, err
	}
	got, err := amount.Parse(row.CryptoAmount)
	if err != nil {
		return row, in, fmt.Errorf("read quote %s: %w", row.ID, err)
	}
	minimum, err := amount.Parse(p.buy.Minimum)
	if err != nil {
		return row, in, fmt.Errorf("read the minimum of %s: %w", r.ID, err)
	}
	if got.Cmp(minimum) >= 0 {
		return row, in, nil
	}
	again := in
	again.Dest = "" // a new request has an address of its own
	q := store.Quote{ID: row.ID, Entity: r.Entity, Account: r.Account, Input: again, Row: row}
	if err := g.cfg.Store.Write(ctx, func(tx store.Tx) error { return tx.PutQuote(q) }); err != nil {
		return row, in, err
	}
	return row, in, fault.New(fault.QuoteChanged, "the price changed: the provider now gives less than was approved. Ask for approval of the new price").
		With("old", p.buy.Crypto.Amount).With("new", row.CryptoAmount).With("minimum", p.buy.Minimum).
		With("asset", row.Asset).With("quote", row.ID).With("quote_expires_at", row.ExpiresAt.UTC().Format(time.RFC3339))
}
