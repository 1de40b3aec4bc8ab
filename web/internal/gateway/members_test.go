package gateway_test

import (
	"testing"

	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/receipt"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
)

func TestWhoWasInvitedIsAMemberOnceAdministratorsApproved(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	open := w.Requested()
	in := wire.RequestInput{Intent: intenttest.Doc(w.Signer.Invite("mem_erin", "Erin"))}
	r := must[wire.Request](t)(w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), in, "the-key-of-erin"))
	if r.Sentence != "Take Erin as a member: an administrator" || r.Lines[2] != (wire.Line{Label: "Is", Value: "a person"}) || r.Lines[4].Value != "both keys, the channel key to this vault alone" || r.Lines[6].Label != "In words" {
		t.Errorf("%s: %+v", r.Sentence, r.Lines)
	}
	members := func() []wire.Member {
		t.Helper()
		if err := w.Gateway.Sync(t.Context(), gatewaytest.Entity); err != nil {
			t.Fatal(err)
		}
		return must[wire.Entity](t)(w.Gateway.Entity(t.Context(), gatewaytest.Caller())).Members
	}
	w.Signer.Decide(r.ID, "mem_alice", statement.Approve)
	if n := len(members()); n != 3 {
		t.Errorf("%d members before it was approved", n)
	}
	if _, err := w.Gateway.Certificate(t.Context(), gatewaytest.Caller(), "mem_erin"); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a certificate before it was approved: %v", err)
	}
	w.Signer.Decide(r.ID, "mem_bob", statement.Approve)
	all := members()
	if len(all) != 4 || all[3].ID != "mem_erin" || all[3].Name != "Erin" || all[3].Role != statement.Admin || all[3].Is != intent.Human || all[3].Curve != "P-256" || all[0].Is != "" {
		t.Fatalf("%+v", all)
	}
	w.Signer.Certified("mem_erin", must[wire.Certificate](t)(w.Gateway.Certificate(t.Context(), gatewaytest.Caller(), "mem_erin")).Certificate)
	change := must[wire.Request](t)(w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), wire.RequestInput{Intent: intenttest.Doc(intent.MemberState{Kind: intent.KindMemberSuspend, V: 1, Member: "mem_carol", FromVersion: 1})}, "the-key-of-carol"))
	if len(change.Approvers) != 4 || change.Approvers[3].Name != "Erin" {
		t.Errorf("%+v", change.Approvers)
	}
	w.Signer.Decide(change.ID, "mem_erin", statement.Approve)
	w.Signer.Decide(change.ID, "mem_alice", statement.Approve)
	members()
	if r := must[wire.Request](t)(w.Gateway.Request(t.Context(), gatewaytest.Caller(), change.ID)); r.State != wire.RequestApproved {
		t.Errorf("%s: %q", r.State, r.Reasons)
	}
	proof, err := receipt.Verify(must[[]byte](t)(w.Gateway.Receipt(t.Context(), gatewaytest.Caller(), change.ID)), w.Signer.Key.PublicKey().Thumbprint())
	if err != nil || len(proof.Changes) != 1 || proof.Names["mem_erin"] != "Erin" {
		t.Errorf("the receipt of what the new member approved: %+v, %v", proof.Names, err)
	}
	if _, err := w.Gateway.Certificate(t.Context(), gatewaytest.Caller(), "mem_carol"); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("the certificate of a member who is suspended: %v", err)
	}
	if r := must[wire.Request](t)(w.Gateway.Request(t.Context(), gatewaytest.Caller(), open.ID)); r.State != wire.RequestPending {
		t.Errorf("what was open is %s", r.State)
	}
}
