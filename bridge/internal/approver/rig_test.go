package approver

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/device"
	"countersign/bridge/internal/guard"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/keys"
	"countersign/bridge/internal/member"
	"countersign/bridge/internal/peer"
	"countersign/shared/channel"
	"countersign/shared/frame"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/jwk"
	"countersign/shared/jws"
	"countersign/shared/link"
	"countersign/shared/statement"
	"countersign/shared/vault"
	"countersign/softhsm/e2e/page"
)

const (
	origin = "http://127.0.0.1:8080"
	entity = "ent_sandbox"
)

// owner is a person with a token, in memory or real.
type owner struct {
	id, label         string
	prefix            string // of the keys' labels in the token
	approval, channel keys.Key
}

// uri names one of the member's keys.
func (m *owner) uri(purpose string) string {
	return "pkcs11:token=" + m.label + ";object=" + m.prefix + purpose
}

// farEnd is the signer at the far end of the channel.
type farEnd struct {
	t        testing.TB
	mu       sync.Mutex
	key      keys.Key
	channels map[string]keys.Key // by curve
	members  map[string]*owner
	serve    func(*statement.Approval) // changes a statement before it is sent
	nonce    int
	got      []string // the JWS that were verified
}

// line is the vault's end of one channel, reached as the page reaches it.
type line struct {
	v         *farEnd
	bridge    *page.Bridge
	member    *owner
	id        string // the bridge's name
	responder *channel.Responder
	session   *channel.Session
}

// static makes a key the static key of a channel.
type static struct{ keys.Key }

func (s static) Public() []byte { return s.PublicKey().Compressed() }

// rig is a running bridge.
type rig struct {
	t       testing.TB
	cfg     Config
	person  *person
	drawer  *drawer
	vault   *farEnd
	url     string
	pageKey *link.Key
	book    *journal.Journal
	bridge  *Bridge
	now     func() time.Time                                         // nil: the computer's clock
	log     io.Writer                                                // of the bridge
	program func(local, remote netip.AddrPort) (peer.Process, error) // nil: as it is
	stop    func()
}

func memory(t testing.TB, curve string) keys.Key {
	t.Helper()
	k, err := keys.NewMemory(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// newRig starts a bridge for alice (secp256k1) and bob (P-256), whose tokens are
// in memory and locked.
func newRig(t testing.TB, options ...func(*rig)) *rig {
	t.Helper()
	return newRigOf(t, []*owner{{id: "mem_alice", label: "alice", approval: memory(t, jws.Secp256k1), channel: memory(t, jws.Secp256k1)},
		{id: "mem_bob", label: "bob", approval: memory(t, jws.P256), channel: memory(t, jws.P256)}}, options...)
}

// newRigOf starts a bridge for members whose tokens are in memory and locked.
func newRigOf(t testing.TB, members []*owner, options ...func(*rig)) *rig {
	t.Helper()
	d := &drawer{keys: map[string]keys.Key{}, devices: map[string]*device.State{}, pins: map[string]string{}, watched: make(chan struct{})}
	for _, m := range members {
		d.keys[m.uri("approval")], d.keys[m.uri("channel")] = m.approval, m.channel
		d.devices[m.label] = &device.State{Identity: device.Identity{Label: m.label}, Present: true, Locked: true, TriesLeft: 3}
		d.pins[m.label] = "1234-" + m.label
	}
	g := start(t, d, members, append(options, func(g *rig) { g.drawer = d })...)
	g.person.pin = func(_ context.Context, q consent.PINQuestion) ([]byte, error) { return []byte("1234-" + q.Device), nil }
	return g
}

// start writes a bridge's files and serves it.
func start(t testing.TB, devices Devices, members []*owner, options ...func(*rig)) *rig {
	t.Helper()
	dir := t.TempDir()
	v := &farEnd{t: t, key: memory(t, jws.Secp256k1), members: map[string]*owner{},
		channels: map[string]keys.Key{jws.Secp256k1: memory(t, jws.Secp256k1), jws.P256: memory(t, jws.P256)}}
	cfg := Config{Listen: []string{"127.0.0.1:0"}, Origins: []string{origin}, StateDir: dir, SignerFile: filepath.Join(dir, "signer.json")}
	write(t, cfg.SignerFile, vault.SignerFile{Entity: entity, EntityName: "Sandbox", StatementKey: v.key.PublicKey().JWK(),
		ChannelKeys: []jwk.Key{v.channels[jws.Secp256k1].PublicKey().JWK(), v.channels[jws.P256].PublicKey().JWK()}})
	for _, m := range members {
		v.members[m.id] = m
		file := filepath.Join(dir, m.id+".jws")
		v.certify(m, file, time.Now().AddDate(2, 0, 0)) // tests have clocks that run ahead
		cfg.Identities = append(cfg.Identities, member.Config{Entity: entity, Member: m.id, CertificateFile: file,
			ApprovalKey: m.uri("approval"), ChannelKey: m.uri("channel")})
	}
	pageKey, err := link.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	g := &rig{t: t, cfg: cfg, person: &person{}, vault: v, pageKey: pageKey, log: t.Output()}
	for _, o := range options {
		o(g)
	}
	g.serve(devices)
	return g
}

func write(t testing.TB, path string, v any) {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (g *rig) serve(devices Devices) {
	g.t.Helper()
	var err error
	if g.book, err = journal.Open(journal.Config{Path: filepath.Join(g.cfg.StateDir, "journal.log")}); err != nil {
		g.t.Fatal(err)
	}
	g.bridge, err = New(g.cfg, Deps{Devices: devices, Prompts: consent.NewQueue(g.person, 0), Journal: g.book, Now: g.now, Identify: g.program, Log: slog.New(slog.NewTextHandler(g.log, nil))})
	if err != nil {
		g.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	listeners, err := guard.Listen(ctx, g.cfg.Listen)
	if err != nil {
		g.t.Fatal(err)
	}
	g.url = "ws://" + listeners[0].Addr().String()
	done := make(chan error, 1)
	go func() { done <- g.bridge.Serve(ctx, []net.Listener(listeners)) }()
	var once sync.Once
	g.stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				g.t.Errorf("Serve: %v", err)
			}
			if err := g.book.Close(); err != nil {
				g.t.Errorf("close the journal: %v", err)
			}
		})
	}
	g.t.Cleanup(g.stop)
}

// another connects a page of another browser.
func (g *rig) another() *page.Bridge {
	g.t.Helper()
	key, err := link.NewKey(rand.Reader)
	if err != nil {
		g.t.Fatal(err)
	}
	b, err := page.Connect(g.t.Context(), page.BridgeConfig{URL: g.url, Origin: origin, Key: key})
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { b.Close() })
	return b
}

// info is what the bridge tells a page about one member.
func (g *rig) info(b *page.Bridge, member string) frame.Identity {
	g.t.Helper()
	var info frame.BridgeInfoResult
	if err := b.Call(g.t.Context(), frame.BridgeInfo, frame.BridgeInfoParams{}, &info); err != nil {
		g.t.Fatal(err)
	}
	for _, id := range info.Identities {
		if id.Member == member {
			return id
		}
	}
	g.t.Fatalf("no %s in %+v", member, info)
	return frame.Identity{}
}

// connect connects a page with the rig's page key.
func (g *rig) connect(notify func(string, frame.Message)) (*page.Bridge, error) {
	b, err := page.Connect(g.t.Context(), page.BridgeConfig{URL: g.url, Origin: origin, Key: g.pageKey, Notify: notify})
	if err == nil {
		g.t.Cleanup(func() { b.Close() })
	}
	return b, err
}

func (g *rig) mustConnect() *page.Bridge {
	g.t.Helper()
	b, err := g.connect(nil)
	if err != nil {
		g.t.Fatal(err)
	}
	return b
}

// open opens a channel between a member's token and the vault.
func (g *rig) open(b *page.Bridge, member string) (*line, error) {
	l := &line{v: g.vault, bridge: b, member: g.vault.members[member]}
	var opened frame.ChannelOpenResult
	if err := b.Call(g.t.Context(), frame.ChannelOpen, frame.ChannelOpenParams{Entity: entity, Member: member}, &opened); err != nil {
		return nil, err
	}
	l.id = opened.Channel
	var err error
	l.responder, err = channel.NewResponder(channel.ResponderConfig{Entity: entity, Rand: rand.Reader, Now: time.Now, Statics: map[channel.Suite]channel.Static{
		channel.Secp256k1: static{g.vault.channels[jws.Secp256k1]}, channel.P256: static{g.vault.channels[jws.P256]}}})
	if err != nil {
		return nil, err
	}
	act2, err := l.responder.Accept(g.t.Context(), opened.Record)
	if err != nil {
		return nil, err
	}
	var accepted frame.ChannelAcceptResult
	if err := b.Call(g.t.Context(), frame.ChannelAccept, frame.ChannelAcceptParams{Channel: l.id, Record: act2}, &accepted); err != nil {
		return nil, err
	}
	cert, session, err := l.responder.Finish(g.t.Context(), accepted.Record)
	if err != nil {
		return nil, err
	}
	if _, err := jws.Verify(string(cert), statement.TypMember, g.vault.key.PublicKey()); err != nil {
		return nil, err
	}
	if !bytes.Equal(session.RemoteStatic(), l.member.channel.PublicKey().Compressed()) {
		return nil, fmt.Errorf("the channel is with another key")
	}
	l.session = session
	welcome := l.seal(&channel.Welcome{Entity: entity, EntityName: "Sandbox", Member: member, Log: channel.Log{Size: 1, Head: make([]byte, 32)}})
	var ready frame.ChannelReadyResult
	return l, b.Call(g.t.Context(), frame.ChannelReady, frame.ChannelReadyParams{Channel: l.id, Record: welcome}, &ready)
}

func (g *rig) mustOpen(b *page.Bridge, member string) *line {
	g.t.Helper()
	l, err := g.open(b, member)
	if err != nil {
		g.t.Fatal(err)
	}
	return l
}

func (l *line) seal(m channel.Message) frame.Record {
	l.v.t.Helper()
	data, err := channel.Encode(m)
	if err != nil {
		l.v.t.Fatal(err)
	}
	record, err := l.session.Seal(data)
	if err != nil {
		l.v.t.Fatal(err)
	}
	return record
}

func (l *line) read(record frame.Record) channel.Message {
	l.v.t.Helper()
	data, err := l.session.Open(record)
	if err != nil {
		l.v.t.Fatal(err)
	}
	m, err := channel.Decode(data)
	if err != nil {
		l.v.t.Fatal(err)
	}
	return m
}

// approval is the statement for a request, as the vault would serve it.
func (l *line) approval(request, decision string) statement.Approval {
	l.v.mu.Lock()
	defer l.v.mu.Unlock()
	l.v.nonce++
	now := time.Now().Unix()
	zero := base64.RawURLEncoding.EncodeToString(make([]byte, 32))
	a := statement.Approval{V: 2, Type: "approval", Entity: entity, EntityName: "Sandbox", Request: request, Step: 1, Decision: decision,
		Member: l.member.id, MemberName: l.member.label, Key: l.member.approval.PublicKey().Thumbprint(),
		GovernedBy: statement.GovernedBy{RuleSet: "acc_treasury", Version: 1, Digest: zero, Rule: "two of three"},
		Intent: intenttest.Doc(intent.Buy{Kind: intent.KindBuy, V: 1, Account: "acc_treasury", AccountName: "Treasury", Provider: "northpay", ProviderName: "Northpay",
			Fiat: intent.Fiat{Amount: "250.00", Currency: "EUR"}, Crypto: intent.Crypto{Amount: "0.1", Asset: "ethereum"}, Minimum: "0.098",
			Chain: "eip155:31337", Address: "0x52908400098527886E0F7030069857D2E4169EE7", PaymentMethod: "card", Country: "FR", Quote: "quo_1234"}),
		Nonce: hex.EncodeToString(fmt.Appendf(make([]byte, 0, 32), "%032d", l.v.nonce)), IssuedAt: now, NotBefore: now, Expires: now + 300,
		Channel: base64.RawURLEncoding.EncodeToString(l.session.HandshakeHash()), Log: statement.Log{Size: 1, Head: zero}}
	if l.v.serve != nil {
		l.v.serve(&a)
	}
	return a
}

// prepare asks the bridge for a question and answers with the sealed statement.
func (l *line) prepare(request, decision string) (approval string, record frame.Record, err error) {
	l.v.t.Helper()
	var prepared frame.ApprovalPrepareResult
	if err := l.bridge.Call(l.v.t.Context(), frame.ApprovalPrepare, frame.ApprovalPrepareParams{Channel: l.id, Request: request, Decision: decision}, &prepared); err != nil {
		return "", nil, err
	}
	get, ok := l.read(prepared.Record).(*channel.StatementGet)
	if !ok || get.Request != request || get.Decision != decision {
		l.v.t.Fatalf("the bridge asks %+v", get)
	}
	data, err := statement.EncodeDecision(l.approval(request, decision))
	if err != nil {
		l.v.t.Fatal(err)
	}
	return prepared.Approval, l.seal(&channel.Statement{Statement: data}), nil
}

// decide plays one approval to its end.
func (l *line) decide(ctx context.Context, request, decision string) (frame.ApprovalDecideResult, error) {
	var decided frame.ApprovalDecideResult
	approval, record, err := l.prepare(request, decision)
	if err != nil {
		return decided, err
	}
	if err := l.bridge.Call(ctx, frame.ApprovalDecide, frame.ApprovalDecideParams{Approval: approval, Record: record}, &decided); err != nil {
		return decided, err
	}
	submit, ok := l.read(decided.Record).(*channel.StatementSubmit)
	if !ok {
		return decided, fmt.Errorf("the bridge submitted something else")
	}
	payload, err := jws.Verify(submit.JWS, statement.Typ(decision), l.member.approval.PublicKey())
	if err != nil {
		return decided, err
	}
	if a, err := statement.DecodeDecision(payload); err != nil || a.Request != request || a.Decision != decision {
		return decided, fmt.Errorf("signed %+v: %w", a, err)
	}
	l.v.mu.Lock()
	l.v.got = append(l.v.got, submit.JWS)
	l.v.mu.Unlock()
	receipt := l.seal(&channel.Receipt{Request: request, State: "PENDING_APPROVAL", Approvals: []string{l.member.id}, Needed: 2, Entry: channel.Entry{Seq: 1, Hash: make([]byte, 32)}})
	var finished frame.ApprovalFinishResult
	return decided, l.bridge.Call(ctx, frame.ApprovalFinish, frame.ApprovalFinishParams{Approval: approval, Record: receipt}, &finished)
}

// events are the journal's events so far.
func (g *rig) events() (all []string) {
	g.t.Helper()
	for _, e := range g.entries() {
		all = append(all, e.Kind)
	}
	return all
}
