// Package chain watches Ethereum-like chains for deposits through the JSON-RPC
// methods that every node has: eth_chainId, eth_blockNumber,
// eth_getBlockByNumber and eth_getTransactionReceipt (execution-apis). The
// gateway completes orders with what it reports.
package chain

import (
	"context"
	"time"
)

// Config says which node, and how sure to be.
type Config struct {
	RPC           string // http or https URL of the node
	Chain         string // CAIP-2 that the node must be on: eip155:31337
	Confirmations uint64 // blocks on top before a deposit is final; 0: 1, the block itself counts
	Batch         uint64 // blocks that one scan reads at the most; 0: 500
}

// Cursor says up to where a chain was read: the last final block. Its text form
// ("number:hash") is kept by the caller; the empty cursor is before block 0.
type Cursor string

// Deposit is one transfer of the chain's own coin to a watched address.
type Deposit struct {
	Address       string    // as it was asked for
	TxHash        string    // 0x and 64 hex digits
	Amount        string    // decimal, in the whole unit: 0.25
	Block         uint64    //
	BlockHash     string    //
	Time          time.Time // of the block
	Confirmations uint64    // including the block itself
	Final         bool      // enough confirmations: it will not be reported again from the new cursor
}

// Watcher reads one chain. It is safe for concurrent use.
type Watcher struct{ cfg Config }

// Dial connects and checks that the node is on the chain that was configured.
func Dial(ctx context.Context, cfg Config) (*Watcher, error) { panic("todo") }

// Close ends the connection.
func (w *Watcher) Close() {}

// Head is the cursor of the newest final block: where to start when nothing
// older is of interest.
func (w *Watcher) Head(ctx context.Context) (Cursor, error) { panic("todo") }

// Scan reports the deposits to the addresses in the blocks after from, also
// those that are not final yet, and the cursor for the next scan. Deposits that
// were not final are reported again: recognise them by TxHash. After a
// reorganisation deeper than Confirmations the new cursor is before from.
func (w *Watcher) Scan(ctx context.Context, from Cursor, addresses []string) ([]Deposit, Cursor, error) {
	panic("todo")
}
