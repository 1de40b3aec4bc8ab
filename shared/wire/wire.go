// Package wire is the HTTP bodies between a client (the page, a back office) and
// the gateway, one file per noun, and in signer.go those between the gateway and
// the signer. Pure types: no HTTP, no clock, so that the browser module can use
// them. Spec: shared/spec/wire.md and shared/spec/signer-link.md.
package wire

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/strictjson"
)

// MaxBody is the longest body that the gateway reads, in bytes. The relay of
// channel records has a limit of its own, MaxRecordBody.
const (
	MaxBody       = 16 << 10
	MaxHead       = 32 << 10 // of a request's lines before the body
	HeadSlop      = 4 << 10  // what net/http reads beyond its MaxHeaderBytes
	MaxRecordBody = 128 << 10
)

// Input is a body that a client sends.
type Input interface {
	// Validate fails with INVALID_REQUEST, details field.
	Validate() error
}

// Decode reads a body of at most limit bytes strictly and validates it. It fails
// with INVALID_REQUEST or PAYLOAD_TOO_LARGE.
func Decode(data []byte, in Input, limit int) error {
	if err := strictjson.Unmarshal(data, in, limit); err != nil {
		return err
	}
	return in.Validate()
}

func invalid(field, why string) error {
	return fault.New(fault.Invalid, field+" "+why).With("field", field)
}

func anID(field, kind, s string) error {
	if !id.Is(kind, s) {
		return invalid(field, "is not an id that starts with "+kind+"_")
	}
	return nil
}

// plain reports whether s is 1 to limit printable characters.
func plain(s string, limit int) bool {
	return s != "" && utf8.RuneCountInString(s) <= limit && !strings.ContainsFunc(s, func(r rune) bool {
		return r == utf8.RuneError || !unicode.IsPrint(r)
	})
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
