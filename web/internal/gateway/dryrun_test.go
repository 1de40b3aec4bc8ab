package gateway_test

import (
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
)

func TestADryRunWritesNothingAndLeavesTheQuoteFree(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	in := wire.RequestInput{QuoteID: w.Quoted().ID, AccountID: gatewaytest.Account}
	w.Writing = func() { t.Error("the database was written") }
	for range 2 {
		e, err := w.Gateway.DryRun(t.Context(), gatewaytest.Caller(), wire.DryRunInput{RequestInput: in})
		if err != nil || e.Decision.State != governance.Pending {
			t.Fatalf("%+v, %v", e, err)
		}
	}
	other := in
	other.AccountID = "acc_other"
	_, err := w.Gateway.DryRun(t.Context(), gatewaytest.Caller(), wire.DryRunInput{RequestInput: other})
	gatewaytest.Refused(t, err, fault.NotFound)
	w.Pass(time.Minute)
	_, err = w.Gateway.DryRun(t.Context(), gatewaytest.Caller(), wire.DryRunInput{RequestInput: in})
	gatewaytest.Refused(t, err, fault.QuoteExpired)
	w.Writing = nil
}

func TestAChangeOfTheVaultIsRunDryToo(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	draft := intent.MemberState{Kind: intent.KindMemberSuspend, V: 1, Member: "mem_carol", FromVersion: 1}
	before := len(w.Signer.Lines())
	w.Writing = func() { t.Error("the database was written") }
	e, err := w.Gateway.DryRun(t.Context(), gatewaytest.Caller(), wire.DryRunInput{RequestInput: wire.RequestInput{Intent: intenttest.Doc(draft)}})
	if err != nil || e.Decision.State != governance.Pending || len(e.Remaining) != 1 || len(e.Remaining[0].Quorums[0].Members) != 3 {
		t.Errorf("%+v, %v", e, err)
	}
	draft.FromVersion = 2
	_, err = w.Gateway.DryRun(t.Context(), gatewaytest.Caller(), wire.DryRunInput{RequestInput: wire.RequestInput{Intent: intenttest.Doc(draft)}})
	gatewaytest.Refused(t, err, fault.Conflict)
	w.Writing = nil
	if len(w.Signer.Lines()) != before {
		t.Error("the signer wrote")
	}
}
