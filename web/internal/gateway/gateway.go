// Package gateway is the use cases of the gateway: one method per thing that a
// client may ask. It owns database transactions, the clock and the scoping of
// everything to an entity; it does not know HTTP. What it needs from others (the
// buy desk, the signer, chains, tokens) are small interfaces declared here. It
// is trusted for availability only: what it says about requests is a read model
// of the log of the entity's signer, verified line by line. Spec: shared/spec/wire.md.
// web/internal/api is its user.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"countersign/shared/asset"
	"countersign/shared/claims"
	"countersign/shared/fault"
	"countersign/shared/quote"
	"countersign/shared/wire"
	"countersign/web/internal/report"
	"countersign/web/internal/store"
)

// Desk asks providers.
type Desk interface {
	Providers(ctx context.Context) []quote.Provider
	// Quote calls emit with each event as it happens, one at a time. With soon it does not
	// wait for those that are slower than the rest.
	Quote(ctx context.Context, in quote.Input, soon bool, emit func(quote.Event)) (quote.Result, error)
	Requote(ctx context.Context, provider string, in quote.Input) (quote.Row, error)
	Redirect(ctx context.Context, h quote.HandOff) (string, error)
	// Order asks a provider how an order is. It fails with NOT_SUPPORTED when the provider
	// is not asked, and with PROVIDER_UNAVAILABLE.
	Order(ctx context.Context, provider, order string) (report.Report, error)
}

// Signer is the line to the signer of one entity.
type Signer interface {
	Request(ctx context.Context, in wire.SignerRequestInput) (wire.SignerRequest, error)
	DryRun(ctx context.Context, in wire.SignerRequestInput) (wire.Explanation, error)
	Impact(ctx context.Context, request string) ([]byte, error)
	Transaction(ctx context.Context, request string, in wire.SignerTransactionInput) (wire.SignerTransaction, error)
	SignMessage(ctx context.Context, request string) (wire.SignerSignature, error)
	Sweep(ctx context.Context, in wire.SignerSweepInput) (wire.SignerTransaction, error)
	Reviews(ctx context.Context) (wire.SignerReviews, error)
	Verdict(ctx context.Context, jws string) (wire.SignerRequest, error)
	Rates(ctx context.Context) (wire.SignerRates, error)
	Rate(ctx context.Context, jws string) (wire.SignerRate, error)
	OpenChannel(ctx context.Context, record string) (wire.SignerChannel, error)
	Relay(ctx context.Context, channel, record string) (wire.SignerReply, error)
	Log(ctx context.Context, after int64, limit int) (wire.SignerLogPage, error)
	Note(ctx context.Context) (wire.SignerNote, error)
	Certificate(ctx context.Context, member string) (wire.Certificate, error)
}

// Subject is whom a token is for; an empty Entity makes a developer token.
type Subject struct {
	Developer string
	Entity    string
	Version   int64
	Key       string    // the API key that it is traded for; empty: none
	JKT       string    // thumbprint of the key that it is bound to; empty: it is a bearer's
	Until     time.Time // the longest that it may live; zero: as policy says
}

// Tokens mints and verifies.
type Tokens interface {
	Mint(ctx context.Context, s Subject) (token string, lifetime time.Duration, err error)
	Verify(token string) (claims.Claims, error)
	// Sign makes a compact JWS over what is no token.
	Sign(typ string, payload []byte) (string, error)
	// Prove checks a proof of possession, and returns the thumbprint of its key.
	Prove(proof, method, path, token string) (string, error)
	JWKS() []byte
}

// Config is what a gateway needs.
type Config struct {
	Store     store.Store
	Tokens    Tokens
	Desk      Desk
	Vaults    []Vault            // one for each entity that has a signer
	Reviewers Reviewers          // nil: no vault has any
	Sources   Sources            // of rates; nil: no vault has any
	Chains    map[string]Watched // by CAIP-2 id
	Hooks     map[string]Hook    // of the providers that send notices, by their ids
	Env       string             // sandbox or the name of another environment
	PageURL   string             // where the widget leads back to; may be empty

	RequestLife time.Duration // 0: 24 h
	Now         func() time.Time
	Clock       *Clock // where Now comes from; nil: it is not compared with what was seen before a restart
	Rand        io.Reader
	Log         *slog.Logger
}

// Durations and bounds of policy.
const (
	ticketLife   = 5 * time.Minute
	replyLife    = 24 * time.Hour
	syncEvery    = 2 * time.Second
	toleranceNum = 99 // the minimum is 99/100 of what was quoted
	toleranceDen = 100
)

// Gateway answers clients. Its methods may be called by several goroutines.
type Gateway struct {
	cfg     Config
	locks   keyed // of this process
	limit   limits
	uses    uses
	readers readers

	process string            // this one's name on its database
	watches map[string]*watch // by CAIP-2 id
	vaults  map[string]*vault // by entity
	// reconciled: this process has compared books, chains and logs, or found that another just did.
	reconciled atomic.Bool
	ended      chan struct{} // closed when Run's ctx ends: clients that listen are let go
}

// New verifies the stored lines of the signers' logs from their newest checkpoint on.
// Where they do not hold, or were signed by another key than the entity's signer file
// names, the entity's signer is LOG_CORRUPT, and the others go on.
func New(ctx context.Context, cfg Config) (*Gateway, error) {
	if cfg.RequestLife == 0 {
		cfg.RequestLife = 24 * time.Hour
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Clock != nil {
		if err := cfg.Clock.begin(ctx, cfg.Store); err != nil {
			return nil, err
		}
	}
	vaults, err := newVaults(cfg.Vaults, cfg.Log)
	if err != nil {
		return nil, err
	}
	process, err := processName(cfg.Rand)
	if err != nil {
		return nil, err
	}
	g := &Gateway{cfg: cfg, process: process, watches: map[string]*watch{}, vaults: vaults, limit: newLimits(cfg.Env, cfg.Now), ended: make(chan struct{})}
	for id, c := range cfg.Chains {
		if c.Confirmations < 1 {
			return nil, fmt.Errorf("chain %s needs confirmations of 1 or more", id)
		}
		g.watches[id] = &watch{Watched: c, id: id}
	}
	for _, v := range g.vaults {
		switch err := g.replay(ctx, v); {
		case fault.CodeOf(err) == fault.LogCorrupt: // which is that entity's, and no other's
			v.note(time.Time{}, false, err)
			cfg.Log.Error("the stored log does not hold", "entity", v.Entity, "error", err.Error())
		case err != nil:
			return nil, err
		}
	}
	return g, nil
}

// Run reads the signers' logs and the chains until ctx ends, and ends the streams of
// events then. It is called once.
func (g *Gateway) Run(ctx context.Context) {
	defer context.AfterFunc(ctx, func() { close(g.ended) })()
	var wg sync.WaitGroup
	for entity, v := range g.vaults {
		if len(v.Reviewers) > 0 {
			wg.Go(func() {
				g.every(ctx, reviewEvery, "ask the reviewers of "+entity, func(ctx context.Context) error { return g.AskReviewers(ctx, entity) })
			})
		}
		if len(v.Sources) > 0 {
			wg.Go(func() {
				g.every(ctx, sourceEvery, "fetch rates for "+entity, func(ctx context.Context) error { return g.FetchRates(ctx, entity) })
			})
		}
		wg.Go(func() {
			g.every(ctx, syncEvery, "have the messages of "+entity+" signed", func(ctx context.Context) error { return g.SignMessages(ctx, entity) })
		})
		wg.Go(func() {
			g.every(ctx, syncEvery, "read the log of the signer of "+entity, func(ctx context.Context) error { return g.Sync(ctx, entity) })
		})
	}
	for id := range g.watches {
		pause := depositEvery
		if id == asset.Sandbox {
			pause = sandboxEvery
		}
		wg.Go(func() {
			g.every(ctx, pause, "read chain "+id, func(ctx context.Context) error { return g.Watch(ctx, id) })
		})
	}
	wg.Go(func() { g.every(ctx, keepEvery, "keep the time", g.Tick) })
	wg.Go(func() { g.every(ctx, askEvery/3, "ask providers about orders", g.AskProviders) })
	wg.Go(func() { g.every(ctx, time.Second, "write the log of use", g.writeUses) })
	wg.Go(func() { g.every(ctx, reconcileLook, "compare books, chains and logs", g.Reconcile) })
	wg.Go(func() { g.every(ctx, time.Hour, "remove what is old", g.prune) })
	wg.Wait()
	if err := g.writeUses(context.WithoutCancel(ctx)); err != nil {
		g.cfg.Log.Warn("write the log of use", "error", err.Error())
	}
	g.giveBack(ctx)
}

// every repeats f; of a row of equal failures it logs the first.
func (g *Gateway) every(ctx context.Context, d time.Duration, what string, f func(context.Context) error) {
	t := time.NewTicker(d)
	defer t.Stop()
	last := ""
	for {
		text := ""
		if err := f(ctx); err != nil && ctx.Err() == nil {
			text = err.Error()
		}
		if text != last && text != "" {
			g.cfg.Log.Warn(what, "error", text)
		} else if text != last {
			g.cfg.Log.Info(what + ": works again")
		}
		last = text
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

func (g *Gateway) prune(ctx context.Context) error {
	now := g.now()
	return g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		return errors.Join(tx.PruneReplies(now.Add(-replyLife)), tx.PruneQuotes(now.Add(-time.Hour)), tx.TrimChanges(changesKept),
			tx.PruneUses(now.Add(-usesFor)), tx.PruneRevoked(now.Add(-time.Hour)), dropExpired(tx, now),
			tx.PruneNotices(now.Add(-noticesKept)))
	})
}

// Tick writes the time down, and takes the operator's word on it.
func (g *Gateway) Tick(ctx context.Context) error {
	if g.cfg.Clock == nil {
		return nil
	}
	return g.cfg.Clock.keep(ctx, g.cfg.Store)
}

// timely fails with UNAVAILABLE while the clock is not believed.
func (g *Gateway) timely() error {
	if g.cfg.Clock == nil {
		return nil
	}
	return g.cfg.Clock.check()
}

// now is the server's time, to the millisecond.
func (g *Gateway) now() time.Time { return g.cfg.Now().UTC().Truncate(time.Millisecond) }

// Clock is the server's time.
func (g *Gateway) Clock() wire.Clock { return wire.Clock{Now: g.now()} }

// JWKS are the public keys of tokens.
func (g *Gateway) JWKS() []byte { return g.cfg.Tokens.JWKS() }

// Health says what works. Nothing of it is secret.
func (g *Gateway) Health(ctx context.Context) wire.Health {
	h := wire.Health{Status: "ok", Components: map[string]string{"database": "ok", "chain": "ok", "clock": "ok"}, Chains: []wire.ChainHealth{}}
	var last wire.Reconciliation
	if err := g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) { last, err = g.lastReconciliation(tx); return err }); err != nil {
		h.Components["database"] = "unavailable"
		h.Status = "unavailable"
	}
	h.Reconciled = reconciledView(last)
	if h.Components["books"] = h.Reconciled.Status; h.Reconciled.Status == wire.ReconcileDiffers && h.Status == "ok" {
		h.Status = "degraded"
	}
	if g.timely() != nil {
		h.Components["clock"] = "stopped"
		if h.Status == "ok" {
			h.Status = "degraded"
		}
	}
	if len(g.watches) == 0 {
		h.Components["chain"] = "none"
	}
	for _, id := range slices.Sorted(maps.Keys(g.watches)) {
		c := g.watches[id].health(g.now())
		h.Chains = append(h.Chains, c)
		if c.Status == wire.ChainOK {
			continue
		}
		if h.Components["chain"] != wire.ChainStalled {
			h.Components["chain"] = c.Status
		}
		if h.Status == "ok" {
			h.Status = "degraded"
		}
	}
	if h.Signers, h.Components["signer"] = g.signers(); h.Components["signer"] != signerOK && h.Status == "ok" {
		h.Status = "degraded"
	}
	return h
}

// found turns a missing row into NOT_FOUND.
func found(err error, what string) error {
	if errors.Is(err, store.ErrNotFound) {
		return fault.Wrap(err, fault.NotFound, what+" was not found")
	}
	return err
}

// keyed is a lock for each name that is in use.
type keyed struct {
	mu   sync.Mutex
	held map[string]*heldLock
}

type heldLock struct {
	sync.Mutex
	users int
}

// lock waits for the name and returns what unlocks it.
func (k *keyed) lock(name string) func() {
	k.mu.Lock()
	if k.held == nil {
		k.held = map[string]*heldLock{}
	}
	l := k.held[name]
	if l == nil {
		l = &heldLock{}
		k.held[name] = l
	}
	l.users++
	k.mu.Unlock()
	l.Lock()
	return func() {
		l.Unlock()
		k.mu.Lock()
		defer k.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(k.held, name)
		}
	}
}
