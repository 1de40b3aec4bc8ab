package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"countersign/shared/amount"
	"countersign/shared/fault"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
)

func TestAReorganisationReversesWhatItRemoves(t *testing.T) {
	t.Parallel()
	w, r, o := ordered(t, 2)
	w.Chain.Deposit(o.Address, "0.1")
	w.Chain.Mine()
	w.Scan()
	expect(t, "state", order(t, w, o).State, wire.OrderCompleted)
	w.Chain.Reorganise(2) // deeper than the confirmations
	w.Chain.Mine()
	w.Chain.Mine()
	w.Chain.Mine()
	w.Scan()
	w.Restart()
	now, a := order(t, w, o), account(t, w)
	expect(t, "state", now.State, wire.OrderCreated)
	expect(t, "request", must[wire.Request](t)(w.Gateway.Request(t.Context(), gatewaytest.Caller(), r.ID)).State, wire.RequestOrdered)
	expect(t, "in the vault", booked(t, a, "vault:acc_treasury", "ethereum"), "0")
	expect(t, "paid", booked(t, a, "payments:acc_treasury", "EUR"), "0")
	if now.Delivered != nil || len(now.Deposits) != 1 || now.Deposits[0].State != wire.DepositReversed {
		t.Errorf("order %+v", now)
	}
	if len(a.Entries) != 4 || a.Entries[0].Reverses == "" || a.Entries[0].Kind != wire.EntryReversal {
		t.Errorf("entries %+v", a.Entries)
	}
	// What the chain took back may come again: paying now may be paying twice.
	_, err := w.Gateway.NewTicket(t.Context(), gatewaytest.Caller(), o.ID, wire.TicketInput{})
	gatewaytest.Refused(t, err, fault.DepositSeen)
	must[wire.Order](t)(w.Gateway.NewTicket(t.Context(), gatewaytest.Caller(), o.ID, wire.TicketInput{PayAgain: true}))
}

func TestADepositThatReturnsInAnotherBlockIsBookedAgain(t *testing.T) {
	t.Parallel()
	w, _, o := ordered(t, 1)
	tx := w.Chain.Deposit(o.Address, "0.1")
	w.Scan()
	w.Chain.Reorganise(1)
	w.Chain.Mine()
	w.Scan()
	expect(t, "without it", order(t, w, o).State, wire.OrderCreated)
	w.Chain.Again(tx, o.Address, gatewaytest.Wei("0.1"))
	w.Chain.Mine()
	w.Scan()
	now, a := order(t, w, o), account(t, w)
	expect(t, "with it again", now.State, wire.OrderCompleted)
	expect(t, "in the vault", a.Balances[0].Amount, "0.1")
	expect(t, "paid, once", booked(t, a, "payments:acc_treasury", "EUR"), "-250")
	if len(now.Deposits) != 2 || now.Deposits[0].TxHash != tx || now.Deposits[1].TxHash != tx {
		t.Errorf("%+v", now.Deposits)
	}
}

func TestAReorganisationThatMovesADepositLeavesItsOrderCompleted(t *testing.T) {
	t.Parallel()
	w, _, o := ordered(t, 1)
	tx := w.Chain.Deposit(o.Address, "0.1")
	w.Chain.PayOut(o.Address, gatewaytest.Wei("0.02"))
	w.Chain.Mine()
	w.Scan()
	w.Chain.Reorganise(2)
	w.Chain.Mine()
	w.Chain.Again(tx, o.Address, gatewaytest.Wei("0.1"))
	w.Chain.Mine()
	w.Chain.PayOut(o.Address, gatewaytest.Wei("0.02"))
	w.Chain.Mine()
	w.Scan()
	now, a := order(t, w, o), account(t, w)
	expect(t, "state", now.State, wire.OrderCompleted)
	expect(t, "delivered", now.Delivered.Amount, "0.12")
	expect(t, "in the vault", booked(t, a, "vault:acc_treasury", "ethereum"), "0.12")
	expect(t, "paid, once", booked(t, a, "payments:acc_treasury", "EUR"), "-250")
	for _, e := range now.History {
		if e.Type == "reopened" {
			t.Error("it was open for a moment")
		}
	}
}

func TestAReorganisationWhileTheGatewayWasDownIsFound(t *testing.T) {
	t.Parallel()
	w, _, o := ordered(t, 1)
	w.Chain.Deposit(o.Address, "0.1")
	for range 70 {
		w.Chain.Mine()
	}
	w.Scan() // 50 blocks at once
	w.Scan()
	w.Chain.Reorganise(71)
	for range 90 {
		w.Chain.Mine()
	}
	w.Restart()
	w.Scan()
	w.Scan()
	now := order(t, w, o)
	expect(t, "state", now.State, wire.OrderCreated)
	expect(t, "in the vault", booked(t, account(t, w), "vault:acc_treasury", "ethereum"), "0")
	w.Chain.Deposit(o.Address, "0.1")
	w.Scan()
	expect(t, "state", order(t, w, o).State, wire.OrderCompleted)
}

func TestAReorganisationToAShorterChainIsFound(t *testing.T) {
	t.Parallel()
	w, _, o := ordered(t, 1)
	w.Chain.Mine()
	w.Chain.Deposit(o.Address, "0.1")
	w.Chain.Mine()
	w.Chain.Mine()
	w.Scan()
	w.Chain.Reorganise(4)
	w.Chain.Mine()
	w.Scan()
	now := order(t, w, o)
	expect(t, "state", now.State, wire.OrderCreated)
	if a := account(t, w); len(a.Balances) != 0 {
		t.Errorf("balances %+v", a.Balances)
	}
}

func TestABlockThatComesBackIsBookedAgainAndOnce(t *testing.T) {
	t.Parallel()
	w, _, o := ordered(t, 1)
	w.Chain.Mine()
	branch := w.Chain.Keep()
	w.Chain.Deposit(o.Address, "0.1")
	first := w.Chain.Keep()
	for range 3 { // two branches that overtake each other
		w.Scan()
		w.Chain.Restore(branch)
		w.Chain.Reorganise(0)
		w.Chain.Mine()
		w.Chain.Mine()
		w.Scan()
		expect(t, "on the other branch", order(t, w, o).State, wire.OrderCreated)
		w.Chain.Restore(first)
	}
	w.Chain.Mine()
	w.Scan()
	now, a := order(t, w, o), account(t, w)
	expect(t, "state", now.State, wire.OrderCompleted)
	expect(t, "in the vault", booked(t, a, "vault:acc_treasury", "ethereum"), "0.1")
	expect(t, "paid, once", booked(t, a, "payments:acc_treasury", "EUR"), "-250")
	if len(now.Deposits) != 1 {
		t.Errorf("%+v", now.Deposits)
	}
}

func TestANodeThatIsBehindReversesNothing(t *testing.T) {
	t.Parallel()
	w, _, o := ordered(t, 1)
	w.Chain.Deposit(o.Address, "0.1")
	w.Scan()
	w.Chain.Lag(1)
	if err := w.Gateway.Deposits(t.Context(), chainID); err == nil || !strings.Contains(err.Error(), "behind") {
		t.Errorf("%v", err)
	}
	expect(t, "state", order(t, w, o).State, wire.OrderCompleted)
	w.Chain.Lag(0)
	w.Scan()
	expect(t, "state", order(t, w, o).State, wire.OrderCompleted)
}

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
	must[struct{}](t)(struct{}{}, w.Gateway.Sync(t.Context(), gatewaytest.Entity))
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
	grow(w, 600, 13)
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
