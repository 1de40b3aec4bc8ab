package hsm

import (
	"math/big"

	"filippo.io/nistec"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"countersign/shared/jws"
)

// A signature, or an ECDH secret, leaves few public keys that its private key may
// have. So the private half itself tells which public half is its own, whatever a
// token shows beside it. All of this is public: no time or trace of it tells a
// secret.

// p256Order is the order of P-256 (FIPS 186-5, SP 800-186 §3.2.1.3), and p256Prime
// its field's.
var (
	p256Order, _ = new(big.Int).SetString("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)
	p256Prime, _ = new(big.Int).SetString("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff", 16)
)

// signers are the public keys that verify a signature (r‖s, 64 bytes) over a digest
// of 32 bytes: two, rarely more (SEC 1 §4.1.6).
func signers(curve string, digest, sig []byte) (all []jws.PublicKey) {
	if len(sig) != 64 || len(digest) != 32 {
		return nil
	}
	if curve == jws.P256 {
		return p256Signers(digest, sig)
	}
	for id := range byte(4) {
		compact := append([]byte{27 + 4 + id}, sig...)
		if p, _, err := ecdsa.RecoverCompact(compact, digest); err == nil {
			all = appendPoint(all, curve, p.SerializeCompressed())
		}
	}
	return all
}

// p256Signers computes Q = r⁻¹(sR − zG) for each R whose x-coordinate is r, or r
// plus the order.
func p256Signers(digest, sig []byte) (all []jws.PublicKey) {
	r, s, z := new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:]), new(big.Int).SetBytes(digest)
	if r.Sign() == 0 || s.Sign() == 0 || r.Cmp(p256Order) >= 0 || s.Cmp(p256Order) >= 0 {
		return nil
	}
	inverse := new(big.Int).ModInverse(r, p256Order)
	u1 := scalar(new(big.Int).Mul(new(big.Int).Neg(z), inverse))
	u2 := scalar(new(big.Int).Mul(s, inverse))
	base, err := nistec.NewP256Point().ScalarBaseMult(u1)
	if err != nil {
		return nil
	}
	for x := new(big.Int).Set(r); x.Cmp(p256Prime) < 0; x.Add(x, p256Order) {
		for _, sign := range []byte{2, 3} {
			R, err := nistec.NewP256Point().SetBytes(append([]byte{sign}, x.FillBytes(make([]byte, 32))...))
			if err != nil {
				continue
			}
			if q, err := nistec.NewP256Point().ScalarMult(R, u2); err == nil {
				all = appendPoint(all, jws.P256, q.Add(q, base).BytesCompressed())
			}
		}
	}
	return all
}

// derivers are the two public keys, P and −P, for which x is the x-coordinate of
// e·P: the ones that may have derived x with the peer e·G. e is 32 bytes, and not 0.
func derivers(curve string, e, x []byte) (all []jws.PublicKey) {
	if len(x) != 32 || len(e) != 32 {
		return nil
	}
	for _, sign := range []byte{2, 3} {
		product := append([]byte{sign}, x...)
		if curve == jws.P256 {
			p, err := nistec.NewP256Point().SetBytes(product)
			inverse := new(big.Int).ModInverse(new(big.Int).SetBytes(e), p256Order)
			if err != nil || inverse == nil {
				continue
			}
			if q, err := nistec.NewP256Point().ScalarMult(p, scalar(inverse)); err == nil {
				all = appendPoint(all, curve, q.BytesCompressed())
			}
			continue
		}
		p, err := secp256k1.ParsePubKey(product)
		if err != nil {
			continue
		}
		var k secp256k1.ModNScalar
		k.SetByteSlice(e)
		var point, q secp256k1.JacobianPoint
		p.AsJacobian(&point)
		secp256k1.ScalarMultNonConst(k.InverseNonConst(), &point, &q)
		q.ToAffine()
		all = appendPoint(all, curve, secp256k1.NewPublicKey(&q.X, &q.Y).SerializeCompressed())
	}
	return all
}

// scalar is n modulo the order of P-256, in 32 bytes.
func scalar(n *big.Int) []byte {
	return new(big.Int).Mod(n, p256Order).FillBytes(make([]byte, 32))
}

// appendPoint appends a public key, unless the point is none.
func appendPoint(all []jws.PublicKey, curve string, point []byte) []jws.PublicKey {
	if k, err := jws.FromSEC1(curve, point); err == nil {
		all = append(all, k)
	}
	return all
}
