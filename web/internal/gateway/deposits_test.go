package gateway_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"countersign/shared/amount"
	"countersign/shared/fault"
	"countersign/shared/quote"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/chain"
	"countersign/web/internal/chain/chaintest"
	"countersign/web/internal/gateway"
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

func TestWhatNobodyAskedForIsBookedAndShown(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	pending := w.Requested()
	rejected := w.Requested()
	w.Signer.Decide(rejected.ID, "mem_bob", statement.Reject)
	must[struct{}](t)(struct{}{}, w.Gateway.Sync(t.Context()))
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
	must[struct{}](t)(struct{}{}, w.Gateway.Sync(t.Context()))
	w.Chain.Deposit(first.Address.Address, "0.001")
	w.Scan()
	w.Signer.Reuse = first.Address.Address
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

func TestWhatCannotBeWatchedCannotBeBought(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	ask := func() error {
		_, err := w.Gateway.Quotes(t.Context(), gatewaytest.Caller(), quote.Input{From: "EUR", To: "ethereum", Amount: "250", PaymentMethod: "card", Country: "FR"}, "acc_treasury", nil)
		return err
	}
	refused := func(what string, err error) {
		t.Helper()
		if f, _ := fault.As(err); f == nil || f.Code != fault.NotEligible || f.Details["reason"] != "CHAIN_NOT_WATCHED" || f.Details["field"] == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	q, r := w.Quoted(), w.Approved()
	w.Chain.Break(func(string) error { return errors.New("out of order") })
	_ = w.Gateway.Deposits(t.Context(), chainID)
	if err := ask(); err != nil {
		t.Errorf("one failure stops the sale: %v", err)
	}
	w.Pass(2 * time.Minute)
	_ = w.Gateway.Deposits(t.Context(), chainID)
	refused("quotes", ask())
	_, err := w.Gateway.NewOrder(t.Context(), gatewaytest.Caller(), r.ID)
	refused("an order", err)
	w.Pass(-2 * time.Minute)
	w.Restart() // down from the start
	refused("quotes after the start", ask())
	_, err = w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), wire.RequestInput{QuoteID: q.ID, AccountID: "acc_treasury"}, "the-key-1")
	refused("a request", err)
	if a := account(t, w); a.NotWatched == "" {
		t.Error("the account does not say so")
	}
	w.Chain.Break(nil)
	w.Scan()
	if err := ask(); err != nil {
		t.Errorf("after it was mended: %v", err)
	}
}

func TestHealthSaysHowFarAChainIsReadAndWhyNot(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	health := func() (wire.Health, wire.ChainHealth) {
		t.Helper()
		h := w.Gateway.Health(t.Context())
		if len(h.Chains) != 1 {
			t.Fatalf("%+v", h)
		}
		return h, h.Chains[0]
	}
	h, c := health()
	if h.Status != "ok" || c.Status != wire.ChainOK || c.Lag != 0 || c.Reason != "" || c.LastProgress == nil || c.Chain != chainID || c.Name == "" {
		t.Errorf("%+v", h)
	}
	w.Chain.Mine()
	w.Chain.Break(func(method string) error {
		if method == "eth_getBalance" {
			return errors.New("state is gone")
		}
		return nil
	})
	_ = w.Gateway.Deposits(t.Context(), chainID)
	w.Pass(2 * time.Minute)
	_ = w.Gateway.Deposits(t.Context(), chainID)
	if h, c = health(); h.Status != "degraded" || h.Components["chain"] != wire.ChainStalled || c.Status != wire.ChainStalled || !strings.Contains(c.Reason, "state is gone") {
		t.Errorf("%+v", h)
	}
	w.Chain.Break(nil)
	for range 100 {
		w.Chain.Mine()
	}
	_ = w.Gateway.Deposits(t.Context(), chainID)
	if _, c = health(); c.Status != wire.ChainBehind || c.Lag != 50 || c.Reason != "" {
		t.Errorf("%+v", c)
	}
	w.Scan()
	w.Scan()
	if h, c = health(); h.Status != "ok" || c.Lag != 0 {
		t.Errorf("%+v", h)
	}
}

func TestABlockThatTheNodeDoesNotGiveIsAReason(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	w.Chain.Mine()
	w.Chain.Hide(1)
	err := w.Gateway.Deposits(t.Context(), chainID)
	if c := w.Gateway.Health(t.Context()).Chains[0]; err == nil || !strings.Contains(c.Reason, "block 0x1") {
		t.Errorf("%v: %+v", err, c)
	}
}

// onEthereum is a gateway on Ethereum, beside the one of w and on its database.
func onEthereum(t *testing.T, w *gatewaytest.World, log *slog.Logger, now func() time.Time) (*gateway.Gateway, *chaintest.Node) {
	t.Helper()
	n := chaintest.New(t, 1)
	watcher, err := chain.New(chain.Config{RPC: n.URL, Chain: "eip155:1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(watcher.Close)
	g, err := gateway.New(t.Context(), gateway.Config{
		Store: w.Store, Tokens: w.Tokens, Desk: w.Desk, Entity: "ent_sandbox", Key: w.Signer.Key.PublicKey(), Env: "sandbox",
		Now: now, Rand: rand.Reader, Log: log, Chains: map[string]gateway.Watched{"eip155:1": {Node: watcher, Confirmations: 2}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return g, n
}

func TestTheLedgerBooksWhatTheChainMovedAndNotWhatWasOrdered(t *testing.T) {
	t.Parallel()
	const usdc, address = "ethereum/erc20/usd__coin", "0x8ba1f109551bd432803012645ac136ddd64dba72"
	w, r, o := ordered(t, 1)
	g, n := onEthereum(t, w, nil, func() time.Time { return chaintest.Start })
	// The order waits for USD Coin on Ethereum.
	err := w.Store.Write(t.Context(), func(tx store.Tx) error {
		kept, err := tx.Order("ent_sandbox", o.ID)
		kept.Chain, kept.Address, kept.Intent.Chain, kept.Intent.Address = "eip155:1", address, "eip155:1", address
		kept.Intent.Crypto, kept.Intent.Minimum = statement.Crypto{Amount: "250", Asset: usdc}, "247.5"
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

func TestANodeThatDoesNotFollowItsChainIsAReason(t *testing.T) {
	t.Parallel()
	at := chaintest.Start.Add(5 * time.Minute)
	g, _ := onEthereum(t, gatewaytest.New(t), nil, func() time.Time { return at })
	for _, c := range []struct {
		age    time.Duration
		status string
	}{{5 * time.Minute, wire.ChainOK}, {11 * time.Minute, wire.ChainOK}, {13 * time.Minute, wire.ChainStalled}} {
		at = chaintest.Start.Add(c.age)
		_ = g.Deposits(t.Context(), "eip155:1")
		h := g.Health(t.Context()).Chains[0]
		expect(t, fmt.Sprint("with a newest block of ", c.age), h.Status, c.status)
		if (c.age > 10*time.Minute) != strings.Contains(h.Reason, "does not follow its chain") {
			t.Errorf("after %s: %q", c.age, h.Reason)
		}
	}
}

func TestTheLogIsToldOnceThatAChainIsNotReadAndOnceThatItIs(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	g, n := onEthereum(t, gatewaytest.New(t), slog.New(slog.NewTextHandler(&text, nil)), func() time.Time { return chaintest.Start })
	scan := func() {
		for range 5 {
			n.Mine()
			_ = g.Deposits(t.Context(), "eip155:1")
		}
	}
	scan()
	for range 3 { // a hiccup
		n.Lag(1)
		_ = g.Deposits(t.Context(), "eip155:1")
		n.Lag(0)
		_ = g.Deposits(t.Context(), "eip155:1")
	}
	if text.Len() > 0 {
		t.Errorf("a hiccup was told:\n%s", text.String())
	}
	n.Break(func(method string) error {
		if method == "eth_getLogs" || method == "eth_getBalance" || method == "eth_getTransactionReceipt" {
			return errors.New("out of order")
		}
		return nil
	})
	n.Hide(6)
	scan()
	n.Hide(0)
	n.Break(nil)
	scan()
	if got := strings.Count(text.String(), "chain is not read"); got != 1 {
		t.Errorf("%d lines say that the chain is not read:\n%s", got, text.String())
	}
	if got := strings.Count(text.String(), "chain is read again"); got != 1 {
		t.Errorf("%d lines say that it is read again:\n%s", got, text.String())
	}
}
