package gateway

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"countersign/shared/amount"
	"countersign/shared/asset"
	"countersign/shared/effects"
	"countersign/shared/gas"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/chain"
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
// once all that is there is final. How a sweep goes on is as of any [sending]. What is wrong
// with one account, and what is worth no fee, keeps no other from being swept.
func (g *Gateway) collect(ctx context.Context, w *watch) error {
	if _, refused := effects.Number(w.id); refused != nil || w.Sender == nil {
		return nil // nothing can be sent there
	}
	var some []deposited
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) { some, err = sweepable(tx, w.id); return err })
	if err != nil || len(some) == 0 {
		return err
	}
	fees, err := w.fees(ctx)
	if err != nil {
		return err
	}
	begun := 0
	var failed error
	wrong := map[string]bool{} // accounts
	for _, d := range some {
		if begun == collectAtOnce {
			break
		}
		if wrong[d.Entity+d.Account.Account] || !d.worth(new(big.Int).Mul(fees.Fast.Cap, big.NewInt(gas.Min))) {
			continue
		}
		began, err := g.sweepDue(ctx, w, d, fees.Fast)
		if err != nil {
			wrong[d.Entity+d.Account.Account] = true
			failed = errors.Join(failed, fmt.Errorf("sweep %s: %w", d.Address.Address, err))
		}
		if began {
			begun++
		}
	}
	return failed
}

// deposited is a deposit address that has something, and its account with a standing rule.
type deposited struct {
	store.Address
	Account statement.GenesisAccount
}

// sweepable are the deposit addresses of accounts with a standing rule that have something, and
// whose keys the vault has: those that it gave before its keys were rotated it cannot sweep.
func sweepable(tx store.Tx, chain string) (some []deposited, err error) {
	all, err := tx.Funded(chain)
	if err != nil {
		return nil, err
	}
	rules := map[string]statement.GenesisAccount{}
	since := map[string]int64{} // the entry from which on an entity's vault has the keys that it has now
	for _, a := range all {
		account, known := rules[a.Entity+a.Account]
		if !known {
			if account, err = accountOf(tx, a.Entity, a.Account); err != nil {
				return nil, err
			}
			rules[a.Entity+a.Account] = account
		}
		if account.Sweep == nil {
			continue
		}
		if _, known := since[a.Entity]; !known {
			g, err := projection.Governs(tx, a.Entity)
			if err != nil {
				return nil, err
			}
			since[a.Entity] = g.Rotated()
		}
		if since[a.Entity] > 0 {
			r, err := tx.Request(a.Entity, a.Request)
			if err != nil {
				return nil, err
			}
			if r.Seq <= since[a.Entity] {
				continue
			}
		}
		some = append(some, deposited{a, account})
	}
	return some, nil
}

// worth reports whether there is enough at an address for a sweep that may cost so much, which
// the standing rule allows. What a day may cost, the signer counts.
func (d deposited) worth(cost *big.Int) bool {
	has, ok := new(big.Int).SetString(d.Balance, 10)
	return ok && has.Cmp(new(big.Int).Mul(cost, big.NewInt(worth))) >= 0 && allowed(d.Account, cost)
}

// sweepDue has the next sweep of an address signed, if it is time for it.
func (g *Gateway) sweepDue(ctx context.Context, w *watch, d deposited, fee chain.Fee) (began bool, err error) {
	var ready bool
	var nonce int64
	if err := g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) { nonce, ready, err = settled(tx, d.Address); return err }); err != nil || !ready {
		return false, err
	}
	f, cost, err := sweepFees(ctx, w, d, fee)
	if err != nil || !d.worth(cost) {
		return false, err
	}
	has, _ := new(big.Int).SetString(d.Balance, 10)
	return true, g.sweepAddress(ctx, d.Address, nonce, has.Sub(has, cost), f)
}

// sweepFees are those of a sweep of an address, and the most that it may cost: some chains
// want more gas for it than others.
func sweepFees(ctx context.Context, w *watch, d deposited, fee chain.Fee) (f gas.Fees, cost *big.Int, err error) {
	limit, err := w.Sender.Estimate(ctx, chain.Call{From: common.HexToAddress(d.Address.Address), To: common.HexToAddress(d.Account.Address), Value: big.NewInt(1)})
	if err != nil {
		return f, nil, err
	}
	return gas.Fees{Gas: int64(limit), FeeCap: fee.Cap.String(), Tip: fee.Tip.String()}, fee.Most(limit), nil
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
// sweep of it is on its way; nonce is that of its next sweep.
func settled(tx store.Tx, a store.Address) (nonce int64, ready bool, err error) {
	all, err := tx.DepositsAt(a.Chain, a.Address)
	if err != nil {
		return 0, false, err
	}
	for _, d := range all {
		if d.State == store.DepositPending {
			return 0, false, nil
		}
	}
	nonce, open, err := tx.Sweeps(a.Entity, a.Chain, a.Address)
	return nonce, open == 0, err
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

// sweepAddress has the signer sign a sweep, or the one that it was about to sign before, and
// reads it from its log.
func (g *Gateway) sweepAddress(ctx context.Context, a store.Address, nonce int64, value *big.Int, f gas.Fees) error {
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
	in := wire.SignerSweepInput{Account: a.Account, Address: common.HexToAddress(a.Address).Hex(), Nonce: nonce, Amount: value.String(), Fees: f}
	if _, err := v.Signer.Sweep(ctx, in); err != nil {
		return err
	}
	return g.Sync(ctx, a.Entity)
}

// resweep has another attempt of a sweep signed, which no block takes as it is: of what is
// there, at the price that the chain takes now. What a node keeps has to be outbid.
func (s *sending) resweep(ctx context.Context) error {
	last := s.Attempts[len(s.Attempts)-1]
	if s.g.now().Sub(time.Unix(last.At, 0)) < stuckAfter {
		return nil
	}
	var d deposited
	err := s.g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) {
		if d.Address, err = tx.Address(s.Chain, s.Sweep); err == nil {
			d.Account, err = accountOf(tx, s.Entity, s.Account)
		}
		return err
	})
	if err != nil {
		return err
	}
	if d.Account.Sweep == nil {
		return s.because(ctx, "the account has no standing rule any more")
	}
	now, err := s.w.fees(ctx)
	if err != nil {
		return err
	}
	fee := now.Fast
	if s.State == store.SendingSubmitted {
		fee = chain.Fee{Tip: raised(fee.Tip, last.Tip), Cap: raised(fee.Cap, last.FeeCap)}
	}
	f, cost, err := sweepFees(ctx, s.w, d, fee)
	if err != nil {
		return err
	}
	has, ok := new(big.Int).SetString(d.Balance, 10)
	if !ok || has.Cmp(cost) <= 0 || !allowed(d.Account, cost) {
		return s.because(ctx, "the chain takes more for it now than there is, or than the standing rule allows")
	}
	if err := s.g.sweepAddress(ctx, d.Address, last.Nonce, has.Sub(has, cost), f); err != nil {
		return errors.Join(err, s.because(ctx, reasonOf(err)))
	}
	return s.g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) { s.Sending, err = tx.Sending(s.Entity, s.Request); return err })
}
