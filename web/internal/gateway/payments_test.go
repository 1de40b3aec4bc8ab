package gateway_test

import (
	"testing"
	"time"

	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
)

// A contract's payout and a plain transfer in one block, found by the balance first
// because the receipts came late.
func TestATransferAndAPayoutInOneBlockAreTwo(t *testing.T) {
	t.Parallel()
	w, _, o := ordered(t, 1)
	w.Chain.PayOut(o.Address, gatewaytest.Wei("0.03"))
	w.Chain.Pay(o.Address, gatewaytest.Wei("0.03"))
	w.Chain.PayOut(o.Address, gatewaytest.Wei("0.03"))
	w.Chain.Mine()
	w.Scan()
	w.Chain.Pay(o.Address, gatewaytest.Wei("0.01"))
	w.Chain.Mine()
	w.Scan()
	w.Scan()
	expect(t, "state", order(t, w, o).State, wire.OrderCompleted)
	expect(t, "vault", booked(t, account(t, w), "vault:acc_treasury", "ethereum"), "0.1")
}

// btcpayserver/btcpayserver#4146, #2640: a part in time, and the rest, too much,
// after the approval ended.
func TestAPartInTimeAndTooMuchAfterTheEndIsSettledAndShown(t *testing.T) {
	t.Parallel()
	w, r, o := ordered(t, 3)
	w.Chain.Deposit(o.Address, "0.0717")
	w.Chain.Mine()
	w.Chain.Mine()
	w.Scan()
	w.Pass(72 * time.Hour)
	must[struct{}](t)(struct{}{}, w.Gateway.Sync(t.Context(), gatewaytest.Entity))
	w.Restart()
	expect(t, "state", order(t, w, o).State, wire.OrderProcessing)
	w.Chain.Deposit(o.Address, "0.0673")
	w.Scan()
	expect(t, "state before it is final", order(t, w, o).State, wire.OrderProcessing)
	w.Chain.Mine()
	w.Chain.Mine()
	w.Scan()
	now, a := order(t, w, o), account(t, w)
	expect(t, "state", now.State, wire.OrderCompleted)
	expect(t, "delivered", now.Delivered.Amount, "0.139")
	expect(t, "request", must[wire.Request](t)(w.Gateway.Request(t.Context(), gatewaytest.Caller(), r.ID)).State, wire.RequestCompleted)
	expect(t, "paid, once", booked(t, a, "payments:acc_treasury", "EUR"), "-250")
}

// A provider pays twice, or a person pays twice, for one order (woocommerce, razorpay-
// woocommerce#167): both are booked and the second is shown as more than was quoted.
func TestASecondPaymentIsBookedAndSeen(t *testing.T) {
	t.Parallel()
	w, _, o := ordered(t, 1)
	w.Chain.Pay(o.Address, gatewaytest.Wei("0.1"))
	w.Chain.Pay(o.Address, gatewaytest.Wei("0.1"))
	w.Chain.Mine()
	w.Scan()
	now := order(t, w, o)
	expect(t, "state", now.State, wire.OrderCompleted)
	expect(t, "delivered", now.Delivered.Amount, "0.2")
	expect(t, "vault", booked(t, account(t, w), "vault:acc_treasury", "ethereum"), "0.2")
	expect(t, "paid once", booked(t, account(t, w), "payments:acc_treasury", "EUR"), "-250")
}
