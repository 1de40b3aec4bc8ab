package signer

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"countersign/bridge/internal/logfile"
	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/statement"
	"countersign/shared/wire"
)

// clock is a clock on the wall, and the time that passes, which the test moves.
type clock struct {
	mu     sync.Mutex
	t      time.Time
	passed time.Duration
	starts int
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }

func (c *clock) uptime() (string, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprint("boot ", c.starts), time.Hour + c.passed
}

// add lets time pass.
func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t, c.passed = c.t.Add(d), c.passed+d
}

// jump sets the clock on the wall.
func (c *clock) jump(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// startComputer starts the computer after it was off.
func (c *clock) startComputer(off time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t, c.passed, c.starts = c.t.Add(off), 0, c.starts+1
}

const (
	treasury = "acc_treasury"
	testReq  = "req_aaaaaaaaaaaaaaaaaaaaaaaaaa"
)

// rig is an enrolled vault with three members: Alice and Carol on secp256k1, Bob
// on P-256; two of the three approve, in one step.
type rig struct {
	t       testing.TB
	vault   *membertest.Vault // when it is in memory
	on      Vault
	dir     string
	clock   *clock
	people  map[string]*membertest.Member
	service *Service
	file    *logfile.Dir
	enrol   Enrolment
	limits  Limits
	segment int          // entries; 0: as always
	said    bytes.Buffer // what the service logged
	shape   func(*Draft) // changes the draft; nil: as it is
}

func twoOfThree() governance.Set {
	return governance.Set{Version: 1, Rules: []governance.Rule{
		{Name: "purchases", When: []governance.Condition{{Amount: &governance.Amount{Currency: "EUR", Max: "10000"}}},
			Steps: []governance.Step{{Name: "treasury", Quorum: 2, Members: []string{"mem_alice", "mem_bob", "mem_carol"}}}},
	}}
}

func newRig(t testing.TB, rules governance.Set) *rig {
	t.Helper()
	return newRigOf(t, rules, nil)
}

// newRigOf is [newRig] of a draft that is changed.
func newRigOf(t testing.TB, rules governance.Set, shape func(*Draft)) *rig {
	t.Helper()
	v := membertest.NewVault()
	g := &rig{vault: v, shape: shape}
	g.enrolOn(t, rules, v)
	return g
}

// newRigOn enrols v. The members' keys are in memory but for those whom own has.
func newRigOn(t testing.TB, rules governance.Set, v Vault, own ...*membertest.Member) *rig {
	t.Helper()
	g := &rig{}
	g.enrolOn(t, rules, v, own...)
	return g
}

func (g *rig) enrolOn(t testing.TB, rules governance.Set, v Vault, own ...*membertest.Member) {
	t.Helper()
	g.t, g.on, g.dir, g.people, g.limits = t, v, t.TempDir(), map[string]*membertest.Member{}, Limits{mostOpen, mostPerMinute}
	g.clock = &clock{t: time.Date(2026, 11, 20, 21, 0, 0, 0, time.UTC)}
	for _, p := range own {
		g.people[p.ID] = p
	}
	d := g.draft(rules)
	if g.shape != nil {
		g.shape(&d)
	}
	f, err := logfile.Open(g.dir)
	if err != nil {
		t.Fatal(err)
	}
	genesis, err := Prepare(t.Context(), g.deps(f), d, nil)
	if err == nil {
		g.enrol, err = Begin(t.Context(), g.deps(f), genesis, g.signed(genesis), func(Enrolment) error { return nil })
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for id, p := range g.people {
		p.Certificate = g.enrol.Certificates[id]
	}
	g.start()
	t.Cleanup(func() { _ = g.file.Close() })
}

// signed is what the administrators sign of a genesis.
func (g *rig) signed(genesis []byte) []string {
	g.t.Helper()
	return membertest.Signed(g.t, genesis, slices.Collect(maps.Values(g.people)))
}

// initWith plays the ceremony as the commands do, and returns the folder of what init left.
func (g *rig) initWith(cfg Config, draft Draft, open OpenVault) (dir string) {
	g.t.Helper()
	text, err := json.Marshal(draft)
	if err != nil {
		g.t.Fatal(err)
	}
	dir = g.t.TempDir()
	path := filepath.Join(dir, "draft.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		g.t.Fatal(err)
	}
	said := Stdio{Out: io.Discard, Err: io.Discard}
	if err := InitWith(g.t.Context(), cfg, path, dir, said, open); err != nil {
		g.t.Fatal(err)
	}
	if err := CompleteWith(g.t.Context(), cfg, dir, g.signedFiles(dir), said, open); err != nil {
		g.t.Fatal(err)
	}
	return dir
}

// signedFiles are the files of what the administrators sign of the draft in dir.
func (g *rig) signedFiles(dir string) (paths []string) {
	g.t.Helper()
	genesis, err := os.ReadFile(filepath.Join(dir, draftName))
	if err != nil {
		g.t.Fatal(err)
	}
	for i, token := range g.signed(genesis) {
		path := filepath.Join(dir, fmt.Sprint(i, ".genesis.jws"))
		if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
			g.t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

func (g *rig) draft(rules governance.Set) Draft {
	d := Draft{Entity: "ent_sandbox", EntityName: "Sandbox Ltd", AdminRule: statement.AdminRule{Quorum: 2}}
	for _, m := range membertest.Members(g.t) {
		if own := g.people[m.ID]; own != nil {
			m = own
		}
		g.people[m.ID] = m
		d.Members = append(d.Members, m.Genesis())
	}
	d.Accounts = []DraftAccount{{Account: treasury, Name: "Treasury", Chain: "eip155:31337", Rules: rules}}
	return d
}

func (g *rig) deps(f *logfile.Dir) Deps {
	return Deps{Vault: g.on, Storage: f, Rand: rand.Reader, Now: g.clock.now, Uptime: g.clock.uptime, Clock: g.dir, Limits: g.limits, Segment: g.segment, Log: slog.New(slog.NewTextHandler(&g.said, nil))}
}

// start opens the service; after a stop it is a restart.
func (g *rig) start() {
	g.t.Helper()
	if err := g.tryStart(); err != nil {
		g.t.Fatal(err)
	}
}

func (g *rig) tryStart() error {
	var err error
	if g.file, err = logfile.Open(g.dir); err != nil {
		g.t.Fatal(err)
	}
	g.service, err = Open(g.t.Context(), g.deps(g.file))
	if err != nil {
		_ = g.file.Close()
	}
	return err
}

func (g *rig) restart() {
	g.t.Helper()
	if err := g.file.Close(); err != nil {
		g.t.Fatal(err)
	}
	g.start()
}

// lines are those of the log that count.
func (g *rig) lines() []string {
	g.t.Helper()
	lines, err := g.file.Lines(0, int(g.service.Status().Log.Size))
	if err != nil {
		g.t.Fatal(err)
	}
	return lines
}

// log appends an entry that the service does not look at.
func (g *rig) log(typ string, body any) {
	g.t.Helper()
	e, _, err := g.service.log.Append(g.t.Context(), typ, body)
	if err == nil {
		err = g.service.log.Commit(g.t.Context(), e.Seq+1)
	}
	if err != nil {
		g.t.Fatal(err)
	}
}

func (g *rig) call(method, path string, in, out any) fault.Code {
	g.t.Helper()
	return membertest.Handler(g.t, g.service.Handler())(method, path, in, out)
}

func (g *rig) raw(method, path string, body []byte, out any) fault.Code {
	g.t.Helper()
	return membertest.Raw(g.t, g.service.Handler(), method, path, body, out)
}

func (g *rig) input(id string) wire.SignerRequestInput {
	return wire.SignerRequestInput{
		Request: id, Intent: intenttest.Doc(intent.Buy{
			Kind: intent.KindBuy, V: 1, Account: treasury, Provider: "northpay", ProviderName: "NorthPay",
			Fiat: intent.Fiat{Amount: "250", Currency: "EUR"}, Crypto: intent.Crypto{Amount: "0.0815", Asset: "ethereum"},
			Minimum: "0.0799", PaymentMethod: "card", Country: "FR", Quote: "quo_aaaaaaaaaaaaaaaaaaaaaaaaaa",
		}),
		ExpiresAt: g.clock.now().Add(time.Hour),
	}
}

func (g *rig) request(id string) wire.SignerRequest {
	g.t.Helper()
	var r wire.SignerRequest
	if code := g.call("POST", "/v1/requests", g.input(id), &r); code != "" {
		g.t.Fatalf("request: %s", code)
	}
	return r
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func unb64(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
