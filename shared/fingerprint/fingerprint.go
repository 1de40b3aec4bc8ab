// Package fingerprint is a public key as people say it to each other: the first 16
// bytes of its thumbprint (RFC 7638), as sixteen words of the PGP word list, and as
// eight groups of five digits. The words of two and of three syllables alternate, so
// that one that was left out, doubled or exchanged is heard; each group of digits says
// what two words say. Administrators compare the root key of their vault with it before
// they sign its genesis. Spec: shared/spec/statement.md, Fingerprint.
package fingerprint

import (
	_ "embed"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"countersign/shared/fault"
)

// Size is how much of a thumbprint a fingerprint has, in bytes.
const Size = 16

// The words for bytes at even and at odd places, in the order of their bytes.
var (
	//go:embed even.txt
	evenText string
	//go:embed odd.txt
	oddText string
)

// lists are they in two lists.
func lists() [2][]string { return [2][]string{strings.Fields(evenText), strings.Fields(oddText)} }

// Fingerprint is the beginning of a thumbprint.
type Fingerprint [Size]byte

// Of is the fingerprint of the key with a thumbprint, in base64url. It fails with
// INVALID_REQUEST when that is not 32 bytes.
func Of(thumbprint string) (f Fingerprint, err error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(thumbprint)
	if err != nil || len(b) != 32 {
		return f, fault.New(fault.Invalid, "the thumbprint of the key is not 32 bytes of base64url")
	}
	copy(f[:], b)
	return f, nil
}

// Words are the sixteen words.
func (f Fingerprint) Words() (all []string) {
	lists := lists()
	for i, b := range f {
		all = append(all, lists[i%2][b])
	}
	return all
}

// Digits are the eight groups of five digits.
func (f Fingerprint) Digits() (all []string) {
	for i := 0; i < Size; i += 2 {
		all = append(all, fmt.Sprintf("%05d", binary.BigEndian.Uint16(f[i:])))
	}
	return all
}

// Lines are the words in four lines of four, and the digits in two of four.
func (f Fingerprint) Lines() (words, digits []string) {
	for line := range slices.Chunk(f.Words(), 4) {
		words = append(words, strings.Join(line, " "))
	}
	for line := range slices.Chunk(f.Digits(), 4) {
		digits = append(digits, strings.Join(line, " "))
	}
	return words, digits
}

// Parse reads a fingerprint as a person types it: the words, or the digits, with any
// white space, commas or hyphens between them. It fails with INVALID_REQUEST, and says which
// word or group is wrong.
func Parse(text string) (f Fingerprint, err error) {
	parts := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return strings.ContainsRune(" \t\r\n,-", r) })
	switch len(parts) {
	case Size:
		lists := lists()
		for i, word := range parts {
			b := slices.Index(lists[i%2], word)
			if b < 0 {
				return f, refuse("word %d, %q, is not one that can stand there", i+1, word)
			}
			f[i] = byte(b)
		}
	case Size / 2:
		for i, group := range parts {
			n, err := strconv.ParseUint(group, 10, 16)
			if err != nil || len(group) != 5 {
				return f, refuse("group %d, %q, is not five digits up to 65535", i+1, group)
			}
			binary.BigEndian.PutUint16(f[2*i:], uint16(n))
		}
	default:
		return f, refuse("it has %d parts, and not sixteen words or eight groups of digits", len(parts))
	}
	return f, nil
}

// Named reports, of a thumbprint, whether it is the one that name names: the thumbprint
// itself, or its fingerprint in words or digits. It fails with INVALID_REQUEST.
func Named(name string) (func(thumbprint string) bool, error) {
	if _, err := Of(name); err == nil {
		return func(thumbprint string) bool { return thumbprint == name }, nil
	}
	want, err := Parse(name)
	if err != nil {
		err = fault.Wrap(err, fault.Invalid, "the root key is named by its thumbprint, 43 characters, or by its fingerprint, sixteen words or eight groups of digits")
	}
	return func(thumbprint string) bool {
		f, err := Of(thumbprint)
		return err == nil && f == want
	}, err
}

func refuse(format string, args ...any) error {
	return fault.New(fault.Invalid, "the fingerprint cannot be read: "+fmt.Sprintf(format, args...))
}
