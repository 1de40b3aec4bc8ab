package gateway_test

import (
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"countersign/shared/amount"
	"countersign/shared/wire"
	"countersign/web/internal/chain/chaintest"
	"countersign/web/internal/gateway/gatewaytest"
	"countersign/web/internal/store"
)

// lying is a gateway with a node that tells so much less of each balance.
func lying(t *testing.T) (w *gatewaytest.World, f *front, scan func(), less func(string)) {
	t.Helper()
	w = gatewaytest.New(t)
	g, f := behind(t, w, 137, "eip155:137", func() time.Time { return chaintest.Start }, 1)
	err := w.Store.Write(t.Context(), func(tx store.Tx) error {
		return tx.PutAddress(store.Address{Chain: "eip155:137", Address: paidAddress, Entity: "ent_sandbox", Account: "acc_treasury", Balance: "0", Swept: -1})
	})
	if err != nil {
		t.Fatal(err)
	}
	missing := new(big.Int)
	f.before = func(method string, _ map[string]any) (int, any, any) {
		if method != "eth_getBalance" || missing.Sign() == 0 {
			return 0, nil, nil
		}
		has, _ := new(big.Int).SetString(f.n.BalanceOf(paidAddress), 10)
		return 200, fmt.Sprintf("0x%x", has.Sub(has, missing)), nil
	}
	scan = func() {
		f.n.Mine()
		scans(t, g, 1)
	}
	scan()
	scan()
	return w, f, scan, func(units string) { f.mu.Lock(); defer f.mu.Unlock(); missing.SetString(units, 10) }
}

// sentOf is how much of the account's coin is booked as sent.
func sentOf(t *testing.T, w *gatewaytest.World) amount.Amount {
	t.Helper()
	sum := amount.Must("0")
	for _, e := range account(t, w).Entries {
		if e.Kind == wire.EntrySent && strings.HasPrefix(e.Text, "Sent ") {
			sum = sum.Add(amount.Must(e.Postings[0].Amount))
		}
	}
	return sum
}

func TestABalanceToldTooLowTwiceIsNotSentAfterAnArrivalHidWhatWas(t *testing.T) {
	t.Parallel()
	for _, rewound := range []bool{false, true} {
		w, f, scan, less := lying(t)
		f.n.PayOut(paidAddress, gatewaytest.Wei("0.1"))
		scan()
		scan()
		f.n.Spend(paidAddress, gatewaytest.Wei("0.01"))
		f.n.PayOut(paidAddress, gatewaytest.Wei("0.05")) // which hides it
		scan()
		scan()
		if rewound {
			f.n.Reorganise(1)
			scan()
			f.n.PayOut(paidAddress, gatewaytest.Wei("0.01"))
			scan()
			scan()
		}
		less(gatewaytest.Wei("0.03"))
		scan()
		scan()
		scan()
		if s := sentOf(t, w); s.Sign() != 0 {
			t.Errorf("rewound %v: %s is booked as sent", rewound, s.Trim())
		}
		less("0")
		scan()
		scan()
		scan()
		want := must[amount.Amount](t)(amount.FromUnits(f.n.BalanceOf(paidAddress), 18))
		if got := booked(t, account(t, w), "vault:acc_treasury", "polygon"); amount.Must(got).Cmp(want) != 0 {
			t.Errorf("rewound %v: booked %s, on the chain %s", rewound, got, want.Trim())
		}
	}
}

// The rest of a difference is looked at once more, and is what the address sent too.
func TestTwoSpendsThatTwoLooksFindApartAreBothBooked(t *testing.T) {
	t.Parallel()
	w, f, scan, _ := lying(t)
	f.n.Pay(paidAddress, gatewaytest.Wei("0.1"))
	scan()
	for range 3 {
		f.n.Spend(paidAddress, gatewaytest.Wei("0.01"))
		scan()
	}
	scan()
	scan()
	expect(t, "sent", sentOf(t, w).Trim().String(), "0.03")
	expect(t, "booked", booked(t, account(t, w), "vault:acc_treasury", "polygon"), "0.07")
}

// Whatever came and went before, where books and chain agree a lie is never a payment.
func TestAfterAnyArrivalsAndSpendsALieBooksNothingAsSent(t *testing.T) {
	t.Parallel()
	for seed := range 12 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w, f, scan, less := lying(t)
			rnd := uint32(seed*104729 + 7)
			next := func(m int) int { rnd = rnd*1664525 + 1013904223; return int(rnd>>8) % m }
			for round := range 6 {
				for range 1 + next(4) {
					switch next(3) {
					case 0:
						f.n.Pay(paidAddress, fmt.Sprint(1_000_000*(1+next(5))))
					case 1:
						f.n.PayOut(paidAddress, fmt.Sprint(10_000_000*(1+next(5))))
					case 2:
						if f.n.PayOut(paidAddress, "7000000"); next(2) == 0 {
							scan()
						}
						f.n.Spend(paidAddress, fmt.Sprint(1+next(5_000_000)))
					}
					if next(2) == 0 {
						scan()
					}
				}
				scan()
				scan()
				scan()
				scan()
				before := sentOf(t, w)
				less(fmt.Sprint(1 + next(9_000_000)))
				for range 2 + next(2) {
					scan()
				}
				less("0")
				scan()
				scan()
				scan()
				if after := sentOf(t, w); after.Cmp(before) != 0 {
					t.Errorf("round %d: sent %s, then %s", round, before.Trim(), after.Trim())
				}
				want := must[amount.Amount](t)(amount.FromUnits(f.n.BalanceOf(paidAddress), 18))
				if got := booked(t, account(t, w), "vault:acc_treasury", "polygon"); amount.Must(got).Cmp(want) != 0 {
					t.Fatalf("round %d: booked %s, on the chain %s", round, got, want.Trim())
				}
			}
		})
	}
}

// What an address sends is known by its transactions at once, and needs no second look.
func TestWhatIsSentIsBookedByItsTransactionWithItsFee(t *testing.T) {
	t.Parallel()
	w, f, scan, less := lying(t)
	f.n.Pay(paidAddress, gatewaytest.Wei("0.1"))
	scan()
	tx, _ := f.n.Send(paidAddress, otherAddress, gatewaytest.Wei("0.01"), 1_000_000_000)
	scan()
	has := func(when, want string) {
		t.Helper()
		expect(t, when, booked(t, account(t, w), "vault:acc_treasury", "polygon"), want)
	}
	has("sent", "0.089979")
	texts := ""
	for _, e := range account(t, w).Entries[:2] {
		texts += e.Kind + " " + e.Text + "; "
	}
	if !strings.Contains(texts, wire.EntrySent+" Sent 0.01 ") || !strings.Contains(texts, wire.EntrySent+" Fee of a transaction: 0.000021 ") {
		t.Error(texts)
	}
	scan()
	less(gatewaytest.Wei("0.03")) // it has sent something, but nothing more
	for range 3 {
		scan()
	}
	has("after a node told less", "0.089979")
	less("0")
	f.n.Reorganise(5)
	scan()
	has("after a reorganisation", "0.1")
	f.n.Again(tx, otherAddress, "1") // in another block, and not by the address any more
	scan()
	scan()
	has("at the end", "0.1")
}

const otherAddress = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8"
