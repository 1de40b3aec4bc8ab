package conform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"countersign/shared/secret"
)

// maxBody is how much of an answer is read, as by a gateway.
const maxBody = 64 << 10

// answer is what came back, whatever it is.
type answer struct {
	status int
	kind   string // media type
	body   []byte
	tag    string
	took   time.Duration
}

// ask sends one question.
func (r *run) ask(ctx context.Context, path string, q url.Values, key bool, header ...string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, r.Deadline)
	defer cancel()
	u := r.URL + path
	if len(q) > 0 {
		u += "?" + q.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "countersign")
	if key && r.APIKey != "" {
		req.Header.Set("X-API-KEY", r.APIKey)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	began := time.Now()
	res, err := r.http.Do(req)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return answer{took: time.Since(began)}, secret.Redact(err, u)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	return answer{res.StatusCode, kind, body, res.Header.Get("ETag"), time.Since(began)}, err
}

// wrong says why a gateway does not read an answer; empty: it reads it.
func (r *run) wrong(a answer, err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer within %s", r.Deadline)
	case err != nil:
		return "no answer: " + err.Error()
	case a.status >= 300 && a.status < 400:
		return fmt.Sprintf("status %d: a gateway follows no redirect", a.status)
	case a.status != http.StatusOK:
		return fmt.Sprintf("status %d instead of 200", a.status)
	case a.kind != "application/json":
		return fmt.Sprintf("Content-Type %q instead of application/json", a.kind)
	case len(a.body) > maxBody:
		return "more than 65,536 bytes"
	}
	return ""
}
