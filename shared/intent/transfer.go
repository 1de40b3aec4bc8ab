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

// KindTransfer is the kind of [Transfer].
const KindTransfer = "transfer"

// Labels of what a transfer moves.
const (
	LabelSend = "You send"
	LabelFee  = "Fee at most"
)

// Recipient is who receives: an address. An entry of a whitelist of the vault may come
// to stand here later, with the name that the vault has for it.
type Recipient struct {
	Address string `json:"address"`
}

// Transfer is the intent to send what an account holds to an address outside the vault, or
// of another of its accounts.
// The vault alone knows AccountName and Chain.
type Transfer struct {
	Kind        string    `json:"kind"` // "transfer"
	V           int       `json:"v"`    // 1
	Account     string    `json:"account"`
	AccountName string    `json:"account_name"`
	Crypto      Crypto    `json:"crypto"`
	Chain       string    `json:"chain"` // CAIP-2
	To          Recipient `json:"to"`
	MaxFee      Crypto    `json:"max_fee"`             // the most that the chain may take, in its coin
	Purpose     string    `json:"purpose,omitempty"`   // what it is for, in the asker's words
	Reference   string    `json:"reference,omitempty"` // what it is called in the asker's books
}

// CheckFields implements [Intent].
func (t Transfer) CheckFields() error {
	var c field.Checks
	c.That(t.Kind == KindTransfer && t.V == 1, "kind", "is not transfer, version 1")
	c.ID(id.Account, t.Account, "account")
	c.Name(t.AccountName, "account_name")
	c.Amount(t.Crypto.Amount, "crypto.amount", field.AssetPlaces)
	c.Slug(t.Crypto.Asset, "crypto.asset")
	c.Chain(t.Chain, "chain")
	c.Address(t.To.Address, "to.address")
	c.Amount(t.MaxFee.Amount, "max_fee.amount", field.AssetPlaces)
	c.Slug(t.MaxFee.Asset, "max_fee.asset")
	t.Why().check(&c)
	return c.Err()
}

// CheckNow implements [Intent]: the account's chain holds the asset, the fee is paid in
// the chain's coin, no amount is finer than what it is of, and the recipient's address
// can be one of the chain and carries its check.
func (t Transfer) CheckNow() error {
	if err := t.CheckFields(); err != nil {
		return err
	}
	return sendable(t.Chain, t.Crypto, t.To, t.MaxFee)
}

// sendable reports what stands in the way of sending so much on a chain, to an address, for a
// fee. Its fields are checked.
func sendable(chain string, sent Crypto, to Recipient, maxFee Crypto) error {
	var c field.Checks
	held, why := asset.Held(chain, sent.Asset)
	c.That(why == "", "crypto.asset", "does not fit the account: "+why)
	c.That(amount.Must(sent.Amount).Places() <= held.Places, "crypto.amount", finerThan(held.Places, held.Ticker))
	why = stranger(chain, to.Address)
	c.That(why == "", "to.address", why)
	on, _ := asset.Chain(chain)
	c.That(maxFee.Asset == on.Coin, "max_fee.asset", "is not "+on.Coin+", the coin that "+on.Name+" takes its fees in")
	coin, _ := asset.ByID(on.Coin)
	c.That(amount.Must(maxFee.Amount).Places() <= coin.Places, "max_fee.amount", finerThan(coin.Places, coin.Ticker))
	return c.Err()
}

// Fill implements [Intent]: the account's name and chain. What an account would send to
// itself fails with INVALID_REQUEST.
func (t Transfer) Fill(v Vault) (Intent, error) {
	account, ok := v.Account(t.Account)
	if !ok {
		return nil, fault.New(fault.NotFound, "the vault has no such account").With("field", "account")
	}
	if t.To.Address == account.Address {
		return nil, Refused(&field.Problem{Field: "to.address", Why: "is the account's own"})
	}
	t.AccountName, t.Chain = account.Name, account.Chain
	return t, nil
}

// Facts implements [Intent]. What is spent is counted in the asset.
func (t Transfer) Facts() governance.Facts {
	return governance.Facts{
		Kind: KindTransfer, Account: t.Account, Asset: t.Crypto.Asset, Amount: t.Crypto.Amount, Currency: t.Crypto.Asset, Chain: t.Chain, Address: t.To.Address,
	}
}

// Noun implements [Intent].
func (Transfer) Noun() string { return "transfer" }

// Title implements [Intent].
func (t Transfer) Title() string {
	return "Send " + t.Crypto.Amount + " " + t.Crypto.Asset + " from account " + name.Within(t.AccountName) + " to address " + t.To.Address
}

// Summary implements [Intent]: "1.5 ETH (ethereum), fee at most 0.0021 ETH (ethereum)".
func (t Transfer) Summary() string {
	return t.Crypto.text() + ", fee at most " + t.MaxFee.text()
}

// Lines implements [Intent].
func (t Transfer) Lines() []Line {
	return []Line{
		{Label: LabelSend, Value: t.Crypto.text()},
		{Label: LabelFee, Value: t.MaxFee.text()},
		{Label: "From account", Value: name.WithID(t.AccountName, t.Account)},
		{Label: "To address", Value: Groups(t.To.Address)},
		{Label: "On chain", Value: Chain(t.Chain)},
	}
}

// Sends implements [Sender].
func (t Transfer) Sends() Movement {
	return Movement{t.Account, t.Chain, t.Crypto, t.To.Address, t.MaxFee}
}

// Why implements [Intent].
func (t Transfer) Why() Why { return Why{t.Purpose, t.Reference} }

// Totals implements [Intent].
func (t Transfer) Totals() []Total {
	return []Total{
		{LabelSend, t.Crypto.Amount, t.Crypto.Asset, t.Chain},
		{LabelFee, t.MaxFee.Amount, t.MaxFee.Asset, t.Chain},
	}
}

// Record implements [Intent].
func (t Transfer) Record() Record {
	return Record{
		Intent: KindTransfer, Price: t.MaxFee.Amount + " " + t.MaxFee.Asset, Amount: t.Crypto.Amount, Asset: t.Crypto.Asset,
		Account: name.WithID(t.AccountName, t.Account), Address: t.To.Address, Chain: t.Chain, Purpose: t.Purpose,
		Reference: t.Reference,
	}
}

func tellTransfer(r Record) []string {
	fee, coin, _ := strings.Cut(r.Price, " ")
	return []string{
		"send " + Crypto{r.Amount, r.Asset}.text() + ", fee at most " + Crypto{fee, coin}.text(),
		"from " + r.Account,
		"to " + r.Address + " on " + Chain(r.Chain),
	}
}
