package gateway

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/shared/amount"
	"countersign/shared/intent"
	"countersign/shared/wire"
	"countersign/web/internal/chain"
	"countersign/web/internal/projection"
	"countersign/web/internal/store"
)

// shownDeposits is how many of an address or an account are listed.
const shownDeposits = 100

// orderView is an order as clients see it, with what came to its address.
func (g *Gateway) orderView(ctx context.Context, o store.Order) (wire.Order, error) {
	v := wire.Order{
		ID: o.ID, Entity: o.Entity, Request: o.Request, Account: o.Account, State: o.State,
		Provider: o.Provider, ProviderName: o.ProviderName, Fiat: intent.Fiat{Amount: o.FiatAmount, Currency: o.Fiat},
		Promised: intent.Crypto{Amount: o.Row.CryptoAmount, Asset: o.Asset}, Minimum: o.Minimum,
		Chain: o.Chain, Address: o.Address, TxHash: o.TxHash, History: eventViews(o.History), Deposits: []wire.Deposit{}, AtProvider: atProvider(o.Said),
		CreatedAt: o.Created, UpdatedAt: o.Updated, ServerTime: g.now(),
	}
	if again := o.Input; again.To != "" {
		again.Dest = "" // a new request has an address of its own
		v.Again = &again
	}
	if o.UseBy != 0 {
		by := time.Unix(o.UseBy, 0).UTC()
		v.UseBy = &by
	}
	pending := amount.Amount{}
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		all, err := tx.DepositsAt(o.Chain, o.Address)
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(d store.Deposit) bool { return d.Request != o.Request })
		for _, d := range all {
			a, err := amount.Parse(d.Amount)
			if err != nil {
				return fmt.Errorf("read deposit %s: %w", d.ID, err)
			}
			if d.State == store.DepositPending && d.Asset == o.Asset {
				pending = pending.Add(a)
			}
		}
		slices.Reverse(all)
		v.Deposits, err = g.depositViews(tx, all[:min(len(all), shownDeposits)])
		return err
	})
	if err != nil {
		return v, err
	}
	if pending.Sign() > 0 {
		v.Pending = pending.Trim().String()
	}
	if o.Delivered == "" {
		return v, nil
	}
	got, err := amount.Parse(o.Delivered)
	if err != nil {
		return v, fmt.Errorf("read what order %s delivered: %w", o.ID, err)
	}
	minimum, err := amount.Parse(o.Minimum)
	if err != nil {
		return v, fmt.Errorf("read the minimum of order %s: %w", o.ID, err)
	}
	diff, err := differenceOf(o)
	if err != nil {
		return v, err
	}
	v.Delivered = &intent.Crypto{Amount: o.Delivered, Asset: o.Asset}
	v.Difference, v.DifferencePct = diff.amount, diff.percent
	v.BelowMinimum = got.Cmp(minimum) < 0
	return v, nil
}

// difference is delivered less promised, and in percent with two places.
type difference struct{ amount, percent string }

func differenceOf(o store.Order) (difference, error) {
	got, err := amount.Parse(o.Delivered)
	if err != nil {
		return difference{}, fmt.Errorf("read what order %s delivered: %w", o.ID, err)
	}
	promised, err := amount.Parse(o.Row.CryptoAmount)
	if err != nil || promised.IsZero() {
		return difference{}, fmt.Errorf("read what order %s promised: %w", o.ID, err)
	}
	diff := got.Sub(promised)
	return difference{diff.Trim().String(), percentOf(diff, promised)}, nil
}

// percentOf is a part of a whole, in percent with two places.
func percentOf(part, whole amount.Amount) string {
	return part.Mul(amount.Must("100")).Div(whole, 2, amount.Floor).String()
}

// eventViews are what happened to an order, of which the signer's log says nothing.
func eventViews(all []store.Event) []wire.Event {
	v := []wire.Event{}
	for _, e := range all {
		v = append(v, wire.Event{At: e.At, Type: e.Type, Text: e.Text, Seq: -1})
	}
	return v
}

// written is the address of a deposit as the signer wrote it: the chain knows no
// upper case, and what people compare is the signer's.
func written(tx store.Tx, d store.Deposit) (string, error) {
	if d.Request != "" {
		r, err := tx.Request(d.Entity, d.Request)
		if err != nil {
			return "", err
		}
		if to, ok := receives(r); ok && strings.EqualFold(to.Address, d.Address) {
			return to.Address, nil
		}
		return d.Address, nil
	}
	gen, err := projection.Genesis(tx, d.Entity)
	if err != nil {
		return "", err
	}
	for _, a := range gen.Accounts {
		if strings.EqualFold(a.Address, d.Address) {
			return a.Address, nil
		}
	}
	return d.Address, nil
}

// depositViews are deposits as clients see them.
func (g *Gateway) depositViews(tx store.Tx, all []store.Deposit) ([]wire.Deposit, error) {
	views := []wire.Deposit{}
	newest := map[string]int64{}
	for _, d := range all {
		if _, ok := newest[d.Chain]; !ok {
			text, err := tx.Cursor(d.Chain)
			if err != nil {
				return nil, err
			}
			if at, err := chain.ParseCursor(text); err == nil {
				newest[d.Chain] = at.Number
			}
		}
		address, err := written(tx, d)
		if err != nil {
			return nil, fmt.Errorf("find the address of deposit %s: %w", d.ID, err)
		}
		v := wire.Deposit{
			ID: d.ID, State: d.State, Asset: d.Asset, Amount: d.Amount, Chain: d.Chain, Address: address, TxHash: d.Tx,
			Block: d.Block, BlockHash: d.BlockHash, At: d.At, Request: d.Request, Order: d.Order,
		}
		if w := g.watches[d.Chain]; w != nil {
			v.Needed = w.Confirmations
		}
		if d.State != store.DepositReversed {
			v.Confirmations = max(newest[d.Chain]-d.Block+1, 0)
		}
		views = append(views, v)
	}
	return views, nil
}
