// Package approver is the bridge on a person's computer: it wires the role. A page
// (bridge/internal/page) can open an end-to-end channel to the vault's signer and ask to
// approve a request (bridge/internal/approval): the statement comes from the signer
// itself, is shown at the bridge's own prompt (bridge/internal/consent), and only then
// signed by the token (bridge/internal/unlock, device), for a member whose certificate is
// good (bridge/internal/member). The page relays records that it cannot read. Every
// decision and use of a key is written to bridge/internal/journal first.
//
// Of its own it has the configuration (config.go), the origins that may change while it
// runs (origins.go), what commands see and change (commands.go, seen.go, through
// bridge/internal/control), and the relay (relay.go).
// bridge/cmd/countersign-bridge runs it.
package approver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"countersign/bridge/internal/approval"
	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/control"
	"countersign/bridge/internal/device"
	"countersign/bridge/internal/guard"
	"countersign/bridge/internal/instance"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/member"
	"countersign/bridge/internal/page"
	"countersign/bridge/internal/peer"
	"countersign/bridge/internal/site"
	"countersign/bridge/internal/unlock"
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/link"
	"countersign/shared/secret"
)

// Version is what the bridge tells pages about itself, for people.
const Version = "0.1.0"

// Stdio is where a program writes: Out gets a line "listening on URL" for each
// listener when it is ready, Err the log.
type Stdio struct {
	Out, Err io.Writer
}

// Devices are the tokens of this computer.
type Devices interface {
	unlock.Tokens
	unlock.Locks
	// Watch calls changed when a token comes or goes, until ctx ends.
	Watch(ctx context.Context, changed func(token string, present bool)) error
}

// Prompts asks the person, one question at a time: a [consent.Queue].
type Prompts interface {
	unlock.Prompts
	Where() string
	Check(ctx context.Context) error
	Tell(ctx context.Context, site, news string)
}

// Deps are what a bridge works with. Tests bring their own.
type Deps struct {
	Devices Devices
	Prompts Prompts
	Journal *journal.Journal
	Rand    io.Reader
	Now     func() time.Time
	Log     *slog.Logger
	// Identify says which program is at the far end of a connection on loopback;
	// nil: [peer.Identify].
	Identify func(local, remote netip.AddrPort) (peer.Process, error)
}

// Bridge serves pages.
type Bridge struct {
	cfg      Config
	deps     Deps
	key      *link.Key
	origins  *Origins
	pairings *site.Pairings
	members  *member.List
	keeper   *unlock.Keeper
	sites    *site.Gate
	refusals *journal.Refusals
	pages    *page.Pages
	idleLock time.Duration

	mu    sync.Mutex
	guard *guard.Guard // of Serve
}

// New reads the bridge's state and the identities' certificates. It opens no
// port and no token. An identity that cannot be used costs no other.
func New(cfg Config, deps Deps) (*Bridge, error) {
	if deps.Now == nil {
		deps.Now = time.Now
	}
	if deps.Rand == nil {
		deps.Rand = rand.Reader
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	if deps.Identify == nil {
		deps.Identify = peer.Identify
	}
	limit, err := cfg.idleLock()
	if err != nil {
		return nil, err
	}
	b := &Bridge{cfg: cfg, deps: deps, idleLock: limit, origins: OpenOrigins(cfg), pairings: site.OpenPairings(cfg.StateDir)}
	if b.members, err = cfg.Members(); err != nil {
		return nil, err
	}
	b.members.Report(deps.Log, deps.Now())
	if b.key, err = loadLinkKey(filepath.Join(cfg.StateDir, "link.key"), deps.Rand); err != nil {
		return nil, err
	}
	blocks := site.OpenBlocks(cfg.StateDir)
	if _, err := b.pairings.List(); err != nil {
		return nil, err
	}
	if _, err := blocks.List(); err != nil {
		return nil, err
	}
	b.refusals = journal.NewRefusals(deps.Now, func(e journal.Event) { deps.Journal.Record(e, deps.Log) })
	b.keeper = unlock.New(unlock.Config{Tokens: deps.Devices, Locks: deps.Devices, Prompts: deps.Prompts, Journal: deps.Journal,
		Now: deps.Now, Log: deps.Log, IdleLock: limit})
	b.sites = site.NewGate(site.Config{Blocks: blocks, Now: deps.Now, Log: deps.Log})
	b.pages = page.New(page.Config{Version: Version, Key: b.key, Members: b.members, Keeper: b.keeper, Decider: approval.Person{},
		Sites: b.sites, Allows: b.origins.Allows, Pairings: b.pairings, Prompts: deps.Prompts, Journal: deps.Journal, Refusals: b.refusals,
		Rand: deps.Rand, Now: deps.Now, Log: deps.Log, Identify: deps.Identify})
	return b, nil
}

// Serve serves listeners until ctx ends and every connection is closed.
func (b *Bridge) Serve(ctx context.Context, listeners []net.Listener) error {
	g, err := b.open(listeners)
	if err != nil {
		return err
	}
	if err := b.deps.Journal.Append(journal.Event{Kind: journal.Started}); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	relay, err := b.relay(ctx)
	if err != nil {
		return err
	}
	var watching sync.WaitGroup
	watching.Go(relay)
	watching.Go(func() { b.housekeep(ctx) })
	watching.Go(func() {
		if err := b.deps.Devices.Watch(ctx, b.deviceChanged); err != nil && ctx.Err() == nil {
			b.deps.Log.Warn("tokens that come and go are not noticed", "error", err)
		}
	})
	err = g.Serve(ctx)
	cancel()
	watching.Wait()
	b.keeper.Wait()
	return err
}

// open makes the guard of the listeners.
func (b *Bridge) open(listeners []net.Listener) (g *guard.Guard, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	origins, leftOut := b.origins.List()
	if len(origins) == 0 && len(leftOut) > 0 {
		return nil, fmt.Errorf("the configuration has no origin that may connect: %w", leftOut[0].Err)
	}
	for _, o := range leftOut {
		b.deps.Log.Warn("an origin of the configuration is left out", "why", o.Err)
	}
	b.guard, err = guard.New(guard.Config{Listeners: listeners, Origins: origins, Log: b.deps.Log,
		Handle: func(ctx context.Context, ws *websocket.Conn, origin string) { b.pages.Serve(ctx, ws, origin, "") }})
	return b.guard, err
}

// admit follows the list of origins after it was changed: what was added may connect,
// and what was removed is disconnected. It says how many pages that were.
func (b *Bridge) admit() int {
	b.mu.Lock()
	list := b.origins.Allowed()
	if b.guard != nil { // else it is made from the list as it is now
		if err := b.guard.Allow(list); err != nil {
			b.deps.Log.Error("the origins could not be changed", "error", err) // List leaves out what is wrong
		}
	}
	b.mu.Unlock()
	b.deps.Log.Info("the origins were changed", "now", list)
	return b.pages.DisconnectOthers(list)
}

// Run is the whole program: it opens the configured modules, prompts and
// listeners, says where it listens, and serves until ctx ends. It does not start when
// another user could change what it does: see [Config.Trust]. When this
// person's bridge runs already it says so instead, and returns nil.
func Run(ctx context.Context, cfg Config, stdio Stdio) error {
	if err := instance.Make(cfg.StateDir, func() error { return cfg.Trust(nil) }); err != nil {
		return err
	}
	log := slog.New(secret.NewLog(stdio.Err))
	if err := cfg.Trust(log); err != nil {
		return err
	}
	mine, err := control.Claim(ctx, control.Config{StateDir: cfg.StateDir, File: cfg.file, Version: Version, Log: log})
	if running, ok := errors.AsType[*control.Running](err); ok {
		_, err := fmt.Fprintln(stdio.Out, running)
		return err
	}
	if err != nil {
		return err
	}
	defer mine.Close()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	go func() {
		select {
		case err := <-mine.Lost():
			log.Error("this bridge ends", "error", err)
			end(err)
		case <-ctx.Done():
		}
	}()
	asker, err := consent.New(consent.Config{Prompt: cfg.Prompt, Pinentry: cfg.Pinentry})
	if err != nil {
		return err
	}
	prompts := consent.NewQueue(asker, 0)
	prompts.Failed = func(why error) {
		log.Warn("the bridge cannot ask its user. countersign-bridge doctor says what to do", "why", why)
	}
	if asker.Where() != consent.AtPinentry { // which is started at a question
		if err := asker.Check(ctx); err != nil {
			prompts.Failed(err)
		}
	}
	book, err := journal.Open(journal.Config{Path: filepath.Join(cfg.StateDir, "journal.log")})
	if err != nil {
		return err
	}
	defer book.Close()
	devices, closeDevices, err := unlock.OpenDevices(device.Config{Modules: cfg.DeviceModules(), Log: log, Failed: func(path string) {
		e := journal.Event{Kind: journal.ModuleFailed, Device: filepath.Base(path), Code: string(fault.ModuleFailed)}
		if err := book.Append(e); err != nil {
			log.Error("the journal cannot be written", "event", e.Kind, "error", err)
		}
	}})
	if err != nil {
		return err
	}
	b, err := New(cfg, Deps{Devices: devices, Prompts: prompts, Journal: book, Log: log})
	if err != nil {
		return errors.Join(err, closeDevices())
	}
	listeners, err := listen(ctx, cfg, log)
	if err != nil {
		return errors.Join(err, closeDevices())
	}
	var urls []string
	for _, l := range listeners {
		urls = append(urls, "ws://"+l.Addr().String())
		fmt.Fprintln(stdio.Out, "listening on", urls[len(urls)-1])
	}
	mine.Serve(urls, b.Commands())
	err = b.Serve(ctx, listeners)
	if lost, ok := errors.AsType[*instance.Lost](context.Cause(ctx)); ok {
		err = errors.Join(fmt.Errorf("this bridge ended: %w", lost), err)
	}
	return errors.Join(err, mine.Stop(), closeDevices())
}

// listen opens the configured addresses, or the first port that pages know and
// that is free.
func listen(ctx context.Context, cfg Config, log *slog.Logger) ([]net.Listener, error) {
	if len(cfg.Listen) > 0 {
		return guard.Listen(ctx, cfg.Listen)
	}
	return guard.ListenFirst(ctx, guard.Ports{Try: frame.Ports[:], Log: log})
}

// deviceChanged takes back what was allowed with a token that is gone, or that is
// another since its module was started again, and tells the pages.
func (b *Bridge) deviceChanged(token string, present bool) {
	b.keeper.Changed(token, present)
	b.pages.DeviceChanged(b.deps.Devices.Name(token), present)
}

// housekeep locks idle tokens, writes counted refusals and says which certificates have
// expired until ctx ends.
func (b *Bridge) housekeep(ctx context.Context) {
	every := 10 * time.Second
	if d := b.idleLock / 4; d > 0 && d < every {
		every = d
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			b.refusals.Flush(true)
			return
		case <-tick.C:
			b.keeper.LockAllIdle(ctx)
			b.refusals.Flush(false)
			b.members.Report(b.deps.Log, b.deps.Now())
		}
	}
}
