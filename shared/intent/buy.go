package intent

import (
	"strings"

	"countersign/shared/amount"
	"countersign/shared/asset"
	"countersign/shared/fault"
	"countersign/shared/field"
	"countersign/shared/governance"
	"countersign/shared/id"
	"countersign/shared/name"
)

// KindBuy is the kind of [Buy].
const KindBuy = "buy"

// Fiat is an amount of a currency (ISO 4217).
type Fiat struct {
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
}

// Crypto is an amount of an asset, in its main unit.
type Crypto struct {
	Amount string `json:"amount"`
	Asset  string `json:"asset"` // LedgerId: "ethereum", "ethereum/erc20/usd__coin", …
}

// Buy is the intent to buy crypto from a provider into an account. The vault alone
// knows AccountName, Chain and Address.
type Buy struct {
	Kind          string `json:"kind"` // "buy"
	V             int    `json:"v"`    // 1
	Account       string `json:"account"`
	AccountName   string `json:"account_name"`
	Provider      string `json:"provider"`
	ProviderName  string `json:"provider_name"`
	Fiat          Fiat   `json:"fiat"`
	Crypto        Crypto `json:"crypto"`  // as quoted
	Minimum       string `json:"minimum"` // the least amount of crypto that the approvers accept
	Chain         string `json:"chain"`   // CAIP-2
	Address       string `json:"address"` // the vault's own, and this request's alone
	PaymentMethod string `json:"payment_method"`
	Country       string `json:"country"` // ISO 3166-1 alpha-2
	Quote         string `json:"quote"`
	Purpose       string `json:"purpose,omitempty"`   // what it is for, in the asker's words
	Reference     string `json:"reference,omitempty"` // what it is called in the asker's books
}

// CheckFields implements [Intent].
func (b Buy) CheckFields() error {
	var c field.Checks
	c.That(b.Kind == KindBuy && b.V == 1, "kind", "is not buy, version 1")
	c.ID(id.Account, b.Account, "account")
	c.Name(b.AccountName, "account_name")
	c.Slug(b.Provider, "provider")
	c.Name(b.ProviderName, "provider_name")
	c.Amount(b.Fiat.Amount, "fiat.amount", field.FiatPlaces)
	c.Capitals(b.Fiat.Currency, 3, "fiat.currency", "a currency of three capital letters")
	c.Amount(b.Crypto.Amount, "crypto.amount", field.AssetPlaces)
	c.Slug(b.Crypto.Asset, "crypto.asset")
	c.Amount(b.Minimum, "minimum", field.AssetPlaces)
	if c.OK() {
		least, quoted := amount.Must(b.Minimum), amount.Must(b.Crypto.Amount)
		c.That(least.Cmp(quoted) <= 0, "minimum", "is more than the quoted amount")
		c.That(least.Mul(ten).Cmp(quoted) >= 0, "minimum", "is less than a tenth of the quoted amount")
	}
	c.Chain(b.Chain, "chain")
	c.Address(b.Address, "address")
	c.Slug(b.PaymentMethod, "payment_method")
	c.Capitals(b.Country, 2, "country", "a country of two capital letters")
	c.ID(id.Quote, b.Quote, "quote")
	b.Why().check(&c)
	return c.Err()
}

var ten = amount.Must("10")

// CheckNow implements [Intent]: the asset can be held on the chain and its arrival can
// be seen, the address can be one of the chain, no amount is finer than the asset or
// the currency, and the currency is in use.
func (b Buy) CheckNow() error {
	if err := b.CheckFields(); err != nil {
		return err
	}
	var c field.Checks
	bought, why := asset.Buyable(b.Chain, b.Crypto.Asset)
	c.That(why == "", "crypto.asset", "does not fit the account: "+why)
	finer := finerThan(bought.Places, bought.Ticker)
	c.That(amount.Must(b.Crypto.Amount).Places() <= bought.Places, "crypto.amount", finer)
	c.That(amount.Must(b.Minimum).Places() <= bought.Places, "minimum", finer)
	why = unfit(b.Chain, b.Address)
	c.That(why == "", "address", why)
	minor, ok := asset.Currency(b.Fiat.Currency)
	c.That(ok, "fiat.currency", "is not a currency of ISO 4217")
	c.That(amount.Must(b.Fiat.Amount).Trim().Places() <= minor, "fiat.amount", finerThan(minor, b.Fiat.Currency))
	return c.Err()
}

// Fill implements [Intent]: the account's name and chain. The address is [Buy.To].
func (b Buy) Fill(v Vault) (Intent, error) {
	account, ok := v.Account(b.Account)
	if !ok {
		return nil, fault.New(fault.NotFound, "the vault has no such account").With("field", "account")
	}
	b.AccountName, b.Chain = account.Name, account.Chain
	return b, nil
}

// Receives implements [Receiver].
func (b Buy) Receives() Deposit { return Deposit{b.Account, b.Chain, b.Address} }

// To implements [Receiver].
func (b Buy) To(address string) Intent {
	b.Address = address
	return b
}

// Facts implements [Intent]. The address is the vault's own and is made after the rules
// agreed, so that no rule looks at it.
func (b Buy) Facts() governance.Facts {
	return governance.Facts{
		Kind: KindBuy, Account: b.Account, Asset: b.Crypto.Asset, Amount: b.Fiat.Amount, Currency: b.Fiat.Currency, Provider: b.Provider,
	}
}

// Noun implements [Intent].
func (Buy) Noun() string { return "purchase" }

// Title implements [Intent].
func (b Buy) Title() string {
	return "Buy " + b.Fiat.Amount + " " + b.Fiat.Currency + " of " + b.Crypto.Asset + " from " + name.Within(b.ProviderName) +
		" into account " + name.Within(b.AccountName) + ", address " + b.Address
}

// Summary implements [Intent]: "250.00 EUR for 0.0815 ETH (ethereum)".
func (b Buy) Summary() string {
	return Money(b.Fiat.Amount) + " " + b.Fiat.Currency + " for " + b.Crypto.text()
}

func (c Crypto) text() string { return Money(c.Amount) + " " + unit(c.Asset) }

// Lines implements [Intent].
func (b Buy) Lines() []Line {
	return []Line{
		{Label: LabelPay, Value: Money(b.Fiat.Amount) + " " + b.Fiat.Currency + " by " + b.PaymentMethod + ", " + b.Country},
		{Label: LabelGet, Value: b.Crypto.text()},
		{Label: LabelMinimum, Value: Crypto{b.Minimum, b.Crypto.Asset}.text()},
		{Label: "From", Value: name.WithID(b.ProviderName, b.Provider)},
		{Label: "Into account", Value: name.WithID(b.AccountName, b.Account)},
		{Label: "To address", Value: Groups(b.Address)},
		{Label: "On chain", Value: Chain(b.Chain)},
	}
}

// Why implements [Intent].
func (b Buy) Why() Why { return Why{b.Purpose, b.Reference} }

// Totals implements [Intent].
func (b Buy) Totals() []Total {
	return []Total{
		{LabelPay, b.Fiat.Amount, b.Fiat.Currency, ""},
		{LabelGet, b.Crypto.Amount, b.Crypto.Asset, b.Chain},
		{LabelMinimum, b.Minimum, b.Crypto.Asset, b.Chain},
	}
}

// Record implements [Intent].
func (b Buy) Record() Record {
	return Record{
		Intent: KindBuy, Price: b.Fiat.Amount + " " + b.Fiat.Currency, Amount: b.Crypto.Amount, Asset: b.Crypto.Asset, Minimum: b.Minimum,
		Counterparty: name.WithID(b.ProviderName, b.Provider), Account: name.WithID(b.AccountName, b.Account), Address: b.Address, Chain: b.Chain,
		Purpose: b.Purpose, Reference: b.Reference,
	}
}

func tellBuy(r Record) []string {
	bought := Crypto{r.Amount, r.Asset}
	price, currency, _ := strings.Cut(r.Price, " ")
	return []string{
		"pay " + Money(price) + " " + currency + " for " + bought.text() + ", minimum " + r.Minimum,
		"from " + r.Counterparty + " into " + r.Account,
		"to " + r.Address + " on " + Chain(r.Chain),
	}
}
