package surface

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/shared/link"
	"countersign/shared/link/linkkey"
	"countersign/wasm/core"
	"countersign/wasm/internal/app"
	"countersign/wasm/internal/auth"
	"countersign/wasm/internal/bridgeclient"
	"countersign/wasm/internal/gatewayclient"
)

// host is a page in memory: every frame comes at once, pictures go to a channel.
type host struct {
	pictures chan string
	told     chan told
	late     chan struct{} // closed when storage can be read; nil: at once

	mu     sync.Mutex
	values map[string]string
}

// told is what the page around was told.
type told struct {
	what   string
	detail any
}

func (h *host) Paint(p string)          { h.pictures <- p }
func (h *host) Frame(f func())          { f() }
func (h *host) Tell(what string, d any) { h.told <- told{what, d} }
func (h *host) Get(_ context.Context, name string) (string, error) {
	if h.late != nil {
		<-h.late
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.values[name], nil
}
func (h *host) Set(_ context.Context, name, value string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.values[name] = value
	return nil
}
func (h *host) Delete(_ context.Context, name string) error {
	return h.Set(context.Background(), name, "")
}

// server answers by path; what it does not know is a 404.
type server struct {
	mu    sync.Mutex
	asked []string
	paths map[string]string
	bad   string      // a token that is refused
	tells chan string // what changes; nil: it has no stream of events
}

// stream tells what changes, and between that a comment every 20 seconds.
func (s *server) stream(ctx context.Context) io.ReadCloser {
	r, w := io.Pipe()
	go func() {
		beat := time.NewTicker(20 * time.Second)
		defer beat.Stop()
		text := "event: open\ndata: {\"entity\":\"ent_sandbox\"}\n\n"
		for {
			if _, err := io.WriteString(w, text); err != nil {
				return
			}
			select {
			case <-ctx.Done():
				_ = w.CloseWithError(ctx.Err())
				return
			case <-beat.C:
				text = ":\n\n"
			case data, ok := <-s.tells:
				if !ok {
					_ = w.Close()
					return
				}
				text = "event: change\ndata: " + data + "\n\n"
			}
		}
	}()
	return r
}

// Fetch is the token endpoint of the dashboard's own back end.
func (s *server) Fetch(ctx context.Context, _ bool) (auth.Token, error) {
	res, err := s.Do(ctx, gatewayclient.Request{Method: "POST", URL: "/session/token", Header: map[string]string{}})
	if err != nil {
		return auth.Token{}, err
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return auth.Token{}, err
	}
	return auth.Read(body)
}

func (s *server) Do(ctx context.Context, r gatewayclient.Request) (*gatewayclient.Response, error) {
	path, _, _ := strings.Cut(r.URL, "?")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r.Method+" "+r.URL+" "+r.Header["Authorization"])
	if path == "/v1/events" && s.tells != nil {
		return &gatewayclient.Response{Status: 200, Header: func(string) string { return "text/event-stream" }, Body: s.stream(ctx)}, nil
	}
	status, body, ct := 200, s.paths[path], "application/json"
	if body == "" {
		status, body = 404, `{"error":{"code":"NOT_FOUND","message":"no"}}`
	}
	if s.bad != "" && r.Header["Authorization"] == "Bearer "+s.bad {
		status, body = 401, `{"error":{"code":"AUTHENTICATION_ERROR","message":"no"}}`
	}
	if strings.HasPrefix(body, "event:") {
		ct = "text/event-stream"
	}
	return &gatewayclient.Response{Status: status, Header: func(string) string { return ct }, Body: io.NopCloser(strings.NewReader(body))}, nil
}

const now = "2026-11-20T12:00:00Z"

func gateway() *server {
	return &server{paths: map[string]string{
		"/session/token": `{"access_token":"secret","token_type":"Bearer","expires_in":900}`,
		"/v1/clock":      `{"now":"` + now + `"}`,
		"/v1/entity":     `{"id":"ent_sandbox","name":"Sandbox Treasury","enrolled":true,"members":[],"log":{"size":1,"head":""},"signer":"ok","environment":"sandbox","server_time":"` + now + `"}`,
		"/v1/providers": `{"providers":[{"id":"northpay","name":"Northpay","freshness":"fresh","circuit":"closed","spec_deviations":[],"capabilities":` +
			`{"fiats":[{"fiat":"EUR","min":"20","max":"5000"}],"countries":[{"country":"FR","payment_methods":["card"]}],"assets":["ethereum"]}}],"server_time":"` + now + `"}`,
		"/v1/accounts": `{"accounts":[{"id":"acc_treasury","name":"Treasury","chain":"eip155:31337","address":"0x1","rules":{"version":1,"rules":[]},"balances":[],"server_time":"` + now + `"}],"server_time":"` + now + `"}`,
		"/v1/requests": `{"items":[]}`,
		"/v1/quotes": "event: excluded\ndata: {\"provider\":\"northpay\",\"provider_name\":\"Northpay\",\"stage\":\"transport\",\"code\":\"TIMEOUT\",\"message\":\"It was too slow.\"}\n\n" +
			"event: done\ndata: {\"question\":\"q\",\"account\":\"acc_treasury\",\"input\":{\"from\":\"EUR\",\"to\":\"ethereum\",\"amount\":\"250\",\"payment_method\":\"card\",\"country\":\"FR\"},\"server_time\":\"" + now + "\",\"complete\":true,\"asked\":1,\"quotes\":[],\"excluded\":[],\"fixes\":[]}\n\n",
	}}
}

// silent is a computer on which nothing listens.
func silent() bridgeclient.Local {
	return bridgeclient.Local{
		Permission: func(context.Context) bridgeclient.Permission { return bridgeclient.Granted },
		Health:     func(context.Context, string) string { return bridgeclient.Nothing },
		Dial:       func(context.Context, string) (bridgeclient.Socket, error) { return nil, errors.New("refused") },
	}
}

// page is a surface and the core that only it uses.
type page struct {
	*Surface
	core *core.Core
}

func (p page) close() {
	p.core.Close()
	p.Surface.Close()
}

// start opens a page; cfg says what is not as usual.
func start(h Host, store core.Store, cfg core.Config) page {
	cfg.Origin, cfg.Store = "http://page", store
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := core.New(cfg)
	return page{Open(Config{App: app.Config{Environment: "sandbox", NewKey: func() string { return "key" }}, Core: c, Store: store, Host: h, Path: "/buy", Now: cfg.Now}), c}
}

// end lets a last picture go when the test ends.
func end(t *testing.T, h *host, p page) page {
	t.Cleanup(func() {
		go func() {
			for range h.pictures {
			}
		}()
		p.close()
		close(h.pictures)
	})
	return p
}

func open(t *testing.T, s *server, h *host) page {
	t.Helper()
	return end(t, h, start(h, h, core.Config{Tokens: s, Fetch: s, BridgeURLs: []string{"ws://one", "ws://two"}, Local: silent(), Rand: strings.NewReader(strings.Repeat("r", 4096)),
		LinkKey: func(context.Context) (link.DH, error) { return linkkey.New(strings.NewReader(strings.Repeat("k", 32))) }}))
}

func newHost() *host {
	return &host{pictures: make(chan string, 64), told: make(chan told, 16), values: map[string]string{}}
}

// until waits for a picture that contains all the words.
func until(t *testing.T, h *host, words ...string) string {
	t.Helper()
	last := ""
	for {
		select {
		case p := <-h.pictures:
			last = p
			all := true
			for _, w := range words {
				all = all && strings.Contains(p, w)
			}
			if all {
				return p
			}
		case <-t.Context().Done():
			t.Fatalf("no picture with %q; the last is %s", words, last)
		case <-time.After(time.Minute):
			t.Fatalf("no picture with %q; the last is %s", words, last)
		}
	}
}

func TestAPageStartsWithATokenInMemory(t *testing.T) {
	t.Parallel()
	s, h := gateway(), newHost()
	open(t, s, h)
	p := until(t, h, "Sandbox Treasury", "Ethereum", "until ", "Treasury")
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.asked {
		if strings.Contains(a, " /v1/") && !strings.HasSuffix(a, " Bearer secret") {
			t.Errorf("asked without the token: %s", a)
		}
		if strings.Contains(strings.TrimSuffix(a, "Bearer secret"), "secret") {
			t.Errorf("the token is in an address: %s", a)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for k, v := range h.values {
		if strings.Contains(v, "secret") {
			t.Errorf("the token is stored in %s", k)
		}
	}
	if strings.Contains(p, "secret") {
		t.Error("the token is on screen")
	}
}

func TestThePageShowsNothingBeforeItKnowsWhereItIs(t *testing.T) {
	t.Parallel()
	h := newHost()
	h.late = make(chan struct{})
	sh := open(t, gateway(), h)
	sh.core.Visible(false)
	sh.core.Visible(true)
	sh.Post(app.Tick{Now: time.Now()})
	close(h.late)
	if p := <-h.pictures; strings.Contains(p, "There is nothing here") || !strings.Contains(p, "Compare what providers deliver") {
		t.Errorf("the first picture is %s", p)
	}
}

func TestPricesStreamAndTheFormIsKept(t *testing.T) {
	t.Parallel()
	s, h := gateway(), newHost()
	sh := open(t, s, h)
	until(t, h, "Ethereum", "Sandbox Treasury")
	sh.Post(app.Acted{Action: "buy.field:amount", Value: "250"})
	sh.Post(app.Acted{Action: "buy.ask"})
	until(t, h, "It was too slow.", "No provider has a price")
	if f := readForm(value(t, h, storeForm)); f == nil || f.Amount != "250" {
		t.Errorf("kept %+v", f)
	}
}

// value waits until something is stored under the name.
func value(t *testing.T, h *host, name string) string {
	t.Helper()
	for t.Context().Err() == nil {
		h.mu.Lock()
		v := h.values[name]
		h.mu.Unlock()
		if v != "" {
			return v
		}
	}
	return ""
}

func TestAnotherEntityIsActedForAfterThePageIsLoadedAgain(t *testing.T) {
	t.Parallel()
	s, h := gateway(), newHost()
	sh := open(t, s, h)
	until(t, h, "Sandbox Treasury")
	sh.Post(app.Acted{Action: "entity", Value: "ent_branch"})
	if got := <-h.told; got != (told{app.TellEntity, "ent_branch"}) {
		t.Errorf("told %v", got)
	}
}

func TestARefusedTokenIsRenewedWithoutTheWordOfAPerson(t *testing.T) {
	t.Parallel()
	s, h := gateway(), newHost()
	sh := open(t, s, h)
	until(t, h, "Sandbox Treasury")
	s.mu.Lock()
	s.bad = "secret"
	s.paths["/session/token"] = `{"access_token":"newer","token_type":"Bearer","expires_in":900}`
	s.paths["/v1/orders"] = `{"items":[]}`
	s.mu.Unlock()
	sh.Post(app.Acted{Action: "navigate:/orders"})
	until(t, h, "No orders yet")
	s.mu.Lock()
	defer s.mu.Unlock()
	if last := s.asked[len(s.asked)-1]; !strings.HasSuffix(last, " Bearer newer") {
		t.Errorf("the last call is %s", last)
	}
}

func TestABridgeThatDoesNotRunIsSaidSo(t *testing.T) {
	t.Parallel()
	s, h := gateway(), newHost()
	sh := open(t, s, h)
	until(t, h, "not paired: connect")
	sh.Post(app.Acted{Action: "bridge.connect"})
	until(t, h, "not running")
}
