package gateway_test

import (
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/rehearsal"
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
	if r.State != wire.RequestPending || r.Sentence != "Suspend member Carol" || r.Rule.RuleSet != "admin" || r.Needed != 2 || len(r.Approvers) != 3 || len(r.Lines) != 5+len(r.Impact.Summary) || r.Lines[len(r.Lines)-1].Label != "Report" || r.Lines[0] != (wire.Line{Label: "Member", Value: "Carol (mem_carol)"}) {
		t.Errorf("%+v", r)
	}
	report := must[[]byte](t)(w.Gateway.Impact(t.Context(), gatewaytest.Caller(), r.ID))
	if impact, err := rehearsal.DecodeReport(report); err != nil || impact.Digest() != r.Impact.Report || impact.Counts.Open != 1 {
		t.Errorf("%+v, %v", impact, err)
	}
	if _, err := w.Gateway.Impact(t.Context(), gatewaytest.Caller(), open.ID); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("what a purchase does to the vault: %v", err)
	}
	preview := must[wire.StatementPreview](t)(w.Gateway.Preview(t.Context(), gatewaytest.Caller(), r.ID, "mem_alice", ""))
	if !strings.Contains(preview.Text, "\nReport        "+r.Impact.Report+", of log entries 0 to ") {
		t.Errorf("the page shows\n%s", preview.Text)
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
