package gateway_test

import (
	"context"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"countersign/shared/amount"
	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/receipt"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/chain"
	"countersign/web/internal/gateway"
	"countersign/web/internal/gateway/gatewaytest"
)

const payee = "0x52908400098527886E0F7030069857D2E4169EE7"

// draft is a transfer of ether whose fee is at most fee.
func draft(ether, fee, to string) wire.RequestInput {
	return wire.RequestInput{Intent: intenttest.Doc(intent.Transfer{
		Kind: intent.KindTransfer, V: 1, Account: gatewaytest.Account, Crypto: intent.Crypto{Amount: ether, Asset: "ethereum"},
		To: intent.Recipient{Address: to}, MaxFee: intent.Crypto{Amount: fee, Asset: "ethereum"}, Reference: "INV-7",
	})}
}

// asked asks for a transfer.
func asked(t *testing.T, w *gatewaytest.World, in wire.RequestInput, key string) wire.Request {
	t.Helper()
	r, err := w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), in, key)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// approved asks for a transfer, and has two members approve it.
func approved(t *testing.T, w *gatewaytest.World, in wire.RequestInput, key string) string {
	t.Helper()
	r := asked(t, w, in, key)
	w.Signer.Decide(r.ID, "mem_alice", statement.Approve)
	w.Signer.Decide(r.ID, "mem_bob", statement.Approve)
	if err := w.Gateway.SyncAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r.ID
}

func look(t *testing.T, w *gatewaytest.World, id string) wire.Request {
	t.Helper()
	r, err := w.Gateway.Request(context.Background(), gatewaytest.Caller(), id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAnApprovedTransferIsSignedSentConfirmedAndBooked(t *testing.T) {
	t.Parallel()
	w, node := gatewaytest.NewSending(t, 3)
	id := approved(t, w, draft("1.5", "0.01", payee), "one")
	if r := look(t, w, id); r.State != wire.RequestApproved || r.Sending == nil || r.Sending.State != wire.SendingApproved {
		t.Fatalf("it is %s: %+v", r.State, r.Sending)
	}
	w.Scan()
	r := look(t, w, id)
	if s := r.Sending; s.State != wire.SendingIncluded || len(s.Attempts) != 1 || s.Hash == "" || s.Block == nil || s.Needed != 3 || r.UseBy != nil {
		t.Fatalf("it is %s: %+v", r.State, s)
	}
	node.Blocks(3)
	w.Scan()
	if r = look(t, w, id); r.State != wire.RequestCompleted || r.Sending.State != wire.SendingConfirmed || r.Sending.Fee == "" || r.Sending.Reason != "" {
		t.Fatalf("it is %s: %+v", r.State, r.Sending)
	}
	a := account(t, w)
	kinds := map[string]string{}
	for _, e := range a.Entries {
		kinds[e.Kind] = e.Text
	}
	if kinds[wire.EntrySent] != "Sent 1.5 ETH to "+payee || kinds[wire.EntryFee] != "Network fee of "+r.Sending.Fee+" ETH" {
		t.Errorf("booked %v", kinds)
	}
	if sum := amount.Must(a.Balances[0].Amount).Add(amount.Must(r.Sending.Fee)); sum.Cmp(amount.Must("8.5")) != 0 {
		t.Errorf("it has %s, and paid a fee of %s", a.Balances[0].Amount, r.Sending.Fee)
	}
	data, err := w.Gateway.Receipt(t.Context(), gatewaytest.Caller(), id)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := receipt.Verify(data, w.Signer.Key.PublicKey().Thumbprint())
	if err != nil || !strings.Contains(proof.Text(), r.Sending.Hash) {
		t.Errorf("%v\n%s", err, proof.Text())
	}
}

func TestOfTwoTransfersThatWantTheLastOfItTheSecondIsRefusedBeforeAnybodyApproves(t *testing.T) {
	t.Parallel()
	w, _ := gatewaytest.NewSending(t, 1)
	asked(t, w, draft("6", "0.01", payee), "one")
	size := w.Signer.Requests()
	for name, c := range map[string]struct {
		in     wire.RequestInput
		reason string
	}{
		"what the first may take":         {draft("4", "0.01", payee), "INSUFFICIENT_FUNDS"},
		"more than there is":              {draft("11", "0.01", payee), "INSUFFICIENT_FUNDS"},
		"all of it, and nothing for fees": {draft("3.99", "0.01", payee), "INSUFFICIENT_FUNDS"},
		"a fee that no chain takes":       {draft("1", "0.000000000000001", payee), "FEE_TOO_LOW"},
	} {
		_, err := w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), c.in, name)
		if f, ok := fault.As(err); !ok || f.Code != fault.NotEligible || f.Details["reason"] != c.reason {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := w.Gateway.DryRun(t.Context(), gatewaytest.Caller(), wire.DryRunInput{RequestInput: c.in}); fault.CodeOf(err) != fault.NotEligible {
			t.Errorf("%s, dry: %v", name, err)
		}
	}
	if w.Signer.Requests() != size {
		t.Error("the signer was asked")
	}
	asked(t, w, draft("3.9", "0.01", payee), "two")
	again := asked(t, w, draft("6", "0.01", payee), "one") // the same question is the same request
	if again.State != wire.RequestPending {
		t.Errorf("it is %s", again.State)
	}
}

// spent is how many transactions the account sent, as its chain says, and what the payee has.
func spent(t *testing.T, w *gatewaytest.World, node *gatewaytest.Sandbox) (nonce uint64, has string) {
	t.Helper()
	return node.Sent(w.Signer.Genesis.Accounts[0].Address), node.Has(payee)
}

func TestAGatewayThatIsKilledAtAnyStepSendsOnceAllTheSame(t *testing.T) {
	t.Parallel()
	for step := 1; ; step++ {
		w, node := gatewaytest.NewSending(t, 2)
		id := approved(t, w, draft("1", "0.01", payee), "one")
		writes := 0
		w.Writing = func() {
			if writes++; writes == step {
				panic("killed")
			}
		}
		killed := func() (killed bool) {
			defer func() { killed = recover() != nil }()
			for range 3 {
				_ = w.Gateway.Deposits(context.Background(), gatewaytest.ChainID)
				node.Blocks(1)
			}
			return false
		}()
		w.Writing = nil
		w.Restart()
		for range 3 {
			node.Blocks(1)
			w.Scan()
		}
		r := look(t, w, id)
		if nonce, has := spent(t, w, node); r.State != wire.RequestCompleted || nonce != 1 || has != gatewaytest.Wei("1") {
			t.Fatalf("killed before write %d: it is %s, %d transactions were sent, and %s wei arrived: %+v", step, r.State, nonce, has, r.Sending)
		}
		if len(r.Sending.Attempts) != 1 {
			t.Errorf("killed before write %d: %d attempts", step, len(r.Sending.Attempts))
		}
		if !killed {
			if step < 8 {
				t.Errorf("only %d steps were tried", step)
			}
			return
		}
	}
}

func TestTwoGatewaysOnOneDatabaseSendOnce(t *testing.T) {
	t.Parallel()
	w, node := gatewaytest.NewSending(t, 1)
	ids := []string{approved(t, w, draft("1", "0.01", payee), "one"), approved(t, w, draft("2", "0.01", payee), "two")}
	other, stop := w.Beside()
	defer stop()
	if err := other.SyncAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	var both sync.WaitGroup
	for _, g := range []*gateway.Gateway{w.Gateway, other} {
		both.Go(func() {
			for range 4 {
				_ = g.Deposits(context.Background(), gatewaytest.ChainID) // one of them may have to begin again
			}
		})
	}
	both.Wait()
	w.Scan()
	if nonce, has := spent(t, w, node); nonce != 2 || has != gatewaytest.Wei("3") {
		t.Errorf("%d transactions were sent, and %s wei arrived", nonce, has)
	}
	for _, id := range ids {
		if r := look(t, w, id); r.State != wire.RequestCompleted || len(r.Sending.Attempts) != 1 {
			t.Errorf("it is %s: %+v", r.State, r.Sending)
		}
	}
}

func TestATransferWhoseBlockLeavesTheChainIsSentAgainAsItWas(t *testing.T) {
	t.Parallel()
	w, node := gatewaytest.NewSending(t, 4)
	before := node.Number()
	id := approved(t, w, draft("1", "0.01", payee), "one")
	w.Scan()
	was := look(t, w, id).Sending
	if was.State != wire.SendingIncluded {
		t.Fatalf("%+v", was)
	}
	if err := node.SetHead(before); err != nil {
		t.Fatal(err)
	}
	node.Fund("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", 1) // another branch, which is longer
	node.Blocks(3)
	w.Scan()
	node.Blocks(4)
	w.Scan()
	r := look(t, w, id)
	if nonce, has := spent(t, w, node); r.State != wire.RequestCompleted || r.Sending.Hash != was.Hash || nonce != 1 || has != gatewaytest.Wei("1") {
		t.Errorf("it is %s, and %s wei arrived: %+v, before %+v", r.State, has, r.Sending, was)
	}
	if sum := amount.Must(account(t, w).Balances[0].Amount).Add(amount.Must(r.Sending.Fee)); sum.Cmp(amount.Must("9")) != 0 {
		t.Errorf("with its fee it has %s", sum)
	}
}

func TestANodeThatIsDownKeepsATransferWaitingAndLosesNothing(t *testing.T) {
	t.Parallel()
	w, node := gatewaytest.NewSending(t, 1)
	id := approved(t, w, draft("1", "0.01", payee), "one")
	node.Down.Store(true)
	_ = w.Gateway.Deposits(context.Background(), gatewaytest.ChainID)
	if r := look(t, w, id); r.Sending.State != wire.SendingApproved {
		t.Errorf("%+v", r.Sending)
	}
	node.Down.Store(false)
	w.Scan()
	if r := look(t, w, id); r.State != wire.RequestCompleted {
		t.Errorf("it is %s: %+v", r.State, r.Sending)
	}
}

func TestASignerThatIsDownKeepsATransferWaitingAndItsReasonIsSaid(t *testing.T) {
	t.Parallel()
	w, _ := gatewaytest.NewSending(t, 1)
	id := approved(t, w, draft("1", "0.01", payee), "one")
	w.Signer.Down = func() bool { return true }
	w.Scan()
	if r := look(t, w, id); r.Sending.State != wire.SendingApproved || r.Sending.Reason == "" {
		t.Errorf("%+v", r.Sending)
	}
	w.Signer.Down = func() bool { return false }
	w.Scan()
	if r := look(t, w, id); r.State != wire.RequestCompleted || r.Sending.Reason != "" {
		t.Errorf("it is %s: %+v", r.State, r.Sending)
	}
}

func TestAnApprovalThatEndsBeforeTheChainTakesLessLapses(t *testing.T) {
	t.Parallel()
	w, node := gatewaytest.NewSending(t, 1)
	id := approved(t, w, draft("1", "0.01", payee), "one")
	node.Down.Store(true)
	_ = w.Gateway.Deposits(context.Background(), gatewaytest.ChainID)
	w.Pass(25 * time.Hour)
	node.Down.Store(false)
	w.Scan()
	r := look(t, w, id)
	if nonce, _ := spent(t, w, node); r.State != wire.RequestLapsed || r.Sending.State != wire.SendingLapsed || nonce != 0 {
		t.Errorf("it is %s: %+v", r.State, r.Sending)
	}
}

// cheap is a sender whose node says that gas costs next to nothing, while it is on.
type cheap struct {
	gateway.Sender
	on *bool
}

func (c cheap) Fees(ctx context.Context) (chain.Fees, error) {
	f, err := c.Sender.Fees(ctx)
	if *c.on {
		one := chain.Fee{Tip: big.NewInt(1), Cap: big.NewInt(1000)}
		f = chain.Fees{Base: new(big.Int), Slow: one, Normal: one, Fast: one}
	}
	return f, err
}

func TestATransferThatIsStuckIsSignedWithHigherFeesWithinWhatWasApproved(t *testing.T) {
	t.Parallel()
	on := true
	w, node := gatewaytest.NewSendingBy(t, 1, func(s gateway.Sender) gateway.Sender { return cheap{s, &on} })
	id := approved(t, w, draft("1", "0.01", payee), "one")
	w.Scan()
	if s := look(t, w, id).Sending; s.State != wire.SendingSubmitted || len(s.Attempts) != 1 {
		t.Fatalf("%+v", s)
	}
	on = false
	w.Pass(time.Minute)
	w.Scan()
	if s := look(t, w, id).Sending; len(s.Attempts) != 1 {
		t.Errorf("it was not waited for: %+v", s)
	}
	w.Pass(time.Minute)
	w.Scan()
	w.Scan()
	r := look(t, w, id)
	if nonce, has := spent(t, w, node); r.State != wire.RequestCompleted || len(r.Sending.Attempts) != 2 || r.Sending.Attempts[0].Nonce != r.Sending.Attempts[1].Nonce || nonce != 1 || has != gatewaytest.Wei("1") {
		t.Errorf("it is %s, and %s wei arrived: %+v", r.State, has, r.Sending)
	}
}

func TestATransferThatNeedsMoreThanWasApprovedWaitsAndSaysSo(t *testing.T) {
	t.Parallel()
	on := true
	w, node := gatewaytest.NewSendingBy(t, 1, func(s gateway.Sender) gateway.Sender { return cheap{s, &on} })
	id := approved(t, w, draft("1", "0.0000001", payee), "one")
	on = false
	w.Scan()
	r := look(t, w, id)
	if nonce, _ := spent(t, w, node); r.Sending.State != wire.SendingApproved || !strings.Contains(r.Sending.Reason, "0.0000001 ETH that were approved") || nonce != 0 {
		t.Errorf("%+v", r.Sending)
	}
}

func TestADepositIsSweptByTheStandingRuleAndCanThenBeSent(t *testing.T) {
	t.Parallel()
	w, node := gatewaytest.NewSending(t, 2)
	own := w.Signer.Genesis.Accounts[0]
	w.Signer.Change("req_gggggggggggggggggggggggggg", intent.AccountEdit{
		Kind: intent.KindAccountEdit, V: 1, Account: gatewaytest.Account, FromVersion: 1, Name: own.Name, Rules: own.Rules, Sweep: &intent.Sweep{MaxFee: "0.001", PerDay: "0.01"},
	})
	r := w.Requested()
	if _, err := node.Transfer(node.Faucet, common.HexToAddress(r.Address.Address), big.NewInt(1e18)); err != nil {
		t.Fatal(err)
	}
	for range 6 {
		node.Blocks(1)
		w.Scan()
	}
	if node.Sent(r.Address.Address) != 1 || node.Sent(own.Address) != 0 {
		t.Fatalf("the deposit address sent %d transactions", node.Sent(r.Address.Address))
	}
	cost, err := w.Gateway.TransferCost(t.Context(), gatewaytest.Caller(), gatewaytest.Account, "ethereum", "", "")
	if err != nil || amount.Must(cost.Available).Cmp(amount.Must("10.999")) < 0 {
		t.Errorf("%s can be sent (%v)", cost.Available, err)
	}
	a := account(t, w)
	texts := ""
	for _, e := range a.Entries {
		texts += e.Kind + ": " + e.Text + "\n"
	}
	for _, want := range []string{"deposit: Swept 0.99", "sent: Swept 0.99", "fee: Network fee of 0.0000"} {
		if !strings.Contains(texts, want) {
			t.Errorf("the books have no %q:\n%s", want, texts)
		}
	}
	if has := amount.Must(a.Balances[0].Amount); has.Cmp(amount.Must("10.999")) < 0 || has.Cmp(amount.Must("11")) >= 0 {
		t.Errorf("the account has %s", has)
	}
	for range 3 {
		node.Blocks(1)
		w.Scan()
	}
	if node.Sent(r.Address.Address) != 1 {
		t.Error("what is left there is swept again")
	}
}

func TestWithoutAStandingRuleADepositStaysWhereItIs(t *testing.T) {
	t.Parallel()
	w, node := gatewaytest.NewSending(t, 1)
	r := w.Requested()
	node.Fund(r.Address.Address, 1)
	for range 3 {
		node.Blocks(1)
		w.Scan()
	}
	if node.Has(r.Address.Address) != gatewaytest.Wei("1") {
		t.Errorf("it has %s", node.Has(r.Address.Address))
	}
}
