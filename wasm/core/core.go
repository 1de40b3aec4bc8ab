// Package core is the dashboard's core without a screen: it keeps the entity token,
// asks the gateway, listens to what changes, finds the bridge and carries decisions
// between it and the signer. One Core serves all parts of a page that act for one
// entity at one gateway: there is one token, one stream of events and one line to the
// bridge. It is pure: what only a browser has is injected, so that it is tested
// natively. Specs: shared/spec/wire.md, link.md, relay.md. Users: wasm/internal/surface
// (parts with a screen) and wasm/internal/port (calls from JavaScript).
package core

import (
	"context"
	"io"
	"sync"
	"time"

	"countersign/shared/link"
	"countersign/wasm/internal/auth"
	"countersign/wasm/internal/bridgeclient"
	"countersign/wasm/internal/gatewayclient"
	"countersign/wasm/internal/relay"
)

// Store keeps small values across reloads: never a token or a key.
type Store interface {
	Get(ctx context.Context, name string) (string, error) // empty when there is none
	Set(ctx context.Context, name, value string) error
	Delete(ctx context.Context, name string) error
}

// Config is what a core needs.
type Config struct {
	GatewayURL string   // without a final slash; empty: the page's own origin
	BridgeURLs []string // where a bridge may listen besides the usual ports, in the order to try
	Origin     string   // of the page

	Store  Store
	Tokens auth.Source
	Fetch  gatewayclient.Fetch
	Local  bridgeclient.Local   // its Addresses come from BridgeURLs and the usual ports
	Routes []bridgeclient.Route // other ways to the bridge, for when loopback is impossible
	// DialGateway opens a WebSocket at the gateway, for the relay; nil: there is
	// no relay.
	DialGateway func(ctx context.Context, url string, protocols ...string) (bridgeclient.Socket, error)
	LinkKey     func(ctx context.Context) (link.DH, error) // the page's key
	Now         func() time.Time
	Rand        io.Reader
	Jitter      float64 // 0 to 1, spreads the renewals of many tabs
}

// Names in the store.
const (
	storeBridge = "bridge-key"
	storePlace  = "bridge-address"
)

// Core serves one page. Its methods may be called from any goroutine.
type Core struct {
	cfg     Config
	ctx     context.Context
	cancel  context.CancelFunc
	tokens  *auth.Keeper
	gateway *gatewayclient.Client

	mu       sync.Mutex
	told     map[*func(any)]bool // who is told what happens
	token    *TokenChanged
	clock    *ClockSet
	bridge   BridgeChanged // the last that was told
	hidden   bool
	offline  bool
	events   context.CancelFunc
	live     bool // the stream of events has begun
	deciding func(any)
	line     *bridgeclient.Client
	search   *search // the newest attempt to connect
	relay    *relay.Relay
	meeting  meeting
}

// New makes a core, which gets its first token at once. It works until Close.
func New(cfg Config) *Core {
	ctx, cancel := context.WithCancel(context.Background())
	c := &Core{cfg: cfg, ctx: ctx, cancel: cancel, told: map[*func(any)]bool{}}
	c.tokens = auth.NewKeeper(auth.Config{Source: cfg.Tokens, Now: cfg.Now, Changed: func(st auth.Status) { c.tell(TokenChanged{Status: st}) }})
	c.gateway = gatewayclient.New(gatewayclient.Config{Fetch: cfg.Fetch, Tokens: c.tokens, Base: cfg.GatewayURL, Rand: cfg.Rand})
	if cfg.DialGateway != nil {
		c.cfg.Routes = append(c.cfg.Routes, bridgeclient.Route{Name: bridgeclient.Relay, Dial: c.dialRelay, Check: c.meant})
	}
	go c.renew()
	return c
}

// Close ends everything that the core began.
func (c *Core) Close() {
	c.cancel()
	c.Leave()
}

// Subscribe has f told what happens: the types of events.go. It is told at once what
// the core knows already. f must not block.
func (c *Core) Subscribe(f func(event any)) (stop func()) {
	c.mu.Lock()
	known := []any{}
	if c.token != nil {
		known = append(known, *c.token)
	}
	if c.clock != nil {
		known = append(known, *c.clock)
	}
	if c.bridge.State != BridgeUnknown {
		known = append(known, c.bridge)
	}
	if c.offline {
		known = append(known, NetworkChanged{})
	}
	if c.hidden {
		known = append(known, Visible{})
	}
	for _, e := range known {
		f(e)
	}
	c.told[&f] = true
	c.mu.Unlock()
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.told, &f)
	}
}

// tell tells all who subscribed.
func (c *Core) tell(event any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch e := event.(type) {
	case TokenChanged:
		c.token = &e
	case ClockSet:
		c.clock = &e
	case BridgeChanged:
		c.bridge = e
	case DevicesChanged:
		c.bridge.Identities = e.Identities
	}
	for f := range c.told {
		(*f)(event)
	}
}

// Leave closes the line to the bridge, which closes its prompt, and the stream of
// events, because the page is going away. A page that comes back from the browser's
// cache connects again.
func (c *Core) Leave() {
	c.mu.Lock()
	line := c.line
	c.mu.Unlock()
	c.StopConnecting()
	c.StopListening()
	if line != nil {
		line.Close()
	}
}

// Visible tells that the page is shown or hidden.
func (c *Core) Visible(on bool) {
	c.mu.Lock()
	was := !c.hidden
	c.hidden = !on
	c.mu.Unlock()
	if on == was {
		return
	}
	if on && c.tokens.Due() { // timers do not run while a computer sleeps
		go c.Renew()
	}
	c.tell(Visible{On: on})
}

// Online tells that the computer has a network or not.
func (c *Core) Online(on bool) {
	c.mu.Lock()
	c.offline = !on
	c.mu.Unlock()
	c.tell(NetworkChanged{Online: on})
}

// renew gets the first token and keeps it fresh.
func (c *Core) renew() {
	wait := time.Duration(0)
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-time.After(wait):
		}
		if !c.tokens.Due() {
			wait = max(c.tokens.RenewIn(c.cfg.Jitter), time.Second)
			continue
		}
		wait = time.Second
		if err := c.Renew(); err != nil {
			wait = 15 * time.Second
		}
	}
}

// Renew gets a new token now; subscribers are told how it went.
func (c *Core) Renew() error { return c.tokens.Refresh(c.ctx) }

// Until is when the token ends, by this computer's clock; zero before the first.
func (c *Core) Until() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token == nil {
		return time.Time{}
	}
	return c.token.Status.Until
}
