package receipt

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"golang.org/x/mod/sumdb/tlog"

	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/jwk"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/vault"
)

// seed is a key that signs as RFC 6979 says, so that a receipt has the same bytes each
// time.
type seed byte

const statementKey, aliceKey, bobKey, addressKey seed = 1, 2, 3, 8

func (s seed) private() *secp256k1.PrivateKey {
	return secp256k1.PrivKeyFromBytes(bytes.Repeat([]byte{byte(s)}, 32))
}

func (s seed) PublicKey() jws.PublicKey {
	p, err := jws.FromSEC1(jws.Secp256k1, s.private().PubKey().SerializeCompressed())
	if err != nil {
		panic(err)
	}
	return p
}

func (s seed) SignDigest(_ context.Context, digest []byte) ([]byte, error) {
	sig := ecdsa.Sign(s.private(), digest)
	out := make([]byte, 64)
	r, half := sig.R(), sig.S()
	r.PutBytesUnchecked(out[:32])
	half.PutBytesUnchecked(out[32:])
	return out, nil
}

// nowhere is a storage and a watermark that keep nothing.
type nowhere struct{}

func (nowhere) Segments() ([]int64, error)                  { return nil, nil }
func (nowhere) Open(int64) (io.ReadCloser, error)           { return nil, io.EOF }
func (nowhere) Append(int64, []string) error                { return nil }
func (nowhere) Truncate(int64, int64) error                 { return nil }
func (nowhere) Get(context.Context) (signedlog.Mark, error) { return signedlog.Mark{}, nil }
func (nowhere) Set(context.Context, signedlog.Mark) error   { return nil }

const (
	noon    = 1_795_208_400
	account = "acc_treasury"
	first   = "req_aaaaaaaaaaaaaaaaaaaaaaaaaa"
	second  = "req_bbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// signer writes a log.
type signer struct {
	t     testing.TB
	at    int64
	log   *signedlog.Log
	state *vault.State
	lines []string
	about map[string][]int64 // entries, by request
}

// enrolled is a vault in which Alice asks, Alice and Bob approve, and little is spent.
func enrolled(t testing.TB) *signer {
	t.Helper()
	s := &signer{t: t, at: noon, state: vault.New(statementKey.PublicKey(), nil), about: map[string][]int64{}}
	var err error
	s.log, err = signedlog.Open(t.Context(), signedlog.Config{
		Storage: nowhere{}, Watermark: nowhere{}, Signer: statementKey, Now: func() time.Time { s.at++; return time.Unix(s.at, 0) },
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	members := []string{"mem_alice", "mem_bob"}
	g := statement.Genesis{
		V: 3, Type: "genesis", Entity: "ent_sandbox", EntityName: "Sandbox Ltd", Sandbox: true, AdminRule: statement.AdminRule{Quorum: 2}, IssuedAt: noon,
		Signer: statement.SignerKeys{Statement: statementKey.PublicKey().JWK(), Channel: []jwk.Key{seed(9).PublicKey().JWK()}},
		Accounts: []statement.GenesisAccount{{
			Account: account, Name: "Treasury", Chain: "eip155:31337", Address: "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
			Rules: governance.Set{Version: 1, Rules: []governance.Rule{{
				Name: "purchases", When: []governance.Condition{{Velocity: &governance.Velocity{Currency: "EUR", Seconds: 86400, Max: "400"}}},
				Creation: &governance.Creation{Members: members[:1]}, Steps: []governance.Step{{Name: "treasury", Quorum: 2, Members: members}},
			}, {Name: "much", Steps: []governance.Step{{Name: "board", Quorum: 1, Members: members}}}}},
		}},
	}
	for i, name := range []string{"Alice", "Bob"} {
		g.Members = append(g.Members, statement.GenesisMember{Member: members[i], Name: name, Role: statement.Admin,
			Approval: seed(2 + i).PublicKey().JWK(), Channel: seed(4 + i).PublicKey().JWK(), ChannelIn: statement.InToken})
	}
	s.append("", signedlog.Genesis, g)
	return s
}

func (s *signer) append(request, typ string, body any) {
	s.t.Helper()
	e, line, err := s.log.Append(s.t.Context(), typ, body)
	if err == nil {
		err = s.state.Apply(e, signedlog.Hash([]byte(line)))
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.about[request] = append(s.about[request], e.Seq)
	s.lines = append(s.lines, line)
}

// ask asks for a purchase, which is delivered to an address of key.
func (s *signer) ask(request string, key seed) {
	s.t.Helper()
	address, err := vault.AddressOn("eip155:31337", key.PublicKey())
	if err != nil {
		s.t.Fatal(err)
	}
	payload, err := statement.Encode(statement.Address{
		V: 1, Type: "address", Entity: "ent_sandbox", Account: account, Request: request, Chain: "eip155:31337", Address: address,
		PublicKey: key.PublicKey().JWK(), IssuedAt: noon,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	attestation, err := jws.Sign(s.t.Context(), statementKey, statement.TypAddress, payload)
	if err != nil {
		s.t.Fatal(err)
	}
	b := signedlog.RequestBody{Request: request, Created: s.at, Expires: s.at + 3600, Attestation: attestation, Intent: intenttest.Doc(intent.Buy{
		Kind: intent.KindBuy, V: 1, Account: account, AccountName: "Treasury", Provider: "northpay", ProviderName: "NorthPay",
		Fiat: intent.Fiat{Amount: "250.00", Currency: "EUR"}, Crypto: intent.Crypto{Amount: "0.0815", Asset: "ethereum"}, Minimum: "0.0799",
		Chain: "eip155:31337", Address: address, PaymentMethod: "card", Country: "FR", Quote: "quo_aaaaaaaaaaaaaaaaaaaaaaaaaa",
	})}
	wants, err := intent.Open(b.Intent)
	if err != nil {
		s.t.Fatal(err)
	}
	r := &vault.Request{RequestBody: b, Wants: wants, CreatedAt: time.Unix(b.Created, 0).UTC()}
	b.GovernedBy = r.Pin(s.state.Govern(r))
	s.append(request, signedlog.Request, b)
}

func (s *signer) decide(request string, key seed, decision string) {
	s.t.Helper()
	member, name := "mem_alice", "Alice"
	if key == bobKey {
		member, name = "mem_bob", "Bob"
	}
	r, hash := s.state.Request(request), strings.Repeat("A", 43)
	a := statement.Approval{
		V: 2, Type: "approval", Entity: "ent_sandbox", EntityName: "Sandbox Ltd", Request: request, Step: s.state.Decide(r, time.Unix(s.at, 0)).Step, Decision: decision,
		Member: member, MemberName: name, Key: key.PublicKey().Thumbprint(), GovernedBy: r.GovernedBy, Initiator: r.Initiator(), Intent: r.Intent,
		Nonce: strings.Repeat("0", 64), IssuedAt: s.at, NotBefore: s.at - 60, Expires: s.at + 60, Channel: hash, Log: statement.Log{Size: 1, Head: hash},
	}
	if a.Initiator != "" {
		a.InitiatorName = "Alice"
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

func (s *signer) close(request string) {
	s.t.Helper()
	r := s.state.Request(request)
	d := s.state.Decide(r, time.Unix(s.at+1, 0))
	s.append(request, signedlog.Outcome, signedlog.OutcomeBody{Request: request, State: string(d.State), Reasons: d.Reasons, UseBy: r.UseBy(d)})
}

// lived is a vault with two purchases, the second of which was governed by another rule
// because of the first.
func lived(t testing.TB) *signer {
	t.Helper()
	s := enrolled(t)
	s.ask(first, addressKey)
	s.decide(first, aliceKey, statement.Initiate)
	s.decide(first, aliceKey, statement.Approve)
	s.ask(second, 7)
	s.decide(first, bobKey, statement.Approve)
	s.close(first)
	s.decide(second, bobKey, statement.Approve)
	s.close(second)
	return s
}

// receipt is that of a request.
func (s *signer) receipt(request string) File {
	s.t.Helper()
	note, err := signedlog.SignNote(s.t.Context(), statementKey, "ent_sandbox", s.log.Tree())
	if err != nil {
		s.t.Fatal(err)
	}
	f := File{V: 1, Type: "receipt", Request: request, Note: note}
	for _, seq := range append([]int64{0}, s.about[request]...) {
		f.Lines = append(f.Lines, s.line(seq))
	}
	return f
}

func (s *signer) line(seq int64) Line {
	s.t.Helper()
	var hashes []tlog.Hash
	var tree signedlog.Tree
	for _, line := range s.lines {
		var more []tlog.Hash
		tree, more = tree.Add(line)
		hashes = append(hashes, more...)
	}
	proof, err := tlog.ProveRecord(int64(len(s.lines)), seq, tlog.HashReaderFunc(func(at []int64) (found []tlog.Hash, err error) {
		for _, i := range at {
			found = append(found, hashes[i])
		}
		return found, nil
	}))
	if err != nil {
		s.t.Fatal(err)
	}
	return Line{Seq: seq, JWS: s.lines[seq], Path: Path(proof)}
}
