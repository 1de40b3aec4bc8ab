package gateway

import (
	"context"
	"errors"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"countersign/shared/effects"
	"countersign/shared/fault"
	"countersign/shared/gas"
	"countersign/shared/intent"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/chain"
	"countersign/web/internal/projection"
	"countersign/web/internal/store"
)

// finish has the signer sign what it was about to sign, and was killed before: until it has,
// no other attempt is signed, and whatever its account sends next waits for it.
func (s *sending) finish(ctx context.Context, last store.Attempt) error {
	if err := s.g.timely(); err != nil {
		return err
	}
	v, err := s.g.vault(s.Entity)
	if err != nil {
		return err
	}
	if err := v.doubted(); err != nil {
		return err
	}
	f := gas.Fees{Gas: last.Gas, FeeCap: last.FeeCap, Tip: last.Tip}
	if s.Sweep != "" {
		_, err = v.Signer.Sweep(ctx, wire.SignerSweepInput{Account: s.Account, Address: s.Sweep, Nonce: last.Nonce, Amount: last.Amount, Fees: f})
	} else {
		_, err = v.Signer.Transaction(ctx, s.Request, wire.SignerTransactionInput{Fees: f})
	}
	if err != nil {
		return errors.Join(err, s.because(ctx, reasonOf(err)))
	}
	return s.reload(ctx)
}

// reload reads what the signer signed: the bytes come with the log, which is verified.
func (s *sending) reload(ctx context.Context) error {
	if err := s.g.Sync(ctx, s.Entity); err != nil {
		return err
	}
	return s.g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) {
		s.Sending, err = tx.Sending(s.Entity, s.Request)
		return err
	})
}

// load reads what the request is about. It fails with what [effects.Of] fails with.
func (s *sending) load(ctx context.Context) (r store.Request, err error) {
	var address string
	err = s.g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		if r, err = tx.Request(s.Entity, s.Request); err != nil {
			return err
		}
		gen, err := projection.Genesis(tx, s.Entity)
		for _, a := range gen.Accounts {
			if a.Account == s.Account {
				address = a.Address
			}
		}
		return err
	})
	if err != nil {
		return r, err
	}
	wants, err := intent.Open(intent.Doc(r.Intent))
	if err != nil {
		return r, err
	}
	does, err := effects.Of(wants)
	if err != nil || does == nil {
		return r, errors.Join(err, errors.New("it ends in no transaction"))
	}
	s.does, s.from = *does, common.HexToAddress(address)
	return r, nil
}

// call is what its transaction does.
func callOf(from common.Address, does effects.Effects) (chain.Call, error) {
	tx, err := does.Tx(0, 0, new(big.Int), new(big.Int))
	return chain.Call{From: from, To: common.Address(tx.To), Value: tx.Value, Data: tx.Data}, err
}

// lapse ends a sending whose approval ended before anything was signed of it.
func (s *sending) lapse(ctx context.Context, r store.Request) error {
	if len(s.Attempts) > 0 || !lapsed(r, s.g.now()) {
		return nil
	}
	return s.keep(ctx, func(now *store.Sending) { now.State, now.Reason = store.SendingLapsed, "" })
}

// sign has the signer sign the next attempt, with fees that the chain takes now; after
// last, which is stuck or is replaced, higher ones. Where what was approved does not reach, nothing is signed and
// the reason is kept.
func (s *sending) sign(ctx context.Context, last *store.Attempt) error {
	r, err := s.load(ctx)
	if err != nil {
		return err
	}
	if err := s.lapse(ctx, r); err != nil || s.State == store.SendingLapsed {
		return err
	}
	if err := s.g.timely(); err != nil {
		return err
	}
	v, err := s.g.vault(s.Entity)
	if err != nil {
		return err
	}
	if err := v.doubted(); err != nil {
		return err
	}
	fees, why, err := s.price(ctx, r, last)
	if err != nil {
		return errors.Join(err, s.because(ctx, reasonOf(err)))
	}
	if why != "" {
		return s.because(ctx, why)
	}
	if _, err := v.Signer.Transaction(ctx, s.Request, wire.SignerTransactionInput{Fees: fees}); err != nil {
		return errors.Join(err, s.because(ctx, reasonOf(err)))
	}
	return s.reload(ctx)
}

// price are the fees to ask the signer for; why says, for people, why nothing is asked. An
// attempt that it was about to sign has its nonce, without which nothing after it is taken into
// a block: that one is signed as it is, whatever a node says of it now.
func (s *sending) price(ctx context.Context, r store.Request, last *store.Attempt) (f gas.Fees, why string, err error) {
	if s.begun() {
		a := s.Attempts[len(s.Attempts)-1]
		return gas.Fees{Gas: a.Gas, FeeCap: a.FeeCap, Tip: a.Tip}, "", nil
	}
	if len(s.Attempts) == 0 {
		if err := s.affords(ctx, r); fault.CodeOf(err) == fault.NotEligible {
			return f, reasonOf(err), nil
		} else if err != nil {
			return f, "", err
		}
	}
	return s.fees(ctx, last)
}

// begun reports whether the signer was about to sign the newest attempt, and did not.
func (s *sending) begun() bool {
	n := len(s.Attempts)
	return n > 0 && s.Attempts[n-1].Raw == ""
}

// affords refuses what the account has not enough for beside what was signed before and may
// not be in a block yet: once it has its nonce, nothing after it is taken into a block without it.
func (s *sending) affords(ctx context.Context, r store.Request) error {
	wants, err := intent.Open(intent.Doc(r.Intent))
	if err != nil {
		return err
	}
	m := wants.(intent.Sender).Sends() // as load has found
	var account statement.GenesisAccount
	err = s.g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) { account, err = accountOf(tx, s.Entity, s.Account); return err })
	if err != nil {
		return err
	}
	has, err := s.g.fill(ctx, s.w, s.Entity, account, m.What.Asset, purse{begun: true, without: s.Transfer()})
	if err != nil {
		return err
	}
	return has.covers(m)
}

// mends returns what has another attempt signed where no node takes the newest, whatever it
// waits for: of a sweep of more than there is, of what has less gas than its chain wants, and of
// what pays less. nil: nothing does, or not yet.
func (s *sending) mends(outcome chain.Outcome) func(context.Context) error {
	last := s.Attempts[len(s.Attempts)-1]
	s.short = outcome == chain.Malformed
	if s.g.now().Sub(time.Unix(last.At, 0)) < stuckAfter || s.waits() || s.Left {
		return nil
	}
	if s.short || outcome == chain.TooCheap || s.Sweep != "" && outcome == chain.NoFunds {
		return s.again
	}
	return nil
}
