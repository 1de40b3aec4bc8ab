package gateway_test

import (
	"context"
	"testing"

	"countersign/shared/gas"
	"countersign/shared/wire"
	"countersign/web/internal/chain"
	"countersign/web/internal/gateway"
	"countersign/web/internal/gateway/gatewaytest"
)

func TestASweepThatNoNodeTakesKeepsNothingOfTheAccountBack(t *testing.T) {
	t.Parallel()
	w, node := sweepable(t)
	r := w.Requested()
	_, err := w.Vaults()[0].Signer.Sweep(t.Context(), wire.SignerSweepInput{ // of what is not there
		Account: gatewaytest.Account, Address: r.Address.Address, Amount: gatewaytest.Wei("1000"),
		Fees: gas.Fees{Gas: 21000, FeeCap: "47000000000", Tip: "47000000000"},
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = w.Gateway.SyncAll(t.Context())
	_ = w.Gateway.Deposits(t.Context(), gatewaytest.ChainID)
	id := approved(t, w, draft("1", "0.01", payee), "one")
	for range 3 {
		_ = w.Gateway.Deposits(t.Context(), gatewaytest.ChainID)
	}
	if r := look(t, w, id); r.State != wire.RequestCompleted || node.Has(payee) != gatewaytest.Wei("1") {
		t.Errorf("it is %s: %+v", r.State, r.Sending)
	}
}

// paused is a sender whose node says that every contract refuses, while it is on.
type paused struct {
	gateway.Sender
	on *bool
}

func (p paused) Estimate(ctx context.Context, call chain.Call) (uint64, error) {
	if *p.on && len(call.Data) > 0 {
		return 0, &chain.RevertError{Reason: "it is paused"}
	}
	return p.Sender.Estimate(ctx, call)
}

func TestATransferThatHasItsNonceIsSignedWhateverTheNodeSaysThen(t *testing.T) {
	t.Parallel()
	on := false
	w, node := gatewaytest.NewSendingBy(t, 1, func(s gateway.Sender) gateway.Sender { return paused{s, &on} })
	own := w.Signer.Genesis.Accounts[0]
	node.FundDollars(own.Address, 1000)
	w.Scan()
	w.Scan()
	first := approved(t, w, dollarsTo(payee, "400"), "one")
	back := w.Signer.Pull(own)
	_ = w.Gateway.Deposits(t.Context(), gatewaytest.ChainID)
	_ = w.Gateway.SyncAll(t.Context())
	if s := look(t, w, first).Sending; s.State != wire.SendingApproved || len(s.Attempts) != 1 {
		t.Fatalf("%+v", s)
	}
	on = true
	second := approved(t, w, draft("1", "0.01", payee), "two")
	_ = w.Gateway.Deposits(t.Context(), gatewaytest.ChainID)
	if s := look(t, w, second).Sending; len(s.Attempts) != 0 {
		t.Errorf("what comes after it was begun: %+v", s)
	}
	back()
	for range 4 {
		_ = w.Gateway.Deposits(t.Context(), gatewaytest.ChainID)
		node.Blocks(1)
	}
	for i, id := range []string{first, second} {
		if r := look(t, w, id); r.State != wire.RequestCompleted || len(r.Sending.Attempts) != 1 || r.Sending.Attempts[0].Nonce != int64(i) {
			t.Errorf("%s is %s: %+v", id, r.State, r.Sending)
		}
	}
}
