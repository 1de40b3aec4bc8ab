// Package signerlink is the gateway's line to the signer: HTTP over a unix
// socket. It needs no trust; what matters inside is signed or sealed end to end
// and is verified by the gateway's use cases. Spec: shared/spec/signer-link.md.
package signerlink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"countersign/shared/fault"
	"countersign/shared/strictjson"
	"countersign/shared/wire"
	"countersign/web/internal/gateway"
)

// maxAnswer is the longest answer that is read, in bytes: a page of the log.
const maxAnswer = 16 << 20

// Link calls one signer. It is safe for concurrent use.
type Link struct{ http *http.Client }

var _ gateway.Signer = (*Link)(nil)

// New makes a link to the socket; nothing is opened before the first call.
func New(socket string) *Link {
	var d net.Dialer
	return &Link{&http.Client{
		Timeout: 15 * time.Second,
		Transport: &http.Transport{
			DialContext:     func(ctx context.Context, _, _ string) (net.Conn, error) { return d.DialContext(ctx, "unix", socket) },
			MaxIdleConns:    8,
			IdleConnTimeout: time.Minute,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Close closes idle connections.
func (l *Link) Close() { l.http.CloseIdleConnections() }

// Status is who the signer is, and how far its log is.
func (l *Link) Status(ctx context.Context) (out wire.SignerStatus, err error) {
	return out, l.call(ctx, http.MethodGet, "/v1/status", nil, &out)
}

// Request makes a governed request, or gives back the same one.
func (l *Link) Request(ctx context.Context, in wire.SignerRequestInput) (out wire.SignerRequest, err error) {
	return out, l.call(ctx, http.MethodPost, "/v1/requests", in, &out)
}

// DryRun says what the rules would say of a request, and makes none.
func (l *Link) DryRun(ctx context.Context, in wire.SignerRequestInput) (out wire.Explanation, err error) {
	return out, l.call(ctx, http.MethodPost, "/v1/requests", in, &out, wire.HeaderDryRun)
}

// Impact is the report of what a request does to the vault (shared/rehearsal), in its
// canonical form.
func (l *Link) Impact(ctx context.Context, request string) ([]byte, error) {
	var out strictjson.Raw
	return out, l.call(ctx, http.MethodGet, "/v1/requests/"+url.PathEscape(request)+"/impact", nil, &out)
}

// Transaction has the transaction of an approved request signed, with these fees.
func (l *Link) Transaction(ctx context.Context, request string, in wire.SignerTransactionInput) (out wire.SignerTransaction, err error) {
	return out, l.call(ctx, http.MethodPost, "/v1/requests/"+url.PathEscape(request)+"/transactions", in, &out)
}

// SignMessage has the message of an approved request signed.
func (l *Link) SignMessage(ctx context.Context, request string) (out wire.SignerSignature, err error) {
	return out, l.call(ctx, http.MethodPost, "/v1/requests/"+url.PathEscape(request)+"/signature", wire.SignerSignatureInput{}, &out)
}

// Sweep has a sweep of a deposit address signed.
func (l *Link) Sweep(ctx context.Context, in wire.SignerSweepInput) (out wire.SignerTransaction, err error) {
	return out, l.call(ctx, http.MethodPost, "/v1/sweeps", in, &out)
}

// Reviews are what reviewers are to be asked now.
func (l *Link) Reviews(ctx context.Context) (out wire.SignerReviews, err error) {
	return out, l.call(ctx, http.MethodGet, "/v1/reviews", nil, &out)
}

// Verdict hands on what a reviewer signed.
func (l *Link) Verdict(ctx context.Context, jws string) (out wire.SignerRequest, err error) {
	return out, l.call(ctx, http.MethodPost, "/v1/verdicts", wire.SignerVerdict{JWS: jws}, &out)
}

// Rates are the rates that rules look at and of which a newer one is wanted.
func (l *Link) Rates(ctx context.Context) (out wire.SignerRates, err error) {
	return out, l.call(ctx, http.MethodGet, "/v1/rates", nil, &out)
}

// Rate hands on what a source of rates signed.
func (l *Link) Rate(ctx context.Context, jws string) (out wire.SignerRate, err error) {
	return out, l.call(ctx, http.MethodPost, "/v1/rates", wire.SignerRateInput{JWS: jws}, &out)
}

// OpenChannel relays the first record of a channel.
func (l *Link) OpenChannel(ctx context.Context, record string) (out wire.SignerChannel, err error) {
	return out, l.call(ctx, http.MethodPost, "/v1/channels", wire.SignerRecord{Record: record}, &out)
}

// Relay relays a later one.
func (l *Link) Relay(ctx context.Context, channel, record string) (out wire.SignerReply, err error) {
	return out, l.call(ctx, http.MethodPost, "/v1/channels/"+url.PathEscape(channel)+"/records", wire.SignerRecord{Record: record}, &out)
}

// Log reads the entries after one; -1 for all.
func (l *Link) Log(ctx context.Context, after int64, limit int) (out wire.SignerLogPage, err error) {
	q := url.Values{"after": {strconv.FormatInt(after, 10)}, "limit": {strconv.Itoa(limit)}}
	return out, l.call(ctx, http.MethodGet, "/v1/log?"+q.Encode(), nil, &out)
}

// Note reads the signer's note about its log.
func (l *Link) Note(ctx context.Context) (out wire.SignerNote, err error) {
	return out, l.call(ctx, http.MethodGet, "/v1/log/checkpoint", nil, &out)
}

// Certificate reads the certificate of a member.
func (l *Link) Certificate(ctx context.Context, member string) (out wire.Certificate, err error) {
	return out, l.call(ctx, http.MethodGet, "/v1/members/"+url.PathEscape(member)+"/certificate", nil, &out)
}

// call asks the signer; headers are those that are true.
func (l *Link) call(ctx context.Context, method, path string, in, out any, headers ...string) error {
	down := func(err error) error {
		return fault.Wrap(fmt.Errorf("ask the signer %s %s: %w", method, path, err), fault.SignerDown,
			"the vault's signer does not answer; nothing is lost, try again in a moment")
	}
	var body io.Reader
	if in != nil {
		b, err := strictjson.Canonical(in)
		if err != nil {
			return fmt.Errorf("write a question to the signer: %w", err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://signer"+path, body)
	if err != nil {
		return fmt.Errorf("ask the signer: %w", err)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		req.Header.Set(h, "true")
	}
	res, err := l.http.Do(req)
	if err != nil {
		return down(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return down(err)
	}
	if len(raw) > maxAnswer {
		return down(errors.New("the answer is too long"))
	}
	if res.StatusCode/100 != 2 {
		var p wire.Problem
		if err := strictjson.Unmarshal(raw, &p, 64<<10); err != nil || !fault.Known(p.Error.Code) {
			return down(fmt.Errorf("status %d without a fault", res.StatusCode))
		}
		if p.Error.Code == fault.Internal {
			return down(errors.New("the signer failed"))
		}
		if p.Error.Code == fault.Forbidden && p.Error.Details["reason"] == "peer" {
			return fault.Wrap(errors.New(p.Error.Message), fault.SignerDown, // it is about the gateway's user, not about who asked
				"the vault's signer does not serve the user as whom the gateway runs: run it as the user that the signer's configuration names")
		}
		return p.Fault()
	}
	if err := strictjson.Unmarshal(raw, out, maxAnswer); err != nil {
		return down(err)
	}
	return nil
}
