package node

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/state"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/ethereum/go-ethereum/eth/gasestimator"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/holiman/uint256"
)

// callTime is how long a contract may work for a question.
const callTime = 2 * time.Second

// state is what a block left.
func (e *eth) state(which rpc.BlockNumberOrHash) (*state.StateDB, *types.Block, error) {
	b, err := e.of(which)
	if err != nil {
		return nil, nil, err
	}
	s, err := e.n.chain.StateAt(b.Root(), b.Number(), b.Time())
	return s, b, err
}

func (e *eth) GetBalance(address common.Address, at rpc.BlockNumberOrHash) (*hexutil.Big, error) {
	s, _, err := e.state(at)
	if err != nil {
		return nil, err
	}
	return (*hexutil.Big)(s.GetBalance(address).ToBig()), nil
}

// GetTransactionCount is the next nonce of an address after a block, or, pending, after
// what waits for one.
func (e *eth) GetTransactionCount(address common.Address, at rpc.BlockNumberOrHash) (hexutil.Uint64, error) {
	if number, ok := at.Number(); ok && number == rpc.PendingBlockNumber {
		return hexutil.Uint64(e.n.pool.PoolNonce(address)), nil
	}
	s, _, err := e.state(at)
	if err != nil {
		return 0, err
	}
	return hexutil.Uint64(s.GetNonce(address)), nil
}

func (e *eth) GetCode(address common.Address, at rpc.BlockNumberOrHash) (hexutil.Bytes, error) {
	s, _, err := e.state(at)
	if err != nil {
		return nil, err
	}
	return s.GetCode(address), nil
}

// callArgs are the parts of a call that are read. Fees are those of a call that pays none.
type callArgs struct {
	From  common.Address  `json:"from"`
	To    *common.Address `json:"to"`
	Gas   hexutil.Uint64  `json:"gas"`
	Value *hexutil.U256   `json:"value"`
	Data  hexutil.Bytes   `json:"data"`
	Input hexutil.Bytes   `json:"input"`
}

func (a callArgs) message(gas uint64) *core.Message {
	m := &core.Message{
		From: a.From, To: a.To, Value: new(uint256.Int), GasLimit: uint64(a.Gas), Data: a.Input,
		GasPrice: new(uint256.Int), GasFeeCap: new(uint256.Int), GasTipCap: new(uint256.Int),
	}
	if m.Data == nil {
		m.Data = a.Data
	}
	if a.Value != nil {
		m.Value = (*uint256.Int)(a.Value)
	}
	if m.GasLimit == 0 || m.GasLimit > gasLimit {
		m.GasLimit = gas
	}
	return m.SkipNonceCheck().SkipEOACheck().SkipGasLimitCapCheck()
}

// Call is eth_call: what a contract would answer.
func (e *eth) Call(ctx context.Context, args callArgs, at rpc.BlockNumberOrHash) (hexutil.Bytes, error) {
	s, b, err := e.state(at)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	block := core.NewEVMBlockContext(b.Header(), e.n.chain, nil)
	block.BaseFee = new(big.Int) // the call pays no fee
	evm := vm.NewEVM(block, s, e.n.chain.Config(), vm.Config{NoBaseFee: true})
	defer evm.Release()
	defer context.AfterFunc(ctx, evm.Cancel)()
	result, err := core.ApplyMessage(evm, args.message(gasLimit), nil)
	switch {
	case evm.Cancelled():
		return nil, fmt.Errorf("execution aborted (timeout = %v)", callTime)
	case err != nil:
		return nil, err
	case errors.Is(result.Err, vm.ErrExecutionReverted):
		return nil, reverted(result.Revert())
	}
	return result.Return(), result.Err
}

// EstimateGas is the least gas with which a transaction would not fail.
func (e *eth) EstimateGas(ctx context.Context, args callArgs, at *rpc.BlockNumberOrHash) (hexutil.Uint64, error) {
	which := rpc.BlockNumberOrHashWithNumber(rpc.LatestBlockNumber)
	if at != nil {
		which = *at
	}
	s, b, err := e.state(which)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	gas, revert, err := gasestimator.Estimate(ctx, args.message(0), &gasestimator.Options{
		Config: e.n.chain.Config(), Chain: e.n.chain, Header: b.Header(), State: s, ErrorRatio: 0.015,
	}, gasLimit)
	if errors.Is(err, vm.ErrExecutionReverted) {
		err = reverted(revert)
	}
	return hexutil.Uint64(gas), err
}

// revertError is a revert as JSON-RPC tells it: code 3, and what the contract said.
type revertError struct {
	text string
	data hexutil.Bytes
}

func (e *revertError) Error() string  { return e.text }
func (e *revertError) ErrorCode() int { return 3 }
func (e *revertError) ErrorData() any { return e.data }

func reverted(data []byte) error {
	text := vm.ErrExecutionReverted.Error()
	if reason, err := abi.UnpackRevert(data); err == nil {
		text += ": " + reason
	}
	return &revertError{text, data}
}
