package signer

import (
	"strings"
	"testing"

	"countersign/bridge/internal/logfile"
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
				{Amount: &governance.Amount{Currency: unit, Max: "10"}}, {Whitelist: &governance.Whitelist{Addresses: []string{to}}}}
		}
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
		{"a currency that is none", func(a *DraftAccount) { a.Rules.Rules[0].When[0].Amount.Currency = "EUX" }, "accounts.acc_treasury.rules.purchases.when.0.amount.currency"},
		{"a velocity in none", func(a *DraftAccount) {
			a.Rules.Rules[0].When = []governance.Condition{{Velocity: &governance.Velocity{Currency: "BTC", Seconds: 3600, Max: "1"}}}
		}, "accounts.acc_treasury.rules.purchases.when.0.velocity.currency"},
		{"a purchase in an asset", func(a *DraftAccount) { a.Rules.Rules[0].When[0].Amount.Currency = "ethereum" }, "accounts.acc_treasury.rules.purchases.when.0.amount.currency"},
		{"an amount and a recipient of transfers", transfers("ethereum", recipient), ""},
		{"a transfer in a currency", transfers("EUR", recipient), "accounts.acc_treasury.rules.purchases.when.1.amount.currency"},
		{"a transfer of what the chain does not hold", transfers("bitcoin", recipient), "accounts.acc_treasury.rules.purchases.when.1.amount.currency"},
		{"a recipient without its check", transfers("ethereum", strings.ToLower(recipient)), "accounts.acc_treasury.rules.purchases.when.2.whitelist.addresses"},
		{"an unknown kind", func(a *DraftAccount) {
			a.Rules.Rules[0].When = []governance.Condition{{Filter: &governance.Filter{Kinds: []string{"buy", "sell"}}}}
		}, "accounts.acc_treasury.rules.purchases.when.0.filter.kinds"},
		{"a recipient of purchases", func(a *DraftAccount) {
			a.Rules.Rules[0].When = []governance.Condition{{Whitelist: &governance.Whitelist{Addresses: []string{"0x52908400098527886E0F7030069857D2E4169EE7"}}}}
		}, "accounts.acc_treasury.rules.purchases.when.0.whitelist.addresses"},
	} {
		d := g.draft(twoOfThree())
		c.change(&d.Accounts[0])
		v := newMemVault()
		f, err := logfile.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		deps := g.deps(f)
		deps.Vault = v
		_, err = Create(t.Context(), deps, d, func(Enrolment) error { return nil })
		_ = f.Close()
		fields, _ := fault.As(err)
		if c.field == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if fields == nil || fields.Code != fault.Invalid || fields.Details["field"] != c.field || len(v.keys) > 0 {
			t.Errorf("%s: %v with %d keys made", c.name, err, len(v.keys))
		}
	}
}
