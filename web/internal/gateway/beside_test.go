package gateway_test

import (
	"context"
	"sync"
	"testing"

	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/gateway"
	"countersign/web/internal/gateway/gatewaytest"
)

// together has several gateways do the same at the same time.
func together(t *testing.T, all []*gateway.Gateway, f func(context.Context, *gateway.Gateway) error) {
	t.Helper()
	var wg sync.WaitGroup
	for _, g := range all {
		wg.Go(func() {
			if err := f(t.Context(), g); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// Two gateways on one database read the same log and the same chain at the same time;
// one is stopped before the deposit is final.
func TestTwoGatewaysOnOneDatabaseDoAPurchaseOnce(t *testing.T) {
	t.Parallel()
	w := gatewaytest.NewWith(t, 3)
	a := w.Gateway
	b, stop := w.Beside()
	defer stop()
	both := []*gateway.Gateway{a, b}
	read := func(ctx context.Context, g *gateway.Gateway) error { return g.Sync(ctx, gatewaytest.Entity) }
	scan := func(ctx context.Context, g *gateway.Gateway) error { return g.Deposits(ctx, gatewaytest.ChainID) }
	me := gatewaytest.Caller()

	r := w.Requested() // on a
	if got := must[wire.Request](t)(b.Request(t.Context(), me, r.ID)); got.State != wire.RequestPending {
		t.Errorf("the other gateway shows %+v", got)
	}
	w.Signer.Decide(r.ID, "mem_alice", statement.Approve)
	together(t, both, read)
	w.Signer.Decide(r.ID, "mem_bob", statement.Approve)
	together(t, both, read)
	for _, g := range both {
		if got := must[wire.Request](t)(g.Request(t.Context(), me, r.ID)); got.State != wire.RequestApproved || len(got.History) != 4 {
			t.Errorf("%s, history %+v", got.State, got.History)
		}
	}
	page := must[wire.LogPage](t)(b.LogPage(t.Context(), me, -1, 100, false))
	if len(page.Entries) != 5 || page.Log.Size != 5 {
		t.Errorf("the log has %d entries, size %d", len(page.Entries), page.Log.Size)
	}

	together(t, both, scan)
	o := must[wire.Order](t)(b.NewOrder(t.Context(), me, r.ID))
	w.Chain.Deposit(o.Address, "0.1")
	together(t, both, scan)
	together(t, both, scan)
	stop() // b is gone, with the deposit pending
	for range 3 {
		w.Chain.Mine()
	}
	w.Scan()
	o = must[wire.Order](t)(a.Order(t.Context(), me, o.ID))
	if o.State != wire.OrderCompleted || len(o.Deposits) != 1 {
		t.Errorf("order %s with deposits %+v", o.State, o.Deposits)
	}
	expect(t, "vault", booked(t, account(t, w), "vault:acc_treasury", "ethereum"), "0.1")
	expect(t, "paid", booked(t, account(t, w), "payments:acc_treasury", "EUR"), "-250")
}

// What only a balance shows has no transaction that would name it twice.
func TestWhatOnlyABalanceShowsIsBookedOnceByTwoGateways(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	b, stop := w.Beside()
	defer stop()
	both := []*gateway.Gateway{w.Gateway, b}
	r := w.Approved()
	o := must[wire.Order](t)(w.Gateway.NewOrder(t.Context(), gatewaytest.Caller(), r.ID))
	w.Scan()
	w.Chain.PayOut(o.Address, gatewaytest.Wei("0.1"))
	w.Chain.Mine()
	for range 4 {
		together(t, both, func(ctx context.Context, g *gateway.Gateway) error { return g.Deposits(ctx, gatewaytest.ChainID) })
	}
	expect(t, "vault", booked(t, account(t, w), "vault:acc_treasury", "ethereum"), "0.1")
}
