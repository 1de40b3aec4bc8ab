package signer

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/bridge/internal/device"
	"countersign/bridge/internal/keys"
	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/eip1559"
	"countersign/shared/fault"
	"countersign/shared/gas"
	"countersign/shared/signedlog"
	"countersign/shared/wire"
)

// paying are fees of 21,000 gas at prices in gwei: a transfer of the tests allows 100.
func paying(gwei, tip string) gas.Fees {
	return gas.Fees{Gas: 21000, FeeCap: gwei + "000000000", Tip: tip + "000000000"}
}

// sent is a transfer that two members approved.
func (g *rig) sent(id string) {
	g.t.Helper()
	if code := g.call("POST", "/v1/requests", g.sends(id), nil); code != "" {
		g.t.Fatal(code)
	}
	g.approves("mem_alice", id)
	g.approves("mem_bob", id)
}

// transaction asks for a transaction, and reads it.
func (g *rig) transaction(id string, f gas.Fees) (tx wire.SignerTransaction, read eip1559.Signed, code fault.Code) {
	g.t.Helper()
	if code = g.call("POST", "/v1/requests/"+id+"/transactions", wire.SignerTransactionInput{Fees: f}, &tx); code != "" {
		return tx, read, code
	}
	read, err := eip1559.Open(unb64(g.t, tx.Raw))
	if err != nil {
		g.t.Fatal(err)
	}
	account, _ := g.service.state.Account(treasury)
	if read.From != account.Address || read.Hash != tx.Hash || int64(read.Nonce) != tx.Nonce || tx.LogSize != g.service.Status().Log.Size {
		g.t.Errorf("%+v is not %+v", read, tx)
	}
	return tx, read, ""
}

func TestTheSignerSignsWhatWasApprovedAndNothingElse(t *testing.T) {
	t.Parallel()
	g := newRig(t, purchasesAndTransfers())
	g.sent(testReq)
	tx, read, code := g.transaction(testReq, paying("2", "1"))
	if code != "" || tx.Nonce != 0 || read.Chain != 31337 || read.Value.String() != "1500000000000000000" || len(read.Data) != 0 {
		t.Fatalf("%s: %+v", code, read)
	}
	if to, _ := eip1559.Address("0x52908400098527886E0F7030069857D2E4169EE7"); read.To != to {
		t.Errorf("it pays %x", read.To)
	}
	if again, _, code := g.transaction(testReq, paying("2", "1")); code != "" || again.Raw != tx.Raw {
		t.Errorf("%s: the same fees give other bytes", code)
	}
	if size := g.service.Status().Log.Size; g.entriesOf(testReq)[signedlog.Signing] != 1 || tx.LogSize != size {
		t.Errorf("%v", g.entriesOf(testReq))
	}
	g.verified()
}

func TestATransactionThatIsStuckMaySignHigherFeesWithinWhatWasApproved(t *testing.T) {
	t.Parallel()
	g := newRig(t, purchasesAndTransfers())
	g.sent(testReq)
	first, read, code := g.transaction(testReq, paying("2", "1"))
	if code != "" {
		t.Fatal(code)
	}
	g.clock.add(48 * time.Hour) // also after the approval ended: nothing else can have its nonce
	second, again, code := g.transaction(testReq, paying("100", "2"))
	if code != "" || second.Nonce != first.Nonce || second.Hash == first.Hash || again.To != read.To || again.Value.Cmp(read.Value) != 0 {
		t.Errorf("%s: %+v, then %+v", code, first, second)
	}
	for name, f := range map[string]gas.Fees{"more than was approved": paying("101", "3"), "a tip that is not higher": paying("99", "2"), "too little gas": {Gas: 20000, FeeCap: "1", Tip: "1"}, "no number": {Gas: 21000, FeeCap: "1e9", Tip: "1"}} {
		size := g.service.Status().Log.Size
		if _, _, code := g.transaction(testReq, f); code != fault.Invalid || g.service.Status().Log.Size != size {
			t.Errorf("%s: %q", name, code)
		}
	}
	if old, _, code := g.transaction(testReq, paying("2", "1")); code != "" || old.Raw != first.Raw {
		t.Errorf("%s: what was signed before is not found again", code)
	}
}

func TestWhatIsNotApprovedIsNotSigned(t *testing.T) {
	t.Parallel()
	g := newRig(t, purchasesAndTransfers())
	g.request(testReq)
	const open, rejected, late = "req_bbbbbbbbbbbbbbbbbbbbbbbbbb", "req_cccccccccccccccccccccccccc", "req_dddddddddddddddddddddddddd"
	for _, id := range []string{open, rejected} {
		if code := g.call("POST", "/v1/requests", g.sends(id), nil); code != "" {
			t.Fatal(code)
		}
	}
	g.sent(late)
	l := mustConnect(t, g, "mem_alice")
	if _, _, err := l.Decide(rejected, "REJECT"); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]fault.Code{testReq: fault.Conflict, open: fault.RequestClosed, rejected: fault.RequestClosed, "req_zzzzzzzzzzzzzzzzzzzzzzzzzz": fault.NotFound} {
		if _, _, code := g.transaction(id, paying("2", "1")); code != want {
			t.Errorf("%s: %q, want %q", id, code, want)
		}
	}
	g.clock.add(25 * time.Hour)
	if _, _, code := g.transaction(late, paying("2", "1")); code != fault.RequestClosed {
		t.Errorf("after its approval ended: %q", code)
	}
}

func TestANonceIsGivenToOneRequestOnlyAlsoAfterRestartsAndCheckpoints(t *testing.T) {
	t.Parallel()
	g := newRig(t, purchasesAndTransfers())
	ids := []string{testReq, "req_bbbbbbbbbbbbbbbbbbbbbbbbbb", "req_cccccccccccccccccccccccccc"}
	for i, id := range ids {
		g.sent(id)
		tx, _, code := g.transaction(id, paying("2", "1"))
		if code != "" || tx.Nonce != int64(i) {
			t.Fatalf("%s: %s has nonce %d", code, id, tx.Nonce)
		}
		if i == 0 {
			if err := g.service.Checkpoint(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		g.restart()
		if again, _, code := g.transaction(id, paying("2", "1")); code != "" || again.Raw != tx.Raw {
			t.Errorf("%s: after a restart %s has other bytes", code, id)
		}
	}
}

// pulled is a vault whose account keys fail to sign while broken.
type pulled struct {
	*membertest.Vault
	broken *bool
}

func (v pulled) Key(ctx context.Context, t device.Template) (keys.Key, error) {
	k, err := v.Vault.Key(ctx, t)
	if err == nil && strings.HasPrefix(t.Label, labelAccount) {
		k = pulledKey{k, v.broken}
	}
	return k, err
}

type pulledKey struct {
	keys.Key
	broken *bool
}

func (k pulledKey) SignDigest(ctx context.Context, digest []byte) ([]byte, error) {
	if *k.broken {
		return nil, errors.New("the token was pulled")
	}
	return k.Key.SignDigest(ctx, digest)
}

func TestASignerThatFailedBeforeItSignedSignsTheSameTransactionAndNoOther(t *testing.T) {
	t.Parallel()
	broken := false
	v := pulled{membertest.NewVault(), &broken}
	g := newRigOn(t, purchasesAndTransfers(), v)
	g.sent(testReq)
	broken = true
	if _, _, code := g.transaction(testReq, paying("2", "1")); code == "" {
		t.Fatal("it was signed")
	}
	broken = false
	g.restart()
	if _, _, code := g.transaction("req_bbbbbbbbbbbbbbbbbbbbbbbbbb", paying("2", "1")); code != fault.NotFound {
		t.Fatal(code)
	}
	tx, read, code := g.transaction(testReq, paying("50", "5")) // whatever the chain takes by now
	if code != "" || tx.Fees != paying("2", "1") || read.FeeCap.String() != "2000000000" {
		t.Errorf("%s: it signed %+v", code, tx)
	}
	g.verified()
}

func TestOfManyThatAskAtOnceAllGetTheSameBytes(t *testing.T) {
	t.Parallel()
	g := newRig(t, purchasesAndTransfers())
	g.sent(testReq)
	raws := make([]string, 8)
	var all sync.WaitGroup
	for i := range raws {
		all.Go(func() {
			tx, err := g.service.Transaction(t.Context(), testReq, paying("2", "1"))
			if err != nil {
				t.Error(err)
			}
			raws[i] = tx.Raw
		})
	}
	all.Wait()
	if slices.Sort(raws); raws[0] != raws[len(raws)-1] || g.entriesOf(testReq)[signedlog.Signed] != 1 {
		t.Errorf("%d entries", g.entriesOf(testReq)[signedlog.Signed])
	}
}
