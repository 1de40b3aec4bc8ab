package membertest

import (
	"crypto/rand"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/shared/ceremony"
	"countersign/shared/channel"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/shared/vault"
	"countersign/shared/wire"
)

// Member is a member with both keys.
type Member struct {
	ID, Name          string
	Approval, Channel *Key
	Certificate       string // once the vault is enrolled
}

// Members are three administrators with keys in memory: mem_alice and mem_carol on secp256k1,
// mem_bob on P-256.
func Members(t testing.TB) (all []*Member) {
	t.Helper()
	for _, m := range []Member{{ID: "mem_alice", Name: "Alice"}, {ID: "mem_bob", Name: "Bob"}, {ID: "mem_carol", Name: "Carol"}} {
		curve := jws.Secp256k1
		if m.ID == "mem_bob" {
			curve = jws.P256
		}
		all = append(all, NewMember(t, m.ID, m.Name, curve))
	}
	return all
}

// NewMember makes the keys of a member in memory, both on curve.
func NewMember(t testing.TB, id, name, curve string) *Member {
	t.Helper()
	return &Member{ID: id, Name: name, Approval: NewKey(t, curve), Channel: NewKey(t, curve)}
}

// Register is what the member signs to join the vault of an entity, or to have their keys
// replaced.
func (m *Member) Register(t testing.TB, entity string) string {
	t.Helper()
	return m.registers(t, m.registration(entity))
}

// RegisterFor is [Member.Register], and proves the channel key to the vault with a channel key.
func (m *Member) RegisterFor(t testing.TB, entity string, to jws.PublicKey) string {
	t.Helper()
	return m.RegisterAs(t, entity, to, m.Channel)
}

// RegisterAs is [Member.RegisterFor] of somebody who does not hold the channel key that they
// register: they make the proof with another one.
func (m *Member) RegisterAs(t testing.TB, entity string, to jws.PublicKey, holds *Key) string {
	t.Helper()
	secret, err := holds.ECDH(t.Context(), to.Uncompressed())
	if err != nil {
		t.Fatal(err)
	}
	r, err := ceremony.Prove(m.registration(entity), to, secret)
	if err != nil {
		t.Fatal(err)
	}
	return m.registers(t, r)
}

func (m *Member) registration(entity string) statement.Registration {
	return statement.Registration{V: 1, Type: "registration", Entity: entity, Member: m.ID, Name: m.Name, Approval: m.Approval.PublicKey().JWK(),
		Channel: m.Channel.PublicKey().JWK(), ChannelIn: statement.InToken, IssuedAt: 1_795_208_400}
}

func (m *Member) registers(t testing.TB, r statement.Registration) string {
	t.Helper()
	token, err := ceremony.Register(t.Context(), m.Approval, r)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// Genesis is the member as a genesis names it.
func (m *Member) Genesis() statement.GenesisMember {
	return statement.GenesisMember{
		Member: m.ID, Name: m.Name, Role: statement.Admin,
		Approval: m.Approval.PublicKey().JWK(), Channel: m.Channel.PublicKey().JWK(), ChannelIn: statement.InToken,
	}
}

// Signed is what members sign of a genesis, in the order of their names.
func Signed(t testing.TB, genesis []byte, by []*Member) (all []string) {
	t.Helper()
	slices.SortFunc(by, func(a, b *Member) int { return strings.Compare(a.ID, b.ID) })
	for _, m := range by {
		token, err := ceremony.Sign(t.Context(), m.Approval, genesis, 1_795_208_400)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, token)
	}
	return all
}

// Line is an open channel of one member, seen from the bridge.
type Line struct {
	ID      string // that the signer gave it
	Session *channel.Session
	Who     *Member

	t    testing.TB
	call Call
}

// Connect opens a channel to the signer of a public file; code says how it was refused.
func Connect(t testing.TB, do Call, m *Member, signer vault.SignerFile) (*Line, fault.Code) {
	t.Helper()
	return ConnectAs(t, do, m, m.Certificate, signer)
}

// ConnectAs is [Connect] with a certificate that may not be the member's.
func ConnectAs(t testing.TB, do Call, m *Member, certificate string, signer vault.SignerFile) (*Line, fault.Code) {
	t.Helper()
	curve := m.Channel.PublicKey().Curve()
	suite, err := channel.SuiteFor(curve)
	if err != nil {
		t.Fatal(err)
	}
	var remote jws.PublicKey
	for _, j := range signer.ChannelKeys {
		if j.Crv == curve {
			if remote, err = jws.FromJWK(j); err != nil {
				t.Fatal(err)
			}
		}
	}
	i, err := channel.NewInitiator(channel.InitiatorConfig{
		Suite: suite, Static: m.Channel, Remote: remote.Compressed(), Entity: signer.Entity, Rand: rand.Reader, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	act1, err := i.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var opened wire.SignerChannel
	if code := do("POST", "/v1/channels", wire.SignerRecord{Record: encode(act1)}, &opened); code != "" {
		return nil, code
	}
	act3, session, err := i.Finish(t.Context(), decode(t, opened.Record), []byte(certificate))
	if err != nil {
		t.Fatal(err)
	}
	l := &Line{ID: opened.Channel, Session: session, Who: m, t: t, call: do}
	answer, code := l.Send(act3)
	if code != "" {
		return nil, code
	}
	if w, ok := answer.(*channel.Welcome); !ok || w.Member != m.ID {
		t.Fatalf("welcomed with %#v", answer)
	}
	return l, ""
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func decode(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Send sends a record, and opens the one that answers it.
func (l *Line) Send(record []byte) (channel.Message, fault.Code) {
	l.t.Helper()
	var reply wire.SignerReply
	if code := l.call("POST", "/v1/channels/"+l.ID+"/records", wire.SignerRecord{Record: encode(record)}, &reply); code != "" {
		return nil, code
	}
	plain, err := l.Session.Open(decode(l.t, reply.Record))
	if err != nil {
		l.t.Fatal(err)
	}
	m, err := channel.Decode(plain)
	if err != nil {
		l.t.Fatal(err)
	}
	return m, ""
}

// Ask seals a message; a refusal comes back as an error.
func (l *Line) Ask(m channel.Message) (channel.Message, *fault.Error) {
	l.t.Helper()
	data, err := channel.Encode(m)
	if err != nil {
		l.t.Fatal(err)
	}
	record, err := l.Session.Seal(data)
	if err != nil {
		l.t.Fatal(err)
	}
	answer, code := l.Send(record)
	if code != "" {
		return nil, fault.New(code, "outside")
	}
	if e, ok := answer.(*channel.Error); ok {
		return nil, e.Fault()
	}
	return answer, nil
}

// Statement asks for the statement about a decision.
func (l *Line) Statement(request, decision string) ([]byte, *fault.Error) {
	l.t.Helper()
	m, err := l.Ask(&channel.StatementGet{Request: request, Decision: decision})
	if err != nil {
		return nil, err
	}
	return m.(*channel.Statement).Statement, nil
}

// Submit hands over a signed statement.
func (l *Line) Submit(token string) (*channel.Receipt, *fault.Error) {
	l.t.Helper()
	m, err := l.Ask(&channel.StatementSubmit{JWS: token})
	if err != nil {
		return nil, err
	}
	return m.(*channel.Receipt), nil
}

// Decide plays the whole decision, with the checks that a bridge makes.
func (l *Line) Decide(request, decision string) (*channel.Receipt, string, *fault.Error) {
	l.t.Helper()
	data, ferr := l.Statement(request, decision)
	if ferr != nil {
		return nil, "", ferr
	}
	if _, err := statement.DecodeDecision(data); err != nil {
		l.t.Fatal(err)
	}
	token := l.Sign(data)
	r, ferr := l.Submit(token)
	return r, token, ferr
}

// Sign signs a statement for its purpose; what is none, as an approval.
func (l *Line) Sign(data []byte) string {
	l.t.Helper()
	a, _ := statement.DecodeDecision(data)
	token, err := jws.Sign(l.t.Context(), l.Who.Approval, statement.Typ(a.Decision), data)
	if err != nil {
		l.t.Fatal(err)
	}
	return token
}
