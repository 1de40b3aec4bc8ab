// Package eip191 is what an account signs of a message that is not typed data: version 0x45
// of EIP-191, which wallets call personal_sign. Nothing that it signs is a transaction, or
// typed data. Pure. shared/intent uses it. Spec: shared/spec/messages.md.
package eip191

import (
	"strconv"

	"golang.org/x/crypto/sha3"
)

// Digest is the Keccak-256 of the message behind its prefix: 0x19, "Ethereum Signed
// Message:", a line feed, and its length in bytes.
func Digest(message []byte) (sum [32]byte) {
	h := sha3.NewLegacyKeccak256()
	h.Write([]byte("\x19Ethereum Signed Message:\n" + strconv.Itoa(len(message))))
	h.Write(message)
	h.Sum(sum[:0])
	return sum
}
