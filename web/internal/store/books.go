package store

import "time"

// Movement is an entry that changed what an account has, with what its chain moved.
type Movement struct {
	Booking
	Deposit Deposit // that it books, or takes back; zero: none
}

// MovementFilter chooses what a chain moved; what is empty chooses all.
type MovementFilter struct {
	Account, Asset, State, Direction string    // Direction: in or out
	From, To                         time.Time // of the block; To is not included
	Among                            []string  // accounts; nil: all
}

// Rate is what an asset was worth in a currency, as the signer's log has it: signed by its
// source, and verified with the entry of the request that it came with.
type Rate struct {
	Entity   string
	Account  string // of the request
	Seq      int64  // of its entry
	Source   string // member id
	Asset    string // LedgerId
	Currency string // ISO 4217
	Rate     string // decimal: of the currency, for one of the asset
	At       int64  // Unix seconds, by the clock of its source
}

// Rates are those that the logs of signers recorded.
type Rates interface {
	PutRate(Rate) error // adds; it may be kept already
	// Rates are those that came with requests of an account, of one time and before another,
	// the oldest first.
	Rates(entity, account string, from, to int64) ([]Rate, error)
}
