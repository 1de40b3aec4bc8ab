package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
	"countersign/web/internal/store"
	"countersign/web/internal/store/sqlstore"
)

func file(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// signer is one of the test's for an entity.
func signer(t *testing.T, entity string) Signer {
	t.Helper()
	s := gatewaytest.NewSignerOf(t, entity, "S", time.Now)
	text, err := json.Marshal(s.File)
	if err != nil {
		t.Fatal(err)
	}
	return Signer{Socket: s.Socket, File: file(t, filepath.Join(t.TempDir(), "signer.json"), string(text))}
}

// config is one for a signer of the test's.
func config(t *testing.T) (string, Config) {
	t.Helper()
	dir := t.TempDir()
	cfg := Config{
		Listen: "127.0.0.1:0", Database: filepath.Join(dir, "g.db"), Signers: []Signer{signer(t, gatewaytest.Entity)},
		TokenKey: filepath.Join(dir, "token.pem"), PublicURL: "http://127.0.0.1", Environment: "sandbox",
		Developers: []Developer{{ID: "dev_sandbox", Name: "Dev", APIKeyFile: file(t, filepath.Join(dir, "key"), gatewaytest.APIKey+"\n"), Entities: []string{"ent_sandbox"}}},
	}
	text, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return file(t, filepath.Join(dir, "gateway.json"), string(text)), cfg
}

// served starts the gateway of a configuration, until ctx ends.
func served(ctx context.Context, t *testing.T, path string) (url string, ended <-chan error) {
	t.Helper()
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, []string{"serve", "-config", path}, stdio{w, io.Discard})
		w.CloseWithError(err) // what waits for its first line is told why there is none
		done <- err
	}()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok {
		t.Fatalf("printed %q", line)
	}
	return url, done
}

func TestServeAnswersUntilItIsStopped(t *testing.T) {
	t.Parallel()
	path, _ := config(t)
	ctx, stop := context.WithCancel(t.Context())
	url, done := served(ctx, t, path)
	body := `{"apiKey":"` + gatewaytest.APIKey + `","id":"ent_sandbox","userType":"entity"}`
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/auth/tokens", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	var reply wire.TokenReply
	if err := json.NewDecoder(res.Body).Decode(&reply); err != nil || res.Body.Close() != nil || reply.ExpiresIn != 900 {
		t.Errorf("reply %+v: %v", reply, err)
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("stopped with %v", err)
	}
}

func TestMistakesOfTheCallerAreTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	unknown := file(t, filepath.Join(dir, "unknown.json"), `{"listen":"x","colour":"red"}`)
	empty := file(t, filepath.Join(dir, "empty.json"), `{}`)
	for want, args := range map[string][]string{
		"needs -config":  {"serve"},
		"there is no":    {"fly", "-config", empty},
		"takes no":       {"serve", "-config", empty, "now"},
		"colour":         {"serve", "-config", unknown},
		"needs listen":   {"serve", "-config", empty},
		"no such file":   {"serve", "-config", filepath.Join(dir, "none")},
		"not defined":    {"serve", "-secret", "x"},
		"open the datab": {"migrate", "-config", file(t, filepath.Join(dir, "bad.json"), `{"database":"`+dir+`"}`)},
	} {
		if err := run(t.Context(), args, stdio{io.Discard, io.Discard}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}
}

func TestHelpTeaches(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{}, {"--help"}, {"help"}, {"serve", "-h"}} {
		var out strings.Builder
		if err := run(t.Context(), args, stdio{&out, io.Discard}); err != nil || !strings.Contains(out.String(), "serve   -config FILE") {
			t.Errorf("%v: %v %q", args, err, out.String())
		}
	}
}

func TestTheOperatorConfirmsTheGatewaysClock(t *testing.T) {
	t.Parallel()
	path, cfg := config(t)
	for _, step := range []struct {
		seen time.Duration
		says string
	}{{-time.Hour, "nothing to confirm"}, {time.Hour, "confirmed: it is"}, {0, "nothing to confirm"}} {
		db, err := sqlstore.Open(t.Context(), cfg.Database)
		if err != nil {
			t.Fatal(err)
		}
		if step.seen != 0 {
			err = db.Write(t.Context(), func(tx store.Tx) error { return tx.PutSeen(time.Now().Add(step.seen)) })
		}
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := run(t.Context(), []string{"resume", "-config", path}, stdio{&out, io.Discard}); err != nil || !strings.Contains(out.String(), step.says) {
			t.Errorf("%s: %q, %v", step.seen, out.String(), err)
		}
	}
}

func TestMigrateMakesADatabase(t *testing.T) {
	t.Parallel()
	path, cfg := config(t)
	var out strings.Builder
	if err := run(t.Context(), []string{"migrate", "-config", path}, stdio{&out, io.Discard}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(cfg.Database); err != nil || !strings.Contains(out.String(), "up to date") {
		t.Errorf("%v %q", err, out.String())
	}
}
