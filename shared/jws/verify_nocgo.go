//go:build !cgo || js

package jws

// verifySecp256k1 checks r‖s (64 bytes) over a 32-byte digest.
func verifySecp256k1(k PublicKey, digest, sig []byte) bool { return verifyDecred(k, digest, sig) }
