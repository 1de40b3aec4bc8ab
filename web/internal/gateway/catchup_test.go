package gateway_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/shared/amount"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/chain/chaintest"
	"countersign/web/internal/gateway/gatewaytest"
)

// graphprotocol/graph-node#776, subquery/subql#1779: a node that allows fewer
// calls at once than a catch-up needs must not stop it for ever.
func TestANodeThatLimitsCallsIsCaughtUpWithAllTheSame(t *testing.T) {
	t.Parallel()
	w, r, o := ordered(t, 1)
	g, f := behind(t, w, 137, "eip155:137", func() time.Time { return chaintest.Start }, 2)
	waitsFor(t, w, r, o, "eip155:137", "polygon", "1", "0.99")
	must[struct{}](t)(struct{}{}, g.Deposits(t.Context(), "eip155:137"))
	f.n.Pay(paidAddress, gatewaytest.Wei("1"))
	for range 200 { // the gateway was down for seven minutes
		f.n.Mine()
	}
	burst := 0
	f.before = func(string, map[string]any) (int, any, any) {
		if burst++; burst > 30 { // 30 calls in each pause of five seconds
			return http.StatusTooManyRequests, nil, nil
		}
		return 0, nil, nil
	}
	var err error
	for range 50 {
		f.mu.Lock()
		burst = 0
		f.mu.Unlock()
		err = g.Deposits(t.Context(), "eip155:137")
	}
	now := must[wire.Order](t)(g.Order(t.Context(), gatewaytest.Caller(), o.ID))
	if h := g.Health(t.Context()); len(h.Chains) != 1 || h.Chains[0].Read < 195 {
		t.Errorf("read %+v", h.Chains)
	}
	if now.State != wire.OrderCompleted {
		t.Errorf("after 50 scans the order is %s; the last says %v", now.State, err)
	}
}

// subquery/subql#1779, Anish-Agnihotri/friendmex#13: one block that a node cannot
// give keeps no block before it from being booked.
func TestOneBadBlockHidesNoneBeforeIt(t *testing.T) {
	t.Parallel()
	w, _, o := ordered(t, 1)
	w.Chain.Deposit(o.Address, "0.1")
	for range 30 {
		w.Chain.Mine()
	}
	w.Chain.Hide(20 + 0)
	var err error
	for range 10 {
		err = w.Gateway.Deposits(t.Context(), gatewaytest.ChainID)
	}
	t.Logf("the scan says %v", err)
	expect(t, "state", order(t, w, o).State, wire.OrderCompleted)
}

// web3 and exchange scanners: a node behind a balancer answers with an older head
// and then a newer one (debridge-finance/debridge-node#80: a latest block that is
// beyond the real one).
func TestAHeadThatIsClaimedAndNotThereStopsNothingThatIs(t *testing.T) {
	t.Parallel()
	w, r, o := ordered(t, 1)
	g, f := behind(t, w, 137, "eip155:137", func() time.Time { return chaintest.Start }, 1)
	waitsFor(t, w, r, o, "eip155:137", "polygon", "1", "0.99")
	_ = g.Deposits(t.Context(), "eip155:137")
	f.n.Pay(paidAddress, gatewaytest.Wei("1"))
	f.n.Mine()
	f.mu.Lock()
	f.after = func(method string, answer map[string]any) {
		if b, ok := answer["result"].(map[string]any); ok && method == "eth_getBlockByNumber" && f.latest {
			b["number"] = "0x10"
			b["hash"] = "0xabababababababababababababababababababababababababababababababab"
		}
	}
	f.mu.Unlock()
	var err error
	for range 5 {
		err = g.Deposits(t.Context(), "eip155:137")
	}
	now := must[wire.Order](t)(g.Order(t.Context(), gatewaytest.Caller(), o.ID))
	t.Log(err)
	expect(t, "state", now.State, wire.OrderCompleted)
}

// ethereum/go-ethereum#28789, #29956, bnb-chain/bsc#2524: the receipt is null, or
// refused, until the node has indexed the block.
func TestAReceiptThatComesLateIsWaitedFor(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func() (int, any, any){
		"null": func() (int, any, any) { return 200, nil, nil },
		"indexing": func() (int, any, any) {
			return 200, nil, map[string]any{"code": -32000, "message": "transaction indexing is in progress"}
		},
	} {
		w, r, o := ordered(t, 1)
		g, f := behind(t, w, 137, "eip155:137", func() time.Time { return chaintest.Start }, 1)
		waitsFor(t, w, r, o, "eip155:137", "polygon", "1", "0.99")
		_ = g.Deposits(t.Context(), "eip155:137")
		f.n.Pay(paidAddress, gatewaytest.Wei("1"))
		f.n.Mine()
		f.mu.Lock()
		f.before = func(method string, _ map[string]any) (int, any, any) {
			if method == "eth_getTransactionReceipt" {
				return answer()
			}
			return 0, nil, nil
		}
		f.mu.Unlock()
		for range 3 {
			err := g.Deposits(t.Context(), "eip155:137")
			if err == nil || strings.Contains(err.Error(), "reorganised") {
				t.Errorf("%s: operators are told %v", name, err)
			}
			f.n.Mine()
		}
		f.mu.Lock()
		f.before = nil
		f.mu.Unlock()
		for range 3 {
			_ = g.Deposits(t.Context(), "eip155:137")
		}
		now := must[wire.Order](t)(g.Order(t.Context(), gatewaytest.Caller(), o.ID))
		expect(t, name, now.State, wire.OrderCompleted)
		if now.Delivered == nil || now.Delivered.Amount != "1" {
			t.Errorf("%s: %+v", name, now.Delivered)
		}
	}
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

// A4/A3: a node behind the one that was read, by more blocks than hashes are kept.
func TestANodeFarBehindTakesNothingBack(t *testing.T) {
	t.Parallel()
	w, _, o := ordered(t, 1)
	w.Chain.Mine()
	w.Scan()
	w.Chain.Deposit(o.Address, "0.1")
	w.Scan()
	expect(t, "before", order(t, w, o).State, wire.OrderCompleted)
	for range 2100 {
		w.Chain.Mine()
	}
	for range 50 {
		w.Scan()
	}
	w.Chain.Lag(2101)
	saysBehind(t, w)
	expect(t, "state while the node is behind", order(t, w, o).State, wire.OrderCompleted)
	expect(t, "vault", booked(t, account(t, w), "vault:acc_treasury", "ethereum"), "0.1")
	expect(t, "paid", booked(t, account(t, w), "payments:acc_treasury", "EUR"), "-250")
}

// a node that synchronises from genesis
func TestANodeThatStartsFromNothingTakesNothingBack(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	for range 100 {
		w.Chain.Mine()
	}
	r := w.Approved()
	for range 4 {
		w.Scan()
	}
	o := must[wire.Order](t)(w.Gateway.NewOrder(t.Context(), gatewaytest.Caller(), r.ID))
	w.Chain.Deposit(o.Address, "0.1")
	w.Scan()
	for range 2100 {
		w.Chain.Mine()
	}
	for range 50 {
		w.Scan()
	}
	w.Chain.Lag(2200)
	saysBehind(t, w)
	expect(t, "state", order(t, w, o).State, wire.OrderCompleted)
	expect(t, "vault", booked(t, account(t, w), "vault:acc_treasury", "ethereum"), "0.1")
}

// A1+A3: what came to an address for an earlier request stays that request's, also when a
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

// random reorganisations: the vault's ledger is what the chain has.
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

func saysBehind(t *testing.T, w *gatewaytest.World) {
	t.Helper()
	if err := w.Gateway.Deposits(t.Context(), gatewaytest.ChainID); err == nil || !strings.Contains(err.Error(), "behind") {
		t.Errorf("operators are told %v", err)
	}
}

func TestANodeThatLagsRightAfterTheFirstStartTakesNothingBack(t *testing.T) {
	t.Parallel()
	w, r, o := ordered(t, 1)
	g, f := behind(t, w, 137, "eip155:137", func() time.Time { return chaintest.Start }, 1)
	waitsFor(t, w, r, o, "eip155:137", "polygon", "1", "0.99")
	for range 5 {
		f.n.Mine()
	}
	scans(t, g, 1)
	f.n.Pay(paidAddress, gatewaytest.Wei("1"))
	f.n.Mine()
	scans(t, g, 1)
	f.n.Lag(3)
	if err := g.Deposits(t.Context(), "eip155:137"); err == nil || !strings.Contains(err.Error(), "behind") {
		t.Errorf("operators are told %v", err)
	}
	expect(t, "state", must[wire.Order](t)(g.Order(t.Context(), gatewaytest.Caller(), o.ID)).State, wire.OrderCompleted)
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

func TestANodeThatFailsAndGetsOnIsNotStalled(t *testing.T) {
	t.Parallel()
	w, _, _ := ordered(t, 1)
	for range 100 {
		w.Chain.Mine()
	}
	calls, limited := 0, errors.New("too many requests")
	w.Chain.Break(func(string) error {
		if calls++; calls > 12 {
			return limited
		}
		return nil
	})
	for range 5 {
		calls = 0
		if err := w.Gateway.Deposits(t.Context(), gatewaytest.ChainID); err == nil {
			t.Error("the limit is not told")
		}
		w.Pass(50 * time.Second)
	}
	c := w.Gateway.Health(t.Context()).Chains[0]
	if c.Status == wire.ChainStalled || c.Reason == "" || c.Read == 0 {
		t.Errorf("while it gets on: %+v", c)
	}
	calls = 0
	w.Chain.Break(func(string) error { return limited })
	_ = w.Gateway.Deposits(t.Context(), gatewaytest.ChainID)
	w.Pass(2 * time.Minute)
	expect(t, "when it does not", w.Gateway.Health(t.Context()).Chains[0].Status, wire.ChainStalled)
}

// ethereum/go-ethereum#26098, filecoin-project/lotus#13749: eth_getLogs by block
// hash answers [] for a block whose logs are not indexed yet; later it has them.
// The block's logsBloom says that there are logs.
func TestLogsThatTheNodeDoesNotGiveYetAreNotMissed(t *testing.T) {
	t.Parallel()
	const usdc = "ethereum/erc20/usd__coin"
	w, r, o := ordered(t, 1)
	g, f := behind(t, w, 1, "eip155:1", func() time.Time { return chaintest.Start }, 2)
	waitsFor(t, w, r, o, "eip155:1", usdc, "250", "247.5")
	must[struct{}](t)(struct{}{}, g.Deposits(t.Context(), "eip155:1"))
	late := true
	f.before = func(method string, _ map[string]any) (int, any, any) {
		if method == "eth_getLogs" && late {
			return 200, []any{}, nil
		}
		return 0, nil, nil
	}
	f.after = func(method string, answer map[string]any) {
		if b, ok := answer["result"].(map[string]any); ok && method == "eth_getBlockByNumber" {
			b["logsBloom"] = "0x" + strings.Repeat("ff", 256)
		}
	}
	f.n.Token(usdc, paidAddress, "250000000")
	f.n.Mine()
	first := g.Deposits(t.Context(), "eip155:1")
	if first == nil || !strings.Contains(first.Error(), "does not give all logs") {
		t.Errorf("operators are told %v", first)
	}
	f.mu.Lock()
	late = false // a moment later the node has them
	f.mu.Unlock()
	for range 20 {
		f.n.Mine()
		_ = g.Deposits(t.Context(), "eip155:1")
	}
	now := must[wire.Order](t)(g.Order(t.Context(), gatewaytest.Caller(), o.ID))
	expect(t, "state", now.State, wire.OrderCompleted)
}
