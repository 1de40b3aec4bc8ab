package preset

import (
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/spec"
)

func sample() Layered {
	return Layered{
		Treasury: "acc_treasury", TreasuryName: "Treasury", Trading: "acc_trading", TradingName: "Trading", Chain: "eip155:1",
		Officers: "grp_officers", Operators: "grp_operators", Whitelist: "wls_suppliers", Quorum: 2, Delay: 3600,
		Asset: "ethereum", Small: "1", Daily: "5", Currency: "EUR", Purchase: "1000", Bought: "5000",
	}
}

const treasury, trading, supplier, stranger = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf", "0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF", "0x52908400098527886E0F7030069857D2E4169EE7", "0x8617E340B3D01FA5F11F306F4090FD50E238070D"

var now = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

// vault is what the rules of the accounts are asked in.
func vault() governance.Objects {
	return governance.Objects{
		Members: []governance.Member{{ID: "mem_alice", Name: "Alice"}, {ID: "mem_bob", Name: "Bob"}, {ID: "mem_carol", Name: "Carol"}, {ID: "mem_dave", Name: "Dave"}},
		Groups:  []governance.Group{{Group: "grp_officers", Name: "Officers", Members: []string{"mem_alice", "mem_bob"}}, {Group: "grp_operators", Name: "Operators", Members: []string{"mem_carol", "mem_dave"}}},
		Lists:   []governance.List{{Whitelist: "wls_suppliers", Name: "Suppliers", Entries: []governance.Entry{{Address: supplier, Chain: "eip155:1", Label: "Mill"}}}},
		Accounts: []governance.Account{
			{Account: "acc_treasury", Chain: "eip155:1", Address: treasury}, {Account: "acc_trading", Chain: "eip155:1", Address: trading, Parent: "acc_treasury"},
		},
	}
}

func TestEachLayerPaysWhomItMay(t *testing.T) {
	t.Parallel()
	accounts, err := sample().Accounts()
	if err != nil {
		t.Fatal(err)
	}
	rules := map[string]governance.Set{}
	for _, a := range accounts {
		if err := a.Rules.Check(vault()); err != nil {
			t.Fatal(err)
		}
		rules[a.Account] = a.Rules
	}
	send := func(account, amount, to string) governance.Facts {
		return governance.Facts{Kind: intent.KindTransfer, Account: account, Asset: "ethereum", Amount: amount, Currency: "ethereum", Chain: "eip155:1", Address: to}
	}
	buy := func(account, amount string) governance.Facts {
		return governance.Facts{Kind: intent.KindBuy, Account: account, Asset: "ethereum", Amount: amount, Currency: "EUR", Provider: "northpay"}
	}
	spent := []governance.Spent{{Currency: "ethereum", Seconds: 86400, Amount: "4.5"}, {Currency: "EUR", Seconds: 86400, Amount: "4500"}}
	for name, c := range map[string]struct {
		facts governance.Facts
		spent []governance.Spent
		rule  string // empty: denied
	}{
		"the treasury pays the trading account":      {send("acc_treasury", "1000", trading), nil, "fund"},
		"the treasury pays a supplier":               {send("acc_treasury", "1", supplier), nil, ""},
		"the treasury pays a stranger":               {send("acc_treasury", "1", stranger), nil, ""},
		"the treasury buys":                          {buy("acc_treasury", "10"), nil, ""},
		"the treasury signs a message":               {governance.Facts{Kind: intent.KindMessage, Account: "acc_treasury", Chain: "eip155:1"}, nil, ""},
		"the trading account signs one":              {governance.Facts{Kind: intent.KindMessage, Account: "acc_trading", Chain: "eip155:1"}, nil, ""},
		"the trading account pays a supplier little": {send("acc_trading", "1", supplier), nil, "small transfers"},
		"much":                              {send("acc_trading", "1.01", supplier), nil, "large transfers"},
		"little, after much on the day":     {send("acc_trading", "1", supplier), spent, "large transfers"},
		"the trading account pays back":     {send("acc_trading", "40", treasury), nil, "return"},
		"the trading account pays stranger": {send("acc_trading", "1", stranger), nil, ""},
		"the trading account buys":          {buy("acc_trading", "1000"), nil, "small purchases"},
		"it buys for more":                  {buy("acc_trading", "1000.01"), nil, "large purchases"},
		"it buys after much on the day":     {buy("acc_trading", "1000"), spent, "large purchases"},
	} {
		o := vault()
		in := governance.Input{
			Rules: rules[c.facts.Account], Facts: c.facts, Created: now, Now: now, Spent: c.spent, Members: o.Members, Groups: o.Groups, Lists: o.Lists, Accounts: o.Accounts,
		}
		if in.Spent == nil {
			in.Spent = []governance.Spent{{Currency: "ethereum", Seconds: 86400, Amount: "0"}, {Currency: "EUR", Seconds: 86400, Amount: "0"}}
		}
		if d := governance.Decide(in); d.Rule != c.rule || d.State.Open() != (c.rule != "") {
			t.Errorf("%s: %s by %q, %q", name, d.State, d.Rule, d.Reasons)
		}
	}
}

func TestTheAccountsAreCreatedInOrder(t *testing.T) {
	t.Parallel()
	all, err := sample().Creations()
	if err != nil || len(all) != 2 || all[0].Account != "acc_treasury" || all[1].Parent != "acc_treasury" {
		t.Fatalf("%+v, %v", all, err)
	}
	for _, i := range all {
		if !intent.Same(i, i.Drafted()) {
			t.Errorf("%+v has what the vault fills", i)
		}
	}
}

func TestLayersThatDoNotFitAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*Layered)
		field string
	}{
		"one account":                {func(l *Layered) { l.Trading = l.Treasury }, "trading"},
		"an account of another kind": {func(l *Layered) { l.Treasury = "grp_treasury" }, "treasury"},
		"no name":                    {func(l *Layered) { l.TradingName = "" }, "trading_name"},
		"an unknown chain":           {func(l *Layered) { l.Chain = "eip155:5" }, "chain"},
		"no officers":                {func(l *Layered) { l.Officers = "" }, "officers"},
		"no operators":               {func(l *Layered) { l.Operators = "mem_carol" }, "operators"},
		"no whitelist":               {func(l *Layered) { l.Whitelist = "" }, "whitelist"},
		"one officer":                {func(l *Layered) { l.Quorum = 1 }, "quorum"},
		"a delay of a second":        {func(l *Layered) { l.Delay = 1 }, "delay"},
		"an asset of another chain":  {func(l *Layered) { l.Asset = "bitcoin" }, "asset"},
		"an amount that is none":     {func(l *Layered) { l.Small = "1e3" }, "small"},
		"less a day than at once":    {func(l *Layered) { l.Daily = "0.5" }, "daily"},
		"an unknown currency":        {func(l *Layered) { l.Currency = "EUX" }, "currency"},
		"less bought than at once":   {func(l *Layered) { l.Bought = "999" }, "bought"},
	} {
		l := sample()
		c.spoil(&l)
		_, err := l.Accounts()
		if f, _ := fault.As(err); f == nil || f.Code != fault.Invalid || f.Details["field"] != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
	l := sample()
	l.Delay = 0
	if all, err := l.Accounts(); err != nil || len(all[0].Rules.Rules[0].Steps) != 1 {
		t.Errorf("without a delay: %+v, %v", all, err)
	}
}

func TestThePageHasTheRulesOfTheLayers(t *testing.T) {
	t.Parallel()
	accounts, err := sample().Accounts()
	if err != nil {
		t.Fatal(err)
	}
	var rules []string
	for _, a := range accounts {
		for _, r := range a.Rules.Rules {
			rules = append(rules, r.Name)
		}
	}
	spec.Same(t, "rules", spec.Column(t, "governance.md", "Layered wallets", "rule", 0), rules)
}
