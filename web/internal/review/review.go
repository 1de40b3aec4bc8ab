// Package review asks the programs that judge requests: it carries the signer's signed
// question to a reviewer over HTTPS, and brings back what the reviewer signed. It looks into
// neither. Spec: shared/spec/reviewers.md. web/internal/gateway asks by it.
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
)

// Limits of a question.
const (
	Timeout   = 30 * time.Second // from the question to the whole answer
	MaxAnswer = jws.MaxToken     // bytes
)

// ContentType is that of a question and of its answer: a compact JWS (RFC 7515 §9.2.1).
const ContentType = "application/jose"

// Desk asks reviewers. Its methods may be called by several goroutines.
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

// Check reports what is wrong with the address of a reviewer: it must be https, or http on
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
	req.Header.Set("Accept", ContentType)
	res, err := d.http.Do(req)
	if err != nil {
		return "", fmt.Errorf("ask a reviewer: %w", cause(err))
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("ask a reviewer: it answers with status %d", res.StatusCode)
	}
	if kind, _, err := mime.ParseMediaType(res.Header.Get("Content-Type")); err != nil || kind != ContentType {
		return "", fmt.Errorf("ask a reviewer: its answer is not %s", ContentType)
	}
	answer, err := io.ReadAll(io.LimitReader(res.Body, MaxAnswer+1))
	if err != nil {
		return "", fmt.Errorf("read a reviewer's answer: %w", cause(err))
	}
	if len(answer) > MaxAnswer {
		return "", errors.New("read a reviewer's answer: it is too long")
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
