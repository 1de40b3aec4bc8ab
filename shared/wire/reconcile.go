package wire

import "time"

// Reconciliation is how the gateway's books, the chains and the logs of the signers compare.
type Reconciliation struct {
	Status       string            `json:"status"`       // ok or differs
	At           time.Time         `json:"at"`           // when it began
	Milliseconds int64             `json:"milliseconds"` // that it took
	Postings     int64             `json:"postings"`     // of the ledger
	Logs         []ReconciledLog   `json:"logs"`
	Chains       []ReconciledChain `json:"chains"`
	Count        int               `json:"count"`       // of differences
	Differences  []Difference      `json:"differences"` // the first 100 of each entity
}

// States of a reconciliation, and of a chain in it.
const (
	ReconcileOK      = "ok"
	ReconcileDiffers = "differs"
	ReconcileNever   = "never" // it was not done yet
	ChainCompared    = "compared"
	ChainNotCompared = "not_compared" // reason says why; that is no difference
)

// ReconciledLog is a log that was compared.
type ReconciledLog struct {
	Entity      string `json:"entity"`
	Entries     int64  `json:"entries"`
	Differences int    `json:"differences"` // of this entity
}

// ReconciledChain is a chain that was compared, at the newest block that the gateway has read.
type ReconciledChain struct {
	Chain     string `json:"chain"`
	Status    string `json:"status"`
	Block     int64  `json:"block"`
	BlockHash string `json:"block_hash,omitempty"`
	Addresses int64  `json:"addresses"`        // whose balances were compared
	Unseen    int64  `json:"unseen,omitempty"` // addresses that the gateway has not looked at yet
	Reason    string `json:"reason,omitempty"`
}

// Kinds of differences.
const (
	DiffersBalance  = "balance"  // an address has something else by its chain than by the books
	DiffersBooks    = "books"    // the ledger differs from the movements that it books, or does not balance
	DiffersSigned   = "signed"   // a transaction of the signer's log is not in the books, or otherwise
	DiffersMovement = "movement" // a request that is completed moved nothing, or something else
	DiffersAddress  = "address"  // an address is of another account by the log, or of none
)

// DifferenceKinds are all kinds.
func DifferenceKinds() []string {
	return []string{DiffersBalance, DiffersBooks, DiffersSigned, DiffersMovement, DiffersAddress}
}

// Difference is something on which two of them do not agree.
type Difference struct {
	Kind    string `json:"kind"`
	Entity  string `json:"entity"`
	Account string `json:"account,omitempty"`
	Asset   string `json:"asset,omitempty"`
	Address string `json:"address,omitempty"`
	Books   string `json:"books,omitempty"` // amount by the books
	Other   string `json:"other,omitempty"` // by the chain, or by the log
	Hash    string `json:"hash,omitempty"`  // of a transaction, or of the block
	Request string `json:"request,omitempty"`
	Text    string `json:"text"` // for people
}

// Reconciled is how the last reconciliation ended, for everybody.
type Reconciled struct {
	Status      string     `json:"status"`       // ok, differs or never
	At          *time.Time `json:"at,omitempty"` // absent: never
	Differences int        `json:"differences"`
	NotCompared []string   `json:"not_compared"` // chains whose nodes did not answer
}
