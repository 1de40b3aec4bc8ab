package chain

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
)

// Sender asks one chain what a transaction will cost, gives it what was signed, and
// finds it again. It signs nothing and has no keys. It is safe for concurrent use.
//
// What it believes: the hash of a transaction is computed here, so a node cannot show
// another one for it. Fees, nonces and balances are the node's word, and so is that a
// transaction is in a block: what may be signed is bounded by what people approved,
// and what is booked waits for confirmations.
type Sender struct {
	*conn
	id *big.Int // of the chain
}

// NewSender makes a sender. It connects when it is first asked, and then checks that
// the node is on the chain that was configured.
func NewSender(cfg Config) (*Sender, error) {
	c, err := connect(cfg)
	if err != nil {
		return nil, err
	}
	id, ok := new(big.Int).SetString(strings.TrimPrefix(cfg.Chain, "eip155:"), 10)
	if !ok {
		return nil, fmt.Errorf("chain %q has no number", cfg.Chain)
	}
	return &Sender{conn: c, id: id}, nil
}

// ErrAnswer says that a node answers what cannot be: another transaction than it was
// asked for, or numbers that cannot be meant.
var ErrAnswer = errors.New("the node's answer cannot be right")

// Nonce is the number of the next transaction of an address: in the newest block, or
// with what the node keeps for the next ones. Transactions that wait behind a gap are
// not counted.
func (s *Sender) Nonce(ctx context.Context, address common.Address, pending bool) (uint64, error) {
	var nonce *hexutil.Uint64
	what := "read the next nonce of " + address.Hex()
	if err := s.call(ctx, &nonce, what, "eth_getTransactionCount", address, tag(pending)); err != nil {
		return 0, err
	}
	if nonce == nil {
		return 0, fmt.Errorf("%s: the node has no answer", what)
	}
	return uint64(*nonce), nil
}

// Balance is what an address has of the chain's coin in the newest block, in wei.
func (s *Sender) Balance(ctx context.Context, address common.Address) (*big.Int, error) {
	var balance *hexutil.Big
	what := "read the balance of " + address.Hex()
	if err := s.call(ctx, &balance, what, "eth_getBalance", address, "latest"); err != nil {
		return nil, err
	}
	if balance == nil {
		return nil, fmt.Errorf("%s: the node has no answer", what)
	}
	return balance.ToInt(), nil
}

// Contract reports whether there is code at an address. What is sent to a contract by
// mistake is often lost. An account that delegates to code (EIP-7702) is not a
// contract: its owner still has the key.
func (s *Sender) Contract(ctx context.Context, address common.Address) (bool, error) {
	var code hexutil.Bytes
	if err := s.call(ctx, &code, "read the code at "+address.Hex(), "eth_getCode", address, "latest"); err != nil {
		return false, err
	}
	return len(code) > 0 && !delegation(code), nil
}

// delegation reports whether code says whose code an account runs (EIP-7702).
func delegation(code []byte) bool {
	return len(code) == 23 && code[0] == 0xef && code[1] == 0x01 && code[2] == 0x00
}

func tag(pending bool) string {
	if pending {
		return "pending"
	}
	return "latest"
}
