//go:build !js

package jws

import (
	"testing"

	"countersign/shared/jws/jwstest"
)

// verifiers are what verifies on each curve; [PublicKey.Verify] has the one that was built.
var verifiers = map[string]map[string]func(PublicKey, []byte, []byte) bool{
	Secp256k1: {
		"as built": verifies,
		"decred":   func(k PublicKey, digest, sig []byte) bool { return len(sig) == 64 && verifyDecred(k, digest, sig) },
	},
	P256: {"as built": verifies},
}

func verifies(k PublicKey, digest, sig []byte) bool { return k.Verify(digest, sig) == nil }

func TestWycheproofSignaturesAreJudgedRight(t *testing.T) {
	t.Parallel()
	for crv, with := range verifiers {
		all := jwstest.Signatures(t, crv)
		for name, verify := range with {
			t.Run(crv+" "+name, func(t *testing.T) {
				t.Parallel()
				for _, v := range all {
					k, err := FromSEC1(crv, v.Point)
					if err != nil {
						t.Fatalf("%s: %v", v.Name, err)
					}
					refused := crv == Secp256k1 && v.HighS // each signature has one form
					if got := verify(k, v.Digest, v.Sig); got != (v.Valid && !refused) {
						t.Errorf("%s: %v", v.Name, got)
					}
					if refused && !verify(k, v.Digest, v.Negated) {
						t.Errorf("%s: refused with the low s too", v.Name)
					}
				}
				t.Logf("%d vectors", len(all))
			})
		}
	}
}
