package gateway_test

import (
	"testing"

	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
)

func TestAMemberIsSuspendedByARequestThatAdministratorsApprove(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	open := w.Requested()
	in := wire.RequestInput{Intent: intenttest.Doc(intent.MemberState{Kind: intent.KindMemberSuspend, V: 1, Member: "mem_carol", FromVersion: 1})}
	r := must[wire.Request](t)(w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), in, "the-key-of-carol"))
	if again := must[wire.Request](t)(w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), in, "the-key-of-carol")); again.ID != r.ID {
		t.Errorf("the same question made %s and %s", r.ID, again.ID)
	}
	if r.State != wire.RequestPending || r.Sentence != "Suspend member Carol" || r.Rule.RuleSet != "admin" || r.Needed != 2 || len(r.Approvers) != 3 || len(r.Lines) != 4 || r.Lines[0] != (wire.Line{Label: "Member", Value: "Carol (mem_carol)"}) {
		t.Errorf("%+v", r)
	}
	w.Signer.Decide(r.ID, "mem_alice", statement.Approve)
	w.Signer.Decide(r.ID, "mem_bob", statement.Approve)
	if err := w.Gateway.Sync(t.Context(), gatewaytest.Entity); err != nil {
		t.Fatal(err)
	}
	r = must[wire.Request](t)(w.Gateway.Request(t.Context(), gatewaytest.Caller(), r.ID))
	if r.State != wire.RequestApproved || r.UseBy != nil || r.Approved != 2 {
		t.Errorf("%s until %v, %d approvals", r.State, r.UseBy, r.Approved)
	}
	before := must[wire.Request](t)(w.Gateway.Request(t.Context(), gatewaytest.Caller(), open.ID))
	if before.State != wire.RequestPending || len(before.Approvers) != 2 {
		t.Errorf("what was open asks %+v", before.Approvers)
	}
	in.Intent = intenttest.Doc(intent.MemberState{Kind: intent.KindMemberSuspend, V: 1, Member: "mem_carol", FromVersion: 1})
	if _, err := w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), in, "another-key"); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a change of a version that is over: %v", err)
	}
	if _, err := w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), wire.RequestInput{Intent: intenttest.Doc(intent.Buy{Kind: intent.KindBuy, V: 1})}, "third-key"); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a purchase without a quote: %v", err)
	}
}
