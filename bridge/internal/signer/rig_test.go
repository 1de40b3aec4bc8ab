package signer

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"countersign/bridge/internal/device"
	"countersign/bridge/internal/keys"
	"countersign/bridge/internal/logfile"
	"countersign/shared/ceremony"
	"countersign/shared/channel"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
	"countersign/shared/wire"
)

// memKey is a key of either curve, in memory but for a benchmark; also the static
// key of a channel.
type memKey struct {
	keys.Key
	public jws.PublicKey
}

func newKey(t testing.TB, curve string) *memKey {
	t.Helper()
	k, err := makeKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func makeKey(curve string) (*memKey, error) {
	k, err := keys.NewMemory(curve, rand.Reader)
	if err != nil {
		return nil, err
	}
	return &memKey{k, k.PublicKey()}, nil
}

func (k *memKey) Public() []byte { return k.public.Compressed() }

// memVault is a vault in memory; it survives a restart of the service.
type memVault struct {
	mu   sync.Mutex
	keys map[string]*memKey
	data map[string][]byte
	// before and after are called before and after data is put; nil: nothing is.
	before, after func()
}

func newMemVault() *memVault {
	return &memVault{keys: map[string]*memKey{}, data: map[string][]byte{}}
}

func (v *memVault) Key(_ context.Context, t device.Template) (keys.Key, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if k := v.keys[t.Label]; k != nil {
		return k, nil
	}
	return nil, fault.New(fault.KeyMissing, "no such key")
}

func (v *memVault) Generate(_ context.Context, t device.Template) (keys.Key, error) {
	k, err := makeKey(t.Curve)
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.keys[t.Label] = k
	return k, nil
}

func (v *memVault) GetData(_ context.Context, label string) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.data[label], nil
}

func (v *memVault) PutData(_ context.Context, label string, data []byte) error {
	if v.before != nil {
		v.before()
	}
	v.mu.Lock()
	v.data[label] = bytes.Clone(data)
	v.mu.Unlock()
	if v.after != nil {
		v.after()
	}
	return nil
}

// person is a member with both keys.
type person struct {
	id, name      string
	approval, chn *memKey
	certificate   string
}

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
	vault   *memVault // when it is in memory
	on      Vault
	dir     string
	clock   *clock
	people  map[string]*person
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
	v := newMemVault()
	g := &rig{vault: v, shape: shape}
	g.enrolOn(t, rules, v)
	return g
}

// newRigOn enrols v. The members' keys are in memory but for those whom own has.
func newRigOn(t testing.TB, rules governance.Set, v Vault, own ...*person) *rig {
	t.Helper()
	g := &rig{}
	g.enrolOn(t, rules, v, own...)
	return g
}

func (g *rig) enrolOn(t testing.TB, rules governance.Set, v Vault, own ...*person) {
	t.Helper()
	g.t, g.on, g.dir, g.people, g.limits = t, v, t.TempDir(), map[string]*person{}, Limits{mostOpen, mostPerMinute}
	g.clock = &clock{t: time.Date(2026, 11, 20, 21, 0, 0, 0, time.UTC)}
	for _, p := range own {
		g.people[p.id] = p
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
		p.certificate = g.enrol.Certificates[id]
	}
	g.start()
	t.Cleanup(func() { _ = g.file.Close() })
}

// signed is what the administrators sign of a genesis, in the order of their names.
func (g *rig) signed(genesis []byte) (all []string) {
	g.t.Helper()
	for _, id := range slices.Sorted(maps.Keys(g.people)) {
		token, err := ceremony.Sign(g.t.Context(), g.people[id].approval, genesis, 1_795_208_400)
		if err != nil {
			g.t.Fatal(err)
		}
		all = append(all, token)
	}
	return all
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
	for _, m := range []struct{ id, name, curve string }{
		{"mem_alice", "Alice", jws.Secp256k1}, {"mem_bob", "Bob", jws.P256}, {"mem_carol", "Carol", jws.Secp256k1},
	} {
		p := g.people[m.id]
		if p == nil {
			p = &person{id: m.id, name: m.name, approval: newKey(g.t, m.curve), chn: newKey(g.t, m.curve)}
			g.people[m.id] = p
		}
		d.Members = append(d.Members, statement.GenesisMember{
			Member: m.id, Name: m.name, Role: statement.Admin, Approval: p.approval.public.JWK(), Channel: p.chn.public.JWK(), ChannelIn: statement.InToken,
		})
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

// call is one HTTP call; it returns the error code of the answer, or "".
type call func(method, path string, in, out any) fault.Code

func (g *rig) call(method, path string, in, out any) fault.Code {
	g.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		g.t.Fatal(err)
	}
	return g.raw(method, path, body, out)
}

func (g *rig) raw(method, path string, body []byte, out any) fault.Code {
	g.t.Helper()
	w := httptest.NewRecorder()
	g.service.Handler().ServeHTTP(w, httptest.NewRequestWithContext(g.t.Context(), method, path, bytes.NewReader(body)))
	return decode(g.t, w.Code, w.Body.Bytes(), out)
}

func decode(t testing.TB, status int, data []byte, out any) fault.Code {
	t.Helper()
	if status != http.StatusOK {
		var e struct {
			Error struct {
				Code    fault.Code        `json:"code"`
				Message string            `json:"message"`
				Details map[string]string `json:"details"`
			} `json:"error"`
		}
		if err := strictjson.Unmarshal(data, &e, 1<<20); err != nil || !fault.Known(e.Error.Code) || e.Error.Message == "" {
			t.Fatalf("status %d with body %s", status, data)
		}
		return e.Error.Code
	}
	if out == nil {
		return ""
	}
	if err := strictjson.Unmarshal(data, out, 1<<20); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	return ""
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

// line is an open channel of one member, seen from the bridge.
type line struct {
	t       testing.TB
	call    call
	id      string
	session *channel.Session
	who     *person
}

// connect opens a channel; code says how the signer refused it.
func connect(t testing.TB, do call, p *person, e Enrolment) (*line, fault.Code) {
	t.Helper()
	return connectAs(t, do, p, p.certificate, e)
}

func connectAs(t testing.TB, do call, p *person, certificate string, e Enrolment) (*line, fault.Code) {
	t.Helper()
	suite, err := channel.SuiteFor(p.chn.public.Curve())
	if err != nil {
		t.Fatal(err)
	}
	var remote jws.PublicKey
	for _, j := range e.File.ChannelKeys {
		if j.Crv == p.chn.public.Curve() {
			if remote, err = jws.FromJWK(j); err != nil {
				t.Fatal(err)
			}
		}
	}
	i, err := channel.NewInitiator(channel.InitiatorConfig{
		Suite: suite, Static: p.chn, Remote: remote.Compressed(), Entity: e.File.Entity, Rand: rand.Reader, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	act1, err := i.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var opened wire.SignerChannel
	if code := do("POST", "/v1/channels", wire.SignerRecord{Record: b64(act1)}, &opened); code != "" {
		return nil, code
	}
	act3, session, err := i.Finish(t.Context(), unb64(t, opened.Record), []byte(certificate))
	if err != nil {
		t.Fatal(err)
	}
	l := &line{t: t, call: do, id: opened.Channel, session: session, who: p}
	m, code := l.send(act3)
	if code != "" {
		return nil, code
	}
	if w, ok := m.(*channel.Welcome); !ok || w.Member != p.id {
		t.Fatalf("welcomed with %#v", m)
	}
	return l, ""
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

func (l *line) send(record []byte) (channel.Message, fault.Code) {
	l.t.Helper()
	var reply wire.SignerReply
	if code := l.call("POST", "/v1/channels/"+l.id+"/records", wire.SignerRecord{Record: b64(record)}, &reply); code != "" {
		return nil, code
	}
	plain, err := l.session.Open(unb64(l.t, reply.Record))
	if err != nil {
		l.t.Fatal(err)
	}
	m, err := channel.Decode(plain)
	if err != nil {
		l.t.Fatal(err)
	}
	return m, ""
}

// ask seals a message; a refusal comes back as an error.
func (l *line) ask(m channel.Message) (channel.Message, *fault.Error) {
	l.t.Helper()
	data, err := channel.Encode(m)
	if err != nil {
		l.t.Fatal(err)
	}
	record, err := l.session.Seal(data)
	if err != nil {
		l.t.Fatal(err)
	}
	answer, code := l.send(record)
	if code != "" {
		return nil, fault.New(code, "outside")
	}
	if e, ok := answer.(*channel.Error); ok {
		return nil, e.Fault()
	}
	return answer, nil
}

func (l *line) statement(request, decision string) ([]byte, *fault.Error) {
	l.t.Helper()
	m, err := l.ask(&channel.StatementGet{Request: request, Decision: decision})
	if err != nil {
		return nil, err
	}
	return m.(*channel.Statement).Statement, nil
}

func (l *line) submit(token string) (*channel.Receipt, *fault.Error) {
	l.t.Helper()
	m, err := l.ask(&channel.StatementSubmit{JWS: token})
	if err != nil {
		return nil, err
	}
	return m.(*channel.Receipt), nil
}

// decide plays the whole decision, with the checks that a bridge makes.
func (l *line) decide(request, decision string) (*channel.Receipt, string, *fault.Error) {
	l.t.Helper()
	data, ferr := l.statement(request, decision)
	if ferr != nil {
		return nil, "", ferr
	}
	if _, err := statement.DecodeDecision(data); err != nil {
		l.t.Fatal(err)
	}
	token := l.sign(data)
	r, ferr := l.submit(token)
	return r, token, ferr
}

// sign signs a statement for its purpose; what is none, as an approval.
func (l *line) sign(data []byte) string {
	l.t.Helper()
	a, _ := statement.DecodeDecision(data)
	token, err := jws.Sign(l.t.Context(), l.who.approval, statement.Typ(a.Decision), data)
	if err != nil {
		l.t.Fatal(err)
	}
	return token
}
