package chain

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/params"
)

const (
	feeBlocks = 20 // that fees are estimated from
	// maxGasPrice is in wei, for one gas. What a node tells beyond it is not believed:
	// a plain transfer would cost one whole coin.
	maxGasPrice = 50_000 * params.GWei
)

// percentiles are those of the tips in a block that slow, normal and fast pay.
var percentiles = [3]float64{10, 50, 90}

// Fee is what one unit of gas may cost, in wei (EIP-1559).
type Fee struct {
	Tip *big.Int // for whoever makes the block
	Cap *big.Int // the most, with the block's base fee
}

// Raised is the least that nodes take for a transaction in the place of one that pays f:
// a tenth more of both, rounded up (geth's --txpool.pricebump).
func (f Fee) Raised() Fee { return Fee{Tip: raised(f.Tip), Cap: raised(f.Cap)} }

func raised(n *big.Int) *big.Int {
	n = new(big.Int).Mul(n, big.NewInt(110))
	return n.Add(n, big.NewInt(99)).Div(n, big.NewInt(100))
}

// AtLeast is f with a tip and a cap that are not below those of least.
func (f Fee) AtLeast(least Fee) Fee {
	tip := larger(f.Tip, least.Tip)
	return Fee{Tip: tip, Cap: larger(larger(f.Cap, least.Cap), tip)}
}

// Most is what a transaction with a gas limit can cost, in wei, beside its value.
func (f Fee) Most(gas uint64) *big.Int {
	return new(big.Int).Mul(f.Cap, new(big.Int).SetUint64(gas))
}

// Fees are three speeds, none below the one before. The caps leave room for a base
// fee that doubles, which takes at least six full blocks.
type Fees struct {
	Base               *big.Int // base fee of the next block; zero where the chain tells none
	Slow, Normal, Fast Fee
}

// Fees asks what others pay now. It fails with ErrAnswer when a node tells more than
// can be meant.
func (s *Sender) Fees(ctx context.Context) (Fees, error) {
	base, tips, err := s.history(ctx)
	if errors.Is(err, errNoHistory) {
		base, tips, err = s.gasPrice(ctx)
	}
	if err != nil {
		return Fees{}, err
	}
	fees, all := Fees{Base: base}, [3]Fee{}
	for i, tip := range tips {
		tip = larger(tip, big.NewInt(1))
		if i > 0 {
			tip = larger(tip, all[i-1].Tip)
		}
		all[i] = Fee{Tip: tip, Cap: new(big.Int).Add(new(big.Int).Lsh(base, 1), tip)}
	}
	if all[2].Cap.Cmp(big.NewInt(maxGasPrice)) > 0 {
		return Fees{}, fmt.Errorf("estimate fees: %w: %s wei for one gas", ErrAnswer, shown(all[2].Cap.String()))
	}
	fees.Slow, fees.Normal, fees.Fast = all[0], all[1], all[2]
	return fees, nil
}

// errNoHistory says that a node does not tell what others paid.
var errNoHistory = errors.New("no history of fees")

type feeHistory struct {
	Base   []*hexutil.Big   `json:"baseFeePerGas"` // one more than blocks: the last is of the next block
	Reward [][]*hexutil.Big `json:"reward"`        // of each block, one for each percentile
	Used   []float64        `json:"gasUsedRatio"`
}

// history is the next base fee, and for each speed the median of what the blocks that
// had transactions say.
func (s *Sender) history(ctx context.Context) (base *big.Int, tips [3]*big.Int, err error) {
	var h *feeHistory
	if err := s.ready(ctx); err != nil {
		return nil, tips, err
	}
	err = s.try(ctx, question{"eth_feeHistory", []any{hexutil.Uint64(feeBlocks), "latest", percentiles}, &h})
	var refused *refusal
	if errors.As(err, &refused) {
		return nil, tips, errNoHistory
	}
	if err != nil {
		return nil, tips, s.fault("estimate fees", err)
	}
	if h == nil || len(h.Base) == 0 || len(h.Base) > feeBlocks+1 || h.Base[len(h.Base)-1] == nil {
		return nil, tips, errNoHistory
	}
	base = h.Base[len(h.Base)-1].ToInt()
	var paid [3][]*big.Int
	for i, reward := range h.Reward {
		if len(reward) != len(percentiles) || i < len(h.Used) && h.Used[i] == 0 {
			continue // a block without transactions says nothing
		}
		for j, tip := range reward {
			if tip != nil {
				paid[j] = append(paid[j], tip.ToInt())
			}
		}
	}
	for j := range paid {
		if len(paid[j]) == 0 {
			tips, err = s.suggested(ctx)
			return base, tips, err
		}
		slices.SortFunc(paid[j], (*big.Int).Cmp)
		tips[j] = paid[j][len(paid[j])/2]
	}
	return base, tips, nil
}

// suggested are tips where nobody has paid any: what the node would pay, half and
// twice of it.
func (s *Sender) suggested(ctx context.Context) (tips [3]*big.Int, err error) {
	var tip *hexutil.Big
	if err := s.call(ctx, &tip, "estimate fees", "eth_maxPriorityFeePerGas"); err != nil {
		return tips, err
	}
	return speeds(tip)
}

// gasPrice is for nodes that know one price only. It is the tip as a whole, because
// what the base fee is of it is not told.
func (s *Sender) gasPrice(ctx context.Context) (base *big.Int, tips [3]*big.Int, err error) {
	var price *hexutil.Big
	if err := s.call(ctx, &price, "estimate fees", "eth_gasPrice"); err != nil {
		return nil, tips, err
	}
	tips, err = speeds(price)
	return new(big.Int), tips, err
}

func speeds(normal *hexutil.Big) (tips [3]*big.Int, err error) {
	if normal == nil {
		return tips, errors.New("estimate fees: the node has no answer")
	}
	n := normal.ToInt()
	return [3]*big.Int{new(big.Int).Rsh(n, 1), n, new(big.Int).Lsh(n, 1)}, nil
}

func larger(a, b *big.Int) *big.Int {
	if a.Cmp(b) > 0 {
		return a
	}
	return b
}
