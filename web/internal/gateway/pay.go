package gateway

import (
	"context"
	"errors"
	"math/big"

	"github.com/ethereum/go-ethereum/common"

	"countersign/shared/amount"
	"countersign/shared/asset"
	"countersign/shared/effects"
	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/chain"
)

// maySend refuses a transfer, or what replaces one, that could not be sent: INVALID_REQUEST for what its
// account cannot send, NOT_SUPPORTED on a chain on which nothing is sent, NOT_ELIGIBLE (details reason) while the
// chain is not read (CHAIN_NOT_WATCHED), when the account has less than it needs without what
// other requests may still take (INSUFFICIENT_FUNDS), and when its maximum fee is below what
// the chain takes (FEE_TOO_LOW).
func (g *Gateway) maySend(ctx context.Context, c Caller, i intent.Sender) error {
	if err := g.timely(); err != nil {
		return err
	}
	m := i.Sends()
	_, account, err := g.account(ctx, c, m.Account)
	if err != nil {
		return err
	}
	w, err := g.sendable(account.Chain)
	if err != nil {
		return err
	}
	if draft, ok := i.(intent.Replace); ok {
		return g.mayReplace(ctx, w, c, account, draft)
	}
	if filled, ok := i.(intent.Transfer); ok { // what the signer will say is said before anything is asked of a node
		filled.AccountName, filled.Chain = account.Name, account.Chain
		if filled.To.Address == account.Address {
			return fault.New(fault.Invalid, "to.address is the account's own").With("field", "to.address")
		}
		if err := intent.Refused(filled.CheckNow()); err != nil {
			return err
		}
		i, m = filled, filled.Sends()
	}
	does, err := effects.Of(i)
	if err != nil {
		return err
	}
	has, err := g.purse(ctx, w, c.Entity, account, m.What.Asset)
	if err != nil {
		return err
	}
	if err := has.covers(m); err != nil {
		return err
	}
	call, err := callOf(common.HexToAddress(account.Address), *does)
	if err != nil {
		return err
	}
	limit, err := w.Sender.Estimate(ctx, call)
	if err != nil {
		return refusedBy(account.Chain, err)
	}
	fees, err := w.Sender.Fees(ctx)
	if err != nil {
		return nodeDown(account.Chain)
	}
	least := cost(limit, new(big.Int).Add(fees.Base, big.NewInt(1)))
	if most, ok := new(big.Int).SetString(does.MaxFee, 10); !ok || most.Cmp(least) < 0 {
		return fault.New(fault.NotEligible, "the maximum fee is below what the chain takes now, at least "+coins(account.Chain, least)).
			With("field", "max_fee.amount").With("reason", "FEE_TOO_LOW")
	}
	return nil
}

// refusedBy is what a node says against a transfer, about a field; or that it does not answer.
func refusedBy(id string, err error) *fault.Error {
	var reverts *chain.RevertError
	switch {
	case errors.As(err, &reverts):
		return fault.New(fault.NotEligible, "the transfer would fail: "+reverts.Error()).With("field", "to.address").With("reason", "WOULD_FAIL")
	case errors.Is(err, chain.ErrFunds):
		return fault.New(fault.NotEligible, lessThanNeeded).With("field", "crypto.amount").With("reason", "INSUFFICIENT_FUNDS")
	}
	return nodeDown(id)
}

const lessThanNeeded = "the account has less than the amount and the fee"

func nodeDown(id string) *fault.Error {
	return fault.New(fault.NotEligible, "nothing can be sent on "+asset.ChainName(id)+" at present: its node does not answer").With("reason", "CHAIN_NOT_WATCHED")
}

// sendable is the watch over a chain on which transactions can be sent now.
func (g *Gateway) sendable(id string) (*watch, error) {
	if _, err := effects.Number(id); err != nil {
		return nil, err
	}
	w := g.watches[id]
	if w == nil || w.Sender == nil {
		return nil, fault.New(fault.NotSupported, "this gateway has no node to send with on "+asset.ChainName(id)).With("chain", id)
	}
	if why := g.unwatched(id); why != "" {
		return nil, fault.New(fault.NotEligible, "nothing can be sent now: "+why).With("chain", id).With("reason", "CHAIN_NOT_WATCHED")
	}
	return w, nil
}

// coins is an amount of the smallest unit of a chain's coin, for people.
func coins(id string, units *big.Int) string {
	n, _ := asset.Chain(id)
	coin, _ := asset.On(id, n.Coin)
	a, err := amount.FromUnits(units.String(), coin.Places)
	if err != nil {
		return units.String()
	}
	return figure(a.Trim().String(), coin.ID)
}

// TransferCost says what a transfer from an account would cost now, at three speeds. to and
// value may be empty while they are not known yet.
func (g *Gateway) TransferCost(ctx context.Context, c Caller, id, of, to, value string) (wire.TransferCost, error) {
	out := wire.TransferCost{Speeds: []wire.Speed{}, ServerTime: g.now()}
	_, account, err := g.account(ctx, c, id)
	if err != nil {
		return out, err
	}
	w, err := g.sendable(account.Chain)
	if err != nil {
		return out, err
	}
	p, err := g.purse(ctx, w, c.Entity, account, of)
	if err != nil {
		return out, err
	}
	available, spare := p.available()
	out.Asset, out.Coin, out.Available, out.Spare = p.asset.ID, p.coin.ID, noLess(available), noLess(spare)
	limit, err := g.limitOf(ctx, w, account, p, to, value, &out)
	if err != nil {
		return out, err
	}
	fees, err := w.Sender.Fees(ctx)
	if err != nil {
		return out, nodeDown(account.Chain)
	}
	out.Speeds, err = speeds(fees, func(price *big.Int) (string, error) {
		fee, err := amount.FromUnits(cost(limit, price).String(), p.coin.Places)
		return short(fee), err
	})
	return out, err
}

// speeds are the maximum fees at the three prices of gas.
func speeds(now chain.Fees, fee func(price *big.Int) (string, error)) (all []wire.Speed, err error) {
	for _, s := range []struct {
		name string
		at   chain.Fee
	}{{"slow", now.Slow}, {"normal", now.Normal}, {"fast", now.Fast}} {
		most, err := fee(s.at.Cap)
		if err != nil {
			return nil, err
		}
		all = append(all, wire.Speed{Name: s.name, MaxFee: most})
	}
	return all, nil
}

// limitOf is the gas of a transfer: what the node estimates once recipient and amount are known and it would not
// fail, and before that what such transfers use.
func (g *Gateway) limitOf(ctx context.Context, w *watch, account statement.GenesisAccount, p purse, to, value string, out *wire.TransferCost) (uint64, error) {
	usual := uint64(21_000)
	if p.asset.Contract() != "" {
		usual = 100_000
	}
	if to == "" {
		return usual, nil
	}
	if value == "" {
		value = "0"
	}
	t := intent.Transfer{
		Kind: intent.KindTransfer, V: 1, Account: account.Account, AccountName: account.Name, Chain: account.Chain,
		Crypto: intent.Crypto{Amount: value, Asset: p.asset.ID}, To: intent.Recipient{Address: to}, MaxFee: intent.Crypto{Amount: "1", Asset: p.coin.ID},
	}
	if a, err := amount.Parse(value); err != nil || a.IsZero() { // only the recipient is known
		t.Crypto.Amount = "1"
	}
	if err := intent.Refused(t.CheckNow()); err != nil {
		return 0, err
	}
	var err error
	if out.Contract, err = w.Sender.Contract(ctx, common.HexToAddress(to)); err != nil {
		return 0, nodeDown(account.Chain)
	}
	does, err := effects.Of(t)
	if err != nil {
		return 0, err
	}
	call, err := callOf(common.HexToAddress(account.Address), *does)
	if err != nil {
		return 0, err
	}
	if value == "0" {
		return usual, nil
	}
	limit, err := w.Sender.Estimate(ctx, call)
	if err != nil {
		refused := refusedBy(account.Chain, err)
		if refused.Details["field"] == "" { // the node did not answer
			return 0, refused
		}
		out.Refused = refused.Message
		return usual, nil
	}
	return limit, nil
}

// noLess is an amount as a decimal, and nothing where it is less than that.
func noLess(a amount.Amount) string {
	if a.Sign() < 0 {
		return "0"
	}
	return a.Trim().String()
}

// short is an amount with at most four digits that say something, rounded up: people read
// maximum fees.
func short(a amount.Amount) string {
	for places := range a.Places() {
		if r := a.Rescale(places, amount.Ceil); r.Cmp(a.MulRatio(1001, 1000, a.Places()+4, amount.Floor)) <= 0 {
			return r.Trim().String()
		}
	}
	return a.Trim().String()
}
