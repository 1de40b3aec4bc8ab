package intent

import (
	"strings"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/field"
	"countersign/shared/governance"
	"countersign/shared/spec"
	"countersign/shared/strictjson"
)

func sampleTransfer() Transfer {
	return Transfer{
		Kind: KindTransfer, V: 1, Account: "acc_treasury", AccountName: "Treasury", Crypto: Crypto{"1.5", "ethereum"}, Chain: "eip155:31337",
		To: Recipient{"0x52908400098527886E0F7030069857D2E4169EE7"}, MaxFee: Crypto{"0.0021", "ethereum"}, Purpose: "Invoice 2026-117", Reference: "PO-4711",
	}
}

const usdc = "ethereum/erc20/usd__coin"

func TestATransferIsHeldAgainstTheTablesOfToday(t *testing.T) {
	t.Parallel()
	onEthereum := func(t *Transfer) { t.Chain, t.Crypto = "eip155:1", Crypto{"10", usdc} }
	for _, c := range []struct {
		name   string
		change func(*Transfer)
		field  string // empty: accepted
	}{
		{"the chain's coin", func(*Transfer) {}, ""},
		{"a token, with the fee in the chain's coin", onEthereum, ""},
		{"an asset of another chain", func(t *Transfer) { t.Crypto.Asset = "bitcoin" }, "crypto.asset"},
		{"a token of another chain", func(t *Transfer) { t.Crypto.Asset = usdc }, "crypto.asset"},
		{"an unknown asset", func(t *Transfer) { t.Crypto.Asset = "doubloons" }, "crypto.asset"},
		{"an amount finer than the asset", func(t *Transfer) { onEthereum(t); t.Crypto.Amount = "0.0000001" }, "crypto.amount"},
		{"a fee in the token", func(t *Transfer) { onEthereum(t); t.MaxFee.Asset = usdc }, "max_fee.asset"},
		{"a fee in the coin of another chain", func(t *Transfer) { t.MaxFee.Asset = "polygon" }, "max_fee.asset"},
		{"a fee of nothing", func(t *Transfer) { t.MaxFee.Amount = "0" }, "max_fee.amount"},
		{"an address of another chain", func(t *Transfer) { t.To.Address = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4" }, "to.address"},
		{"the zero address", func(t *Transfer) { t.To.Address = "0x" + strings.Repeat("0", 40) }, "to.address"},
		{"the contract of the token", func(t *Transfer) { onEthereum(t); t.To.Address = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48" }, "to.address"},
		{"a draft", func(t *Transfer) { t.AccountName = "" }, "account_name"},
		{"a purpose of two lines", func(t *Transfer) { t.Purpose = "rent\nYou send 1" }, "purpose"},
		{"a reference of two lines", func(t *Transfer) { t.Reference = "INV-7\nYou send 1" }, "reference"},
	} {
		x := sampleTransfer()
		c.change(&x)
		err := x.CheckNow()
		p, _ := err.(*field.Problem)
		if c.field == "" && err != nil || c.field != "" && (p == nil || p.Field != c.field) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// vaultOf knows one account, and what the samples change.
type vaultOf map[string]Account

func (v vaultOf) Account(id string) (Account, bool) { a, ok := v[id]; return a, ok }

func (vaultOf) Sent(request string) (Sent, error) {
	if request != sampleReplace().Request {
		return Sent{}, fault.New(fault.Conflict, "nothing was signed").With("field", "request")
	}
	return Sent{Movement: sampleTransfer().Sends(), Nonce: 7}, nil
}

func (vaultOf) Person(id string) (Person, bool) {
	p := map[string]Person{
		"mem_alice": {"Alice", "ADMIN", Active, 1}, "mem_bob": {"Bob", "OPERATOR", Active, 1},
		"mem_carol": {"Carol", "OPERATOR", Suspended, 2}, "mem_dave": {"Dave", "AUDITOR", Revoked, 2},
	}[id]
	return p, p.Version > 0
}

func (vaultOf) Group(id string) (governance.Group, int) {
	switch id {
	case "grp_officers":
		return governance.Group{Group: id, Name: "Officers", Members: []string{"mem_bob", "mem_carol"}}, 2
	case "grp_gone":
		return governance.Group{}, 3
	}
	return governance.Group{}, 0
}

func (vaultOf) Whitelist(id string) (governance.List, int) {
	if id != "wls_suppliers" {
		return governance.List{}, 0
	}
	return governance.List{Whitelist: id, Name: "Suppliers", Entries: []governance.Entry{{Address: "0x8617E340B3D01FA5F11F306F4090FD50E238070D", Chain: "eip155:1", Label: "Northern Mill"}}}, 1
}

func (vaultOf) ReportingKey(id string) ReportingKey {
	return map[string]ReportingKey{"rpk_backoffice": {"Back office", Active, 1}, "rpk_former": {"Former auditor", Revoked, 2}}[id]
}

func (vaultOf) Admins() Admins { return Admins{Count: 4, Quorum: 2, Version: 1} }
func (vaultOf) Keys() OwnKeys  { return OwnKeys{"q3WwJtzl1tDYCwoT2JKjX2yBfAq89-CWjn3wzyfNL9I", 1} }

func TestAnAccountDoesNotSendToItself(t *testing.T) {
	t.Parallel()
	x := sampleTransfer()
	x.AccountName, x.Chain = "", ""
	v := vaultOf{"acc_treasury": {Name: "Treasury", Chain: "eip155:31337", Address: "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"}}
	if filled, err := x.Fill(v); err != nil || filled != sampleTransfer() {
		t.Errorf("%+v, %v", filled, err)
	}
	x.To.Address = v["acc_treasury"].Address
	if _, err := x.Fill(v); fault.CodeOf(err) != fault.Invalid {
		t.Error(err)
	}
	x.Account = "acc_other"
	if _, err := x.Fill(v); fault.CodeOf(err) != fault.NotFound {
		t.Error(err)
	}
}

func TestAMixedListIsOfRequestsAndAddsUpEachKind(t *testing.T) {
	t.Parallel()
	list := []Intent{sampleBuy(), sampleTransfer(), sampleTransfer()}
	sum, err := Sum(list)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range TotalLines(sum) {
		got = append(got, l.Label+" "+l.Value)
	}
	want := "You pay 250.00 EUR, You get 0.0815 ETH (ethereum), Minimum 0.0799 ETH (ethereum), You send 3.0 ETH (ethereum), Fee at most 0.0042 ETH (ethereum)"
	if Count(list) != "3 requests" || strings.Join(got, ", ") != want {
		t.Errorf("%s: %q", Count(list), got)
	}
}

func TestTheJournalTellsOfATransfer(t *testing.T) {
	t.Parallel()
	want := "send 1.5 ETH (ethereum), fee at most 0.0021 ETH (ethereum)\nfrom Treasury (acc_treasury)\n" +
		"to 0x52908400098527886E0F7030069857D2E4169EE7 on Sandbox chain (eip155:31337)\nfor \"Invoice 2026-117\"\nreference \"PO-4711\""
	if got := strings.Join(sampleTransfer().Record().Tell(), "\n"); got != want {
		t.Errorf("%s", got)
	}
}

func TestThePagesRuleAllowsTransfersAndNoPurchase(t *testing.T) {
	t.Parallel()
	var rule governance.Rule
	if err := strictjson.UnmarshalCanonical([]byte(spec.Examples(t, "intent.md", "transfer, version 1", "json")[1]), &rule, MaxSize); err != nil {
		t.Fatal(err)
	}
	in := governance.Input{Rules: governance.Set{Version: 1, Rules: []governance.Rule{rule}}, Now: time.Unix(0, 0)}
	for _, id := range rule.Steps[0].Members {
		in.Members = append(in.Members, governance.Member{ID: id, Name: id})
	}
	for i, want := range map[Intent]governance.State{sampleTransfer(): governance.Pending, sampleBuy(): governance.Denied} {
		in.Facts, in.Created = i.Facts(), in.Now
		if d := governance.Decide(in); d.State != want {
			t.Errorf("a %s is %s: %q", i.Noun(), d.State, d.Reasons)
		}
	}
}
