package wire

import "time"

// States of a [Signature].
const (
	SignatureApproved = "approved" // not signed yet
	SignatureSigned   = "signed"   // final: the request is completed
	SignatureLapsed   = "lapsed"   // final: its approval ended, or the vault's keys were rotated, before it was signed
)

// Signature is how far the signature of an approved message is.
type Signature struct {
	State     string     `json:"state"`
	Address   string     `json:"address"`             // of the account, whose key signs
	Digest    string     `json:"digest"`              // base64url of what the key signs (shared/spec/messages.md)
	Signature string     `json:"signature,omitempty"` // 0x and the 65 bytes r, s and v in hexadecimal
	SignedAt  *time.Time `json:"signed_at,omitempty"`
	Reason    string     `json:"reason,omitempty"` // why it is not further, for people
}
