package gateway_test

import (
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
)

func TestADryRunWritesNothingAndLeavesTheQuoteFree(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	in := wire.RequestInput{QuoteID: w.Quoted().ID, AccountID: gatewaytest.Account}
	w.Writing = func() { t.Error("the database was written") }
	for range 2 {
		e, err := w.Gateway.DryRun(t.Context(), gatewaytest.Caller(), in)
		if err != nil || e.Decision.State != governance.Pending {
			t.Fatalf("%+v, %v", e, err)
		}
	}
	other := in
	other.AccountID = "acc_other"
	_, err := w.Gateway.DryRun(t.Context(), gatewaytest.Caller(), other)
	gatewaytest.Refused(t, err, fault.NotFound)
	w.Pass(time.Minute)
	_, err = w.Gateway.DryRun(t.Context(), gatewaytest.Caller(), in)
	gatewaytest.Refused(t, err, fault.QuoteExpired)
	w.Writing = nil
}
