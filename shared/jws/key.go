// Package jws makes and verifies compact JWS (RFC 7515) with ES256K (RFC 8812)
// and ES256 (RFC 7518 §3.4) through a key that may live in a token, and does
// nothing else: no other algorithm, no other serialisation, no header beyond
// alg, typ and kid. The bytes that are signed belong to shared/statement; the
// bridge's roles and the gateway use it. Spec: shared/spec/statement.md.
package jws

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"countersign/shared/fault"
	"countersign/shared/jwk"
)

// The curves, by their JOSE names (RFC 7518 §6.2.1.1, RFC 8812 §3.1).
const (
	Secp256k1 = "secp256k1"
	P256      = "P-256"
)

// PublicKey is a point on one of the two curves. The zero value is not a key and
// verifies nothing.
type PublicKey struct {
	curve string
	point [65]byte // SEC 1 uncompressed
	secp  *secp256k1.PublicKey
	p256  *ecdsa.PublicKey
}

// FromSEC1 reads a point in SEC 1 form (§2.3.3), compressed or uncompressed,
// and checks that it is on the curve. It fails with KEY_UNSUITED.
func FromSEC1(crv string, point []byte) (PublicKey, error) {
	k := PublicKey{curve: crv}
	switch crv {
	case Secp256k1:
		if len(point) != 33 && len(point) != 65 || (len(point) == 65 && point[0] != 4) {
			return PublicKey{}, fault.New(fault.KeyUnsuited, "the point is not in SEC 1 form")
		}
		p, err := secp256k1.ParsePubKey(point)
		if err != nil {
			return PublicKey{}, fault.Wrap(err, fault.KeyUnsuited, "the point is not on secp256k1")
		}
		k.secp = p
		copy(k.point[:], p.SerializeUncompressed())
	case P256:
		raw := point
		if len(point) == 33 {
			x, y := elliptic.UnmarshalCompressed(elliptic.P256(), point)
			if x == nil {
				return PublicKey{}, fault.New(fault.KeyUnsuited, "the point is not on P-256")
			}
			raw = make([]byte, 65)
			raw[0] = 4
			x.FillBytes(raw[1:33])
			y.FillBytes(raw[33:])
		}
		p, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), raw)
		if err != nil {
			return PublicKey{}, fault.Wrap(err, fault.KeyUnsuited, "the point is not on P-256")
		}
		k.p256 = p
		copy(k.point[:], raw)
	default:
		return PublicKey{}, fault.New(fault.KeyUnsuited, fmt.Sprintf("curve %q is not supported: use secp256k1 or P-256", crv))
	}
	return k, nil
}

// FromJWK reads the key of a JWK. It fails with KEY_UNSUITED.
func FromJWK(k jwk.Key) (PublicKey, error) { return NewPublicKey(k.Crv, k.X, k.Y) }

// JWK is the key as JSON carries it.
func (k PublicKey) JWK() jwk.Key {
	x, y := k.Coordinates()
	return jwk.Key{Kty: "EC", Crv: k.Curve(), X: x, Y: y}
}

// NewPublicKey reads the members crv, x and y of an EC JWK (RFC 7518 §6.2.1):
// base64url without padding, 32 bytes each.
func NewPublicKey(crv, x, y string) (PublicKey, error) {
	point := make([]byte, 1, 65)
	point[0] = 4
	for _, c := range []string{x, y} {
		b, err := base64.RawURLEncoding.Strict().DecodeString(c)
		if err != nil || len(b) != 32 || len(c) != 43 {
			return PublicKey{}, fault.New(fault.KeyUnsuited, "a coordinate of the key is not 32 bytes of base64url")
		}
		point = append(point, b...)
	}
	return FromSEC1(crv, point)
}

// IsZero reports whether k is not a key.
func (k PublicKey) IsZero() bool { return k.curve == "" }

// Equal reports whether both are the same point of the same curve.
func (k PublicKey) Equal(o PublicKey) bool { return k.curve == o.curve && k.point == o.point }

// Curve is the JOSE name of the curve.
func (k PublicKey) Curve() string { return k.curve }

// Algorithm is ES256K or ES256.
func (k PublicKey) Algorithm() string {
	switch k.curve {
	case Secp256k1:
		return "ES256K"
	case P256:
		return "ES256"
	}
	return ""
}

// Uncompressed is the point as 04‖x‖y, 65 bytes.
func (k PublicKey) Uncompressed() []byte { return append([]byte(nil), k.point[:]...) }

// Compressed is the point in 33 bytes.
func (k PublicKey) Compressed() []byte {
	b := make([]byte, 33)
	b[0] = 2 + k.point[64]&1
	copy(b[1:], k.point[1:33])
	return b
}

// Coordinates are x and y as a JWK has them.
func (k PublicKey) Coordinates() (x, y string) {
	return base64.RawURLEncoding.EncodeToString(k.point[1:33]), base64.RawURLEncoding.EncodeToString(k.point[33:])
}

// Thumbprint is the SHA-256 JWK thumbprint (RFC 7638 §3) in base64url: the kid
// of this key everywhere.
func (k PublicKey) Thumbprint() string {
	x, y := k.Coordinates()
	sum := sha256.Sum256([]byte(`{"crv":"` + k.curve + `","kty":"EC","x":"` + x + `","y":"` + y + `"}`))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Verify checks r‖s (64 bytes) over a 32-byte digest. ES256K must be low-S, so
// that a signature has one form only. It fails with SIGNATURE_INVALID.
func (k PublicKey) Verify(digest, sig []byte) error {
	if err := k.verify(digest, sig); err != nil {
		return fault.Wrap(err, fault.SignatureInvalid, "the signature does not verify")
	}
	return nil
}

func (k PublicKey) verify(digest, sig []byte) error {
	if len(digest) != 32 || len(sig) != 64 {
		return errors.New("jws: digest must be 32 bytes and signature 64")
	}
	ok := false
	switch k.curve {
	case Secp256k1:
		ok = verifySecp256k1(k, digest, sig)
	case P256:
		r, s := new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])
		ok = ecdsa.Verify(k.p256, digest, r, s)
	}
	if !ok {
		return errors.New("jws: wrong signature")
	}
	return nil
}
