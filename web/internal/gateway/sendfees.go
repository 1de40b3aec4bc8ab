package gateway

import (
	"context"
	"errors"
	"fmt"
	"math/big"

	"countersign/shared/gas"
	"countersign/web/internal/chain"
	"countersign/web/internal/store"
)

// raise is how many thousandths of both prices the next attempt has at least: nodes want 1,100.
const raise = 1125

// fees are those of the next attempt. why says, for people, why there are none that the
// chain takes and that were approved.
func (s *sending) fees(ctx context.Context, last *store.Attempt) (f gas.Fees, why string, err error) {
	limit, err := s.limit(ctx, last)
	var reverts *chain.RevertError
	if errors.As(err, &reverts) || errors.Is(err, chain.ErrFunds) {
		return f, reasonOf(err), nil
	}
	if err != nil {
		return f, "", err
	}
	if s.short && last != nil && limit == uint64(last.Gas) {
		return f, s.refused, nil // it is refused for something else
	}
	if s.short && last != nil && limit > uint64(last.Gas) { // no node took it: whatever its price was
		for _, a := range s.Attempts {
			limit = max(limit, 2*uint64(a.Gas))
		}
		last = nil
	}
	now, err := s.w.fees(ctx)
	if err != nil {
		return f, "", err
	}
	approved, ok := new(big.Int).SetString(s.does.MaxFee, 10)
	if !ok {
		return f, "", fmt.Errorf("read the maximum fee %q", s.does.MaxFee)
	}
	most := new(big.Int).Div(approved, new(big.Int).SetUint64(limit)) // for each gas
	leastTip, leastCap := leasts(now, last)
	if most.Cmp(leastCap) < 0 || most.Cmp(leastTip) < 0 {
		return f, "the chain takes more now than the " + coins(s.Chain, approved) + " that were approved: it goes on when the chain takes less, or with a request for more", nil
	}
	feeCap := smaller(larger(now.Normal.Cap, leastCap), most)
	if last == nil {
		feeCap = roomy(feeCap, most, now)
	}
	tip := smaller(larger(now.Normal.Tip, leastTip), feeCap)
	return gas.Fees{Gas: int64(limit), FeeCap: feeCap.String(), Tip: tip.String()}, "", nil
}

// roomy is a first price that leaves room below most for a second one, where that gets into a
// block soon all the same: what was approved as a usual fee could otherwise never be raised.
func roomy(feeCap, most *big.Int, now chain.Fees) *big.Int {
	room := new(big.Int).Mul(most, big.NewInt(1000))
	room.Div(room, big.NewInt(raise))
	room.Sub(room, big.NewInt(2))                                                      // of rounding
	soon := new(big.Int).Div(new(big.Int).Mul(now.Base, big.NewInt(5)), big.NewInt(4)) // two full blocks more
	soon.Add(soon, now.Normal.Tip)
	if feeCap.Cmp(room) > 0 && room.Cmp(soon) >= 0 {
		return room
	}
	return feeCap
}

// limit is the gas of the next attempt: that of the last, or what a node estimates.
func (s *sending) limit(ctx context.Context, last *store.Attempt) (uint64, error) {
	if last != nil && !s.short && (!s.Cancels || len(s.Attempts) > 0) { // a cancellation needs less than the transfer
		return uint64(last.Gas), nil
	}
	call, err := callOf(s.from, s.does)
	if err != nil {
		return 0, err
	}
	return s.w.Sender.Estimate(ctx, call)
}

// instead is the gas of an attempt that takes the place of the last, what the chain takes now, and
// the least price at which nodes take it. A client asks for it, beside the scan, whose fees are
// its own.
func (s *sending) instead(ctx context.Context, last store.Attempt) (limit uint64, now chain.Fees, price *big.Int, err error) {
	if limit, err = s.limit(ctx, &last); err != nil {
		return 0, now, nil, err
	}
	if now, err = s.w.Sender.Fees(ctx); err != nil {
		return 0, now, nil, err
	}
	_, price = leasts(now, &last)
	return limit, now, price, nil
}

// cost is what so much gas costs.
func cost(limit uint64, price *big.Int) *big.Int {
	return new(big.Int).Mul(price, new(big.Int).SetUint64(limit))
}

// leasts are the least prices that get into a block, and after an attempt those that nodes take
// in its place.
func leasts(now chain.Fees, last *store.Attempt) (tip, feeCap *big.Int) {
	tip, feeCap = new(big.Int), new(big.Int).Add(now.Base, big.NewInt(1))
	if last == nil {
		return tip, feeCap
	}
	return raised(tip, last.Tip), raised(feeCap, last.FeeCap)
}

// raised is a price that is enough above that of an attempt before it.
func raised(now *big.Int, before string) *big.Int {
	was, ok := new(big.Int).SetString(before, 10)
	if !ok {
		return now
	}
	was.Mul(was, big.NewInt(raise))
	was.Add(was, big.NewInt(999))
	was.Div(was, big.NewInt(1000))
	was.Add(was, big.NewInt(1)) // also of nothing
	if was.Cmp(now) > 0 {
		return was
	}
	return now
}

func larger(a, b *big.Int) *big.Int {
	if a.Cmp(b) < 0 {
		return b
	}
	return a
}

func smaller(a, b *big.Int) *big.Int {
	if a.Cmp(b) < 0 {
		return a
	}
	return b
}
