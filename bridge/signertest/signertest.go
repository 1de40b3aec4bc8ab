// Package signertest runs the vault's real signer in the tests of who asks it: the service
// of countersign-bridge signer with its keys in memory, its log in a folder of the test's
// and the test's clock, and members who decide through its channels. It stands outside
// bridge/internal because a package of another party imports it, the gateway's test kit in
// web/internal/gateway/gatewaytest; a layout test refuses it to all others, and to programs.
package signertest

import (
	"crypto/rand"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"countersign/bridge/internal/logfile"
	"countersign/bridge/internal/signer"
	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/shared/vault"
	"countersign/shared/wire"
)

// Account is an account to start with, whose key the signer makes.
type Account = signer.DraftAccount

// Key is a key in memory.
type Key = membertest.Key

// NewKey makes one on curve: jws.Secp256k1 or jws.P256.
func NewKey(t testing.TB, curve string) *Key { return membertest.NewKey(t, curve) }

// Call is one HTTP call to a signer or to a gateway that relays it, with paths of the
// signer link. It returns the error code of the answer, or "" and the answer in out.
type Call = membertest.Call

// Config is what a signer starts with.
type Config struct {
	Entity, EntityName string
	Accounts           []Account
	Now                func() time.Time
	Uptime             signer.Uptime // nil: Now is believed, whatever it says
	// Front is what stands between the socket and the signer; nil: nothing does.
	Front func(http.Handler) http.Handler
}

// Signer is a signer that runs until the test ends. Its members are mem_alice, mem_bob and
// mem_carol, administrators with keys in memory, of whom two change what governs.
type Signer struct {
	Socket  string
	Key     *Key             // the statement key
	File    vault.SignerFile // what others pin
	Genesis statement.Genesis

	t       testing.TB
	now     func() time.Time
	dir     string // of the log
	deps    signer.Deps
	server  *http.Server
	front   func(http.Handler) http.Handler
	log     *logfile.Dir
	service *signer.Service
	members map[string]*membertest.Member
}

// New enrols a vault and serves it on a socket.
func New(t testing.TB, cfg Config) *Signer {
	t.Helper()
	s := &Signer{t: t, now: cfg.Now, members: map[string]*membertest.Member{}}
	draft := signer.Draft{Entity: cfg.Entity, EntityName: cfg.EntityName, AdminRule: statement.AdminRule{Quorum: 2}, Accounts: cfg.Accounts}
	for _, m := range membertest.Members(t) {
		s.members[m.ID] = m
		draft.Members = append(draft.Members, m.Genesis())
	}
	dir, err := os.MkdirTemp("", "cs") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s.dir, s.front = filepath.Join(dir, "state"), cfg.Front
	if s.log, err = logfile.Open(s.dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.log.Close() })
	v := membertest.NewVault()
	deps := signer.Deps{
		Vault: v, Storage: s.log, Rand: rand.Reader, Now: cfg.Now, Uptime: cfg.Uptime, Log: slog.New(slog.DiscardHandler),
		Limits: signer.Limits{Open: 1000, PerMinute: 1000}, // tests are quick, and clocks in them may stand still
	}
	s.deps = deps
	genesis, err := signer.Prepare(t.Context(), deps, draft, nil)
	if err != nil {
		t.Fatal(err)
	}
	signed := membertest.Signed(t, genesis, slices.Collect(maps.Values(s.members)))
	enrolment, err := signer.Begin(t.Context(), deps, genesis, signed, func(signer.Enrolment) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	for id, m := range s.members {
		m.Certificate = enrolment.Certificates[id]
	}
	if s.service, err = signer.Open(t.Context(), deps); err != nil {
		t.Fatal(err)
	}
	s.File = enrolment.File
	for _, k := range v.Keys {
		if k.PublicKey().JWK() == s.File.StatementKey {
			s.Key = k
		}
	}
	if s.Genesis, err = statement.Decode[statement.Genesis](genesis); err != nil {
		t.Fatal(err)
	}
	s.serve(filepath.Join(dir, "s"))
	return s
}

// Pull takes the key of an account's own address out of the vault's token, until back is called.
func (s *Signer) Pull(a statement.GenesisAccount) (back func()) {
	s.t.Helper()
	v := s.deps.Vault.(*membertest.Vault)
	v.Lock()
	defer v.Unlock()
	for label, k := range v.Keys {
		if at, err := vault.AddressOn(a.Chain, k.PublicKey()); err == nil && at == a.Address {
			delete(v.Keys, label)
			return func() { v.Lock(); defer v.Unlock(); v.Keys[label] = k }
		}
	}
	s.t.Fatalf("the token has no key of %s", a.Address)
	return nil
}

func (s *Signer) serve(socket string) {
	l, err := net.Listen("unix", socket)
	if err != nil {
		s.t.Fatal(err)
	}
	h := s.service.Handler()
	if s.front != nil {
		h = s.front(h)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = srv.Serve(l) }() // ends with Close
	s.t.Cleanup(func() { _ = srv.Close() })
	s.Socket, s.server = socket, srv
}

// Lines are those of the log that count.
func (s *Signer) Lines() []string {
	s.t.Helper()
	lines, err := s.log.Lines(0, int(s.service.Status().Log.Size))
	if err != nil {
		s.t.Fatal(err)
	}
	return lines
}

// Request makes a request that the gateway makes none of, for an hour.
func (s *Signer) Request(id string, draft intent.Intent) {
	s.t.Helper()
	doc, err := intent.Encode(draft)
	if err == nil {
		_, err = s.service.Request(s.t.Context(), wire.SignerRequestInput{Request: id, Intent: doc, ExpiresAt: s.now().UTC().Truncate(time.Second).Add(time.Hour)})
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// Decide has a member decide on a request, in a channel to the signer, as statement.Approve
// and the others say.
func (s *Signer) Decide(request, member, decision string) {
	s.t.Helper()
	s.DecideThrough(membertest.Handler(s.t, s.service.Handler()), request, member, decision)
}

// DecideThrough is [Signer.Decide] by another way to the signer.
func (s *Signer) DecideThrough(call Call, request, member, decision string) {
	s.t.Helper()
	line, code := membertest.Connect(s.t, call, s.members[member], s.pinned())
	if code != "" {
		s.t.Fatalf("the channel of %s: %s", member, code)
	}
	if _, _, err := line.Decide(request, decision); err != nil {
		s.t.Fatalf("%s by %s on %s: %v", decision, member, request, err)
	}
}

// pinned is what members pin now.
func (s *Signer) pinned() vault.SignerFile {
	now := s.service.Status()
	return vault.SignerFile{Entity: now.Entity, EntityName: now.EntityName, StatementKey: now.StatementKey, ChannelKeys: now.ChannelKeys}
}

// Judge is a reviewer: it verifies a question to a member, and signs a verdict about it.
func (s *Signer) Judge(question string, v governance.Verdict, reason string) (string, error) {
	payload, err := jws.Verify(question, statement.TypReview, s.Key.PublicKey())
	if err != nil {
		return "", err
	}
	r, err := statement.Decode[statement.Review](payload)
	if err != nil {
		return "", err
	}
	if payload, err = statement.Encode(r.Answer(v, reason, s.now().Unix())); err != nil {
		return "", err
	}
	return jws.Sign(s.t.Context(), s.members[r.Reviewer].Approval, statement.TypVerdict, payload)
}

// Rate is a source of rates: the member whom r names signs it.
func (s *Signer) Rate(r statement.Rate) (string, error) {
	payload, err := statement.Encode(r)
	if err != nil {
		return "", err
	}
	return jws.Sign(s.t.Context(), s.members[r.Source].Approval, statement.TypRate, payload)
}

// Checkpoint has the signer end the segment of its log, as it does when that is full.
func (s *Signer) Checkpoint() {
	s.t.Helper()
	if err := s.service.Checkpoint(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// Sweep does what the signer does each second, and this one only when it is told: it looks
// at its clock, and closes requests that expired. It fails as the service does.
func (s *Signer) Sweep() error { return s.service.Sweep(s.t.Context()) }

// Invite is the draft of a change by which a new member joins, whose keys are in memory; they
// can decide once it took effect.
func (s *Signer) Invite(member, name string) intent.MemberInvite {
	s.t.Helper()
	m := membertest.NewMember(s.t, member, name, jws.P256)
	s.members[member] = m
	registration := m.Register(s.t, s.Genesis.Entity)
	for _, j := range s.service.Status().ChannelKeys {
		if j.Crv != jws.P256 {
			continue
		}
		to, err := jws.FromJWK(j)
		if err != nil {
			s.t.Fatal(err)
		}
		registration = m.RegisterFor(s.t, s.Genesis.Entity, to)
	}
	return intent.MemberInvite{Kind: intent.KindMemberInvite, V: 1, Member: member, Role: statement.Admin, Is: intent.Human, Registration: registration}
}

// Certified gives a member a certificate.
func (s *Signer) Certified(member, certificate string) { s.members[member].Certificate = certificate }
