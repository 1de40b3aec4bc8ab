package signer

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/wire"
)

// mail is a draft of the message that EIP-712 has as its example, for the sandbox chain, as a
// program writes it.
func mail() intent.Message {
	return intent.Message{
		Kind: intent.KindMessage, V: 1, Account: treasury, Purpose: "Trying the mail",
		TypedData: intent.Doc(`{"types":{"EIP712Domain":[{"name":"name","type":"string"},{"name":"version","type":"string"},{"name":"chainId","type":"uint256"},{"name":"verifyingContract","type":"address"}],"Person":[{"name":"name","type":"string"},{"name":"wallet","type":"address"}],"Mail":[{"name":"from","type":"Person"},{"name":"to","type":"Person"},{"name":"contents","type":"string"}]},"primaryType":"Mail","domain":{"name":"Ether Mail","version":"1","chainId":31337,"verifyingContract":"0xcccccccccccccccccccccccccccccccccccccccc"},"message":{"from":{"name":"Cow","wallet":"0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"},"to":{"name":"Bob","wallet":"0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"},"contents":"Hello, Bob!"}}`),
	}
}

func (g *rig) asksFor(id string, draft intent.Intent) wire.SignerRequestInput {
	in := g.input(id)
	in.Intent = intenttest.Doc(draft)
	return in
}

// agreed is a message that two members approved.
func (g *rig) agreed(id string, draft intent.Intent) {
	g.t.Helper()
	if code := g.call("POST", "/v1/requests", g.asksFor(id, draft), nil); code != "" {
		g.t.Fatal(code)
	}
	g.approves("mem_alice", id)
	g.approves("mem_bob", id)
}

// signature asks for the signature of a message, and holds it against the account's address as
// go-ethereum does.
func (g *rig) signature(id string) (s wire.SignerSignature, code fault.Code) {
	g.t.Helper()
	if code = g.call("POST", "/v1/requests/"+id+"/signature", wire.SignerSignatureInput{}, &s); code != "" {
		return s, code
	}
	sig := common.FromHex(s.Signature)
	sig[64] -= 27
	key, err := crypto.SigToPub(unb64(g.t, s.Digest), sig)
	account, _ := g.service.state.Account(treasury)
	if err != nil || crypto.PubkeyToAddress(*key).Hex() != account.Address || s.Address != account.Address || s.LogSize != g.service.Status().Log.Size {
		g.t.Errorf("%+v: %v", s, err)
	}
	return s, ""
}

func TestTheSignerSignsAMessageThatWasApprovedOnce(t *testing.T) {
	t.Parallel()
	g := newRig(t, andMessages())
	g.agreed(testReq, mail())
	r := g.service.state.Message(testReq)
	first, code := g.signature(testReq)
	if code != "" || first.Digest != r.Digest() {
		t.Fatalf("%s: %+v", code, first)
	}
	g.restart()
	if again, code := g.signature(testReq); code != "" || again.Signature != first.Signature {
		t.Errorf("%s: after a restart it has another signature", code)
	}
	if n := g.entriesOf(testReq); n[signedlog.SigningMessage] != 1 || n[signedlog.SignedMessage] != 1 {
		t.Errorf("%v", n)
	}
	g.verified()
}

func TestMembersReadTheMessageFieldByField(t *testing.T) {
	t.Parallel()
	g := newRig(t, andMessages())
	if code := g.call("POST", "/v1/requests", g.asksFor(testReq, mail()), nil); code != "" {
		t.Fatal(code)
	}
	l := mustConnect(t, g, "mem_alice")
	data, ferr := l.Statement(testReq, statement.Approve)
	if ferr != nil {
		t.Fatal(ferr)
	}
	a, err := statement.Decode[statement.Approval](data)
	if err != nil {
		t.Fatal(err)
	}
	text, err := statement.Text(a)
	for _, want := range []string{"Decision      APPROVE this message\nSigns         typed data Mail of \"Ether Mail\"\nWarning ", "\nDomain        name: string \"Ether Mail\"\n", "\nField         to.name: string \"Bob\"\n"} {
		if err != nil || !strings.Contains(text, want) {
			t.Errorf("%v: no %q in\n%s", err, want, text)
		}
	}
}

func TestOnlyAnApprovedMessageIsSigned(t *testing.T) {
	t.Parallel()
	g := newRig(t, andMessages())
	g.request(testReq)
	const open, rejected, late = "req_bbbbbbbbbbbbbbbbbbbbbbbbbb", "req_cccccccccccccccccccccccccc", "req_dddddddddddddddddddddddddd"
	for _, id := range []string{open, rejected} {
		if code := g.call("POST", "/v1/requests", g.asksFor(id, mail()), nil); code != "" {
			t.Fatal(code)
		}
	}
	g.agreed(late, mail())
	if _, _, err := mustConnect(t, g, "mem_alice").Decide(rejected, statement.Reject); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]fault.Code{testReq: fault.Conflict, open: fault.RequestClosed, rejected: fault.RequestClosed, "req_zzzzzzzzzzzzzzzzzzzzzzzzzz": fault.NotFound} {
		if _, code := g.signature(id); code != want {
			t.Errorf("%s: %q, want %q", id, code, want)
		}
	}
	if _, _, code := g.transaction(late, paying("2", "1")); code != fault.Conflict {
		t.Errorf("as a transaction: %q", code)
	}
	g.clock.add(25 * time.Hour)
	if _, code := g.signature(late); code != fault.RequestClosed {
		t.Errorf("after its approval ended: %q", code)
	}
}

func TestAMessageWithoutARuleForItIsDenied(t *testing.T) {
	t.Parallel()
	g := newRig(t, purchasesAndTransfers())
	if code := g.call("POST", "/v1/requests", g.asksFor(testReq, mail()), nil); code != fault.Denied {
		t.Errorf("%q", code)
	}
}

func TestAMessageThatCannotBeReadExactlyIsRefused(t *testing.T) {
	t.Parallel()
	g := newRig(t, andMessages())
	for name, change := range map[string]func(*intent.Message){
		"another chain": func(m *intent.Message) {
			m.TypedData = intent.Doc(strings.Replace(string(m.TypedData), "31337", "1", 1))
		},
		"a field less": func(m *intent.Message) {
			m.TypedData = intent.Doc(strings.Replace(string(m.TypedData), `,"contents":"Hello, Bob!"`, "", 1))
		},
		"a digest alone": func(m *intent.Message) { m.TypedData, m.Hex = nil, "0x"+strings.Repeat("ff", 32) },
		"nothing":        func(m *intent.Message) { m.TypedData = nil },
	} {
		draft := mail()
		change(&draft)
		if code := g.call("POST", "/v1/requests", g.asksFor(testReq, draft), nil); code != fault.Invalid {
			t.Errorf("%s: %q", name, code)
		}
	}
}

func TestTwoWhoAskAtOnceGetOneSignature(t *testing.T) {
	t.Parallel()
	g := newRig(t, andMessages())
	g.agreed(testReq, mail())
	var all sync.Map
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			s, err := g.service.SignMessage(t.Context(), testReq)
			if err != nil {
				t.Error(err)
			}
			all.Store(s.Signature, true)
		})
	}
	wait.Wait()
	n := 0
	all.Range(func(any, any) bool { n++; return true })
	if entries := g.entriesOf(testReq); n != 1 || entries[signedlog.SigningMessage] != 1 || entries[signedlog.SignedMessage] != 1 {
		t.Errorf("%d signatures, %v", n, entries)
	}
}
