package gateway

import (
	"context"
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"

	"countersign/shared/amount"
	"countersign/shared/asset"
	"countersign/shared/gas"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/projection"
	"countersign/web/internal/store"
)

const (
	// worth is how many times what a sweep may cost there must be at an address: else it stays.
	worth = 20
	// collectAtOnce is how many deposit addresses one scan begins to sweep.
	collectAtOnce = 20
)

// collect has the signer sweep deposit addresses of accounts with a standing rule for it,
// once all that is there is final. How a sweep goes on is as of any [sending].
func (g *Gateway) collect(ctx context.Context, w *watch) error {
	if w.Sender == nil {
		return nil
	}
	var due []store.Address
	rules := map[string]statement.GenesisAccount{}
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		all, err := tx.Funded(w.id)
		for _, a := range all {
			if len(due) == collectAtOnce || err != nil {
				break
			}
			account, known := rules[a.Entity+a.Account]
			if !known {
				if account, err = accountOf(tx, a.Entity, a.Account); err != nil {
					return err
				}
				rules[a.Entity+a.Account] = account
			}
			var ready bool
			if account.Sweep != nil {
				if ready, err = settled(tx, a); ready {
					due = append(due, a)
				}
			}
		}
		return err
	})
	if err != nil || len(due) == 0 {
		return err
	}
	fees, err := w.Sender.Fees(ctx)
	if err != nil {
		return err
	}
	f := gas.Fees{Gas: gas.Min, FeeCap: fees.Fast.Cap.String(), Tip: fees.Fast.Tip.String()}
	cost := new(big.Int).Mul(fees.Fast.Cap, big.NewInt(gas.Min))
	var failed error
	for _, a := range due {
		has, ok := new(big.Int).SetString(a.Balance, 10)
		if !ok || has.Cmp(new(big.Int).Mul(cost, big.NewInt(worth))) < 0 || !allowed(rules[a.Entity+a.Account], cost) {
			continue
		}
		if err := g.sweepAddress(ctx, a, new(big.Int).Sub(has, cost), f); err != nil {
			failed = errors.Join(failed, fmt.Errorf("sweep %s: %w", a.Address, err))
		}
	}
	return failed
}

// accountOf is an account of an entity as it is now; one that is not there has no rules.
func accountOf(tx store.Tx, entity, account string) (statement.GenesisAccount, error) {
	gen, err := projection.Genesis(tx, entity)
	if errors.Is(err, store.ErrNotFound) {
		return statement.GenesisAccount{}, nil
	}
	for _, a := range gen.Accounts {
		if a.Account == account {
			return a, err
		}
	}
	return statement.GenesisAccount{}, err
}

// settled reports whether all that came to an address, or was sent from it, is final, and no
// sweep of it is on its way.
func settled(tx store.Tx, a store.Address) (bool, error) {
	all, err := tx.DepositsAt(a.Chain, a.Address)
	if err != nil {
		return false, err
	}
	for _, d := range all {
		if d.State == store.DepositPending {
			return false, nil
		}
	}
	busy, err := tx.Sweeping(a.Chain, a.Address)
	return !busy, err
}

// allowed reports whether a sweep may cost so much by the standing rule of an account. What
// a day may cost, the signer counts.
func allowed(a statement.GenesisAccount, cost *big.Int) bool {
	n, _ := asset.Chain(a.Chain)
	coin, _ := asset.On(a.Chain, n.Coin)
	units, err := amount.Must(a.Sweep.MaxFee).Units(coin.Places)
	if err != nil {
		return false
	}
	most, ok := new(big.Int).SetString(units, 10)
	return ok && cost.Cmp(most) <= 0
}

// sweepAddress has the signer sign a sweep, and reads it from its log; without a value, the
// one that it was about to sign.
func (g *Gateway) sweepAddress(ctx context.Context, a store.Address, value *big.Int, f gas.Fees) error {
	if err := g.timely(); err != nil {
		return err
	}
	v, err := g.vault(a.Entity)
	if err != nil {
		return err
	}
	if err := v.doubted(); err != nil {
		return err
	}
	in := wire.SignerSweepInput{Account: a.Account, Address: common.HexToAddress(a.Address).Hex(), Fees: f}
	if value != nil {
		in.Amount = value.String()
	}
	if _, err := v.Signer.Sweep(ctx, in); err != nil {
		return err
	}
	return g.Sync(ctx, a.Entity)
}
