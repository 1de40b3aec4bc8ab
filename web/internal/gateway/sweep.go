package gateway

import (
	"context"
	"errors"
	"fmt"

	"countersign/shared/amount"
	"countersign/shared/asset"
	"countersign/web/internal/chain"
	"countersign/web/internal/store"
)

// look is what is known of an address when its balance is asked for, in the
// smallest unit.
type look struct {
	store.Address
	known     []chain.Arrival // all that is kept as arrived
	total     amount.Amount   // of these
	byBalance []store.Deposit // of these, what no transaction says; oldest first
	balance   amount.Amount   // now
}

// outcome is what a look found.
type outcome struct {
	look
	found []chain.Arrival
	back  []store.Deposit // are reversed
}

// sweep compares balances at the newest block, after all before it were read,
// with what is known to have arrived, and books what they show beyond it. Where
// more is kept than is there although the address spent nothing, what only
// balances said is reversed. What is wrong with one address keeps no other from
// being looked at.
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
	var failed error
	var seen []outcome
	for i, l := range due {
		o, err := g.compare(ctx, w, l, at, balances[i])
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		seen = append(seen, o)
	}
	err = g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		b := g.books(tx, w)
		for _, o := range seen {
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
	return errors.Join(err, failed)
}

// lookAt collects what is kept of an address in the blocks up to at.
func lookAt(tx store.Tx, a store.Address, coin asset.Asset, at chain.Block) (look, error) {
	l := look{Address: a}
	all, err := tx.DepositsAt(a.Chain, a.Address)
	if err != nil {
		return l, err
	}
	for _, d := range all {
		if d.Asset != coin.ID || d.State == store.DepositReversed || d.Block > at.Number {
			continue
		}
		units, v, err := unitsOf(d, coin)
		if err != nil {
			return l, fmt.Errorf("read deposit %s: %w", d.ID, err)
		}
		l.total = l.total.Add(v)
		if d.Tx == "" {
			l.byBalance = append(l.byBalance, d)
		}
		l.known = append(l.known, chain.Arrival{Tx: d.Tx, Units: units, Block: chain.Block{Number: d.Block}})
	}
	return l, nil
}

// unitsOf is the amount of a deposit in the smallest unit.
func unitsOf(d store.Deposit, coin asset.Asset) (string, amount.Amount, error) {
	v, err := amount.Parse(d.Amount)
	if err != nil {
		return "", v, err
	}
	units, err := v.Units(coin.Places)
	if err != nil {
		return "", v, err
	}
	v, err = amount.FromUnits(units, 0)
	return units, v, err
}

// compare finds what arrived at an address beside what is known, and what is
// kept and never arrived. An address that has less than that and has sent
// something is only logged: what it sends is not booked yet.
func (g *Gateway) compare(ctx context.Context, w *watch, l look, at chain.Block, balance string) (outcome, error) {
	o := outcome{look: l}
	var err error
	if o.balance, err = amount.FromUnits(balance, 0); err != nil {
		return o, fmt.Errorf("read the balance of %s: %w", l.Address.Address, err)
	}
	want, err := amount.FromUnits(l.Balance, 0)
	if err != nil {
		return o, fmt.Errorf("read the kept balance of %s: %w", l.Address.Address, err)
	}
	for _, k := range l.known {
		if k.Block.Number <= l.Swept {
			continue
		}
		v, err := amount.FromUnits(k.Units, 0)
		if err != nil {
			return o, err
		}
		want = want.Add(v)
	}
	gap := chain.Gap{Address: l.Address.Address, From: l.Swept, FromUnits: l.Balance, To: at, ToUnits: balance, Known: l.known}
	more, tooMuch := o.balance.Cmp(want), o.balance.Cmp(l.total) < 0 && len(l.byBalance) > 0
	doubtful := tooMuch || more > 0 && want.Cmp(l.total) < 0 // the balance was lower than what had arrived
	if more > 0 || tooMuch {
		if err := w.Node.Settled(ctx, at, gap.Address); err != nil {
			return o, err
		}
	}
	spent := true
	if doubtful {
		if spent, err = w.Node.Spent(ctx, at, gap.Address); err != nil {
			return o, err
		}
	}
	switch {
	case !spent && tooMuch:
		err = g.tooMuch(w, &o, at)
	case !spent: // the node told too low a balance before: all that is there must have arrived
		gap.From, gap.FromUnits = -1, "0"
		fallthrough
	case more > 0:
		o.found, err = w.Node.Locate(ctx, gap)
	case more < 0:
		g.cfg.Log.Warn("an address of the vault has less than was received: what it sends is not booked", "chain", w.id, "address", gap.Address, "block", at.Number)
	}
	o.Balance, o.Swept = balance, at.Number
	return o, err
}

// tooMuch takes back what only balances said, newest first, until no more is kept
// than is there. What is there beyond the rest is of the newest block.
func (g *Gateway) tooMuch(w *watch, o *outcome, at chain.Block) error {
	n, _ := asset.Chain(w.id)
	coin, _ := asset.On(w.id, n.Coin)
	left := o.total
	for i := len(o.byBalance) - 1; i >= 0 && o.balance.Cmp(left) < 0; i-- {
		_, v, err := unitsOf(o.byBalance[i], coin)
		if err != nil {
			return err
		}
		left, o.back = left.Sub(v), append(o.back, o.byBalance[i])
	}
	g.cfg.Log.Warn("more was booked than an address of the vault has, which sent nothing: the node told a balance that was not there; it is taken back",
		"chain", w.id, "address", o.Address.Address, "block", at.Number)
	if rest := o.balance.Sub(left); rest.Sign() > 0 {
		units, err := rest.Units(0)
		if err != nil {
			return err
		}
		o.found = append(o.found, chain.Arrival{Asset: coin.ID, Address: o.Address.Address, Units: units, Index: -1, Block: at})
	}
	return nil
}
