package wire

import (
	"time"

	"countersign/shared/field"
	"countersign/shared/governance"
	"countersign/shared/id"
	"countersign/shared/intent"
	"countersign/shared/statement"
)

// RequestInput is the body of POST /v1/requests: of a purchase the quote and the account,
// of all else the intent.
type RequestInput struct {
	QuoteID   string `json:"quote_id,omitempty"`
	AccountID string `json:"account_id,omitempty"`
	// Intent is a draft (shared/intent) of what changes the vault, sends what it holds, or has
	// a message signed, which says its purpose itself.
	Intent intent.Doc `json:"intent,omitempty"`
	// Purpose is what it is for, in the asker's words: at most 140 characters (shared/name).
	Purpose string `json:"purpose,omitempty"`
	// Reference is what it is called in the asker's books, by the same rule.
	Reference string `json:"reference,omitempty"`
}

// Validate checks each field.
func (r RequestInput) Validate() error {
	var c field.Checks
	if len(r.Intent) > 0 {
		c.That(r.QuoteID == "", "quote_id", "and an intent exclude each other")
		c.That(r.AccountID == "", "account_id", "and an intent exclude each other")
		c.That(r.Purpose == "", "purpose", "stands in the intent")
		c.That(r.Reference == "", "reference", "stands in the intent")
		if _, err := intent.Draft(r.Intent); err != nil {
			return err
		}
		return intent.Refused(c.Err())
	}
	c.Words(r.Purpose, "purpose")
	c.Words(r.Reference, "reference")
	return first(anID("quote_id", id.Quote, r.QuoteID), anID("account_id", id.Account, r.AccountID), intent.Refused(c.Err()))
}

// States of a request: what the signer decided, then what became of it.
const (
	RequestUnsent    = "pending_initiation" // no member has signed and sent it
	RequestPending   = "pending"
	RequestApproved  = "approved"
	RequestRejected  = "rejected"
	RequestExpired   = "expired"
	RequestBlocked   = "blocked" // the vault changed, and denies it since
	RequestLapsed    = "lapsed"  // approved, and the approval ended before it was used
	RequestOrdered   = "ordered"
	RequestCompleted = "completed"
	RequestFailed    = "failed"    // its transaction is in a block and moved nothing
	RequestCancelled = "cancelled" // another transaction is in a block in place of its own, and does something else
)

// Request is a governed request: all that a page about it shows.
type Request struct {
	ID           string     `json:"id"`
	Entity       string     `json:"entity"`
	State        string     `json:"state"`
	Sentence     string     `json:"sentence"`      // what it is about, for people
	Intent       intent.Doc `json:"intent"`        // canonical: kind, v, then the fields of its kind
	IntentDigest string     `json:"intent_digest"` // base64url of its SHA-256
	// Lines are what the intent says, for people, of what changes the vault, of a replace and of a message: a page need not
	// know its kind.
	Lines      []Line                `json:"lines,omitempty"`
	Impact     *statement.Impact     `json:"impact,omitempty"` // what it does to the vault, also among Lines
	Rule       Rule                  `json:"rule"`
	Reasons    []string              `json:"reasons"` // why it is in this state, most important first
	Step       int                   `json:"step"`    // that is waited for, from 1
	Steps      []governance.Progress `json:"steps"`
	Initiator  *Approver             `json:"initiator,omitempty"` // who signed and sent it
	Approvers  []Approver            `json:"approvers"`           // of the current step; those who may sign and send it, while it is unsent
	Needed     int                   `json:"needed"`              // quorum of the current step
	Approved   int                   `json:"approved"`            // approvals that count towards it
	Address    *DepositInfo          `json:"address,omitempty"`   // of an intent that receives
	Sending    *Sending              `json:"sending,omitempty"`   // of an approved request that ends in a transaction
	Signature  *Signature            `json:"signature,omitempty"` // of an approved request that ends in one
	History    []Event               `json:"history"`             // oldest first
	Order      string                `json:"order,omitempty"`
	CreatedAt  time.Time             `json:"created_at"`
	ExpiresAt  time.Time             `json:"expires_at"`
	UseBy      *time.Time            `json:"use_by,omitempty"` // when the approval ends; absent while there is none
	ServerTime time.Time             `json:"server_time"`
}

// Line is one line of what a person reads.
type Line struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// Rule governs the request: one rule of one version of a rule set, also when there is
// a newer one.
type Rule struct {
	RuleSet string `json:"rule_set"` // id of the account
	Version int    `json:"version"`
	Digest  string `json:"digest"` // of this version of the set
	Name    string `json:"name"`
	// UseWithin is for how many seconds the approval can be used after it was given.
	UseWithin int64 `json:"use_within"`
}

// Approver is a member who may decide, and whether that happened.
type Approver struct {
	Member   string     `json:"member"`
	Name     string     `json:"name"`
	Decision string     `json:"decision,omitempty"` // APPROVE, REJECT, INITIATE; absent: none yet
	At       *time.Time `json:"at,omitempty"`
	Curve    string     `json:"curve"` // of the approval key
	Key      string     `json:"key"`   // its thumbprint
	// ChannelIn is where the member's channel key lives: token or software.
	ChannelIn string `json:"channel_in"`
}

// DepositInfo is the vault's own address for this request.
type DepositInfo struct {
	Chain   string `json:"chain"`
	Address string `json:"address"`
	// Attestation is the signer's word for it (typ countersign-address+jws).
	Attestation string `json:"attestation"`
	// Verified: the gateway checked it with the key from the signer file.
	Verified bool `json:"verified"`
}

// Event is one line of a history. Seq is the entry of the signer's log; -1 for
// what the gateway did.
type Event struct {
	At   time.Time `json:"at"`
	Type string    `json:"type"` // request, approval, rejection, outcome, order, …
	Text string    `json:"text"`
	Seq  int64     `json:"seq"`
}

// StatementPreview answers GET /v1/requests/{id}/statement?member=…: the text that
// the bridge will show, with a mark in place of what varies from prompt to prompt.
type StatementPreview struct {
	Request  string `json:"request"`
	Member   string `json:"member"`
	Decision string `json:"decision"`
	Text     string `json:"text"`
}
