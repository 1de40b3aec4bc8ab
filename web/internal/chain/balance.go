package chain

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/ethereum/go-ethereum/common/hexutil"
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
	answers, calls := make([]*hexutil.Big, len(part)), make([]question, len(part))
	for i, a := range part {
		calls[i] = question{"eth_getBalance", []any{a, map[string]any{"blockHash": at.Hash}}, &answers[i]}
	}
	what := fmt.Sprintf("read balances at block %d", at.Number)
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	if err := w.client.ask(ctx, calls...); err != nil {
		return nil, w.fault(what, err)
	}
	all := make([]string, 0, len(part))
	for i := range answers {
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

// Settled fails unless balances that were asked for at a block are of that block:
// the node refuses a block that was never made (EIP-1898), or the block is still
// its newest. Otherwise it may have answered for a later block, whose transactions
// were not read yet.
func (w *Watcher) Settled(ctx context.Context, at Block, address string) error {
	head, err := w.Head(ctx)
	if err != nil || head.Hash == at.Hash {
		return err
	}
	var balance *hexutil.Big
	what := fmt.Sprintf("read balances at block %d", at.Number)
	nowhere := map[string]any{"blockHash": "0x" + strings.Repeat("0", 63) + "1"}
	if w.call(ctx, &balance, what, "eth_getBalance", address, nowhere) == nil && balance != nil {
		return fmt.Errorf("%s: the node answers for another block than it is asked for, and block %d came meanwhile", what, head.Number)
	}
	return ctx.Err()
}

// Spent reports whether an address sent a transaction, up to a block. The balance
// of one that did not cannot fall.
func (w *Watcher) Spent(ctx context.Context, at Block, address string) (bool, error) {
	var nonce *hexutil.Uint64
	what := fmt.Sprintf("read how often %s sent something at block %d", address, at.Number)
	if err := w.call(ctx, &nonce, what, "eth_getTransactionCount", address, map[string]any{"blockHash": at.Hash}); err != nil {
		return false, err
	}
	if nonce == nil {
		return false, fmt.Errorf("%s: the node has no answer", what)
	}
	return *nonce > 0, nil
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
// balances stood, or tells what cannot have been, the newest block that is known
// to have it stands for it. What is found is never more than the two balances of
// the gap differ by. A balance that fell, or grew by no more than what is known,
// is not an arrival.
func (w *Watcher) Locate(ctx context.Context, g Gap) ([]Arrival, error) {
	return w.halve(ctx, g, g.From, units(g.FromUnits), g.To, units(g.ToUnits))
}

// missing is what is in no Known arrival of the blocks after lo up to hi.
func (g Gap) missing(lo int64, before *big.Int, hi int64, after *big.Int) *big.Int {
	m := new(big.Int).Sub(after, before)
	for _, k := range g.Known {
		if k.Block.Number > lo && k.Block.Number <= hi {
			m.Sub(m, units(k.Units))
		}
	}
	return m
}

func (w *Watcher) halve(ctx context.Context, g Gap, lo int64, before *big.Int, hi Block, after *big.Int) ([]Arrival, error) {
	missing := g.missing(lo, before, hi.Number, after)
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
	between := units(balance[0])
	if m := g.missing(lo, before, mid.Number, between); m.Sign() < 0 || m.Cmp(missing) > 0 {
		return w.explain(ctx, g, hi, missing) // a later balance (a pruned node), or something was spent
	}
	first, err := w.halve(ctx, g, lo, before, mid, between)
	if err != nil {
		return nil, err
	}
	second, err := w.halve(ctx, g, mid.Number, between, hi, after)
	return append(first, second...), err
}

// explain looks for transactions in the block that paid the address and were not
// known, and reports the rest as seen by the balance.
func (w *Watcher) explain(ctx context.Context, g Gap, b Block, missing *big.Int) ([]Arrival, error) {
	raw, err := w.block(ctx, number(b.Number), true)
	if err != nil {
		return nil, err
	}
	if raw.id().Hash != b.Hash {
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
