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
	"sync"
	"syscall"
	"unicode"

	"github.com/ethereum/go-ethereum/common/hexutil"

	"countersign/shared/asset"
	"countersign/shared/secret"
)

// Config says which node.
type Config struct {
	RPC   string // http or https URL of the node; it may hold a key and is never shown
	Chain string // CAIP-2 that the node must be on: eip155:31337

	// What the chain holds; nil: what the asset table says, which must know the
	// chain. Only tests on a chain of their own set it.
	Assets []asset.Asset
}

// Check reports what is wrong with a configuration, before anything is dialled.
func (cfg Config) Check() error {
	if id, ok := strings.CutPrefix(cfg.Chain, "eip155:"); !ok || id == "" || strings.Trim(id, "0123456789") != "" {
		return fmt.Errorf("chain %q cannot be watched: only eip155: chains can", cfg.Chain)
	}
	if _, ok := asset.Chain(cfg.Chain); !ok && cfg.Assets == nil {
		return fmt.Errorf("chain %q is not in the table of known chains (shared/spec/assets.md)", cfg.Chain)
	}
	if u, err := url.Parse(cfg.RPC); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("the rpc of %s is not an http or https address", cfg.Chain)
	}
	return nil
}

// maxText is how many characters of a text that somebody else wrote are shown.
const maxText = 160

// conn is what watching and sending share: a node, and what its chain holds.
type conn struct {
	cfg    Config
	client *client
	coin   string            // LedgerId of the chain's own coin
	tokens map[string]string // LedgerId by contract, lower case

	mu      sync.Mutex
	checked bool // the node is on the right chain
}

func connect(cfg Config) (*conn, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	c := &conn{cfg: cfg, tokens: map[string]string{}}
	held := cfg.Assets
	if held == nil {
		held = asset.OnChain(cfg.Chain)
	}
	for _, a := range held {
		switch {
		case a.Seen == asset.ByLogs:
			c.tokens[strings.ToLower(a.Contract())] = a.ID
		case a.Seen == asset.ByBalance:
			c.coin = a.ID
		}
	}
	c.client = &client{url: cfg.RPC, http: &http.Client{
		Timeout: callTime, Transport: bounded{http.DefaultTransport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	return c, nil
}

// Close ends the connections that wait for a question.
func (c *conn) Close() { c.client.http.CloseIdleConnections() }

// ready asks the node once which chain it is on.
func (c *conn) ready(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.checked {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	var id hexutil.Big
	if err := c.client.ask(ctx, question{method: "eth_chainId", out: &id}); err != nil {
		return c.fault("ask the node for its chain", err)
	}
	if got := "eip155:" + id.ToInt().String(); got != c.cfg.Chain {
		return fmt.Errorf("the node is on chain %s, not on %s", got, c.cfg.Chain)
	}
	c.checked = true
	return nil
}

func (c *conn) call(ctx context.Context, out any, what, method string, args ...any) error {
	return c.ask(ctx, what, question{method, args, out})
}

func (c *conn) ask(ctx context.Context, what string, questions ...question) error {
	if err := c.ready(ctx); err != nil {
		return err
	}
	if err := c.try(ctx, questions...); err != nil {
		return c.fault(what, err)
	}
	return nil
}

// try asks a node that is ready. Its error may hold the node's address: [conn.fault]
// makes one of it that can be shown.
func (c *conn) try(ctx context.Context, questions ...question) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return c.client.ask(ctx, questions...)
}

// fault says in words what went wrong with a call, without the node's address:
// it may hold a key, and a node may repeat it.
func (c *conn) fault(what string, err error) error {
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
		cause = fmt.Sprintf("the node refuses with code %d: %s", refused.Code, shown(secret.Text(refused.Error(), c.cfg.RPC)))
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
		return fmt.Errorf("%s: %w", what, secret.Redact(err, c.cfg.RPC))
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

// shown is a text of the node, or of a contract, as it may be shown: not too long,
// and without what moves a cursor.
func shown(text string) string {
	clean := []rune(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text))
	return string(clean[:min(len(clean), maxText)])
}
