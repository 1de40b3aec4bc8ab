// Package keytest makes keys that sign the same bytes each time, for tests that keep what was
// signed as vectors (shared/ceremony, shared/vault and its vaulttest).
package keytest

import (
	"bytes"
	"context"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"countersign/shared/jws"
)

// Seed is a secp256k1 key in memory, each byte of which is the seed, from 1. It signs as
// RFC 6979 says: vectors that it signs have the same bytes each time.
type Seed byte

func (s Seed) private() *secp256k1.PrivateKey {
	return secp256k1.PrivKeyFromBytes(bytes.Repeat([]byte{byte(s)}, 32))
}

// PublicKey implements [jws.Signer].
func (s Seed) PublicKey() jws.PublicKey {
	p, err := jws.FromSEC1(jws.Secp256k1, s.private().PubKey().SerializeCompressed())
	if err != nil {
		panic(err) // it is on its curve
	}
	return p
}

// SignDigest implements [jws.Signer].
func (s Seed) SignDigest(_ context.Context, digest []byte) ([]byte, error) {
	return ecdsa.SignCompact(s.private(), digest, false)[1:], nil
}
