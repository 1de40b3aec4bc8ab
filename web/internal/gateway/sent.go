package gateway

import (
	"context"
	"errors"
	"fmt"

	"countersign/shared/amount"
	"countersign/shared/asset"
	"countersign/shared/intent"
	"countersign/shared/wire"
	"countersign/web/internal/chain"
	"countersign/web/internal/store"
)

// include keeps that a transaction of the vault is in a block that was read, and with it what
// the transaction moved and cost.
func (s *sending) include(ctx context.Context, in inBlock) error {
	n, _ := asset.Chain(s.Chain)
	coin, ok := asset.On(s.Chain, n.Coin)
	if !ok {
		return fmt.Errorf("the coin of %s is not known", s.Chain)
	}
	fee, err := amount.FromUnits(in.seen.Fee.String(), coin.Places)
	if err != nil {
		return err
	}
	b := in.seen.Block
	return s.g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		if err := unmoved(tx, s.w.id, s.at); err != nil {
			return err
		}
		// A block whose hash is not kept is older than those that are, and the node has it.
		known, err := tx.BlockHash(s.w.id, b.Number)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err == nil && known != b.Hash {
			return errSettling // it is read with the next scan
		}
		return s.keepIn(tx, func(now *store.Sending) {
			now.State, now.Reason = store.SendingIncluded, ""
			now.Mined = &store.Mined{Hash: in.attempt.Hash, Block: b.Number, BlockHash: b.Hash, At: b.At, Failed: !in.seen.Did(), Fee: fee.Trim().String()}
		})
	})
}

// conclude makes a sending final when its block has the confirmations that its chain needs.
func (s *sending) conclude(ctx context.Context) error {
	if s.State != store.SendingIncluded || s.at.Number-s.Mined.Block+1 < s.w.Confirmations {
		return nil
	}
	return s.g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		if err := unmoved(tx, s.w.id, s.at); err != nil {
			return err
		}
		if err := s.keepIn(tx, func(now *store.Sending) {
			if now.State = store.SendingConfirmed; now.Mined.Failed {
				now.State, now.Reason = store.SendingFailed, "the chain took it into a block and did not carry it out: nothing was moved, and the fee was paid"
			}
		}); err != nil {
			return err
		}
		if err := became(tx, s.Sending, s.Ends(store.Sending{})); err != nil {
			return err
		}
		return s.won(tx, s.Sending)
	})
}

// became keeps what became of the request of a sending.
func became(tx store.Tx, s store.Sending, state string) error {
	if s.Sweep != "" {
		return nil
	}
	r, err := tx.Request(s.Entity, s.Request)
	if err != nil || r.State == state {
		return err
	}
	r.State = state
	return tx.PutRequest(r)
}

// ours says what a movement is that a transaction of the vault made: its text, the kind of
// its entry, and the account of the ledger on its other side. ok is false for one that the
// vault did not make.
func (b *books) ours(d store.Deposit) (kind, text, against string, ok bool, err error) {
	if d.Tx == "" {
		return "", "", "", false, nil
	}
	s, err := b.tx.SendingOf(d.Chain, d.Tx)
	if errors.Is(err, store.ErrNotFound) || err == nil && s.Entity != d.Entity {
		return "", "", "", false, nil
	}
	if err != nil {
		return "", "", "", false, err
	}
	if s.Sweep != "" {
		kind, text, against = swept(s, d)
		return kind, text, against, true, nil
	}
	r, err := b.tx.Request(s.Entity, s.Request)
	if err != nil {
		return "", "", "", false, err
	}
	wants, err := intent.Open(intent.Doc(r.Intent))
	if err != nil {
		return "", "", "", false, err
	}
	sender, ok := wants.(intent.Sender)
	if !ok {
		return "", "", "", false, nil
	}
	m := sender.Sends()
	other, err := b.tx.Address(d.Chain, m.To)
	inside := err == nil && other.Entity == s.Entity
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", "", "", false, err
	}
	against = "outside:" + s.Account
	if inside {
		against = "between:" + s.Request
	}
	switch {
	case !d.Out:
		// Who reads this account alone is not told of the other one: that says who reads the request.
		return wire.EntryDeposit, "Received " + figure(d.Amount, d.Asset) + " from another account of the vault", against, inside, nil
	case d.Index == chain.IndexFee && s.Cancels:
		return wire.EntryFee, "Network fee of " + figure(d.Amount, d.Asset) + ", for a cancellation", "fees:" + s.Account, true, nil
	case d.Index == chain.IndexFee:
		return wire.EntryFee, "Network fee of " + figure(d.Amount, d.Asset), "fees:" + s.Account, true, nil
	}
	return wire.EntrySent, "Sent " + figure(d.Amount, d.Asset) + " to " + m.To, against, true, nil
}

// swept says what a movement is that a sweep made.
func swept(s store.Sending, d store.Deposit) (kind, text, against string) {
	switch {
	case !d.Out:
		return wire.EntryDeposit, "Swept " + figure(d.Amount, d.Asset) + " from the deposit address " + s.Sweep, "between:" + s.Account
	case d.Index == chain.IndexFee:
		return wire.EntryFee, "Network fee of " + figure(d.Amount, d.Asset) + ", for a sweep", "fees:" + s.Account
	}
	return wire.EntrySent, "Swept " + figure(d.Amount, d.Asset) + " to the account's own address", "between:" + s.Account
}
