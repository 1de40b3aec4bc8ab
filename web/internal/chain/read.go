package chain

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/common/hexutil"
)

// Watched is the set of addresses whose arrivals are of interest, in lower case.
type Watched map[string]bool

// Read reads the blocks after a block, up to a number or as many as are read at
// once. A block whose parent is not the one before ends it with ErrReorganised;
// an empty hash of after fits any parent. What was read before an error is
// returned with it.
func (w *Watcher) Read(ctx context.Context, after Block, upTo int64, watched Watched) ([]Block, []Arrival, error) {
	var blocks []Block
	var found []Arrival
	last := after
	for n := after.Number + 1; n <= min(upTo, after.Number+blocksAtOnce); n++ {
		b, arrivals, err := w.next(ctx, last, n, watched)
		if err != nil {
			return blocks, found, err
		}
		blocks, found, last = append(blocks, b), append(found, arrivals...), b
	}
	return blocks, found, nil
}

// next reads the block that follows last.
func (w *Watcher) next(ctx context.Context, last Block, n int64, watched Watched) (Block, []Arrival, error) {
	raw, err := w.block(ctx, number(n), true)
	if err != nil {
		return Block{}, nil, err
	}
	b := raw.id()
	if b.Number != n {
		return Block{}, nil, fmt.Errorf("the node answers with block %d for block %d", b.Number, n)
	}
	if last.Hash != "" && b.Parent != last.Hash {
		return Block{}, nil, fmt.Errorf("block %d does not follow block %d: %w", n, last.Number, ErrReorganised)
	}
	arrivals, err := w.arrivals(ctx, raw, watched)
	return b, arrivals, err
}

// arrivals are those that transactions and logs of one block explain.
func (w *Watcher) arrivals(ctx context.Context, raw rawBlock, watched Watched) ([]Arrival, error) {
	var found []Arrival
	for _, data := range raw.Transactions {
		tx, ok := transaction(data)
		if !ok {
			continue // the balance shows what it moved
		}
		a, in := w.direct(raw, tx, watched)
		out := watched[tx.From]
		if !in && !out {
			continue
		}
		if out {
			if err := w.signed(tx, data); err != nil {
				return nil, fmt.Errorf("read block %d: %w", raw.id().Number, err)
			}
		}
		r, err := w.receipt(ctx, tx.Hash, raw.id())
		if err != nil {
			return nil, err
		}
		if in && r.succeeded() {
			found = append(found, a)
		}
		if out {
			found = append(found, w.sent(raw, tx, r)...)
		}
	}
	logs, err := w.logs(ctx, raw, watched)
	return append(found, logs...), err
}

// direct is the transfer of the chain's coin that a transaction is, unless it is to
// itself.
func (w *Watcher) direct(raw rawBlock, tx rawTx, watched Watched) (Arrival, bool) {
	if tx.Value == nil || tx.Value.ToInt().Sign() <= 0 || tx.From == tx.To {
		return Arrival{}, false
	}
	return Arrival{Asset: w.coin, Address: tx.To, Units: tx.Value.ToInt().String(), Tx: tx.Hash, Index: -1, Block: raw.id()}, watched[tx.To]
}

// transaction reads a transaction, with its addresses in lower case; of some types,
// nothing can be read.
func transaction(data json.RawMessage) (rawTx, bool) {
	var tx rawTx
	ok := json.Unmarshal(data, &tx) == nil && isHash(tx.Hash)
	tx.Hash, tx.From, tx.To = strings.ToLower(tx.Hash), strings.ToLower(tx.From), strings.ToLower(tx.To)
	return tx, ok
}

type rawReceipt struct {
	Status    *hexutil.Uint64   `json:"status"`
	TxHash    string            `json:"transactionHash"`
	BlockHash string            `json:"blockHash"`
	Logs      []json.RawMessage `json:"logs"`

	GasUsed  *hexutil.Uint64 `json:"gasUsed"`
	GasPrice *hexutil.Big    `json:"effectiveGasPrice"`
	Below    *hexutil.Big    `json:"l1Fee"` // of OP-stack rollups: beside gas used times price
}

// receipt asks for the receipt of a transaction of a block.
func (c *conn) receipt(ctx context.Context, hash string, b Block) (rawReceipt, error) {
	var r *rawReceipt
	if err := c.call(ctx, &r, "read the receipt of "+hash, "eth_getTransactionReceipt", hash); err != nil {
		return rawReceipt{}, err
	}
	if r == nil {
		return rawReceipt{}, fmt.Errorf("the node has no receipt of %s in block %d yet", hash, b.Number)
	}
	if !strings.EqualFold(r.TxHash, hash) {
		return rawReceipt{}, fmt.Errorf("the node answers with another receipt than that of %s", hash)
	}
	if !strings.EqualFold(r.BlockHash, b.Hash) {
		return rawReceipt{}, fmt.Errorf("the receipt of %s is not of block %d: %w", hash, b.Number, ErrReorganised)
	}
	return *r, nil
}

// succeeded asks for the receipt: a transaction that failed moved nothing.
func (w *Watcher) succeeded(ctx context.Context, a Arrival) (bool, error) {
	r, err := w.receipt(ctx, a.Tx, a.Block)
	return err == nil && r.succeeded(), err
}

func (r rawReceipt) succeeded() bool { return r.Status != nil && *r.Status == 1 }
