package gateway

import (
	"context"
	"time"

	"countersign/shared/intent"
	"countersign/shared/quote"
	"countersign/shared/wire"
	"countersign/web/internal/store"
)

// recordOf is how a provider has kept what it promised to an entity, over its newest orders that
// ended. Those that were not paid in time say nothing about the provider.
func recordOf(tx store.Tx, entity, provider string) (quote.Record, error) {
	all, err := tx.OrdersFrom(entity, provider, "", quote.RecordOrders)
	var ended []quote.Delivery
	for _, o := range all {
		switch o.State {
		case wire.OrderCompleted:
			ended = append(ended, quote.Delivery{Promised: o.Row.CryptoAmount, Delivered: o.Delivered})
		case wire.OrderFailed, wire.OrderRefunded:
			ended = append(ended, quote.Delivery{Promised: o.Row.CryptoAmount})
		}
	}
	return quote.Sum(ended), err
}

// records remembers them for one question.
type records struct {
	entity string
	of     map[string]quote.Record
}

func (r records) expect(tx store.Tx, row quote.Row) (quote.Row, error) {
	if _, known := r.of[row.Provider]; !known {
		one, err := recordOf(tx, r.entity, row.Provider)
		if err != nil {
			return row, err
		}
		r.of[row.Provider] = one
	}
	return quote.Expect(row, r.of[row.Provider]), nil
}

// History is what a provider promised and delivered to the caller's entity, newest first.
func (g *Gateway) History(ctx context.Context, c Caller, provider, cursor string, limit int) (wire.History, error) {
	h := wire.History{Provider: provider, Items: []wire.Delivery{}, Ranking: quote.TheRanking()}
	var all []store.Order
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) {
		if h.Record, err = recordOf(tx, c.Entity, provider); err != nil {
			return err
		}
		all, err = tx.OrdersFrom(c.Entity, provider, cursor, limit+1)
		return err
	})
	if err != nil {
		return h, err
	}
	if len(all) > limit {
		all = all[:limit]
		h.NextCursor = all[limit-1].ID
	}
	for _, o := range all {
		v, err := deliveryOf(o)
		if err != nil {
			return h, err
		}
		h.Items = append(h.Items, v)
	}
	return h, nil
}

func deliveryOf(o store.Order) (wire.Delivery, error) {
	d := wire.Delivery{
		Order: o.ID, State: o.State, Fiat: intent.Fiat{Amount: o.FiatAmount, Currency: o.Fiat}, Promised: intent.Crypto{Amount: o.Row.CryptoAmount, Asset: o.Asset}, CreatedAt: o.Created,
	}
	if !o.Handed.IsZero() && o.State == wire.OrderCompleted && o.DeliveredAt.After(o.Handed) {
		seconds := int64(o.DeliveredAt.Sub(o.Handed) / time.Second)
		d.Seconds = &seconds
	}
	if o.Delivered == "" {
		return d, nil
	}
	diff, err := differenceOf(o)
	d.Delivered, d.Difference, d.DifferencePct = &intent.Crypto{Amount: o.Delivered, Asset: o.Asset}, diff.amount, diff.percent
	return d, err
}
