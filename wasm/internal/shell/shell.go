// Package shell connects the pure core (wasm/internal/app) with the world: it
// takes messages in one queue, updates the model on one goroutine, carries out
// the commands, and paints at most once per animation frame and only when the
// picture changed. What only a browser has is injected, so that the shell is
// tested natively. Used by wasm/main_js.go.
package shell

import (
	"context"
	"io"
	"sync"
	"time"

	"countersign/shared/link"
	"countersign/wasm/internal/app"
	"countersign/wasm/internal/auth"
	"countersign/wasm/internal/bridgeclient"
	"countersign/wasm/internal/gatewayclient"
	"countersign/wasm/internal/relay"
)

// Host is what the page lends: a picture on screen, frames, small storage.
type Host interface {
	Paint(picture string)
	Frame(f func())
	Open(url string, newTab bool) bool
	Reload()
	ChangeEntity(id string)
	Get(ctx context.Context, name string) (string, error)
	Set(ctx context.Context, name, value string) error
	Delete(ctx context.Context, name string) error
}

// Config is what a shell needs.
type Config struct {
	App        app.Config
	TokenURL   string   // POST here for an entity token; the page's own back end
	GatewayURL string   // empty: the page's own origin
	BridgeURLs []string // where a bridge may listen besides the usual ports, in the order to try
	Origin     string
	Path       string // of the page's address

	Host   Host
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

// Names in the host's storage.
const (
	storeForm   = "form"
	storeBridge = "bridge-key"
	storePlace  = "bridge-address"
)

// Shell runs one page.
type Shell struct {
	cfg     Config
	ctx     context.Context
	cancel  context.CancelFunc
	model   *app.Model
	tokens  *auth.Keeper
	gateway *gatewayclient.Client
	wake    chan struct{}
	done    chan struct{}

	mu       sync.Mutex
	queue    []app.Msg
	started  bool // the model was told where it is: until then messages wait
	frame    bool // a frame has come: paint
	visible  bool
	quotes   context.CancelFunc
	events   context.CancelFunc
	decision context.CancelFunc
	line     *bridgeclient.Client
	search   *search // the newest attempt to connect
	relay    *relay.Relay
	meeting  meeting
}

// Start runs a shell until Stop.
func Start(cfg Config) *Shell {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Shell{cfg: cfg, ctx: ctx, cancel: cancel, model: app.New(cfg.App, cfg.Now()), wake: make(chan struct{}, 1), done: make(chan struct{}), visible: true}
	s.tokens = auth.NewKeeper(auth.Config{Source: source{cfg.Fetch, cfg.TokenURL}, Now: cfg.Now, Changed: func(st auth.Status) { s.Post(app.TokenChanged{Status: st}) }})
	s.gateway = gatewayclient.New(gatewayclient.Config{Fetch: cfg.Fetch, Tokens: s.tokens, Base: cfg.GatewayURL, Rand: cfg.Rand})
	if cfg.DialGateway != nil {
		s.cfg.Routes = append(s.cfg.Routes, bridgeclient.Route{Name: bridgeclient.Relay, Dial: s.dialRelay, Check: s.meant})
	}
	go s.run()
	go s.begin()
	go s.renew()
	return s
}

// Stop ends everything that the shell began.
func (s *Shell) Stop() {
	s.cancel()
	s.Leave()
	<-s.done
}

// Leave closes the line to the bridge, which closes its prompt, and the stream of
// events, because the page is going away. A page that comes back from the browser's cache connects again.
func (s *Shell) Leave() {
	s.mu.Lock()
	line := s.line
	s.mu.Unlock()
	s.stopConnecting()
	s.stopListening()
	if line != nil {
		line.Close()
	}
}

// Post queues a message. It never blocks.
func (s *Shell) Post(msg app.Msg) {
	s.mu.Lock()
	s.queue = append(s.queue, msg)
	s.mu.Unlock()
	s.nudge()
}

// Visible tells that the page is shown or hidden.
func (s *Shell) Visible(on bool) {
	s.mu.Lock()
	was := s.visible
	s.visible = on
	s.mu.Unlock()
	if on && !was {
		s.Post(app.Tick{Now: s.cfg.Now()})
		if s.tokens.Due() { // timers do not run while a computer sleeps
			go s.renewNow()
		}
	}
	if on != was {
		s.Post(app.Visible{On: on})
	}
}

// Online tells that the computer has a network or not.
func (s *Shell) Online(on bool) { s.Post(app.NetworkChanged{Online: on}) }

func (s *Shell) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// The model is told the time once a second while the picture changes. While it does
// not, each pause is twice the one before, up to restTime: what is shown in seconds
// changes every second, and what is shown in minutes may be that late.
const (
	tickTime = time.Second
	restTime = 20 * time.Second
)

// run is the only goroutine that touches the model.
func (s *Shell) run() {
	defer close(s.done)
	last, dirty, planned := "", false, false
	pause := tickTime
	clock := time.NewTimer(pause)
	defer clock.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-clock.C:
			clock.Reset(pause)
			s.mu.Lock()
			visible := s.visible
			s.mu.Unlock()
			if visible {
				s.Post(app.Tick{Now: s.cfg.Now()})
			}
			continue
		case <-s.wake:
		}
		s.mu.Lock()
		if !s.started {
			s.mu.Unlock()
			continue
		}
		queue, frame := s.queue, s.frame
		s.queue, s.frame = nil, false
		s.mu.Unlock()
		for _, msg := range queue {
			commands := s.model.Update(msg)
			dirty = dirty || !idle(msg, commands)
			for _, c := range commands {
				s.do(c)
			}
		}
		planned = planned && !frame
		if frame && dirty {
			dirty = false
			if picture := s.model.View().JSON(); picture != last {
				last, pause = picture, tickTime
				clock.Reset(pause)
				s.cfg.Host.Paint(picture)
			} else {
				pause = min(2*pause, restTime)
			}
		}
		if dirty && !planned {
			planned = true
			s.cfg.Host.Frame(s.frameCame)
		}
	}
}

// idle reports whether a message was the look for something to do that found nothing:
// it costs no picture.
func idle(msg app.Msg, found []app.Command) bool {
	w, ok := msg.(app.Waited)
	return ok && w.Name == app.PausePoll && len(found) <= 1 // the next pause
}

func (s *Shell) frameCame() {
	s.mu.Lock()
	s.frame = true
	s.mu.Unlock()
	s.nudge()
}

// begin reads what survived a reload, then starts the model: it is the first that
// the model learns, whatever else came meanwhile.
func (s *Shell) begin() {
	msg := app.Started{Path: s.cfg.Path}
	if text, err := s.cfg.Host.Get(s.ctx, storeForm); err == nil && text != "" {
		msg.Form = readForm(text)
	}
	if key := s.pinned(s.ctx); len(key) > 0 {
		msg.Paired = true
	}
	s.mu.Lock()
	s.queue, s.started = append([]app.Msg{msg}, s.queue...), true
	s.mu.Unlock()
	s.nudge()
}

// renew gets the first token and keeps it fresh.
func (s *Shell) renew() {
	wait := time.Duration(0)
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-time.After(wait):
		}
		if !s.tokens.Due() {
			wait = max(s.tokens.RenewIn(s.cfg.Jitter), time.Second)
			continue
		}
		wait = time.Second
		if err := s.renewNow(); err != nil {
			wait = 15 * time.Second
		}
	}
}

func (s *Shell) renewNow() error { return s.tokens.Refresh(s.ctx) }

// sleep waits unless the page stops.
func (s *Shell) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}
