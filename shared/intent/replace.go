package intent

import (
	"strconv"

	"countersign/shared/amount"
	"countersign/shared/fault"
	"countersign/shared/field"
	"countersign/shared/governance"
	"countersign/shared/id"
	"countersign/shared/name"
)

// KindReplace is the kind of [Replace].
const KindReplace = "replace"

// Actions of a [Replace].
const (
	SpeedUp = "SPEED_UP" // the same again, for higher fees than were approved
	Cancel  = "CANCEL"   // nothing, to the account's own address
)

// Replace is the intent to have another transaction taken into a block in place of one that
// was signed: with its nonce, so that the chain takes one of them at most.
// The vault alone knows AccountName and what stands from Chain to FeeBefore.
type Replace struct {
	Kind        string    `json:"kind"` // "replace"
	V           int       `json:"v"`    // 1
	Account     string    `json:"account"`
	AccountName string    `json:"account_name"`
	Request     string    `json:"request"` // the transfer
	Action      string    `json:"action"`  // [SpeedUp] or [Cancel]
	Chain       string    `json:"chain"`   // CAIP-2
	From        string    `json:"from"`    // the account's own address
	Nonce       int64     `json:"nonce"`   // of the transfer's transaction
	Crypto      Crypto    `json:"crypto"`  // what the transfer sends
	To          Recipient `json:"to"`      // where it sends it
	FeeBefore   Crypto    `json:"fee_before"`
	MaxFee      Crypto    `json:"max_fee"`             // the most that the chain may take, in its coin
	Purpose     string    `json:"purpose,omitempty"`   // what it is for, in the asker's words
	Reference   string    `json:"reference,omitempty"` // what it is called in the asker's books
}

// Sent is what a vault knows of a transfer whose transaction was signed.
type Sent struct {
	Movement       // what was approved last for its nonce
	Nonce    int64 // of the account's own address
}

// CheckFields implements [Intent].
func (r Replace) CheckFields() error {
	var c field.Checks
	c.That(r.Kind == KindReplace && r.V == 1, "kind", "is not replace, version 1")
	c.ID(id.Account, r.Account, "account")
	c.Name(r.AccountName, "account_name")
	c.ID(id.Request, r.Request, "request")
	c.That(r.Action == SpeedUp || r.Action == Cancel, "action", "is neither SPEED_UP nor CANCEL")
	c.Chain(r.Chain, "chain")
	c.Address(r.From, "from")
	c.That(r.Nonce >= 0, "nonce", "is below zero")
	c.Amount(r.Crypto.Amount, "crypto.amount", field.AssetPlaces)
	c.Slug(r.Crypto.Asset, "crypto.asset")
	c.Address(r.To.Address, "to.address")
	c.Amount(r.FeeBefore.Amount, "fee_before.amount", field.AssetPlaces)
	c.Amount(r.MaxFee.Amount, "max_fee.amount", field.AssetPlaces)
	c.Slug(r.MaxFee.Asset, "max_fee.asset")
	c.That(r.FeeBefore.Asset == r.MaxFee.Asset, "max_fee.asset", "is not what the fee of the transfer is paid in")
	if c.OK() && r.Action == SpeedUp {
		c.That(amount.Must(r.MaxFee.Amount).Cmp(amount.Must(r.FeeBefore.Amount)) > 0, "max_fee.amount", "is not above what was approved before")
	}
	r.Why().check(&c)
	return c.Err()
}

// CheckNow implements [Intent]: as of a [Transfer] of the same.
func (r Replace) CheckNow() error {
	if err := r.CheckFields(); err != nil {
		return err
	}
	return sendable(r.Chain, r.Crypto, r.To, r.MaxFee)
}

// Fill implements [Intent]: what the vault knows of the account and of the transfer. It
// fails with CONFLICT, field request, for a transfer that has no signed transaction, or that is over.
func (r Replace) Fill(v Vault) (Intent, error) {
	account, ok := v.Account(r.Account)
	if !ok {
		return nil, fault.New(fault.NotFound, "the vault has no such account").With("field", "account")
	}
	sent, err := v.Sent(r.Request)
	if err != nil {
		return nil, err
	}
	if sent.Account != r.Account {
		return nil, fault.New(fault.Conflict, "the transfer is of another account").With("field", "request")
	}
	r.AccountName, r.Chain, r.From = account.Name, account.Chain, account.Address
	r.Nonce, r.Crypto, r.To, r.FeeBefore = sent.Nonce, sent.What, Recipient{sent.To}, sent.Fee
	return r, nil
}

// Drafted implements [Drafted].
func (r Replace) Drafted() Intent {
	r.AccountName, r.Chain, r.From, r.Nonce, r.Crypto, r.To, r.FeeBefore = "", "", "", 0, Crypto{}, Recipient{}, Crypto{}
	return r
}

// Facts implements [Intent]. What is spent are the fees: what is sent was approved before.
func (r Replace) Facts() governance.Facts {
	return governance.Facts{
		Kind: KindReplace, Account: r.Account, Asset: r.MaxFee.Asset, Amount: r.MaxFee.Amount, Currency: r.MaxFee.Asset, Chain: r.Chain, Address: r.Sends().To,
	}
}

// Noun implements [Intent].
func (r Replace) Noun() string {
	switch r.Action {
	case SpeedUp:
		return "speed-up"
	case Cancel:
		return "cancellation"
	}
	return "replacement"
}

// Title implements [Intent].
func (r Replace) Title() string {
	of := " the transfer of " + r.Crypto.Amount + " " + r.Crypto.Asset + " from account " + name.Within(r.AccountName) + " to address " + r.To.Address + " (" + r.Request + ")"
	if r.Action == Cancel {
		return "Cancel" + of
	}
	return "Speed up" + of + ": fee at most " + r.MaxFee.Amount + " instead of " + r.FeeBefore.Amount + " " + r.MaxFee.Asset
}

// Summary implements [Intent]: "fee at most 0.0042 ETH (ethereum)".
func (r Replace) Summary() string { return "fee at most " + r.MaxFee.text() }

// Lines implements [Intent].
func (r Replace) Lines() []Line {
	what := "the transfer of " + r.Crypto.text() + ", " + r.Request
	all := []Line{{Label: "Speeds up", Value: what}, {Label: "To address", Value: Groups(r.To.Address)}}
	if r.Action == Cancel {
		all = []Line{
			{Label: "Cancels", Value: what}, {Label: "Was going to", Value: Groups(r.To.Address)},
			{Label: "Sends", Value: "nothing, to the account's own address"},
		}
	}
	return append(all,
		Line{Label: LabelFee, Value: r.MaxFee.text()},
		Line{Label: "Instead of", Value: r.FeeBefore.text()},
		Line{Label: "From account", Value: name.WithID(r.AccountName, r.Account)},
		Line{Label: "Own address", Value: Groups(r.From)},
		Line{Label: "On chain", Value: Chain(r.Chain)},
		Line{Label: "Nonce", Value: strconv.FormatInt(r.Nonce, 10) + ": only one transaction with it gets into a block, this or the transfer's"},
	)
}

// Sends implements [Sender].
func (r Replace) Sends() Movement {
	if r.Action == Cancel {
		return Movement{r.Account, r.Chain, Crypto{"0", r.MaxFee.Asset}, r.From, r.MaxFee}
	}
	return Movement{r.Account, r.Chain, r.Crypto, r.To.Address, r.MaxFee}
}

// Why implements [Intent].
func (r Replace) Why() Why { return Why{r.Purpose, r.Reference} }

// Totals implements [Intent].
func (r Replace) Totals() []Total {
	return []Total{{LabelFee, r.MaxFee.Amount, r.MaxFee.Asset, r.Chain}}
}

// Record implements [Intent].
func (r Replace) Record() Record {
	return Record{
		Intent: KindReplace, Price: r.MaxFee.Amount + " " + r.MaxFee.Asset, Amount: r.Crypto.Amount, Asset: r.Crypto.Asset,
		Account: name.WithID(r.AccountName, r.Account), Address: r.To.Address, Chain: r.Chain, Change: r.does() + " transfer " + r.Request,
		Purpose: r.Purpose, Reference: r.Reference,
	}
}

// does is the action as a verb: "cancel".
func (r Replace) does() string {
	if r.Action == Cancel {
		return "cancel"
	}
	return "speed up"
}
