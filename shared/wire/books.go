package wire

import "time"

// AccountBalances answers GET /v1/accounts/{id}/balances: what an account had, by what was
// booked before a time.
type AccountBalances struct {
	Account    string         `json:"account"`
	At         time.Time      `json:"at"`
	Balances   []ValuedAmount `json:"balances"`
	ServerTime time.Time      `json:"server_time"`
}

// ValuedAmount is an amount of an asset, and what it was worth where that is recorded.
type ValuedAmount struct {
	Asset  string `json:"asset"`            // LedgerId
	CAIP19 string `json:"caip19,omitempty"` // absent: the account's chain is not known to hold it
	Amount string `json:"amount"`           // with a minus where it is less than nothing
	Value  *Value `json:"value,omitempty"`  // absent: no rate of then was recorded
}

// Value is what an amount is worth by a rate that a source of the vault signed.
type Value struct {
	Currency string    `json:"currency"` // ISO 4217
	Amount   string    `json:"amount"`   // to the minor unit of the currency
	Rate     string    `json:"rate"`     // of the currency, for one of the asset
	Source   string    `json:"source"`   // member id of who signed it
	At       time.Time `json:"at"`       // of the rate
}

// Types of lines of an account statement.
const (
	LineDeposit    = "deposit"
	LineWithdrawal = "withdrawal"
	LineFee        = "fee"
	LineSweep      = "sweep" // between addresses of the account
	LineReversal   = "reversal"
)

// AccountStatement answers GET /v1/accounts/{id}/statements: opening balance, what was booked,
// and closing balance, for each asset.
type AccountStatement struct {
	Entity   string           `json:"entity"`
	Account  StatementAccount `json:"account"`
	From     time.Time        `json:"from"`
	To       time.Time        `json:"to"`                 // not included
	Complete bool             `json:"complete"`           // nothing more can be booked in it
	Currency string           `json:"currency,omitempty"` // of values; absent: no rate was recorded
	Opening  []ValuedAmount   `json:"opening"`
	Lines    []StatementLine  `json:"lines"` // the oldest first
	Closing  []ValuedAmount   `json:"closing"`
	// ServerTime is when it was made.
	ServerTime time.Time `json:"server_time"`
}

// StatementAccount is whose statement it is.
type StatementAccount struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Chain   string `json:"chain"`   // CAIP-2
	Address string `json:"address"` // of the account's own key
}

// StatementLine is what one entry of the ledger changed of one asset.
type StatementLine struct {
	ID           string    `json:"id"` // of the entry
	At           time.Time `json:"at"` // when it was booked
	Type         string    `json:"type"`
	Text         string    `json:"text"`
	Asset        string    `json:"asset"`
	CAIP19       string    `json:"caip19,omitempty"`
	Amount       string    `json:"amount"` // with a minus of what left the account
	BalanceAfter string    `json:"balance_after"`
	Value        *Value    `json:"value,omitempty"`        // of the amount
	Counterparty string    `json:"counterparty,omitempty"` // the provider, or the address that was paid; absent: the chain does not say, or another account of the vault
	TxHash       string    `json:"tx_hash,omitempty"`
	Index        *int64    `json:"index,omitempty"` // of the log of a token's transfer
	Block        *int64    `json:"block,omitempty"`
	BlockAt      time.Time `json:"block_at,omitzero"` // when the chain moved it
	Request      string    `json:"request,omitempty"` // that asked for it
	Order        string    `json:"order,omitempty"`   // that it is delivered for
	Reverses     string    `json:"reverses,omitempty"`
}
