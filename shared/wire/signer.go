package wire

import (
	"time"

	"countersign/shared/gas"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/jwk"
	"countersign/shared/statement"
)

// The signer link: HTTP between the gateway and the signer, over a unix socket.
// Spec: shared/spec/signer-link.md. It needs no trust: what matters inside is
// signed or sealed end to end.

// SignerStatus answers GET /v1/status.
type SignerStatus struct {
	Entity       string        `json:"entity"`
	EntityName   string        `json:"entity_name"`
	Log          statement.Log `json:"log"`
	StatementKey jwk.Key       `json:"statement_key"`
	ChannelKeys  []jwk.Key     `json:"channel_keys"`
	Stopped      string        `json:"stopped,omitempty"` // why nothing is decided, for people; empty: it is
}

// SignerRequestInput is the body of POST /v1/requests. The same request id with
// the same body returns the same request; with another body it is CONFLICT.
type SignerRequestInput struct {
	Request   string     `json:"request"`
	Intent    intent.Doc `json:"intent"`        // a draft: what the vault alone knows is empty
	ExpiresAt time.Time  `json:"expires_at"`    // whole seconds, UTC
	Try       *Trial     `json:"try,omitempty"` // of a dry run of what changes the vault: a request to explain
}

// SignerRequest is a governed request as the signer sees it: the answer of POST
// /v1/requests and GET /v1/requests/{id}.
type SignerRequest struct {
	Request      string                `json:"request"`
	State        string                `json:"state"`                // PENDING_INITIATION, PENDING_APPROVAL, APPROVED, REJECTED, EXPIRED
	Step         int                   `json:"step"`                 // the step that is waited for, from 1; 0 while an initiator is
	Initiator    string                `json:"initiator"`            // member id, proven by a signature; empty: none is
	Initiators   []string              `json:"initiators,omitempty"` // member ids that may initiate, while that is waited for
	Intent       intent.Doc            `json:"intent"`
	IntentDigest string                `json:"intent_digest"` // base64url of the SHA-256 of the intent's canonical JSON
	GovernedBy   statement.GovernedBy  `json:"governed_by"`
	Steps        []governance.Progress `json:"steps"`
	Approvals    []SignerApproval      `json:"approvals"`
	Reasons      []string              `json:"reasons"`               // for people
	Impact       *statement.Impact     `json:"impact,omitempty"`      // of an intent that changes the vault
	Attestation  string                `json:"attestation,omitempty"` // the address attestation, a JWS by the signer's statement key; of an intent that receives
	ExpiresAt    time.Time             `json:"expires_at"`
	UseBy        *time.Time            `json:"use_by,omitempty"` // when the approval ends, of an approved request
	LogSize      int64                 `json:"log_size"`
}

// SignerTransactionInput is the body of POST /v1/requests/{id}/transactions.
type SignerTransactionInput struct {
	Fees gas.Fees `json:"fees"`
}

// SignerTransaction answers POST /v1/requests/{id}/transactions: a signed transaction of an
// approved request, which the log has.
type SignerTransaction struct {
	Nonce   int64    `json:"nonce"`
	Fees    gas.Fees `json:"fees"` // those that were asked for, unless another attempt was to be signed first
	Hash    string   `json:"hash"` // how the chain names it
	Raw     string   `json:"raw"`  // base64url of what is sent to the chain
	LogSize int64    `json:"log_size"`
}

// SignerSignatureInput is the body of POST /v1/requests/{id}/signature: what is signed follows
// from the request alone.
type SignerSignatureInput struct{}

// SignerSignature answers POST /v1/requests/{id}/signature: the signature of the message of an
// approved request, which the log has.
type SignerSignature struct {
	Digest    string `json:"digest"`    // base64url of what the key signed
	Signature string `json:"signature"` // 0x and the 65 bytes r, s and v in hexadecimal
	Address   string `json:"address"`   // of the account, whose key it is
	LogSize   int64  `json:"log_size"`
}

// SignerSweepInput is the body of POST /v1/sweeps, which a [SignerTransaction] answers.
type SignerSweepInput struct {
	Account string   `json:"account"`
	Address string   `json:"address"` // a deposit address of the account
	Nonce   int64    `json:"nonce"`   // which sweep of the address: the next one, or one that was begun before
	Amount  string   `json:"amount"`  // in the smallest unit of the chain's coin
	Fees    gas.Fees `json:"fees"`
}

// SignerReviews answers GET /v1/reviews: what reviewers are to be asked now.
type SignerReviews struct {
	Reviews []SignerReview `json:"reviews"`
}

// SignerReview is a question to the reviewer of a step.
type SignerReview struct {
	Request  string `json:"request"`
	Reviewer string `json:"reviewer"` // member id
	JWS      string `json:"jws"`      // typ countersign-review+jws, by the signer's statement key
}

// SignerVerdict is the body of POST /v1/verdicts, which a [SignerRequest] answers.
type SignerVerdict struct {
	JWS string `json:"jws"` // typ countersign-verdict+jws, by the reviewer's approval key
}

// SignerRates answers GET /v1/rates: the rates that rules look at and of which a newer one is
// wanted.
type SignerRates struct {
	Rates []SignerRate `json:"rates"`
}

// SignerRate is a rate that rules look at, and answers POST /v1/rates.
type SignerRate struct {
	Source   string     `json:"source"` // member id of whoever signs it
	Asset    string     `json:"asset"`
	Currency string     `json:"currency"`
	At       *time.Time `json:"at,omitempty"` // of the newest that the signer knows; absent: it knows none
}

// SignerRateInput is the body of POST /v1/rates.
type SignerRateInput struct {
	JWS string `json:"jws"` // typ countersign-rate+jws, by the source's approval key
}

// SignerApproval is one decision that the signer accepted.
type SignerApproval struct {
	Member   string    `json:"member"`
	Step     int       `json:"step"`
	Decision string    `json:"decision"` // APPROVE or REJECT
	At       time.Time `json:"at"`
	Seq      int64     `json:"seq"` // its entry in the log
}

// SignerRecord is the body of POST /v1/channels and POST
// /v1/channels/{id}/records: bytes that only the two ends of the channel read.
type SignerRecord struct {
	Record string `json:"record"` // base64url
}

// SignerChannel answers POST /v1/channels.
type SignerChannel struct {
	Channel string `json:"channel"` // chn_…
	Record  string `json:"record"`
}

// SignerReply answers POST /v1/channels/{id}/records. A log size that grew tells
// the gateway to read the new entries.
type SignerReply struct {
	Record  string `json:"record"`
	LogSize int64  `json:"log_size"`
}

// SignerLogPage answers GET /v1/log?after=SEQ&limit=N: the entries after SEQ (-1
// for all), at most N.
type SignerLogPage struct {
	Entries []SignerLogEntry `json:"entries"`
	Size    int64            `json:"size"`
	Head    string           `json:"head"`
	Stopped string           `json:"stopped,omitempty"` // as in SignerStatus
}

// SignerNote answers GET /v1/log/checkpoint.
type SignerNote struct {
	Note string `json:"note"` // about all entries that are durable, as shared/signedlog reads it
}

// SignerLogEntry is one line of the log.
type SignerLogEntry struct {
	Seq int64  `json:"seq"`
	JWS string `json:"jws"` // typ countersign-entry+jws; the payload is a signedlog.Entry
}
