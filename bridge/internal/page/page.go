// Package page serves pages in browsers. Each connection is a state machine: WebSocket
// (bridge/internal/guard) → link (shared/link, as responder) → pairing, when the page
// is new → frames (shared/frame) with many calls in flight. A [conn] is the connection;
// a [visit] is the page at its other end, which may pair and call methods (methods.go),
// of which those about channels and approvals are bridge/internal/approval's.
//
// Who may do what: a program of the same user (caller.go), a page that is paired
// (pair.go), and whose site is neither blocked nor asking too much (prompts.go and
// bridge/internal/site). Specs: shared/spec/link.md, frame.md. bridge/internal/approver
// runs it.
package page

import (
	"context"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"countersign/bridge/internal/approval"
	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/member"
	"countersign/bridge/internal/peer"
	"countersign/bridge/internal/site"
	"countersign/bridge/internal/unlock"
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/link"
)

// product is what the bridge calls itself on a page.
const product = "Countersign bridge"

// Prompts ask the person, one question at a time: a [consent.Queue].
type Prompts interface {
	Where() string
	Confirm(ctx context.Context, q consent.Question, opened consent.Opened) error
	Tell(ctx context.Context, site, news string)
}

// Config is what pages are served with.
type Config struct {
	Version  string    // that pages are told, for people
	Key      *link.Key // the bridge's
	Members  *member.List
	Keeper   *unlock.Keeper
	Decider  approval.Decider
	Sites    *site.Gate
	Allows   func(origin string) bool // whether pages of it may connect now
	Pairings *site.Pairings
	Prompts  Prompts
	Journal  *journal.Journal
	Refusals *journal.Refusals
	Rand     io.Reader
	Now      func() time.Time
	Log      *slog.Logger
	// Identify says which program is at the far end of a connection on loopback.
	Identify func(local, remote netip.AddrPort) (peer.Process, error)
}

// Pages are the pages that are connected.
type Pages struct {
	Config
	budget  link.Budget // of pages on loopback
	relayed link.Budget // of pages at the gateway, so that it cannot use up the other

	mu     sync.Mutex
	visits map[*visit]bool
}

// New serves no page yet.
func New(cfg Config) *Pages {
	return &Pages{Config: cfg, budget: link.Budget{Now: cfg.Now}, relayed: link.Budget{Now: cfg.Now}, visits: map[*visit]bool{}}
}

// Serve runs one connection until either side ends it. gateway is empty on loopback;
// otherwise the origin is its claim until the link proves a page's key.
func (p *Pages) Serve(ctx context.Context, ws *websocket.Conn, origin, gateway string) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := newConn(ctx, cancel, ws, p.Log.With("origin", origin))
	defer c.stopWork(nil)
	stop := context.AfterFunc(ctx, func() { ws.Close() }) // ends the reads and writes below
	defer stop()
	v := &visit{caller: caller{origin: origin, gateway: gateway, process: peer.Unknown()}, pages: p, conn: c}
	err := v.identify()
	if err == nil {
		err = v.connect()
	}
	if err != nil {
		c.log.Warn("the link was not established", "error", err)
		c.closeWith(fault.CodeOf(err))
		return
	}
	defer c.session.Close()
	v.user = p.Keeper.User(v)
	v.desk = approval.New(c.work, approval.Config{Members: p.Members, Tokens: v.user, Asker: v, Decider: p.Decider,
		Journal: p.Journal, Refusals: p.Refusals, Rand: p.Rand, Now: p.Now})
	p.mu.Lock()
	p.visits[v] = true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.visits, v)
		p.mu.Unlock()
		v.user.Leave()
	}()
	c.calls.Go(c.write)
	c.calls.Go(v.begin)
	if err := c.read(v.call); err != nil && ctx.Err() == nil {
		c.log.Info("the connection ended", "reason", err)
	}
	cancel() // prompts of this page close
	c.calls.Wait()
	v.desk.Close()
}

// DeviceChanged tells the pages that a token came or went.
func (p *Pages) DeviceChanged(called string, present bool) {
	if called == "" || len(called) > frame.MaxName {
		return
	}
	method := frame.DeviceRemoved
	if present {
		method = frame.DeviceAdded
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for v := range p.visits {
		if v.isReady() {
			v.conn.notify(method, frame.DeviceParams{Device: called})
		}
	}
}

// DisconnectOthers ends the connections of pages whose origin is not on the list, and
// says how many there were.
func (p *Pages) DisconnectOthers(list []string) int {
	return p.refuse(func(v *visit) bool { return !slices.Contains(list, v.origin) }, offTheList())
}

// offTheList is why a page of an origin may not connect any more.
func offTheList() *fault.Error {
	return fault.New(fault.OriginRefused, "this site was taken off the bridge's list of origins")
}

// Revoked ends the connections of pages whose pairings are gone.
func (p *Pages) Revoked(pairings []string) int {
	return p.refuse(func(v *visit) bool { return slices.Contains(pairings, v.pairing) }, revoked())
}

// revoked is why a page must pair again.
func revoked() *fault.Error {
	return fault.New(fault.NotPaired, "the pairing of this page was revoked")
}

// Connected are the ids of the pairings of pages that are connected.
func (p *Pages) Connected() (pairings []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for v := range p.visits {
		if v.isReady() && !slices.Contains(pairings, v.pairing) {
			pairings = append(pairings, v.pairing)
		}
	}
	slices.Sort(pairings)
	return pairings
}

// refuse takes back what the person allowed some pages, tells them why, and ends their
// connections. It says how many there were.
func (p *Pages) refuse(which func(*visit) bool, why *fault.Error) int {
	p.mu.Lock()
	var those []*visit
	for v := range p.visits {
		if which(v) {
			those = append(those, v)
		}
	}
	p.mu.Unlock()
	for _, v := range those {
		v.user.Disallow()
		v.refuse(why)
	}
	return len(those)
}

// block notes that the person blocked a page's site, and closes
// every connection of it. One that a gateway claims to be the site is blocked with
// it, and not the other way round.
func (p *Pages) block(v *visit) {
	why := fault.New(fault.SiteBlocked, "this site was blocked at the bridge's prompt")
	p.Journal.Record(v.event(journal.Blocked), p.Log)
	p.Sites.Block(v.site(), why)
	p.refuse(func(other *visit) bool {
		return other.origin == v.origin && (v.gateway == "" || other.gateway == v.gateway)
	}, why)
}
