package signerlink

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/shared/fault"
)

// socket serves one answer.
func socket(t *testing.T, status int, body string) *Link {
	t.Helper()
	dir, err := os.MkdirTemp("", "cs") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "http://elsewhere.example/")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})}
	go func() { _ = srv.Serve(l) }() // ends with Close
	link := New(filepath.Join(dir, "s"))
	t.Cleanup(func() {
		link.Close()
		_ = srv.Close()
		_ = os.RemoveAll(dir)
	})
	return link
}

func TestWhatTheSignerSaysIsReadStrictly(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		body   string
		want   fault.Code
	}{
		"a page":             {200, `{"entries":[],"size":1,"head":"h"}`, ""},
		"an unknown field":   {200, `{"entries":[],"size":1,"head":"h","x":1}`, fault.SignerDown},
		"a field twice":      {200, `{"entries":[],"size":1,"size":2,"head":"h"}`, fault.SignerDown},
		"no JSON":            {200, `<html>`, fault.SignerDown},
		"a redirect":         {302, ``, fault.SignerDown},
		"a fault":            {409, `{"error":{"code":"CONFLICT","message":"m"}}`, fault.Conflict},
		"a refused user":     {403, `{"error":{"code":"AUTHORIZATION_ERROR","message":"m","details":{"reason":"peer"}}}`, fault.SignerDown},
		"an unknown code":    {409, `{"error":{"code":"NEW","message":"m"}}`, fault.SignerDown},
		"its own failure":    {500, `{"error":{"code":"INTERNAL_ERROR","message":"m"}}`, fault.SignerDown},
		"a failure in words": {500, `oops`, fault.SignerDown},
		"too long":           {200, `{"head":"` + strings.Repeat("a", maxAnswer) + `"}`, fault.SignerDown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := socket(t, tc.status, tc.body).Log(t.Context(), -1, 10)
			if fault.CodeOf(err) != tc.want {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

func TestAUserWhomTheSignerDoesNotServeIsToldToRunAsAnother(t *testing.T) {
	t.Parallel()
	_, err := socket(t, 403, `{"error":{"code":"AUTHORIZATION_ERROR","message":"m","details":{"reason":"peer"}}}`).Status(t.Context())
	if f, ok := fault.As(err); !ok || !strings.Contains(f.Message, "run it as the user that the signer's configuration names") || strings.Contains(f.Message, "again") {
		t.Error(err)
	}
}

func TestASignerThatIsNotThereIsUnavailable(t *testing.T) {
	t.Parallel()
	l := New(filepath.Join(t.TempDir(), "none"))
	if _, err := l.Status(t.Context()); fault.CodeOf(err) != fault.SignerDown {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Relay(ctx, "chn_a/../b", "AAAA"); fault.CodeOf(err) != fault.SignerDown {
		t.Errorf("error %v", err)
	}
}
