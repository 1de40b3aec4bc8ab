package gateway_test

import (
	"math/big"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"countersign/shared/gas"
	"countersign/shared/intent"
	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
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
