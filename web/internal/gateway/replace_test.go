package gateway_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"countersign/shared/amount"
	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/receipt"
	"countersign/shared/wire"
	"countersign/web/internal/chain"
	"countersign/web/internal/gateway"
	"countersign/web/internal/gateway/gatewaytest"
)

// replacing is a draft that replaces the transfer of a request, for at most fee.
func replacing(transfer, action, fee string) wire.RequestInput {
	return wire.RequestInput{Intent: intenttest.Doc(intent.Replace{
		Kind: intent.KindReplace, V: 1, Account: gatewaytest.Account, Request: transfer, Action: action, MaxFee: intent.Crypto{Amount: fee, Asset: "ethereum"},
	})}
}

// stuck is a world with a transfer of one ether that no block takes: gas costs more than was
// approved. While on says so, it costs next to nothing.
func stuck(t *testing.T, confirmations int64) (w *gatewaytest.World, node *gatewaytest.Sandbox, id string) {
	t.Helper()
	on := true
	w, node = gatewaytest.NewSendingBy(t, confirmations, func(s gateway.Sender) gateway.Sender { return cheap{s, &on} })
	id = approved(t, w, draft("1", "0.0000001", payee), "stuck")
	w.Scan()
	if s := look(t, w, id).Sending; s.State != wire.SendingSubmitted || len(s.Attempts) != 1 {
		t.Fatalf("%+v", s)
	}
	on = false
	return w, node, id
}

// settled mines and scans until what was sent is final.
func settled(w *gatewaytest.World, node *gatewaytest.Sandbox) {
	for range 6 {
		node.Blocks(1)
		w.Scan()
	}
}

// ended checks what became of a request, and of its transaction.
func ended(t *testing.T, w *gatewaytest.World, id, request, sending, by string) wire.Request {
	t.Helper()
	r := look(t, w, id)
	if r.State != request || r.Sending == nil || r.Sending.State != sending || r.Sending.ReplacedBy != by {
		t.Errorf("%s is %s, want %s, %s: %+v", r.Sentence, r.State, request, sending, r.Sending)
	}
	return r
}

func TestAStuckTransferIsSpedUpWithAHigherFeeThatWasApproved(t *testing.T) {
	t.Parallel()
	w, node, id := stuck(t, 2)
	faster := approved(t, w, replacing(id, intent.SpeedUp, "0.01"), "faster")
	w.Scan()
	settled(w, node)
	ended(t, w, id, wire.RequestCompleted, wire.SendingReplaced, faster)
	r := ended(t, w, faster, wire.RequestCompleted, wire.SendingConfirmed, "")
	if nonce, has := spent(t, w, node); nonce != 1 || has != gatewaytest.Wei("1") {
		t.Errorf("%d transactions were sent, and %s wei arrived", nonce, has)
	}
	if sum := amount.Must(account(t, w).Balances[0].Amount).Add(amount.Must(r.Sending.Fee)); sum.Cmp(amount.Must("9")) != 0 {
		t.Errorf("with its fee it has %s", sum)
	}
	texts := entriesOf(t, w)
	if !strings.Contains(texts, "sent: Sent 1 ETH to "+payee) || strings.Count(texts, "sent: ") != 1 {
		t.Errorf("the books have\n%s", texts)
	}
	if len(r.Lines) == 0 || r.Lines[0].Label != "Speeds up" {
		t.Errorf("the page is told %+v", r.Lines)
	}
	data, err := w.Gateway.Receipt(t.Context(), gatewaytest.Caller(), faster)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := receipt.Verify(data, w.Signer.Key.PublicKey().Thumbprint())
	if err != nil || !strings.Contains(proof.Text(), r.Sending.Hash) {
		t.Errorf("%v\n%s", err, proof.Text())
	}
}

// entriesOf are the entries of the account.
func entriesOf(t *testing.T, w *gatewaytest.World) (texts string) {
	t.Helper()
	for _, e := range account(t, w).Entries {
		texts += e.Kind + ": " + e.Text + "\n"
	}
	return texts
}

func TestWhatReplacesATransferCostsAsMuchAsNodesTakeInItsPlace(t *testing.T) {
	t.Parallel()
	w, node, id := stuck(t, 2)
	for _, action := range []string{intent.SpeedUp, intent.Cancel} {
		cost, err := w.Gateway.ReplaceCost(t.Context(), gatewaytest.Caller(), id, action)
		if err != nil || cost.Coin != "ethereum" || cost.FeeBefore != "0.0000001" || len(cost.Speeds) != 3 {
			t.Fatalf("%s: %+v, %v", action, cost, err)
		}
		least := amount.Must(cost.Least)
		for _, s := range cost.Speeds {
			if fee := amount.Must(s.MaxFee); fee.Cmp(least) < 0 || action == intent.SpeedUp && fee.Cmp(amount.Must(cost.FeeBefore)) <= 0 {
				t.Errorf("%s, %s: %s, at least %s", action, s.Name, s.MaxFee, cost.Least)
			}
		}
		if spare := amount.Must(cost.Spare); spare.Cmp(amount.Must("9")) < 0 || spare.Cmp(amount.Must("10")) > 0 {
			t.Errorf("%s: the account has %s for it", action, cost.Spare)
		}
	}
	cost, err := w.Gateway.ReplaceCost(t.Context(), gatewaytest.Caller(), id, intent.SpeedUp)
	if err != nil {
		t.Fatal(err)
	}
	faster := approved(t, w, replacing(id, intent.SpeedUp, cost.Speeds[1].MaxFee), "faster")
	w.Scan()
	settled(w, node)
	ended(t, w, faster, wire.RequestCompleted, wire.SendingConfirmed, "")
	_, err = w.Gateway.ReplaceCost(t.Context(), gatewaytest.Caller(), id, intent.Cancel)
	if f, ok := fault.As(err); !ok || f.Code != fault.Conflict || f.Details["field"] != "request" {
		t.Errorf("of a transfer that is in a block: %v", err)
	}
	_, err = w.Gateway.ReplaceCost(t.Context(), gatewaytest.Caller(), "req_zzzzzzzzzzzzzzzzzzzzzzzzzz", intent.Cancel)
	if f, ok := fault.As(err); !ok || f.Code != fault.NotFound {
		t.Errorf("of a request that is unknown: %v", err)
	}
}

func TestAStuckTransferIsCancelled(t *testing.T) {
	t.Parallel()
	w, node, id := stuck(t, 2)
	stop := approved(t, w, replacing(id, intent.Cancel, "0.01"), "stop")
	w.Scan()
	settled(w, node)
	ended(t, w, id, wire.RequestCancelled, wire.SendingReplaced, stop)
	r := ended(t, w, stop, wire.RequestCompleted, wire.SendingConfirmed, "")
	if nonce, has := spent(t, w, node); nonce != 1 || has != "0" {
		t.Errorf("%d transactions were sent, and %s wei arrived", nonce, has)
	}
	if sum := amount.Must(account(t, w).Balances[0].Amount).Add(amount.Must(r.Sending.Fee)); sum.Cmp(amount.Must("10")) != 0 {
		t.Errorf("with its fee it has %s", sum)
	}
	if texts := entriesOf(t, w); !strings.Contains(texts, "fee: Network fee of "+r.Sending.Fee+" ETH, for a cancellation") || strings.Contains(texts, "sent: ") {
		t.Errorf("the books have\n%s", texts)
	}
}

func TestATransferThatIsInABlockFirstIsNotCancelled(t *testing.T) {
	t.Parallel()
	on := true
	w, node := gatewaytest.NewSendingBy(t, 2, func(s gateway.Sender) gateway.Sender { return cheap{s, &on} })
	id := approved(t, w, draft("1", "0.01", payee), "one")
	w.Scan()
	stop := asked(t, w, replacing(id, intent.Cancel, "0.01"), "stop").ID
	on = false
	w.Pass(2 * time.Minute) // the transfer is signed again, within what was approved
	w.Scan()
	w.Signer.Decide(stop, "mem_alice", "APPROVE")
	w.Signer.Decide(stop, "mem_bob", "APPROVE")
	if err := w.Gateway.SyncAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	settled(w, node)
	ended(t, w, id, wire.RequestCompleted, wire.SendingConfirmed, "")
	r := ended(t, w, stop, wire.RequestCancelled, wire.SendingReplaced, id)
	if nonce, has := spent(t, w, node); nonce != 1 || has != gatewaytest.Wei("1") || len(r.Sending.Attempts) != 0 {
		t.Errorf("%d transactions were sent, %s wei arrived, and of the cancellation %d were signed", nonce, has, len(r.Sending.Attempts))
	}
	if !strings.Contains(r.Sending.Reason, "too late") {
		t.Errorf("the reason is %q", r.Sending.Reason)
	}
}

// lossy is a sender whose node says that it took what it loses, and keeps it for later.
type lossy struct {
	gateway.Sender
	kept *[][]byte
}

func (l lossy) Broadcast(_ context.Context, raw []byte) (chain.Outcome, error) {
	*l.kept = append(*l.kept, raw)
	return chain.Accepted, nil
}

func TestATransferThatIsInABlockAfterItWasReplacedIsTheOneThatCounts(t *testing.T) {
	t.Parallel()
	for _, action := range []string{intent.SpeedUp, intent.Cancel} {
		var kept [][]byte
		var node gateway.Sender
		w, sandbox := gatewaytest.NewSendingBy(t, 2, func(s gateway.Sender) gateway.Sender { node = s; return lossy{s, &kept} })
		id := approved(t, w, draft("1", "0.01", payee), "one")
		w.Scan()
		other := approved(t, w, replacing(id, action, "0.02"), "other")
		w.Scan()
		if s := look(t, w, other).Sending; len(s.Attempts) != 1 {
			t.Fatalf("%+v", s)
		}
		if _, err := node.Broadcast(t.Context(), kept[0]); err != nil {
			t.Fatal(err)
		}
		settled(w, sandbox)
		ended(t, w, id, wire.RequestCompleted, wire.SendingConfirmed, "")
		r := ended(t, w, other, wire.RequestCancelled, wire.SendingReplaced, id)
		if nonce, has := spent(t, w, sandbox); nonce != 1 || has != gatewaytest.Wei("1") || !strings.Contains(r.Sending.Reason, "too late") {
			t.Errorf("%d transactions were sent, and %s wei arrived: %s", nonce, has, r.Sending.Reason)
		}
		if texts := entriesOf(t, w); strings.Count(texts, "sent: Sent 1 ETH to "+payee) != 1 {
			t.Errorf("the books have\n%s", texts)
		}
	}
}

func TestOfTwoReplacesTheLaterIsAboveTheEarlier(t *testing.T) {
	t.Parallel()
	on := true
	w, node := gatewaytest.NewSendingBy(t, 1, func(s gateway.Sender) gateway.Sender { return cheap{s, &on} })
	id := approved(t, w, draft("1", "0.0000001", payee), "stuck")
	w.Scan()
	faster := approved(t, w, replacing(id, intent.SpeedUp, "0.0000002"), "faster") // stuck as well
	w.Scan()
	if s := look(t, w, faster).Sending; s.State != wire.SendingSubmitted || len(s.Attempts) != 1 {
		t.Errorf("%+v", s)
	}
	w.Pass(2 * time.Minute) // the speed-up is signed again, within what was approved for it, and the transfer is not
	w.Scan()
	if one, two := look(t, w, id).Sending, look(t, w, faster).Sending; len(one.Attempts) != 1 || len(two.Attempts) != 2 {
		t.Errorf("%+v, and %+v", one, two)
	}
	on = false
	stop := approved(t, w, replacing(id, intent.Cancel, "0.01"), "stop")
	w.Scan()
	settled(w, node)
	ended(t, w, id, wire.RequestCancelled, wire.SendingReplaced, stop)
	ended(t, w, faster, wire.RequestCancelled, wire.SendingReplaced, stop)
	ended(t, w, stop, wire.RequestCompleted, wire.SendingConfirmed, "")
	if nonce, has := spent(t, w, node); nonce != 1 || has != "0" {
		t.Errorf("%d transactions were sent, and %s wei arrived", nonce, has)
	}
}

func TestWhatCannotBeReplacedIsRefusedBeforeAnybodyApproves(t *testing.T) {
	t.Parallel()
	w, node, id := stuck(t, 2)
	node.Down.Store(true)
	_ = w.Gateway.Deposits(context.Background(), gatewaytest.ChainID)
	node.Down.Store(false)
	unsigned := asked(t, w, draft("1", "0.01", payee), "open").ID
	size := w.Signer.Requests()
	for name, c := range map[string]struct {
		in     wire.RequestInput
		code   fault.Code
		reason string
	}{
		"of which nothing was signed":     {replacing(unsigned, intent.Cancel, "0.01"), fault.Conflict, ""},
		"that there is none of":           {replacing("req_zzzzzzzzzzzzzzzzzzzzzzzzzz", intent.Cancel, "0.01"), fault.Conflict, ""},
		"for no higher fee":               {replacing(id, intent.SpeedUp, "0.0000001"), fault.Invalid, ""},
		"for less than a node would take": {replacing(id, intent.SpeedUp, "0.00000011"), fault.NotEligible, "FEE_TOO_LOW"},
		"for more than the account has":   {replacing(id, intent.SpeedUp, "8"), fault.NotEligible, "INSUFFICIENT_FUNDS"},
	} {
		_, err := w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), c.in, name)
		f, ok := fault.As(err)
		if !ok || f.Code != c.code || f.Details["reason"] != c.reason {
			t.Errorf("a transfer %s: %v", name, err)
		}
		if _, err := w.Gateway.DryRun(t.Context(), gatewaytest.Caller(), wire.DryRunInput{RequestInput: c.in}); fault.CodeOf(err) != c.code {
			t.Errorf("a transfer %s, dry: %v", name, err)
		}
	}
	if w.Signer.Requests() != size {
		t.Error("the signer was asked")
	}
	// What the transfer may take already is not counted twice, and a cancellation gives nothing back before it is in a block.
	asked(t, w, replacing(id, intent.SpeedUp, "7.9"), "dear")
	if _, err := w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), draft("0.2", "0.01", payee), "more"); fault.CodeOf(err) != fault.NotEligible {
		t.Errorf("what the replace may take is promised twice: %v", err)
	}
}

func TestATransferThatIsInABlockCannotBeReplaced(t *testing.T) {
	t.Parallel()
	w, node := gatewaytest.NewSending(t, 2)
	id := approved(t, w, draft("1", "0.01", payee), "one")
	for range 3 {
		w.Scan()
		_, err := w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), replacing(id, intent.Cancel, "0.01"), "stop")
		if f, ok := fault.As(err); !ok || f.Code != fault.Conflict || f.Details["field"] != "request" {
			t.Errorf("%v", err)
		}
		node.Blocks(1)
	}
}

func TestAGatewayThatIsKilledWhileItReplacesSendsOneOfThem(t *testing.T) {
	t.Parallel()
	for _, action := range []string{intent.SpeedUp, intent.Cancel} {
		for step := 1; ; step++ {
			w, node, id := stuck(t, 2)
			other := approved(t, w, replacing(id, action, "0.01"), "other")
			killed := killedAt(w, step, func() {
				for range 3 {
					_ = w.Gateway.Deposits(context.Background(), gatewaytest.ChainID)
					node.Blocks(1)
				}
			})
			w.Restart()
			settled(w, node)
			end, has := wire.RequestCompleted, gatewaytest.Wei("1")
			if action == intent.Cancel {
				end, has = wire.RequestCancelled, "0"
			}
			ended(t, w, id, end, wire.SendingReplaced, other)
			r := ended(t, w, other, wire.RequestCompleted, wire.SendingConfirmed, "")
			if nonce, got := spent(t, w, node); nonce != 1 || got != has || len(r.Sending.Attempts) != 1 {
				t.Fatalf("killed before write %d: %d transactions were sent, and %s wei arrived: %+v", step, nonce, got, r.Sending)
			}
			if !killed {
				if step < 8 {
					t.Errorf("only %d steps were tried", step)
				}
				break
			}
		}
	}
}

func TestAReplaceWhoseBlockLeavesTheChainIsDecidedAgainAlsoByAGatewayThatIsKilled(t *testing.T) {
	t.Parallel()
	open := 0
	for step := 1; ; step++ {
		w, node, id := stuck(t, 2)
		before := node.Number()
		stop := approved(t, w, replacing(id, intent.Cancel, "0.01"), "stop")
		w.Scan()
		node.Blocks(2)
		w.Scan()
		ended(t, w, id, wire.RequestCancelled, wire.SendingReplaced, stop)
		if err := node.SetHead(before); err != nil {
			t.Fatal(err)
		}
		node.Fund("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", 1)
		node.Blocks(5) // another branch, which is longer
		killed := killedAt(w, step, func() { _ = w.Gateway.Deposits(context.Background(), gatewaytest.ChainID) })
		r := look(t, w, id)
		if r.State == wire.RequestApproved && r.Sending.State == wire.SendingSubmitted && r.Sending.ReplacedBy == "" {
			open++
		}
		w.Restart()
		settled(w, node)
		ended(t, w, id, wire.RequestCancelled, wire.SendingReplaced, stop)
		ended(t, w, stop, wire.RequestCompleted, wire.SendingConfirmed, "")
		if nonce, has := spent(t, w, node); nonce != 1 || has != "0" {
			t.Errorf("%d transactions were sent, and %s wei arrived", nonce, has)
		}
		if !killed {
			break
		}
	}
	if open == 0 {
		t.Error("the transfer was not open again after the block of its cancellation left the chain")
	}
}

// killedAt does something in a gateway that is killed before one of its writes; false: it
// ended before.
func killedAt(w *gatewaytest.World, step int, do func()) (killed bool) {
	writes := 0
	w.Writing = func() {
		if writes++; writes == step {
			panic("killed")
		}
	}
	defer func() { killed, w.Writing = recover() != nil, nil }()
	do()
	return false
}

// Clients ask while the chain is read; the race detector looks on.
func TestClientsAskWhatReplacingCostsWhileTheChainIsRead(t *testing.T) {
	t.Parallel()
	w, _, id := stuck(t, 2)
	asked := make(chan error, 1)
	go func() {
		for range 8 {
			_, err := w.Gateway.ReplaceCost(t.Context(), gatewaytest.Caller(), id, intent.SpeedUp)
			if err == nil {
				_, err = w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), replacing(id, intent.SpeedUp, "0.00000011"), "less")
			}
			if f, ok := fault.As(err); !ok || f.Details["reason"] != "FEE_TOO_LOW" {
				asked <- err
				return
			}
		}
		asked <- nil
	}()
	for range 8 {
		w.Scan()
	}
	if err := <-asked; err != nil {
		t.Error(err)
	}
}
