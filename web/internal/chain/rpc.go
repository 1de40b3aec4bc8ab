package chain

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
)

// rawBlock is as much of a block as is needed. Transactions are read one by one.
type rawBlock struct {
	Number       *hexutil.Big      `json:"number"`
	Hash         string            `json:"hash"`
	ParentHash   string            `json:"parentHash"`
	Timestamp    *hexutil.Big      `json:"timestamp"`
	LogsBloom    string            `json:"logsBloom"`
	Transactions []json.RawMessage `json:"transactions"`
}

// rawTx is as much of a transaction as is needed, of whatever type.
type rawTx struct {
	Hash  string       `json:"hash"`
	From  string       `json:"from"`
	To    string       `json:"to"`
	Value *hexutil.Big `json:"value"`
}

func (b rawBlock) id() Block {
	return Block{Number: b.Number.ToInt().Int64(), Hash: strings.ToLower(b.Hash), Parent: strings.ToLower(b.ParentHash), At: time.Unix(b.Timestamp.ToInt().Int64(), 0).UTC()}
}

// bloom is the filter over the block's logs; empty where the node tells none.
func (b rawBlock) bloom() (bloom types.Bloom) {
	if bits, err := hexutil.Decode(b.LogsBloom); err == nil && len(bits) == len(bloom) {
		bloom.SetBytes(bits)
	}
	return bloom
}

// complete reports whether the node's answer is a block.
func (b rawBlock) complete() bool {
	return b.Number != nil && b.Timestamp != nil && isHash(b.Hash) && isHash(b.ParentHash) && b.Number.ToInt().IsInt64() && b.Timestamp.ToInt().IsInt64()
}

// block asks for a block by number or tag; full has its transactions.
func (c *conn) block(ctx context.Context, tag string, full bool) (rawBlock, error) {
	var b *rawBlock
	what := "read block " + tag
	if err := c.call(ctx, &b, what, "eth_getBlockByNumber", tag, full); err != nil {
		return rawBlock{}, err
	}
	if b == nil {
		return rawBlock{}, fmt.Errorf("%s: %w", what, ErrAbsent)
	}
	if !b.complete() || full && b.Transactions == nil {
		return rawBlock{}, fmt.Errorf("%s: the node's answer is not a block", what)
	}
	return *b, nil
}

func isHash(s string) bool {
	b, err := hexutil.Decode(s)
	return err == nil && len(b) == 32
}
