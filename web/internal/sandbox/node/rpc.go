package node

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"
)

// maxRaw is the size of a transaction that is read, in bytes: the pool takes no larger one.
const maxRaw = 128 << 10

// Handler serves the node as JSON-RPC over HTTP.
func (n *Node) Handler() (http.Handler, error) {
	server := rpc.NewServer()
	server.SetBatchLimits(100, 1<<20)
	for name, service := range map[string]any{"eth": &eth{n}, "net": network{}, "web3": web3{}, "debug": debug{n}} {
		if err := server.RegisterName(name, service); err != nil {
			return nil, err
		}
	}
	return server, nil
}

type network struct{}

// Version is net_version.
func (network) Version() string { return "31337" }

type web3 struct{}

// ClientVersion is web3_clientVersion.
func (web3) ClientVersion() string { return "countersign-sandbox" }

type debug struct{ n *Node }

// SetHead is debug_setHead: how a reorganisation is tried out.
func (d debug) SetHead(number hexutil.Uint64) error { return d.n.SetHead(uint64(number)) }

// eth is the eth namespace.
type eth struct{ n *Node }

type fields = map[string]any

func (e *eth) ChainId() hexutil.Uint64 { return ChainID }

func (e *eth) BlockNumber() hexutil.Uint64 {
	return hexutil.Uint64(e.n.chain.CurrentBlock().Number.Uint64())
}

func (e *eth) Syncing() bool { return false }

// at returns the block of a number or tag; nil when there is none.
func (e *eth) at(number rpc.BlockNumber) *types.Block {
	switch {
	case number == rpc.EarliestBlockNumber:
		number = 0
	case number < 0: // latest, pending, safe, finalized: one node agrees with itself at once
		head := e.n.chain.CurrentBlock()
		return e.n.chain.GetBlock(head.Hash(), head.Number.Uint64())
	}
	return e.n.chain.GetBlockByNumber(uint64(number))
}

// of returns the block of a number, tag or hash (EIP-1898).
func (e *eth) of(which rpc.BlockNumberOrHash) (*types.Block, error) {
	var b *types.Block
	if hash, ok := which.Hash(); ok {
		b = e.canonical(hash)
	} else if number, ok := which.Number(); ok {
		b = e.at(number)
	}
	if b == nil {
		return nil, errors.New("header not found")
	}
	return b, nil
}

// canonical returns a block that is in the chain.
func (e *eth) canonical(hash common.Hash) *types.Block {
	b := e.n.chain.GetBlockByHash(hash)
	if b == nil || e.n.chain.GetCanonicalHash(b.NumberU64()) != hash {
		return nil
	}
	return b
}

func (e *eth) GetBlockByNumber(number rpc.BlockNumber, full bool) (fields, error) {
	return e.block(e.at(number), full)
}

func (e *eth) GetBlockByHash(hash common.Hash, full bool) (fields, error) {
	return e.block(e.canonical(hash), full)
}

func (e *eth) block(b *types.Block, full bool) (fields, error) {
	if b == nil {
		return nil, nil
	}
	out, err := toFields(b.Header())
	if err != nil {
		return nil, err
	}
	txs := []any{}
	for i, tx := range b.Transactions() {
		if !full {
			txs = append(txs, tx.Hash())
			continue
		}
		f, err := e.transaction(b, i)
		if err != nil {
			return nil, err
		}
		txs = append(txs, f)
	}
	out["size"], out["transactions"], out["uncles"], out["withdrawals"] = hexutil.Uint64(b.Size()), txs, []common.Hash{}, b.Withdrawals()
	return out, nil
}

func (e *eth) transaction(b *types.Block, index int) (fields, error) {
	tx := b.Transactions()[index]
	out, err := e.waiting(tx)
	if err != nil {
		return nil, err
	}
	out["blockHash"], out["blockNumber"], out["blockTimestamp"] = b.Hash(), (*hexutil.Big)(b.Number()), hexutil.Uint64(b.Time())
	out["transactionIndex"], out["gasPrice"] = hexutil.Uint64(index), (*hexutil.Big)(price(tx, b.BaseFee()))
	return out, nil
}

// waiting is a transaction that is in no block.
func (e *eth) waiting(tx *types.Transaction) (fields, error) {
	out, err := toFields(tx)
	if err != nil {
		return nil, err
	}
	from, err := types.Sender(e.n.signer, tx)
	if err != nil {
		return nil, err
	}
	out["from"], out["gasPrice"] = from, (*hexutil.Big)(tx.GasFeeCap())
	out["blockHash"], out["blockNumber"], out["transactionIndex"] = nil, nil, nil
	return out, nil
}

// mined returns the block of a transaction, and its place in it.
func (e *eth) mined(hash common.Hash) (*types.Block, int) {
	entry, _ := e.n.chain.GetCanonicalTransaction(hash)
	if entry == nil {
		return nil, 0
	}
	return e.canonical(entry.BlockHash), int(entry.Index)
}

func (e *eth) GetTransactionByHash(hash common.Hash) (fields, error) {
	if b, i := e.mined(hash); b != nil {
		return e.transaction(b, i)
	}
	if tx := e.n.pool.Get(hash); tx != nil {
		return e.waiting(tx)
	}
	return nil, nil
}

func (e *eth) GetTransactionReceipt(hash common.Hash) (fields, error) {
	b, i := e.mined(hash)
	if b == nil {
		return nil, nil
	}
	all := e.n.chain.GetReceiptsByHash(b.Hash())
	if i >= len(all) {
		return nil, nil
	}
	out, err := toFields(all[i])
	if err != nil {
		return nil, err
	}
	tx := b.Transactions()[i]
	from, err := types.Sender(e.n.signer, tx)
	if err != nil {
		return nil, err
	}
	out["from"], out["to"] = from, tx.To()
	if all[i].ContractAddress == (common.Address{}) {
		out["contractAddress"] = nil
	}
	return out, nil
}

func (e *eth) SendRawTransaction(raw hexutil.Bytes) (common.Hash, error) {
	if len(raw) > maxRaw {
		return common.Hash{}, errors.New("oversized data")
	}
	var tx types.Transaction
	if err := tx.UnmarshalBinary(raw); err != nil {
		return common.Hash{}, err
	}
	if err := checkFee(&tx); err != nil {
		return common.Hash{}, err
	}
	if !tx.Protected() {
		return common.Hash{}, errors.New("only replay-protected (EIP-155) transactions allowed over RPC")
	}
	if err := e.n.Send(&tx); err != nil {
		return common.Hash{}, err
	}
	return tx.Hash(), nil
}

// toFields is the JSON of a go-ethereum type, open to additions.
func toFields(v any) (fields, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	out := fields{}
	err = json.Unmarshal(data, &out)
	return out, err
}
