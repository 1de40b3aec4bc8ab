package gateway_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

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

// A node behind the one that was read, by more blocks than hashes are kept.
func TestANodeFarBehindTakesNothingBack(t *testing.T) {
	t.Parallel()
	w, _, o := ordered(t, 1)
	w.Chain.Mine()
	w.Scan()
	w.Chain.Deposit(o.Address, "0.1")
	w.Scan()
	expect(t, "before", order(t, w, o).State, wire.OrderCompleted)
	grow(w, 2100, 50)
	w.Chain.Lag(2101)
	saysBehind(t, w)
	expect(t, "state while the node is behind", order(t, w, o).State, wire.OrderCompleted)
	expect(t, "vault", booked(t, account(t, w), "vault:acc_treasury", "ethereum"), "0.1")
	expect(t, "paid", booked(t, account(t, w), "payments:acc_treasury", "EUR"), "-250")
}

// A node that synchronises from genesis
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
	grow(w, 2100, 50)
	w.Chain.Lag(2200)
	saysBehind(t, w)
	expect(t, "state", order(t, w, o).State, wire.OrderCompleted)
	expect(t, "vault", booked(t, account(t, w), "vault:acc_treasury", "ethereum"), "0.1")
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

// A node whose blocks can be read and whose balances cannot shows no payout by a
// contract, however many blocks it makes.
func TestANodeThatMakesBlocksAndTellsNoBalanceIsStalled(t *testing.T) {
	t.Parallel()
	w, _, _ := ordered(t, 1)
	w.Chain.Break(func(method string) error {
		if method == "eth_getBalance" {
			return errors.New("this plan has no balances")
		}
		return nil
	})
	for range 5 {
		w.Chain.Mine()
		if err := w.Gateway.Deposits(t.Context(), gatewaytest.ChainID); err == nil {
			t.Error("that balances are not told is not told")
		}
		w.Pass(50 * time.Second)
	}
	if c := w.Gateway.Health(t.Context()).Chains[0]; c.Status != wire.ChainStalled || !strings.Contains(c.Reason, "no balances") {
		t.Errorf("%+v", c)
	}
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

// NethermindEth/nethermind#5025, iotaledger/wasp-legacy#486, hiero#1614: a node
// without EIP-1898.
func TestANodeWithoutEIP1898IsReadOrTold(t *testing.T) {
	t.Parallel()
	w, r, o := ordered(t, 1)
	g, f := behind(t, w, 137, "eip155:137", func() time.Time { return chaintest.Start }, 1)
	waitsFor(t, w, r, o, "eip155:137", "polygon", "1", "0.99")
	f.before = func(method string, _ map[string]any) (int, any, any) {
		if method == "eth_getBalance" {
			return 200, nil, map[string]any{"code": -32602, "message": "invalid argument 1: hex string without 0x prefix"}
		}
		return 0, nil, nil
	}
	_ = g.Deposits(t.Context(), "eip155:137")
	f.n.Pay(paidAddress, gatewaytest.Wei("1"))
	f.n.Mine()
	err := g.Deposits(t.Context(), "eip155:137")
	now := must[wire.Order](t)(g.Order(t.Context(), gatewaytest.Caller(), o.ID))
	expect(t, "state", now.State, wire.OrderCompleted)
	if err == nil || !strings.Contains(err.Error(), "balances") {
		t.Errorf("the operator is told %v", err)
	}
}
