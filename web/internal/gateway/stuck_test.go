package gateway_test

import (
	"context"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"countersign/shared/gas"
	"countersign/shared/intent"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/chain"
	"countersign/web/internal/gateway"
	"countersign/web/internal/gateway/gatewaytest"
	"countersign/web/internal/store"
)

// sweepable is a vault whose account has a standing rule.
func sweepable(t *testing.T) (*gatewaytest.World, *gatewaytest.Sandbox) {
	t.Helper()
	w, node := gatewaytest.NewSending(t, 1)
	own := w.Signer.Genesis.Accounts[0]
	w.Signer.Change("req_gggggggggggggggggggggggggg", intent.AccountEdit{
		Kind: intent.KindAccountEdit, V: 1, Account: gatewaytest.Account, FromVersion: 1, Name: own.Name, Rules: own.Rules, Sweep: &intent.Sweep{MaxFee: "0.001", PerDay: "0.01"},
	})
	return w, node
}

func TestADepositIsSweptHoweverManyAddressesHaveTooLittleForIt(t *testing.T) {
	t.Parallel()
	w, node := sweepable(t)
	for range 20 { // as what sweeps before left there, or a stranger sent
		if _, err := node.Transfer(node.Faucet, common.HexToAddress(w.Requested().Address.Address), big.NewInt(1)); err != nil {
			t.Fatal(err)
		}
	}
	r := w.Requested()
	node.Fund(r.Address.Address, 1)
	for range 3 {
		node.Blocks(1)
		w.Scan()
	}
	if node.Sent(r.Address.Address) != 1 {
		t.Errorf("%s has %s", r.Address.Address, node.Has(r.Address.Address))
	}
}

func TestASweepOfMoreThanThereIsIsSignedAgainForWhatThereIs(t *testing.T) {
	t.Parallel()
	w, node := sweepable(t)
	r := w.Requested()
	_, err := w.Vaults()[0].Signer.Sweep(t.Context(), wire.SignerSweepInput{ // another gateway, which knows better, or worse
		Account: gatewaytest.Account, Address: r.Address.Address, Amount: gatewaytest.Wei("1000"),
		Fees: gas.Fees{Gas: 21000, FeeCap: "47000000000", Tip: "47000000000"},
	})
	if err != nil {
		t.Fatal(err)
	}
	node.Fund(r.Address.Address, 1)
	scans := func() {
		for range 3 {
			_ = w.Gateway.SyncAll(t.Context())
			_ = w.Gateway.Deposits(t.Context(), gatewaytest.ChainID)
			node.Blocks(1)
		}
	}
	scans()
	w.Pass(2 * time.Minute)
	scans()
	scans()
	if node.Sent(r.Address.Address) != 1 {
		t.Errorf("%s has %s", r.Address.Address, node.Has(r.Address.Address))
	}
}

func TestATokenWhoseTransferHasTooLittleGasIsSignedAgainWithEnough(t *testing.T) {
	t.Parallel()
	w, node := gatewaytest.NewSending(t, 1)
	node.FundDollars(w.Signer.Genesis.Accounts[0].Address, 1000)
	w.Scan()
	w.Scan()
	id := approved(t, w, dollarsTo(payee, "400"), "one")
	_, err := w.Vaults()[0].Signer.Transaction(t.Context(), id, wire.SignerTransactionInput{Fees: gas.Fees{Gas: 21000, FeeCap: "476190476190", Tip: "476190476190"}})
	if err != nil {
		t.Fatal(err)
	}
	_ = w.Gateway.SyncAll(t.Context())
	_ = w.Gateway.Deposits(t.Context(), gatewaytest.ChainID)
	if s := look(t, w, id).Sending; s.State != wire.SendingSigned || s.Reason == "" {
		t.Fatalf("%+v", s)
	}
	w.Pass(2 * time.Minute)
	for range 3 {
		_ = w.Gateway.Deposits(t.Context(), gatewaytest.ChainID)
		node.Blocks(1)
	}
	if r := look(t, w, id); r.State != wire.RequestCompleted || len(r.Sending.Attempts) != 2 {
		t.Errorf("it is %s: %+v", r.State, r.Sending)
	}
}

// held is a sender whose node keeps what it is given, and has no block for it yet.
type held struct{ gateway.Sender }

func (held) Broadcast(context.Context, []byte) (chain.Outcome, error) { return chain.Accepted, nil }
func (held) Find(context.Context, common.Hash) (chain.Seen, error) {
	return chain.Seen{State: chain.Pending}, nil
}

func TestWhatTheAccountHasNotEnoughForBesideWhatIsOnItsWayIsNotSigned(t *testing.T) {
	t.Parallel()
	w, _ := gatewaytest.NewSendingBy(t, 1, func(s gateway.Sender) gateway.Sender { return held{s} })
	var ids []string
	for i, ether := range []string{"6", "5", "3"} { // of 10: asked for at once, at two gateways
		id := "req_" + strings.Repeat(string(rune('b'+i)), 26)
		draft, err := intent.Draft(draft(ether, "0.01", payee).Intent)
		if err != nil {
			t.Fatal(err)
		}
		w.Signer.Request(id, draft)
		w.Signer.Decide(id, "mem_alice", statement.Approve)
		w.Signer.Decide(id, "mem_bob", statement.Approve)
		ids = append(ids, id)
	}
	if err := w.Gateway.SyncAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Scan()
	for i, want := range []int{1, 0, 1} {
		s := look(t, w, ids[i]).Sending
		if len(s.Attempts) != want || (s.Reason == "") != (want == 1) {
			t.Errorf("%s: %+v", ids[i], s)
		}
	}
}

// choosy is a sender whose node refuses what pays less than a gwei for its gas.
type choosy struct{ cheap }

func (c choosy) Broadcast(ctx context.Context, raw []byte) (chain.Outcome, error) {
	var tx types.Transaction
	if err := tx.UnmarshalBinary(raw); err != nil {
		return chain.Malformed, err
	}
	if tx.GasFeeCap().Cmp(big.NewInt(1e9)) < 0 {
		return chain.TooCheap, errors.New("it pays too little")
	}
	return c.Sender.Broadcast(ctx, raw)
}

func TestATransferThatNoNodeTakesForItsFeesIsSignedWithHigherOnes(t *testing.T) {
	t.Parallel()
	on := true
	w, node := gatewaytest.NewSendingBy(t, 1, func(s gateway.Sender) gateway.Sender { return choosy{cheap{s, &on}} })
	id := approved(t, w, draft("1", "0.01", payee), "one")
	w.Scan()
	if s := look(t, w, id).Sending; s.State != wire.SendingSigned || len(s.Attempts) != 1 || s.Reason == "" {
		t.Fatalf("%+v", s)
	}
	on = false
	w.Scan()
	if s := look(t, w, id).Sending; len(s.Attempts) != 1 {
		t.Errorf("it was not waited for: %+v", s)
	}
	w.Pass(2 * time.Minute)
	w.Scan()
	w.Scan()
	r := look(t, w, id)
	if nonce, has := spent(t, w, node); r.State != wire.RequestCompleted || len(r.Sending.Attempts) != 2 || nonce != 1 || has != gatewaytest.Wei("1") {
		t.Errorf("it is %s, and %s wei arrived: %+v", r.State, has, r.Sending)
	}
}

// A signer that is killed after it logged a later attempt leaves one without bytes, which the
// node is not to be given.
func TestAnAttemptThatASignerWasKilledBeforeIsSignedFirst(t *testing.T) {
	t.Parallel()
	w, node := gatewaytest.NewSending(t, 1)
	id := approved(t, w, draft("1", "0.01", payee), "one")
	if _, err := w.Vaults()[0].Signer.Transaction(t.Context(), id, wire.SignerTransactionInput{Fees: gas.Fees{Gas: 21000, FeeCap: "1000", Tip: "1"}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Gateway.SyncAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := w.Store.Write(t.Context(), func(tx store.Tx) error { // as of its entry
		s, err := tx.Sending(gatewaytest.Entity, id)
		s.Attempts = append(s.Attempts, store.Attempt{Gas: 21000, FeeCap: "90000000000", Tip: "1000000000", At: w.Now().Unix()})
		return errors.Join(err, tx.PutSending(s))
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Scan()
	node.Blocks(1)
	w.Scan()
	if nonce, has := spent(t, w, node); nonce != 1 || has != gatewaytest.Wei("1") {
		t.Errorf("%d were sent, and %s wei arrived: %+v", nonce, has, look(t, w, id).Sending)
	}
}

func TestATransferInABlockWhoseHashIsNotKeptAnyMoreBecomesFinal(t *testing.T) {
	t.Parallel()
	w, node := gatewaytest.NewSending(t, 3)
	id := approved(t, w, draft("1", "0.01", payee), "one")
	w.Scan()
	if s := look(t, w, id).Sending; s.State != wire.SendingIncluded {
		t.Fatalf("%+v", s)
	}
	err := w.Store.Write(t.Context(), func(tx store.Tx) error { // as after blocks that nobody watched, more than are kept
		s, err := tx.Sending(gatewaytest.Entity, id)
		if err != nil {
			return err
		}
		block := s.Mined.Block
		s.State, s.Mined = store.SendingSubmitted, nil
		return errors.Join(tx.PutSending(s), tx.DropBlocks(s.Chain, 0, block))
	})
	if err != nil {
		t.Fatal(err)
	}
	node.Blocks(3)
	w.Scan()
	if r := look(t, w, id); r.State != wire.RequestCompleted {
		t.Errorf("it is %s: %+v", r.State, r.Sending)
	}
}
