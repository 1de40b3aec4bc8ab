// Package node is the sandbox's chain: real Ethereum blocks, signed
// transactions and receipts with right hashes and roots (core/types), kept in a
// file, and served as JSON-RPC to unmodified clients. It has one node, no
// contracts, and a block for each transaction. Only package sandbox uses it.
package node

import (
	"cmp"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/ethereum/go-ethereum/trie"
	"github.com/holiman/uint256"
)

// ChainID is the sandbox's chain: eip155:31337.
const ChainID = 31337

const (
	gasLimit = 30_000_000
	// Blocks that are mined after a transaction, so that it gets confirmations.
	confirmations = 12
)

// Config says where a chain is kept.
type Config struct {
	Dir    string           // holds chain.rlp
	Faucet []common.Address // the accounts that have everything in block 0
	Now    func() time.Time // nil: time.Now
}

type account struct {
	nonce   uint64
	balance *big.Int
}

// held is a balance from a block on.
type held struct {
	block   uint64
	balance *big.Int
}

// Node is the chain. It is safe for concurrent use.
type Node struct {
	now    func() time.Time
	signer types.Signer
	file   *os.File

	mu       sync.RWMutex
	blocks   []*types.Block
	byHash   map[common.Hash]*types.Block
	receipts map[common.Hash]*types.Receipt // by transaction
	accounts map[common.Address]account
	history  map[common.Address][]held // oldest first
	owed     int                       // empty blocks still to be mined
}

// Open reads the chain from its file, or starts one. A block that was only half
// written when the last process ended is dropped.
func Open(cfg Config) (*Node, error) {
	n := &Node{
		now: cfg.Now, signer: types.LatestSignerForChainID(big.NewInt(ChainID)),
		byHash: map[common.Hash]*types.Block{}, receipts: map[common.Hash]*types.Receipt{}, accounts: map[common.Address]account{}, history: map[common.Address][]held{},
	}
	if n.now == nil {
		n.now = time.Now
	}
	rich := new(big.Int).Mul(big.NewInt(1_000_000_000), big.NewInt(params.Ether))
	for _, a := range cfg.Faucet {
		n.accounts[a] = account{balance: rich}
	}
	// The genesis block depends on the faucet only, so that it is the same at
	// each start.
	n.add(types.NewBlock(&types.Header{
		Number: new(big.Int), Difficulty: new(big.Int), GasLimit: gasLimit, BaseFee: big.NewInt(params.InitialBaseFee), Root: n.root(),
		Extra: []byte("countersign sandbox"),
	}, nil, nil, trie.NewStackTrie(nil)), nil)
	file, err := os.OpenFile(filepath.Join(cfg.Dir, "chain.rlp"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the chain: %w", err)
	}
	n.file = file
	if err := n.replay(); err != nil {
		file.Close()
		return nil, fmt.Errorf("read the chain %q: %w", file.Name(), err)
	}
	return n, nil
}

// Close ends the use of the file.
func (n *Node) Close() error { return n.file.Close() }

// replay applies the blocks of the file and checks each against its own hash.
func (n *Node) replay() error {
	data, err := os.ReadFile(n.file.Name())
	if err != nil {
		return err
	}
	read := 0
	for rest := data; len(rest) > 0; {
		_, _, after, err := rlp.Split(rest)
		if err != nil {
			break // half written
		}
		var b types.Block
		if err := rlp.DecodeBytes(rest[:len(rest)-len(after)], &b); err != nil {
			return fmt.Errorf("block %d: %w", len(n.blocks), err)
		}
		rebuilt, err := n.build(b.Transactions(), b.Time())
		if err != nil {
			return fmt.Errorf("block %d: %w", len(n.blocks), err)
		}
		if rebuilt.Hash() != b.Hash() {
			return fmt.Errorf("block %d belongs to another chain", len(n.blocks))
		}
		read, rest = len(data)-len(after), after
	}
	if err := n.file.Truncate(int64(read)); err != nil {
		return err
	}
	_, err = n.file.Seek(int64(read), 0)
	return err
}

// Send mines a signed transaction into a block of its own.
func (n *Node) Send(tx *types.Transaction) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, known := n.receipts[tx.Hash()]; known {
		return errors.New("already known")
	}
	if err := n.mine(types.Transactions{tx}); err != nil {
		return err
	}
	n.owed = confirmations
	return nil
}

// Transfer signs a transfer with a faucet's key and mines it.
func (n *Node) Transfer(key *ecdsa.PrivateKey, to common.Address, value *big.Int) (common.Hash, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	from := n.accounts[crypto.PubkeyToAddress(key.PublicKey)]
	tx, err := types.SignNewTx(key, n.signer, &types.DynamicFeeTx{
		ChainID: big.NewInt(ChainID), Nonce: from.nonce, GasTipCap: big.NewInt(params.GWei), GasFeeCap: big.NewInt(3 * params.GWei),
		Gas: params.TxGas, To: &to, Value: value,
	})
	if err != nil {
		return common.Hash{}, fmt.Errorf("sign the transfer: %w", err)
	}
	if err := n.mine(types.Transactions{tx}); err != nil {
		return common.Hash{}, err
	}
	n.owed = confirmations
	return tx.Hash(), nil
}

// Find returns the transaction that sent exactly value to an address, if there
// is one: how somebody who stopped half way learns what was done.
func (n *Node) Find(to common.Address, value *big.Int) (common.Hash, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	for _, b := range n.blocks {
		for _, tx := range b.Transactions() {
			if *tx.To() == to && tx.Value().Cmp(value) == 0 {
				return tx.Hash(), true
			}
		}
	}
	return common.Hash{}, false
}

// Tick mines an empty block if a transaction still waits for confirmations.
func (n *Node) Tick() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.owed == 0 {
		return nil
	}
	n.owed--
	return n.mine(nil)
}

// mine builds a block and keeps it in the file before it tells anybody.
func (n *Node) mine(txs types.Transactions) error {
	head := n.blocks[len(n.blocks)-1]
	b, err := n.build(txs, max(uint64(n.now().Unix()), head.Time()+1))
	if err != nil {
		return err
	}
	data, err := rlp.EncodeToBytes(b)
	if err != nil {
		return err
	}
	if _, err := n.file.Write(data); err != nil {
		return fmt.Errorf("keep the block: %w", err)
	}
	return n.file.Sync()
}

// build applies transactions to the state and adds the block that has them. An
// error leaves everything as it was.
func (n *Node) build(txs types.Transactions, at uint64) (*types.Block, error) {
	head := n.blocks[len(n.blocks)-1]
	before := maps.Clone(n.accounts)
	header := &types.Header{
		ParentHash: head.Hash(), Number: new(big.Int).Add(head.Number(), common.Big1), Difficulty: new(big.Int),
		GasLimit: gasLimit, BaseFee: big.NewInt(params.InitialBaseFee), Time: at,
	}
	var receipts types.Receipts
	for i, tx := range txs {
		if err := n.apply(tx, header.BaseFee); err != nil {
			n.accounts = before
			return nil, err
		}
		header.GasUsed += params.TxGas
		receipts = append(receipts, &types.Receipt{
			Type: tx.Type(), Status: types.ReceiptStatusSuccessful, CumulativeGasUsed: header.GasUsed, Logs: []*types.Log{},
			TxHash: tx.Hash(), GasUsed: params.TxGas, EffectiveGasPrice: price(tx, header.BaseFee),
			BlockNumber: header.Number, TransactionIndex: uint(i),
		})
	}
	header.Root = n.root()
	b := types.NewBlock(header, &types.Body{Transactions: txs}, receipts, trie.NewStackTrie(nil))
	n.add(b, receipts)
	return b, nil
}

func (n *Node) add(b *types.Block, receipts types.Receipts) {
	n.blocks = append(n.blocks, b)
	n.remember(b)
	n.byHash[b.Hash()] = b
	for _, r := range receipts {
		r.BlockHash = b.Hash()
		n.receipts[r.TxHash] = r
	}
}

// remember keeps the balances that a block changed.
func (n *Node) remember(b *types.Block) {
	touched := map[common.Address]bool{}
	if b.NumberU64() == 0 {
		for a := range n.accounts {
			touched[a] = true
		}
	}
	for _, tx := range b.Transactions() {
		from, err := types.Sender(n.signer, tx)
		if err == nil {
			touched[from] = true
		}
		touched[*tx.To()] = true
	}
	for a := range touched {
		n.history[a] = append(n.history[a], held{b.NumberU64(), cmp.Or(n.accounts[a].balance, common.Big0)})
	}
}

// balance is what an address had after a block.
func (n *Node) balance(a common.Address, block uint64) *big.Int {
	all := n.history[a]
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].block <= block {
			return all[i].balance
		}
	}
	return common.Big0
}

func price(tx *types.Transaction, base *big.Int) *big.Int {
	tip, err := tx.EffectiveGasTip(base)
	if err != nil {
		return tx.GasFeeCap()
	}
	return tip.Add(tip, base)
}

// apply moves the value and burns the fee. There are no contracts: a
// transaction is a plain transfer, or refused.
func (n *Node) apply(tx *types.Transaction, base *big.Int) error {
	from, err := types.Sender(n.signer, tx)
	if err != nil {
		return fmt.Errorf("the transaction is not signed for this chain: %w", err)
	}
	sender := n.accounts[from]
	balance := cmp.Or(sender.balance, common.Big0)
	fee := new(big.Int).Mul(price(tx, base), big.NewInt(int64(params.TxGas)))
	cost := new(big.Int).Add(tx.Value(), fee)
	switch {
	case tx.To() == nil || len(tx.Data()) > 0 || tx.Type() > types.DynamicFeeTxType:
		return errors.New("the sandbox's chain has plain transfers only")
	case tx.Gas() < params.TxGas:
		return errors.New("intrinsic gas too low")
	case tx.GasFeeCap().Cmp(base) < 0:
		return errors.New("max fee per gas less than block base fee")
	case tx.Nonce() < sender.nonce:
		return errors.New("nonce too low")
	case tx.Nonce() > sender.nonce:
		return errors.New("nonce too high")
	case balance.Cmp(cost) < 0:
		return errors.New("insufficient funds for gas * price + value")
	}
	n.accounts[from] = account{nonce: sender.nonce + 1, balance: new(big.Int).Sub(balance, cost)}
	to := n.accounts[*tx.To()]
	to.balance = new(big.Int).Add(cmp.Or(to.balance, common.Big0), tx.Value())
	n.accounts[*tx.To()] = to
	return nil
}

// root is the state root: the trie of all accounts by the hash of their address.
func (n *Node) root() common.Hash {
	type leaf struct {
		key  common.Hash
		data []byte
	}
	var leaves []leaf
	for address, a := range n.accounts {
		data, err := rlp.EncodeToBytes(&types.StateAccount{
			Nonce: a.nonce, Balance: uint256.MustFromBig(cmp.Or(a.balance, common.Big0)), Root: types.EmptyRootHash, CodeHash: types.EmptyCodeHash[:],
		})
		if err != nil {
			panic(err) // four plain fields can always be encoded
		}
		leaves = append(leaves, leaf{crypto.Keccak256Hash(address[:]), data})
	}
	slices.SortFunc(leaves, func(a, b leaf) int { return a.key.Cmp(b.key) })
	t := trie.NewStackTrie(nil)
	for _, l := range leaves {
		if err := t.Update(l.key[:], l.data); err != nil {
			panic(err) // the keys are in order
		}
	}
	return t.Hash()
}
