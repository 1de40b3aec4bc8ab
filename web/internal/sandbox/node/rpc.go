package node

import (
	"encoding/json"
	"errors"
	"math/big"
	"net/http"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/rpc"
)

// Handler serves the node as JSON-RPC over HTTP.
func (n *Node) Handler() (http.Handler, error) {
	server := rpc.NewServer()
	server.SetBatchLimits(100, 1<<20)
	for name, service := range map[string]any{"eth": &eth{n}, "net": network{}, "web3": web3{}} {
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

// eth is the eth namespace, as far as a chain without contracts has one.
type eth struct{ n *Node }

type fields = map[string]any

func (e *eth) ChainId() hexutil.Uint64 { return ChainID }

func (e *eth) BlockNumber() hexutil.Uint64 {
	e.n.mu.RLock()
	defer e.n.mu.RUnlock()
	return hexutil.Uint64(len(e.n.blocks) - 1)
}

// at returns the block of a number or tag; nil when there is none.
func (e *eth) at(number rpc.BlockNumber) *types.Block {
	head := len(e.n.blocks) - 1
	switch {
	case number == rpc.EarliestBlockNumber:
		return e.n.blocks[0]
	case number < 0: // latest, pending, safe, finalized: one node agrees with itself at once
		return e.n.blocks[head]
	case int64(number) > int64(head):
		return nil
	}
	return e.n.blocks[number]
}

func (e *eth) GetBlockByNumber(number rpc.BlockNumber, full bool) (fields, error) {
	e.n.mu.RLock()
	defer e.n.mu.RUnlock()
	return e.block(e.at(number), full)
}

func (e *eth) GetBlockByHash(hash common.Hash, full bool) (fields, error) {
	e.n.mu.RLock()
	defer e.n.mu.RUnlock()
	return e.block(e.n.byHash[hash], full)
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
	out["size"], out["transactions"], out["uncles"] = hexutil.Uint64(b.Size()), txs, []common.Hash{}
	return out, nil
}

func (e *eth) transaction(b *types.Block, index int) (fields, error) {
	tx := b.Transactions()[index]
	out, err := toFields(tx)
	if err != nil {
		return nil, err
	}
	from, err := types.Sender(e.n.signer, tx)
	if err != nil {
		return nil, err
	}
	out["blockHash"], out["blockNumber"], out["from"] = b.Hash(), (*hexutil.Big)(b.Number()), from
	out["transactionIndex"], out["gasPrice"] = hexutil.Uint64(index), (*hexutil.Big)(price(tx, b.BaseFee()))
	return out, nil
}

func (e *eth) GetTransactionByHash(hash common.Hash) (fields, error) {
	e.n.mu.RLock()
	defer e.n.mu.RUnlock()
	r := e.n.receipts[hash]
	if r == nil {
		return nil, nil
	}
	return e.transaction(e.n.byHash[r.BlockHash], int(r.TransactionIndex))
}

func (e *eth) GetTransactionReceipt(hash common.Hash) (fields, error) {
	e.n.mu.RLock()
	defer e.n.mu.RUnlock()
	r := e.n.receipts[hash]
	if r == nil {
		return nil, nil
	}
	out, err := toFields(r)
	if err != nil {
		return nil, err
	}
	tx := e.n.byHash[r.BlockHash].Transactions()[r.TransactionIndex]
	from, err := types.Sender(e.n.signer, tx)
	if err != nil {
		return nil, err
	}
	out["from"], out["to"], out["contractAddress"] = from, tx.To(), nil
	return out, nil
}

// GetBalance answers for every block, by number, tag or hash (EIP-1898).
func (e *eth) GetBalance(address common.Address, at rpc.BlockNumberOrHash) (*hexutil.Big, error) {
	e.n.mu.RLock()
	defer e.n.mu.RUnlock()
	var b *types.Block
	if hash, ok := at.Hash(); ok {
		b = e.n.byHash[hash]
	} else if number, ok := at.Number(); ok {
		b = e.at(number)
	}
	if b == nil {
		return nil, errors.New("unknown block")
	}
	return (*hexutil.Big)(new(big.Int).Set(e.n.balance(address, b.NumberU64()))), nil
}

func (e *eth) GetTransactionCount(address common.Address, _ rpc.BlockNumberOrHash) hexutil.Uint64 {
	e.n.mu.RLock()
	defer e.n.mu.RUnlock()
	return hexutil.Uint64(e.n.accounts[address].nonce)
}

func (e *eth) SendRawTransaction(raw hexutil.Bytes) (common.Hash, error) {
	if len(raw) > 4096 {
		return common.Hash{}, errors.New("transaction too large")
	}
	var tx types.Transaction
	if err := tx.UnmarshalBinary(raw); err != nil {
		return common.Hash{}, err
	}
	return tx.Hash(), e.n.Send(&tx)
}

func (e *eth) GasPrice() *hexutil.Big {
	return (*hexutil.Big)(big.NewInt(params.InitialBaseFee + params.GWei))
}

func (e *eth) MaxPriorityFeePerGas() *hexutil.Big { return (*hexutil.Big)(big.NewInt(params.GWei)) }

func (e *eth) EstimateGas(json.RawMessage) hexutil.Uint64 { return hexutil.Uint64(params.TxGas) }

func (e *eth) GetCode(common.Address, rpc.BlockNumberOrHash) hexutil.Bytes { return hexutil.Bytes{} }

func (e *eth) GetLogs(json.RawMessage) []types.Log { return []types.Log{} }

func (e *eth) Syncing() bool { return false }

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
