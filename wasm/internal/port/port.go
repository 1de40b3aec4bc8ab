// Package port is where the page's JavaScript and the core meet: messages, one string
// for many in each direction, as wasm/js/port.js sends and reads them. JavaScript owns
// promises and callbacks and names them by numbers; nothing that a page's callback does
// reaches the core. The grammar is in wasm/js/port.d.ts. User: wasm/main_js.go.
package port

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"countersign/shared/fault"
	"countersign/shared/strictjson"
	"countersign/wasm/core"
	"countersign/wasm/internal/app"
	"countersign/wasm/internal/quoteui"
	"countersign/wasm/internal/surface"
)

// MaxMessage is the longest string from JavaScript, in bytes.
const MaxMessage = 1 << 20

// Settings are what the page says once, as JSON.
type Settings struct {
	Environment string         `json:"environment"`
	GatewayURL  string         `json:"gateway_url"`
	BridgeURLs  []string       `json:"bridge_urls"`
	Origin      string         `json:"origin"`
	User        string         `json:"user"`
	Entity      string         `json:"entity"`
	Entities    []EntityChoice `json:"entities"`
}

// EntityChoice is an entity that the person may act for.
type EntityChoice struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// ReadSettings reads them.
func ReadSettings(text string) (Settings, error) {
	var s Settings
	err := strictjson.Unmarshal([]byte(text), &s, MaxMessage)
	return s, err
}

// Config is what a port needs.
type Config struct {
	Settings Settings
	Core     *core.Core
	Store    core.Store
	Post     func(messages string) // hands messages to JavaScript
	Words    func(locale string) app.Words
	Now      func() time.Time
}

// message is what JavaScript says. One of the fields says what it is.
type message struct {
	ID      int64    `json:"id,omitempty"` // of the call
	Call    string   `json:"call,omitempty"`
	Args    *Args    `json:"args,omitempty"`
	Cancel  int64    `json:"cancel,omitempty"`  // a call
	Surface int64    `json:"surface,omitempty"` // which one
	Open    *Opening `json:"open,omitempty"`
	Act     []string `json:"act,omitempty"` // action and value
	Close   bool     `json:"close,omitempty"`
	Frame   bool     `json:"frame,omitempty"` // an animation frame has come
	Life    string   `json:"life,omitempty"`  // shown, hidden, online, offline, leave
}

// Opening says which surface to open.
type Opening struct {
	Kind    string        `json:"kind"`               // app.Whole, app.Quotes …
	Path    string        `json:"path,omitempty"`     // where the whole begins
	Inside  bool          `json:"inside,omitempty"`   // the whole stands inside another page
	Bare    bool          `json:"bare,omitempty"`     // without rail and status strip
	NoVault bool          `json:"no_vault,omitempty"` // the page has no screens of the vault
	NoSend  bool          `json:"no_send,omitempty"`  // nor those that send
	Request string        `json:"request,omitempty"`
	Member  string        `json:"member,omitempty"`
	Locale  string        `json:"locale,omitempty"`
	Form    *quoteui.Form `json:"form,omitempty"`
}

// Port serves one page.
type Port struct {
	cfg    Config
	ctx    context.Context
	cancel context.CancelFunc
	wake   chan struct{}

	mu       sync.Mutex
	out      []string
	calls    map[int64]context.CancelFunc
	surfaces map[int64]*surface.Surface
	frames   []func()
}

// New makes a port, which tells JavaScript at once what the core tells.
func New(cfg Config) *Port {
	ctx, cancel := context.WithCancel(context.Background())
	p := &Port{cfg: cfg, ctx: ctx, cancel: cancel, wake: make(chan struct{}, 1), calls: map[int64]context.CancelFunc{}, surfaces: map[int64]*surface.Surface{}}
	go p.run()
	cfg.Core.Subscribe(p.told)
	return p
}

// Stop ends all calls and surfaces, and the core.
func (p *Port) Stop() {
	p.cancel()
	p.mu.Lock()
	all := p.surfaces
	p.surfaces = map[int64]*surface.Surface{}
	p.mu.Unlock()
	for _, s := range all {
		go s.Close()
	}
	p.cfg.Core.Close()
}

// run hands over what there is, as one string.
func (p *Port) run() {
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-p.wake:
		}
		p.mu.Lock()
		out := p.out
		p.out = nil
		p.mu.Unlock()
		if len(out) > 0 {
			p.cfg.Post("[" + strings.Join(out, ",") + "]")
		}
	}
}

// say queues a message for JavaScript: names and JSON values by turns.
func (p *Port) say(parts ...string) {
	text := "{"
	for i := 0; i < len(parts); i += 2 {
		if i > 0 {
			text += ","
		}
		text += `"` + parts[i] + `":` + parts[i+1]
	}
	p.mu.Lock()
	p.out = append(p.out, text+"}")
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Receive takes messages from JavaScript: a JSON array. It does not block. What is not
// a message is an error of the loader, and changes nothing.
func (p *Port) Receive(messages string) error {
	var list []message
	if err := strictjson.Unmarshal([]byte(messages), &list, MaxMessage); err != nil {
		return err
	}
	for i := range list {
		p.take(&list[i])
	}
	return nil
}

func (p *Port) take(m *message) {
	switch {
	case m.Call != "":
		p.call(m)
	case m.Cancel != 0:
		p.end(m.Cancel)
	case m.Frame:
		p.mu.Lock()
		frames := p.frames
		p.frames = nil
		p.mu.Unlock()
		for _, f := range frames {
			f()
		}
	case m.Life != "":
		p.live(m.Life)
	case m.Surface != 0:
		p.surface(m)
	}
}

func (p *Port) live(how string) {
	c := p.cfg.Core
	switch how {
	case "shown", "hidden":
		c.Visible(how == "shown")
	case "online", "offline":
		c.Online(how == "online")
	case "leave":
		c.Leave()
	}
}

func (p *Port) surface(m *message) {
	p.mu.Lock()
	s := p.surfaces[m.Surface]
	if m.Close {
		delete(p.surfaces, m.Surface)
	}
	p.mu.Unlock()
	switch {
	case s == nil && m.Open != nil:
		p.open(m.Surface, *m.Open)
	case s == nil:
	case m.Close:
		go s.Close()
	case len(m.Act) == 2:
		s.Post(app.Acted{Action: m.Act[0], Value: m.Act[1]})
	}
}

func (p *Port) open(n int64, o Opening) {
	cfg := app.Config{Environment: p.cfg.Settings.Environment, User: p.cfg.Settings.User, Entity: p.cfg.Settings.Entity, Origin: p.cfg.Settings.Origin,
		Words: p.cfg.Words(o.Locale), NewKey: p.key, Kind: o.Kind, Inside: o.Inside, Bare: o.Bare, NoVault: o.NoVault, NoSend: o.NoSend, Member: o.Member}
	for _, e := range p.cfg.Settings.Entities {
		cfg.Entities = append(cfg.Entities, app.EntityChoice(e))
	}
	s := surface.Open(surface.Config{App: cfg, Core: p.cfg.Core, Store: p.cfg.Store, Host: host{p, strconv.FormatInt(n, 10)}, Path: path(o), Form: o.Form, Now: p.cfg.Now})
	p.mu.Lock()
	p.surfaces[n] = s
	p.mu.Unlock()
}

// path is where a surface begins.
func path(o Opening) string {
	switch o.Kind {
	case app.Whole:
		return o.Path
	case app.Quotes:
		return "/buy"
	case app.Inbox:
		return "/requests"
	case app.Approve, app.Purchase:
		return "/requests/" + o.Request
	}
	return "/" + o.Kind // the bridge's state has no address
}

// key makes an Idempotency-Key.
func (p *Port) key() string {
	key, err := p.cfg.Core.NewKey()
	if err != nil {
		panic(err) // a browser without randomness can do nothing safely
	}
	return key
}

// host is what JavaScript lends to the surface of a number.
type host struct {
	port *Port
	n    string
}

func (h host) Paint(picture string) { h.port.say("surface", h.n, "picture", picture) }

func (h host) Tell(what string, detail any) {
	if err, ok := detail.(error); ok {
		detail = h.port.problem(err)
	}
	h.port.say("surface", h.n, "event", encode(what), "detail", encode(detail))
}

func (h host) Frame(f func()) {
	p := h.port
	p.mu.Lock()
	p.frames = append(p.frames, f)
	first := len(p.frames) == 1
	p.mu.Unlock()
	if first {
		p.say("frame", "true")
	}
}

// encode writes what has a JSON form.
func encode(v any) string {
	if v == nil {
		return "null"
	}
	text, err := strictjson.Canonical(v)
	if err != nil {
		return "null" // all that is said here has one
	}
	return string(text)
}

// Problem is an error as JavaScript reads it.
type Problem struct {
	fault.Body
	Remedy string `json:"remedy,omitempty"` // what to do, for people
}
