package gateway_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"countersign/shared/amount"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/chain/chaintest"
	"countersign/web/internal/gateway/gatewaytest"
	"countersign/web/internal/store"
)

// ordered is a world with an order of at least 0.099 of 0.1 ether.
func ordered(t *testing.T, confirmations int64) (*gatewaytest.World, wire.Request, wire.Order) {
	t.Helper()
	w := gatewaytest.NewWith(t, confirmations)
	r := w.Approved()
	o := must[wire.Order](t)(w.Gateway.NewOrder(t.Context(), gatewaytest.Caller(), r.ID))
	return w, r, o
}

func order(t *testing.T, w *gatewaytest.World, o wire.Order) wire.Order {
	t.Helper()
	return must[wire.Order](t)(w.Gateway.Order(t.Context(), gatewaytest.Caller(), o.ID))
}

func account(t *testing.T, w *gatewaytest.World) wire.Account {
	t.Helper()
	return must[wire.Account](t)(w.Gateway.Account(t.Context(), gatewaytest.Caller(), "acc_treasury"))
}

// booked adds up the postings of one ledger and asset over all entries.
func booked(t *testing.T, a wire.Account, ledger, of string) string {
	t.Helper()
	sum := amount.Amount{}
	for _, e := range a.Entries {
		for _, p := range e.Postings {
			if p.Ledger != ledger || p.Asset != of {
				continue
			}
			v := amount.Must(p.Amount)
			if p.Side == "credit" {
				v = v.Neg()
			}
			sum = sum.Add(v)
		}
	}
	return sum.Trim().String()
}

// grow makes the chain longer, and has the gateway read on.
func grow(w *gatewaytest.World, blocks, scans int) {
	for range blocks {
		w.Chain.Mine()
	}
	for range scans {
		w.Scan()
	}
}

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %s, want %s", what, got, want)
	}
}

func TestDustClosesNoOrderAndBooksNoPayment(t *testing.T) {
	t.Parallel()
	w, r, o := ordered(t, 1)
	w.Chain.Deposit(o.Address, "0.000000000000000001")
	w.Scan()
	now, a := order(t, w, o), account(t, w)
	expect(t, "state", now.State, wire.OrderProcessing)
	expect(t, "paid", booked(t, a, "payments:acc_treasury", "EUR"), "0")
	expect(t, "in the vault", booked(t, a, "vault:acc_treasury", "ethereum"), "0.000000000000000001")
	if !now.BelowMinimum || now.Delivered.Amount != "0.000000000000000001" {
		t.Errorf("order %+v", now)
	}
	w.Chain.Deposit(o.Address, "0.09371725") // not enough either, by a hair
	w.Scan()
	expect(t, "state", order(t, w, o).State, wire.OrderProcessing)
	w.Chain.Deposit(o.Address, "0.01")
	w.Scan()
	now, a = order(t, w, o), account(t, w)
	expect(t, "state", now.State, wire.OrderCompleted)
	expect(t, "delivered", now.Delivered.Amount, "0.103717250000000001")
	expect(t, "paid", booked(t, a, "payments:acc_treasury", "EUR"), "-250")
	expect(t, "in the vault", a.Balances[0].Amount, "0.103717250000000001")
	expect(t, "request", must[wire.Request](t)(w.Gateway.Request(t.Context(), gatewaytest.Caller(), r.ID)).State, wire.RequestCompleted)
	if len(now.Deposits) != 3 || len(a.Entries) != 4 {
		t.Errorf("%d deposits, %d entries", len(now.Deposits), len(a.Entries))
	}
}

func TestExactlyTheMinimumIsEnoughInOnePartOrMany(t *testing.T) {
	t.Parallel()
	for _, parts := range [][]string{{"0.099"}, {"0.05", "0.049"}, {"0.033", "0.033", "0.033"}} {
		w, _, o := ordered(t, 1)
		for i, p := range parts {
			w.Chain.Deposit(o.Address, p)
			w.Scan()
			want := wire.OrderProcessing
			if i == len(parts)-1 {
				want = wire.OrderCompleted
			}
			expect(t, strings.Join(parts, "+"), order(t, w, o).State, want)
		}
	}
}

func TestWhatComesAfterAnOrderIsCompletedIsBookedToo(t *testing.T) {
	t.Parallel()
	w, _, o := ordered(t, 1)
	w.Chain.Deposit(o.Address, "0.1")
	w.Scan()
	w.Restart()
	w.Chain.Deposit(o.Address, "0.2")
	w.Scan()
	now, a := order(t, w, o), account(t, w)
	expect(t, "state", now.State, wire.OrderCompleted)
	expect(t, "delivered", now.Delivered.Amount, "0.3")
	expect(t, "in the vault", a.Balances[0].Amount, "0.3")
	expect(t, "paid, once", booked(t, a, "payments:acc_treasury", "EUR"), "-250")
}

func TestDepositsThatWereNotAskedForAreBookedAndShown(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	pending := w.Requested()
	rejected := w.Requested()
	w.Signer.Decide(rejected.ID, "mem_bob", statement.Reject)
	must[struct{}](t)(struct{}{}, w.Gateway.Sync(t.Context(), gatewaytest.Entity))
	approved := w.Approved()
	for i, address := range []string{account(t, w).Address, pending.Address.Address, rejected.Address.Address, approved.Address.Address} {
		w.Chain.Deposit(address, fmt.Sprint("0.0", i+1))
	}
	w.Pass(400 * 24 * time.Hour) // expired requests are watched as well
	w.Scan()
	w.Chain.Deposit(pending.Address.Address, "0.5")
	w.Scan()
	a := account(t, w)
	expect(t, "in the vault", a.Balances[0].Amount, "0.6")
	expect(t, "not asked for", booked(t, a, "unasked:acc_treasury", "ethereum"), "-0.6")
	if len(a.Deposits) != 5 || a.Deposits[0].Order != "" || a.Deposits[0].Request != pending.ID || a.Deposits[0].State != wire.DepositFinal {
		t.Errorf("%+v", a.Deposits)
	}
	if !strings.Contains(a.Entries[0].Text, "not asked for") {
		t.Errorf("the entry says %q", a.Entries[0].Text)
	}
}

func TestWhatCameBeforeItsOrderCountsForIt(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	r := w.Approved()
	w.Chain.Deposit(r.Address.Address, "0.06")
	w.Scan()
	o := must[wire.Order](t)(w.Gateway.NewOrder(t.Context(), gatewaytest.Caller(), r.ID))
	expect(t, "state", o.State, wire.OrderProcessing)
	if o.Ticket != nil {
		t.Error("a ticket invites to pay again")
	}
	w.Chain.Deposit(r.Address.Address, "0.04")
	w.Scan()
	a := account(t, w)
	expect(t, "state", order(t, w, o).State, wire.OrderCompleted)
	expect(t, "not asked for", booked(t, a, "unasked:acc_treasury", "ethereum"), "0")
	expect(t, "from the provider", booked(t, a, "provider:northpay", "ethereum"), "-0.1")
	expect(t, "paid", booked(t, a, "payments:acc_treasury", "EUR"), "-250")
}

// An address whose request was rejected is used again by the signer: what arrives
// then is the later request's, and what arrived before is not.
func TestWhatComesToAnAddressThatIsUsedAgainIsTheLaterOrders(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	first := w.Requested()
	w.Signer.Decide(first.ID, "mem_bob", statement.Reject)
	must[struct{}](t)(struct{}{}, w.Gateway.Sync(t.Context(), gatewaytest.Entity))
	w.Chain.Deposit(first.Address.Address, "0.001")
	w.Scan()
	r := w.Approved()
	if r.Address.Address != first.Address.Address || !r.Address.Verified {
		t.Fatalf("the address is %+v", r.Address)
	}
	o := must[wire.Order](t)(w.Gateway.NewOrder(t.Context(), gatewaytest.Caller(), r.ID))
	w.Chain.Deposit(o.Address, "0.1")
	w.Scan()
	now := order(t, w, o)
	expect(t, "state", now.State, wire.OrderCompleted)
	expect(t, "delivered", now.Delivered.Amount, "0.1")
	expect(t, "in the vault", booked(t, account(t, w), "vault:acc_treasury", "ethereum"), "0.101")
}

func TestADepositIsFinalWithTheConfirmationsOfItsChain(t *testing.T) {
	t.Parallel()
	w, _, o := ordered(t, 3)
	w.Chain.Deposit(o.Address, "0.1")
	for i, want := range []string{wire.OrderProcessing, wire.OrderProcessing, wire.OrderCompleted} {
		w.Scan()
		now := order(t, w, o)
		expect(t, fmt.Sprint("state with ", i+1), now.State, want)
		if d := now.Deposits[0]; d.Confirmations != int64(i+1) || d.Needed != 3 || (d.State == wire.DepositFinal) != (i == 2) {
			t.Errorf("deposit %+v", d)
		}
		if i < 2 && (now.Pending != "0.1" || now.Delivered != nil || len(account(t, w).Entries) != 0) {
			t.Errorf("booked before it is final: %+v", now)
		}
		w.Chain.Mine()
	}
}

func TestAPayoutByAContractCompletesAnOrder(t *testing.T) {
	t.Parallel()
	w, _, o := ordered(t, 1)
	for range 5 {
		w.Chain.Mine()
	}
	w.Chain.PayOut(o.Address, gatewaytest.Wei("0.06"))
	block := w.Chain.Mine()
	w.Chain.Deposit(o.Address, "0.03")
	w.Chain.PayOut(o.Address, gatewaytest.Wei("0.01"))
	w.Chain.Mine()
	for range 3 {
		w.Scan()
		w.Restart()
		w.Chain.Mine()
	}
	now := order(t, w, o)
	expect(t, "state", now.State, wire.OrderCompleted)
	expect(t, "delivered", now.Delivered.Amount, "0.1")
	if len(now.Deposits) != 3 || now.Deposits[1].TxHash != "" || now.Deposits[1].Block != block {
		t.Errorf("%+v", now.Deposits)
	}
}

func TestUnknownTypesOfTransactionsStopNothing(t *testing.T) {
	t.Parallel()
	w, _, o := ordered(t, 1)
	w.Chain.Odd("0x7e")
	w.Chain.Mine()
	w.Chain.Odd("0x7e")
	w.Chain.Deposit(o.Address, "0.1")
	w.Scan()
	expect(t, "state", order(t, w, o).State, wire.OrderCompleted)
}

func TestTheDatabaseOfAGatewayThatStartsAgainFindsWhatTheVaultHolds(t *testing.T) {
	t.Parallel()
	w, _, o := ordered(t, 1)
	w.Chain.Deposit(o.Address, "0.1")
	for range 9 {
		w.Chain.Mine()
	}
	// The place in the chain is lost: it starts again at the head.
	err := w.Store.Write(t.Context(), func(tx store.Tx) error { return tx.PutCursor(chainID, "") })
	if err != nil {
		t.Fatal(err)
	}
	w.Scan()
	now := order(t, w, o)
	expect(t, "state", now.State, wire.OrderCompleted)
	if d := now.Deposits; len(d) != 1 || d[0].TxHash == "" || d[0].Block != 1 {
		t.Errorf("%+v", d)
	}
}

func TestTheLedgerBooksWhatTheChainMovedAndNotWhatWasOrdered(t *testing.T) {
	t.Parallel()
	const usdc, address = "ethereum/erc20/usd__coin", "0x8ba1f109551bd432803012645ac136ddd64dba72"
	w, r, o := ordered(t, 1)
	g, n := onEthereum(t, w, nil, func() time.Time { return chaintest.Start })
	// The order waits for USD Coin on Ethereum.
	err := w.Store.Write(t.Context(), func(tx store.Tx) error {
		kept, err := tx.Order("ent_sandbox", o.ID)
		kept.Chain, kept.Address = "eip155:1", address
		kept.Asset, kept.Minimum = usdc, "247.5"
		return errors.Join(err, tx.PutOrder(kept),
			tx.PutAddress(store.Address{Chain: "eip155:1", Address: address, Entity: "ent_sandbox", Account: "acc_treasury", Request: r.ID, Balance: "0", Swept: -1}))
	})
	if err != nil {
		t.Fatal(err)
	}
	must[struct{}](t)(struct{}{}, g.Deposits(t.Context(), "eip155:1")) // starts at the head
	n.Pay(address, gatewaytest.Wei("300"))                             // ether, of which nobody ordered any
	n.Token("ethereum/erc20/dai_stablecoin_v2_0", address, gatewaytest.Wei("300"))
	n.Token(usdc, address, "247499999") // a millionth less than the minimum
	n.Mine()
	n.Mine()
	must[struct{}](t)(struct{}{}, g.Deposits(t.Context(), "eip155:1"))
	must[struct{}](t)(struct{}{}, g.Deposits(t.Context(), "eip155:1"))
	now := must[wire.Order](t)(g.Order(t.Context(), gatewaytest.Caller(), o.ID))
	expect(t, "state", now.State, wire.OrderProcessing)
	expect(t, "delivered", now.Delivered.Amount, "247.499999")
	n.Token(usdc, address, "1")
	n.Mine()
	n.Mine()
	must[struct{}](t)(struct{}{}, g.Deposits(t.Context(), "eip155:1"))
	now = must[wire.Order](t)(g.Order(t.Context(), gatewaytest.Caller(), o.ID))
	a := must[wire.Account](t)(g.Account(t.Context(), gatewaytest.Caller(), "acc_treasury"))
	expect(t, "state", now.State, wire.OrderCompleted)
	expect(t, "USD Coin", booked(t, a, "vault:acc_treasury", usdc), "247.5")
	expect(t, "Dai, not asked for", booked(t, a, "unasked:acc_treasury", "ethereum/erc20/dai_stablecoin_v2_0"), "-300")
	expect(t, "ether, not asked for", booked(t, a, "unasked:acc_treasury", "ethereum"), "-300")
	if len(now.Deposits) != 4 {
		t.Errorf("%+v", now.Deposits)
	}
}
