package node

import (
	"context"
	"errors"
	"math/big"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/common/math"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/state"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/event"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/rpc"
)

// history is the chain as geth's oracle of fees asks for it.
type history struct{ n *Node }

func (h history) HeaderByNumber(ctx context.Context, number rpc.BlockNumber) (*types.Header, error) {
	b, err := h.BlockByNumber(ctx, number)
	if b == nil || err != nil {
		return nil, err
	}
	return b.Header(), nil
}

func (h history) BlockByNumber(_ context.Context, number rpc.BlockNumber) (*types.Block, error) {
	return (&eth{h.n}).at(number), nil
}

func (h history) GetReceipts(_ context.Context, hash common.Hash) (types.Receipts, error) {
	return h.n.chain.GetReceiptsByHash(hash), nil
}

func (h history) Pending() (*types.Block, types.Receipts, *state.StateDB) { return nil, nil, nil }

func (h history) ChainConfig() *params.ChainConfig { return h.n.chain.Config() }

func (h history) SubscribeChainHeadEvent(heads chan<- core.ChainHeadEvent) event.Subscription {
	return h.n.chain.SubscribeChainHeadEvent(heads)
}

func (e *eth) MaxPriorityFeePerGas(ctx context.Context) (*hexutil.Big, error) {
	tip, err := e.n.fees.SuggestTipCap(ctx)
	return (*hexutil.Big)(tip), err
}

func (e *eth) GasPrice(ctx context.Context) (*hexutil.Big, error) {
	tip, err := e.n.fees.SuggestTipCap(ctx)
	if err != nil {
		return nil, err
	}
	return (*hexutil.Big)(new(big.Int).Add(tip, e.n.chain.CurrentBlock().BaseFee)), nil
}

type feeHistory struct {
	Oldest *hexutil.Big     `json:"oldestBlock"`
	Reward [][]*hexutil.Big `json:"reward,omitempty"`
	Base   []*hexutil.Big   `json:"baseFeePerGas"`
	Used   []float64        `json:"gasUsedRatio"`
}

// FeeHistory is what the newest blocks paid.
func (e *eth) FeeHistory(ctx context.Context, blocks math.HexOrDecimal64, last rpc.BlockNumber, percentiles []float64) (*feeHistory, error) {
	oldest, reward, base, used, _, _, err := e.n.fees.FeeHistory(ctx, uint64(blocks), last, percentiles)
	if err != nil {
		return nil, err
	}
	out := &feeHistory{Oldest: (*hexutil.Big)(oldest), Base: big2hex(base), Used: used}
	for _, r := range reward {
		out.Reward = append(out.Reward, big2hex(r))
	}
	return out, nil
}

func big2hex(all []*big.Int) (out []*hexutil.Big) {
	for _, n := range all {
		out = append(out, (*hexutil.Big)(n))
	}
	return out
}

// filter is what eth_getLogs is asked for (EIP-234). A topic of null fits any; an
// address or a topic may be one or several.
type filter struct {
	BlockHash *common.Hash         `json:"blockHash"`
	From      *rpc.BlockNumber     `json:"fromBlock"`
	To        *rpc.BlockNumber     `json:"toBlock"`
	Address   some[common.Address] `json:"address"`
	Topics    []some[common.Hash]  `json:"topics"`
}

// maxRange is how many blocks one eth_getLogs reads.
const maxRange = 10_000

func (e *eth) GetLogs(f filter) ([]*types.Log, error) {
	blocks, err := e.between(f)
	if err != nil {
		return nil, err
	}
	found := []*types.Log{}
	for _, b := range blocks {
		for _, r := range e.n.chain.GetReceiptsByHash(b.Hash()) {
			for _, l := range r.Logs {
				if f.fits(l) {
					found = append(found, l)
				}
			}
		}
	}
	return found, nil
}

func (e *eth) between(f filter) ([]*types.Block, error) {
	if f.BlockHash != nil {
		if f.From != nil || f.To != nil {
			return nil, errors.New("cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other")
		}
		b := e.canonical(*f.BlockHash)
		if b == nil {
			return nil, errors.New("unknown block")
		}
		return []*types.Block{b}, nil
	}
	from, to := e.at(rpc.LatestBlockNumber), e.at(rpc.LatestBlockNumber)
	if f.From != nil {
		from = e.at(*f.From)
	}
	if f.To != nil {
		to = e.at(*f.To)
	}
	if from == nil || to == nil || from.NumberU64() > to.NumberU64() || to.NumberU64()-from.NumberU64() > maxRange {
		return nil, errors.New("invalid block range params")
	}
	var all []*types.Block
	for i := from.NumberU64(); i <= to.NumberU64(); i++ {
		if b := e.n.chain.GetBlockByNumber(i); b != nil && b.Bloom() != (types.Bloom{}) {
			all = append(all, b)
		}
	}
	return all, nil
}

func (f filter) fits(l *types.Log) bool {
	if len(f.Address) > 0 && !slices.Contains(f.Address, l.Address) || len(f.Topics) > len(l.Topics) {
		return false
	}
	for i, any := range f.Topics {
		if len(any) > 0 && !slices.Contains(any, l.Topics[i]) {
			return false
		}
	}
	return true
}
