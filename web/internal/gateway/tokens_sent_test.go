package gateway_test

import (
	"testing"

	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
)

// dollarsTo is a transfer of sandbox dollars.
func dollarsTo(to, amount string) wire.RequestInput {
	return wire.RequestInput{Intent: intenttest.Doc(intent.Transfer{
		Kind: intent.KindTransfer, V: 1, Account: gatewaytest.Account, Crypto: intent.Crypto{Amount: amount, Asset: gatewaytest.Dollar},
		To: intent.Recipient{Address: to}, MaxFee: intent.Crypto{Amount: "0.01", Asset: "ethereum"}, Reference: "INV-8",
	})}
}

func TestATokenIsSentAndBookedByItsLogWithTheFeeInTheChainsCoin(t *testing.T) {
	t.Parallel()
	w, node := gatewaytest.NewSending(t, 1)
	account0 := w.Signer.Genesis.Accounts[0].Address
	node.FundDollars(account0, 1000)
	w.Scan()
	w.Scan()
	id := approved(t, w, dollarsTo(payee, "400.25"), "one")
	w.Scan()
	node.Blocks(1)
	w.Scan()
	r := look(t, w, id)
	if r.State != wire.RequestCompleted || r.Sending == nil || r.Sending.State != wire.SendingConfirmed || r.Sending.Fee == "" {
		t.Fatalf("it is %s: %+v", r.State, r.Sending)
	}
	a := account(t, w)
	expect(t, "dollars", booked(t, a, "vault:"+gatewaytest.Account, gatewaytest.Dollar), "599.75")
	texts := map[string]string{}
	for _, e := range a.Entries {
		texts[e.Kind] = e.Text
	}
	expect(t, "sent", texts[wire.EntrySent], "Sent 400.25 SANDUSD to "+payee)
	expect(t, "fee", texts[wire.EntryFee], "Network fee of "+r.Sending.Fee+" ETH")

	_, err := w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), dollarsTo(payee, "599.76"), "two")
	if f, ok := fault.As(err); !ok || f.Code != fault.NotEligible || f.Details["reason"] != "INSUFFICIENT_FUNDS" {
		t.Errorf("more than is left: %v", err)
	}
}
