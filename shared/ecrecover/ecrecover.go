// Package ecrecover is whose key made a signature as accounts of eip155 chains have them:
// secp256k1 over a Keccak-256, with s in the lower half (EIP-2). The signer makes such
// signatures, and whoever verifies transactions and messages of a vault reads them:
// shared/eip1559, shared/vault, shared/receipt. Pure.
package ecrecover

import (
	"encoding/hex"
	"errors"
	"math/big"
	"strings"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"countersign/shared/eip55"
)

// half is half the order of the curve: s of a signature is not above it (EIP-2).
var half = new(big.Int).Rsh(secp256k1.Params().N, 1)

// Address is the address (EIP-55) whose key signed a digest. v is 0 or 1: which of the two
// keys that r and s fit.
func Address(digest [32]byte, v uint64, r, s *big.Int) (string, error) {
	if v > 1 || r.Sign() == 0 || s.Sign() == 0 || s.Cmp(half) > 0 || r.BitLen() > 256 {
		return "", errors.New("the signature is not one of EIP-2")
	}
	compact := make([]byte, 65)
	compact[0] = byte(27 + v)
	r.FillBytes(compact[1:33])
	s.FillBytes(compact[33:])
	key, _, err := ecdsa.RecoverCompact(compact, digest[:])
	if err != nil {
		return "", errors.New("the signature is that of no key")
	}
	return eip55.Of(key.SerializeUncompressed()[1:]), nil
}

// V is 0 or 1: with which the signature of a digest, r and s of 32 bytes each, is that of an
// address. It fails when it is with neither.
func V(digest [32]byte, signature []byte, from string) (uint64, error) {
	if len(signature) != 64 {
		return 0, errors.New("the signature is not 64 bytes")
	}
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	for v := range uint64(2) {
		if who, err := Address(digest, v, r, s); err == nil && who == from {
			return v, nil
		}
	}
	return 0, errors.New("the signature is not that of " + from)
}

// Message writes the signature of a message as wallets exchange it: 0x and the digits of r,
// s and 27 or 28. It fails when the signature, r and s of 32 bytes each, is not that of from.
func Message(digest [32]byte, signature []byte, from string) (string, error) {
	v, err := V(digest, signature, from)
	if err != nil {
		return "", err
	}
	return "0x" + hex.EncodeToString(append(append([]byte{}, signature...), byte(27+v))), nil
}

// Signer is the address whose key made a signature that [Message] wrote. It refuses any
// other form.
func Signer(digest [32]byte, signature string) (string, error) {
	digits, ok := strings.CutPrefix(signature, "0x")
	raw, err := hex.DecodeString(digits)
	if !ok || err != nil || len(raw) != 65 || digits != strings.ToLower(digits) || raw[64] < 27 {
		return "", errors.New("the signature is not 0x and 65 bytes in lower-case hexadecimal")
	}
	return Address(digest, uint64(raw[64])-27, new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:64]))
}
