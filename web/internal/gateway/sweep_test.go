package gateway_test

import (
	"testing"
	"time"

	"countersign/shared/wire"
	"countersign/web/internal/chain/chaintest"
	"countersign/web/internal/gateway"
	"countersign/web/internal/gateway/gatewaytest"
)

// hex of amounts of ether, as eth_getBalance answers.
const (
	of005 = "0xb1a2bc2ec50000"
	of010 = "0x16345785d8a0000"
)

// polygon is a gateway with an order of at least 0.099, and a node that tells
// balances of any block as balance says; empty: as they are.
func polygon(t *testing.T) (g *gateway.Gateway, f *front, now func() wire.Order, balance func(string)) {
	t.Helper()
	w, r, o := ordered(t, 1)
	g, f = behind(t, w, 137, "eip155:137", func() time.Time { return chaintest.Start }, 1)
	waitsFor(t, w, r, o, "eip155:137", "polygon", "0.1", "0.099")
	_ = g.Deposits(t.Context(), "eip155:137")
	told := ""
	f.before = func(method string, _ map[string]any) (int, any, any) {
		if method == "eth_getBalance" && told != "" {
			return 200, told, nil
		}
		return 0, nil, nil
	}
	now = func() wire.Order { return must[wire.Order](t)(g.Order(t.Context(), gatewaytest.Caller(), o.ID)) }
	return g, f, now, func(s string) { f.mu.Lock(); defer f.mu.Unlock(); told = s }
}

func scans(t *testing.T, g *gateway.Gateway, n int) {
	t.Helper()
	for range n {
		if err := g.Deposits(t.Context(), "eip155:137"); err != nil {
			t.Log(err)
		}
	}
}

func delivered(t *testing.T, o wire.Order) string {
	t.Helper()
	for _, d := range o.Deposits {
		t.Logf("deposit %s in block %d, transaction %q, %s", d.Amount, d.Block, d.TxHash, d.State)
	}
	if o.Delivered == nil {
		return "0"
	}
	return o.Delivered.Amount
}

// A pruned node (erigontech/erigon#16100), or one that does not know EIP-1898.
func TestANodeThatTellsLaterBalancesBooksNothingTwice(t *testing.T) {
	t.Parallel()
	for _, blocks := range []int{1, 49, 60, 200} {
		g, f, now, balance := polygon(t)
		for range blocks - 1 {
			f.n.Mine()
		}
		f.n.Pay(paidAddress, gatewaytest.Wei("0.05"))
		f.n.Mine()
		balance(of005)
		scans(t, g, 6)
		expect(t, "delivered", delivered(t, now()), "0.05")
		expect(t, "state", now().State, wire.OrderProcessing)
	}
}

func TestAPayoutOnANodeThatTellsLaterBalancesIsBookedOnce(t *testing.T) {
	t.Parallel()
	g, f, now, balance := polygon(t)
	for range 120 {
		f.n.Mine()
	}
	f.n.PayOut(paidAddress, gatewaytest.Wei("0.05"))
	f.n.Mine()
	balance(of005)
	scans(t, g, 4)
	f.n.Mine()
	scans(t, g, 2)
	expect(t, "delivered", delivered(t, now()), "0.05")
}

func TestABalanceOfABlockThatIsNotReadYetIsNotBooked(t *testing.T) {
	t.Parallel()
	g, f, now, _ := polygon(t)
	f.n.Mine()
	came := false
	f.before = func(method string, _ map[string]any) (int, any, any) {
		if method != "eth_getBalance" {
			return 0, nil, nil
		}
		if !came { // between the scan's blocks and its balances
			came = true
			f.n.Pay(paidAddress, gatewaytest.Wei("0.1"))
			f.n.Mine()
		}
		return 200, of010, nil
	}
	if err := g.Deposits(t.Context(), "eip155:137"); err == nil {
		t.Error("the operator is not told that balances are of another block")
	}
	expect(t, "delivered before its block is read", delivered(t, now()), "0")
	scans(t, g, 2)
	expect(t, "delivered", delivered(t, now()), "0.1")
	expect(t, "deposits", string(rune('0'+len(now().Deposits))), "1")
}

func TestABalanceThatWasNotThereIsTakenBack(t *testing.T) {
	t.Parallel()
	g, f, now, balance := polygon(t)
	balance(of010)
	f.n.Mine()
	scans(t, g, 2)
	expect(t, "state after the node's wrong word", now().State, wire.OrderCompleted)
	balance(of005)
	f.n.Pay(paidAddress, gatewaytest.Wei("0.03"))
	f.n.PayOut(paidAddress, gatewaytest.Wei("0.02"))
	f.n.Mine()
	scans(t, g, 2)
	expect(t, "delivered", delivered(t, now()), "0.05")
	expect(t, "state", now().State, wire.OrderProcessing)
	balance("")
	f.n.Pay(paidAddress, gatewaytest.Wei("0.05"))
	f.n.Mine()
	scans(t, g, 2)
	expect(t, "delivered", delivered(t, now()), "0.1")
	expect(t, "state", now().State, wire.OrderCompleted)
}

// With one confirmation, nothing takes a false balance back before it is booked.
func TestAFalseBalanceAtTheNewestBlockIsNotBooked(t *testing.T) {
	t.Parallel()
	for _, next := range []string{"the same block", "another block"} {
		g, f, now, balance := polygon(t)
		f.n.Pay(paidAddress, gatewaytest.Wei("0.01"))
		f.n.Mine()
		for range 3 {
			balance(of010)
			scans(t, g, 1)
			if next == "another block" {
				f.n.Mine()
			}
			balance("")
			scans(t, g, 1)
		}
		o := now()
		expect(t, next+", delivered", delivered(t, o), "0.01")
		if len(o.Deposits) != 1 || o.State != wire.OrderProcessing {
			t.Errorf("%s: %+v", next, o)
		}
	}
}

func TestAsMuchIsBookedAsTwoLooksAgreeOn(t *testing.T) {
	t.Parallel()
	g, f, now, balance := polygon(t)
	f.n.PayOut(paidAddress, gatewaytest.Wei("0.05"))
	f.n.Mine()
	balance(of010)
	scans(t, g, 1)
	expect(t, "after one look", delivered(t, now()), "0")
	balance("")
	scans(t, g, 1)
	expect(t, "after two", delivered(t, now()), "0.05")
	for range 3 { // paid again with each block: no two balances are the same
		f.n.PayOut(paidAddress, gatewaytest.Wei("0.01"))
		f.n.Mine()
		scans(t, g, 1)
	}
	scans(t, g, 1)
	expect(t, "when each look finds more", delivered(t, now()), "0.08")
}

func TestABalanceBelowWhatTransactionsSayBooksNothing(t *testing.T) {
	t.Parallel()
	g, f, now, balance := polygon(t)
	f.n.Pay(paidAddress, gatewaytest.Wei("0.05"))
	f.n.PayOut(paidAddress, gatewaytest.Wei("0.03"))
	f.n.Mine()
	scans(t, g, 2)
	balance("0x1")
	for range 3 {
		f.n.Mine()
		scans(t, g, 2)
	}
	expect(t, "while the node is wrong", delivered(t, now()), "0.08")
	balance("")
	f.n.Mine()
	scans(t, g, 3)
	expect(t, "when it is right", delivered(t, now()), "0.08")
	expect(t, "deposits", string(rune('0'+len(now().Deposits))), "2")
}

func TestABalanceThatWasToldTooLowOnceBooksNothingTwice(t *testing.T) {
	t.Parallel()
	g, f, now, balance := polygon(t)
	f.n.Pay(paidAddress, gatewaytest.Wei("0.05"))
	f.n.Mine()
	balance("0x0")
	scans(t, g, 1)
	balance("")
	f.n.Mine()
	scans(t, g, 1)
	expect(t, "delivered", delivered(t, now()), "0.05")
	f.n.PayOut(paidAddress, gatewaytest.Wei("0.01"))
	f.n.Mine()
	scans(t, g, 2)
	expect(t, "delivered with a payout", delivered(t, now()), "0.06")
}
