package signer

import (
	"testing"

	"countersign/bridge/internal/logfile"
	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/fault"
	"countersign/shared/governance"
)

func TestInitRefusesAccountsAndRulesWhoseUnitsDoNotFit(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	assets := func(ids ...string) func(*DraftAccount) {
		return func(a *DraftAccount) {
			a.Rules.Rules[0].When = []governance.Condition{{Filter: &governance.Filter{Assets: ids}}}
		}
	}
	const recipient = "0x52908400098527886E0F7030069857D2E4169EE7"
	transfers := func(unit, to string) func(*DraftAccount) {
		return func(a *DraftAccount) {
			a.Rules.Rules[0].When = []governance.Condition{{Filter: &governance.Filter{Kinds: []string{"transfer"}}},
				{Amount: &governance.Amount{Currency: unit, Max: "10"}}, {Whitelist: &governance.Whitelist{Whitelist: to}}}
		}
	}
	pays := func(kind string, r governance.Recipient) func(*DraftAccount) {
		return func(a *DraftAccount) {
			a.Rules.Rules[0].When = []governance.Condition{{Filter: &governance.Filter{Kinds: []string{kind}}}, {Recipient: &r}}
		}
	}
	valued := func(a *DraftAccount) *governance.Set {
		a.Rules.RateSource = "mem_carol"
		r := &a.Rules.Rules[0]
		r.RateWithin, r.Steps[0].Members = 900, []string{"mem_alice", "mem_bob"}
		r.When = []governance.Condition{{Filter: &governance.Filter{Kinds: []string{"transfer"}}}, {Amount: &governance.Amount{Currency: "EUR", Max: "1"}}}
		return &a.Rules
	}
	for _, c := range []struct {
		name   string
		change func(*DraftAccount)
		field  string // empty: accepted
	}{
		{"the sandbox's coin", assets("ethereum"), ""},
		{"an asset of another chain", assets("ethereum", "bitcoin"), "accounts.acc_treasury.rules.purchases.when.0.filter.assets"},
		{"a token of another chain", assets("ethereum/erc20/usd__coin"), "accounts.acc_treasury.rules.purchases.when.0.filter.assets"},
		{"an unknown asset", assets("ether"), "accounts.acc_treasury.rules.purchases.when.0.filter.assets"},
		{"an unknown chain", func(a *DraftAccount) { a.Chain = "eip155:5" }, "accounts.acc_treasury.chain"},
		{"a chain that nothing watches", func(a *DraftAccount) { a.Chain = "xrpl:0" }, "accounts.acc_treasury.chain"},
		{"an unknown currency", func(a *DraftAccount) { a.Rules.Rules[0].When[0].Amount.Currency = "EUX" }, "accounts.acc_treasury.rules.purchases.when.0.amount.currency"},
		{"a velocity in none", func(a *DraftAccount) {
			a.Rules.Rules[0].When = []governance.Condition{{Velocity: &governance.Velocity{Currency: "BTC", Seconds: 3600, Max: "1"}}}
		}, "accounts.acc_treasury.rules.purchases.when.0.velocity.currency"},
		{"a purchase in an asset", func(a *DraftAccount) { a.Rules.Rules[0].When[0].Amount.Currency = "ethereum" }, "accounts.acc_treasury.rules.purchases.when.0.amount.currency"},
		{"a time zone", func(a *DraftAccount) {
			a.Rules.Rules[0].When = []governance.Condition{{Window: &governance.Window{From: "08:00", To: "18:00", Zone: "Europe/Paris"}}}
		}, ""},
		{"a time zone that there is not", func(a *DraftAccount) {
			a.Rules.Rules[0].When = []governance.Condition{{Window: &governance.Window{From: "08:00", To: "18:00", Zone: "Europe/Lutetia"}}}
		}, "accounts.acc_treasury.rules.purchases.when.0.window.zone"},
		{"a rate of nobody", func(a *DraftAccount) { valued(a).RateSource = "" }, "accounts.acc_treasury.rules.purchases.rate_within"},
		{"a rate that is signed", func(a *DraftAccount) { valued(a) }, ""},
		{"a rate of what spends a currency", func(a *DraftAccount) { valued(a).Rules[0].When[0].Filter.Kinds = []string{"buy"} }, "accounts.acc_treasury.rules.purchases.rate_within"},
		{"a rate that no condition looks at", func(a *DraftAccount) { valued(a).Rules[0].When[1].Amount.Currency = "ethereum" }, "accounts.acc_treasury.rules.purchases.rate_within"},
		{"a source whose rates no rule looks at", func(a *DraftAccount) { a.Rules.RateSource = "mem_carol" }, "accounts.acc_treasury.rules.rate_source"},
		{"values in two currencies", func(a *DraftAccount) {
			s := valued(a)
			s.Rules[0].When = append(s.Rules[0].When, governance.Condition{Velocity: &governance.Velocity{Currency: "USD", Seconds: 3600, Max: "1"}})
		}, "accounts.acc_treasury.rules.purchases.rate_within"},
		{"a count of purchases", func(a *DraftAccount) {
			a.Rules.Rules[0].When = []governance.Condition{{Velocity: &governance.Velocity{Seconds: 3600, Count: 2}}}
		}, ""},
		{"an amount and a recipient of transfers", transfers("ethereum", "wls_ours"), ""},
		{"a transfer in a currency", transfers("EUR", "wls_ours"), "accounts.acc_treasury.rules.purchases.when.1.amount.currency"},
		{"a transfer of what the chain does not hold", transfers("bitcoin", "wls_ours"), "accounts.acc_treasury.rules.purchases.when.1.amount.currency"},
		{"recipients on another chain", transfers("ethereum", "wls_elsewhere"), "accounts.acc_treasury.rules.purchases.when.2.whitelist.whitelist"},
		{"an unknown kind", func(a *DraftAccount) {
			a.Rules.Rules[0].When = []governance.Condition{{Filter: &governance.Filter{Kinds: []string{"buy", "sell"}}}}
		}, "accounts.acc_treasury.rules.purchases.when.0.filter.kinds"},
		{"a child that receives", pays("transfer", governance.Recipient{Children: true}), ""},
		{"an account that receives", pays("transfer", governance.Recipient{Accounts: []string{"acc_trading"}}), ""},
		{"the account itself as its recipient", pays("transfer", governance.Recipient{Accounts: []string{treasury}}), "accounts.acc_treasury.rules.purchases.when.1.recipient.accounts"},
		{"an account on another chain", pays("transfer", governance.Recipient{Accounts: []string{"acc_mainnet"}}), "accounts.acc_treasury.rules.purchases.when.1.recipient.accounts"},
		{"a child that receives purchases", pays("buy", governance.Recipient{Children: true}), "accounts.acc_treasury.rules.purchases.when.1.recipient"},
		{"a recipient of purchases", func(a *DraftAccount) {
			a.Rules.Rules[0].When = []governance.Condition{{Whitelist: &governance.Whitelist{Whitelist: "wls_ours"}}}
		}, "accounts.acc_treasury.rules.purchases.when.0.whitelist.whitelist"},
	} {
		d := g.draft(twoOfThree())
		d.Whitelists = []governance.List{
			{Whitelist: "wls_ours", Name: "Ours", Entries: []governance.Entry{{Address: recipient, Chain: "eip155:31337", Label: "Payroll"}}},
			{Whitelist: "wls_elsewhere", Name: "Elsewhere", Entries: []governance.Entry{{Address: recipient, Chain: "eip155:1", Label: "Payroll"}}},
		}
		trading, mainnet := d.Accounts[0], d.Accounts[0]
		trading.Account, trading.Name, trading.Parent, trading.Rules = "acc_trading", "Trading", treasury, twoOfThree()
		mainnet.Account, mainnet.Name, mainnet.Chain, mainnet.Rules = "acc_mainnet", "Mainnet", "eip155:1", twoOfThree()
		d.Accounts = append(d.Accounts, trading, mainnet)
		c.change(&d.Accounts[0])
		if d.Accounts[0].Chain != trading.Chain {
			d.Accounts[1].Parent = ""
		}
		v := membertest.NewVault()
		f, err := logfile.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		deps := g.deps(f)
		deps.Vault = v
		_, err = Prepare(t.Context(), deps, d, nil)
		_ = f.Close()
		fields, _ := fault.As(err)
		if c.field == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if fields == nil || fields.Code != fault.Invalid || fields.Details["field"] != c.field || len(v.Keys) > 0 {
			t.Errorf("%s: %v with %d keys made", c.name, err, len(v.Keys))
		}
	}
}

func TestInitRefusesAWhitelistWhoseAddressesCannotReceive(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	for name, e := range map[string]governance.Entry{
		"an address without its check": {Address: "0x52908400098527886e0f7030069857d2e4169ee7", Chain: "eip155:1", Label: "Payroll"},
		"a changed digit":              {Address: "0x52908400098527886E0F7030069857D2E4169EE8", Chain: "eip155:1", Label: "Payroll"},
		"the zero address":             {Address: "0x0000000000000000000000000000000000000000", Chain: "eip155:1", Label: "Payroll"},
		"an unknown chain":             {Address: "0x52908400098527886E0F7030069857D2E4169EE7", Chain: "eip155:5", Label: "Payroll"},
	} {
		d := g.draft(twoOfThree())
		d.Whitelists = []governance.List{{Whitelist: "wls_ours", Name: "Ours", Entries: []governance.Entry{e}}}
		f, _ := fault.As(d.checkUnits())
		if f == nil || f.Details["field"] != "whitelists.wls_ours.entries.0.address" {
			t.Errorf("%s: %v", name, f)
		}
	}
}
