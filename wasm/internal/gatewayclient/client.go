// Package gatewayclient speaks the gateway's HTTP API (shared/wire) from the
// page, through a fetch that it is given: typed calls, strict answers with size
// limits, an Idempotency-Key on every POST, faults instead of statuses, and the
// event stream of quotes. A 401 is followed by one new token and one replay.
// Used by wasm/core.
package gatewayclient

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"strconv"
	"strings"

	"countersign/shared/fault"
	"countersign/shared/strictjson"
	"countersign/shared/wire"
)

// The limits of what the gateway may answer, in bytes.
const (
	MaxBody  = 1 << 20
	MaxError = 64 << 10
)

// NotAGateway is the detail "problem" of an answer that no gateway gives.
const NotAGateway = "not a gateway"

// Request is one HTTP request.
type Request struct {
	Method string
	URL    string
	Header map[string]string
	Body   []byte // nil for none
}

// Response is what came back. The body must be closed.
type Response struct {
	Status int
	Header func(name string) string
	Body   io.ReadCloser
}

// Fetch sends requests: the browser's fetch, or a test's.
type Fetch interface {
	Do(ctx context.Context, r Request) (*Response, error)
}

// Tokens gives the entity token. Renew is called after the gateway refused
// refused, and returns a newer one.
type Tokens interface {
	Token(ctx context.Context) (string, error)
	Renew(ctx context.Context, refused string) (string, error)
}

// Config is what a client needs.
type Config struct {
	Fetch  Fetch
	Tokens Tokens
	Base   string    // the gateway's address without a final slash; empty for the page's own origin
	Rand   io.Reader // for Idempotency-Keys
}

// Client calls the gateway.
type Client struct{ cfg Config }

// New makes a client.
func New(cfg Config) *Client { return &Client{cfg: cfg} }

// Get asks for path and decodes the answer into out.
func (c *Client) Get(ctx context.Context, path string, out any) error {
	res, err := c.send(ctx, Request{Method: "GET", URL: c.cfg.Base + path, Header: map[string]string{"Accept": "application/json"}})
	if err != nil {
		return err
	}
	return Decode(res, out)
}

// Post sends in and decodes the answer into out. key makes a repetition safe: the
// same key for the same operation; empty for a fresh one.
func (c *Client) Post(ctx context.Context, path, key string, in, out any) error {
	body, err := strictjson.Canonical(in)
	if err != nil {
		return fault.Annotate(err, "encode the body of "+path)
	}
	if key == "" {
		if key, err = c.Key(); err != nil {
			return err
		}
	}
	res, err := c.send(ctx, Request{Method: "POST", URL: c.cfg.Base + path, Body: body, Header: map[string]string{
		"Accept": "application/json", "Content-Type": "application/json", "Idempotency-Key": key,
	}})
	if err != nil {
		return err
	}
	return Decode(res, out)
}

// Key makes an Idempotency-Key: 128 random bits.
func (c *Client) Key() (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(c.cfg.Rand, b[:]); err != nil {
		return "", fault.Annotate(err, "make an idempotency key")
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}

// send adds the token. On a 401 it renews the token once and replays once;
// every request here is a GET or carries an Idempotency-Key, so that is safe.
func (c *Client) send(ctx context.Context, r Request) (*Response, error) {
	token, err := c.cfg.Tokens.Token(ctx)
	if err != nil {
		return nil, err
	}
	for replay := false; ; replay = true {
		r.Header["Authorization"] = "Bearer " + token
		res, err := c.cfg.Fetch.Do(ctx, r)
		if err != nil {
			return nil, Unreachable(ctx, err)
		}
		if res.Status != 401 || replay {
			return res, nil
		}
		_ = res.Body.Close()
		if token, err = c.cfg.Tokens.Renew(ctx, token); err != nil {
			return nil, err
		}
	}
}

// Unreachable is the fault of a request that got no answer.
func Unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return fault.Wrap(err, fault.Timeout, "the gateway took too long to answer")
		}
		return fault.Wrap(err, fault.Cancelled, "the request was cancelled")
	}
	return fault.Wrap(err, fault.Unavailable, "the gateway does not answer")
}

// Decode reads a whole answer: the value of a 2xx, the fault of anything else.
func Decode(res *Response, out any) error {
	defer res.Body.Close()
	if res.Status/100 != 2 {
		return ReadFault(res)
	}
	if out == nil {
		return nil
	}
	body, err := readAll(res.Body, MaxBody)
	if err != nil {
		return err
	}
	if ct := res.Header("content-type"); !strings.HasPrefix(ct, "application/json") {
		return fault.New(fault.Unavailable, "what answered is not the gateway: it sent no JSON").With("problem", NotAGateway)
	}
	if err := strictjson.Unmarshal(body, out, MaxBody); err != nil {
		return fault.Wrap(err, fault.Internal, "the gateway sent an answer that this page does not understand: reload the page")
	}
	return nil
}

func readAll(r io.Reader, limit int) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the answer of the gateway broke off")
	}
	if len(body) > limit {
		return nil, fault.New(fault.TooLarge, "the gateway sent more than this page accepts")
	}
	return body, nil
}

// ReadFault reads an error answer. What is not an error body of the gateway, or has
// a code that this page does not know, gets the code that fits its status.
func ReadFault(res *Response) error {
	body, err := readAll(res.Body, MaxError)
	if err != nil {
		return err
	}
	var p wire.Problem
	if strictjson.Unmarshal(body, &p, MaxError) != nil || p.Error.Code == "" {
		if res.Status == 404 && strings.HasPrefix(res.Header("content-type"), "text/") { // a gateway says what it does not have; others have no such address
			return fault.New(fault.Unavailable, "what answered is not the gateway: it has no such address").With("problem", NotAGateway)
		}
		return fault.New(statusCode(res.Status), "the gateway answered with status "+strconv.Itoa(res.Status))
	}
	f := p.Fault()
	if !fault.Known(p.Error.Code) {
		f = fault.New(statusCode(res.Status), p.Error.Message).With("code", clip(string(p.Error.Code), 64))
	}
	if p.Error.RequestID != "" {
		f = f.With("request_id", clip(p.Error.RequestID, 64))
	}
	return f
}

func statusCode(status int) fault.Code {
	switch {
	case status == 401:
		return fault.Unauthenticated
	case status == 403:
		return fault.Forbidden
	case status == 404:
		return fault.NotFound
	case status == 409:
		return fault.Conflict
	case status == 413:
		return fault.TooLarge
	case status == 429:
		return fault.Limited
	case status == 502, status == 503, status == 504:
		return fault.Unavailable
	case status >= 400 && status < 500:
		return fault.Invalid
	}
	return fault.Internal
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
