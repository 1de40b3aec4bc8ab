// Package signedlog is the hash-chained log of signed entries that the signer
// keeps and the gateway reads. An entry is canonical JSON in a compact JWS (typ
// countersign-entry+jws) by the signer's statement key; it names the hash of the
// entry before it. Storage and the anti-rewind watermark are injected. Spec:
// shared/spec/signedlog.md. bridge/internal/signer writes it,
// web/internal/signerlink reads it.
package signedlog

import (
	"context"
	"errors"
	"time"

	"countersign/shared/jws"
	"countersign/shared/strictjson"
)

// The types of entries.
const (
	Genesis    = "genesis"
	Request    = "request"
	Initiation = "initiation"
	Approval   = "approval"
	Verdict    = "verdict"
	// Governed says which rule governs an open request from here on, after a change of the
	// vault.
	Governed = "governed"
	Outcome  = "outcome"
	// Signing says which transaction the signer is about to sign, Signed that it did.
	Signing = "signing"
	Signed  = "signed"
	// SigningMessage says which message the signer is about to sign, SignedMessage that it did.
	SigningMessage = "signing_message"
	SignedMessage  = "signed_message"
	// Sweeping says which sweep of a deposit address the signer is about to sign, Swept
	// that it did.
	Sweeping = "sweeping"
	Swept    = "swept"
	Clock    = "clock"
	// Checkpoint ends a segment, and says what the state is after the entries before it.
	Checkpoint = "checkpoint"
)

// MaxBatch is how many entries may become durable together, before the watermark moves.
const MaxBatch = 64

// Entry is the payload of one signed line.
type Entry struct {
	Seq  int64          `json:"seq"`  // 0 for the genesis
	Prev string         `json:"prev"` // hash of the line before; of 32 zero bytes' base64url for the genesis
	At   int64          `json:"at"`   // Unix seconds; never before that of the line before, but in a clock entry
	Type string         `json:"type"`
	Body strictjson.Raw `json:"body"` // canonical JSON of what the type says
}

// Mark is a state of the log: how many entries, and the hash of the last line.
type Mark struct {
	Size int64  `json:"size"`
	Head string `json:"head"`
}

// Storage keeps the lines, in segments.
type Storage interface {
	Segments
	// Append adds lines, each with a line feed, to the last segment, which may be new. It
	// returns when they are durable. After [ErrFull] none of them is there; after another
	// error nobody knows.
	Append(first int64, lines []string) error
	// Truncate cuts the last segment to size bytes, durably.
	Truncate(first, size int64) error
}

// ErrFull says that there is no room for lines: they can be added when there is.
var ErrFull = errors.New("the disk is full")

// Watermark remembers, out of reach of who can change the storage, how far the
// log was. Get returns the zero Mark when none was ever set.
type Watermark interface {
	Get(ctx context.Context) (Mark, error)
	Set(ctx context.Context, m Mark) error
}

// Config is what a log needs.
type Config struct {
	Storage   Storage
	Watermark Watermark
	Signer    jws.Signer // the statement key: signs
	// Root is the key with which the log began, when the vault's keys were rotated since; zero:
	// the Signer's.
	Root  jws.PublicKey
	Now   func() time.Time
	Inner func(Entry) // as of [Chain], while the log is opened
	// From is the line of a checkpoint whose state the caller has: the log is verified from
	// there on. Empty: from the genesis.
	From string
}
