package wire

import (
	"time"

	"countersign/shared/gas"
)

// States of a sending.
const (
	SendingApproved  = "approved"  // not signed yet
	SendingSigned    = "signed"    // no node has it yet
	SendingSubmitted = "submitted" // a node has it
	SendingIncluded  = "included"  // in a block, without the confirmations that its chain needs
	SendingConfirmed = "confirmed" // final
	SendingFailed    = "failed"    // final: in a block, moved nothing, and its fee was paid
	SendingReplaced  = "replaced"  // final: that of another request is in a block in its place
	SendingLapsed    = "lapsed"    // final: its approval ended before it was signed
)

// Sending is how far the transaction of an approved request is.
type Sending struct {
	State    string    `json:"state"`
	Attempts []Attempt `json:"attempts"`       // each the same but for its fees; one of them at most gets into a block
	Hash     string    `json:"hash,omitempty"` // of the one that is in a block, else of the newest
	Block    *int64    `json:"block,omitempty"`
	// Confirmations is how many blocks make it final, its own included, and how many it has.
	Confirmations int64  `json:"confirmations"`
	Needed        int64  `json:"needed"`
	Fee           string `json:"fee,omitempty"` // that was paid, in the chain's coin
	// ReplacedBy is the request whose transaction is in a block in place of this one.
	ReplacedBy string `json:"replaced_by,omitempty"`
	Reason     string `json:"reason,omitempty"` // why it is not further, for people
}

// Attempt is one signed transaction.
type Attempt struct {
	Nonce    int64     `json:"nonce"`
	Fees     gas.Fees  `json:"fees"`
	Hash     string    `json:"hash,omitempty"` // absent while it is about to be signed
	SignedAt time.Time `json:"signed_at"`
}

// TransferCost answers GET /v1/accounts/{id}/transfer-cost: what a transfer would cost now.
type TransferCost struct {
	Asset     string  `json:"asset"`
	Available string  `json:"available"` // of the asset, without what other requests may still take
	Coin      string  `json:"coin"`      // LedgerId of what fees are paid in
	Spare     string  `json:"spare"`     // of the coin, without what other requests may still take
	Speeds    []Speed `json:"speeds"`    // slow, normal, fast
	// Contract says that the recipient is a contract: what is sent to one by mistake is often lost.
	Contract   bool      `json:"contract"`
	Refused    string    `json:"refused,omitempty"` // why it would fail now, for people
	ServerTime time.Time `json:"server_time"`
}

// ReplaceCost answers GET /v1/requests/{id}/replace-cost: what it would cost now to have another
// transaction taken into a block in place of that of a transfer. Amounts are of Coin.
type ReplaceCost struct {
	Action     string    `json:"action"`     // of the intent: SPEED_UP, CANCEL
	Coin       string    `json:"coin"`       // LedgerId of what fees are paid in
	Spare      string    `json:"spare"`      // without what other requests may still take
	FeeBefore  string    `json:"fee_before"` // the maximum that was approved last; within it the vault raises fees without asking
	Least      string    `json:"least"`      // the least maximum that nodes take in place of what was signed
	Speeds     []Speed   `json:"speeds"`     // slow, normal, fast; none below Least
	ServerTime time.Time `json:"server_time"`
}

// Speed is one of three maximum fees to choose from.
type Speed struct {
	Name   string `json:"name"`
	MaxFee string `json:"max_fee"` // in the chain's coin: the max_fee of an intent
}
