package chain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"

	"countersign/shared/secret"
)

func (w *Watcher) call(ctx context.Context, out any, what, method string, args ...any) error {
	return w.ask(ctx, what, question{method, args, out})
}

func (w *Watcher) ask(ctx context.Context, what string, questions ...question) error {
	if err := w.ready(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	if err := w.client.ask(ctx, questions...); err != nil {
		return w.fault(what, err)
	}
	return nil
}

// fault says in words what went wrong with a call, without the node's address:
// it may hold a key, and a node may repeat it.
func (w *Watcher) fault(what string, err error) error {
	var status statusError
	var refused *refusal
	var odd malformed
	var dns *net.DNSError
	var timeout net.Error
	var dialled *url.Error
	var cause string
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: %w", what, context.Canceled)
	case errors.Is(err, errTooLong):
		cause = errTooLong.Error()
	case errors.As(err, &status):
		cause = "the node answers with HTTP status " + strconv.Itoa(int(status))
		switch status {
		case http.StatusUnauthorized, http.StatusForbidden:
			cause += ": the key in its address may be wrong"
		case http.StatusTooManyRequests:
			cause += ": it was asked more often than it allows"
		}
	case errors.As(err, &refused):
		text := []rune(secret.Text(refused.Error(), w.cfg.RPC))
		cause = fmt.Sprintf("the node refuses with code %d: %s", refused.Code, string(text[:min(len(text), 160)]))
	case errors.As(err, &dns):
		cause = "the node's name is not known"
	case errors.Is(err, syscall.ECONNREFUSED):
		cause = "nothing answers at the node's address"
	case errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout():
		cause = "the node did not answer in time"
	case errors.As(err, &dialled) && errors.Is(err, io.EOF):
		cause = "the node ends the connection without an answer"
	case errors.As(err, &odd):
		cause = odd.Error()
	case unreadable(err):
		cause = "the node's answer is not what JSON-RPC says"
	default:
		return fmt.Errorf("%s: %w", what, secret.Redact(err, w.cfg.RPC))
	}
	return fmt.Errorf("%s: %s", what, cause)
}

// unreadable reports whether an answer came that cannot be decoded. Errors of the
// decoder name types of Go, which say nothing to operators.
func unreadable(err error) bool {
	var kind *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	return errors.As(err, &kind) || errors.As(err, &syntax) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

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
func (w *Watcher) block(ctx context.Context, tag string, full bool) (rawBlock, error) {
	var b *rawBlock
	what := "read block " + tag
	if err := w.call(ctx, &b, what, "eth_getBlockByNumber", tag, full); err != nil {
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
