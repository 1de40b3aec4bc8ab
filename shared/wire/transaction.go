package wire

import "time"

// Posted is the status of a transaction of the ledger: it is booked. What is taken back
// is booked the other way round.
const Posted = "POSTED"

// Transaction is one entry of an entity's ledger, in the camel case of the API that it
// follows: what moved between two ledger accounts. Amount and its two accounts are those
// of the first asset; Postings has all.
type Transaction struct {
	ID              string    `json:"id"`
	EntityID        string    `json:"entityId"`
	Account         string    `json:"accountId"` // that it belongs to
	Date            time.Time `json:"date"`
	Description     string    `json:"description"`
	Status          string    `json:"status"`
	Kind            string    `json:"kind,omitempty"`
	Amount          string    `json:"amount"`
	Currency        string    `json:"currency"` // ISO 4217, or an asset
	DebitAccountID  string    `json:"debitAccountId"`
	CreditAccountID string    `json:"creditAccountId"`
	Postings        []Posting `json:"postings"`
	Order           string    `json:"order,omitempty"`
	Deposit         string    `json:"deposit,omitempty"`
	Reverses        string    `json:"reverses,omitempty"`
}

// TransactionsByMonth answers GET /v1/transactions/by-month.
type TransactionsByMonth struct {
	From       time.Time          `json:"from"`
	To         time.Time          `json:"to"` // not included
	Months     []TransactionMonth `json:"months"`
	ServerTime time.Time          `json:"server_time"`
}

// TransactionMonth is what was booked in a month, in UTC.
type TransactionMonth struct {
	Month    string         `json:"month"` // 2026-11
	Accounts []AccountMonth `json:"accounts"`
}

// AccountMonth is what was booked on one ledger account in one currency.
type AccountMonth struct {
	AccountID string `json:"accountId"`
	Currency  string `json:"currency"`
	Debit     string `json:"debit"`
	Credit    string `json:"credit"`
	Net       string `json:"net"` // debit less credit; may be negative
	Postings  int    `json:"postings"`
}
