package wire

import (
	"time"

	"countersign/shared/governance"
)

// Account is an account of the vault with what the gateway's ledger says about
// it.
type Account struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Chain      string          `json:"chain"`
	Address    string          `json:"address"` // of the account's own key
	Rules      governance.Set  `json:"rules"`
	Balances   []Balance       `json:"balances"`
	Entries    []LedgerEntry   `json:"entries,omitempty"`  // newest first; in GET /v1/accounts/{id} only
	Deposits   []DepositRecord `json:"deposits,omitempty"` // addresses with funds; in GET /v1/accounts/{id} only
	ServerTime time.Time       `json:"server_time"`
}

// Accounts answers GET /v1/accounts.
type Accounts struct {
	Accounts   []Account `json:"accounts"`
	ServerTime time.Time `json:"server_time"`
}

// Balance is what the account holds of one asset.
type Balance struct {
	Asset  string `json:"asset"`
	Amount string `json:"amount"`
}

// LedgerEntry is one booking; its postings add up to zero for each asset.
type LedgerEntry struct {
	ID       string    `json:"id"`
	At       time.Time `json:"at"`
	Text     string    `json:"text"`
	Order    string    `json:"order,omitempty"`
	Postings []Posting `json:"postings"`
}

// Posting is one side of a booking.
type Posting struct {
	Ledger string `json:"ledger"` // vault:acc_…, provider:northpay, …
	Side   string `json:"side"`   // debit or credit
	Asset  string `json:"asset"`
	Amount string `json:"amount"`
}

// DepositRecord is an address that received funds.
type DepositRecord struct {
	Address string    `json:"address"`
	Request string    `json:"request"`
	Asset   string    `json:"asset"`
	Amount  string    `json:"amount"`
	TxHash  string    `json:"tx_hash"`
	At      time.Time `json:"at"`
}
