package signer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"countersign/bridge/internal/keys"
	"countersign/bridge/internal/logfile"
	"countersign/shared/channel"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/vault"
	"countersign/shared/wire"
)

// Limits of what the gateway may make the signer hold.
const (
	maxLogPage  = 500 // entries in one answer
	shortestReq = time.Minute
)

// Deps are what a service works with. Tests give keys in memory and a clock of
// their own.
type Deps struct {
	Vault   Vault
	Storage *logfile.Dir
	Segment int // entries of a segment of the log, after which the state is checkpointed; 0: DefaultSegment
	Rand    io.Reader
	Now     func() time.Time
	Uptime  Uptime        // nil: Now is believed, whatever it says
	Clock   string        // the directory of clock.json and resume.json; empty: none
	Limits  Limits        // of requests; 0: the defaults
	Away    time.Duration // how long the computer may be off without the operator's word; 0: DefaultAway
	Log     *slog.Logger
}

// steady is a time that cannot be set, for what lasts: channels and statements. It has
// no date.
func (d Deps) steady() time.Time {
	if d.Uptime == nil {
		return d.Now()
	}
	_, since := d.Uptime()
	return time.Unix(0, 0).Add(since)
}

// Service is an open vault. Its methods are what the signer link offers.
type Service struct {
	deps     Deps
	key      keys.Key // statement key
	statics  map[channel.Suite]channel.Static
	sessions *sessions

	reporting sync.Mutex // one report of a change is computed at a time

	mu           sync.Mutex
	log          *signedlog.Log
	book                          // what log says
	due          []*vault.Request // approved, to be carried out when the outcome is durable
	clock        timekeeper
	limits       limiter
	notes        notes
	evaluations  map[string]evaluation // by request: what reviewers were asked
	told         int64                 // answers with such questions, and with rates that are wanted
	rates        map[governance.Valuation]knownRate
	certificates certificates
	owns         ownKeys
	deposits     depositKeys
	at           time.Time // of the operation that holds mu; whole seconds, going back at the operator's word only
	broken       error     // why nothing may be appended any more
}

// Open rebuilds the state from the newest checkpoint of the log and verifies what comes
// after it; from the genesis when there is no checkpoint, or one that does not fit. It
// fails with LOG_CORRUPT, naming the entry, or ENTITY_NOT_ENROLLED when the vault was never
// initialised.
func Open(ctx context.Context, deps Deps) (*Service, error) {
	s := &Service{deps: deps, statics: map[channel.Suite]channel.Static{}, evaluations: map[string]evaluation{}, rates: map[governance.Valuation]knownRate{}, certificates: certificates{byMember: map[string]issued{}}}
	s.sessions = newSessions(deps.steady)
	s.limits = newLimiter(deps.Limits)
	s.clock = timekeeper{now: deps.Now, uptime: deps.Uptime, dir: deps.Clock, away: cmp.Or(deps.Away, DefaultAway)}
	var err error
	if s.key, err = knownKey(ctx, deps.Vault, statementKey()); err != nil {
		if fault.CodeOf(err) == fault.KeyMissing {
			return nil, fault.Wrap(err, fault.EntityUnknown, "the vault token has no statement key: run `countersign-bridge signer init` first")
		}
		return nil, fmt.Errorf("find the statement key: %w", err)
	}
	for _, t := range channelKeys() {
		k, err := knownKey(ctx, deps.Vault, t)
		if err != nil {
			return nil, fmt.Errorf("find the channel key %q: %w", t.Label, err)
		}
		suite, err := channel.SuiteFor(t.Curve)
		if err != nil {
			return nil, err
		}
		s.statics[suite] = static{k}
	}
	if err := s.openLog(ctx); err != nil {
		return nil, err
	}
	if s.log.Mark().Size == 0 {
		return nil, fault.New(fault.EntityUnknown, "the log is empty: run `countersign-bridge signer init` first")
	}
	if err := s.checkKeys(ctx); err != nil {
		return nil, err
	}
	if err := s.clock.begin(s.at, s.log.Mark().Size == 1); err != nil {
		return nil, err
	}
	return s, s.Sweep(ctx)
}

// checkKeys holds the vault's keys against the log: the channel keys that the genesis
// names, and a key for the address of each account.
func (s *Service) checkKeys(ctx context.Context) error {
	other := func(what string) error {
		return fault.New(fault.LogCorrupt, "the vault token holds another "+what+" than the log names").With("entry", "0")
	}
	if s.retired() {
		return fault.New(fault.KeyUnsuited, "the vault's keys were rotated: its log goes on in the new token. Name that one in the configuration (the README, \"Disaster\")")
	}
	for _, j := range s.state.Signer().Channel {
		k, err := jws.FromJWK(j)
		if err != nil {
			return err
		}
		suite, err := channel.SuiteFor(k.Curve())
		if err != nil {
			return err
		}
		if string(s.statics[suite].Public()) != string(k.Compressed()) {
			return other("channel key")
		}
	}
	for _, a := range s.state.Current().Accounts {
		t, err := addressKey(a.Chain, s.accountLabel(a.Account))
		if err != nil {
			return err
		}
		k, err := knownKey(ctx, s.deps.Vault, t)
		if err != nil {
			return fmt.Errorf("find the key of account %s: %w", a.Account, err)
		}
		if address, err := vault.AddressOn(a.Chain, k.PublicKey()); err != nil || address != a.Address {
			return other("key for account " + a.Account)
		}
	}
	return nil
}

// retired reports whether the vault's keys were rotated since this token was its own.
func (s *Service) retired() bool { return !s.state.Key().Equal(s.key.PublicKey()) }

// static is a vault key as the channel uses it.
type static struct{ key keys.Key }

func (s static) Public() []byte { return s.key.PublicKey().Compressed() }
func (s static) ECDH(ctx context.Context, peer []byte) ([]byte, error) {
	return s.key.ECDH(ctx, peer)
}

// begin takes the lock and fixes the time of the operation, which [Service.end] ends. It
// fails with UNAVAILABLE while the clock is not believed.
func (s *Service) begin() error {
	s.mu.Lock()
	err := s.tick()
	if s.broken != nil {
		err = s.broken
	}
	if err != nil {
		s.mu.Unlock()
	}
	return err
}

// settle closes a request whose decision is final; what it wants is done, when it is
// approved, at the end of the operation. s.mu is held.
func (s *Service) settle(ctx context.Context, r *vault.Request) error {
	if r.Outcome != "" {
		return nil
	}
	d := s.state.Decide(r, s.at)
	if r.Stale() && (d.State.Open() || d.State == governance.Approved) {
		s.deps.Log.Info("request is governed by another rule", "request", r.Request, "rule", d.Rule, "version", d.Version)
		if err := s.append(ctx, signedlog.Governed, signedlog.GovernedBody{Request: r.Request, Expires: d.Expires.Unix(), GovernedBy: r.Pin(d)}); err != nil {
			return err
		}
		d = s.state.Decide(r, s.at)
	}
	if d.State.Open() {
		return nil
	}
	s.deps.Log.Info("request closed", "request", r.Request, "state", d.State)
	body := signedlog.OutcomeBody{Request: r.Request, State: string(d.State), Reasons: d.Reasons, UseBy: r.UseBy(d)}
	if keys, ok := r.Wants.(intent.VaultRotateKeys); ok && d.State == governance.Approved {
		body.Signer = &statement.SignerKeys{Statement: keys.Statement, Channel: keys.Channel}
	}
	err := s.append(ctx, signedlog.Outcome, body)
	if err != nil || d.State != governance.Approved {
		return err
	}
	s.due = append(s.due, r)
	if change, ok := r.Wants.(intent.Change); ok {
		return s.changed(ctx, change)
	}
	return nil
}

// changed follows a change of the vault: the channels of a member who changed are closed,
// and open requests are asked again. s.mu is held.
func (s *Service) changed(ctx context.Context, change intent.Change) error {
	if s.retired() { // what else would have to be closed, the signer on the new token closes
		s.broken = signedlog.Rotated()
		s.deps.Log.Warn("the vault's keys were rotated: this token signs no more, start the signer on the new one")
		return nil
	}
	object, _ := change.Of()
	s.sessions.end(object)
	for _, id := range slices.Sorted(maps.Keys(s.state.Open())) {
		if r := s.state.Request(id); r != nil && r.Due(s.at) {
			if err := s.settle(ctx, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// Sweep closes requests that expired, or whose outcome a crash kept from the
// log, and forgets channels that are not used. While the clock is not believed it
// waits for the operator's word, and closes nothing.
func (s *Service) Sweep(ctx context.Context) (err error) {
	s.mu.Lock()
	defer s.end(ctx, &err)
	s.sessions.sweep()
	stopped := s.tick()
	if err = s.resume(ctx); err != nil {
		return err
	}
	if s.broken != nil {
		return s.broken
	}
	if stopped != nil && s.clock.stopped != "" {
		return nil // which was told when it began
	}
	var errs []error
	for _, r := range s.state.Open() {
		if r.Due(s.at) {
			errs = append(errs, s.settle(ctx, r))
		}
	}
	return errors.Join(errs...)
}

// Status says who the signer is and where its log stands.
func (s *Service) Status() wire.SignerStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, m := s.state.Genesis, s.log.Mark()
	return wire.SignerStatus{
		Entity: g.Entity, EntityName: g.EntityName, Log: statement.Log{Size: m.Size, Head: m.Head},
		StatementKey: s.state.Signer().Statement, ChannelKeys: s.state.Signer().Channel, Stopped: s.clock.stopped,
	}
}

// mark is how far the log is, with what this operation appended. s.mu is held.
func (s *Service) mark() statement.Log {
	m := s.log.Tip()
	return statement.Log{Size: m.Size, Head: m.Head}
}

// LogPage returns at most limit entries after seq.
func (s *Service) LogPage(after int64, limit int) (wire.SignerLogPage, error) {
	s.mu.Lock()
	m := s.log.Mark()
	page := wire.SignerLogPage{Entries: []wire.SignerLogEntry{}, Size: m.Size, Head: m.Head, Stopped: s.clock.stopped}
	s.mu.Unlock()
	n := min(m.Size-after-1, int64(min(limit, maxLogPage)))
	if n <= 0 {
		return page, nil
	}
	lines, err := s.deps.Storage.Lines(after+1, int(n))
	for i, line := range lines {
		page.Entries = append(page.Entries, wire.SignerLogEntry{Seq: after + 1 + int64(i), JWS: line})
	}
	return page, err
}

// sign makes a statement that the signer itself vouches for.
func sign[T statement.Statement](ctx context.Context, key jws.Signer, typ string, st T) (string, error) {
	payload, err := statement.Encode(st)
	if err != nil {
		return "", err
	}
	return jws.Sign(ctx, key, typ, payload)
}
