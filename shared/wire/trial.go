package wire

import (
	"slices"

	"countersign/shared/fault"
	"countersign/shared/field"
	"countersign/shared/governance"
	"countersign/shared/id"
	"countersign/shared/intent"
)

// Trial is a request that nobody makes: a dry run of a change of the vault says what would become of it once
// the change has taken effect. Its fields are those that rules look at (governance.Facts).
type Trial struct {
	Account  string `json:"account"`            // of the vault after the change
	Kind     string `json:"kind"`               // "buy" or "transfer"
	Asset    string `json:"asset"`              // LedgerId
	Amount   string `json:"amount"`             // what is spent, a decimal
	Currency string `json:"currency"`           // of Amount: ISO 4217 of a purchase, the asset of a transfer
	Address  string `json:"address,omitempty"`  // who receives a transfer, on the account's chain
	Provider string `json:"provider,omitempty"` // of a purchase
}

// DryRunInput asks for a dry run (POST /v1/requests with Dry-Run).
type DryRunInput struct {
	RequestInput
	Try *Trial `json:"try,omitempty"` // explained as if Intent, a change of the vault, had taken effect
}

// Validate checks each field.
func (d DryRunInput) Validate() error {
	if err := d.RequestInput.Validate(); err != nil || d.Try == nil {
		return err
	}
	if len(d.Intent) == 0 {
		return fault.New(fault.Invalid, "try goes with an intent that changes the vault").With("field", "try")
	}
	return d.Try.Validate()
}

// maxUnit is how long the id of an asset is at most (shared/spec/governance.md).
const maxUnit = 64

// check checks each field. at is the path of the trial.
func (t Trial) check(c *field.Checks, at string) {
	c.ID(id.Account, t.Account, at+".account")
	c.That(slices.Contains([]string{intent.KindBuy, intent.KindTransfer}, t.Kind), at+".kind", "must be buy or transfer")
	c.That(t.Asset != "" && len(t.Asset) <= maxUnit, at+".asset", "must be the id of an asset, such as ethereum")
	c.Amount(t.Amount, at+".amount", field.AssetPlaces)
	c.That(t.Currency != "" && len(t.Currency) <= maxUnit, at+".currency", "must be a currency such as EUR, or the id of an asset")
	if t.Address != "" {
		c.Address(t.Address, at+".address")
	}
	if t.Provider != "" {
		c.Slug(t.Provider, at+".provider")
	}
}

// Validate checks each field. It fails with INVALID_REQUEST, details field.
func (t Trial) Validate() error {
	var c field.Checks
	t.check(&c, "try")
	return intent.Refused(c.Err())
}

// Facts are what rules look at, without the chain, which is that of the account.
func (t Trial) Facts() governance.Facts {
	return governance.Facts{Kind: t.Kind, Account: t.Account, Asset: t.Asset, Amount: t.Amount, Currency: t.Currency, Address: t.Address, Provider: t.Provider}
}
