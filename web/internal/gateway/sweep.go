package gateway

import (
	"context"
	"errors"
	"fmt"

	"countersign/shared/asset"
	"countersign/web/internal/chain"
	"countersign/web/internal/store"
)

// sweep compares balances at the newest block, after all before it were read,
// with what the books say, and books the difference once two looks agree on it.
// What is wrong with one address keeps no other from being looked at.
func (g *Gateway) sweep(ctx context.Context, w *watch, at chain.Block) error {
	n, _ := asset.Chain(w.id)
	coin, ok := asset.On(w.id, n.Coin)
	if !ok || at.Hash == "" {
		return nil
	}
	var due []look
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		all, err := tx.Unswept(w.id, at.Number, sweepAtOnce)
		for _, a := range all {
			l, err := lookAt(tx, a, coin, at)
			if err != nil {
				return err
			}
			due = append(due, l)
		}
		return err
	})
	if err != nil || len(due) == 0 {
		return err
	}
	addresses := make([]string, len(due))
	for i, a := range due {
		addresses[i] = a.Address.Address
	}
	balances, err := w.Node.Balances(ctx, at, addresses)
	if err != nil {
		return err
	}
	tokens, again, failed := g.opening(ctx, w, due, at)
	var seen []outcome
	for i, l := range due {
		o, err := g.compare(ctx, w, l, at, balances[i])
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		o.found = append(o.found, tokens[l.Address.Address]...)
		if again[l.Address.Address] {
			o.Swept, o.Balance = l.Swept, l.Balance
		}
		seen = append(seen, o)
	}
	return errors.Join(g.keepSeen(ctx, w, at, seen), failed)
}

// keepSeen brings what looks found into the books.
func (g *Gateway) keepSeen(ctx context.Context, w *watch, at chain.Block, seen []outcome) error {
	return g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		if err := unmoved(tx, w.id, at); err != nil {
			return err
		}
		b := g.books(tx, w)
		for _, o := range seen {
			switch now, err := tx.Address(w.id, o.Address.Address); {
			case err != nil:
				return err
			case now.Swept != o.was.Swept || now.Balance != o.was.Balance || now.Sent != o.was.Sent:
				continue // another process looked, and booked what it found
			}
			if err := tx.PutAddress(o.Address); err != nil {
				return err
			}
			for _, d := range o.back {
				if d, err := tx.DepositOf(d); err != nil || d.State == store.DepositReversed {
					return errors.Join(err, errAgain)
				} else if err := b.takeBack(d, fmt.Sprintf("the address has less in block %d, and sent nothing", at.Number)); err != nil {
					return err
				}
			}
			for _, a := range o.found {
				if err := b.record(a); err != nil {
					return err
				}
			}
		}
		if err := b.confirm(at.Number); err != nil {
			return err
		}
		return b.settle()
	})
}
