// Package unlock is about who may use a key in a token, and when. A [Keeper] keeps the
// tokens of this computer; a [User] is one asker's use of them: it holds a member's
// tokens to itself (lease.go), and opens a key (key.go) that asks for the PIN when the
// token wants it (pin.go) or for leave when the token is unlocked already. What a
// person allowed an asker with a key ends when the token is pulled, locked, or was not
// used for too long (grants.go, idle.go). Each use of a key is in the journal first.
//
// It knows neither pages nor what a key is used for: who asks is an [Asker], which
// bridge/internal/page is for each connection of a page.
package unlock

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"countersign/bridge/internal/alarm"
	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/device"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/keys"
	"countersign/bridge/internal/member"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/name"
	"countersign/shared/statement"
)

// Tokens are the tokens of this computer. Errors are those of [keys.Key], and
// DEVICE_NOT_FOUND.
type Tokens interface {
	// Key finds a key by its PKCS#11 URI (RFC 7512).
	Key(ctx context.Context, uri string) (keys.Key, error)
	// Token is the name of the token that a URI names, for the methods below: the same
	// for the same token, whichever of its attributes the URI has.
	Token(uri string) string
	// Name is what a token is called to people: its label, and more where another one
	// has the same.
	Name(token string) string
	// State says how a token is; Present is false for one that is not there. It fails
	// with INVALID_REQUEST when several match.
	State(ctx context.Context, token string) (device.State, error)
	// Present reports whether a token is plugged in, by what it was seen last: it asks
	// nothing, and may be called before each use.
	Present(token string) bool
}

// Locks unlock and lock tokens. Errors are those of [keys.Key], and PIN_INCORRECT
// (details tries_left where known), PIN_LOCKED.
type Locks interface {
	// Login unlocks a token. It does not keep pin. Without final it refuses the
	// last try with PIN_REQUIRED: a wrong PIN would lock the token permanently.
	Login(ctx context.Context, token string, pin []byte, final bool) error
	// LoginOnReader unlocks a token whose PIN is typed on its reader.
	LoginOnReader(ctx context.Context, token string) error
	// Logout locks a token again.
	Logout(ctx context.Context, token string) error
}

// Prompts ask the person at this computer, one question at a time: a [consent.Queue].
type Prompts interface {
	Confirm(ctx context.Context, q consent.Question, opened consent.Opened) error
	PIN(ctx context.Context, q consent.PINQuestion, opened consent.Opened) ([]byte, error)
	Show(ctx context.Context, n consent.Notice, opened consent.Opened) error
	Lines(q consent.Question) []string
}

// Asker is who asks for keys.
type Asker interface {
	// Who says who it is.
	Who() Who
	// Permitted fails when the asker may ask for nothing any more.
	Permitted() error
	// Prompt lets the asker have one prompt, which ask makes: within its share of all
	// prompts, and told when it opens and closes.
	Prompt(ctx context.Context, about Prompt, ask func(ctx context.Context, opened consent.Opened) error) error
	// Shown tells the asker the lines that the person reads about an approval.
	Shown(approval, text string)
}

// Who is an asker for people, for the journal, and for what it was allowed.
type Who struct {
	Origin  string
	Site    string // the origin, and who claims it
	Pairing string
	Process string // the program
}

// Event begins a line of the journal about the asker.
func (w Who) Event(kind string) journal.Event {
	return journal.Event{Kind: kind, Origin: w.Origin, Pairing: w.Pairing, Process: w.Process}
}

// Prompt says what a prompt is, to who asks.
type Prompt struct {
	Approval string // or a batch; empty: it is about neither
	PIN      bool   // it asks for the PIN, else for a word
	OnReader bool   // the PIN is typed on the reader's pad
	Again    bool   // because the PIN before was wrong
}

// Config is what a keeper works with.
type Config struct {
	Tokens   Tokens
	Locks    Locks
	Prompts  Prompts
	Journal  *journal.Journal
	Now      func() time.Time
	Log      *slog.Logger
	IdleLock time.Duration // after how long without a use a token is locked; 0 is never
}

// Keeper keeps the tokens of this computer.
type Keeper struct {
	cfg    Config
	grants *grants
	leases *leases
	idle   *idleness
	pulled *alarm.Alarms // by token

	notes sync.WaitGroup // lines of the journal that are on their way

	mu    sync.Mutex
	doors map[string]chan struct{} // by token: who asks about it
	found map[certified]keys.Key   // a key survives the removal of its token
}

// certified is a key as an identity names it.
type certified struct{ uri, thumbprint string }

// New keeps tokens of which nobody was allowed anything yet.
func New(cfg Config) *Keeper {
	return &Keeper{cfg: cfg, grants: newGrants(), leases: newLeases(cfg.Now), idle: newIdleness(cfg.Now, cfg.IdleLock), pulled: alarm.New(),
		doors: map[string]chan struct{}{}, found: map[certified]keys.Key{}}
}

// Changed takes back what was allowed with a token that is gone, or that is another
// since its module was started again.
func (k *Keeper) Changed(token string, present bool) {
	called := k.cfg.Tokens.Name(token)
	k.grants.takeDevice(token)
	if k.idle.gone(token) { // who tells us must not wait for the disk
		k.notes.Go(func() {
			k.cfg.Journal.Record(journal.Event{Kind: journal.Locked, Device: called, Code: string(fault.DeviceRemoved)}, k.cfg.Log)
		})
	}
	if !present {
		k.pulled.Ring(token, fault.New(fault.DeviceRemoved, fmt.Sprintf("the token %s was removed; plug it in and try again", name.Quote(called))).With("device", called))
	}
}

// Wait waits for lines of the journal that are on their way. No token may change
// meanwhile.
func (k *Keeper) Wait() { k.notes.Wait() }

// find looks for a key, and keeps the one that the certificate names.
func (k *Keeper) find(ctx context.Context, key member.Key) (keys.Key, error) {
	name := certified{key.URI, key.Public.Thumbprint()}
	k.mu.Lock()
	found, ok := k.found[name]
	k.mu.Unlock()
	if ok {
		return found, nil
	}
	found, err := k.cfg.Tokens.Key(ctx, key.URI)
	if err != nil || !found.PublicKey().Equal(key.Public) {
		return found, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.found[name] = found
	return found, nil
}

// enter waits until nobody else is asked about a token: one PIN serves all calls of an
// asker that wait for it.
func (k *Keeper) enter(ctx context.Context, token string) (leave func(), err error) {
	k.mu.Lock()
	door := k.doors[token]
	if door == nil {
		door = make(chan struct{}, 1)
		k.doors[token] = door
	}
	k.mu.Unlock()
	select {
	case door <- struct{}{}:
		return func() { <-door }, nil
	case <-ctx.Done():
		return nil, keys.Ended(ctx)
	}
}

// devices are the tokens of an identity: one, or two; first the one of its approval key.
func (k *Keeper) devices(id *member.Identity) []string {
	all := []string{k.cfg.Tokens.Token(id.ApprovalKey)}
	if id.ChannelIn == statement.InToken {
		if d := k.cfg.Tokens.Token(id.ChannelKey); d != all[0] {
			all = append(all, d)
		}
	}
	return all
}

// on returns an identity's keys that are in a token, whichever attributes of it their
// URIs have.
func (k *Keeper) on(id *member.Identity, token string) (all []member.Key) {
	for _, key := range id.Keys() {
		if k.cfg.Tokens.Token(key.URI) == token {
			all = append(all, key)
		}
	}
	return all
}

// Suits fails with KEY_UNSUITED when a token cannot do what an identity will need of
// it: better before the person has read and approved than after.
func (u *User) Suits(ctx context.Context, id *member.Identity) error {
	needs := map[string][]string{u.keeper.cfg.Tokens.Token(id.ApprovalKey): {"ECDSA", id.Approval.Curve()}}
	if id.ChannelIn == statement.InToken {
		d := u.keeper.cfg.Tokens.Token(id.ChannelKey)
		needs[d] = append(needs[d], "ECDH", id.Channel.Curve())
	}
	for token, needed := range needs {
		dev, err := u.keeper.cfg.Tokens.State(ctx, token)
		if err != nil {
			return err
		}
		for _, n := range needed {
			if slices.Contains(dev.Lacks, n) {
				return fault.New(fault.KeyUnsuited, fmt.Sprintf("the token %s cannot do %s, which the keys of %s need; use another token", name.Quote(dev.Identity.Shown()), n, id.Name)).
					With("device", dev.Identity.Shown()).With("lacks", n)
			}
		}
	}
	return nil
}

// User is one asker's use of the tokens.
type User struct {
	keeper *Keeper
	asker  Asker
	kept   map[string]int // how often each token was kept; guarded by leases.mu
}

// User begins an asker's use of the tokens; [User.Leave] ends it.
func (k *Keeper) User(a Asker) *User { return &User{keeper: k, asker: a, kept: map[string]int{}} }

// Entry begins a line of the journal about an identity.
func (u *User) Entry(kind string, id *member.Identity) journal.Event {
	e := u.asker.Who().Event(kind)
	e.Entity, e.Member, e.Device = id.Entity, id.Member, u.keeper.cfg.Tokens.Name(u.keeper.cfg.Tokens.Token(id.ApprovalKey))
	return e
}

// Key is a key of an identity, for the asker. why says what the token does with it, for
// prompts: "opens …."; approval is what prompts are about, or empty.
func (u *User) Key(id *member.Identity, key member.Key, why, approval string) *Key {
	return &Key{Why: why, keeper: u.keeper, user: u, identity: id, certified: key, about: Prompt{Approval: approval}}
}

// Disallow takes back whatever the person allowed the asker.
func (u *User) Disallow() { u.keeper.grants.takePairing(u.asker.Who().Pairing) }

// Token is an identity's token of the approval key, as it is now.
type Token struct {
	Name   string // for people
	State  device.State
	Holder string // the origin of another asker that holds it; empty: none
}

// Token says how an identity's token is. One that cannot be asked counts as one that is
// not there: why shows when it is used.
func (u *User) Token(ctx context.Context, id *member.Identity) Token {
	token := u.keeper.cfg.Tokens.Token(id.ApprovalKey)
	state, err := u.keeper.cfg.Tokens.State(ctx, token)
	if err != nil {
		state = device.State{Identity: state.Identity}
	}
	return Token{Name: u.keeper.cfg.Tokens.Name(token), State: state, Holder: u.keeper.leases.other(u, token)}
}

var _ jws.Checked = (*Key)(nil)
