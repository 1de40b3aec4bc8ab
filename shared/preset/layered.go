// Package preset writes rules that fit together, for a vault that begins with them or gets
// them by requests: they are rules like any other, and whoever signs them reads them. Pure.
// `countersign-bridge governance preset` prints them. Spec: shared/spec/governance.md.
package preset

import (
	"countersign/shared/amount"
	"countersign/shared/asset"
	"countersign/shared/fault"
	"countersign/shared/field"
	"countersign/shared/governance"
	"countersign/shared/id"
	"countersign/shared/intent"
	"countersign/shared/statement"
)

// Layered are two accounts in layers: a treasury, which holds most of the assets and may
// only pay the trading account, and that account, which has the everyday rules.
type Layered struct {
	Treasury, Trading         string // their ids
	TreasuryName, TradingName string
	Chain                     string // CAIP-2, of both

	Officers  string // the group whose quorum decides on the treasury, and on what is large
	Operators string // the group that asks for what is small, and approves it
	Whitelist string // of those whom the trading account may pay

	Quorum   int   // of the officers, at least 2
	Delay    int64 // seconds between their approval and a transfer from the treasury; 0: none
	Asset    string
	Small    string // what operators may send of Asset in one transfer, a decimal
	Daily    string // and in 24 hours
	Currency string // ISO 4217
	Purchase string // what operators may buy for in one purchase, a decimal of Currency
	Bought   string // and in 24 hours
}

// Accounts are the two accounts, the treasury first, whose keys and addresses are not made
// yet. It fails with INVALID_REQUEST, details field.
func (l Layered) Accounts() ([]statement.GenesisAccount, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	return []statement.GenesisAccount{
		{Account: l.Treasury, Name: l.TreasuryName, Chain: l.Chain, Tier: intent.Treasury, Rules: governance.Set{Version: 1, Rules: l.treasury()}},
		{Account: l.Trading, Name: l.TradingName, Chain: l.Chain, Tier: intent.Trading, Parent: l.Treasury, Rules: governance.Set{Version: 1, Rules: l.trading()}},
	}, nil
}

// Creations are the drafts of requests that create the two accounts, in the order in which
// they are approved. It fails as [Layered.Accounts] does.
func (l Layered) Creations() (all []intent.AccountCreate, err error) {
	accounts, err := l.Accounts()
	for _, a := range accounts {
		a.Rules.Version = 0 // the vault's to fill
		all = append(all, intent.AccountCreate{
			Kind: intent.KindAccountCreate, V: 1, Account: a.Account, Name: a.Name, Chain: a.Chain, Tier: a.Tier, Parent: a.Parent, Rules: a.Rules,
		})
	}
	return all, err
}

func (l Layered) check() error {
	var c field.Checks
	c.ID(id.Account, l.Treasury, "treasury")
	c.ID(id.Account, l.Trading, "trading")
	c.That(l.Treasury != l.Trading, "trading", "is the treasury")
	c.Name(l.TreasuryName, "treasury_name")
	c.Name(l.TradingName, "trading_name")
	_, known := asset.Chain(l.Chain)
	c.That(known, "chain", "is not in the table of known chains")
	c.ID(id.Group, l.Officers, "officers")
	c.ID(id.Group, l.Operators, "operators")
	c.ID(id.Whitelist, l.Whitelist, "whitelist")
	c.That(l.Quorum >= 2, "quorum", "must be at least 2, so that nobody alone moves the treasury")
	c.That(l.Delay == 0 || l.Delay >= 60, "delay", "must be at least a minute")
	_, why := asset.Held(l.Chain, l.Asset)
	c.That(why == "", "asset", why)
	c.Amount(l.Small, "small", field.AssetPlaces)
	c.Amount(l.Daily, "daily", field.AssetPlaces)
	_, known = asset.Currency(l.Currency)
	c.That(known, "currency", "is not a currency of ISO 4217")
	c.Amount(l.Purchase, "purchase", field.FiatPlaces)
	c.Amount(l.Bought, "bought", field.FiatPlaces)
	if c.OK() {
		c.That(amount.Must(l.Small).Cmp(amount.Must(l.Daily)) <= 0, "daily", "is less than one transfer")
		c.That(amount.Must(l.Purchase).Cmp(amount.Must(l.Bought)) <= 0, "bought", "is less than one purchase")
	}
	if p := c.Problem; p != nil {
		return fault.New(fault.Invalid, p.Error()).With("field", p.Field)
	}
	return nil
}

// treasury are the rules of the treasury: it funds the accounts below it, and nothing else.
func (l Layered) treasury() []governance.Rule {
	steps := l.officers()
	if l.Delay != 0 {
		steps = append(steps, governance.Step{Name: "cooling off", Delay: l.Delay})
	}
	return []governance.Rule{{Name: "fund", When: when(transfers, governance.Condition{Recipient: &governance.Recipient{Children: true}}), Steps: steps}}
}

// trading are the everyday rules. Who asks for what is small does not approve it.
func (l Layered) trading() []governance.Rule {
	listed := governance.Condition{Whitelist: &governance.Whitelist{Whitelist: l.Whitelist}}
	home := governance.Condition{Recipient: &governance.Recipient{Accounts: []string{l.Treasury}}}
	others := []governance.Step{{Name: "operators", Quorum: 1, Group: l.Operators, ExcludeInitiator: true}}
	asked := &governance.Creation{Group: l.Operators}
	return []governance.Rule{
		{Name: "small transfers", When: append(when(transfers, listed), most(l.Asset, l.Small), daily(l.Asset, l.Daily)), Creation: asked, Steps: others},
		{Name: "return", When: when(transfers, home), Creation: asked, Steps: others},
		{Name: "large transfers", When: when(transfers, listed), Steps: l.officers()},
		{Name: "small purchases", When: append(when(purchases), most(l.Currency, l.Purchase), daily(l.Currency, l.Bought)), Creation: asked, Steps: others},
		{Name: "large purchases", When: when(purchases), Steps: l.officers()},
	}
}

func (l Layered) officers() []governance.Step {
	return []governance.Step{{Name: "officers", Quorum: l.Quorum, Group: l.Officers}}
}

// Kinds of requests that the rules are for.
const (
	transfers = intent.KindTransfer
	purchases = intent.KindBuy
)

func when(kind string, more ...governance.Condition) []governance.Condition {
	return append([]governance.Condition{{Filter: &governance.Filter{Kinds: []string{kind}}}}, more...)
}

func most(unit, max string) governance.Condition {
	return governance.Condition{Amount: &governance.Amount{Currency: unit, Max: max}}
}

func daily(unit, max string) governance.Condition {
	return governance.Condition{Velocity: &governance.Velocity{Currency: unit, Seconds: 24 * 60 * 60, Max: max}}
}
