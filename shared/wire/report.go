package wire

import "time"

// ReportAccount is an account in GET /v1/reports/accounts.
type ReportAccount struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Chain   string `json:"chain"`
	Address string `json:"address"`
	Tier    string `json:"tier,omitempty"`
	Parent  string `json:"parent,omitempty"` // absent: none, or one that the caller does not read
	Rules   int    `json:"rules"`            // the version of them
	Sweeps  bool   `json:"sweeps"`           // what arrives at deposit addresses goes on
}

// ReportBalance is what an account has of one asset, in GET /v1/reports/balances.
type ReportBalance struct {
	ID          string `json:"id"` // account and asset, with a colon between them
	Account     string `json:"account"`
	AccountName string `json:"account_name"`
	Asset       string `json:"asset"`
	CAIP19      string `json:"caip19,omitempty"`
	Amount      string `json:"amount"`
	Value       *Value `json:"value,omitempty"`
}

// Directions of transfers.
const (
	TransferIn  = "in"
	TransferOut = "out"
)

// ReportTransfer is what a chain moved to an account or from it, in GET /v1/reports/transfers.
type ReportTransfer struct {
	ID           string    `json:"id"` // dep_…
	Account      string    `json:"account"`
	Direction    string    `json:"direction"`
	State        string    `json:"state"` // as of a deposit
	Asset        string    `json:"asset"`
	CAIP19       string    `json:"caip19,omitempty"`
	Amount       string    `json:"amount"`
	Address      string    `json:"address"`                // the account's
	Counterparty string    `json:"counterparty,omitempty"` // as in a statement
	Sweep        bool      `json:"sweep,omitempty"`        // between addresses of the account
	TxHash       string    `json:"tx_hash,omitempty"`
	Block        int64     `json:"block"`
	At           time.Time `json:"at"`      // of the block
	SeenAt       time.Time `json:"seen_at"` // by the gateway
	Request      string    `json:"request,omitempty"`
	Reference    string    `json:"reference,omitempty"` // of the request, in the words of who asked
	Order        string    `json:"order,omitempty"`
}

// ReportApproval is a request with who decided on it and when, in GET /v1/reports/approvals.
type ReportApproval struct {
	ID        string           `json:"id"`                // req_…
	Account   string           `json:"account,omitempty"` // absent: it changes the vault
	Kind      string           `json:"kind"`
	Sentence  string           `json:"sentence"`
	Asset     string           `json:"asset,omitempty"`
	Amount    string           `json:"amount,omitempty"`   // that rules look at
	Currency  string           `json:"currency,omitempty"` // of the amount: ISO 4217, or an asset
	Rule      string           `json:"rule,omitempty"`
	Reference string           `json:"reference,omitempty"`
	State     string           `json:"state"`
	CreatedAt time.Time        `json:"created_at"`
	ClosedAt  *time.Time       `json:"closed_at,omitempty"`
	Decisions []ReportDecision `json:"decisions"` // in their order
}

// ReportDecision is who decided what, and when.
type ReportDecision struct {
	Member   string    `json:"member"`
	Name     string    `json:"name"`
	Step     int       `json:"step"`     // from 1; 0: the creation step
	Decision string    `json:"decision"` // INITIATE, APPROVE or REJECT; of a reviewer its verdict
	Reason   string    `json:"reason,omitempty"`
	At       time.Time `json:"at"`
	Seq      int64     `json:"seq"` // of the entry of the log that has it, signed
}

// What a fee was paid for.
const (
	FeeTransfer = "transfer"
	FeeCancel   = "cancel" // of a transfer that was replaced by nothing
	FeeFailed   = "failed" // the transaction moved nothing
	FeeSweep    = "sweep"
	FeeOther    = "other" // no request asked for it
)

// ReportFee is what a transaction paid for itself, in GET /v1/reports/fees.
type ReportFee struct {
	ID       string    `json:"id"` // of the entry
	Account  string    `json:"account"`
	At       time.Time `json:"at"` // when it was booked
	For      string    `json:"for"`
	Asset    string    `json:"asset"`
	Amount   string    `json:"amount"` // with a minus when it was taken back
	Value    *Value    `json:"value,omitempty"`
	TxHash   string    `json:"tx_hash,omitempty"`
	Block    int64     `json:"block"`
	Request  string    `json:"request,omitempty"`
	Reverses string    `json:"reverses,omitempty"`
}

// ReportProvider is what a provider promised and delivered of one asset, in GET
// /v1/reports/providers.
type ReportProvider struct {
	ID             string `json:"id"` // provider and asset, with a colon between them
	Provider       string `json:"provider"`
	Name           string `json:"name"`
	Asset          string `json:"asset"`
	Orders         int    `json:"orders"`
	Completed      int    `json:"completed"`
	Failed         int    `json:"failed"`  // failed or refunded
	Expired        int    `json:"expired"` // were not paid in time
	Open           int    `json:"open"`
	Promised       string `json:"promised"`  // of those that were completed
	Delivered      string `json:"delivered"` // of those that were completed
	Difference     string `json:"difference"`
	DifferencePct  string `json:"difference_pct,omitempty"` // absent: nothing was promised
	Seconds        *int64 `json:"seconds,omitempty"`        // from the hand-over to the delivery: the median
	SlowestSeconds *int64 `json:"slowest_seconds,omitempty"`
}
