// Package chain reads what Ethereum-like chains moved to the vault's addresses
// ([Watcher]), and sends what the vault signed ([Sender]).
//
// A watcher needs only the few JSON-RPC methods that every node has (execution-apis):
// eth_chainId, eth_getBlockByNumber, eth_getTransactionReceipt, eth_getLogs
// (EIP-234), eth_getBalance, eth_getTransactionCount and eth_call (EIP-1898). It decodes only the
// fields that it needs and believes the node's own hashes, so that a block with a
// transaction of an unknown type is read like any other.
//
// Three things are arrivals: the value of a transaction to a watched address, a
// Transfer log of an ERC-20 token of the asset table, and what the balance of an
// address shows beyond them: a payout by a contract has no transaction of its
// own. What an address sends shows in the same three ways: its transactions, each with
// its value and its fee, its logs, and a balance that falls while it has sent a
// transaction. What arrives beside that between two looks, and has no transaction, is
// one figure with it.
//
// web/internal/gateway keeps what was read, and decides what it means.
package chain

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Limits of one call.
const (
	maxAnswer    = 32 << 20 // bytes of a node's answer
	callTime     = 20 * time.Second
	batchCalls   = 100 // of eth_getBalance in one request
	blocksAtOnce = 50  // that one Read reads
)

// What [Watcher.Read] and [Watcher.At] fail with, beside what a node refuses.
var (
	// ErrReorganised says that the chain is another one than was read.
	ErrReorganised = errors.New("the chain was reorganised")
	// ErrAbsent says that a node does not have a block: it is behind, or the block
	// is not in its chain any more.
	ErrAbsent = errors.New("the node does not have it")
)

// Block names a block.
type Block struct {
	Number int64
	Hash   string // 0x and 64 hex digits, as the node says
	Parent string
	At     time.Time
}

// Cursor is the place in a chain up to which it was read, as it is stored: number and hash.
func (b Block) Cursor() string { return strconv.FormatInt(b.Number, 10) + ":" + b.Hash }

// ParseCursor reads what [Block.Cursor] wrote.
func ParseCursor(text string) (Block, error) {
	number, hash, ok := strings.Cut(text, ":")
	n, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil || n < 0 {
		return Block{}, fmt.Errorf("the place %q up to which the chain was read is not a block number and its hash", text)
	}
	return Block{Number: n, Hash: hash}, nil
}

// Arrival is something that a chain moved to a watched address.
type Arrival struct {
	Asset   string // LedgerId
	Address string // lower case
	Units   string // in the smallest unit
	Tx      string // 0x and 64 hex digits; empty: seen by the balance, no transaction says so
	Index   int64  // of the log in its block; -1 without a log; of what was sent, IndexSent or IndexFee
	Out     bool   // the address sent it
	Fee     bool   // it is what the address paid for a transaction: Out too
	Opening bool   // it was there when the address was first looked at
	Block   Block
}

// What stands for the index of a log, where an address sent some of the chain's coin.
const (
	IndexSent = -2 // the value of a transaction, or what the balance fell by
	IndexFee  = -3 // the fee of a transaction
)

// Watcher reads one chain. It is safe for concurrent use.
type Watcher struct {
	*conn
	single atomic.Bool // the node takes no batches
}

// New makes a watcher. It connects when it is first asked, and then checks that
// the node is on the chain that was configured.
func New(cfg Config) (*Watcher, error) {
	c, err := connect(cfg)
	if err != nil {
		return nil, err
	}
	return &Watcher{conn: c}, nil
}

// Head is the newest block.
func (w *Watcher) Head(ctx context.Context) (Block, error) {
	b, err := w.block(ctx, "latest", false)
	if err != nil {
		return Block{}, err
	}
	return b.id(), nil
}

// At is the block with a number. It fails with ErrAbsent when the node has
// none.
func (w *Watcher) At(ctx context.Context, n int64) (Block, error) {
	b, err := w.block(ctx, number(n), false)
	if err == nil && b.id().Number != n {
		err = fmt.Errorf("the node answers with block %d for block %d", b.id().Number, n)
	}
	if err != nil {
		return Block{}, err
	}
	return b.id(), nil
}

// units reads digits; what is none is zero.
func units(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		return new(big.Int)
	}
	return n
}

func number(n int64) string { return "0x" + strconv.FormatInt(n, 16) }
