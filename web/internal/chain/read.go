package chain

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
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
		a, ok := w.direct(raw, data, watched)
		if !ok {
			continue
		}
		done, err := w.succeeded(ctx, a)
		if err != nil {
			return nil, err
		}
		if done {
			found = append(found, a)
		}
	}
	logs, err := w.logs(ctx, raw.id(), watched)
	return append(found, logs...), err
}

// direct is the transfer of the chain's coin that a transaction is. One that
// cannot be read is passed over: the balance shows what it moved.
func (w *Watcher) direct(raw rawBlock, data json.RawMessage, watched Watched) (Arrival, bool) {
	var tx rawTx
	if json.Unmarshal(data, &tx) != nil || tx.Value == nil || tx.Value.ToInt().Sign() <= 0 || !isHash(tx.Hash) {
		return Arrival{}, false
	}
	to := strings.ToLower(tx.To)
	return Arrival{Asset: w.coin, Address: to, Units: tx.Value.ToInt().String(), Tx: tx.Hash, Index: -1, Block: raw.id()}, watched[to]
}

// succeeded asks for the receipt: a transaction that failed moved nothing.
func (w *Watcher) succeeded(ctx context.Context, a Arrival) (bool, error) {
	var receipt *struct {
		Status    *hexutil.Uint64 `json:"status"`
		BlockHash string          `json:"blockHash"`
	}
	if err := w.call(ctx, &receipt, "read the receipt of "+a.Tx, "eth_getTransactionReceipt", a.Tx); err != nil {
		return false, err
	}
	if receipt == nil {
		return false, fmt.Errorf("the node has no receipt of %s in block %d yet", a.Tx, a.Block.Number)
	}
	if !strings.EqualFold(receipt.BlockHash, a.Block.Hash) {
		return false, fmt.Errorf("the receipt of %s is not of block %d: %w", a.Tx, a.Block.Number, ErrReorganised)
	}
	return receipt.Status != nil && *receipt.Status == 1, nil
}

// transferTopic is Keccak-256 of Transfer(address,address,uint256) (EIP-20).
const transferTopic = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"

// maxTopics is how many addresses a node is asked for at once; when more are
// watched, it is asked for all transfers of the tokens.
const maxTopics = 500

type rawLog struct {
	Address   string          `json:"address"`
	Topics    []string        `json:"topics"`
	Data      string          `json:"data"`
	BlockHash string          `json:"blockHash"`
	TxHash    string          `json:"transactionHash"`
	Index     *hexutil.Uint64 `json:"logIndex"`
	Removed   bool            `json:"removed"`
}

// logs are the Transfer logs of the known tokens in a block. It is asked for by
// its hash, so that a node that does not have it says so.
func (w *Watcher) logs(ctx context.Context, b Block, watched Watched) ([]Arrival, error) {
	if len(w.tokens) == 0 || len(watched) == 0 {
		return nil, nil
	}
	topics := []any{transferTopic}
	if len(watched) <= maxTopics {
		to := make([]string, 0, len(watched))
		for _, a := range slices.Sorted(maps.Keys(watched)) {
			to = append(to, topicOf(a))
		}
		topics = append(topics, nil, to)
	}
	var logs []rawLog
	err := w.call(ctx, &logs, fmt.Sprintf("read the token transfers of block %d", b.Number), "eth_getLogs", map[string]any{
		"blockHash": b.Hash, "address": slices.Sorted(maps.Keys(w.tokens)), "topics": topics,
	})
	if err != nil {
		return nil, err
	}
	var found []Arrival
	for _, l := range logs {
		if a, ok := w.transfer(l, b, watched); ok {
			found = append(found, a)
		}
	}
	return found, nil
}

// transfer reads one log; whatever is not a transfer of a known token to a
// watched address is passed over.
func (w *Watcher) transfer(l rawLog, b Block, watched Watched) (Arrival, bool) {
	id, known := w.tokens[strings.ToLower(l.Address)]
	if !known || l.Removed || l.BlockHash != b.Hash || len(l.Topics) != 3 || l.Topics[0] != transferTopic || l.Index == nil || !isHash(l.TxHash) {
		return Arrival{}, false
	}
	to, err := hexutil.Decode(l.Topics[2])
	value, err2 := hexutil.Decode(l.Data)
	if err != nil || err2 != nil || len(to) != 32 || len(value) != 32 {
		return Arrival{}, false
	}
	address := hexutil.Encode(to[12:])
	amount := new(big.Int).SetBytes(value)
	return Arrival{Asset: id, Address: address, Units: amount.String(), Tx: l.TxHash, Index: int64(*l.Index), Block: b}, watched[address] && amount.Sign() > 0
}

func topicOf(address string) string {
	return "0x" + strings.Repeat("0", 24) + strings.TrimPrefix(address, "0x")
}
