package gatewayclient

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"countersign/shared/fault"
)

type saying func(ctx context.Context) io.ReadCloser

func (s saying) Do(ctx context.Context, _ Request) (*Response, error) {
	return &Response{Status: 200, Header: func(string) string { return "text/event-stream" }, Body: s(ctx)}, nil
}

type tokenless struct{}

func (tokenless) Token(context.Context) (string, error)         { return "token", nil }
func (tokenless) Renew(context.Context, string) (string, error) { return "token", nil }

func TestAStreamThatSaysNothingHasLostItsGateway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := New(Config{Tokens: tokenless{}, Fetch: saying(func(ctx context.Context) io.ReadCloser {
			r, w := io.Pipe()
			go func() {
				for range 3 { // and then silence
					_, _ = io.WriteString(w, ":\n\n")
					time.Sleep(50 * time.Second)
				}
				<-ctx.Done()
				_ = w.CloseWithError(ctx.Err())
			}()
			return r
		})})
		began := time.Now()
		err := c.Listen(t.Context(), "/v1/events", time.Minute, func(Event) error { return nil })
		if fault.CodeOf(err) != fault.Timeout || time.Since(began) != 160*time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
}
