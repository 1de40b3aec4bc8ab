package gateway

import (
	"context"
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
	was       store.Address            // as it was kept before this look
	known     []chain.Arrival          // all of the chain's coin that is kept; what was sent is negative
	total     amount.Amount            // of these
	byBalance []store.Deposit          // of these, what arrived and no transaction says; oldest first
	tokens    map[string]amount.Amount // what is kept of each
	spent     bool                     // transactions of its own were read since it was looked at last
}

// outcome is what a look found.
type outcome struct {
	look
	found []chain.Arrival
	back  []store.Deposit // are reversed
}

// doubts are differences between balances and books that one look found, by address
// and asset. A node may tell a wrong balance at its newest block, and there is
// nothing else that shows it: a difference is booked as far as the next look, of a
// later scan, finds it too. What transactions and logs say needs no second look.
type doubts map[[2]string]amount.Amount

// agree is how much of a difference the look before found too; the rest is kept for
// the next, and open while there is some.
func (w *watch) agree(address, of string, diff amount.Amount) (agreed amount.Amount, open bool) {
	key := [2]string{address, of}
	if before, ok := w.doubts[key]; ok && before.Sign() == diff.Sign() {
		if agreed = diff; diff.Sub(before).Sign() == diff.Sign() { // the look before found less
			agreed = before
		}
	}
	rest := diff.Sub(agreed)
	delete(w.doubts, key)
	if rest.Sign() == 0 {
		return agreed, false
	}
	if w.doubts == nil {
		w.doubts = doubts{}
	}
	w.doubts[key] = rest
	return agreed, true
}

// lookAt collects what is kept of an address in the blocks up to at.
func lookAt(tx store.Tx, a store.Address, coin asset.Asset, at chain.Block) (look, error) {
	l := look{Address: a, was: a, tokens: map[string]amount.Amount{}}
	all, err := tx.DepositsAt(a.Chain, a.Address)
	if err != nil {
		return l, err
	}
	for _, d := range all {
		if d.State == store.DepositReversed || d.Block > at.Number {
			continue
		}
		v, err := unitsOf(d)
		if err != nil {
			return l, fmt.Errorf("read deposit %s: %w", d.ID, err)
		}
		if d.Asset != coin.ID {
			l.tokens[d.Asset] = l.tokens[d.Asset].Add(v)
			continue
		}
		l.total = l.total.Add(v)
		if d.Tx == "" && !d.Out {
			l.byBalance = append(l.byBalance, d)
		}
		l.spent = l.spent || d.Out && d.Tx != "" && d.Block > a.Swept
		l.known = append(l.known, chain.Arrival{Tx: d.Tx, Units: v.String(), Block: chain.Block{Number: d.Block}})
	}
	return l, nil
}

// unitsOf is the amount of a deposit in the smallest unit, negative of what was sent.
func unitsOf(d store.Deposit) (amount.Amount, error) {
	held, ok := asset.On(d.Chain, d.Asset)
	v, err := amount.Parse(d.Amount)
	if err != nil || !ok {
		return v, fmt.Errorf("%s %s on %s: %w", d.Amount, d.Asset, d.Chain, err)
	}
	units, err := v.Units(held.Places)
	if err != nil {
		return v, err
	}
	if v, err = amount.FromUnits(units, 0); d.Out {
		v = v.Neg()
	}
	return v, err
}

// compare finds what arrived at an address beside what is known, what it sent, and
// what is kept and never arrived. An address that is to be looked at again stays as
// it was.
func (g *Gateway) compare(ctx context.Context, w *watch, l look, at chain.Block, told string) (outcome, error) {
	o := outcome{look: l}
	balance, err := amount.FromUnits(told, 0)
	if err != nil {
		return o, fmt.Errorf("read the balance of %s: %w", l.Address.Address, err)
	}
	diff := balance.Sub(l.total)
	if diff.Sign() != 0 {
		if err := w.Node.Settled(ctx, at, l.Address.Address); err != nil {
			return o, err
		}
	}
	n, _ := asset.Chain(w.id)
	agreed, open := w.agree(l.Address.Address, n.Coin, diff)
	now := l.total.Add(agreed)
	switch agreed.Sign() {
	case 1:
		o.found, err = w.Node.Locate(ctx, chain.Gap{Address: l.Address.Address, From: l.Swept, FromUnits: l.Balance, To: at, ToUnits: now.String(), Known: l.known})
	case -1:
		now, err = g.less(ctx, w, &o, at, n.Coin, now, open)
	}
	if err != nil || open {
		return o, err
	}
	if l.Swept < 0 || l.spent || agreed.Sign() > 0 { // what arrived may hide what was sent
		if o.Sent, err = w.Node.Sent(ctx, at, o.Address.Address); err != nil {
			return o, err
		}
	}
	o.Balance, o.Swept = now.String(), at.Number
	return o, nil
}

// less books what an address sent, when it has less than the books say; has is what
// it has, and open says that more may be missing. Where it sent nothing since books and
// balance last agreed, nothing can have gone: what only balances said is taken back,
// newest first, until no more is kept than is there, and what is there beyond the rest
// is of the newest block. Less than what transactions say the address cannot have: then
// the node is wrong. It returns what is in the books then.
func (g *Gateway) less(ctx context.Context, w *watch, o *outcome, at chain.Block, coin string, has amount.Amount, open bool) (amount.Amount, error) {
	sent, err := w.Node.Sent(ctx, at, o.Address.Address)
	if err != nil {
		return has, err
	}
	row := chain.Arrival{Asset: coin, Address: o.Address.Address, Index: -1, Block: at}
	if sent > o.Sent {
		row.Units, row.Index, row.Out = o.total.Sub(has).String(), chain.IndexSent, true
		if o.found = append(o.found, row); !open {
			o.Sent = sent
		}
		return has, nil
	}
	left := o.total
	var back []store.Deposit
	for i := len(o.byBalance) - 1; i >= 0 && has.Cmp(left) < 0; i-- {
		v, err := unitsOf(o.byBalance[i])
		if err != nil {
			return has, err
		}
		left, back = left.Sub(v), append(back, o.byBalance[i])
	}
	log := g.cfg.Log.With("chain", w.id, "address", o.Address.Address, "block", at.Number)
	if has.Cmp(left) < 0 {
		log.Warn("the node tells less than an address of the vault received, which sent nothing: nothing is booked")
		return o.total, nil
	}
	log.Warn("more was booked than an address of the vault has, which sent nothing: the node told a balance that was not there; it is taken back")
	o.back = back
	if rest := has.Sub(left); rest.Sign() > 0 {
		row.Units = rest.String()
		o.found = append(o.found, row)
	}
	return has, nil
}

// opening is what addresses that are looked at for the first time hold of tokens
// beside what logs said: it came before the first block that was read, or before the
// address was known. again are those that are to be looked at for the first time once
// more.
func (g *Gateway) opening(ctx context.Context, w *watch, due []look, at chain.Block) (found map[string][]chain.Arrival, again map[string]bool, err error) {
	var fresh []string
	tokens := map[string]map[string]amount.Amount{}
	found, again = map[string][]chain.Arrival{}, map[string]bool{}
	for _, l := range due {
		if a := l.Address.Address; l.Swept < 0 {
			fresh, tokens[a], again[a] = append(fresh, a), l.tokens, true
		}
	}
	held, err := w.Node.Holdings(ctx, at, fresh)
	if err != nil {
		return nil, again, err
	}
	clear(again)
	for _, h := range held {
		has, err := amount.FromUnits(h.Units, 0)
		if err != nil {
			return nil, again, fmt.Errorf("read what %s has: %w", h.Address, err)
		}
		agreed, open := w.agree(h.Address, h.Asset, has.Sub(tokens[h.Address][h.Asset]))
		again[h.Address] = again[h.Address] || open
		if agreed.Sign() > 0 {
			found[h.Address] = append(found[h.Address], chain.Arrival{Asset: h.Asset, Address: h.Address, Units: agreed.String(), Index: -1, Opening: true, Block: at})
		}
	}
	return found, again, nil
}
