package chain

import (
	"context"
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/rpc"
)

// Balances are how much of the chain's own coin the addresses have after a
// block, in the smallest unit. They are asked for many at once, or one by one
// where the node does not take that.
func (w *Watcher) Balances(ctx context.Context, at Block, addresses []string) ([]string, error) {
	if err := w.ready(ctx); err != nil {
		return nil, err
	}
	all := make([]string, 0, len(addresses))
	for len(addresses) > 0 {
		n := batchCalls
		if w.single.Load() {
			n = 1
		}
		part := addresses[:min(len(addresses), n)]
		addresses = addresses[len(part):]
		some, err := w.batch(ctx, at, part)
		if err != nil && len(part) > 1 && ctx.Err() == nil {
			if some, err = w.oneByOne(ctx, at, part); err == nil {
				w.single.Store(true)
			}
		}
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// batch asks for balances in one request (JSON-RPC 2.0, 6).
func (w *Watcher) batch(ctx context.Context, at Block, part []string) ([]string, error) {
	answers, calls := make([]*hexutil.Big, len(part)), make([]rpc.BatchElem, len(part))
	for i, a := range part {
		calls[i] = rpc.BatchElem{Method: "eth_getBalance", Args: []any{a, map[string]any{"blockHash": at.Hash}}, Result: &answers[i]}
	}
	what := fmt.Sprintf("read balances at block %d", at.Number)
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	if err := w.client.BatchCallContext(ctx, calls); err != nil {
		return nil, w.fault(what, err)
	}
	all := make([]string, 0, len(part))
	for i, c := range calls {
		if c.Error != nil {
			return nil, w.fault(what, c.Error)
		}
		if answers[i] == nil {
			return nil, fmt.Errorf("%s: the node has none for %s", what, part[i])
		}
		all = append(all, answers[i].ToInt().String())
	}
	return all, nil
}

func (w *Watcher) oneByOne(ctx context.Context, at Block, part []string) ([]string, error) {
	all := make([]string, 0, len(part))
	for _, a := range part {
		var balance *hexutil.Big
		what := fmt.Sprintf("read balances at block %d", at.Number)
		if err := w.call(ctx, &balance, what, "eth_getBalance", a, map[string]any{"blockHash": at.Hash}); err != nil {
			return nil, err
		}
		if balance == nil {
			return nil, fmt.Errorf("%s: the node has none for %s", what, a)
		}
		all = append(all, balance.ToInt().String())
	}
	return all, nil
}

// Gap is what is known of an address between two blocks.
type Gap struct {
	Address   string
	From      int64  // block of the older balance; -1: before the first block
	FromUnits string // the balance then
	To        Block
	ToUnits   string
	Known     []Arrival // of the chain's coin, in the blocks after From up to To
}

// Locate finds what arrived and is in no Known arrival: the block by halving,
// then the transaction where one explains it. Where the node has forgotten how
// balances stood, the newest block that is known to have it stands for it. A
// balance that fell, or grew by no more than what is known, is not an arrival.
func (w *Watcher) Locate(ctx context.Context, g Gap) ([]Arrival, error) {
	return w.halve(ctx, g, g.From, units(g.FromUnits), g.To, units(g.ToUnits))
}

func (w *Watcher) halve(ctx context.Context, g Gap, lo int64, before *big.Int, hi Block, after *big.Int) ([]Arrival, error) {
	missing := new(big.Int).Sub(after, before)
	for _, k := range g.Known {
		if k.Block.Number > lo && k.Block.Number <= hi.Number {
			missing.Sub(missing, units(k.Units))
		}
	}
	if missing.Sign() <= 0 {
		return nil, nil
	}
	if hi.Number-lo <= 1 {
		return w.explain(ctx, g, hi, missing)
	}
	mid, err := w.At(ctx, lo+(hi.Number-lo)/2)
	if err != nil {
		return nil, err
	}
	balance, err := w.Balances(ctx, mid, []string{g.Address})
	if errors.Is(err, context.Canceled) {
		return nil, err
	}
	if err != nil { // most nodes keep the states of the last 128 blocks only
		return w.explain(ctx, g, hi, missing)
	}
	first, err := w.halve(ctx, g, lo, before, mid, units(balance[0]))
	if err != nil {
		return nil, err
	}
	second, err := w.halve(ctx, g, mid.Number, units(balance[0]), hi, after)
	return append(first, second...), err
}

// explain looks for transactions in the block that paid the address and were not
// known, and reports the rest as seen by the balance.
func (w *Watcher) explain(ctx context.Context, g Gap, b Block, missing *big.Int) ([]Arrival, error) {
	raw, err := w.block(ctx, number(b.Number), true)
	if err != nil {
		return nil, err
	}
	if raw.Hash != b.Hash {
		return nil, fmt.Errorf("block %d changed while it was read: %w", b.Number, ErrReorganised)
	}
	known := map[string]bool{}
	for _, k := range g.Known {
		known[k.Tx] = true
	}
	var found []Arrival
	for _, data := range raw.Transactions {
		a, ok := w.direct(raw, data, Watched{g.Address: true})
		if !ok || known[a.Tx] || units(a.Units).Cmp(missing) > 0 {
			continue
		}
		done, err := w.succeeded(ctx, a)
		if err != nil {
			return nil, err
		}
		if done {
			found = append(found, a)
			missing = new(big.Int).Sub(missing, units(a.Units))
		}
	}
	if missing.Sign() > 0 {
		found = append(found, Arrival{Asset: w.coin, Address: g.Address, Units: missing.String(), Index: -1, Block: raw.id()})
	}
	return found, nil
}
