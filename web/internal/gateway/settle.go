package gateway

import (
	"fmt"

	"countersign/shared/amount"
	"countersign/shared/name"
	"countersign/shared/wire"
	"countersign/web/internal/report"
	"countersign/web/internal/store"
)

// order brings an order up to date with the deposits at its address, and keeps
// it. It is completed when the final ones of its asset reach the approved
// minimum in sum, whenever they came; it is open again when a reorganisation
// takes them below it. What was paid is booked once, when the order is completed.
func (b *books) order(o *store.Order) error {
	all, err := b.tx.DepositsAt(o.Chain, o.Address)
	if err != nil {
		return err
	}
	sum, first := amount.Amount{}, ""
	for _, d := range all {
		if !counts(d, o) || d.State != store.DepositFinal {
			continue
		}
		if err := b.match(&d, o); err != nil {
			return err
		}
		v, err := amount.Parse(d.Amount)
		if err != nil {
			return fmt.Errorf("read deposit %s: %w", d.ID, err)
		}
		if sum = sum.Add(v); first == "" {
			first = d.Tx
		}
	}
	seen, err := seenFor(all, o)
	if err != nil {
		return err
	}
	minimum, err := amount.Parse(o.Minimum)
	if err != nil {
		return fmt.Errorf("read the minimum of order %s: %w", o.ID, err)
	}
	o.Delivered, o.TxHash, o.Updated = "", first, b.g.now()
	if sum.Sign() > 0 {
		o.Delivered = sum.Trim().String()
	}
	switch enough := sum.Sign() > 0 && sum.Cmp(minimum) >= 0; {
	case enough && o.State != wire.OrderCompleted:
		err = b.complete(o)
	case !enough && o.State == wire.OrderCompleted && o.Payment != "":
		err = b.reopen(o, seen)
	case o.State != wire.OrderCompleted:
		o.State = waiting(*o, seen)
	}
	if err != nil {
		return err
	}
	return b.tx.PutOrder(*o)
}

// counts reports whether a deposit is one of what an order waits for. One that was
// reversed is not; nor one of an earlier request that had the address.
func counts(d store.Deposit, o *store.Order) bool {
	return d.State != store.DepositReversed && d.Asset == o.Asset && d.Request == o.Request
}

// seen is how much of what an order waits for is on the chain, final or not.
type seen int

const (
	nothing seen = iota
	part
	enough
)

func seenFor(all []store.Deposit, o *store.Order) (seen, error) {
	sum, minimum := amount.Amount{}, amount.Amount{}
	for _, d := range all {
		if !counts(d, o) {
			continue
		}
		v, err := amount.Parse(d.Amount)
		if err != nil {
			return nothing, fmt.Errorf("read deposit %s: %w", d.ID, err)
		}
		sum = sum.Add(v)
	}
	minimum, err := amount.Parse(o.Minimum)
	switch {
	case err != nil:
		return nothing, fmt.Errorf("read the minimum of order %s: %w", o.ID, err)
	case sum.Sign() == 0:
		return nothing, nil
	case sum.Cmp(minimum) < 0:
		return part, nil
	}
	return enough, nil
}

// waiting is the state of an order that is not delivered. What the chain shows goes
// before what the provider says, but for the ends that a part of a delivery leaves open.
func waiting(o store.Order, on seen) string {
	said := map[string]string{
		report.Pending: wire.OrderPending, report.OnHold: wire.OrderOnHold, report.Processing: wire.OrderProcessing, report.Completed: wire.OrderProcessing,
		report.Failed: wire.OrderFailed, report.Expired: wire.OrderExpired, report.Refunded: wire.OrderRefunded,
	}[o.Said.State]
	switch {
	case on == enough || on == part && !report.Ended(o.Said.State) && o.Said.State != report.OnHold:
		return wire.OrderProcessing
	case said != "":
		return said
	}
	for _, e := range o.History {
		if e.Type == handedOff {
			return wire.OrderRedirected
		}
	}
	return wire.OrderCreated
}

// handedOff is the type of the events that say that a buyer was led to the provider.
const handedOff = "hand_off"

func (b *books) complete(o *store.Order) (err error) {
	o.Payment, err = b.book(o.Entity, o.Account, store.Entry{
		Kind: wire.EntryPayment, Order: o.ID, Text: fmt.Sprintf("Paid %s %s to %s", o.FiatAmount, o.Fiat, name.Within(o.ProviderName)),
		Postings: transfer("provider:"+o.Provider, "payments:"+o.Account, o.Fiat, o.FiatAmount),
	})
	if err != nil {
		return err
	}
	o.State, o.DeliveredAt = wire.OrderCompleted, o.Updated
	o.History = append(o.History, store.Event{At: o.Updated, Type: "delivered", Text: "Delivered " + figure(o.Delivered, o.Asset)})
	return b.request(o, wire.RequestCompleted)
}

func (b *books) reopen(o *store.Order, on seen) error {
	if err := b.reverse(o.Entity, o.Payment, "the chain took back what was delivered"); err != nil {
		return err
	}
	o.Payment, o.State = "", waiting(*o, on)
	o.History = append(o.History, store.Event{At: o.Updated, Type: "reopened",
		Text: "Open again: less than the approved minimum is on the chain. What comes back is booked again; do not pay twice"})
	return b.request(o, wire.RequestOrdered)
}

func (b *books) request(o *store.Order, state string) error {
	r, err := b.tx.Request(o.Entity, o.Request)
	if err != nil {
		return err
	}
	r.State = state
	return b.tx.PutRequest(r)
}

// match makes a deposit that came before its order the order's.
func (b *books) match(d *store.Deposit, o *store.Order) error {
	if d.Order == o.ID {
		return nil
	}
	d.Order = o.ID
	var err error
	d.Match, err = b.book(d.Entity, d.Account, store.Entry{
		Kind: wire.EntryMatch, Order: o.ID, Deposit: d.ID, Text: "Received before its order: " + figure(d.Amount, d.Asset) + " from " + name.Within(o.ProviderName),
		Postings: transfer("unasked:"+d.Account, "provider:"+o.Provider, d.Asset, d.Amount),
	})
	if err != nil {
		return err
	}
	return b.tx.PutDeposit(*d)
}

// ordered brings a new order up to date with what came before it.
func (g *Gateway) ordered(tx store.Tx, o *store.Order) error {
	w := g.watches[o.Chain]
	if w == nil {
		return nil
	}
	return g.books(tx, w).order(o)
}
