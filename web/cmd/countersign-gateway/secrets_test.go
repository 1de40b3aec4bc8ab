package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/shared/asset"
	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
)

// The parts of an address that may be secrets.
const secretParts = "operator:pa55-word@%s/v3/0123456789abcdef?apikey=qu3ry-s3cret"

var secrets = []string{"operator", "pa55-word", "0123456789abcdef", "qu3ry-s3cret"}

// transcript is everything that a program wrote. Someone may wait for a text.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func (w *transcript) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case w.more <- struct{}{}:
	default:
	}
	return w.text.Write(p)
}

func (w *transcript) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

func (w *transcript) await(t *testing.T, texts ...string) {
	t.Helper()
	late := time.After(30 * time.Second)
	for _, text := range texts {
		for !strings.Contains(w.String(), text) {
			select {
			case <-w.more:
			case <-late:
				t.Fatalf("%q was never written:\n%s", text, w)
			}
		}
	}
}

// failing are servers that fail in one way each.
func failing(t *testing.T) map[string]string {
	t.Helper()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	hold := closed.Addr().String() // taken again by nobody while this listener is never accepted from
	t.Cleanup(func() { closed.Close() })
	go func() {
		for {
			c, err := closed.Accept()
			if err != nil {
				return
			}
			c.Close() // before an answer
		}
	}()
	plain := func(f http.HandlerFunc) string {
		s := httptest.NewServer(f)
		t.Cleanup(s.Close)
		return s.Listener.Addr().String()
	}
	echo := func(status int) string {
		return plain(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			user, password, _ := r.BasicAuth()
			fmt.Fprintf(w, "{\"error\": {\"code\": -32000, \"message\": \"%s %s of %s may not %s\"", user, password, r.Host, r.URL)
		})
	}
	self := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(self.Close)
	self.Config.ErrorLog = nil
	return map[string]string{
		"http://" + hold:                           "a connection that is closed",
		"http://127.0.0.1:1":                       "a port where nothing listens",
		"https://" + self.Listener.Addr().String(): "a certificate of nobody's",
		"http://" + echo(http.StatusUnauthorized):  "401 that repeats the question",
		"http://" + echo(http.StatusOK):            "a body that repeats the question and is cut off",
		"http://" + plain(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://"+r.Host+r.URL.String()+"&again=1", http.StatusTemporaryRedirect)
		}): "a redirect",
		"ftp://127.0.0.1:1": "a scheme that is not known",
	}
}

// with puts the secrets into an address.
func with(address string) string {
	scheme, host, _ := strings.Cut(address, "://")
	return scheme + "://" + fmt.Sprintf(secretParts, host)
}

func TestNoPartOfAConfiguredAddressIsWrittenAnywhere(t *testing.T) {
	t.Parallel()
	_, cfg := config(t)
	cfg.Chains, cfg.Providers = nil, nil
	dir := t.TempDir()
	var expected []string
	id, known := 0, asset.Chains() // the first are those of eip155
	for address, what := range failing(t) {
		chain := known[id].ID
		id++
		t.Log(chain, "has", what)
		if strings.HasPrefix(address, "http") {
			cfg.Chains = append(cfg.Chains, Chain{Chain: chain, RPC: with(address), Confirmations: 1})
			expected = append(expected, "chain="+chain+" ")
			base, _, _ := strings.Cut(with(address), "?") // no query, and no user:
			base = strings.Replace(base, "operator:pa55-word@", "", 1)
			cfg.Providers = append(cfg.Providers, Provider{
				ID: fmt.Sprintf("shop-%d", id+10), Name: "Shop", URL: base, APIKeyFile: file(t, filepath.Join(dir, chain), gatewaytest.APIKey),
			})
		}
	}
	text, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "gateway.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	all := &transcript{more: make(chan struct{}, 1)}
	done := make(chan error, 1)
	go func() {
		err := run(ctx, []string{"serve", "-config", path}, stdio{all, all})
		fmt.Fprintln(all, "ended:", err)
		done <- err
	}()
	all.await(t, append(expected, "listening on ")...)
	_, rest, _ := strings.Cut(all.String(), "listening on ")
	base, _, _ := strings.Cut(rest, "\n")
	ask(t, all, http.MethodGet, base+"/_health", "", "")
	var reply wire.TokenReply
	if err := json.Unmarshal(ask(t, all, http.MethodPost, base+"/v1/auth/tokens", "", `{"apiKey":"`+gatewaytest.APIKey+`","id":"ent_sandbox","userType":"entity"}`), &reply); err != nil {
		t.Fatal(err)
	}
	for _, route := range []string{"/v1/providers", "/v1/entity", "/v1/quotes?account=acc_main&from=EUR&to=ethereum&amount=100&country=DE&paymentMethod=card"} {
		ask(t, all, http.MethodGet, base+route, reply.AccessToken, "")
	}
	stop()
	<-done
	for _, s := range secrets {
		for line := range strings.Lines(all.String()) {
			if strings.Contains(line, s) {
				t.Errorf("%q was written: %s", s, line)
			}
		}
	}
}

// ask writes the answer to what is looked through.
func ask(t *testing.T, all io.Writer, method, url, token, body string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	all.Write(answer)
	return answer
}

func TestAConfigurationThatIsRefusedKeepsItsSecrets(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config){
		"public_url":          func(c *Config) { c.PublicURL = with("ftp://gateway.example") },
		"public_url, no port": func(c *Config) { c.PublicURL = with("http://gateway.example:port") },
		"provider":            func(c *Config) { c.Providers[0].URL = with("https://shop.example") },
		"provider, no port":   func(c *Config) { c.Providers[0].URL = with("https://shop.example:port") },
		"dashboard":           func(c *Config) { c.Dashboards = []string{with("https://dash.example:port")} },
	} {
		_, cfg := config(t)
		cfg.Providers = []Provider{{ID: "shop", Name: "Shop", URL: "https://shop.example", APIKeyFile: cfg.Developers[0].APIKeyFile}}
		change(&cfg)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		all := &transcript{more: make(chan struct{}, 1)}
		err := serve(ctx, cfg, stdio{all, all})
		cancel()
		text := fmt.Sprint(err, all)
		for _, s := range secrets {
			if strings.Contains(text, s) {
				t.Errorf("%s: %q was written: %s", name, s, text)
			}
		}
	}
}

func TestAnAPIKeyThatOthersCanReadStopsTheGateway(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(*Config, string){
		"of a developer": func(c *Config, path string) { c.Developers[0].APIKeyFile = path },
		"of a provider": func(c *Config, path string) {
			c.Providers = []Provider{{ID: "shop", Name: "Shop", URL: "https://shop.example", APIKeyFile: path}}
		},
		"of tokens": func(c *Config, path string) { c.TokenKey = path },
		"PIN of tokens": func(c *Config, path string) {
			c.TokenKey, c.TokenKeyPINFile = "pkcs11:token=t;object=o?module-path=/none.so", path
		},
	} {
		_, cfg := config(t)
		path := file(t, filepath.Join(t.TempDir(), "key"), gatewaytest.APIKey)
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		use(&cfg, path)
		if err := serve(t.Context(), cfg, stdio{io.Discard, io.Discard}); err == nil || !strings.Contains(err.Error(), "run chmod 600 ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheChainsOfTheConfigurationAreCheckedAtTheStart(t *testing.T) {
	t.Parallel()
	good := Chain{Chain: "eip155:1", RPC: with("https://node.example"), Confirmations: 12}
	change := func(f func(*Chain)) []Chain {
		c := good
		f(&c)
		return []Chain{{Chain: "eip155:10", RPC: good.RPC, Confirmations: 1}, c}
	}
	for _, c := range []struct {
		name   string
		chains []Chain
		want   string // empty: accepted
	}{
		{"none", nil, ""},
		{"two", change(func(*Chain) {}), ""},
		{"no confirmations", change(func(c *Chain) { c.Confirmations = 0 }), "chains[1].confirmations"},
		{"less than one", change(func(c *Chain) { c.Confirmations = -1 }), "chains[1].confirmations"},
		{"more than any chain needs", change(func(c *Chain) { c.Confirmations = 1_000_000 }), "chains[1].confirmations"},
		{"a chain twice", change(func(c *Chain) { c.Chain = "eip155:10" }), "chains[1].chain"},
		{"a chain that is not known", change(func(c *Chain) { c.Chain = "eip155:5" }), "chains[1]"},
		{"a chain that cannot be watched", change(func(c *Chain) { c.Chain = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp" }), "chains[1]"},
		{"a node by another scheme", change(func(c *Chain) { c.RPC = with("ftp://node.example") }), "chains[1]"},
		{"no node", change(func(c *Chain) { c.RPC = "" }), "chains[1]"},
	} {
		err := checkChains(c.chains)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		for _, s := range secrets {
			if err != nil && strings.Contains(err.Error(), s) {
				t.Errorf("%s: %q was written: %v", c.name, s, err)
			}
		}
	}
}
