// Package gatewayclient asks a gateway over HTTP, for those commands of the bridge that need an
// answer of it (shared/spec/wire.md). It is believed nothing: who uses an answer verifies it.
// bridge/internal/audit uses it, and the commands of whoever is invited to a vault.
package gatewayclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/bridge/internal/dialout"
	"countersign/shared/fault"
	"countersign/shared/strictjson"
	"countersign/shared/wire"
)

// maxAnswer is the longest answer that is read, in bytes.
const maxAnswer = 16 << 20

// Client asks one gateway.
type Client struct {
	base, token string
	http        *http.Client
}

// New makes a client of the gateway at an origin: https://host, or http on loopback. token
// may be empty; roots is how the gateway is reached, nil: as this computer does. It fails with INVALID_REQUEST.
func New(origin, token string, roots http.RoundTripper) (*Client, error) {
	base, err := dialout.ParseGateway(origin)
	if err != nil {
		return nil, err
	}
	return &Client{strings.TrimSuffix(base.String(), "/"), token, &http.Client{
		Timeout: time.Minute, Transport: roots,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Ask sends in, unless that is nil, and reads the answer. It fails with the gateway's own
// fault, and with UNAVAILABLE.
func (c *Client) Ask(ctx context.Context, method, path string, in, into any) error {
	down := func(err error) error {
		return fault.Wrap(fmt.Errorf("ask the gateway: %w", err), fault.Unavailable, "the gateway does not answer as it should")
	}
	var body io.Reader
	if in != nil {
		data, err := strictjson.Canonical(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return down(err)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if u, ok := err.(*url.Error); ok { // without the address, which may be a secret
		err = u.Err
	}
	if err != nil {
		return down(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err == nil && len(data) > maxAnswer {
		err = errors.New("the answer is too long")
	}
	if err != nil {
		return down(err)
	}
	if res.StatusCode != http.StatusOK {
		var p wire.Problem
		if err := strictjson.Unmarshal(data, &p, maxAnswer); err != nil || !fault.Known(p.Error.Code) {
			return down(fmt.Errorf("status %d", res.StatusCode))
		}
		return p.Fault()
	}
	if err := strictjson.Unmarshal(data, into, maxAnswer); err != nil {
		return down(err)
	}
	return nil
}
