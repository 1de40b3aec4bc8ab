// Package gatewaytest is the world around a gateway for tests: a faithful signer
// behind a real unix socket, built from the shared packages that the real one is
// built from, a desk and a chain that do what they are told, and a clock.
package gatewaytest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"countersign/shared/eip55"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/jwk"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/vault"
	"countersign/shared/vault/vaulttest"
	"countersign/shared/wire"
)

// Key is a secp256k1 key in memory.
type Key struct{ priv *secp256k1.PrivateKey }

// NewKey makes one.
func NewKey(t testing.TB) Key {
	t.Helper()
	k, err := secp256k1.GeneratePrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	return Key{k}
}

// PublicKey is its public half.
func (k Key) PublicKey() jws.PublicKey {
	p, err := jws.FromSEC1(jws.Secp256k1, k.priv.PubKey().SerializeUncompressed())
	if err != nil {
		panic(err) // a key of our own is on its curve
	}
	return p
}

// SignDigest signs with low S.
func (k Key) SignDigest(_ context.Context, digest []byte) ([]byte, error) {
	return ecdsa.SignCompact(k.priv, digest, false)[1:], nil
}

// JWK is the public key as statements hold it.
func (k Key) JWK() jwk.Key {
	return k.PublicKey().JWK()
}

// storage and watermark keep a log in memory.
type storage struct{ b bytes.Buffer }

func (s *storage) Segments() ([]int64, error) { return []int64{0}, nil }
func (s *storage) Open(int64) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(s.b.Bytes())), nil
}
func (s *storage) Append(_ int64, lines []string) error {
	s.b.WriteString(strings.Join(lines, "\n") + "\n")
	return nil
}
func (s *storage) Truncate(_, n int64) error { s.b.Truncate(int(n)); return nil }

type watermark struct{ m signedlog.Mark }

func (w *watermark) Get(context.Context) (signedlog.Mark, error)   { return w.m, nil }
func (w *watermark) Set(_ context.Context, m signedlog.Mark) error { w.m = m; return nil }

// FourEyes has alice or bob sign and send a request, and one of the others approve it.
func FourEyes(r *governance.Rule) {
	members := r.Steps[0].Members
	r.Name, r.Creation = "four eyes", &governance.Creation{Members: members[:2]}
	r.Steps = []governance.Step{{Name: "approval", Quorum: 1, Members: members, ExcludeInitiator: true}}
}

// The entity of [NewSigner], and what entities have in common.
const (
	Entity  = "ent_sandbox"
	Other   = "ent_other" // that no signer knows, but in a world with two
	Account = "acc_treasury"
)

// Signer is a signer for one entity, with members mem_alice, mem_bob and
// mem_carol, two of whom must approve, and the account acc_treasury.
type Signer struct {
	Socket  string
	Key     Key
	Members map[string]Key
	Genesis statement.Genesis
	Down    func() bool // when it says so, every answer is an error

	t      testing.TB
	now    func() time.Time
	mu     sync.Mutex
	log    *signedlog.Log
	stored storage
	lines  []string
	state  *vault.State
	inputs map[string]wire.SignerRequestInput
	// Stopped is why the signer decides nothing, as its log's pages say.
	Stopped string
	// Reuse is the address of the next request, for one that is used again.
	Reuse string
	// Lies makes it write what could not follow.
	Lies bool
	// Old makes outcomes as an earlier version wrote them, without their end.
	Old bool
	// ForgeAttestation makes the next request's address one that was not attested.
	ForgeAttestation bool
	// Respell changes the addresses that are attested, and the requests' own.
	Respell  func(address string) string
	deposits map[string]Key // of addresses
	// Note changes the notes about its log; nil: it does not.
	Note func(note string) string
}

// NewSigner starts one whose rule is what changes make of it; it stops with the test.
func NewSigner(t testing.TB, now func() time.Time, changes ...func(*governance.Rule)) *Signer {
	t.Helper()
	return NewSignerOf(t, Entity, "Sandbox GmbH", now, changes...)
}

// NewSignerOf starts one of an entity.
func NewSignerOf(t testing.TB, entity, name string, now func() time.Time, changes ...func(*governance.Rule)) *Signer {
	t.Helper()
	s := &Signer{
		t: t, now: now, Key: NewKey(t), Members: map[string]Key{}, Down: func() bool { return false },
		inputs: map[string]wire.SignerRequestInput{}, Respell: func(address string) string { return address }, deposits: map[string]Key{},
	}
	ids := []string{"mem_alice", "mem_bob", "mem_carol"}
	s.Genesis = statement.Genesis{
		V: 3, Type: "genesis", Entity: entity, EntityName: name, AdminRule: statement.AdminRule{Quorum: 2},
		Signer: statement.SignerKeys{Statement: s.Key.JWK(), Channel: []jwk.Key{NewKey(t).JWK()}},
		Accounts: []statement.GenesisAccount{{
			Account: Account, Name: "Treasury", Chain: "eip155:31337", Address: addressOf(NewKey(t)),
			Rules: governance.Set{Version: 1, Rules: []governance.Rule{{
				Name: "two of three", Steps: []governance.Step{{Name: "approval", Quorum: 2, Members: ids}},
			}}},
		}},
		IssuedAt: now().Unix(),
	}
	for _, change := range changes {
		change(&s.Genesis.Accounts[0].Rules.Rules[0])
	}
	for i, id := range ids {
		s.Members[id] = NewKey(t)
		s.Genesis.Members = append(s.Genesis.Members, statement.GenesisMember{
			Member: id, Name: []string{"Alice", "Bob", "Carol"}[i], Role: statement.Admin,
			Approval: s.Members[id].JWK(), Channel: NewKey(t).JWK(), ChannelIn: statement.InToken,
		})
	}
	var err error
	s.log, err = signedlog.Open(t.Context(), signedlog.Config{Storage: &s.stored, Watermark: &watermark{}, Signer: s.Key, Now: now}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.state = vault.New(s.Key.PublicKey(), nil)
	s.append(signedlog.Genesis, s.begun())
	s.serve()
	return s
}

// begun is the genesis, which every member signed.
func (s *Signer) begun() signedlog.GenesisBody {
	var by []jws.Signer
	for _, m := range s.Genesis.Members {
		by = append(by, s.Members[m.Member])
	}
	return vaulttest.Begun(s.t, s.Genesis, by...)
}

// Requests is how many it was asked for.
func (s *Signer) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.inputs)
}

// address is a new one, in the mixed case of EIP-55.
func addressOf(k Key) string { return eip55.Of(k.PublicKey().Uncompressed()[1:]) }

// deposit is the address of a new key.
func (s *Signer) deposit() string {
	k := NewKey(s.t)
	s.deposits[addressOf(k)] = k
	return addressOf(k)
}

// Lend has another signer attest an address of this one's, as one that is hostile can.
func (s *Signer) Lend(address string, to *Signer) {
	to.deposits[address], to.Reuse = s.deposits[address], address
}

func (s *Signer) append(typ string, body any) {
	e, line, err := s.log.Append(s.t.Context(), typ, body)
	if err == nil {
		err = s.log.Commit(s.t.Context(), e.Seq+1)
	}
	if err == nil && !s.Lies {
		err = s.state.Apply(e, signedlog.Hash([]byte(line)))
	}
	if err != nil {
		s.t.Error(err)
		return
	}
	s.lines = strings.Split(strings.TrimSpace(s.stored.b.String()), "\n")
}

func (s *Signer) serve() {
	dir, err := os.MkdirTemp("", "cs") // a socket's path must be short
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s.Socket = filepath.Join(dir, "s")
	l, err := net.Listen("unix", s.Socket)
	if err != nil {
		s.t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/requests", s.postRequest)
	mux.HandleFunc("GET /v1/log", s.getLog)
	mux.HandleFunc("GET /v1/log/checkpoint", s.getNote)
	mux.HandleFunc("POST /v1/channels", func(w http.ResponseWriter, r *http.Request) {
		s.reply(w, wire.SignerChannel{Channel: "chn_test", Record: "AAAA"})
	})
	mux.HandleFunc("POST /v1/channels/{id}/records", func(w http.ResponseWriter, r *http.Request) {
		s.reply(w, wire.SignerReply{Record: "BBBB", LogSize: s.log.Mark().Size})
	})
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = srv.Serve(l) }() // ends with Close
	s.t.Cleanup(func() { _ = srv.Close() })
}

func (s *Signer) reply(w http.ResponseWriter, v any) {
	if s.Down() {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func (s *Signer) postRequest(w http.ResponseWriter, r *http.Request) {
	var in wire.SignerRequestInput
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if s.Down() {
		s.reply(w, nil)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if dry, err := wire.DryRun(r.Header); err != nil || dry {
		s.reply(w, s.state.Explain(&vault.Request{
			RequestBody: signedlog.RequestBody{Request: in.Request, Created: s.now().Unix(), Expires: in.ExpiresAt.Unix()},
			Wants:       intenttest.Buy(in.Intent), CreatedAt: s.now(),
		}))
		return
	}
	if old, ok := s.inputs[in.Request]; ok {
		if !bytes.Equal(old.Intent, in.Intent) || old.Request != in.Request || !old.ExpiresAt.Equal(in.ExpiresAt) {
			w.WriteHeader(http.StatusConflict)
			_ = json.NewEncoder(w).Encode(wire.Problem{Error: wire.ProblemError{Code: fault.Conflict, Message: "this request exists already, and it is another one"}})
			return
		}
		s.reply(w, wire.SignerRequest{Request: in.Request})
		return
	}
	draft, err := intent.Draft(in.Intent)
	if change, ok := draft.(intent.Change); err == nil && ok {
		s.postChange(w, in, change)
		return
	}
	a := s.Genesis.Accounts[0]
	b := signedlog.RequestBody{
		Request: in.Request, Created: s.now().Unix(), Expires: in.ExpiresAt.Unix(),
	}
	buy := intenttest.Buy(in.Intent)
	buy.AccountName, buy.Chain, buy.Address = a.Name, a.Chain, s.deposit()
	if s.Reuse != "" {
		buy.Address, s.Reuse = s.Reuse, ""
	}
	att := statement.Address{
		V: 1, Type: "address", Entity: s.Genesis.Entity, Account: a.Account, Request: in.Request, Chain: a.Chain,
		Address: buy.Address, PublicKey: s.deposits[buy.Address].JWK(), IssuedAt: s.now().Unix(),
	}
	att.Address = s.Respell(att.Address)
	buy.Address = att.Address
	b.Intent = intenttest.Doc(buy)
	if s.ForgeAttestation {
		att.Address = s.deposit()
	}
	payload, err := statement.Encode(att)
	if err != nil {
		s.t.Error(err)
	}
	if b.Attestation, err = jws.Sign(r.Context(), s.Key, statement.TypAddress, payload); err != nil {
		s.t.Error(err)
	}
	wants, err := intent.Open(b.Intent)
	if err != nil {
		s.t.Error(err)
		return
	}
	fresh := &vault.Request{RequestBody: b, Wants: wants, CreatedAt: time.Unix(b.Created, 0)}
	b.GovernedBy = fresh.Pin(s.state.Govern(fresh))
	s.inputs[in.Request] = in
	s.append(signedlog.Request, b)
	s.reply(w, wire.SignerRequest{Request: in.Request})
}

// postChange asks for what changes the vault, as the vault fills it.
func (s *Signer) postChange(w http.ResponseWriter, in wire.SignerRequestInput, change intent.Change) {
	wants, err := change.Fill(s.state)
	if err != nil {
		f, _ := fault.As(err)
		w.WriteHeader(http.StatusConflict)
		_ = json.NewEncoder(w).Encode(wire.Problem{Error: wire.ProblemError{Code: f.Code, Message: f.Message, Details: f.Details}})
		return
	}
	r := &vault.Request{RequestBody: signedlog.RequestBody{Request: in.Request, Created: s.now().Unix(), Expires: in.ExpiresAt.Unix(), Intent: intenttest.Doc(wants)}, Wants: wants, CreatedAt: time.Unix(s.now().Unix(), 0)}
	r.GovernedBy = r.Pin(s.state.Govern(r))
	s.inputs[in.Request] = in
	s.append(signedlog.Request, r.RequestBody)
	s.reply(w, wire.SignerRequest{Request: in.Request})
}

func (s *Signer) getLog(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	after, err := strconv.Atoi(r.URL.Query().Get("after"))
	if err != nil {
		s.t.Error(err)
	}
	m := s.log.Mark()
	p := wire.SignerLogPage{Entries: []wire.SignerLogEntry{}, Size: m.Size, Head: signedlog.Hash([]byte(s.lines[len(s.lines)-1])), Stopped: s.Stopped}
	for i := after + 1; i < len(s.lines) && len(p.Entries) < 100; i++ {
		p.Entries = append(p.Entries, wire.SignerLogEntry{Seq: int64(i), JWS: s.lines[i]})
	}
	s.reply(w, p)
}

func (s *Signer) getNote(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	note, err := signedlog.SignNote(r.Context(), s.Key, s.Genesis.Entity, s.log.Tree())
	if err != nil {
		s.t.Error(err)
	}
	if s.Note != nil {
		note = s.Note(note)
	}
	s.reply(w, wire.SignerNote{Note: note})
}

// Decide puts a member's signed decision in the log, and the outcome when there
// is one.
func (s *Signer) Decide(request, member, decision string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.state.Request(request)
	if r == nil {
		s.t.Fatalf("there is no open request %s", request)
	}
	now := s.now().Unix()
	entry := signedlog.Approval
	if decision == statement.Initiate {
		entry = signedlog.Initiation
	}
	payload, err := statement.EncodeDecision(statement.Approval{
		V: 2, Type: "approval", Entity: s.Genesis.Entity, EntityName: s.Genesis.EntityName, Request: request, Step: s.state.Decide(r, s.now()).Step, Decision: decision,
		Member: member, MemberName: member, Key: s.Members[member].PublicKey().Thumbprint(), GovernedBy: r.GovernedBy, Intent: r.Intent, Initiator: r.Initiator(), InitiatorName: r.Initiator(),
		Nonce: hex.EncodeToString(make([]byte, 32)), IssuedAt: now, NotBefore: now, Expires: now + 300,
		Channel: base64.RawURLEncoding.EncodeToString(make([]byte, 32)), Log: statement.Log{Size: 1, Head: s.log.Mark().Head},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	token, err := jws.Sign(s.t.Context(), s.Members[member], statement.Typ(decision), payload)
	if err != nil {
		s.t.Fatal(err)
	}
	s.append(entry, signedlog.DecisionBody{Request: request, Member: member, JWS: token})
	if d := s.state.Decide(r, s.now()); !d.State.Open() {
		o := signedlog.OutcomeBody{Request: request, State: string(d.State), Reasons: d.Reasons}
		if !s.Old {
			o.UseBy = r.UseBy(d)
		}
		s.append(signedlog.Outcome, o)
	}
}

// Checkpoint puts an entry about the state that the log has come to into the log, as
// change makes it.
func (s *Signer) Checkpoint(change func(*signedlog.CheckpointBody)) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	state, err := s.state.Snapshot()
	if err != nil {
		s.t.Fatal(err)
	}
	b := signedlog.CheckpointBody{State: vault.Digest(state), Index: signedlog.Hash(nil), Edge: s.log.Tree().Edge()}
	change(&b)
	s.append(signedlog.Checkpoint, b)
}
