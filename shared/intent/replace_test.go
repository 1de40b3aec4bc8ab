package intent

import (
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/field"
	"countersign/shared/governance"
	"countersign/shared/spec"
	"countersign/shared/strictjson"
)

// sampleReplace cancels [sampleTransfer].
func sampleReplace() Replace {
	x := sampleTransfer()
	return Replace{
		Kind: KindReplace, V: 1, Account: x.Account, AccountName: x.AccountName, Request: "req_bbbbbbbbbbbbbbbbbbbbbbbbbb", Action: Cancel, Chain: x.Chain,
		From: "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf", Nonce: 7, Crypto: x.Crypto, To: x.To, FeeBefore: x.MaxFee, MaxFee: Crypto{"0.0042", "ethereum"},
		Purpose: "The invoice was paid twice",
	}
}

func TestACancellationSendsNothingAndASpeedUpTheSameForAHigherFee(t *testing.T) {
	t.Parallel()
	x := sampleReplace()
	if m := x.Sends(); m.What != (Crypto{"0", "ethereum"}) || m.To != x.From || m.Fee != x.MaxFee {
		t.Errorf("%+v", m)
	}
	x.Action = SpeedUp
	was := sampleTransfer().Sends()
	if was.Fee = x.MaxFee; x.Sends() != was {
		t.Errorf("%+v", x.Sends())
	}
}

func TestAReplaceIsHeldAgainstTheTablesOfToday(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*Replace)
		field  string // empty: accepted
	}{
		{"a cancellation", func(*Replace) {}, ""},
		{"a cancellation for a lower fee", func(x *Replace) { x.MaxFee.Amount = "0.001" }, ""},
		{"a speed-up", func(x *Replace) { x.Action = SpeedUp }, ""},
		{"a speed-up for the same fee", func(x *Replace) { x.Action, x.MaxFee = SpeedUp, x.FeeBefore }, "max_fee.amount"},
		{"a speed-up of a token", func(x *Replace) { x.Action, x.Chain, x.Crypto = SpeedUp, "eip155:1", Crypto{"10", usdc} }, ""},
		{"another action", func(x *Replace) { x.Action = "cancel" }, "action"},
		{"no request", func(x *Replace) { x.Request = "" }, "request"},
		{"a nonce below zero", func(x *Replace) { x.Nonce = -1 }, "nonce"},
		{"an asset of another chain", func(x *Replace) { x.Crypto.Asset = "bitcoin" }, "crypto.asset"},
		{"a fee in another coin", func(x *Replace) { x.MaxFee.Asset, x.FeeBefore.Asset = "polygon", "polygon" }, "max_fee.asset"},
		{"a fee in another coin than before", func(x *Replace) { x.FeeBefore.Asset = "polygon" }, "max_fee.asset"},
		{"a fee of nothing", func(x *Replace) { x.MaxFee.Amount = "0" }, "max_fee.amount"},
		{"an address of another chain", func(x *Replace) { x.To.Address = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4" }, "to.address"},
		{"a draft", func(x *Replace) { *x = x.Drafted().(Replace) }, "account_name"},
		{"a purpose of two lines", func(x *Replace) { x.Purpose = "rent\nYou send 1" }, "purpose"},
	} {
		x := sampleReplace()
		c.change(&x)
		err := x.CheckNow()
		p, _ := err.(*field.Problem)
		if c.field == "" && err != nil || c.field != "" && (p == nil || p.Field != c.field) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestTheVaultSaysWhatIsReplaced(t *testing.T) {
	t.Parallel()
	v := vaultOf{"acc_treasury": {Name: "Treasury", Chain: "eip155:31337", Address: sampleReplace().From}, "acc_other": {Name: "Other", Chain: "eip155:31337"}}
	draft := sampleReplace().Drafted().(Replace)
	if filled, err := draft.Fill(v); err != nil || filled != sampleReplace() {
		t.Errorf("%+v, %v", filled, err)
	}
	for name, c := range map[string]struct {
		change func(*Replace)
		code   fault.Code
	}{
		"of which nothing was signed": {func(x *Replace) { x.Request = "req_cccccccccccccccccccccccccc" }, fault.Conflict},
		"of another account":          {func(x *Replace) { x.Account = "acc_other" }, fault.Conflict},
		"of no account":               {func(x *Replace) { x.Account = "acc_none" }, fault.NotFound},
	} {
		x := draft
		c.change(&x)
		if _, err := x.Fill(v); fault.CodeOf(err) != c.code {
			t.Errorf("one %s: %v", name, err)
		}
	}
}

func TestTheJournalTellsOfAReplace(t *testing.T) {
	t.Parallel()
	want := "cancel transfer req_bbbbbbbbbbbbbbbbbbbbbbbbbb of 1.5 ETH (ethereum), fee at most 0.0042 ETH (ethereum)\nfrom Treasury (acc_treasury)\n" +
		"to 0x52908400098527886E0F7030069857D2E4169EE7 on Sandbox chain (eip155:31337)\nfor \"The invoice was paid twice\""
	if got := strings.Join(sampleReplace().Record().Tell(), "\n"); got != want {
		t.Errorf("%s", got)
	}
}

func TestThePagesRuleAllowsReplacesUpToItsFeeAndNoTransfer(t *testing.T) {
	t.Parallel()
	var rule governance.Rule
	if err := strictjson.UnmarshalCanonical([]byte(spec.Examples(t, "intent.md", "replace, version 1", "json")[1]), &rule, MaxSize); err != nil {
		t.Fatal(err)
	}
	in := governance.Input{Rules: governance.Set{Version: 1, Rules: []governance.Rule{rule}}}
	for _, id := range rule.Steps[0].Members {
		in.Members = append(in.Members, governance.Member{ID: id, Name: id})
	}
	dear := sampleReplace()
	dear.MaxFee.Amount = "1"
	for name, c := range map[string]struct {
		of   Intent
		want governance.State
	}{"a replace": {sampleReplace(), governance.Pending}, "one for a high fee": {dear, governance.Denied}, "a transfer": {sampleTransfer(), governance.Denied}} {
		in.Facts = c.of.Facts()
		if d := governance.Decide(in); d.State != c.want {
			t.Errorf("%s is %s: %q", name, d.State, d.Reasons)
		}
	}
}
