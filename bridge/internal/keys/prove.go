package keys

import (
	"context"
	"crypto/rand"
	"crypto/subtle"

	"countersign/shared/fault"
)

// Prove has the private half sign, or where it may only derive, derive with, a fresh
// nonce, and checks the result with the public half. Whoever opens a token without
// its PIN may put a public key there: what a key is called proves nothing. It fails
// with KEY_UNSUITED when anybody may use or could have made the private half, and
// SIGNATURE_INVALID when the two are not of one pair; besides as a use of the key
// does. An ECDH secret is an x-coordinate, which is the same for P and −P.
func Prove(ctx context.Context, k Key) error {
	if k.Info().Unprotected {
		return fault.New(fault.KeyUnsuited, "the PIN does not protect this key (CKA_PRIVATE is false): anybody who opens the token may use it, and may have put it there")
	}
	if !k.Info().CanSign {
		return proveDerive(ctx, k)
	}
	digest := make([]byte, 32)
	_, _ = rand.Read(digest) // it does not fail
	sig, err := k.SignDigest(ctx, digest)
	if err != nil {
		return err
	}
	return k.PublicKey().Verify(digest, sig)
}

func proveDerive(ctx context.Context, k Key) error {
	nonce, err := NewMemory(k.PublicKey().Curve(), rand.Reader)
	if err != nil {
		return err
	}
	theirs, err := k.ECDH(ctx, nonce.PublicKey().Uncompressed())
	if err != nil {
		return err
	}
	defer clear(theirs)
	ours, err := nonce.ECDH(ctx, k.PublicKey().Uncompressed())
	if err != nil {
		return err
	}
	defer clear(ours)
	if subtle.ConstantTimeCompare(theirs, ours) != 1 {
		return fault.New(fault.SignatureInvalid, "the private key in the token is not the one of this public key")
	}
	return nil
}
