package chain

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
)

// Outcome is what became of a transaction that was given to a node.
type Outcome string

// The outcomes: a closed set.
const (
	// The node has it.
	Accepted Outcome = "accepted" // it waits for a block; also when the node knew it, or a nonce before it is missing
	Included Outcome = "included" // it is in a block already

	// The node does not have it, and the same bytes may do later, or at another node.
	Unreachable Outcome = "unreachable" // no answer, or an answer that says nothing about the transaction
	Unclear     Outcome = "unclear"     // an answer that is not known here, or cannot be right: the node may have it
	TooCheap    Outcome = "too_cheap"   // it pays less than what the node takes at the moment
	Full        Outcome = "full"        // the node's pool is full, or has enough of this account
	TooSoon     Outcome = "too_soon"    // a nonce before it is missing, and the node does not wait for it

	// The same bytes will not do.
	Underpriced Outcome = "underpriced" // another transaction waits with this nonce: tip and cap must both be ten per cent above it
	Displaced   Outcome = "displaced"   // another transaction with this nonce is in a block, if the node is right
	NoFunds     Outcome = "no_funds"    // the account has less than value and gas limit times fee cap
	NodeCap     Outcome = "node_cap"    // its fee is above what the node's operator allows: geth's --rpc.txfeecap
	Malformed   Outcome = "malformed"   // it is wrong in itself: a mistake of ours
)

// Outcomes lists all of them.
func Outcomes() []Outcome {
	return []Outcome{Accepted, Included, Unreachable, Unclear, TooCheap, Full, TooSoon, Underpriced, Displaced, NoFunds, NodeCap, Malformed}
}

// Sent reports whether the node has the transaction.
func (o Outcome) Sent() bool { return o == Accepted || o == Included }

// Again reports whether the same bytes should be given to a node again.
func (o Outcome) Again() bool {
	return o == Unreachable || o == Unclear || o == TooCheap || o == Full || o == TooSoon
}

// Broadcast gives a signed transaction to the node (its canonical bytes, EIP-2718).
// The error is nil when the node has it, and otherwise says what happened, in words
// that may be shown; with Unclear for what the node tells of another transaction it
// wraps ErrAnswer. It is safe to give the same bytes any number of times.
//
// A node that is behind, or one of several behind one address, can be wrong about
// Displaced: look for the transaction that took the nonce before believing it.
func (s *Sender) Broadcast(ctx context.Context, raw []byte) (Outcome, error) {
	var tx types.Transaction
	if err := tx.UnmarshalBinary(raw); err != nil {
		return Malformed, errors.New("send the transaction: it cannot be decoded")
	}
	what := "send transaction " + tx.Hash().Hex()
	if tx.ChainId().Cmp(s.id) != 0 {
		return Malformed, fmt.Errorf("%s: it is for chain eip155:%s, not for %s", what, tx.ChainId(), s.cfg.Chain)
	}
	if err := s.ready(ctx); err != nil {
		return Unreachable, err
	}
	var hash *common.Hash
	err := s.try(ctx, question{"eth_sendRawTransaction", []any{hexutil.Bytes(raw)}, &hash})
	if err == nil {
		if hash == nil || *hash != tx.Hash() {
			return Unclear, fmt.Errorf("%s: %w: it answers with another transaction", what, ErrAnswer)
		}
		return Accepted, nil
	}
	outcome := classify(err)
	switch outcome {
	case Accepted:
		return Accepted, nil
	case Displaced:
		return s.displaced(ctx, what, &tx)
	}
	return outcome, s.fault(what, err)
}

// displaced asks which transaction took the nonce: after the node said that it is
// used, it is often this very one.
func (s *Sender) displaced(ctx context.Context, what string, tx *types.Transaction) (Outcome, error) {
	seen, err := s.Find(ctx, tx.Hash())
	switch {
	case err != nil:
		return Unclear, fmt.Errorf("%s: the node says that its nonce is used: %w", what, err)
	case seen.State == Pending:
		return Accepted, nil
	case seen.State == Mined:
		return Included, nil
	}
	return Displaced, fmt.Errorf("%s: another transaction with nonce %d is in a block", what, tx.Nonce())
}

// said is what nodes say, in lower case, and what it means. The first line that has words
// of an answer counts. The words are those of geth (core/txpool, core/error.go), Erigon,
// Besu (RpcErrorType), Nethermind (AcceptTxResult), reth and Arbitrum.
var said = []struct {
	outcome Outcome
	words   []string
}{
	{Malformed, []string{"unknown transaction"}}, // which the next line has in it
	{Accepted, []string{"already known", "known transaction", "alreadyknown", "already imported", "already exists in"}},
	{Displaced, []string{"nonce too low", "nonce_too_low", "oldnonce"}},
	{TooSoon, []string{"nonce too high", "nonce_too_high", "noncegap", "gapped-nonce"}},
	{Underpriced, []string{
		"replacement transaction underpriced", "replacement_underpriced", "replacementnotallowed", "could not replace existing",
		"to replace existing transaction", "future transaction tries to replace pending",
	}},
	{TooCheap, []string{
		"transaction underpriced", "gas price below", "below configured minimum", "feetoolow", "gas price too low",
		"less than block base fee", "fee cap less than base fee",
	}},
	{Full, []string{"txpool is full", "pool full", "queue full", "out of capacity", "account limit exceeded", "in-flight transaction limit"}},
	{NodeCap, []string{"exceeds the configured cap", "transaction fee cap exceeded"}},
	{NoFunds, []string{"insufficient funds", "insufficientfunds", "not enough funds", "upfront cost exceeds"}},
	{Malformed, []string{
		"intrinsic gas", "floor data gas", "max priority fee per gas higher than", "max fee per gas higher than", "invalid chain id", "wrong chain",
		"invalid sender", "invalid signature", "v, r, s values", "exceeds block gas limit", "gas limit too high", "gaslimitexceeded",
		"oversized data", "type not supported", "only replay-protected", "nonce has max value", "gas uint64 overflow", "rlp:", "typed transaction too short",
	}},
	{Unreachable, []string{"rate limit", "limit exceeded", "too many requests"}},
}

// classify says what an error means for a transaction that was sent.
func classify(err error) Outcome {
	var refused *refusal
	var odd malformed
	var dialled *url.Error
	if errors.As(err, &refused) {
		text := strings.ToLower(refused.Message)
		for _, s := range said {
			if slices.ContainsFunc(s.words, func(words string) bool { return strings.Contains(text, words) }) {
				return s.outcome
			}
		}
		if refused.Code == http.StatusTooManyRequests || refused.Code == -32005 { // EIP-1474: limit exceeded
			return Unreachable
		}
		return Unclear
	}
	if errors.As(err, &odd) || unreadable(err) && !errors.As(err, &dialled) {
		return Unclear
	}
	return Unreachable
}
