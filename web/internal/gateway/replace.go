package gateway

import (
	"context"
	"errors"
	"math/big"

	"github.com/ethereum/go-ethereum/common"

	"countersign/shared/amount"
	"countersign/shared/effects"
	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/store"
)

// mayReplace refuses what replaces no transfer that waits for a block: CONFLICT, field
// request; and as [Gateway.maySend] what the account has too little for, beside what the transfer may take
// already, and a maximum fee that nodes would not take in place of what was signed last.
func (g *Gateway) mayReplace(ctx context.Context, w *watch, c Caller, account statement.GenesisAccount, draft intent.Replace) error {
	var all []store.Sending
	filled := draft
	if err := g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) {
		filled, all, err = replaced(tx, c.Entity, account, draft)
		return err
	}); err != nil {
		return err
	}
	if err := intent.Refused(filled.CheckNow()); err != nil {
		return err
	}
	does, err := effects.Of(filled)
	if err != nil {
		return err
	}
	m := filled.Sends()
	has, err := g.fill(ctx, w, c.Entity, account, m.What.Asset, purse{without: draft.Request})
	if err != nil {
		return err
	}
	if err := has.covers(m); err != nil {
		return err
	}
	_, last := newest(all)
	limit, _, price, err := g.replacement(w, account, filled, *does).instead(ctx, *last)
	if err != nil {
		return nodeDown(account.Chain)
	}
	least := cost(limit, price)
	if most, ok := new(big.Int).SetString(does.MaxFee, 10); !ok || most.Cmp(least) < 0 {
		return fault.New(fault.NotEligible, "the maximum fee is below what a node takes in place of what was signed, at least "+coins(account.Chain, least)).
			With("field", "max_fee.amount").With("reason", "FEE_TOO_LOW")
	}
	return nil
}

// replacement is the transaction of a replace that is not approved yet.
func (g *Gateway) replacement(w *watch, account statement.GenesisAccount, r intent.Replace, does effects.Effects) *sending {
	return &sending{Sending: store.Sending{Chain: account.Chain, Cancels: r.Action == intent.Cancel}, g: g, w: w, does: does, from: common.HexToAddress(account.Address)}
}

// ReplaceCost says what it would cost now to speed a transfer up, or to cancel it, at three
// speeds. It fails as a request for it would: with CONFLICT, field request, for what cannot be replaced.
func (g *Gateway) ReplaceCost(ctx context.Context, c Caller, request, action string) (out wire.ReplaceCost, err error) {
	r := intent.Replace{Kind: intent.KindReplace, V: 1, Request: request, Action: action}
	var row store.Request
	err = g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) { row, err = tx.Request(c.Entity, request); return err })
	if errors.Is(err, store.ErrNotFound) || err == nil && row.Account == "" {
		return out, unseen("the transfer")
	}
	if err != nil {
		return out, err
	}
	_, account, err := g.account(ctx, c, row.Account)
	if err != nil {
		return out, err
	}
	w, err := g.sendable(account.Chain)
	if err != nil {
		return out, err
	}
	r.Account = account.Account
	var all []store.Sending
	if err := g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) { r, all, err = replaced(tx, c.Entity, account, r); return err }); err != nil {
		return out, err
	}
	before := amount.Must(r.FeeBefore.Amount)
	r.MaxFee = intent.Crypto{Amount: before.Add(before).String(), Asset: r.FeeBefore.Asset} // any that is above it
	does, err := effects.Of(r)
	if err != nil {
		return out, err
	}
	has, err := g.fill(ctx, w, c.Entity, account, r.MaxFee.Asset, purse{without: request})
	if err != nil {
		return out, err
	}
	_, last := newest(all)
	limit, now, price, err := g.replacement(w, account, r, *does).instead(ctx, *last)
	if err != nil {
		return out, nodeDown(account.Chain)
	}
	// above is a maximum fee as people read it, above what was approved before where it must be.
	above := func(price *big.Int) (string, error) {
		fee, err := amount.FromUnits(cost(limit, price).String(), has.coin.Places)
		if r.Action == intent.SpeedUp && fee.Cmp(before) <= 0 {
			fee = before.MulRatio(11, 10, has.coin.Places, amount.Ceil)
		}
		return short(fee), err
	}
	_, spare := has.available()
	out = wire.ReplaceCost{Action: action, Coin: has.coin.ID, Spare: noLess(spare), FeeBefore: r.FeeBefore.Amount, ServerTime: g.now()}
	if out.Least, err = above(price); err != nil {
		return out, err
	}
	out.Speeds, err = speeds(now, func(usual *big.Int) (string, error) { return above(larger(usual, price)) })
	return out, err
}

// replaced is a draft as the signer fills it, and what has the nonce of its transfer.
func replaced(tx store.Tx, entity string, account statement.GenesisAccount, draft intent.Replace) (intent.Replace, []store.Sending, error) {
	refuse := func(why string) (intent.Replace, []store.Sending, error) {
		return draft, nil, fault.New(fault.Conflict, why).With("field", "request")
	}
	s, err := tx.Sending(entity, draft.Request)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return refuse("there is no approved transfer of this request")
	case err != nil:
		return draft, nil, err
	case s.Account != draft.Account:
		return refuse("the transfer is of another account")
	case s.Replaces != "":
		return refuse("the request replaces another one: name the transfer, " + s.Replaces)
	case s.Sweep != "" || len(s.Attempts) == 0 || s.Attempts[0].Hash == "":
		return refuse("nothing was signed of this transfer: let its approval end")
	}
	all, err := rivals(tx, s)
	if err != nil {
		return draft, nil, err
	}
	for _, r := range all {
		if r.State == store.SendingIncluded || r.State == store.SendingConfirmed || r.State == store.SendingFailed {
			return refuse("the transaction of " + r.Request + " is in a block: nothing can replace it")
		}
	}
	was, err := sends(tx, entity, draft.Request)
	if err != nil {
		return draft, nil, err
	}
	of, last := newest(all)
	now, err := sends(tx, entity, of.Request)
	if err != nil {
		return draft, nil, err
	}
	draft.AccountName, draft.Chain, draft.From, draft.Nonce = account.Name, account.Chain, account.Address, last.Nonce
	draft.Crypto, draft.To, draft.FeeBefore = was.What, intent.Recipient{Address: was.To}, now.Fee
	return draft, all, nil
}

// sends is what a request moves.
func sends(tx store.Tx, entity, request string) (intent.Movement, error) {
	r, err := tx.Request(entity, request)
	if err != nil {
		return intent.Movement{}, err
	}
	wants, err := intent.Open(intent.Doc(r.Intent))
	if err != nil {
		return intent.Movement{}, err
	}
	sender, ok := wants.(intent.Sender)
	if !ok {
		return intent.Movement{}, errors.New(request + " sends nothing")
	}
	return sender.Sends(), nil
}
