package store

import "time"

// Mark is how far the log of an entity's signer was read.
type Mark struct {
	Size int64  // entries
	Head string // hash of the last; empty before the first
}

// Line is one line of the log of an entity's signer, verified.
type Line struct {
	Entity string
	Seq    int64
	Text   string
	Hash   string
	Nodes  []byte // of the Merkle tree, that it completes: 32 bytes each, its leaf first; Lines leaves them out
}

// Pin is which rule governs a request.
type Pin struct {
	RuleSet   string
	Version   int
	Digest    string
	Rule      string
	UseWithin int64 // seconds
}

// Decision is what a member, or a reviewer, signed about a request.
type Decision struct {
	Member   string
	Step     int
	Decision string // as statements say it; empty of a reviewer
	Verdict  string // of a reviewer
	Reason   string // of a reviewer
	At       int64  // Unix seconds
	Seq      int64  // of its entry
}

// Request is a governed request as the log tells it.
type Request struct {
	ID      string
	Entity  string
	Account string
	// State is pending_initiation, pending, approved, rejected or expired, then ordered
	// and completed, which the gateway adds.
	State       string
	Created     time.Time
	Expires     int64  // Unix seconds
	Intent      string // its canonical bytes
	Pin         Pin
	Attestation string  // of the address where it receives
	Impact      *Impact // of what changes the vault
	Seq         int64   // of its entry
	Decisions   []Decision
	Outcome     string // of the log; empty while pending
	Reasons     []string
	Closed      int64 // Unix seconds of the outcome
	UseBy       int64 // Unix seconds: when the approval ends; 0 in a log of an earlier version
	CloseSeq    int64
	Order       string
}

// RequestFilter chooses requests; what is empty chooses all.
type RequestFilter struct {
	State    string
	Account  string
	Asset    string    // that is bought or sent
	From, To time.Time // of its creation; To is not included
	Among    []string  // accounts; nil: all, and what is of none
}

// Impact is what a change of the vault does, as its entry says it.
type Impact struct {
	Report  string // digest of the report
	Log     int64  // entries that it is about
	Summary []string
	More    int // sentences beside them
}

// LogModel is the read model of the logs of signers.
type LogModel interface {
	Mark(entity string) (Mark, error) // zero before the first
	AppendLine(Line) error            // must follow the mark
	Lines(entity string, from int64, limit int) ([]Line, error)
	// Node is the root of the full subtree of 2^level lines of which seq is the last.
	Node(entity string, seq int64, level int) ([]byte, error)

	// PutNote keeps what the signer signed about the first size lines, unless a note about
	// more is kept.
	PutNote(entity string, size int64, note string) error
	Note(entity string) (string, error)

	// NoteLine keeps that a line is about name; it may be kept already. Noted finds those
	// lines before one, the first of them first.
	NoteLine(entity, name string, seq int64) error
	Noted(entity, name string, before int64) ([]int64, error)

	// PutSnapshot keeps the state before a line that is a checkpoint, unless one of a
	// later line is kept.
	PutSnapshot(entity string, seq int64, state []byte) error
	Snapshot(entity string) (seq int64, state []byte, err error)

	// PutGovernance keeps who may decide what in the vault of an entity, over what was kept
	// before: the canonical bytes of shared/vault, Governance.
	PutGovernance(entity, doc string) error
	Governance(entity string) (string, error)

	PutRequest(Request) error // adds or replaces
	Request(entity, id string) (Request, error)
	// Requests are newest first, those after the one with id after.
	Requests(entity string, f RequestFilter, after string, limit int) ([]Request, error)
}
