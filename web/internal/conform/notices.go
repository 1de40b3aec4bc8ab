package conform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/web/internal/report"
)

// NoticesConfig says where notices are sent, and about what.
type NoticesConfig struct {
	URL    string // of the gateway's route, …/v1/providers/ID/notices
	Secret []byte
	Order  string           // one that the gateway has, of this provider
	Now    func() time.Time // nil: time.Now
}

// Sending is one notice, sent in whatever way, and how a gateway answers it.
type Sending struct {
	Name    string
	What    string
	Status  int  // of the answer
	Changed bool // what it says of a notice that it takes
	make    func(NoticesConfig, time.Time) (body []byte, header string)
}

// taken is how a notice was answered.
type taken struct {
	Sending Sending
	Status  int
	Changed bool
}

func (t taken) ok() bool { return t.Status == t.Sending.Status && t.Changed == t.Sending.Changed }

// notice is the body of an event.
func notice(event, order, state string, at time.Time) []byte {
	b, _ := json.Marshal(map[string]any{"id": event, "order": map[string]any{"id": order, "state": state, "lastUpdated": at.UTC().Format(time.RFC3339Nano)}})
	return b // of texts alone
}

func sent(event, state string, after time.Duration) func(NoticesConfig, time.Time) ([]byte, string) {
	return func(c NoticesConfig, now time.Time) ([]byte, string) {
		body := notice(fmt.Sprintf("sim_%d_%s", now.Unix(), event), c.Order, state, now.Add(after))
		return body, report.Sign(c.Secret, now, body)
	}
}

// Sendings are what is sent, in this order: the newest first, as notices may come, and then what must change
// nothing. The order is *on hold* at the end.
var Sendings = []Sending{
	{"newest", "the newest of four, first", http.StatusOK, true, sent("4", "on_hold", -time.Second)},
	{"older", "an older one", http.StatusOK, false, sent("2", "pending", -3*time.Second)},
	{"between", "one of between", http.StatusOK, false, sent("3", "processing", -2*time.Second)},
	{"again", "the newest again", http.StatusOK, false, sent("4", "on_hold", -time.Second)},
	{"other-spelling", "the newest as another event, as STATUS", http.StatusOK, false, func(c NoticesConfig, now time.Time) ([]byte, string) {
		body := []byte(strings.Replace(string(notice(fmt.Sprintf("sim_%d_5", now.Unix()), c.Order, "ON_HOLD", now.Add(-time.Second))), `"state"`, `"status"`, 1))
		return body, report.Sign(c.Secret, now, body)
	}},
	{"two-signatures", "with another signature before the right one, as while a secret changes", http.StatusOK, false, func(c NoticesConfig, now time.Time) ([]byte, string) {
		body, right := sent("6", "pending", -4*time.Second)(c, now)
		_, wrong, _ := strings.Cut(report.Sign([]byte("another secret of 16"), now, body), ",")
		t, v1, _ := strings.Cut(right, ",")
		return body, t + "," + wrong + "," + v1
	}},
	{"unsigned", "signed with another secret", http.StatusUnauthorized, false, func(c NoticesConfig, now time.Time) ([]byte, string) {
		body, _ := sent("7", "failed", 0)(c, now)
		return body, report.Sign([]byte("another secret of 16"), now, body)
	}},
	{"changed", "with another body than was signed", http.StatusUnauthorized, false, func(c NoticesConfig, now time.Time) ([]byte, string) {
		body, header := sent("8", "failed", 0)(c, now)
		return bytes.Replace(body, []byte("failed"), []byte("refund"), 1), header
	}},
	{"late", "signed six minutes ago", http.StatusUnauthorized, false, func(c NoticesConfig, now time.Time) ([]byte, string) {
		body, _ := sent("9", "failed", 0)(c, now)
		return body, report.Sign(c.Secret, now.Add(-6*time.Minute), body)
	}},
	{"future", "of six minutes from now", http.StatusBadRequest, false, sent("10", "failed", 6*time.Minute)},
	{"no-order", "about an order that there is not", http.StatusNotFound, false, func(c NoticesConfig, now time.Time) ([]byte, string) {
		c.Order = "ord_simulated"
		return sent("11", "failed", 0)(c, now)
	}},
	{"other-money", "about another currency than the order's", http.StatusBadRequest, false, func(c NoticesConfig, now time.Time) ([]byte, string) {
		body := []byte(`{"id":"sim_12","order":{"id":"` + c.Order + `","state":"failed","fiat":{"amount":1,"currency":"XPF"}}}`)
		return body, report.Sign(c.Secret, now, body)
	}},
	{"malformed", "half of one", http.StatusBadRequest, false, func(c NoticesConfig, now time.Time) ([]byte, string) {
		body, _ := sent("13", "failed", 0)(c, now)
		body = body[:len(body)/2]
		return body, report.Sign(c.Secret, now, body)
	}},
}

// SendNotices sends all of [Sendings], and says how each was answered. It fails when one is not answered as
// the page says.
func SendNotices(ctx context.Context, cfg NoticesConfig, out io.Writer) error {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if u, err := url.Parse(cfg.URL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return errors.New("the address must be that of the gateway's notices, such as https://gateway.example/v1/providers/northpay/notices")
	}
	now := cfg.Now().Truncate(time.Second)
	var wrong []string
	for _, s := range Sendings {
		body, header := s.make(cfg, now)
		got, err := send(ctx, cfg.URL, body, header)
		if err != nil {
			return fmt.Errorf("send %s: %w", s.Name, err)
		}
		got.Sending = s
		mark := OK
		if !got.ok() {
			mark, wrong = Fail, append(wrong, s.Name)
		}
		fmt.Fprintf(out, "%-5s %-15s %d %-6t %s\n", mark, s.Name, got.Status, got.Changed, s.What)
	}
	if len(wrong) > 0 {
		return fmt.Errorf("answered otherwise than the page says: %s", strings.Join(wrong, ", "))
	}
	return nil
}

func send(ctx context.Context, address string, body []byte, header string) (taken, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return taken{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(report.Header, header)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return taken{}, err
	}
	defer res.Body.Close()
	var answer struct {
		Changed bool `json:"changed"`
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	if err == nil && res.StatusCode == http.StatusOK {
		err = json.Unmarshal(data, &answer)
	}
	return taken{Status: res.StatusCode, Changed: answer.Changed}, err
}
