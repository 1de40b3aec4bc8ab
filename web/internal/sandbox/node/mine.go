package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/consensus/misc/eip1559"
	"github.com/ethereum/go-ethereum/consensus/misc/eip4844"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/state"
	"github.com/ethereum/go-ethereum/core/txpool"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/ethereum/go-ethereum/params"
	"github.com/holiman/uint256"
)

// Send takes a signed transaction into the pool, and makes a block if it, or another one
// that waits, can be in it now. One that pays less than the base fee waits until that
// falls, and one with a later nonce until the nonces before it are used.
func (n *Node) Send(tx *types.Transaction) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.send(tx)
}

func (n *Node) send(tx *types.Transaction) error {
	if err := n.pool.Add([]*types.Transaction{tx}, true)[0]; err != nil {
		return err
	}
	if len(n.ready()) == 0 {
		return nil
	}
	n.owed = confirmations
	return n.mine()
}

// Tick makes a block if transactions are ready, or one still waits for confirmations.
func (n *Node) Tick() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case len(n.ready()) > 0:
		n.owed = confirmations
	case n.owed > 0:
		n.owed--
	default:
		return nil
	}
	return n.mine()
}

// Mine makes a block, with or without transactions.
func (n *Node) Mine() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.mine()
}

// SetHead drops the blocks after a number, as debug_setHead of geth does. The next
// blocks are others, and what was in the dropped ones waits to be in them.
func (n *Node) SetHead(number uint64) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	head := n.chain.CurrentBlock().Number.Uint64()
	if number >= head {
		return errors.New("the chain has no block after it")
	}
	var dropped types.Transactions
	for i := number + 1; i <= head; i++ {
		dropped = append(dropped, n.chain.GetBlockByNumber(i).Transactions()...)
	}
	n.ends = n.ends[:number]
	if err := n.cut(n.end()); err != nil {
		return err
	}
	if err := n.chain.SetHead(number); err != nil {
		return err
	}
	if err := n.pool.Sync(); err != nil {
		return err
	}
	n.pool.Add(dropped, true) // what cannot be done any more is forgotten
	return nil
}

// baseFee is that of the next block.
func (n *Node) baseFee() *big.Int {
	return eip1559.CalcBaseFee(n.chain.Config(), n.chain.CurrentBlock())
}

// ready are the transactions that may be in the next block, those of an account in the
// order of their nonces, and otherwise in the order they came.
func (n *Node) ready() []*types.Transaction {
	pending, _ := n.pool.Pending(txpool.PendingFilter{BaseFee: uint256.MustFromBig(n.baseFee())})
	var all []*txpool.LazyTransaction
	for _, of := range pending {
		last := of[0].Time
		for _, tx := range of { // a replacement is younger than what follows it
			if tx.Time.Before(last) {
				tx.Time = last
			}
			last = tx.Time
		}
		all = append(all, of...)
	}
	slices.SortStableFunc(all, func(a, b *txpool.LazyTransaction) int { return a.Time.Compare(b.Time) })
	var txs []*types.Transaction
	for _, lazy := range all {
		if tx := lazy.Resolve(); tx != nil {
			txs = append(txs, tx)
		}
	}
	return txs
}

// mine makes a block of what is ready and keeps it in the file before it tells anybody.
func (n *Node) mine() error {
	b, err := n.build(n.ready())
	if err != nil {
		return fmt.Errorf("make a block: %w", err)
	}
	if err := n.keep(b); err != nil {
		return err
	}
	if _, err := n.chain.InsertChain(types.Blocks{b}); err != nil {
		n.ends = n.ends[:len(n.ends)-1]
		return errors.Join(fmt.Errorf("add the block: %w", err), n.cut(n.end()))
	}
	return n.pool.Sync()
}

// work is a block that is being made.
type work struct {
	header   *types.Header
	state    *state.StateDB
	evm      *vm.EVM
	gas      *core.GasPool
	body     types.Body
	receipts types.Receipts
}

// build carries transactions out on the newest state. One that cannot be done now, or for
// which the block has no room, is left out.
func (n *Node) build(txs []*types.Transaction) (*types.Block, error) {
	ctx, parent, config := context.Background(), n.chain.CurrentBlock(), n.chain.Config()
	w, err := n.begin(parent)
	if err != nil {
		return nil, err
	}
	defer w.evm.Release()
	core.PreExecution(ctx, w.header.ParentBeaconRoot, parent, config, w.evm, w.header.Number, w.header.Time)
	var logs []*types.Log
	for _, tx := range txs {
		if r := w.add(ctx, tx); r != nil {
			logs = append(logs, r.Logs...)
		}
	}
	requests, _, err := core.PostExecution(ctx, config, w.header.Number, w.header.Time, logs, w.body.Withdrawals, w.evm, uint32(len(w.receipts)+1))
	if err != nil {
		return nil, err
	}
	hash := types.CalcRequestsHash(requests)
	w.header.RequestsHash = &hash
	n.chain.Engine().Finalize(n.chain, w.header, w.state, &w.body)
	return core.AssembleBlock(n.chain, w.header, w.state, &w.body, w.receipts, nil), w.state.Error()
}

func (n *Node) begin(parent *types.Header) (*work, error) {
	config, at := n.chain.Config(), max(uint64(n.now().Unix()), parent.Time+1)
	blobs := eip4844.CalcExcessBlobGas(config, parent, at)
	w := &work{header: &types.Header{
		ParentHash: parent.Hash(), Number: new(big.Int).Add(parent.Number, common.Big1), GasLimit: gasLimit, Time: at, Difficulty: new(big.Int),
		BaseFee: eip1559.CalcBaseFee(config, parent), BlobGasUsed: new(uint64), ExcessBlobGas: &blobs, ParentBeaconRoot: &common.Hash{},
	}, gas: core.NewGasPool(gasLimit), body: types.Body{Withdrawals: types.Withdrawals{}}}
	var err error
	if w.state, err = n.chain.StateAt(parent.Root, parent.Number, parent.Time); err != nil {
		return nil, err
	}
	w.evm = vm.NewEVM(core.NewEVMBlockContext(w.header, n.chain, &w.header.Coinbase), w.state, config, vm.Config{})
	return w, nil
}

// add carries out one transaction; nil when it cannot be done.
func (w *work) add(ctx context.Context, tx *types.Transaction) *types.Receipt {
	before, gas := w.state.Snapshot(), w.gas.Snapshot()
	w.state.SetTxContext(tx.Hash(), len(w.receipts), uint32(len(w.receipts)+1))
	r, _, err := core.ApplyTransaction(ctx, w.evm, w.gas, w.state, w.header, tx)
	if err != nil {
		w.state.RevertToSnapshot(before)
		w.gas.Set(gas)
		return nil
	}
	w.header.GasUsed = w.gas.Used()
	w.body.Transactions, w.receipts = append(w.body.Transactions, tx), append(w.receipts, r)
	return r
}

// price is what a transaction pays for one gas in a block.
func price(tx *types.Transaction, base *big.Int) *big.Int {
	tip, err := tx.EffectiveGasTip(base)
	if err != nil {
		return tx.GasFeeCap()
	}
	return tip.Add(tip, cmp.Or(base, common.Big0))
}

// checkFee refuses what geth refuses over RPC (its --rpc.txfeecap).
func checkFee(tx *types.Transaction) error {
	fee := new(big.Int).Mul(tx.GasPrice(), new(big.Int).SetUint64(tx.Gas()))
	if limit := big.NewInt(params.Ether); fee.Cmp(limit) > 0 {
		ether, _ := new(big.Rat).SetFrac(fee, limit).Float64()
		return fmt.Errorf("tx fee (%.2f ether) exceeds the configured cap (1.00 ether)", ether)
	}
	return nil
}
