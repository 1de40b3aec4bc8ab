package jws

import (
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	secpecdsa "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
)

// verifyDecred checks r‖s (64 bytes) over a 32-byte digest with the pure Go
// library: r and s in [1, n), and s in the lower half.
func verifyDecred(k PublicKey, digest, sig []byte) bool {
	var r, s secp256k1.ModNScalar
	if r.SetByteSlice(sig[:32]) || s.SetByteSlice(sig[32:]) || r.IsZero() || s.IsZero() || s.IsOverHalfOrder() {
		return false
	}
	return secpecdsa.NewSignature(&r, &s).Verify(digest, k.secp)
}
