package gateway

import (
	"context"
	"strings"
	"time"

	"countersign/shared/amount"
	"countersign/shared/asset"
	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/store"
)

// purse is what an account has of an asset and of its chain's coin, and what other requests
// that are open, or not in a block yet, may still take of both.
type purse struct {
	asset, coin       asset.Asset
	assets, coins     amount.Amount // that it has
	promised, forFees amount.Amount // of the asset; of the coin
	begun             bool          // of other requests only those count that were signed
	without           string        // the request of a transfer that does not count, nor what replaces it; empty: all do
	// claims are what each transfer may take with what replaces it, of which a chain carries out
	// one; by the request of the transfer.
	claims map[string]claim
}

// claim is what may be taken of the asset, and of the coin.
type claim struct{ asset, coin amount.Amount }

// or is what one of two may take.
func (c claim) or(o claim) claim {
	if c.asset.Cmp(o.asset) < 0 {
		c.asset = o.asset
	}
	if c.coin.Cmp(o.coin) < 0 {
		c.coin = o.coin
	}
	return c
}

// purse asks the node. The requests are those of the log as far as it was read.
func (g *Gateway) purse(ctx context.Context, w *watch, entity string, account statement.GenesisAccount, of string) (purse, error) {
	return g.fill(ctx, w, entity, account, of, purse{})
}

// fill is the rest of a purse.
func (g *Gateway) fill(ctx context.Context, w *watch, entity string, account statement.GenesisAccount, of string, p purse) (_ purse, err error) {
	n, _ := asset.Chain(account.Chain)
	p.coin, _ = asset.On(account.Chain, n.Coin)
	var why string
	if p.asset, why = asset.Held(account.Chain, of); why != "" {
		return p, fault.New(fault.Invalid, why).With("field", "crypto.asset")
	}
	head, err := w.Node.Head(ctx)
	if err != nil {
		return p, nodeDown(account.Chain)
	}
	address := strings.ToLower(account.Address)
	coins, err := w.Node.Balances(ctx, head, []string{address})
	if err != nil {
		return p, nodeDown(account.Chain)
	}
	if p.coins, err = amount.FromUnits(coins[0], p.coin.Places); err != nil {
		return p, err
	}
	p.assets = p.coins
	if p.asset.ID != p.coin.ID {
		held, err := w.Node.Holdings(ctx, head, []string{address})
		if err != nil {
			return p, nodeDown(account.Chain)
		}
		p.assets = amount.Amount{}
		for _, h := range held {
			if h.Asset == p.asset.ID {
				if p.assets, err = amount.FromUnits(h.Units, p.asset.Places); err != nil {
					return p, err
				}
			}
		}
	}
	if err := g.cfg.Store.Read(ctx, func(tx store.Tx) error { return p.count(tx, entity, account, g.now()) }); err != nil {
		return p, err
	}
	delete(p.claims, p.without)
	for _, c := range p.claims {
		p.promised, p.forFees = p.promised.Add(c.asset), p.forFees.Add(c.coin)
	}
	return p, nil
}

// undecided are the states of requests that may still be approved.
var undecided = []string{wire.RequestUnsent, wire.RequestPending}

// count adds up what other requests may still take.
func (p *purse) count(tx store.Tx, entity string, account statement.GenesisAccount, now time.Time) error {
	p.claims = map[string]claim{}
	for _, state := range undecided {
		if p.begun {
			break
		}
		for after, more := "", true; more; {
			all, err := tx.Requests(entity, store.RequestFilter{State: state, Among: []string{account.Account}}, after, 100)
			if err != nil {
				return err
			}
			for _, r := range all {
				after = r.ID
				p.add(r)
			}
			more = len(all) == 100
		}
	}
	sendings, err := tx.OpenOf(entity, account.Chain)
	if err != nil {
		return err
	}
	for _, s := range sendings {
		if s.Account != account.Account || s.Sweep != "" || s.Left || s.State == store.SendingIncluded {
			continue
		}
		r, err := tx.Request(entity, s.Request)
		if err != nil {
			return err
		}
		if len(s.Attempts) > 0 || !p.begun && !lapsed(r, now) {
			p.add(r)
		}
	}
	return nil
}

func (p *purse) add(r store.Request) {
	wants, err := intent.Open(intent.Doc(r.Intent))
	if err != nil {
		return // a kind of a later version, which this one does not send
	}
	sender, ok := wants.(intent.Sender)
	if !ok {
		return
	}
	of := r.ID
	if again, ok := wants.(intent.Replace); ok {
		of = again.Request
	}
	p.claims[of] = p.claims[of].or(p.claim(sender.Sends()))
}

// claim is what a movement may take.
func (p *purse) claim(m intent.Movement) (c claim) {
	c.coin = amount.Must(m.Fee.Amount)
	switch m.What.Asset {
	case p.asset.ID:
		c.asset = amount.Must(m.What.Amount)
	case p.coin.ID:
		c.coin = c.coin.Add(amount.Must(m.What.Amount))
	}
	return c
}

// available is what may be sent of the asset, and spare what fees may take of the coin.
func (p purse) available() (available, spare amount.Amount) {
	available, spare = p.assets.Sub(p.promised), p.coins.Sub(p.forFees)
	if p.asset.ID == p.coin.ID {
		available = available.Sub(p.forFees)
		spare = available
	}
	return available, spare
}

// covers refuses what the account has not enough for.
func (p purse) covers(m intent.Movement) error {
	available, spare := p.available()
	what, fee := amount.Must(m.What.Amount), amount.Must(m.Fee.Amount)
	lacks := func(has, promised, needs amount.Amount, of asset.Asset, field string) error {
		text := "the account has " + figure(has.Trim().String(), of.ID)
		if !promised.IsZero() {
			text += ", of which other requests may take " + figure(promised.Trim().String(), of.ID)
		}
		return fault.New(fault.NotEligible, text+"; this needs "+figure(needs.Trim().String(), of.ID)+" with its fee").
			With("field", field).With("reason", "INSUFFICIENT_FUNDS")
	}
	if p.asset.ID == p.coin.ID {
		if needs := what.Add(fee); available.Cmp(needs) < 0 {
			return lacks(p.coins, p.promised.Add(p.forFees), needs, p.coin, "crypto.amount")
		}
		return nil
	}
	if available.Cmp(what) < 0 {
		return lacks(p.assets, p.promised, what, p.asset, "crypto.amount")
	}
	if spare.Cmp(fee) < 0 {
		return lacks(p.coins, p.forFees, fee, p.coin, "max_fee.amount")
	}
	return nil
}
