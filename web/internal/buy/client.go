package buy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"countersign/shared/quote"
	"countersign/shared/secret"
)

// client speaks to one provider.
type client struct {
	p    Provider
	http Doer
	// other is set once the provider answered 404 on the configured quote path
	// and 200 on its other spelling.
	other atomic.Bool
}

// httpStatus is an answer other than 200.
type httpStatus struct{ status int }

func (e *httpStatus) Error() string { return fmt.Sprintf("HTTP status %d", e.status) }

// get returns the body of a 200 with JSON in it. keyed says that the endpoint
// is one that takes the API key.
func (c *client) get(ctx context.Context, path string, query url.Values, keyed bool) ([]byte, error) {
	doc, _, err := c.fetch(ctx, path, query, keyed, "")
	return doc.Body, err
}

// document returns a document, or reports that the one with this tag is still right.
func (c *client) document(ctx context.Context, path, tag string) (doc Kept, same bool, err error) {
	return c.fetch(ctx, path, nil, false, tag)
}

func (c *client) fetch(ctx context.Context, path string, query url.Values, keyed bool, tag string) (doc Kept, same bool, err error) {
	u := c.p.URL + path
	if len(query) > 0 {
		u += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return doc, false, errors.New("make the request: the address is not valid")
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "countersign")
	if keyed && c.p.APIKey != "" {
		req.Header.Set("X-API-KEY", c.p.APIKey)
	}
	if tag != "" {
		req.Header.Set("If-None-Match", tag)
	}
	res, err := c.http.Do(req)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err // without the address, which holds the question
		}
		return doc, false, secret.Redact(err, c.p.URL, u)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusNotModified && tag != "" {
		return doc, true, nil
	}
	if res.StatusCode != http.StatusOK {
		_, _ = io.CopyN(io.Discard, res.Body, maxBody) // so that the connection can be used again
		return doc, false, &httpStatus{res.StatusCode}
	}
	if kind, _, err := mime.ParseMediaType(res.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return doc, false, reject(quote.WrongContentType, "the answer is not application/json")
	}
	if doc.Body, err = io.ReadAll(io.LimitReader(res.Body, maxBody+1)); err != nil {
		return doc, false, err
	}
	if len(doc.Body) > maxBody {
		return doc, false, reject(quote.BodyTooLarge, "the answer is larger than %d bytes", maxBody)
	}
	doc.Tag = entityTag(res.Header.Values("ETag"))
	return doc, false, nil
}

// entityTag is an ETag as it can be sent back; empty when it is none.
func entityTag(given []string) string {
	if len(given) != 1 || len(given[0]) > 256 {
		return ""
	}
	tag, ok := strings.CutPrefix(strings.TrimPrefix(given[0], "W/"), `"`)
	tag, closed := strings.CutSuffix(tag, `"`)
	if !ok || !closed || strings.ContainsFunc(tag, func(r rune) bool { return r < '!' || r == '"' || r > '~' }) {
		return ""
	}
	return given[0]
}

// quote asks for a quote, under the path that this provider uses.
func (c *client) quote(ctx context.Context, in quote.Input) ([]byte, error) {
	q := question(in)
	if c.p.QuotePath != "" {
		return c.get(ctx, c.p.QuotePath, q, true)
	}
	paths := []string{"/quote", "/quotes"}
	if c.other.Load() {
		paths = []string{"/quotes", "/quote"}
	}
	body, err := c.get(ctx, paths[0], q, true)
	var status *httpStatus
	if !errors.As(err, &status) || status.status != http.StatusNotFound {
		return body, err
	}
	body, err = c.get(ctx, paths[1], q, true)
	if err == nil {
		c.other.Store(!c.other.Load())
	}
	return body, err
}

func question(in quote.Input) url.Values {
	return url.Values{
		"from": {in.From}, "to": {in.To}, "payment-method": {in.PaymentMethod},
		"amount": {in.Amount}, "country": {in.Country}, "dest": {in.Dest},
	}
}

// failure says at which stage and with which code a call was lost, and whether
// that is the provider's fault (which opens its circuit).
func failure(err error) (stage, code, message string, fault bool) {
	var invalid *invalidAnswer
	var status *httpStatus
	var network net.Error
	var unknown x509.UnknownAuthorityError
	var wrongHost x509.HostnameError
	var badCert *tls.CertificateVerificationError
	var badTLS tls.RecordHeaderError
	switch {
	case errors.As(err, &invalid):
		return quote.StageValidation, invalid.code, "sent an answer that cannot be trusted", true
	case errors.As(err, &status):
		return statusFailure(status.status)
	case errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout():
		return quote.StageTransport, quote.TimedOut, "did not answer in time", true
	case errors.Is(err, context.Canceled):
		return quote.StageTransport, quote.TimedOut, "was not waited for", false
	case errors.As(err, &unknown) || errors.As(err, &wrongHost) || errors.As(err, &badCert) || errors.As(err, &badTLS):
		return quote.StageTransport, quote.TLSError, "could not prove who it is", true
	}
	return quote.StageTransport, quote.ConnectError, "could not be reached", true
}

func statusFailure(status int) (stage, code, message string, fault bool) {
	stage = quote.StageTransport
	switch {
	case status == http.StatusTooManyRequests:
		return stage, quote.RateLimited, "was asked too often", true
	case status == http.StatusUnavailableForLegalReasons:
		return stage, quote.RegionRestricted, "does not serve this region", false
	case status >= 500:
		return stage, quote.HTTP5xx, "has a problem of its own", true
	case status >= 400:
		return stage, quote.HTTP4xx, "refused the question", false
	}
	return stage, quote.HTTPStatus, "answered in an unexpected way", true
}

// newHTTP is the client used when none is given: no proxy, no redirects, and no
// connection to an address that is not public, so that a provider's name cannot
// lead into the operator's own network. In the sandbox loopback is allowed too.
func newHTTP(sandbox bool) *http.Client {
	dialer := &net.Dialer{Timeout: 3 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		ap, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		ip := ap.Addr().Unmap()
		if sandbox && ip.IsLoopback() {
			return nil
		}
		if !ip.IsGlobalUnicast() || ip.IsPrivate() || netip.MustParsePrefix("100.64.0.0/10").Contains(ip) {
			return errors.New("the address is not public")
		}
		return nil
	}}
	return &http.Client{
		Transport: &http.Transport{
			DialContext: dialer.DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 3 * time.Second,
			MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 16 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
