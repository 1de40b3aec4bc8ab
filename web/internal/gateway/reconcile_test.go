package gateway_test

import (
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/spec"
	"countersign/shared/wire"
	"countersign/web/internal/gateway"
	"countersign/web/internal/gateway/gatewaytest"
	"countersign/web/internal/store"
)

func TestTheHealthSaysHowTheLastReconciliationEnded(t *testing.T) {
	t.Parallel()
	w, node := gatewaytest.NewSending(t, 1)
	health := func(status, books string, differences int) wire.Reconciled {
		t.Helper()
		h := w.Gateway.Health(t.Context())
		if h.Status != status || h.Components["books"] != books || h.Reconciled.Status != books || h.Reconciled.Differences != differences {
			t.Errorf("%+v", h)
		}
		return h.Reconciled
	}
	do := func() { t.Helper(); must[struct{}](t)(struct{}{}, w.Gateway.Reconcile(t.Context())) }
	_, err := w.Gateway.Reconciliation(t.Context(), gatewaytest.Caller())
	gatewaytest.Refused(t, err, fault.NotFound)
	if r := health("ok", wire.ReconcileNever, 0); r.At != nil {
		t.Errorf("%+v", r)
	}
	do()
	first := health("ok", wire.ReconcileOK, 0)
	must[struct{}](t)(struct{}{}, w.Store.Write(t.Context(), func(tx store.Tx) error {
		return tx.PutAddress(store.Address{Chain: gatewaytest.ChainID, Address: "0x00000000000000000000000000000000000000aa", Entity: gatewaytest.Entity, Account: gatewaytest.Account, Balance: "0", Swept: -1})
	}))
	w.Pass(59 * time.Minute)
	do()
	if again := health("ok", wire.ReconcileOK, 0); !again.At.Equal(*first.At) {
		t.Error("it was done twice in an hour")
	}
	w.Pass(time.Minute)
	do()
	health("degraded", wire.ReconcileDiffers, 1)
	r := must[wire.Reconciliation](t)(w.Gateway.Reconciliation(t.Context(), gatewaytest.Caller()))
	if r.Count != 1 || len(r.Differences) != 1 || r.Differences[0].Account != gatewaytest.Account {
		t.Errorf("%+v", r)
	}
	_, err = w.Gateway.Reconciliation(t.Context(), gatewaytest.OtherCaller())
	gatewaytest.Refused(t, err, fault.EntityUnknown)
	node.Down.Store(true)
	w.Pass(time.Hour)
	do()
	if r := health("degraded", wire.ReconcileDiffers, 1); len(r.NotCompared) != 1 || r.NotCompared[0] != gatewaytest.ChainID {
		t.Errorf("%+v", r)
	}
	node.Down.Store(false)
	w.Pass(5 * time.Minute)
	do()
	if r := health("degraded", wire.ReconcileDiffers, 1); len(r.NotCompared) != 0 {
		t.Errorf("a node that is back is not asked soon: %+v", r)
	}
}

// What one gateway found, the others on its database say too, and do not do it again.
func TestOneOfSeveralGatewaysReconcilesForAll(t *testing.T) {
	t.Parallel()
	w, _ := gatewaytest.NewSending(t, 1)
	other, stop := w.Beside()
	defer stop()
	at := func(g *gateway.Gateway) time.Time {
		t.Helper()
		r := g.Health(t.Context()).Reconciled
		if r.At == nil {
			t.Fatalf("%+v", r)
		}
		return *r.At
	}
	must[struct{}](t)(struct{}{}, w.Gateway.Reconcile(t.Context()))
	first := at(other)
	must[struct{}](t)(struct{}{}, other.Reconcile(t.Context())) // which starts in the same minute
	w.Pass(time.Hour)
	must[struct{}](t)(struct{}{}, other.Reconcile(t.Context()))
	second := at(w.Gateway)
	must[struct{}](t)(struct{}{}, w.Gateway.Reconcile(t.Context()))
	if !second.Equal(first.Add(time.Hour)) || !at(w.Gateway).Equal(second) {
		t.Errorf("it was done at %s, %s and %s", first, second, at(w.Gateway))
	}
	w.Restart() // begins with one, after a minute
	w.Pass(2 * time.Minute)
	must[struct{}](t)(struct{}{}, w.Gateway.Reconcile(t.Context()))
	if got := at(other); !got.Equal(second.Add(2 * time.Minute)) {
		t.Errorf("a gateway that starts does not compare: %s", got)
	}
}

func TestThePageHasTheLimitsOfStatements(t *testing.T) {
	t.Parallel()
	spec.Limit(t, "reports.md", "lines of a statement", spec.Number(gateway.MaxLines))
	spec.Limit(t, "reports.md", "age of a rate that values an amount", spec.Number(governance.MaxRateAge))
}
