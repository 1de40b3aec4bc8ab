package page

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"countersign/shared/fault"
	"countersign/shared/strictjson"
	"countersign/shared/wire"
)

// maxBody is the longest answer of a gateway that is read, in bytes.
const maxBody = 4 << 20

// Gateway is a dashboard's line to its gateway, with an entity token.
type Gateway struct {
	Base  string // http://…, of the dashboard's back end
	Token string
	HTTP  *http.Client // nil: http.DefaultClient
	Key   string       // the Idempotency-Key of each POST; empty: a fresh one for each
}

// SignIn gets an entity token from the dashboard's back end, as the page does.
func SignIn(ctx context.Context, base, entity string) (*Gateway, error) {
	g := &Gateway{Base: base}
	var t wire.TokenReply
	if err := g.Do(ctx, http.MethodPost, "/session/token?entity="+url.QueryEscape(entity), struct{}{}, &t); err != nil {
		return nil, fmt.Errorf("sign in: %w", err)
	}
	g.Token = t.AccessToken
	return g, nil
}

// Do calls the gateway. body nil sends none; a POST carries an Idempotency-Key. An error of the gateway comes back as *fault.Error.
func (g *Gateway) Do(ctx context.Context, method, path string, body, out any) error {
	var send io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encode the body: %w", err)
		}
		send = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, g.Base+path, send)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Origin", g.Base) // what a browser adds to each request of the page that is not a GET
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if method == http.MethodPost {
		req.Header.Set("Idempotency-Key", cmp.Or(g.Key, rand.Text()))
	}
	if g.Token != "" {
		req.Header.Set("Authorization", "Bearer "+g.Token)
	}
	client := g.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	res, err := client.Do(req)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the gateway does not answer")
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the gateway's answer was cut short")
	}
	if res.StatusCode >= 300 {
		return problem(res.StatusCode, answer)
	}
	if out == nil {
		return nil
	}
	return strictjson.Unmarshal(answer, out, maxBody)
}

func problem(status int, answer []byte) error {
	var p wire.Problem
	if err := strictjson.Unmarshal(answer, &p, maxBody); err != nil || !fault.Known(p.Error.Code) {
		return fault.Wrap(err, fault.Internal, fmt.Sprintf("the gateway answered with status %d", status))
	}
	return p.Fault()
}
