// Package app decides what is on screen and what may happen next. It is pure: a
// [Model] changes only in Update, by messages; Update answers with commands that
// wasm/internal/surface carries out; [Model.View] turns the model into a page for
// the painter. Nothing here knows a browser, a network or a clock of its own,
// so every screen and every step is tested natively.
//
// The screens are described in the dashboard's design: Buy (buyview.go),
// Requests (requestview.go), Orders (orderview.go), Accounts (accountview.go),
// and the status strip that is always true (frameview.go).
package app

import (
	"strings"
	"time"

	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/id"
	"countersign/shared/quote"
	"countersign/shared/wire"
	"countersign/wasm/core"
	"countersign/wasm/internal/approvals"
	"countersign/wasm/internal/auth"
	"countersign/wasm/internal/bridgeclient"
	"countersign/wasm/internal/quoteui"
)

// Config is what does not change while the page lives.
type Config struct {
	Environment string // "sandbox" is shown unmistakably
	User        string
	Entity      string         // which of Entities the page acts for
	Entities    []EntityChoice // that the person may act for; fewer than two: there is no choice
	Origin      string         // of the page, as the bridge's list of origins has it
	Words       Words
	NewKey      func() string // makes an Idempotency-Key
	Kind        string        // Whole when empty
	Inside      bool          // the whole stands inside another page
	Bare        bool          // the whole without rail and status strip
	NoVault     bool          // the page around has no screens of the vault
	NoSend      bool          // nor those that send
	Member      string        // who would sign, when the page around says so
}

// EntityChoice is an entity that the person may act for.
type EntityChoice struct{ ID, Name string }

// Loadable is something from the gateway.
type Loadable[T any] struct {
	Value  T
	Loaded bool
	Asked  bool
	Err    *fault.Error
}

// Route is which screen is shown.
type Route struct{ Screen, ID string }

// The screens.
const (
	Buy      = "buy"
	Requests = "requests"
	Orders   = "orders"
	Accounts = "accounts"
	Vault    = "vault" // which is not the core's own: it says where it is, and the loader shows it
	Send     = "send"  // so is this; its ID is the account to send from
	// Providers is not the core's own either: what one promised, and what arrived.
	Providers = "providers"
	Nowhere   = "nowhere"
)

// ParseRoute reads a path; the query is ignored.
func ParseRoute(path string) Route {
	path, _, _ = strings.Cut(path, "?")
	parts := strings.Split(strings.Trim(path, "/"), "/")
	switch {
	case parts[0] == "" || parts[0] == "index.html":
		return Route{Screen: Buy}
	case len(parts) > 2:
	case parts[0] == Buy && len(parts) == 1, parts[0] == Requests, parts[0] == Orders, parts[0] == Accounts, parts[0] == Vault, parts[0] == Send, parts[0] == Providers:
		if len(parts) == 1 {
			return Route{Screen: parts[0]}
		}
		if (parts[0] == Vault || parts[0] == Providers) && len(parts[1]) <= id.MaxID || id.Valid(parts[1]) {
			return Route{Screen: parts[0], ID: parts[1]}
		}
	}
	return Route{Screen: Nowhere}
}

// Path is the address of a route.
func (r Route) Path() string {
	switch {
	case r.Screen == Nowhere:
		return ""
	case r.ID != "":
		return "/" + r.Screen + "/" + r.ID
	}
	return "/" + r.Screen
}

// How the link to the bridge stands.
const (
	BridgeUnknown    = core.BridgeUnknown
	BridgeConnecting = core.BridgeConnecting
	BridgePairing    = core.BridgePairing
	BridgeReady      = core.BridgeReady
	BridgeFailed     = core.BridgeFailed
)

// Bridge is what the page knows about the bridge.
type Bridge struct {
	State      core.BridgeState
	Paired     bool
	Problem    bridgeclient.Problem // why there is no connection
	Step       bridgeclient.Step    // while connecting
	Route      string               // bridgeclient.Loopback or Relay
	Shown      bool                 // the person asked for the bridge: how it goes is shown on every screen
	Quiet      bool                 // failed, and tried again without a word
	Typed      string               // the relay name, as far as it is typed
	Mistyped   bool                 // it is not a relay name
	Code       string
	Name       string
	Version    string
	Identities []frame.Identity
	Err        *fault.Error
}

// Model is everything.
type Model struct {
	cfg      Config
	now      time.Time
	skew     time.Duration
	measured bool
	online   bool
	route    Route
	announce string
	token    auth.Status

	entity    Loadable[wire.Entity]
	providers Loadable[[]quote.Provider]
	requests  Loadable[[]wire.Request]
	orders    Loadable[[]wire.Order]
	accounts  Loadable[[]wire.Account]
	request   map[string]Loadable[wire.Request]
	order     map[string]Loadable[wire.Order]
	account   map[string]Loadable[wire.Account]
	statement map[string]Loadable[string]

	form     quoteui.Form
	review   *quote.Row       // the price that the person looks at before it is requested
	quoted   string           // the quote that the page around was told of last
	renewals int              // how often in a row prices were asked for again by themselves
	reveal   int              // counts what is to be scrolled to
	help     bool             // the keys are listed
	find     Find             // what the list of requests is narrowed to
	rows     int              // of each group that stand on the page before one asks for more
	index    map[string]index // request → what it is looked for by
	older    []wire.Request   // behind the newest, as far as they were asked for
	before   string           // the cursor of still older ones; empty: there are none
	touched  bool             // the person has tried the form
	board    quoteui.Board
	asked    quoteui.Form // what the board answers
	quoting  *fault.Error // why there are no quotes
	typing   int          // sequence of the last change, for the pause after it

	bridge  Bridge
	member  string // chosen to sign as
	made    string // request that a quotes part made last
	flow    *approvals.Flow
	closes  time.Time       // when the open prompt closes by itself
	untold  approvals.Stage // of the decision, from which on the page around is still to be told
	pending string          // the decision that waits for the bridge
	picked  map[string]bool // requests that are to be decided together
	confirm string          // "REJECT" while the page asks whether the person means it

	keys    map[string]string       // operation → Idempotency-Key
	busy    map[string]bool         // operations in progress
	failed  map[string]*fault.Error // operations that failed
	tickets map[string]wire.Ticket  // order → where to continue, when no new tab was possible
	polls   int
	hidden  bool // another tab is in front
	live    bool // the gateway tells what changes
	breaks  int  // how often in a row it stopped to
}

// New makes the model of a page that has just been opened.
func New(cfg Config, now time.Time) *Model {
	return &Model{
		cfg: cfg, now: now, online: true, member: cfg.Member, rows: shownAtOnce,
		request: map[string]Loadable[wire.Request]{}, order: map[string]Loadable[wire.Order]{},
		account: map[string]Loadable[wire.Account]{}, statement: map[string]Loadable[string]{}, picked: map[string]bool{}, index: map[string]index{},
		keys: map[string]string{}, busy: map[string]bool{}, failed: map[string]*fault.Error{}, tickets: map[string]wire.Ticket{},
	}
}

// server is the server's time.
func (m *Model) server() time.Time { return m.now.Add(m.skew) }

// operation starts something that must happen once: the same Idempotency-Key until
// the gateway gave a clear answer.
func (m *Model) operation(name string) (key string, ok bool) {
	if m.busy[name] {
		return "", false
	}
	if m.keys[name] == "" {
		m.keys[name] = m.cfg.NewKey()
	}
	m.busy[name] = true
	delete(m.failed, name)
	return m.keys[name], true
}

// done ends an operation. After an answer that leaves open whether it happened the
// key is kept, so that trying again cannot do it twice.
func (m *Model) done(name string, err error) {
	delete(m.busy, name)
	if err == nil {
		delete(m.keys, name)
		return
	}
	f := asFault(err)
	m.failed[name] = f
	switch f.Code {
	case fault.Unavailable, fault.Timeout, fault.Cancelled, fault.Internal:
	default:
		delete(m.keys, name)
	}
}

func asFault(err error) *fault.Error {
	if err == nil {
		return nil
	}
	if f, ok := fault.As(err); ok {
		return f
	}
	return fault.Wrap(err, fault.Internal, "something went wrong in this page")
}

// name of a member, else the id.
func (m *Model) name(member string) string {
	for _, k := range m.entity.Value.Members {
		if k.ID == member {
			return k.Name
		}
	}
	for _, id := range m.bridge.Identities {
		if id.Member == member {
			return id.MemberName
		}
	}
	if n, ok := strings.CutPrefix(member, "mem_"); ok && len(n) > 0 && len(n) <= 12 {
		return strings.ToUpper(n[:1]) + n[1:]
	}
	return member
}

// mine are the identities of this entity that the bridge can act for.
func (m *Model) mine() []frame.Identity {
	var list []frame.Identity
	for _, id := range m.bridge.Identities {
		if id.Entity == m.entity.Value.ID || m.entity.Value.ID == "" {
			list = append(list, id)
		}
	}
	return list
}
