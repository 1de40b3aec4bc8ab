package store

import "time"

// States of a message.
const (
	MessageApproved = "approved" // not signed yet
	MessageSigned   = "signed"   // final
	MessageLapsed   = "lapsed"   // final: its approval ended, or the vault's keys were rotated, before it was signed
)

// Message is an approved request that ends in a signature under a message, and how far that
// is: what the signer's log says of it.
type Message struct {
	Request   string
	Entity    string
	State     string
	Address   string // of the account, whose key signs
	Digest    string // base64url of what the key signs
	Begun     bool   // the signer is about to sign it, and will, also after its approval ended
	Signature string // 0x and 65 bytes in hexadecimal; empty: it is not signed
	SignedAt  int64  // Unix seconds
	Reason    string // why it is not further, for people; empty: nothing is wrong
	Updated   time.Time
}

// Messages are kept in the order in which they were approved.
type Messages interface {
	PutMessage(Message) error // adds or replaces
	Message(entity, request string) (Message, error)
	// OpenMessages are those of an entity that are not final, after that of a request; empty: from
	// the first.
	OpenMessages(entity, after string, limit int) ([]Message, error)
}
