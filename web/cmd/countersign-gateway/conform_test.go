package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/web/internal/conform"
)

func TestAProviderIsCheckedFromTheCommandLine(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, []string{"providers", "simulate", "-listen", "127.0.0.1:0"}, stdio{w, io.Discard})
		w.Close()
		ended <- err
	}()
	lines := bufio.NewScanner(r)
	if !lines.Scan() {
		t.Fatal(<-ended)
	}
	base := strings.TrimPrefix(lines.Text(), "listening on ")
	go func() {
		for lines.Scan() {
		}
	}()
	key := filepath.Join(t.TempDir(), "provider.key")
	if err := os.WriteFile(key, []byte("the-key-of-the-provider\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	lint := func(args ...string) (string, error) {
		var out bytes.Buffer
		err := run(t.Context(), append([]string{"providers", "lint"}, args...), stdio{&out, io.Discard})
		return out.String(), err
	}
	out, err := lint(base+"/none", "-api-key-file", key, "-orders", "/orders")
	if err != nil || !strings.Contains(out, "copes with") || strings.Contains(out, "the-key-of") { // it takes quotes without a key
		t.Errorf("%v: %s", err, out)
	}
	out, err = lint("-json", base+"/wrong-echo", "-amount", "250", "-from", "EUR")
	var report conform.Report
	if jerr := json.Unmarshal([]byte(out), &report); !errors.Is(err, errConform) || exitStatus(err) != 1 || jerr != nil || report.Verdict != conform.Fail || report.Asked.Amount != "250" {
		t.Errorf("%v, %v: %s", err, jerr, out)
	}
	for _, args := range [][]string{{}, {"provider.example"}, {base, base}, {base, "-api-key-file", key + "x"}, {base, "-colour"}} {
		if _, err := lint(args...); exitStatus(err) != 2 {
			t.Errorf("%v: %v", args, err)
		}
	}
	if err := run(t.Context(), []string{"providers"}, stdio{io.Discard, io.Discard}); err == nil {
		t.Error("providers alone does something")
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
