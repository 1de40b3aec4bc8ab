package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"countersign/shared/apikey"
	"countersign/shared/fault"
	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
)

// keysSay runs the verb keys and returns what it printed.
func keysSay(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := run(t.Context(), append([]string{"keys"}, args...), stdio{&out, io.Discard})
	return out.String(), err
}

// An operator makes, lists, rotates and revokes keys while the gateway serves.
func TestTheOperatorManagesKeysWhileTheGatewayServes(t *testing.T) {
	t.Parallel()
	path, _ := config(t)
	ctx, stop := context.WithCancel(t.Context())
	url, done := served(ctx, t, path)
	base := []string{"-config", path, "-developer", "dev_sandbox"}
	signs := func(key string) bool {
		t.Helper()
		body := `{"apiKey":"` + key + `","id":"ent_sandbox","userType":"entity"}`
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/auth/tokens", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	}
	do := func(args ...string) (id, key string) {
		t.Helper()
		out, err := keysSay(t, append(args[:1:1], append(base, args[1:]...)...)...)
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		lines := strings.Fields(out)
		if len(lines) < 2 {
			return "", out
		}
		return lines[0], lines[1]
	}
	id, key := do("create", "-name", "Back office", "-scopes", "tokens:entity read write", "-expires", "720h")
	if !apikey.WellFormed(key) || !signs(key) {
		t.Errorf("created %s %s", id, key)
	}
	next, second := do("rotate", "-key", id)
	if !signs(key) || !signs(second) {
		t.Error("both keys work in the overlap")
	}
	do("revoke", "-key", id)
	if signs(key) || !signs(second) || !signs(gatewaytest.APIKey) {
		t.Error("the wrong key was revoked")
	}
	list, err := keysSay(t, append([]string{"list"}, base...)...)
	if err != nil || strings.Contains(list, key) || strings.Contains(list, second) {
		t.Errorf("%s, %v", list, err)
	}
	for _, want := range []string{id, next, "Back office", "revoked", "active", "operator", "configuration", key[len(key)-4:]} {
		if !strings.Contains(list, want) {
			t.Errorf("the list has no %q:\n%s", want, list)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// post asks a gateway, with a token or without one, and reads the answer.
func post(t *testing.T, url, token, body string, into any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", rand.Text())
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(into); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v", url, res.StatusCode, err)
	}
}

func TestTheOperatorSeesAndRevokesWhatAStolenKeyMade(t *testing.T) {
	t.Parallel()
	path, _ := config(t)
	ctx, stop := context.WithCancel(t.Context())
	url, done := served(ctx, t, path)
	say := func(verb string, args ...string) string {
		t.Helper()
		out, err := keysSay(t, append([]string{verb, "-config", path, "-developer", "dev_sandbox"}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	stolen := strings.Fields(say("create", "-name", "Stolen"))
	var token wire.TokenReply
	post(t, url+"/v1/auth/tokens", "", `{"apiKey":"`+stolen[1]+`","id":"dev_sandbox","userType":"developer"}`, &token)
	var made wire.NewKey
	post(t, url+"/v1/keys", token.AccessToken, `{"name":"Hidden","scopes":["tokens:developer","keys"]}`, &made)
	for row := range strings.Lines(say("list")) {
		if strings.HasPrefix(row, made.Key.ID) && !strings.Contains(row, stolen[0]) {
			t.Errorf("the list does not say with which key it was made: %s", row)
		}
	}
	if out := say("revoke", "-key", stolen[0]); !strings.Contains(out, made.Key.ID+` "Hidden", which was made with `+stolen[0]+", STILL WORKS") {
		t.Errorf("%s", out)
	}
	if out := say("revoke", "-key", stolen[0], "-made"); !strings.Contains(out, made.Key.ID) || strings.Contains(out, "STILL WORKS") {
		t.Errorf("%s", out)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestKeysSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	path, _ := config(t)
	for want, args := range map[string][]string{
		"one of create, list":    {"destroy"},
		"needs -config":          {"list", "-developer", "dev_a"},
		"needs -developer":       {"list", "-config", path},
		"needs -name":            {"create", "-config", path, "-developer", "dev_a"},
		"needs -key":             {"revoke", "-config", path, "-developer", "dev_a"},
		"no argument":            {"list", "-config", path, "-developer", "dev_a", "x"},
		"scopes.0 is not one of": {"create", "-config", path, "-developer", "dev_a", "-name", "N", "-scopes", "admin"},
		"expires_in must be":     {"create", "-config", path, "-developer", "dev_a", "-name", "N", "-expires", "1s"},
		string(fault.NotFound):   {"list", "-config", path, "-developer", "dev_a"},
	} {
		if _, err := keysSay(t, args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}
}

// A key that signs next is published beside the one that signs.
func TestTheNextSigningKeyIsPublished(t *testing.T) {
	t.Parallel()
	path, cfg := config(t)
	next, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&next.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	cfg.OtherTokenKeys = []string{file(t, filepath.Join(t.TempDir(), "next.pub"), string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))}
	text, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	url, done := served(ctx, t, file(t, path+"2", string(text)))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/.well-known/jwks.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil || strings.Count(string(body), `"kid"`) != 2 {
		t.Errorf("%s %v", body, err)
	}
	_ = res.Body.Close()
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// "Always use HTTPS for API requests": the address that people and programs are told is
// one, but for this computer's own.
func TestThePublicAddressIsHTTPSOutsideTheSandbox(t *testing.T) {
	t.Parallel()
	_, cfg := config(t)
	for address, ok := range map[string]bool{
		"https://gateway.example": true, "http://gateway.example": false, "http://127.0.0.1:8080": true, "http://[::1]:8080": true, "http://localhost": true, "http://192.168.0.7": false,
	} {
		cfg.PublicURL, cfg.Environment = address, "live"
		if err := cfg.check(); (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
		if cfg.Environment = "sandbox"; cfg.check() != nil {
			t.Errorf("%s in the sandbox", address)
		}
	}
}
