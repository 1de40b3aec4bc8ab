package sandbox

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"countersign/shared/secret"
	"countersign/web/internal/report"
)

// notifier sends the notices of the pretend providers to the gateway, each until it was
// taken, as real ones do.
type notifier struct {
	gateway string
	secrets map[string][]byte // by provider
	queue   chan notice
	log     *slog.Logger
}

type notice struct {
	provider string
	body     []byte
}

// Notices: how many may wait, how long one is tried for, and the pauses between.
const (
	noticesWaiting = 256
	noticeLife     = 5 * time.Minute
	firstPause     = 200 * time.Millisecond
	longestPause   = 10 * time.Second
)

func newNotifier(gateway string, files map[string]string, log *slog.Logger) (*notifier, error) {
	n := &notifier{gateway: strings.TrimSuffix(gateway, "/"), secrets: map[string][]byte{}, queue: make(chan notice, noticesWaiting), log: log}
	for provider, path := range files {
		line, _, err := secret.Line(path, 512)
		if err != nil {
			return nil, err
		}
		n.secrets[provider] = line
	}
	return n, nil
}

// put never waits: a sandbox without a gateway goes on.
func (n *notifier) put(provider string, body []byte) {
	if n.secrets[provider] == nil {
		return
	}
	select {
	case n.queue <- notice{provider, body}:
	default:
		n.log.Warn("a provider's notice is dropped: too many wait", "provider", provider)
	}
}

// run sends until ctx ends. One that is not taken keeps no other waiting.
func (n *notifier) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case one := <-n.queue:
			go n.send(ctx, one)
		}
	}
}

func (n *notifier) send(ctx context.Context, one notice) {
	ctx, cancel := context.WithTimeout(ctx, noticeLife)
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		status, err := n.once(ctx, one)
		switch {
		case ctx.Err() != nil || err == nil && status == http.StatusOK:
			return
		case err == nil && status < 500 && status != http.StatusNotFound && status != http.StatusTooManyRequests && status != http.StatusUnauthorized:
			n.log.Warn("the gateway refuses a provider's notice", "provider", one.provider, "status", status)
			return
		}
		wait := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			wait.Stop()
			return
		case <-wait.C:
		}
	}
}

func (n *notifier) once(ctx context.Context, one notice) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.gateway+"/v1/providers/"+one.provider+"/notices", bytes.NewReader(one.body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(report.Header, report.Sign(n.secrets[one.provider], time.Now(), one.body))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	res.Body.Close()
	return res.StatusCode, nil
}
