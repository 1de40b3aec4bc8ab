package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/shared/strictjson"
)

func TestTheSecretsOfNoticesAreReadFromAFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(text string) string {
		t.Helper()
		f, err := os.CreateTemp(dir, "secret")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(text); err != nil || f.Close() != nil {
			t.Fatal(err)
		}
		return f.Name()
	}
	one, two, three := strings.Repeat("a", 16), strings.Repeat("b", 512), strings.Repeat("c", 16)
	hooks, err := hooksOf([]Provider{
		{ID: "north", NoticeSecretFile: file(one + "\n")}, {ID: "south", NoticeSecretFile: file(two + "\r\n" + three + "\n"), States: map[string]string{"ON_ICE": "on_hold"}}, {ID: "none"},
	})
	if err != nil || len(hooks) != 2 || len(hooks["north"].Secrets) != 1 || string(hooks["north"].Secrets[0]) != one ||
		len(hooks["south"].Secrets) != 2 || string(hooks["south"].Secrets[0]) != two || hooks["south"].Words["ON_ICE"] != "on_hold" {
		t.Errorf("%+v, %v", hooks, err)
	}
	if _, err := hooksOf([]Provider{{ID: "north", NoticeSecretFile: file(one)}, {ID: "south", NoticeSecretFile: file(two + "\n" + one)}}); err == nil || strings.Contains(err.Error(), one) {
		t.Errorf("two providers with one secret: %v", err)
	}
	for name, p := range map[string]Provider{
		"short": {ID: "x", NoticeSecretFile: file("short")}, "long": {ID: "x", NoticeSecretFile: file(two + "b")}, "three lines": {ID: "x", NoticeSecretFile: file(one + "\n" + one + "\n" + one)},
		"an empty line": {ID: "x", NoticeSecretFile: file(one + "\n\n" + one)}, "no file": {ID: "x", NoticeSecretFile: filepath.Join(dir, "none")}, "a state that is none": {ID: "x", States: map[string]string{"A": "gone"}},
	} {
		if _, err := hooksOf([]Provider{p}); err == nil || strings.Contains(err.Error(), one) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Of the page on authentication: "Use environment variables: store your API keys as environment
// variables rather than in your application code", and "Always use HTTPS for API requests".
func TestKeysStandInNoConfigurationAndProvidersAreAskedByHTTPS(t *testing.T) {
	t.Parallel()
	var cfg Config
	if err := strictjson.UnmarshalFile([]byte(`{"developers":[{"id":"dev_a","api_key":"ol_live_0123456789abcdef"}]}`), &cfg, 1<<20); err == nil || !strings.Contains(err.Error(), "api_key") {
		t.Errorf("a key in the configuration: %v", err)
	}
	key := filepath.Join(t.TempDir(), "provider.key")
	if err := os.WriteFile(key, []byte("provider-key-0123456789\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for url, ok := range map[string]bool{"https://api.provider.example": true, "http://api.provider.example": false, "http://127.0.0.1:1": false} {
		cfg := Config{Environment: "live", Providers: []Provider{{ID: "north", URL: url, APIKeyFile: key}}}
		if _, err := deskOf(cfg, nil, time.Now, slog.New(slog.DiscardHandler)); (err == nil) != ok {
			t.Errorf("%s: %v", url, err)
		}
	}
}
