package chain

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common/hexutil"
)

// Balances are how much of the chain's own coin the addresses have after a
// block, in the smallest unit.
func (w *Watcher) Balances(ctx context.Context, at Block, addresses []string) ([]string, error) {
	answers, calls := make([]*hexutil.Big, len(addresses)), make([]question, len(addresses))
	for i, a := range addresses {
		calls[i] = question{"eth_getBalance", []any{a, map[string]any{"blockHash": at.Hash}}, &answers[i]}
	}
	what := fmt.Sprintf("read balances at block %d", at.Number)
	if err := w.many(ctx, what, calls); err != nil {
		return nil, err
	}
	all := make([]string, 0, len(addresses))
	for i, n := range answers {
		if n == nil {
			return nil, fmt.Errorf("%s: the node has none for %s", what, addresses[i])
		}
		all = append(all, n.ToInt().String())
	}
	return all, nil
}

// many asks questions, many at once (JSON-RPC 2.0, 6), or one by one where the node
// does not take that.
func (w *Watcher) many(ctx context.Context, what string, all []question) error {
	for len(all) > 0 {
		n := batchCalls
		if w.single.Load() {
			n = 1
		}
		part := all[:min(len(all), n)]
		all = all[len(part):]
		err := w.ask(ctx, what, part...)
		if err != nil && len(part) > 1 && ctx.Err() == nil {
			if err = w.oneByOne(ctx, what, part); err == nil {
				w.single.Store(true)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *Watcher) oneByOne(ctx context.Context, what string, part []question) error {
	for _, q := range part {
		if err := w.ask(ctx, what, q); err != nil {
			return err
		}
	}
	return nil
}

// Holding is how much of a token an address has.
type Holding struct {
	Asset   string // LedgerId
	Address string
	Units   string // in the smallest unit
}

// balanceOf is the start of a call of balanceOf(address) (EIP-20).
const balanceOf = "0x70a08231"

// Holdings are the tokens of the asset table that the addresses have after a block,
// without what is none.
func (w *Watcher) Holdings(ctx context.Context, at Block, addresses []string) ([]Holding, error) {
	var all []Holding
	for _, a := range addresses {
		for _, contract := range slices.Sorted(maps.Keys(w.tokens)) {
			all = append(all, Holding{Asset: w.tokens[contract], Address: a})
		}
	}
	answers, calls := make([]hexutil.Bytes, len(all)), make([]question, len(all))
	contracts := slices.Sorted(maps.Keys(w.tokens))
	for i, h := range all {
		call := map[string]any{"to": contracts[i%len(contracts)], "data": balanceOf + strings.TrimPrefix(topicOf(h.Address), "0x")}
		calls[i] = question{"eth_call", []any{call, map[string]any{"blockHash": at.Hash}}, &answers[i]}
	}
	what := fmt.Sprintf("read balances of tokens at block %d", at.Number)
	if err := w.many(ctx, what, calls); err != nil {
		return nil, err
	}
	var some []Holding
	for i, h := range all {
		switch n := new(big.Int).SetBytes(answers[i]); {
		case len(answers[i]) != 32 && len(answers[i]) != 0: // no answer: there was no contract yet
			return nil, fmt.Errorf("%s: the node's answer is not a balance", what)
		case n.Sign() > 0:
			h.Units = n.String()
			some = append(some, h)
		}
	}
	return some, nil
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

// Sent is how many transactions an address has sent, up to a block. The balance of
// one that sent none since a look cannot have fallen.
func (w *Watcher) Sent(ctx context.Context, at Block, address string) (int64, error) {
	var nonce *hexutil.Uint64
	what := fmt.Sprintf("read how often %s sent something at block %d", address, at.Number)
	if err := w.call(ctx, &nonce, what, "eth_getTransactionCount", address, map[string]any{"blockHash": at.Hash}); err != nil {
		return 0, err
	}
	if nonce == nil || *nonce > math.MaxInt64 {
		return 0, fmt.Errorf("%s: the node has no answer", what)
	}
	return int64(*nonce), nil
}

// Gap is what is known of an address between two blocks.
type Gap struct {
	Address   string
	From      int64  // block of the older balance; -1: before the first block
	FromUnits string // the balance then
	To        Block
	ToUnits   string
	Known     []Arrival // of the chain's coin, in the blocks after From up to To; what was sent has negative Units
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
		tx, ok := transaction(data)
		if !ok {
			continue
		}
		a, ok := w.direct(raw, tx, Watched{g.Address: true})
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
