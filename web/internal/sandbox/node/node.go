// Package node is the sandbox's chain: a real Ethereum chain of one node, put together
// from geth's own parts, and served as JSON-RPC to unmodified clients. Its blocks, its
// state and its contracts are those of core and core/vm, with the rules of mainnet, and
// its pool is core/txpool, so that a transaction is taken or refused for the reasons,
// and in the words, of geth. It is kept in a file.
//
// It differs from a network in when blocks are made: at once for a transaction that can
// be in one, and some more for its confirmations. Only package sandbox and tests use it.
package node

import (
	"bytes"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/consensus/beacon"
	"github.com/ethereum/go-ethereum/consensus/ethash"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/core/txpool"
	"github.com/ethereum/go-ethereum/core/txpool/legacypool"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/eth/gasprice"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/rlp"
)

// Blocks that are made after a transaction, so that it gets confirmations.
const confirmations = 12

// Config says where a chain is kept.
type Config struct {
	Dir       string             // holds chain.rlp
	Faucet    []common.Address   // the accounts that have everything in block 0
	Contracts types.GenesisAlloc // what else is there in block 0
	Now       func() time.Time   // nil: time.Now
}

// Node is the chain. It is safe for concurrent use.
type Node struct {
	now    func() time.Time
	signer types.Signer
	chain  *core.BlockChain
	pool   *txpool.TxPool
	fees   *gasprice.Oracle

	mu     sync.Mutex // of what follows, and of making blocks
	file   *os.File
	ends   []int64 // of each block in the file, block 1 first
	owed   int     // empty blocks still to be made
	closed bool
}

// Open reads the chain from its file, or starts one. A block that was only half
// written when the last process ended is dropped. What waited for a block is forgotten,
// as it is by a node.
func Open(cfg Config) (*Node, error) {
	n := &Node{now: cfg.Now, signer: types.LatestSignerForChainID(big.NewInt(ChainID))}
	if n.now == nil {
		n.now = time.Now
	}
	chain, err := core.NewBlockChain(rawdb.NewMemoryDatabase(), cfg.genesis(), beacon.New(ethash.NewFaker()), &core.BlockChainConfig{
		StateScheme: rawdb.HashScheme, ArchiveMode: true, TxLookupLimit: -1, SlowBlockThreshold: -1, NoPrefetch: true,
	})
	if err != nil {
		return nil, fmt.Errorf("start the chain: %w", err)
	}
	n.chain = chain
	if err := n.open(filepath.Join(cfg.Dir, "chain.rlp")); err != nil {
		chain.Stop()
		return nil, err
	}
	limits := legacypool.DefaultConfig
	limits.NoLocals, limits.Journal = true, ""
	n.pool, err = txpool.New(limits.PriceLimit, chain, []txpool.SubPool{legacypool.New(limits, chain)})
	if err != nil {
		chain.Stop()
		return nil, errors.Join(fmt.Errorf("start the pool: %w", err), n.file.Close())
	}
	n.fees = gasprice.NewOracle(history{n}, gasprice.Config{
		Blocks: 20, Percentile: 60, MaxHeaderHistory: 1024, MaxBlockHistory: 1024, MaxPrice: gasprice.DefaultMaxPrice, IgnorePrice: gasprice.DefaultIgnorePrice,
	}, big.NewInt(params.GWei))
	return n, nil
}

// Close ends the chain and the use of its file. A second time does nothing.
func (n *Node) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil
	}
	n.closed = true
	err := n.pool.Close()
	n.chain.Stop()
	return errors.Join(err, n.file.Close())
}

func (n *Node) open(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open the chain: %w", err)
	}
	n.file = file
	if err := n.replay(); err != nil {
		file.Close()
		return fmt.Errorf("read the chain %q: %w", path, err)
	}
	return nil
}

// replay carries out the blocks of the file and checks each.
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
		number := len(n.ends) + 1
		var b types.Block
		if err := rlp.DecodeBytes(rest[:len(rest)-len(after)], &b); err != nil {
			return fmt.Errorf("block %d: %w", number, err)
		}
		if b.ParentHash() != n.chain.CurrentBlock().Hash() {
			return fmt.Errorf("block %d belongs to another chain", number)
		}
		if _, err := n.chain.InsertChain(types.Blocks{&b}); err != nil {
			return fmt.Errorf("block %d: %w", number, err)
		}
		read, rest = len(data)-len(after), after
		n.ends = append(n.ends, int64(read))
	}
	return n.cut(int64(read))
}

// cut ends the file after so many bytes.
func (n *Node) cut(size int64) error {
	if err := n.file.Truncate(size); err != nil {
		return err
	}
	_, err := n.file.Seek(size, 0)
	return err
}

// keep writes a block to the file, as a whole or not at all.
func (n *Node) keep(b *types.Block) error {
	data, err := rlp.EncodeToBytes(b)
	if err != nil {
		return err
	}
	if _, err = n.file.Write(data); err == nil {
		err = n.file.Sync()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("keep the block: %w", err), n.cut(n.end()))
	}
	n.ends = append(n.ends, n.end()+int64(len(data)))
	return nil
}

// end is the length of the file.
func (n *Node) end() int64 {
	if len(n.ends) == 0 {
		return 0
	}
	return n.ends[len(n.ends)-1]
}

// Transfer signs a transfer with a faucet's key and puts it into a block.
func (n *Node) Transfer(key *ecdsa.PrivateKey, to common.Address, value *big.Int) (common.Hash, error) {
	return n.do(key, types.DynamicFeeTx{To: &to, Value: value, Gas: 2 * params.TxGas})
}

// Call signs a call of a contract with a faucet's key and puts it into a block.
func (n *Node) Call(key *ecdsa.PrivateKey, contract common.Address, data []byte) (common.Hash, error) {
	return n.do(key, types.DynamicFeeTx{To: &contract, Data: data, Gas: 20 * params.TxGas})
}

func (n *Node) do(key *ecdsa.PrivateKey, tx types.DynamicFeeTx) (common.Hash, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	tx.ChainID, tx.Nonce, tx.GasTipCap = big.NewInt(ChainID), n.pool.PoolNonce(crypto.PubkeyToAddress(key.PublicKey)), big.NewInt(params.GWei)
	tx.GasFeeCap = new(big.Int).Add(tx.GasTipCap, new(big.Int).Lsh(n.baseFee(), 1))
	signed, err := types.SignNewTx(key, n.signer, &tx)
	if err != nil {
		return common.Hash{}, fmt.Errorf("sign the transaction: %w", err)
	}
	return signed.Hash(), n.send(signed)
}

// Find returns the transaction that sent exactly value to an address, if there
// is one: how somebody who stopped half way learns what was done.
func (n *Node) Find(to common.Address, value *big.Int) (common.Hash, bool) {
	return n.find(func(tx *types.Transaction) bool { return *tx.To() == to && tx.Value().Cmp(value) == 0 })
}

// FindCall returns the transaction that called a contract with exactly data, if there is
// one.
func (n *Node) FindCall(contract common.Address, data []byte) (common.Hash, bool) {
	return n.find(func(tx *types.Transaction) bool { return *tx.To() == contract && bytes.Equal(tx.Data(), data) })
}

func (n *Node) find(is func(*types.Transaction) bool) (common.Hash, bool) {
	for i := uint64(1); i <= n.chain.CurrentBlock().Number.Uint64(); i++ {
		b := n.chain.GetBlockByNumber(i)
		if b == nil { // dropped meanwhile
			break
		}
		for _, tx := range b.Transactions() {
			if tx.To() != nil && is(tx) {
				return tx.Hash(), true
			}
		}
	}
	return common.Hash{}, false
}
