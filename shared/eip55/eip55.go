// Package eip55 is addresses of eip155 chains: that of a key, and the check that an
// address carries in the case of its letters. The signer writes it; the signer, the
// gateway and the bridge refuse an address whose check does not hold, for then a digit
// of it was changed.
// See shared/spec/statement.md.
package eip55

import (
	"encoding/hex"
	"strings"

	"golang.org/x/crypto/sha3"
)

// Of is the address of a secp256k1 key on every eip155 chain: the last 20 bytes of the
// Keccak-256 of its point, x and y of 32 bytes each.
func Of(point []byte) string {
	h := sha3.NewLegacyKeccak256()
	h.Write(point)
	return Address(hex.EncodeToString(h.Sum(nil)[12:]))
}

// Address writes 40 hexadecimal digits as an address with the check: a letter is in
// upper case when its nibble in the Keccak-256 of the lower-case digits is 8 or more.
func Address(digits string) string {
	out := []byte(strings.ToLower(digits))
	h := sha3.NewLegacyKeccak256()
	h.Write(out)
	sum := hex.EncodeToString(h.Sum(nil))
	for i, c := range out {
		if c >= 'a' && sum[i] >= '8' {
			out[i] = c - 'a' + 'A'
		}
	}
	return "0x" + string(out)
}

// Valid reports whether an address is 0x and 40 hexadecimal digits whose check holds.
// Letters that are all in one case carry none.
func Valid(address string) bool {
	digits, ok := strings.CutPrefix(address, "0x")
	if !ok || len(digits) != 40 || strings.Trim(digits, "0123456789abcdefABCDEF") != "" {
		return false
	}
	return digits == strings.ToLower(digits) || digits == strings.ToUpper(digits) || Address(digits) == address
}
