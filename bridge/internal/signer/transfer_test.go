package signer

import (
	"bytes"
	"strings"
	"testing"

	"countersign/shared/effects"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/statement"
	"countersign/shared/wire"
)

// sends is a draft of a transfer.
func (g *rig) sends(id string) wire.SignerRequestInput {
	in := g.input(id)
	in.Intent = intenttest.Doc(intent.Transfer{
		Kind: intent.KindTransfer, V: 1, Account: treasury, Crypto: intent.Crypto{Amount: "1.5", Asset: "ethereum"},
		To: intent.Recipient{Address: "0x52908400098527886E0F7030069857D2E4169EE7"}, MaxFee: intent.Crypto{Amount: "0.0021", Asset: "ethereum"}, Purpose: "Invoice 2026-117",
	})
	return in
}

// purchasesAndTransfers are rules of which one names transfers and what replaces them, of at most 10 ETH at once
// and 11 a day.
func purchasesAndTransfers() governance.Set {
	rules := twoOfThree()
	rules.Rules = append(rules.Rules, governance.Rule{Name: "transfers", Steps: rules.Rules[0].Steps, When: []governance.Condition{
		{Filter: &governance.Filter{Kinds: []string{intent.KindTransfer, intent.KindReplace}}},
		{Amount: &governance.Amount{Currency: "ethereum", Max: "10"}},
		{Velocity: &governance.Velocity{Currency: "ethereum", Seconds: 86400, Max: "11"}},
	}})
	return rules
}

// andMessages are [purchasesAndTransfers], and a rule for messages.
func andMessages() governance.Set {
	rules := purchasesAndTransfers()
	rules.Rules = append(rules.Rules, governance.Rule{Name: "messages", Steps: rules.Rules[0].Steps, When: []governance.Condition{{Filter: &governance.Filter{Kinds: []string{intent.KindMessage}}}}})
	return rules
}

func TestTwoMembersApproveATransferOfWhichTheyReadWhatItDoes(t *testing.T) {
	t.Parallel()
	g := newRig(t, purchasesAndTransfers())
	keys := len(g.vault.Keys)
	var r wire.SignerRequest
	if code := g.call("POST", "/v1/requests", g.sends(testReq), &r); code != "" || r.GovernedBy.Rule != "transfers" || r.Attestation != "" || len(g.vault.Keys) != keys {
		t.Fatalf("%s: %+v, %d keys made", code, r, len(g.vault.Keys)-keys)
	}
	for _, member := range []string{"mem_alice", "mem_bob"} {
		l := mustConnect(t, g, member)
		data, ferr := l.Statement(testReq, statement.Approve)
		if ferr != nil {
			t.Fatal(ferr)
		}
		a, err := statement.Decode[statement.Approval](data)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.CheckNow(); err != nil {
			t.Error(err)
		}
		wants, err := a.Wants()
		if err != nil {
			t.Fatal(err)
		}
		if err := effects.Check(a.Effects, wants); err != nil {
			t.Error(err)
		}
		text, err := statement.Text(a)
		if err != nil || !strings.HasPrefix(text, "Decision      APPROVE this transfer\nYou send      1.5 ETH (ethereum)\nFee at most   0.0021 ETH (ethereum)\nFrom account  Treasury (acc_treasury)\n") {
			t.Errorf("%v\n%s", err, text)
		}
		if _, _, ferr := l.Decide(testReq, statement.Approve); ferr != nil {
			t.Fatal(ferr)
		}
	}
	g.restart()
	if code := g.call("GET", "/v1/requests/"+testReq, nil, &r); code != "" || r.State != string(governance.Approved) || r.UseBy == nil {
		t.Errorf("%s: %+v", code, r)
	}
}

func TestTransfersAreRefused(t *testing.T) {
	t.Parallel()
	edit := func(f func(*intent.Transfer)) func(*wire.SignerRequestInput) {
		return func(in *wire.SignerRequestInput) { intenttest.Edit(&in.Intent, f) }
	}
	g := newRig(t, purchasesAndTransfers())
	if code := g.call("POST", "/v1/requests", g.sends(testReq), nil); code != "" {
		t.Fatal(code)
	}
	account, _ := g.service.state.Account(treasury)
	own := account.Address
	for name, row := range map[string]struct {
		edit func(*wire.SignerRequestInput)
		code fault.Code
	}{
		"same id, other amount": {func(in *wire.SignerRequestInput) {
			in.Request = testReq
			edit(func(x *intent.Transfer) { x.Crypto.Amount = "2" })(in)
		}, fault.Conflict},
		"an unknown account":                               {edit(func(x *intent.Transfer) { x.Account = "acc_other" }), fault.NotFound},
		"the account's own address":                        {edit(func(x *intent.Transfer) { x.To.Address = own }), fault.Invalid},
		"an address without its check":                     {edit(func(x *intent.Transfer) { x.To.Address = strings.ToLower(own) }), fault.Invalid},
		"an asset of another chain":                        {edit(func(x *intent.Transfer) { x.Crypto.Asset = "bitcoin" }), fault.Invalid},
		"a fee in another coin":                            {edit(func(x *intent.Transfer) { x.MaxFee.Asset = "polygon" }), fault.Invalid},
		"an exponent":                                      {edit(func(x *intent.Transfer) { x.Crypto.Amount = "1e3" }), fault.Invalid},
		"a purpose of two lines":                           {edit(func(x *intent.Transfer) { x.Purpose = "rent\nYou send 1" }), fault.Invalid},
		"more than the rule allows":                        {edit(func(x *intent.Transfer) { x.Crypto.Amount = "10.01" }), fault.Denied},
		"more than the rule allows today, with what waits": {edit(func(x *intent.Transfer) { x.Crypto.Amount = "10" }), fault.Denied}, // 9.5 is left
		"another version": {func(in *wire.SignerRequestInput) {
			in.Intent = bytes.Replace(in.Intent, []byte(`"v":1`), []byte(`"v":2`), 1)
		}, fault.IntentUnsupported},
	} {
		in := g.sends("req_cccccccccccccccccccccccccc")
		row.edit(&in)
		size := g.service.Status().Log.Size
		if code := g.call("POST", "/v1/requests", in, nil); code != row.code || g.service.Status().Log.Size != size {
			t.Errorf("%s: %q, want %s", name, code, row.code)
		}
	}
}

func TestARuleThatNamesNoKindsAllowsNoTransfer(t *testing.T) {
	t.Parallel()
	rules := twoOfThree()
	rules.Rules[0].When = nil
	g := newRig(t, rules)
	if code := g.call("POST", "/v1/requests", g.sends(testReq), nil); code != fault.Denied {
		t.Errorf("%q", code)
	}
	g.request(testReq)
}
