package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"countersign/shared/name"
	"countersign/shared/secret"
	"countersign/shared/weborigin"
	"countersign/shared/wire"
	"countersign/web/dashboard"
	"countersign/web/internal/api"
	"countersign/web/internal/chain"
	"countersign/web/internal/gateway"
	"countersign/web/internal/party"
	"countersign/web/internal/relay"
	"countersign/web/internal/review"
	"countersign/web/internal/store"
	"countersign/web/internal/store/sqlstore"
	"countersign/web/internal/token"
)

// Config is the file of serve and migrate; usage in main.go is its manual.
type Config struct {
	Listen          string      `json:"listen"`
	Database        string      `json:"database"`
	Signers         []Signer    `json:"signers"`
	TokenKey        string      `json:"token_key"`
	TokenKeyPINFile string      `json:"token_key_pin_file"`
	OtherTokenKeys  []string    `json:"other_token_keys,omitempty"`
	PublicURL       string      `json:"public_url"`
	Environment     string      `json:"environment"`
	Dashboards      []string    `json:"dashboards"`
	TrustedProxies  []string    `json:"trusted_proxies"`
	Developers      []Developer `json:"developers"`
	Providers       []Provider  `json:"providers"`
	Chains          []Chain     `json:"chains"`
}

// Developer may act for its entities.
type Developer struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	APIKeyFile string   `json:"api_key_file"`
	Tier       string   `json:"tier,omitempty"`
	Entities   []string `json:"entities"`
}

// Provider sells crypto.
type Provider struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	URL        string `json:"url"`
	APIKeyFile string `json:"api_key_file"`
	// Warn names parameters of the provider's hand-off whose contradictions of the
	// order are warned of and not refused; see shared/spec/providers.md.
	Warn []string `json:"warn,omitempty"`
	// How its widget is called: the spelling of the LiveApp parameters (camel, kebab, both), other
	// names for some of them, or none; and where it is when the provider has no /buy-redirect.
	Spelling  string            `json:"spelling,omitempty"`
	Params    map[string]string `json:"params,omitempty"`
	WidgetURL string            `json:"widget_url,omitempty"`
	Hosts     []string          `json:"hosts,omitempty"`
	QuotePath string            `json:"quote_path,omitempty"`
	// Cents says that it takes amounts such as 250.50; the contract's are whole.
	Cents bool `json:"cents,omitempty"`
	// How its orders are is told by notices, signed with the secret of the file's first line
	// or, while it is changed, of its second; and asked for at orders_path/ID. States are
	// words of its own. See shared/spec/notices.md.
	NoticeSecretFile string            `json:"notice_secret_file,omitempty"`
	OrdersPath       string            `json:"orders_path,omitempty"`
	States           map[string]string `json:"states,omitempty"`
}

// Chain is a chain whose deposits are seen.
type Chain struct {
	Chain         string `json:"chain"`         // CAIP-2
	RPC           string `json:"rpc"`           // of a node
	Confirmations int64  `json:"confirmations"` // blocks that make a deposit final, its own included
}

// maxConfirmations is more than any chain needs.
const maxConfirmations = 10_000

// checkChains finds what is wrong with the chains, and names it by its place.
func checkChains(all []Chain) error {
	seen := map[string]bool{}
	for i, c := range all {
		at := fmt.Sprintf("chains[%d]", i)
		err := chain.Config{RPC: c.RPC, Chain: c.Chain}.Check()
		switch {
		case err != nil:
			return fmt.Errorf("the configuration's %s: %w", at, err)
		case c.Confirmations == 0:
			return fmt.Errorf("the configuration needs %s.confirmations: how many blocks make a deposit on %s final, its own included (such as 12 on Ethereum; 1 in the sandbox, whose single node never reorganises its chain)", at, c.Chain)
		case c.Confirmations < 0 || c.Confirmations > maxConfirmations:
			return fmt.Errorf("the configuration's %s.confirmations must be 1 to %d", at, maxConfirmations)
		case seen[c.Chain]:
			return fmt.Errorf("the configuration's %s.chain: %s is there twice", at, c.Chain)
		}
		seen[c.Chain] = true
	}
	return nil
}

// watched are the chains of a configuration that was checked.
func watched(all []Chain) (chains map[string]gateway.Watched, closeAll func(), err error) {
	chains = map[string]gateway.Watched{}
	var open []interface{ Close() }
	closeAll = func() {
		for _, w := range open {
			w.Close()
		}
	}
	for _, c := range all {
		w, err := chain.New(chain.Config{RPC: c.RPC, Chain: c.Chain})
		if err != nil {
			closeAll()
			return nil, nil, err
		}
		s, err := chain.NewSender(chain.Config{RPC: c.RPC, Chain: c.Chain})
		if err != nil {
			closeAll()
			return nil, nil, err
		}
		open = append(open, w, s)
		chains[c.Chain] = gateway.Watched{Node: w, Sender: s, Confirmations: c.Confirmations}
	}
	return chains, closeAll, nil
}

// addresses are those whose parts may be secrets.
func (c Config) addresses() []string {
	all := append([]string{c.PublicURL}, c.Dashboards...)
	for _, p := range c.Providers {
		all = append(all, p.URL)
	}
	for _, n := range c.Chains {
		all = append(all, n.RPC)
	}
	return all
}

func (c Config) check() error {
	for _, f := range [][2]string{
		{"listen", c.Listen}, {"database", c.Database},
		{"token_key", c.TokenKey}, {"public_url", c.PublicURL}, {"environment", c.Environment},
	} {
		if f[1] == "" {
			return fmt.Errorf("the configuration needs %s; see countersign-gateway --help", f[0])
		}
	}
	for _, d := range c.Developers {
		if why := name.Problem(d.Name); why != "" && d.Name != "" {
			return fmt.Errorf("developers: the name of %s %s", d.ID, why)
		}
		if _, ok := gateway.Tiers()[d.Tier]; !ok {
			return fmt.Errorf("developers: the tier of %s is none of developer, professional and enterprise", d.ID)
		}
	}
	for _, d := range c.Dashboards {
		if err := weborigin.Check(d); err != nil {
			return fmt.Errorf("the configuration's dashboards: %w", err)
		}
	}
	if u, err := url.Parse(c.PublicURL); err == nil && u.Scheme == "http" && c.Environment != "sandbox" && !local(u.Hostname()) {
		return errors.New("public_url must be an https address outside the sandbox: tokens would travel in clear")
	}
	if err := checkSigners(c.Signers); err != nil {
		return err
	}
	return checkChains(c.Chains)
}

// local reports whether a host is this computer.
func local(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// apiKey reads an API key, which has 16 to 512 characters.
func apiKey(path string) (string, error) {
	line, _, err := secret.Line(path, 512)
	if err != nil {
		return "", fmt.Errorf("read an API key: %w", err)
	}
	if len(line) < 16 {
		return "", fmt.Errorf("the API key in %s is shorter than 16 characters", path)
	}
	return string(line), nil
}

// serve runs the gateway until ctx ends.
func serve(ctx context.Context, cfg Config, std stdio) (err error) {
	if err := cfg.check(); err != nil {
		return err
	}
	log := slog.New(secret.NewLog(std.err, cfg.addresses()...))
	signers, closeLinks, err := vaults(cfg.Signers)
	if err != nil {
		return err
	}
	defer closeLinks()
	key, closeKey, err := token.LoadKey(token.KeyConfig{
		Location: cfg.TokenKey, PINFile: cfg.TokenKeyPINFile, Create: cfg.Environment == "sandbox", Notice: std.err,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeKey()) }()
	clock := gateway.NewClock(time.Now, elapsed, log)
	now := clock.Now
	var others []*rsa.PublicKey
	for _, path := range cfg.OtherTokenKeys {
		k, err := token.LoadPublic(path)
		if err != nil {
			return err
		}
		others = append(others, k)
	}
	tokens, err := token.New(token.Config{
		Key: key, Others: others, Issuer: cfg.PublicURL, Origins: cfg.Dashboards, Audience: "countersign", Env: cfg.Environment, Now: now, Rand: rand.Reader,
	})
	if err != nil {
		return err
	}
	db, err := sqlstore.Open(ctx, cfg.Database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := principals(ctx, db, cfg, log); err != nil {
		return err
	}
	hooks, err := hooksOf(cfg.Providers)
	if err != nil {
		return err
	}
	providers, err := deskOf(cfg, db, now, log)
	if err != nil {
		return err
	}
	chains, closeChains, err := watched(cfg.Chains)
	if err != nil {
		return err
	}
	defer closeChains()
	programs := review.New(nil)
	g, err := gateway.New(ctx, gateway.Config{
		Store: db, Tokens: tokens, Desk: providers, Vaults: signers, Reviewers: programs, Sources: programs, Chains: chains, Hooks: hooks,
		Env: cfg.Environment, PageURL: strings.TrimSuffix(cfg.PublicURL, "/"), Now: now, Clock: clock, Rand: rand.Reader, Log: log,
	})
	if err != nil {
		return err
	}
	pages, err := dashboard.Handler(dashboard.Config{Bridges: sockets(cfg), Environment: cfg.Environment})
	if err != nil {
		return err
	}
	proxies, err := party.ParseProxies(cfg.TrustedProxies)
	if err != nil {
		return err
	}
	meet(ctx, g, cfg.Chains, log)
	meeting, err := relayOf(cfg, now, log)
	if err != nil {
		return err
	}
	defer meeting.Close()
	handler, err := api.New(api.Config{Gateway: g, Relay: meeting, Dashboard: pages, Origins: cfg.Dashboards, Proxies: proxies, Log: log, NewID: rand.Text})
	if err != nil {
		return err
	}
	return listen(ctx, cfg.Listen, server{handler, g.Run, log}, std)
}

// relayOf is where pages and bridges meet: bridges dial the public address, and
// pages of the dashboard that is served there may connect, and of those listed.
func relayOf(cfg Config, now func() time.Time, log *slog.Logger) (*relay.Relay, error) {
	u, err := url.Parse(cfg.PublicURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("public_url %s is not an http address", secret.Host(cfg.PublicURL))
	}
	self := u.Scheme + "://" + strings.ToLower(u.Host)
	return relay.New(relay.Config{Gateway: self, Origins: append([]string{self}, cfg.Dashboards...), Now: now, Rand: rand.Reader, Log: log})
}

// sockets are the relay's WebSockets as sources of a content security policy:
// not every browser takes 'self' for them. The grammar has no IPv6 addresses.
func sockets(cfg Config) []string {
	var all []string
	for _, o := range append([]string{cfg.PublicURL}, cfg.Dashboards...) {
		if u, err := url.Parse(o); err == nil && u.Host != "" && !strings.Contains(u.Host, "[") {
			all = append(all, "ws"+strings.TrimPrefix(u.Scheme, "http")+"://"+u.Host)
		}
	}
	return all
}

// meet reads the signers' logs and the chains before the first client asks about
// them. A signer or a node that is down must not keep the gateway from serving.
func meet(ctx context.Context, g *gateway.Gateway, chains []Chain, log *slog.Logger) {
	read, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := g.SyncAll(read); err != nil {
		log.Warn("not every signer was reached at start; trying on", "error", err)
	}
	ask, done := context.WithTimeout(ctx, 5*time.Second)
	defer done()
	var wg sync.WaitGroup
	for _, c := range chains {
		wg.Go(func() {
			if err := g.Watch(ask, c.Chain); err != nil { // of the node, the log and the health say what is wrong
				log.Warn("the chain was not read at start; trying on", "chain", c.Chain, "error", err)
			}
		})
	}
	wg.Wait()
}

type server struct {
	handler http.Handler
	run     func(context.Context)
	log     *slog.Logger
}

func listen(ctx context.Context, addr string, s server, std stdio) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	h := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 20 * time.Second, WriteTimeout: 60 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: wire.MaxHead - wire.HeadSlop, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	work, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { s.run(work) })
	failed := make(chan error, 1)
	go func() { failed <- h.Serve(l) }()
	fmt.Fprintf(std.out, "listening on http://%s\n", l.Addr())
	select {
	case err = <-failed:
	case <-ctx.Done():
		wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		err = h.Shutdown(wait)
	}
	stop()
	wg.Wait()
	return err
}

// principals makes the database follow the developers of the configuration.
func principals(ctx context.Context, db store.Store, cfg Config, log *slog.Logger) error {
	var all []gateway.Principal
	for _, d := range cfg.Developers {
		key := "" // its keys are made with the program or the API
		if d.APIKeyFile != "" {
			var err error
			if key, err = apiKey(d.APIKeyFile); err != nil {
				return err
			}
		}
		all = append(all, gateway.Principal{ID: d.ID, Name: d.Name, APIKey: key, Tier: d.Tier, Entities: d.Entities})
	}
	disabled, err := gateway.Follow(ctx, db, cfg.Environment, time.Now(), all)
	for _, id := range disabled {
		log.Warn("it is not in the configuration any more, and has no access", "id", id)
	}
	if err != nil {
		return err
	}
	ring := gateway.Keyring{Store: db, Env: cfg.Environment, Now: time.Now, Rand: rand.Reader}
	for _, d := range cfg.Developers {
		if d.APIKeyFile == "" {
			continue
		}
		if err := ring.Configured(ctx, d.ID); err != nil {
			log.Warn("the API key of the configuration does not work", "developer", d.ID, "error", err.Error())
		}
	}
	return nil
}
