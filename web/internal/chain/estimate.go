package chain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"

	"countersign/shared/secret"
)

const (
	gasMargin = 20         // per cent that are added to an estimate of a contract's work
	maxGas    = 30_000_000 // more is not believed: no transfer needs it
)

// Call is what a transaction will do.
type Call struct {
	From, To common.Address
	Value    *big.Int // in wei; nil is zero
	Data     []byte
}

func (c Call) args() map[string]any {
	value := c.Value
	if value == nil {
		value = new(big.Int)
	}
	args := map[string]any{"from": c.From, "to": c.To, "value": (*hexutil.Big)(value)}
	if len(c.Data) > 0 {
		args["data"] = hexutil.Bytes(c.Data)
		args["input"] = hexutil.Bytes(c.Data) // the newer name of the same; nodes that know both refuse what differs
	}
	return args
}

// ErrFunds says that an account has less than a transaction moves and may cost.
var ErrFunds = errors.New("the account has less than the transaction needs")

// RevertError says that a contract refuses a call: it would fail in a block, and its
// fee would be lost.
type RevertError struct {
	Reason string // what the contract says, short and printable; empty: nothing
}

func (e *RevertError) Error() string {
	if e.Reason == "" {
		return "the contract refuses it and does not say why"
	}
	return "the contract refuses it: " + e.Reason
}

// Estimate is the gas limit for a call: what the node needs for it now, and a fifth
// more where a contract works, because what it meets may be different then. It fails
// with *[RevertError] where a contract refuses the call, or answers a transfer with
// false, and with ErrFunds.
func (s *Sender) Estimate(ctx context.Context, call Call) (uint64, error) {
	const what = "estimate the transaction"
	if err := s.ready(ctx); err != nil {
		return 0, err
	}
	if len(call.Data) > 0 {
		var result hexutil.Bytes
		if err := s.try(ctx, question{"eth_call", []any{call.args(), "latest"}, &result}); err != nil {
			return 0, s.refusedCall(what, err)
		}
		if answers(call.Data) && len(result) == 32 && bytes.Equal(result, make([]byte, 32)) {
			return 0, fmt.Errorf("%s: %w", what, &RevertError{"it answers with false"})
		}
	}
	var gas *hexutil.Uint64
	if err := s.try(ctx, question{"eth_estimateGas", []any{call.args()}, &gas}); err != nil {
		return 0, s.refusedCall(what, err)
	}
	switch {
	case gas == nil || *gas < hexutil.Uint64(params.TxGas) || *gas > maxGas:
		return 0, fmt.Errorf("%s: %w", what, ErrAnswer)
	case *gas == hexutil.Uint64(params.TxGas) && len(call.Data) == 0:
		return params.TxGas, nil
	}
	return uint64(*gas) + uint64(*gas)*gasMargin/100, nil
}

// The calls of a token (EIP-20) that answer whether they were done.
var (
	tokenTransfer = selector("transfer(address,uint256)")
	tokenApprove  = selector("approve(address,uint256)")
)

func answers(data []byte) bool {
	return bytes.HasPrefix(data, tokenTransfer) || bytes.HasPrefix(data, tokenApprove)
}

func selector(signature string) []byte { return crypto.Keccak256([]byte(signature))[:4] }

// refusedCall says why a node does not carry out a call.
func (s *Sender) refusedCall(what string, err error) error {
	var refused *refusal
	if !errors.As(err, &refused) {
		return s.fault(what, err)
	}
	text := strings.ToLower(refused.Message)
	switch {
	case refused.Code == 3 || strings.Contains(text, "revert"): // execution-apis: 3 is a revert
		return fmt.Errorf("%s: %w", what, &RevertError{s.reason(refused)})
	case strings.Contains(text, "insufficient funds") || strings.Contains(text, "gas required exceeds allowance"):
		return fmt.Errorf("%s: %w", what, ErrFunds)
	}
	return s.fault(what, err)
}

// reason is what a contract says of a revert: a text, a failed check of the language
// (both of Solidity's ABI), or one of the errors that tokens use.
func (s *Sender) reason(refused *refusal) string {
	var data hexutil.Bytes
	if json.Unmarshal(refused.Data, &data) == nil && len(data) >= 4 {
		if text, err := abi.UnpackRevert(data); err == nil {
			return shown(text)
		}
		for signature, words := range tokenErrors {
			if bytes.HasPrefix(data, selector(signature)) {
				return words
			}
		}
		return "error " + hexutil.Encode(data[:4])
	}
	_, text, _ := strings.Cut(refused.Message, "execution reverted: ")
	return shown(secret.Text(text, s.cfg.RPC))
}

// tokenErrors are errors of EIP-6093, and of OpenZeppelin's pause, in words.
var tokenErrors = map[string]string{
	"ERC20InsufficientBalance(address,uint256,uint256)": "the sender has less of the token",
	"ERC20InvalidSender(address)":                       "the token does not accept the sender",
	"ERC20InvalidReceiver(address)":                     "the token does not accept the recipient",
	"ERC20InvalidSpender(address)":                      "the token does not accept who may spend",
	"EnforcedPause()":                                   "the token is paused",
}
