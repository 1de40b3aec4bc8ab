// Package vaulttest writes logs as a signer does, with keys in memory that sign the same
// each time. Tests of what reads a log use it (shared/receipt, bridge/internal/audit).
package vaulttest

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"countersign/shared/ceremony"
	"countersign/shared/effects"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/jwk"
	"countersign/shared/jws"
	"countersign/shared/jws/keytest"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/vault"
)

// Key is a key that signs the same each time, so that a receipt has the same bytes.
type Key = keytest.Seed

// The keys of a log: the signer's, those of its members, and one for an address.
const StatementKey, AliceKey, BobKey, AddressKey Key = 1, 2, 3, 8

// nowhere is a storage and a watermark that keep nothing.
type nowhere struct{}

func (nowhere) Segments() ([]int64, error)                  { return nil, nil }
func (nowhere) Open(int64) (io.ReadCloser, error)           { return nil, io.EOF }
func (nowhere) Append(int64, []string) error                { return nil }
func (nowhere) Truncate(int64, int64) error                 { return nil }
func (nowhere) Get(context.Context) (signedlog.Mark, error) { return signedlog.Mark{}, nil }
func (nowhere) Set(context.Context, signedlog.Mark) error   { return nil }

// The names in a log, and when it begins.
const (
	Entity  = "ent_sandbox"
	Account = "acc_treasury"
	First   = "req_aaaaaaaaaaaaaaaaaaaaaaaaaa"
	Second  = "req_bbbbbbbbbbbbbbbbbbbbbbbbbb"
	Third   = "req_cccccccccccccccccccccccccc"
	Noon    = 1_795_208_400 // Unix seconds
)

// Log is a log that is written.
type Log struct {
	t     testing.TB
	at    int64
	log   *signedlog.Log
	key   *inTurn // of the signer
	State *vault.State
	Lines []string
	About map[string][]int64 // entries, by request
	// Requests are all that were asked for, as the state tells them.
	Requests map[string]*vault.Request
}

// New is the log of a vault in which Alice asks, Alice and Bob approve, and little is spent.
func New(t testing.TB) *Log {
	t.Helper()
	s := &Log{t: t, at: Noon, key: &inTurn{StatementKey}, State: vault.New(StatementKey.PublicKey(), nil), About: map[string][]int64{}, Requests: map[string]*vault.Request{}}
	var err error
	s.log, err = signedlog.Open(t.Context(), signedlog.Config{
		Storage: nowhere{}, Watermark: nowhere{}, Signer: s.key, Now: func() time.Time { s.at++; return time.Unix(s.at, 0) },
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	members := []string{"mem_alice", "mem_bob"}
	g := statement.Genesis{
		V: 3, Type: "genesis", Entity: Entity, EntityName: "Sandbox Ltd", Sandbox: true, AdminRule: statement.AdminRule{Quorum: 2}, IssuedAt: Noon,
		Signer: statement.SignerKeys{Statement: StatementKey.PublicKey().JWK(), Channel: []jwk.Key{Key(9).PublicKey().JWK()}},
		Accounts: []statement.GenesisAccount{{
			Account: Account, Name: "Treasury", Chain: "eip155:31337", Address: accountAddress,
			Rules: governance.Set{Version: 1, Rules: []governance.Rule{{
				Name: "purchases", When: []governance.Condition{{Velocity: &governance.Velocity{Currency: "EUR", Seconds: 86400, Max: "400"}}},
				Creation: &governance.Creation{Members: members[:1]}, Steps: []governance.Step{{Name: "treasury", Quorum: 2, Members: members}},
			}, {Name: "much", Steps: []governance.Step{{Name: "board", Quorum: 1, Members: members}}}, {
				Name: "transfers", When: []governance.Condition{{Filter: &governance.Filter{Kinds: []string{intent.KindTransfer, intent.KindReplace, intent.KindMessage}}}},
				Steps: []governance.Step{{Name: "treasury", Quorum: 2, Members: members}},
			}}},
		}},
	}
	for i, name := range []string{"Alice", "Bob"} {
		g.Members = append(g.Members, statement.GenesisMember{Member: members[i], Name: name, Role: statement.Admin,
			Approval: Key(2 + i).PublicKey().JWK(), Channel: Key(4 + i).PublicKey().JWK(), ChannelIn: statement.InToken})
	}
	s.append("", signedlog.Genesis, Begun(t, g, AliceKey, BobKey))
	return s
}

// Begun is a genesis that its administrators signed.
func Begun(t testing.TB, g statement.Genesis, by ...jws.Signer) (b signedlog.GenesisBody) {
	t.Helper()
	var err error
	if b.Genesis, err = statement.Encode(g); err != nil {
		t.Fatal(err)
	}
	for _, key := range by {
		signed, err := ceremony.Sign(t.Context(), key, b.Genesis, Noon)
		if err != nil {
			t.Fatal(err)
		}
		b.Approvals = append(b.Approvals, signed)
	}
	return b
}

func (s *Log) append(request, typ string, body any) {
	s.t.Helper()
	e, line, err := s.log.Append(s.t.Context(), typ, body)
	if err == nil {
		err = s.State.Apply(e, signedlog.Hash([]byte(line)))
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.About[request] = append(s.About[request], e.Seq)
	s.Lines = append(s.Lines, line)
}

// Ask asks for a purchase into [Account], which is delivered to an address of key.
func (s *Log) Ask(request string, key Key) {
	s.t.Helper()
	s.AskInto(Account, "Treasury", request, key)
}

// AskInto asks for a purchase into an account of a name.
func (s *Log) AskInto(account, name, request string, key Key) {
	s.t.Helper()
	s.receive(request, intent.Buy{
		Kind: intent.KindBuy, V: 1, Account: account, AccountName: name, Provider: "northpay", ProviderName: "NorthPay",
		Fiat: intent.Fiat{Amount: "250.00", Currency: "EUR"}, Crypto: intent.Crypto{Amount: "0.0815", Asset: "ethereum"}, Minimum: "0.0799",
		Chain: "eip155:31337", PaymentMethod: "card", Country: "FR", Quote: "quo_aaaaaaaaaaaaaaaaaaaaaaaaaa",
	}, key)
}

// Create has both administrators create an account, whose own key is key.
func (s *Log) Create(request string, draft intent.AccountCreate, key Key) {
	s.t.Helper()
	s.wantAccount(request, draft, key)
	s.agree(request)
}

// Reject has Bob reject the creation of an account.
func (s *Log) Reject(request string, draft intent.AccountCreate, key Key) {
	s.t.Helper()
	s.wantAccount(request, draft, key)
	s.Decide(request, BobKey, statement.Reject)
	s.Close(request)
}

func (s *Log) wantAccount(request string, draft intent.AccountCreate, key Key) {
	s.t.Helper()
	filled, err := draft.Fill(s.State)
	if err != nil {
		s.t.Fatal(err)
	}
	s.receive(request, filled.(intent.AccountCreate), key)
}

// receive asks for what receives, at an address of key that the signer attests.
func (s *Log) receive(request string, draft intent.Receiver, key Key) {
	s.t.Helper()
	to := draft.Receives()
	address, err := vault.AddressOn(to.Chain, key.PublicKey())
	if err != nil {
		s.t.Fatal(err)
	}
	payload, err := statement.Encode(statement.Address{
		V: 1, Type: "address", Entity: "ent_sandbox", Account: to.Account, Request: request, Chain: to.Chain, Address: address,
		PublicKey: key.PublicKey().JWK(), IssuedAt: Noon,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	attestation, err := jws.Sign(s.t.Context(), s.key, statement.TypAddress, payload)
	if err != nil {
		s.t.Fatal(err)
	}
	s.ask(signedlog.RequestBody{Request: request, Created: s.at, Expires: s.at + 3600, Attestation: attestation}, draft.To(address))
}

// ask writes the entry of a request that is filled.
func (s *Log) ask(b signedlog.RequestBody, wants intent.Intent) {
	s.t.Helper()
	b.Intent = intenttest.Doc(wants)
	if _, changes := wants.(intent.Change); changes {
		b.Impact = s.impact()
	}
	r := &vault.Request{RequestBody: b, Wants: wants, CreatedAt: time.Unix(b.Created, 0).UTC()}
	b.GovernedBy = r.Pin(s.State.Govern(r))
	s.append(b.Request, signedlog.Request, b)
	s.Requests[b.Request] = s.State.Request(b.Request)
}

// impact is what a change is said to do.
func (s *Log) impact() *statement.Impact {
	said := statement.Summarize(strings.Repeat("A", 43), s.State.Mark().Size, []string{"nothing changes for 1 past request"})
	return &said
}

// Want asks for a change of the vault, which waits for two administrators.
func (s *Log) Want(request string, draft intent.Intent) {
	s.t.Helper()
	wants, err := draft.Fill(s.State)
	if err != nil {
		s.t.Fatal(err)
	}
	s.ask(signedlog.RequestBody{Request: request, Created: s.at, Expires: s.at + 3600}, wants)
}

// Change asks for a change of the vault, and has both administrators approve it.
func (s *Log) Change(request string, draft intent.Intent) {
	s.t.Helper()
	s.Want(request, draft)
	s.agree(request)
}

// agree has both administrators approve a request.
func (s *Log) agree(request string) {
	s.t.Helper()
	s.Decide(request, AliceKey, statement.Approve)
	s.Decide(request, BobKey, statement.Approve)
	s.Close(request)
}

// Govern says what governs a request after a change of the vault.
func (s *Log) Govern(request string) {
	s.t.Helper()
	r := s.State.Request(request)
	d := s.State.Decide(r, time.Unix(s.at+1, 0))
	s.append(request, signedlog.Governed, signedlog.GovernedBody{Request: request, GovernedBy: r.Pin(d), Expires: d.Expires.Unix()})
}

// Decide signs a decision, of Alice or Bob.
func (s *Log) Decide(request string, key Key, decision string) {
	s.t.Helper()
	member, name := "mem_alice", "Alice"
	if key == BobKey {
		member, name = "mem_bob", "Bob"
	}
	r, hash := s.State.Request(request), strings.Repeat("A", 43)
	if decision == statement.Approve && s.State.Outdated(r) { // another change took effect since
		d, now := s.State.Decide(r, time.Unix(s.at+1, 0)), s.impact()
		s.append(request, signedlog.Governed, signedlog.GovernedBody{Request: request, GovernedBy: r.Pin(d), Expires: d.Expires.Unix(), Impact: now})
		r = s.State.Request(request)
	}
	a := statement.Approval{
		V: 2, Type: "approval", Entity: Entity, EntityName: "Sandbox Ltd", Request: request, Step: s.State.Decide(r, time.Unix(s.at, 0)).Step, Decision: decision,
		Member: member, MemberName: name, Key: key.PublicKey().Thumbprint(), GovernedBy: r.GovernedBy, Initiator: r.Initiator(), Intent: r.Intent,
		Nonce: strings.Repeat("0", 64), IssuedAt: s.at, NotBefore: s.at - 60, Expires: s.at + 60, Channel: hash, Log: statement.Log{Size: 1, Head: hash},
	}
	if a.Initiator != "" {
		a.InitiatorName = "Alice"
	}
	if decision != statement.Initiate {
		a.Impact = r.Impact
		var err error
		if a.Effects, err = effects.DigestOf(r.Wants); err != nil {
			s.t.Fatal(err)
		}
	}
	data, err := statement.EncodeDecision(a)
	if err != nil {
		s.t.Fatal(err)
	}
	token, err := jws.Sign(s.t.Context(), key, statement.Typ(decision), data)
	if err != nil {
		s.t.Fatal(err)
	}
	typ := signedlog.Approval
	if decision == statement.Initiate {
		typ = signedlog.Initiation
	}
	s.append(request, typ, signedlog.DecisionBody{Request: request, Member: member, JWS: token})
}

// Close writes the outcome of a request.
func (s *Log) Close(request string) {
	s.t.Helper()
	r := s.State.Request(request)
	d := s.State.Decide(r, time.Unix(s.at+1, 0))
	body := signedlog.OutcomeBody{Request: request, State: string(d.State), Reasons: d.Reasons, UseBy: r.UseBy(d)}
	if k, ok := r.Wants.(intent.VaultRotateKeys); ok && d.State == governance.Approved {
		body.Signer = &statement.SignerKeys{Statement: k.Statement, Channel: k.Channel}
	}
	s.append(request, signedlog.Outcome, body)
}

// Lived is the log of a vault with two purchases, the second of which was governed by another rule
// because of the first.
func Lived(t testing.TB) *Log {
	t.Helper()
	s := New(t)
	s.Ask(First, AddressKey)
	s.Decide(First, AliceKey, statement.Initiate)
	s.Decide(First, AliceKey, statement.Approve)
	s.Ask(Second, 7)
	s.Decide(First, BobKey, statement.Approve)
	s.Close(First)
	s.Decide(Second, BobKey, statement.Approve)
	s.Close(Second)
	return s
}

// Note is the signer's note about the log.
func (s *Log) Note() string {
	s.t.Helper()
	note, err := signedlog.SignNote(s.t.Context(), s.key, Entity, StatementKey.PublicKey(), s.log.Tree())
	if err != nil {
		s.t.Fatal(err)
	}
	return note
}

// Lie writes an entry that the state is not asked about, as a signer that lies does.
func (s *Log) Lie(request, typ string, body any) {
	s.t.Helper()
	e, line, err := s.log.Append(s.t.Context(), typ, body)
	if err != nil {
		s.t.Fatal(err)
	}
	s.About[request] = append(s.About[request], e.Seq)
	s.Lines = append(s.Lines, line)
}

// hashes reads the tree over the lines.
func (s *Log) hashes() tlog.HashReader {
	var all []tlog.Hash
	var tree signedlog.Tree
	for _, line := range s.Lines {
		var more []tlog.Hash
		tree, more = tree.Add(line)
		all = append(all, more...)
	}
	return tlog.HashReaderFunc(func(at []int64) (found []tlog.Hash, err error) {
		for _, i := range at {
			found = append(found, all[i])
		}
		return found, nil
	})
}

// Included proves that a line is in the tree over all of them.
func (s *Log) Included(seq int64) tlog.RecordProof {
	s.t.Helper()
	proof, err := tlog.ProveRecord(int64(len(s.Lines)), seq, s.hashes())
	if err != nil {
		s.t.Fatal(err)
	}
	return proof
}

// Follows proves that the tree over all lines has the first before.
func (s *Log) Follows(before int64) tlog.TreeProof {
	s.t.Helper()
	proof, err := tlog.ProveTree(int64(len(s.Lines)), before, s.hashes())
	if err != nil {
		s.t.Fatal(err)
	}
	return proof
}
