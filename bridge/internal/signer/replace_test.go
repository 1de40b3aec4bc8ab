package signer

import (
	"testing"
	"time"

	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/eip1559"
	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/signedlog"
	"countersign/shared/wire"
)

// stuck is a transfer that is replaced.
const stuck = "req_ssssssssssssssssssssssssss"

// replacing is a draft that replaces a transfer, for at most 200 gwei for each of 21,000 gas.
func replacing(transfer, action string) intent.Replace {
	return intent.Replace{Kind: intent.KindReplace, V: 1, Account: treasury, Request: transfer, Action: action, MaxFee: intent.Crypto{Amount: "0.0042", Asset: "ethereum"}}
}

func (g *rig) replaces(id string, draft intent.Replace) wire.SignerRequestInput {
	in := g.input(id)
	in.Intent = intenttest.Doc(draft)
	return in
}

// replaced asks for a replace and has two members approve it.
func (g *rig) replaced(id, action string) {
	g.t.Helper()
	if code := g.call("POST", "/v1/requests", g.replaces(id, replacing(stuck, action)), nil); code != "" {
		g.t.Fatal(code)
	}
	g.approves("mem_alice", id)
	g.approves("mem_bob", id)
}

// sentFirst signs a transfer, and checks what it got.
func (g *rig) sentFirst() eip1559.Signed {
	g.t.Helper()
	g.sent(stuck)
	_, read, code := g.transaction(stuck, paying("2", "1"))
	if code != "" {
		g.t.Fatal(code)
	}
	return read
}

func TestACancellationTakesTheNonceOfTheTransferAndMovesNothing(t *testing.T) {
	t.Parallel()
	g := newRig(t, purchasesAndTransfers())
	was := g.sentFirst()
	g.replaced(testReq, intent.Cancel)
	tx, is, code := g.transaction(testReq, paying("150", "2"))
	own, _ := eip1559.Address(is.From)
	if code != "" || is.Nonce != was.Nonce || is.Value.Sign() != 0 || len(is.Data) != 0 || is.To != own {
		t.Fatalf("%s: %+v", code, is)
	}
	g.restart()
	if again, _, code := g.transaction(testReq, paying("150", "2")); code != "" || again.Raw != tx.Raw {
		t.Errorf("%s: after a restart it has other bytes", code)
	}
	if old, _, code := g.transaction(stuck, paying("2", "1")); code != "" || old.Hash != was.Hash {
		t.Errorf("%s: what was signed before is not found again", code)
	}
	if _, _, code := g.transaction(stuck, paying("90", "3")); code != fault.RequestClosed {
		t.Errorf("the transfer is signed again: %q", code)
	}
	g.sent("req_bbbbbbbbbbbbbbbbbbbbbbbbbb")
	if next, _, code := g.transaction("req_bbbbbbbbbbbbbbbbbbbbbbbbbb", paying("2", "1")); code != "" || next.Nonce != 1 {
		t.Errorf("%s: the next transfer has nonce %d", code, next.Nonce)
	}
	g.verified()
}

func TestASpeedUpIsBoundedByWhatWasApprovedForIt(t *testing.T) {
	t.Parallel()
	g := newRig(t, purchasesAndTransfers())
	was := g.sentFirst()
	g.replaced(testReq, intent.SpeedUp)
	for name, f := range map[string][2]string{"more than was approved": {"201", "2"}, "no more than the transfer": {"2", "1"}, "a tip that is not higher": {"100", "1"}} {
		if _, _, code := g.transaction(testReq, paying(f[0], f[1])); code != fault.Invalid {
			t.Errorf("%s: %q", name, code)
		}
	}
	_, is, code := g.transaction(testReq, paying("200", "2"))
	if code != "" || is.Nonce != was.Nonce || is.To != was.To || is.Value.Cmp(was.Value) != 0 {
		t.Errorf("%s: %+v", code, is)
	}
}

func TestAReplaceThatNobodyApprovedInTimeIsNotSigned(t *testing.T) {
	t.Parallel()
	g := newRig(t, purchasesAndTransfers())
	g.sentFirst()
	if code := g.call("POST", "/v1/requests", g.replaces("req_bbbbbbbbbbbbbbbbbbbbbbbbbb", replacing(stuck, intent.Cancel)), nil); code != "" {
		t.Fatal(code)
	}
	if _, _, code := g.transaction("req_bbbbbbbbbbbbbbbbbbbbbbbbbb", paying("3", "2")); code != fault.RequestClosed {
		t.Errorf("before it was approved: %q", code)
	}
	g.replaced(testReq, intent.SpeedUp)
	g.clock.add(25 * time.Hour)
	if _, _, code := g.transaction(testReq, paying("3", "2")); code != fault.RequestClosed {
		t.Errorf("after its approval ended: %q", code)
	}
	if _, _, code := g.transaction(stuck, paying("3", "2")); code != "" {
		t.Errorf("the transfer does not go on: %q", code)
	}
}

func TestWhatCannotBeReplacedIsRefused(t *testing.T) {
	t.Parallel()
	g := newRig(t, purchasesAndTransfers())
	g.sentFirst()
	const unsigned = "req_bbbbbbbbbbbbbbbbbbbbbbbbbb"
	g.sent(unsigned)
	for name, c := range map[string]struct {
		edit func(*intent.Replace)
		code fault.Code
	}{
		"a transfer of which nothing was signed": {func(r *intent.Replace) { r.Request = unsigned }, fault.Conflict},
		"a request that never was":               {func(r *intent.Replace) { r.Request = "req_zzzzzzzzzzzzzzzzzzzzzzzzzz" }, fault.Conflict},
		"of an account that there is none of":    {func(r *intent.Replace) { r.Account = "acc_other" }, fault.NotFound},
		"for no higher fee":                      {func(r *intent.Replace) { r.MaxFee.Amount = "0.0021" }, fault.Invalid},
		"for a fee in another coin":              {func(r *intent.Replace) { r.MaxFee.Asset = "polygon" }, fault.Invalid},
		"for more than the rule allows":          {func(r *intent.Replace) { r.MaxFee.Amount = "10.1" }, fault.Denied},
		"by something else":                      {func(r *intent.Replace) { r.Action = "DROP" }, fault.Invalid},
	} {
		draft := replacing(stuck, intent.SpeedUp)
		c.edit(&draft)
		size := g.service.Status().Log.Size
		if code := g.call("POST", "/v1/requests", g.replaces(testReq, draft), nil); code != c.code || g.service.Status().Log.Size != size {
			t.Errorf("%s: %q, want %s", name, code, c.code)
		}
	}
}

func TestTheSameDraftIsTheSameReplaceWhateverWasSignedSince(t *testing.T) {
	t.Parallel()
	g := newRig(t, purchasesAndTransfers())
	g.sentFirst()
	g.replaced(testReq, intent.SpeedUp)
	if _, _, code := g.transaction(testReq, paying("3", "2")); code != "" {
		t.Fatal(code)
	}
	if code := g.call("POST", "/v1/requests", g.replaces(testReq, replacing(stuck, intent.SpeedUp)), nil); code != "" {
		t.Errorf("the same draft: %q", code)
	}
	if code := g.call("POST", "/v1/requests", g.replaces(testReq, replacing(stuck, intent.Cancel)), nil); code != fault.Conflict {
		t.Errorf("another draft: %q", code)
	}
}

func TestWhatWasAboutToBeSignedIsSignedBeforeItIsReplaced(t *testing.T) {
	t.Parallel()
	broken := false
	g := newRigOn(t, purchasesAndTransfers(), pulled{membertest.NewVault(), &broken})
	g.sentFirst()
	broken = true
	if _, _, code := g.transaction(stuck, paying("3", "2")); code == "" {
		t.Fatal("it was signed")
	}
	broken = false
	g.restart()
	g.replaced(testReq, intent.Cancel)
	if _, _, code := g.transaction(testReq, paying("3", "2")); code != fault.Invalid { // as high as what was about to be signed
		t.Errorf("%q", code)
	}
	if _, _, code := g.transaction(testReq, paying("4", "3")); code != "" {
		t.Errorf("%q", code)
	}
	if got := g.entriesOf(stuck); got[signedlog.Signing] != 2 || got[signedlog.Signed] != 2 {
		t.Errorf("%v", got)
	}
	g.verified()
}

// The transfer is taken to be over when many others of its account have followed it.
func TestAReplaceOfATransferThatIsOverIsClosed(t *testing.T) {
	t.Parallel()
	broken := false
	g := newRigOn(t, purchasesAndTransfers(), pulled{membertest.NewVault(), &broken})
	g.sentFirst()
	g.replaced(testReq, intent.SpeedUp)
	broken = true
	if _, _, code := g.transaction(testReq, paying("3", "2")); code == "" {
		t.Fatal("it was signed")
	}
	broken = false
	for range 64 {
		id := newRequestID(t)
		in := g.sends(id)
		intenttest.Edit(&in.Intent, func(x *intent.Transfer) { x.Crypto.Amount = "0.1" })
		if code := g.call("POST", "/v1/requests", in, nil); code != "" {
			t.Fatal(code)
		}
		g.approves("mem_alice", id)
		g.approves("mem_bob", id)
		if _, _, code := g.transaction(id, paying("2", "1")); code != "" {
			t.Fatal(code)
		}
	}
	if _, _, code := g.transaction(testReq, paying("3", "2")); code != "" { // which it was about to sign
		t.Fatal(code)
	}
	size := g.service.Status().Log.Size
	if _, _, code := g.transaction(testReq, paying("9", "8")); code != fault.RequestClosed || g.service.Status().Log.Size != size {
		t.Errorf("%q, want %s", code, fault.RequestClosed)
	}
}
