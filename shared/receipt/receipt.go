// Package receipt is one executed request as one file that verifies offline, with
// nothing but the vault's root key: the lines of the log that the request rests on, the
// signer's note about the log, and for each line the path that shows it to be in it. No
// clock, no I/O. Spec: shared/spec/receipt.md. The gateway makes receipts, and
// `countersign-bridge receipt verify` reads them.
package receipt

import (
	"fmt"

	"countersign/shared/fault"
	"countersign/shared/strictjson"
)

// Limits of a receipt.
const (
	MaxSize         = 16 << 20 // bytes
	MaxLines        = 8192
	MaxTransactions = 16 // of an order
)

// File is a receipt. Its form is canonical JSON.
type File struct {
	V       int    `json:"v"`    // 1
	Type    string `json:"type"` // "receipt"
	Request string `json:"request"`
	Note    string `json:"note"`  // about the log, as signedlog.ReadNote reads it
	Lines   []Line `json:"lines"` // in the order of the log
	// LedTo is what the gateway says came of the request. The vault does not vouch for it.
	LedTo *LedTo `json:"led_to,omitempty"`
}

// Line is a line of the log, and how it is in the tree of the note.
type Line struct {
	Seq  int64    `json:"seq"`
	JWS  string   `json:"jws"`
	Path []string `json:"path"` // RFC 6962 §2.1.1, each hash in base64url
}

// LedTo is an order at a provider.
type LedTo struct {
	Order        string   `json:"order"`
	State        string   `json:"state"`
	Provider     string   `json:"provider"`
	Chain        string   `json:"chain"`
	Address      string   `json:"address"`      // where it is delivered
	Transactions []string `json:"transactions"` // seen on the chain
}

// Encode returns the bytes of a receipt. It fails with PAYLOAD_TOO_LARGE.
func Encode(f File) ([]byte, error) {
	data, err := strictjson.Canonical(f)
	if err == nil && (len(data) > MaxSize || len(f.Lines) > MaxLines) {
		err = fault.New(fault.TooLarge, fmt.Sprintf("the receipt is longer than %d bytes or %d lines", MaxSize, MaxLines))
	}
	return data, err
}

// Decode reads a receipt, and verifies nothing; see [Verify]. It fails with
// INVALID_REQUEST, details part=file.
func Decode(data []byte) (File, error) {
	var f File
	if err := strictjson.UnmarshalCanonical(data, &f, MaxSize); err != nil {
		return File{}, fault.Wrap(err, fault.Invalid, "the receipt was refused: the file is not a receipt as it was written").With("part", "file")
	}
	bad := func(why string) (File, error) {
		return File{}, fault.New(fault.Invalid, "the receipt was refused: "+why).With("part", "file")
	}
	switch {
	case f.V != 1 || f.Type != "receipt":
		return bad("the file is not a receipt of version 1")
	case len(f.Lines) < 2 || len(f.Lines) > MaxLines:
		return bad("the file has no lines, or too many")
	case f.LedTo != nil && len(f.LedTo.Transactions) > MaxTransactions:
		return bad("the file has too many transactions")
	}
	return f, nil
}
