package journal

import (
	"strings"
	"unicode/utf8"

	"countersign/shared/intent"
)

// maxProcess is how much is kept of a program's path, in bytes.
const maxProcess = 1024

// The events. What stands after "first" is synced to the disk before the key is
// used: [Event.Durable].
const (
	Started       = "started"        // the bridge started
	Recovered     = "recovered"      // the last line was incomplete after a power cut or a full disk, and was dropped
	HeadSigned    = "head-signed"    // first: a token's key signs the head of this journal; Digest is the head's hash
	GenesisSigned = "genesis-signed" // first: an administrator's token signs the genesis of a vault; Digest is that of the genesis
	Registered    = "registered"     // first: an approval key signs the keys with which somebody registers as a member
	Paired        = "paired"         // the person accepted a page's key
	PairingFailed = "pairing-failed" // they did not, or the code's handshake failed
	Revoked       = "revoked"        // a pairing was taken back
	OriginAdded   = "origin-added"   // a site was added to the configuration
	OriginRemoved = "origin-removed" // it was removed
	Blocked       = "blocked"        // the person blocked a site at the prompt
	Unblocked     = "unblocked"      // they took it back
	Limited       = "limited"        // a site asked too often and was refused
	Refused       = "refused"        // a request was refused before the person was asked: Code says why
	Batched       = "batch"          // several statements are shown as one list; Batch is its id, Count its items
	Derived       = "key-derived"    // first: ECDH with a channel key
	Unlocked      = "unlocked"       // a PIN was accepted
	Allowed       = "allowed"        // the person let a page use a key of a token that was unlocked already
	PINFailed     = "pin-failed"     // a PIN was refused, or not given
	Locked        = "locked"         // a token was locked again: idle for too long, pulled, or on demand
	Approved      = "approved"       // first: the person approved; the key is about to be used
	Declined      = "declined"       // the person said no; nothing was signed
	Signed        = "signed"         // a signature was made and leaves the bridge
	Failed        = "failed"         // it was not: Code says why
	ModuleFailed  = "module-failed"  // a PKCS#11 module crashed or hung and was restarted; Device is its file, Code MODULE_FAILED
	KeyMade       = "key-made"       // first: a key pair is made in a token
	KeyDeleted    = "key-deleted"    // first: a key pair is deleted from a token
)

// Event is what happened. Empty fields are left out.
type Event struct {
	Kind     string `json:"event"` // one of the constants above
	Origin   string `json:"origin,omitempty"`
	Pairing  string `json:"pairing,omitempty"` // id of the page's key
	Process  string `json:"process,omitempty"` // the page's program: "/usr/bin/firefox (pid 4711)"
	Entity   string `json:"entity,omitempty"`
	Member   string `json:"member,omitempty"`
	Device   string `json:"device,omitempty"`   // token label
	Key      string `json:"key,omitempty"`      // thumbprint
	Request  string `json:"request,omitempty"`  // request id
	Batch    string `json:"batch,omitempty"`    // id of the batch that the request was shown in
	Count    int    `json:"count,omitempty"`    // how many items, or how many events this line stands for; 0 means one
	Decision string `json:"decision,omitempty"` // APPROVE, REJECT or INITIATE

	// What was decided on, as the statement says it; of a decision and of what
	// became of it.
	intent.Record

	Statement string `json:"statement,omitempty"` // what kind of statement: its typ, "countersign-approval+jws"
	Digest    string `json:"digest,omitempty"`    // SHA-256 of the statement, hex
	Code      string `json:"code,omitempty"`      // fault code
}

// Durable reports whether the event permits the use of a key: [Journal.Append]
// then returns only when the line is on the disk.
func (e Event) Durable() bool {
	switch e.Kind {
	case Approved, Derived, HeadSigned, GenesisSigned, Registered, KeyMade, KeyDeleted:
		return true
	}
	return false
}

// tidied is e as it is written: a program chooses its own path, so that is
// bounded and made UTF-8. Its end is kept, where name and number are.
func (e Event) tidied() Event {
	e.Process = strings.ToValidUTF8(e.Process, "\uFFFD")
	if n := len(e.Process) - maxProcess; n > 0 {
		for !utf8.RuneStart(e.Process[n]) {
			n++
		}
		e.Process = "…" + e.Process[n:]
	}
	return e
}
