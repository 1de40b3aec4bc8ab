package chain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
)

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

// logs are what the Transfer logs of the known tokens in a block say of watched
// addresses: what came, and what they sent. It is asked for by its hash, so that a
// node that does not have it says so (EIP-234). A node that has not indexed the logs
// yet may answer with an empty list: what the header says decides.
func (w *Watcher) logs(ctx context.Context, raw rawBlock, watched Watched) ([]Arrival, error) {
	if len(w.tokens) == 0 || len(watched) == 0 {
		return nil, nil
	}
	b := raw.id()
	filters := [][]any{{transferTopic}}
	if len(watched) <= maxTopics {
		which := make([]string, 0, len(watched))
		for _, a := range slices.Sorted(maps.Keys(watched)) {
			which = append(which, topicOf(a))
		}
		filters = [][]any{{transferTopic, nil, which}}
		if raw.LogsBloom == "" || w.names(raw.bloom(), watched, nil) { // else nobody sent anything
			filters = append(filters, []any{transferTopic, which})
		}
	}
	var found []Arrival
	seen, read := Watched{}, map[uint64]bool{}
	for _, topics := range filters {
		logs, err := w.logsOf(ctx, b, map[string]any{"address": slices.Sorted(maps.Keys(w.tokens)), "topics": topics})
		if err != nil {
			return nil, err
		}
		for _, l := range logs {
			moved, err := w.transfer(l, b)
			if err != nil {
				return nil, fmt.Errorf("read the token transfers of block %d: %w", b.Number, err)
			}
			if len(moved) == 0 || read[uint64(*l.Index)] {
				continue // of one watched address to another: both filters give it
			}
			read[uint64(*l.Index)] = true
			for _, a := range moved {
				if seen[a.Address] = true; watched[a.Address] && a.Units != "0" && moved[0].Address != moved[1].Address {
					found = append(found, a)
				}
			}
		}
	}
	return found, w.whole(ctx, raw, watched, seen)
}

// logsOf asks for logs of a block.
func (w *Watcher) logsOf(ctx context.Context, b Block, filter map[string]any) ([]*rawLog, error) {
	filter["blockHash"] = b.Hash
	var logs []*rawLog
	what := fmt.Sprintf("read the token transfers of block %d", b.Number)
	if err := w.call(ctx, &logs, what, "eth_getLogs", filter); err != nil {
		return nil, err
	}
	if logs == nil {
		return nil, fmt.Errorf("%s: the node has no answer", what)
	}
	for _, l := range logs {
		if l == nil || !strings.EqualFold(l.BlockHash, b.Hash) {
			return nil, fmt.Errorf("%s: the node answers with a log that is not of this block", what)
		}
	}
	return logs, nil
}

// transfer reads one log: what came to one address, and what the other sent. Another
// event, or another contract's, is passed over; a transfer that cannot be read is an
// error.
func (w *Watcher) transfer(l *rawLog, b Block) ([]Arrival, error) {
	id, known := w.tokens[strings.ToLower(l.Address)]
	if !known || len(l.Topics) != 3 || !strings.EqualFold(l.Topics[0], transferTopic) {
		return nil, nil
	}
	from, err1 := hexutil.Decode(l.Topics[1])
	to, err2 := hexutil.Decode(l.Topics[2])
	value, err3 := hexutil.Decode(l.Data)
	if err := errors.Join(err1, err2, err3); err != nil || len(from) != 32 || len(to) != 32 || len(value) != 32 || l.Index == nil || !isHash(l.TxHash) || l.Removed {
		return nil, errors.New("the node's answer is not a transfer of the block")
	}
	in := Arrival{
		Asset: id, Address: hexutil.Encode(to[12:]), Units: new(big.Int).SetBytes(value).String(),
		Tx: strings.ToLower(l.TxHash), Index: int64(*l.Index), Block: b,
	}
	out := in
	out.Address, out.Out = hexutil.Encode(from[12:]), true
	return []Arrival{in, out}, nil
}

func topicOf(address string) string {
	return "0x" + strings.Repeat("0", 24) + strings.TrimPrefix(address, "0x")
}

// whole fails when the header's bloom filter (Ethereum Yellow Paper, 4.4.3)
// names transfers to watched addresses that the node did not give. A filter may
// name what is not there, because other logs set the same bits: all logs of the
// block must then explain them.
func (w *Watcher) whole(ctx context.Context, raw rawBlock, watched, seen Watched) error {
	bloom := raw.bloom()
	if len(raw.Transactions) == 0 || !w.names(bloom, watched, seen) {
		return nil
	}
	b := raw.id()
	all, err := w.logsOf(ctx, b, map[string]any{})
	if err != nil {
		return err
	}
	var explained types.Bloom
	for _, l := range all {
		for _, field := range append([]string{l.Address}, l.Topics...) {
			bits, err := hexutil.Decode(field)
			if err != nil {
				return fmt.Errorf("read the logs of block %d: the node's answer is not a log", b.Number)
			}
			explained.Add(bits)
		}
	}
	full := bytes.Count(bloom[:], []byte{0xff}) == len(bloom)
	if full && len(all) > 0 || w.names(explained, watched, seen) {
		return nil // of nodes that set all bits, none says anything
	}
	if full {
		if some, err := w.logged(ctx, raw); err != nil || !some {
			return err
		}
	}
	return fmt.Errorf("the node does not give all logs of block %d yet that its header names", b.Number)
}

// names reports whether a filter has transfers of a known token to watched
// addresses that were not seen.
func (w *Watcher) names(bloom types.Bloom, watched, seen Watched) bool {
	if !bloom.Test(hexutil.MustDecode(transferTopic)) {
		return false
	}
	some := false
	for contract := range w.tokens {
		bits, err := hexutil.Decode(contract)
		some = some || err == nil && bloom.Test(bits)
	}
	for a := range watched {
		bits, err := hexutil.Decode(topicOf(a))
		if some && err == nil && !seen[a] && bloom.Test(bits) {
			return true
		}
	}
	return false
}

// logged reports whether a transaction of the block has a log, by its receipt.
func (w *Watcher) logged(ctx context.Context, raw rawBlock) (bool, error) {
	for _, data := range raw.Transactions {
		tx, ok := transaction(data)
		if !ok {
			continue
		}
		r, err := w.receipt(ctx, tx.Hash, raw.id())
		if err != nil || len(r.Logs) > 0 {
			return err == nil, err
		}
	}
	return false, nil
}
