package signer

import (
	"encoding/hex"
	"strings"

	"golang.org/x/crypto/sha3"

	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/statement"
)

// evmAddress is the address of a secp256k1 key on every eip155 chain: the last
// 20 bytes of Keccak-256 of the point, with the mixed-case checksum of EIP-55.
func evmAddress(key jws.PublicKey) string {
	h := sha3.NewLegacyKeccak256()
	h.Write(key.Uncompressed()[1:])
	return checksum(hex.EncodeToString(h.Sum(nil)[12:]))
}

// checksum writes 40 lower-case hexadecimal digits as EIP-55 does: a letter is
// upper case when its nibble in the Keccak-256 of the text is 8 or more.
func checksum(digits string) string {
	h := sha3.NewLegacyKeccak256()
	h.Write([]byte(digits))
	sum := hex.EncodeToString(h.Sum(nil))
	out := []byte(digits)
	for i, c := range out {
		if c >= 'a' && sum[i] >= '8' {
			out[i] = c - 'a' + 'A'
		}
	}
	return "0x" + string(out)
}

// addressOn is the address of key on a chain, and addressCurve the curve that
// the chain wants.
func addressOn(chain string, key jws.PublicKey) (string, error) {
	if _, err := addressCurve(chain); err != nil {
		return "", err
	}
	return evmAddress(key), nil
}

func addressCurve(chain string) (string, error) {
	if strings.HasPrefix(chain, "eip155:") {
		return jws.Secp256k1, nil
	}
	return "", fault.New(fault.Invalid, "the vault makes addresses on eip155 chains only").With("field", "chain")
}

func jwkOf(k jws.PublicKey) statement.JWK {
	x, y := k.Coordinates()
	return statement.JWK{Kty: "EC", Crv: k.Curve(), X: x, Y: y}
}

func publicKey(k statement.JWK) (jws.PublicKey, error) { return jws.NewPublicKey(k.Crv, k.X, k.Y) }
