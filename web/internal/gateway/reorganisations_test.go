package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"countersign/shared/amount"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
)

// vsys-host/shkeeper.io#109 with matter-labs/zksync-era#1220: a contract's payout
// that a reorganisation moves or removes.
func TestAPayoutByAContractThatAReorganisationMovesIsBookedOnce(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]bool{"moved": true, "removed": false} {
		for _, conf := range []int64{1, 3} {
			w, _, o := ordered(t, conf)
			w.Chain.Mine()
			w.Chain.PayOut(o.Address, gatewaytest.Wei("0.1"))
			w.Chain.Mine()
			w.Chain.Mine()
			w.Chain.Mine()
			w.Scan()
			expect(t, name+" before", order(t, w, o).State, wire.OrderCompleted)
			w.Chain.Reorganise(4)
			w.Chain.Mine()
			w.Chain.Mine()
			if again {
				w.Chain.PayOut(o.Address, gatewaytest.Wei("0.1"))
			}
			for range 6 {
				w.Chain.Mine()
				w.Scan()
			}
			now, a := order(t, w, o), account(t, w)
			want, sum := wire.OrderCompleted, "0.1"
			if !again {
				want, sum = wire.OrderRedirected, "0"
			}
			if !again && now.State == wire.OrderCreated {
				want = wire.OrderCreated
			}
			expect(t, name, now.State, want)
			expect(t, name+" in the vault", booked(t, a, "vault:acc_treasury", "ethereum"), sum)
		}
	}
}

// What came to an address for an earlier request stays that request's, also when a
// reorganisation moves its transaction to another block.
func TestAReorganisationGivesNoOldDepositToALaterOrder(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	first := w.Requested()
	w.Chain.Mine()
	w.Scan()
	tx := w.Chain.Pay(first.Address.Address, gatewaytest.Wei("0.1"))
	w.Chain.Mine()
	w.Scan()
	w.Signer.Decide(first.ID, "mem_bob", statement.Reject)
	must[struct{}](t)(struct{}{}, w.Gateway.Sync(t.Context()))
	w.Signer.Reuse = first.Address.Address
	r := w.Approved()
	o := must[wire.Order](t)(w.Gateway.NewOrder(t.Context(), gatewaytest.Caller(), r.ID))
	if o.Address != first.Address.Address {
		t.Fatal(o.Address)
	}
	expect(t, "state before", order(t, w, o).State, wire.OrderCreated)
	w.Chain.Reorganise(1)
	w.Chain.Again(tx, first.Address.Address, gatewaytest.Wei("0.1"))
	w.Chain.Mine()
	w.Chain.Mine()
	w.Scan()
	now := order(t, w, o)
	expect(t, "state after", now.State, wire.OrderCreated)
	expect(t, "paid", booked(t, account(t, w), "payments:acc_treasury", "EUR"), "0")
	for _, d := range now.Deposits {
		t.Logf("deposit %+v", d)
	}
}

func TestAReorganisationDeeperThanIsBelievedTakesNothingBack(t *testing.T) {
	t.Parallel()
	w, _, o := ordered(t, 1)
	w.Chain.Deposit(o.Address, "0.1")
	w.Scan()
	for range 600 {
		w.Chain.Mine()
	}
	for range 13 {
		w.Scan()
	}
	w.Chain.Reorganise(601)
	for range 650 {
		w.Chain.Mine()
	}
	if err := w.Gateway.Deposits(t.Context(), gatewaytest.ChainID); err == nil || !strings.Contains(err.Error(), "nothing is taken back") {
		t.Errorf("operators are told %v", err)
	}
	expect(t, "state", order(t, w, o).State, wire.OrderCompleted)
}

// balanced checks that the postings of each entry add up to nothing.
func balanced(t *testing.T, w *gatewaytest.World, what string) {
	t.Helper()
	a := account(t, w)
	for _, e := range a.Entries {
		sum := map[string]amount.Amount{}
		for _, p := range e.Postings {
			v := amount.Must(p.Amount)
			if p.Side == "credit" {
				v = v.Neg()
			}
			sum[p.Asset] = sum[p.Asset].Add(v)
		}
		for k, v := range sum {
			if v.Sign() != 0 {
				t.Errorf("%s: entry %s %s is unbalanced by %s", what, e.ID, k, v)
			}
		}
	}
}

// Of random reorganisations: the vault's ledger is what the chain has.
func TestAfterAnyReorganisationsTheBooksAreTheChains(t *testing.T) {
	t.Parallel()
	for seed := range 9 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			conf := int64(1 + seed%3)
			w, _, o := ordered(t, conf)
			n := w.Chain.Node
			rnd := uint32(seed*7919 + 17)
			next := func(m int) int { rnd = rnd*1664525 + 1013904223; return int(rnd>>8) % m }
			for range 40 {
				switch next(9) {
				case 0, 1:
					n.Pay(o.Address, "10000000000000000")
				case 2:
					n.PayOut(o.Address, "3000000000000000")
				case 3:
					n.Pay(o.Address, "10000000000000000")
					n.PayOut(o.Address, "7000000000000000")
				case 4:
					if h := int(n.Mine()); h > 4 {
						n.Reorganise(1 + next(3))
					}
				case 5:
					w.Restart()
				case 6:
					n.Fail(o.Address, "50000000000000000")
				}
				n.Mine()
				if next(3) > 0 {
					w.Scan()
				}
			}
			for range 6 {
				n.Mine()
				w.Scan()
			}
			balanced(t, w, "random")
			want := n.BalanceOf(o.Address)
			got := booked(t, account(t, w), "vault:acc_treasury", "ethereum")
			if g, e := amount.Must(got), must[amount.Amount](t)(amount.FromUnits(want, 18)); g.Cmp(e) != 0 {
				t.Errorf("seed %d: booked %s, on the chain %s", seed, got, e)
			}
			now := order(t, w, o)
			e := must[amount.Amount](t)(amount.FromUnits(want, 18))
			enough := e.Cmp(amount.Must("0.099")) >= 0
			if enough != (now.State == wire.OrderCompleted) {
				t.Errorf("seed %d: %s has the state %s", seed, e, now.State)
			}
			paid := booked(t, account(t, w), "payments:acc_treasury", "EUR")
			if enough != (paid == "-250") {
				t.Errorf("seed %d: paid %s with %s delivered", seed, paid, e)
			}
		})
	}
}
