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

// onChain checks that the ledger of the vault has what the address has.
func onChain(t *testing.T, what string, w *gatewaytest.World, address string) {
	t.Helper()
	want := must[amount.Amount](t)(amount.FromUnits(w.Chain.BalanceOf(address), 18))
	if got := booked(t, account(t, w), "vault:acc_treasury", "ethereum"); amount.Must(got).Cmp(want) != 0 {
		t.Errorf("%s: booked %s, on the chain %s", what, got, want.Trim())
	}
}

func TestWhatAnAddressSpendsIsBookedAsSent(t *testing.T) {
	t.Parallel()
	for _, confirmations := range []int64{1, 3} {
		w, _, o := ordered(t, confirmations)
		step := func(what string) {
			t.Helper()
			for range confirmations {
				w.Chain.Mine()
				w.Scan()
			}
			onChain(t, what, w, o.Address)
		}
		w.Chain.Pay(o.Address, gatewaytest.Wei("0.1"))
		step("paid")
		w.Chain.Spend(o.Address, gatewaytest.Wei("0.04"))
		step("spent")
		a := account(t, w)
		sent := a.Entries[0]
		if sent.Kind != wire.EntrySent || sent.Text != "Sent 0.04 ETH, not asked for" || sent.Order != "" {
			t.Errorf("the entry is %+v", sent)
		}
		if len(a.Deposits) != 1 || len(order(t, w, o).Deposits) != 1 {
			t.Errorf("what was sent is shown as received: %+v", a.Deposits)
		}
		w.Chain.Pay(o.Address, gatewaytest.Wei("0.01"))
		step("paid again")
		w.Chain.Spend(o.Address, gatewaytest.Wei("0.07"))
		step("emptied")
		w.Chain.PayOut(o.Address, gatewaytest.Wei("0.02"))
		step("refilled by a contract")
		now := order(t, w, o)
		expect(t, "state", now.State, wire.OrderCompleted)
		expect(t, "delivered", now.Delivered.Amount, "0.13")
		expect(t, "paid", booked(t, account(t, w), "payments:acc_treasury", "EUR"), "-250")
		balanced(t, w, "spent")
	}
}

func TestAReorganisationTakesBackWhatWasSent(t *testing.T) {
	t.Parallel()
	for _, again := range []bool{true, false} {
		w, _, o := ordered(t, 1)
		w.Chain.Deposit(o.Address, "0.1")
		w.Scan()
		w.Chain.Mine()
		w.Chain.Spend(o.Address, gatewaytest.Wei("0.04"))
		w.Chain.Mine()
		w.Scan()
		onChain(t, "spent", w, o.Address)
		w.Chain.Reorganise(1)
		w.Chain.Mine()
		w.Chain.Mine()
		w.Scan()
		onChain(t, "taken back", w, o.Address)
		if e := account(t, w).Entries[0]; e.Kind != wire.EntryReversal || !strings.HasPrefix(e.Text, "Reversed: Sent 0.04 ETH") {
			t.Errorf("the entry is %+v", e)
		}
		if again {
			w.Chain.Spend(o.Address, gatewaytest.Wei("0.04"))
		}
		for range 3 {
			w.Chain.Mine()
			w.Scan()
		}
		onChain(t, "in the end", w, o.Address)
		expect(t, "state", order(t, w, o).State, wire.OrderCompleted)
		balanced(t, w, "reorganised")
	}
}

func TestAfterAnySpendsAndReorganisationsTheBooksAreTheChains(t *testing.T) {
	t.Parallel()
	for seed := range 9 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w, _, o := ordered(t, int64(1+seed%3))
			n := w.Chain.Node
			rnd := uint32(seed*104729 + 11)
			next := func(m int) int { rnd = rnd*1664525 + 1013904223; return int(rnd>>8) % m }
			for range 40 {
				switch next(8) {
				case 0, 1:
					n.Pay(o.Address, "10000000000000000")
				case 2:
					n.PayOut(o.Address, "3000000000000000")
				case 3, 4:
					have, _ := new(big.Int).SetString(n.BalanceOf(o.Address), 10)
					if spend := new(big.Int).Div(have, big.NewInt(int64(1+next(4)))); spend.Sign() > 0 {
						n.Spend(o.Address, spend.String())
					}
				case 5:
					if h := int(n.Mine()); h > 4 {
						n.Reorganise(1 + next(3))
					}
				case 6:
					w.Restart()
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
			onChain(t, fmt.Sprint("seed ", seed), w, o.Address)
		})
	}
}

const usdCoin = "ethereum/erc20/usd__coin"

// What came before the first block that is read, or before an address was known,
// shows in no log that is read.
func TestTokensFromBeforeTheFirstStartAreAnOpeningBalance(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	g, f := behind(t, w, 1, "eip155:1", func() time.Time { return chaintest.Start }, 1)
	f.n.Token(usdCoin, paidAddress, "7000001")
	f.n.Token("ethereum/erc20/dai_stablecoin_v2_0", paidAddress, "5000000000000000000")
	f.n.PayOut(paidAddress, gatewaytest.Wei("0.2"))
	f.n.Mine()
	if err := g.Deposits(t.Context(), "eip155:1"); err != nil { // before there is an address
		t.Fatal(err)
	}
	f.n.Token(usdCoin, paidAddress, "1000000")
	f.n.Mine()
	scans := func(n int) {
		t.Helper()
		for range n {
			if err := g.Deposits(t.Context(), "eip155:1"); err != nil {
				t.Fatal(err)
			}
		}
	}
	scans(1)
	err := w.Store.Write(t.Context(), func(tx store.Tx) error {
		return tx.PutAddress(store.Address{Chain: "eip155:1", Address: paidAddress, Entity: "ent_sandbox", Account: "acc_treasury", Balance: "0", Swept: -1})
	})
	if err != nil {
		t.Fatal(err)
	}
	scans(1)
	if a := account(t, w); len(a.Entries) != 0 {
		t.Errorf("after one look: %+v", a.Entries)
	}
	scans(4)
	a := account(t, w)
	expect(t, "USDC", booked(t, a, "vault:acc_treasury", usdCoin), "8.000001")
	expect(t, "DAI", booked(t, a, "vault:acc_treasury", "ethereum/erc20/dai_stablecoin_v2_0"), "5")
	expect(t, "ETH", booked(t, a, "vault:acc_treasury", "ethereum"), "0.2")
	opening := 0
	for _, e := range a.Entries {
		if strings.HasPrefix(e.Text, "Opening balance: ") {
			opening++
		}
	}
	if len(a.Entries) != 3 || opening != 2 {
		t.Errorf("%d entries, of which %d are opening balances: %+v", len(a.Entries), opening, a.Entries)
	}
	f.n.Token(usdCoin, paidAddress, "1000000")
	f.n.Mine()
	scans(3)
	expect(t, "USDC after a transfer", booked(t, account(t, w), "vault:acc_treasury", usdCoin), "9.000001")
	f.n.Reorganise(2) // and with them the block of the first look
	f.n.Mine()
	f.n.Mine()
	f.n.Mine()
	scans(4)
	a = account(t, w)
	expect(t, "USDC after a reorganisation", booked(t, a, "vault:acc_treasury", usdCoin), "7.000001")
	expect(t, "ETH after a reorganisation", booked(t, a, "vault:acc_treasury", "ethereum"), "0.2")
}

func TestTokensThatAnAddressSendsAreBookedAsSent(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	g, f := behind(t, w, 1, "eip155:1", func() time.Time { return chaintest.Start }, 1)
	err := w.Store.Write(t.Context(), func(tx store.Tx) error {
		return tx.PutAddress(store.Address{Chain: "eip155:1", Address: paidAddress, Entity: "ent_sandbox", Account: "acc_treasury", Balance: "0", Swept: -1})
	})
	if err != nil {
		t.Fatal(err)
	}
	f.n.Token(usdCoin, paidAddress, "7000000") // before the first block that is read
	f.n.Mine()
	scan := func() {
		t.Helper()
		for range 2 {
			if err := g.Deposits(t.Context(), "eip155:1"); err != nil {
				t.Fatal(err)
			}
		}
	}
	scan()
	f.n.SendToken(usdCoin, paidAddress, "0x70997970c51812dc3a010c7d01b50e0d17dc79c8", "2000000")
	f.n.Mine()
	scan()
	a := account(t, w)
	expect(t, "after it sent some", booked(t, a, "vault:acc_treasury", usdCoin), "5")
	if e := a.Entries[0]; e.Kind != wire.EntrySent || !strings.HasPrefix(e.Text, "Sent 2 USDC") {
		t.Errorf("the entry is %+v", e)
	}
	f.n.Reorganise(1)
	f.n.Mine()
	f.n.Mine()
	scan()
	expect(t, "after a reorganisation", booked(t, account(t, w), "vault:acc_treasury", usdCoin), "7")
}

func TestTokensThatANodeTellsOnceAreNotBooked(t *testing.T) {
	t.Parallel()
	w, r, o := ordered(t, 1)
	g, f := behind(t, w, 1, "eip155:1", func() time.Time { return chaintest.Start }, 1)
	waitsFor(t, w, r, o, "eip155:1", usdCoin, "250", "247.5")
	lies := true
	f.before = func(method string, _ map[string]any) (int, any, any) {
		if method == "eth_call" && lies {
			return 200, "0x" + strings.Repeat("0", 56) + "0f000000", nil
		}
		return 0, nil, nil
	}
	for range 3 {
		f.n.Mine()
		_ = g.Deposits(t.Context(), "eip155:1")
		f.mu.Lock()
		lies = false
		f.mu.Unlock()
	}
	expect(t, "state", must[wire.Order](t)(g.Order(t.Context(), gatewaytest.Caller(), o.ID)).State, o.State)
	expect(t, "USDC", booked(t, account(t, w), "vault:acc_treasury", usdCoin), "0")
}
