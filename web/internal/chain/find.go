package chain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
)

// State is where a transaction is.
type State string

// The states.
const (
	Absent  State = "absent"  // the node does not have it; that nobody has it, only its nonce can show
	Pending State = "pending" // it waits for a block, or for a nonce before it
	Mined   State = "mined"   // it is in a block of the node's chain
)

// Seen is what a node knows of a transaction. All but State is set for Mined only, and
// Tx for Pending too.
type Seen struct {
	State     State
	Tx        *types.Transaction // nil where its type is not known to go-ethereum
	Block     Block
	Failed    bool     // it is in the block, moved nothing, and its fee was paid
	GasUsed   uint64   //
	GasPrice  *big.Int // that was paid for one gas, in wei
	Fee       *big.Int // in wei, with what rollups take for the chain below them
	Transfers []Transfer
}

// Transfer is one Transfer log of a token (EIP-20).
type Transfer struct {
	Asset    string // LedgerId; empty for a contract that is not in the asset table
	Contract common.Address
	From, To common.Address
	Units    *big.Int // in the smallest unit
	Index    int64    // of the log in its block
}

// Moved reports whether a token moved exactly so in the transaction. Some tokens keep a
// part of what is sent.
func (s Seen) Moved(contract, from, to common.Address, units *big.Int) bool {
	for _, t := range s.Transfers {
		if t.Contract == contract && t.From == from && t.To == to && t.Units.Cmp(units) == 0 {
			return true
		}
	}
	return false
}

// Did reports whether a transaction that is mined did what it was for. A transfer of a
// token that did not fail, and of which no log of the token tells that the sender's tokens
// moved, did not: some tokens answer with false, or that all is well.
func (s Seen) Did() bool {
	if s.State != Mined || s.Failed {
		return false
	}
	if s.Tx == nil || s.Tx.To() == nil || !bytes.HasPrefix(s.Tx.Data(), tokenTransfer) {
		return true
	}
	from, err := types.Sender(types.LatestSignerForChainID(s.Tx.ChainId()), s.Tx)
	return err == nil && slices.ContainsFunc(s.Transfers, func(t Transfer) bool { return t.Contract == *s.Tx.To() && t.From == from })
}

// minedTx is where a node says a transaction is.
type minedTx struct {
	Hash        common.Hash  `json:"hash"`
	BlockHash   *common.Hash `json:"blockHash"`
	BlockNumber *hexutil.Big `json:"blockNumber"`
}

// Find looks for a transaction by its hash. The hash of one whose type is known here is
// computed again, and one with another hash is ErrAnswer. It fails with ErrReorganised
// when the block that the node names is not in its chain.
func (s *Sender) Find(ctx context.Context, hash common.Hash) (Seen, error) {
	what := "look for transaction " + hash.Hex()
	var data json.RawMessage
	if err := s.call(ctx, &data, what, "eth_getTransactionByHash", hash); err != nil {
		return Seen{}, err
	}
	if string(data) == "null" {
		return Seen{State: Absent}, nil
	}
	tx, at, err := s.decode(data)
	if err != nil {
		return Seen{}, fmt.Errorf("%s: %w", what, err)
	}
	if at.Hash != hash {
		return Seen{}, fmt.Errorf("%s: %w: it has another transaction for it", what, ErrAnswer)
	}
	if at.BlockHash == nil || *at.BlockHash == (common.Hash{}) {
		return Seen{State: Pending, Tx: tx}, nil
	}
	b, err := s.blockOf(ctx, what, at)
	if err != nil {
		return Seen{}, err
	}
	r, err := s.receipt(ctx, strings.ToLower(hash.Hex()), b)
	if err != nil {
		return Seen{}, fmt.Errorf("%s: %w", what, err)
	}
	seen := Seen{State: Mined, Tx: tx, Block: b}
	if err := s.cost(what, r, &seen); err != nil {
		return Seen{}, err
	}
	return seen, nil
}

// decode reads a transaction, which is nil where its type is not known, and where it is.
func (s *Sender) decode(data []byte) (*types.Transaction, minedTx, error) {
	var at minedTx
	if json.Unmarshal(data, &at) != nil || at.BlockNumber != nil && !at.BlockNumber.ToInt().IsInt64() || at.BlockHash != nil && at.BlockNumber == nil {
		return nil, at, errNoTransaction
	}
	tx, err := known(data)
	if err != nil {
		return nil, at, errNoTransaction
	}
	if tx != nil && tx.Hash() != at.Hash {
		return nil, at, fmt.Errorf("%w: a transaction with another hash", ErrAnswer)
	}
	return tx, at, nil
}

var errNoTransaction = errors.New("the node's answer is not a transaction")

// known decodes a transaction, unless go-ethereum does not know its type.
func known(data []byte) (*types.Transaction, error) {
	var tx types.Transaction
	err := json.Unmarshal(data, &tx)
	if errors.Is(err, types.ErrTxTypeNotSupported) {
		return nil, nil
	}
	return &tx, err
}

// blockOf is the block that has a transaction, if it is in the node's chain.
func (s *Sender) blockOf(ctx context.Context, what string, at minedTx) (Block, error) {
	n := at.BlockNumber.ToInt().Int64()
	raw, err := s.block(ctx, number(n), false)
	if err != nil {
		return Block{}, fmt.Errorf("%s: %w", what, err)
	}
	b := raw.id()
	switch {
	case b.Number != n:
		return Block{}, fmt.Errorf("%s: %w: block %d for block %d", what, ErrAnswer, b.Number, n)
	case b.Hash != strings.ToLower(at.BlockHash.Hex()):
		return Block{}, fmt.Errorf("%s: block %d changed while it was read: %w", what, n, ErrReorganised)
	}
	return b, nil
}

// cost reads what a transaction did and what it paid, from its receipt.
func (s *Sender) cost(what string, r rawReceipt, seen *Seen) error {
	fee := r.fee()
	if r.Status == nil || *r.Status > 1 || fee == nil {
		return fmt.Errorf("%s: the node's answer is not a receipt", what)
	}
	seen.Failed, seen.GasUsed, seen.GasPrice, seen.Fee = *r.Status == 0, uint64(*r.GasUsed), r.GasPrice.ToInt(), fee
	if seen.Tx != nil && (seen.GasUsed > seen.Tx.Gas() || seen.GasPrice.Cmp(seen.Tx.GasFeeCap()) > 0) {
		return fmt.Errorf("%s: %w: more was paid than was signed", what, ErrAnswer)
	}
	for _, data := range r.Logs {
		var l rawLog
		if json.Unmarshal(data, &l) != nil {
			return fmt.Errorf("%s: the node's answer is not a receipt", what)
		}
		if t, ok := s.tokenTransfer(l); ok {
			seen.Transfers = append(seen.Transfers, t)
		}
	}
	return nil
}

// tokenTransfer reads a Transfer log of any contract; other logs, and those of tokens
// that are no ERC-20, are passed over.
func (c *conn) tokenTransfer(l rawLog) (Transfer, bool) {
	if len(l.Topics) != 3 || !strings.EqualFold(l.Topics[0], transferTopic) || !common.IsHexAddress(l.Address) || l.Index == nil || l.Removed {
		return Transfer{}, false
	}
	from, err1 := hexutil.Decode(l.Topics[1])
	to, err2 := hexutil.Decode(l.Topics[2])
	value, err3 := hexutil.Decode(l.Data)
	if errors.Join(err1, err2, err3) != nil || len(from) != 32 || len(to) != 32 || len(value) != 32 {
		return Transfer{}, false
	}
	return Transfer{
		Asset: c.tokens[strings.ToLower(l.Address)], Contract: common.HexToAddress(l.Address), From: common.BytesToAddress(from), To: common.BytesToAddress(to),
		Units: new(big.Int).SetBytes(value), Index: int64(*l.Index),
	}, true
}
