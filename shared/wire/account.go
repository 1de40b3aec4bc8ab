package wire

import (
	"time"

	"countersign/shared/governance"
	"countersign/shared/intent"
)

// Account is an account of the vault with what the gateway's ledger says about
// it.
type Account struct {
	ID       string         `json:"id"`
	Name     string         `json:"name"`
	Chain    string         `json:"chain"`
	Address  string         `json:"address"`          // of the account's own key
	Tier     string         `json:"tier,omitempty"`   // of shared/intent: TREASURY, TRADING; absent: none
	Sweep    *intent.Sweep  `json:"sweep,omitempty"`  // what arrives at deposit addresses is sent on to Address; absent: it is not
	Parent   string         `json:"parent,omitempty"` // id of the account that funds it; absent: none
	Rules    governance.Set `json:"rules"`
	Balances []Balance      `json:"balances"`
	Entries  []LedgerEntry  `json:"entries,omitempty"`  // newest first, at most 100; in GET /v1/accounts/{id} only
	Deposits []Deposit      `json:"deposits,omitempty"` // newest first, at most 100; in GET /v1/accounts/{id} only
	// NotWatched says why deposits on the account's chain are not seen at present,
	// so that nothing can be bought into it; empty while they are.
	NotWatched string    `json:"not_watched,omitempty"`
	ServerTime time.Time `json:"server_time"`
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

// Kinds of ledger entries.
const (
	EntryDeposit  = "deposit"  // the chain moved something to the vault
	EntrySent     = "sent"     // an address of the vault sent something
	EntryFee      = "fee"      // a transaction of the vault paid for itself
	EntryMatch    = "match"    // what was received before its order is the order's
	EntryPayment  = "payment"  // fiat, when its order is delivered
	EntryReversal = "reversal" // takes another entry back
)

// LedgerEntry is one booking; its postings add up to zero for each asset.
type LedgerEntry struct {
	ID       string    `json:"id"`
	At       time.Time `json:"at"`
	Kind     string    `json:"kind,omitempty"` // absent: an older version's, crypto and fiat at once
	Text     string    `json:"text"`
	Order    string    `json:"order,omitempty"`
	Deposit  string    `json:"deposit,omitempty"`
	Reverses string    `json:"reverses,omitempty"` // id of the entry that this one takes back
	Postings []Posting `json:"postings"`
}

// Posting is one side of a booking.
type Posting struct {
	Ledger string `json:"ledger"` // vault:acc_…, provider:northpay, payments:acc_…, unasked:acc_…
	Side   string `json:"side"`   // debit or credit
	Asset  string `json:"asset"`
	Amount string `json:"amount"`
}
