// Package keys says what a key can do, wherever it lives: sign a digest and
// derive an ECDH secret. bridge/internal/hsm implements it for PKCS#11 tokens,
// this package for keys in memory (tests, and software channel keys), and
// keystest is the conformance suite that both pass. The approver and the signer
// are written against it and cannot know where a key is.
package keys

import (
	"context"

	"countersign/shared/jws"
)

// Info is what is known of a key without using it.
type Info struct {
	Device     string // what people call the token that holds the key; "memory" for one that is in software
	Label      string // CKA_LABEL, as people read it
	ID         []byte // CKA_ID
	CanSign    bool
	CanDerive  bool
	AlwaysAuth bool // CKA_ALWAYS_AUTHENTICATE: the token asks for the PIN at each use
	// Unprotected says that CKA_PRIVATE is false: whoever opens the token can use the
	// key, and may have put it there, without the PIN.
	Unprotected bool
}

// Key is one elliptic-curve key pair whose private half is never seen.
//
// Errors are *fault.Error: KEY_UNSUITED (curve, digest length, purpose, peer
// point), PIN_REQUIRED, DEVICE_REMOVED, DEVICE_ERROR, KEY_NOT_FOUND,
// SIGNATURE_INVALID (the token returned a signature that does not verify),
// CANCELLED and TIMEOUT (the context ended first).
type Key interface {
	Info() Info

	// PublicKey is the public half, on secp256k1 or P-256.
	PublicKey() jws.PublicKey

	// SignDigest signs a 32-byte digest and returns r‖s, 64 bytes, each half
	// big-endian and zero-padded (RFC 7518 §3.4); low-S on secp256k1. The
	// signature has been verified with PublicKey before it is returned.
	SignDigest(ctx context.Context, digest []byte) ([]byte, error)

	// SignsChecked says that SignDigest verifies: the key is a jws.Checked.
	SignsChecked()

	// ECDH derives with the peer's point (SEC 1, compressed or uncompressed, on
	// this key's curve) and returns the 32-byte x-coordinate, which is what
	// CKM_ECDH1_DERIVE gives with CKD_NULL. The caller wipes it.
	ECDH(ctx context.Context, peer []byte) ([]byte, error)
}
