package keys

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"

	"countersign/shared/fault"
)

// Prove has the private half do what it may, sign or else derive, as [ProveSigning] and
// [ProveDeriving] do. It also fails with KEY_UNSUITED when anybody may use or could have
// made the private half.
func Prove(ctx context.Context, k Key) error {
	if k.Info().Unprotected {
		return fault.New(fault.KeyUnsuited, "the PIN does not protect this key (CKA_PRIVATE is false): whoever opens the token may use it, and may have put it there")
	}
	if k.Info().CanSign {
		return ProveSigning(ctx, k)
	}
	return ProveDeriving(ctx, k)
}

// ProveSigning has the private half sign a fresh nonce, and verifies that with the public
// half. Whoever opens a token without its PIN may put a public key there: what a key is
// called proves nothing. It fails with SIGNATURE_INVALID when the two are not of one
// pair; besides as a signature does.
func ProveSigning(ctx context.Context, k Key) error {
	nonce := make([]byte, 32)
	_, _ = rand.Read(nonce) // it does not fail
	digest := sha256.Sum256(append([]byte("countersign proof of possession\x00"), nonce...))
	sig, err := k.SignDigest(ctx, digest[:])
	if err != nil {
		return err
	}
	return k.PublicKey().Verify(digest[:], sig)
}

// ProveDeriving has the private half derive with a fresh key what that derives with the
// public half. It fails as [ProveSigning] does. An ECDH secret is an x-coordinate, which
// is the same for P and −P.
func ProveDeriving(ctx context.Context, k Key) error {
	fresh, err := NewMemory(k.PublicKey().Curve(), rand.Reader)
	if err != nil {
		return err
	}
	theirs, err := k.ECDH(ctx, fresh.PublicKey().Uncompressed())
	if err != nil {
		return err
	}
	defer clear(theirs)
	ours, err := fresh.ECDH(ctx, k.PublicKey().Uncompressed())
	if err != nil {
		return err
	}
	defer clear(ours)
	if subtle.ConstantTimeCompare(theirs, ours) != 1 {
		return fault.New(fault.SignatureInvalid, "the private key in the token is not the one of this public key")
	}
	return nil
}
