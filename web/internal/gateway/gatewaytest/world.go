package gatewaytest

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/shared/amount"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/quote"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/chain"
	"countersign/web/internal/chain/chaintest"
	"countersign/web/internal/gateway"
	"countersign/web/internal/reconcile"
	"countersign/web/internal/report"
	"countersign/web/internal/signerlink"
	"countersign/web/internal/store"
	"countersign/web/internal/store/sqlstore"
	"countersign/web/internal/token"
)

// APIKey is the key of dev_sandbox, who has ent_sandbox; OtherKey that of
// dev_other, who has ent_other.
const (
	APIKey   = "ol_test_0123456789abcdef"
	OtherKey = "ol_test_fedcba9876543210"
)

// Desk quotes what it is told.
type Desk struct {
	mu     sync.Mutex
	now    func() time.Time
	n      int
	Amount string // of crypto that it offers
	Asked  []quote.Input
	Handed []quote.HandOff
	Fail   error
	Refuse error // of a hand-off
	// Says is what the provider answers about an order; nil: it is not asked.
	Says   func(order string) (report.Report, error)
	During func() // a hand-off, once
}

// Offer changes what is offered.
func (d *Desk) Offer(amount string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.Amount = amount
}

func (d *Desk) row(in quote.Input) quote.Row {
	d.n++
	now := d.now()
	return quote.Row{
		ID: fmt.Sprintf("quo_test%022d", d.n), Provider: "northpay", ProviderName: "NorthPay", Fiat: in.From, FiatAmount: in.Amount,
		Asset: in.To, AssetPlaces: 18, CryptoAmount: d.Amount, ReceivedAt: now, ExpiresAt: now.Add(30 * time.Second), KYC: "unknown", PriceType: "indicative",
	}
}

// Providers has one.
func (d *Desk) Providers(context.Context) []quote.Provider {
	return []quote.Provider{{ID: "northpay", Name: "NorthPay", Freshness: quote.Fresh, SpecDeviations: []string{}}}
}

// Quote gives one row.
func (d *Desk) Quote(_ context.Context, in quote.Input, _ bool, emit func(quote.Event)) (quote.Result, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.row(in)
	emit(quote.Event{Quote: &r})
	return quote.Result{Input: in, ServerTime: d.now(), Complete: true, Asked: 1, Quotes: []quote.Row{r}, Excluded: []quote.Excluded{}}, nil
}

// Requote gives one row, or the failure.
func (d *Desk) Requote(_ context.Context, _ string, in quote.Input) (quote.Row, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.Asked = append(d.Asked, in)
	return d.row(in), d.Fail
}

// Redirect remembers who was handed over.
func (d *Desk) Redirect(_ context.Context, h quote.HandOff) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.Handed = append(d.Handed, h)
	if f := d.During; f != nil {
		d.During = nil
		f()
	}
	return "https://northpay.example/widget?order=" + h.Order, d.Refuse
}

// Order says what it is told.
func (d *Desk) Order(_ context.Context, _, order string) (report.Report, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.Says == nil {
		return report.Report{}, fault.New(fault.NotSupported, "the provider is not asked")
	}
	return d.Says(order)
}

// HookSecret signs the notices of northpay.
const HookSecret = "hook-secret-0123456789"

// ChainID is the chain of the account.
const ChainID = "eip155:31337"

// Chain is the chain's node, and the watcher that reads it.
type Chain struct {
	*chaintest.Node
	watcher *chain.Watcher
	During  func() // called once, in the middle of a scan
}

func newChain(t testing.TB) *Chain {
	t.Helper()
	n := chaintest.New(t, 31337)
	w, err := chain.New(chain.Config{RPC: n.URL, Chain: ChainID})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return &Chain{Node: n, watcher: w}
}

// Wei is an amount of ether in its smallest unit.
func Wei(amountOfEther string) string {
	units, err := amount.Must(amountOfEther).Units(18)
	if err != nil {
		panic(err)
	}
	return units
}

// Deposit mines a block with a transfer of ether, and returns the transaction.
func (c *Chain) Deposit(to, ether string) string {
	tx := c.Pay(to, Wei(ether))
	c.Mine()
	return tx
}

// reader is the watcher, with what happens During a scan.
type reader struct {
	*chain.Watcher
	c *Chain
}

func (r reader) Read(ctx context.Context, after chain.Block, upTo int64, watched chain.Watched) ([]chain.Block, []chain.Arrival, error) {
	if f := r.c.During; f != nil {
		r.c.During = nil
		f()
	}
	return r.Watcher.Read(ctx, after, upTo, watched)
}

// World is a gateway and all around it.
type World struct {
	T         testing.TB
	Signer    *Signer // of ent_sandbox
	Second    *Signer // of ent_other; nil: it has none
	Desk      *Desk
	Chain     *Chain
	Store     store.Store
	Tokens    *token.Issuer
	Gateway   *gateway.Gateway
	key       *rsa.PrivateKey
	Path      string // of the database
	needed    int64  // confirmations
	mu        sync.Mutex
	now       time.Time
	passed    time.Duration
	steady    func() time.Time // of the gateway that runs
	clock     *gateway.Clock
	other     gateway.Desk // that is asked instead of Desk; nil: none
	asks      gateway.Reviewers
	reviewers map[string]string    // where they are
	sandbox   *gateway.Watched     // the chain, instead of Chain; nil: Chain is it
	Pins      func(*gateway.Vault) // changes what the gateway is told of its signer; nil: nothing does
	values    gateway.Sources
	sources   map[string]string // where they are
	wall      *World            // whose time it is, beside another; nil: its own
	Writing   func()            // called when the gateway is about to write; nil: nothing is. Set it while the gateway rests
}

// door is the gateway's way to the database.
type door struct {
	store.Store
	w *World
}

func (d door) Write(ctx context.Context, f func(store.Tx) error) error {
	if d.w.Writing != nil {
		d.w.Writing()
	}
	return d.Store.Write(ctx, f)
}

// New starts one whose deposits are final in their block, and whose rule is what changes
// make of it; it ends with the test.
func New(t testing.TB, changes ...func(*governance.Rule)) *World {
	t.Helper()
	return NewWith(t, 1, changes...)
}

// NewWith starts one whose deposits need so many confirmations.
func NewWith(t testing.TB, confirmations int64, changes ...func(*governance.Rule)) *World {
	t.Helper()
	return start(t, confirmations, false, changes...)
}

// NewOn starts one whose prices come from another desk than [Desk].
func NewOn(t testing.TB, desk func(*World) gateway.Desk) *World {
	t.Helper()
	w := prepare(t, 1, false)
	w.other = desk(w)
	return w.begin()
}

// NewReviewed starts one whose reviewers, by member id, are asked by a desk.
func NewReviewed(t testing.TB, desk gateway.Reviewers, reviewers map[string]string, changes ...func(*governance.Rule)) *World {
	t.Helper()
	w := prepare(t, 1, false, changes...)
	w.asks, w.reviewers = desk, reviewers
	return w.begin()
}

// NewValued starts one whose source of rates is Carol, whom a desk asks at an address, and
// whose rule, which changes make, looks at them.
func NewValued(t testing.TB, desk gateway.Sources, address string, changes ...func(*governance.Rule)) *World {
	t.Helper()
	w := prepare(t, 1, false, changes...)
	w.values, w.sources = desk, map[string]string{"mem_carol": address}
	return w.begin()
}

// NewForTwo starts one with a signer for each of its two entities, whose accounts have
// the same id.
func NewForTwo(t testing.TB) *World {
	t.Helper()
	return start(t, 1, true)
}

func start(t testing.TB, confirmations int64, two bool, changes ...func(*governance.Rule)) *World {
	t.Helper()
	return prepare(t, confirmations, two, changes...).begin()
}

func prepare(t testing.TB, confirmations int64, two bool, changes ...func(*governance.Rule)) *World {
	t.Helper()
	w := &World{T: t, now: time.Date(2026, 11, 20, 21, 0, 0, 0, time.UTC), Path: filepath.Join(t.TempDir(), "gateway.db"), Chain: newChain(t), needed: confirmations}
	w.Signer = NewSigner(t, w.Now, changes...)
	if two {
		w.Second = NewSignerOf(t, Other, "Other AG", w.Now)
	}
	w.Desk = &Desk{now: func() time.Time { return w.steady() }, Amount: "0.1"}
	var err error
	if w.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *World) begin() *World {
	t := w.T
	t.Helper()
	w.open()
	t.Cleanup(func() { w.close() })
	err := w.Store.Write(t.Context(), func(tx store.Tx) error {
		for _, d := range [][3]string{{"dev_sandbox", Entity, APIKey}, {"dev_other", Other, OtherKey}} {
			if err := tx.PutDeveloper(store.Developer{ID: d[0], Name: d[0], Version: 1, MadeBy: store.ByConfiguration}); err != nil {
				return err
			}
			if err := tx.PutKey(store.Key{ID: "key_of" + d[0][4:], Developer: d[0], Name: "Configuration", Hash: sha256.Sum256([]byte(d[2])), Scopes: strings.Join(wire.Scopes(), " "), MadeBy: store.ByConfiguration}); err != nil {
				return err
			}
			if err := tx.PutEntity(store.Entity{ID: d[1], Developer: d[0], Name: d[1], MadeBy: store.ByConfiguration}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Gateway.SyncAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Scan()
	return w
}

// Scan reads what is new on the chain, twice: what only a balance shows is booked
// when a second look agrees.
func (w *World) Scan() {
	w.T.Helper()
	for range 2 {
		if err := w.Gateway.Deposits(context.Background(), ChainID); err != nil {
			w.T.Fatal(err)
		}
	}
}

// Beside starts another gateway on the same database, as another process would: with
// its own connections, clock and state. stop takes its database away, as the end of its
// process would.
func (w *World) Beside() (g *gateway.Gateway, stop func()) {
	w.T.Helper()
	other := &World{
		T: w.T, Signer: w.Signer, Second: w.Second, Desk: w.Desk, Chain: w.Chain, key: w.key, Path: w.Path, needed: w.needed, sandbox: w.sandbox, wall: w,
	}
	other.open()
	return other.Gateway, sync.OnceFunc(other.close)
}

func (w *World) open() {
	w.T.Helper()
	ctx := context.Background()
	w.clock = gateway.NewClock(w.Now, w.elapsed, nil)
	w.steady = w.clock.Now
	var err error
	if w.Store, err = sqlstore.Open(ctx, w.Path); err != nil {
		w.T.Fatal(err)
	}
	w.Tokens, err = token.New(token.Config{
		Key: w.key, Issuer: "https://gateway.example", Audience: "countersign", Env: "sandbox", Now: w.steady, Rand: rand.Reader,
	})
	if err != nil {
		w.T.Fatal(err)
	}
	desk := w.other
	if desk == nil {
		desk = w.Desk
	}
	w.Gateway, err = gateway.New(ctx, gateway.Config{
		Store: door{w.Store, w}, Tokens: w.Tokens, Desk: desk, Vaults: w.Vaults(), Reviewers: w.asks, Sources: w.values, Chains: map[string]gateway.Watched{ChainID: w.watched()},
		Hooks: map[string]gateway.Hook{"northpay": {Secrets: [][]byte{[]byte(HookSecret)}}},
		Env:   "sandbox", PageURL: "https://page.example", Now: w.steady, Clock: w.clock, Rand: rand.Reader,
	})
	if err != nil {
		w.T.Fatal(err)
	}
}

// watched is the chain as the gateway reads it.
func (w *World) watched() gateway.Watched {
	if w.sandbox != nil {
		return *w.sandbox
	}
	return gateway.Watched{Node: reader{w.Chain.watcher, w.Chain}, Confirmations: w.needed}
}

// Nodes are those of the chains.
func (w *World) Nodes() map[string]reconcile.Node {
	return map[string]reconcile.Node{ChainID: w.watched().Node}
}

// Vaults are those that the gateway follows.
func (w *World) Vaults() (all []gateway.Vault) {
	for _, s := range []*Signer{w.Signer, w.Second} {
		if s != nil {
			v := gateway.Vault{Entity: s.Genesis.Entity, Key: s.Key.PublicKey(), Signer: signerlink.New(s.Socket), Reviewers: w.reviewers, Sources: w.sources}
			if w.Pins != nil {
				w.Pins(&v)
			}
			all = append(all, v)
		}
	}
	return all
}

func (w *World) close() {
	if err := w.Store.Close(); err != nil {
		w.T.Error(err)
	}
}

// Restart kills the gateway and starts another one on the same file.
func (w *World) Restart() {
	w.T.Helper()
	w.close()
	w.open()
	_ = w.Gateway.Deposits(context.Background(), ChainID) // as at each start; a node may be down
}

// Now is the time on the wall; Pass moves it.
func (w *World) Now() time.Time {
	if w.wall != nil {
		return w.wall.Now()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *World) elapsed() time.Duration {
	if w.wall != nil {
		return w.wall.elapsed()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.passed
}

// Pass lets time pass; less than none sets the clock back.
func (w *World) Pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
	w.passed += max(d, 0)
}

// Caller acts for ent_sandbox.
func Caller() gateway.Caller { return gateway.Caller{Developer: "dev_sandbox", Entity: Entity} }

// SignIn trades an API key for a token of a developer or an entity, by its id, and
// returns who has it.
func (w *World) SignIn(key, id string) gateway.Caller {
	w.T.Helper()
	in := wire.TokenRequest{APIKey: key, ID: id, UserType: wire.UserEntity}
	if id[:3] == "dev" {
		in.UserType = wire.UserDeveloper
	}
	reply, err := w.Gateway.Token(context.Background(), in, gateway.Visit{Client: "192.0.2.1"})
	if err != nil {
		w.T.Fatal(err)
	}
	c, err := w.Gateway.Authenticate(context.Background(), reply.AccessToken, gateway.Proof{})
	if err != nil {
		w.T.Fatal(err)
	}
	return c
}

// OtherCaller acts for ent_other.
func OtherCaller() gateway.Caller { return gateway.Caller{Developer: "dev_other", Entity: Other} }

// Quoted asks for quotes and returns the best.
func (w *World) Quoted() quote.Row {
	w.T.Helper()
	return w.QuotedFor(Caller())
}

// QuotedFor asks in the name of a developer or entity.
func (w *World) QuotedFor(c gateway.Caller) quote.Row {
	w.T.Helper()
	q, err := w.Gateway.Quotes(w.T.Context(), c, quote.Input{
		From: "EUR", To: "ethereum", Amount: "250", PaymentMethod: "card", Country: "FR",
	}, Account, false, nil)
	if err != nil {
		w.T.Fatal(err)
	}
	return q.Quotes[0]
}

// Requested makes a request of a fresh quote.
func (w *World) Requested() wire.Request {
	w.T.Helper()
	return w.RequestedBy(Caller())
}

// RequestedBy makes one in the name of somebody.
func (w *World) RequestedBy(c gateway.Caller) wire.Request {
	w.T.Helper()
	q := w.QuotedFor(c)
	r, err := w.Gateway.NewRequest(w.T.Context(), c, wire.RequestInput{QuoteID: q.ID, AccountID: Account}, "key-"+q.ID)
	if err != nil {
		w.T.Fatal(err)
	}
	return r
}

// Approved makes a request that alice and bob approve.
func (w *World) Approved() wire.Request {
	w.T.Helper()
	return w.ApprovedFor(Caller(), w.Signer)
}

// ApprovedFor makes one in the name of somebody whose signer is given.
func (w *World) ApprovedFor(c gateway.Caller, s *Signer) wire.Request {
	w.T.Helper()
	r := w.RequestedBy(c)
	s.Decide(r.ID, "mem_alice", statement.Approve)
	s.Decide(r.ID, "mem_bob", statement.Approve)
	if err := w.Gateway.Sync(w.T.Context(), c.Entity); err != nil {
		w.T.Fatal(err)
	}
	r, err := w.Gateway.Request(w.T.Context(), c, r.ID)
	if err != nil {
		w.T.Fatal(err)
	}
	return r
}

// Refused fails the test unless err has the code.
func Refused(t testing.TB, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Errorf("error %v, want %s", err, code)
	}
}
