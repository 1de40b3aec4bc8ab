package gateway_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/receipt"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
)

func TestAReceiptVerifiesWithTheRootKeyAlone(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gatewaytest.FourEyes)
	root := w.Signer.Key.PublicKey().Thumbprint()
	r := w.Requested()
	_, err := w.Gateway.Receipt(t.Context(), gatewaytest.Caller(), r.ID)
	gatewaytest.Refused(t, err, fault.Conflict)
	w.Signer.Decide(r.ID, "mem_alice", statement.Initiate)
	w.Requested() // entries of another request between those of this one
	w.Signer.Decide(r.ID, "mem_bob", statement.Approve)
	w.Signer.Checkpoint()
	must[struct{}](t)(struct{}{}, w.Gateway.Sync(t.Context(), gatewaytest.Entity))
	report, err := receipt.Verify(must[[]byte](t)(w.Gateway.Receipt(t.Context(), gatewaytest.Caller(), r.ID)), root)
	if err != nil || report.Request.Initiator() != "mem_alice" || len(report.Request.Accepted) != 2 || report.LedTo != nil {
		t.Fatalf("%+v, %v", report, err)
	}

	o := must[wire.Order](t)(w.Gateway.NewOrder(t.Context(), gatewaytest.Caller(), r.ID))
	must[struct{}](t)(struct{}{}, w.Gateway.Deposits(t.Context(), chainID))
	w.Chain.Deposit(intenttest.Buy(r.Intent).Address, "0.1")
	w.Scan()
	w.Restart()
	report, err = receipt.Verify(must[[]byte](t)(w.Gateway.Receipt(t.Context(), gatewaytest.Caller(), r.ID)), root)
	if err != nil || report.LedTo == nil || report.LedTo.Order != o.ID || report.LedTo.State != wire.OrderCompleted {
		t.Fatalf("%+v, %v", report.LedTo, err)
	}
	if text := report.Text(); !strings.Contains(text, "the vault does not vouch for it") || !strings.Contains(text, o.ID) {
		t.Error(text)
	}
}

func TestAReceiptHasTheChangesOfTheVaultBeforeIt(t *testing.T) {
	t.Parallel()
	const made, later = "req_gggggggggggggggggggggggggg", "req_hhhhhhhhhhhhhhhhhhhhhhhhhh"
	w := gatewaytest.New(t)
	before := w.Approved()
	w.Signer.Change(made, intent.GroupPut{Kind: intent.KindGroupPut, V: 1, Group: "grp_board", Name: "Board", Members: []intent.Named{{Member: "mem_alice"}}})
	r := w.Approved()
	w.Signer.Change(later, intent.GroupRemove{Kind: intent.KindGroupRemove, V: 1, Group: "grp_board", FromVersion: 1})
	must[struct{}](t)(struct{}{}, w.Gateway.Sync(t.Context(), gatewaytest.Entity))
	for id, changes := range map[string]int{before.ID: 0, made: 0, r.ID: 1, later: 1} {
		report, err := receipt.Verify(must[[]byte](t)(w.Gateway.Receipt(t.Context(), gatewaytest.Caller(), id)), w.Signer.Key.PublicKey().Thumbprint())
		if err != nil || report.Request.Request != id || len(report.Changes) != changes {
			t.Errorf("%s: %+v, %v", id, report.Changes, err)
		}
	}
}

func TestAReceiptIsGivenWhileTheSignerIsAwayOnceItWasAsked(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	first, second := w.Approved(), w.Approved()
	must[[]byte](t)(w.Gateway.Receipt(t.Context(), gatewaytest.Caller(), second.ID))
	last := w.Approved()
	w.Signer.Down = func() bool { return true }
	must[[]byte](t)(w.Gateway.Receipt(t.Context(), gatewaytest.Caller(), first.ID))
	must[wire.LogCheckpoint](t)(w.Gateway.Checkpoint(t.Context(), gatewaytest.Caller(), 0))
	_, err := w.Gateway.Receipt(t.Context(), gatewaytest.Caller(), last.ID)
	gatewaytest.Refused(t, err, fault.SignerDown)
}

func TestANoteThatIsNotAboutTheStoredLogIsRefused(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	w.Approved()
	var tree signedlog.Tree
	tree, _ = tree.Add("a line of another log")
	stranger := gatewaytest.NewKey(t)
	forked := must[string](t)(signedlog.SignNote(t.Context(), w.Signer.Key, gatewaytest.Entity, w.Signer.Key.PublicKey(), tree))
	for name, note := range map[string]string{
		"of another log": forked, "of another signer": must[string](t)(signedlog.SignNote(t.Context(), stranger, gatewaytest.Entity, stranger.PublicKey(), tree)), "none": "",
	} {
		w.Signer.Note = &note
		_, err := w.Gateway.Checkpoint(t.Context(), gatewaytest.Caller(), 0)
		if fault.CodeOf(err) != fault.LogCorrupt {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.Signer.Note = nil
	if _, err := w.Gateway.Checkpoint(t.Context(), gatewaytest.Caller(), 0); err != nil {
		t.Error(err)
	}
}

func TestALaterNoteFollowsAnEarlierOne(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	w.Approved()
	read := func(since int64) (signedlog.Note, tlog.TreeProof) {
		t.Helper()
		c := must[wire.LogCheckpoint](t)(w.Gateway.Checkpoint(t.Context(), gatewaytest.Caller(), since))
		var proof tlog.TreeProof
		for _, s := range c.Proof {
			proof = append(proof, tlog.Hash(must[[]byte](t)(base64.RawURLEncoding.DecodeString(s))))
		}
		return must[signedlog.Note](t)(signedlog.ReadNote(c.Note, gatewaytest.Entity, w.Signer.Key.PublicKey(), w.Signer.Key.PublicKey())), proof
	}
	first, proof := read(0)
	if len(proof) != 0 {
		t.Errorf("a proof of %d hashes without since", len(proof))
	}
	for range 3 {
		w.Approved()
		later, proof := read(first.Size)
		if err := tlog.CheckTree(proof, later.Size, later.Root, first.Size, first.Root); err != nil {
			t.Errorf("from %d to %d: %v", first.Size, later.Size, err)
		}
	}
	_, err := w.Gateway.Checkpoint(t.Context(), gatewaytest.Caller(), 1000)
	gatewaytest.Refused(t, err, fault.Conflict)
}
