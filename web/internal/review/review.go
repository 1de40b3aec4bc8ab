// Package review asks the programs that are members of a vault, over HTTPS, and brings back
// what they signed: it carries the signer's signed question to those that judge requests, and
// fetches rates from those that say what assets are worth. It looks into nothing. Specs:
// shared/spec/reviewers.md, shared/spec/rates.md. web/internal/gateway asks by it.
package review

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"countersign/shared/jws"
	"countersign/shared/wire"
)

// Limits of a question.
const (
	Timeout   = 30 * time.Second // from the question to the whole answer
	MaxAnswer = jws.MaxToken     // bytes
)

// ContentType is that of a question and of its answer: a compact JWS (RFC 7515 §9.2.1).
const ContentType = "application/jose"

// Desk asks reviewers and sources of rates. Its methods may be called by several goroutines.
type Desk struct{ http *http.Client }

// New is a desk that trusts the certificates of client; nil: those that the system trusts.
func New(client *http.Client) *Desk {
	if client == nil {
		client = &http.Client{}
	}
	own := *client
	own.Timeout = Timeout
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Desk{&own}
}

// Check reports what is wrong with the address of such a program: it must be https, or http on
// this computer.
func Check(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "":
		return errors.New("is not a URL")
	case u.User != nil || u.Fragment != "":
		return errors.New("must have no user and no fragment")
	case u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname()):
		return nil
	}
	return errors.New("must begin with https://, or be on this computer")
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Ask posts a question to a reviewer, and returns the compact JWS that it answers.
func (d *Desk) Ask(ctx context.Context, address, question string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(question))
	if err != nil {
		return "", fmt.Errorf("ask a reviewer: %w", err)
	}
	req.Header.Set("Content-Type", ContentType)
	return d.signed(req, "ask a reviewer")
}

// Rate fetches the rate of an asset in a currency for an entity's vault, which a member
// signs: a compact JWS.
func (d *Desk) Rate(ctx context.Context, address, entity string, of wire.SignerRate) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", errors.New("fetch a rate: its address is not a URL")
	}
	q := u.Query()
	for name, value := range map[string]string{"entity": entity, "source": of.Source, "asset": of.Asset, "currency": of.Currency} {
		q.Set(name, value)
	}
	u.RawQuery = q.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return "", errors.New("fetch a rate: its address is not one of HTTP")
	}
	return d.signed(req, "fetch a rate")
}

// signed is the compact JWS that answers a question.
func (d *Desk) signed(req *http.Request, doing string) (string, error) {
	req.Header.Set("Accept", ContentType)
	res, err := d.http.Do(req)
	if err != nil {
		return "", fmt.Errorf("%s: %w", doing, cause(err))
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: it answers with status %d", doing, res.StatusCode)
	}
	if kind, _, err := mime.ParseMediaType(res.Header.Get("Content-Type")); err != nil || kind != ContentType {
		return "", fmt.Errorf("%s: its answer is not %s", doing, ContentType)
	}
	answer, err := io.ReadAll(io.LimitReader(res.Body, MaxAnswer+1))
	if err != nil {
		return "", fmt.Errorf("%s: read the answer: %w", doing, cause(err))
	}
	if len(answer) > MaxAnswer {
		return "", fmt.Errorf("%s: the answer is too long", doing)
	}
	return strings.TrimSpace(string(answer)), nil
}

// cause is an error without the address, which may hold a secret.
func cause(err error) error {
	var at *url.Error
	if errors.As(err, &at) {
		err = at.Err
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return errors.New("no answer in time")
	}
	return err
}
