//go:build cgo && !js

package jws

import (
	"bytes"
	"crypto/sha256"
	"math/big"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	secpecdsa "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	libsecp256k1 "github.com/ethereum/go-ethereum/crypto/secp256k1"
)

// bothVerify reads the point and verifies with each library, and fails when they
// disagree on either.
func bothVerify(t *testing.T, point, digest, sig []byte) bool {
	t.Helper()
	k, err := FromSEC1(Secp256k1, point)
	if len(point) == 33 {
		if x, _ := libsecp256k1.DecompressPubkey(point); (x != nil) != (err == nil) {
			t.Fatalf("point %x: libsecp256k1 %v, decred %v", point, x, err)
		}
	}
	if len(digest) != 32 || len(sig) != 64 {
		if err == nil && k.Verify(digest, sig) == nil {
			t.Fatalf("a digest of %d and a signature of %d bytes verify", len(digest), len(sig))
		}
		return false
	}
	ours := err == nil && verifyDecred(k, digest, sig)
	theirs := libsecp256k1.VerifySignature(point, digest, sig)
	if hybrid := len(point) == 65 && (point[0] == 6 || point[0] == 7); hybrid && !ours {
		theirs = false // libsecp256k1 reads the hybrid form; FromSEC1 lets none pass
	}
	if ours != theirs || err == nil && (k.Verify(digest, sig) == nil) != ours {
		t.Fatalf("point %x, digest %x, signature %x: decred %v, libsecp256k1 %v", point, digest, sig, ours, theirs)
	}
	return ours
}

// malformed are signatures and points of which none may verify.
func malformed(t testing.TB) map[string][3][]byte {
	k := key(t, Secp256k1, 1)
	digest := sha256.Sum256([]byte("x"))
	sig, err := k.SignDigest(t.Context(), digest[:])
	if err != nil {
		t.Fatal(err)
	}
	n, p := secp256k1.Params().N, secp256k1.Params().P
	scalar := func(v *big.Int) []byte { return v.FillBytes(make([]byte, 32)) }
	join := func(r, s []byte) []byte { return append(bytes.Clone(r), s...) }
	r, s := sig[:32], sig[32:]
	zero, ones := make([]byte, 32), bytes.Repeat([]byte{0xff}, 32)
	point := k.public.Uncompressed()
	off, hybrid := bytes.Clone(point), bytes.Clone(point)
	off[64] ^= 1
	hybrid[0] = 6 + hybrid[64]&1
	all := map[string][3][]byte{}
	for name, bad := range map[string][]byte{
		"high s": join(r, scalar(new(big.Int).Sub(n, new(big.Int).SetBytes(s)))),
		"r zero": join(zero, s), "s zero": join(r, zero), "both zero": join(zero, zero),
		"r = n": join(scalar(n), s), "s = n": join(r, scalar(n)), "r above n": join(ones, s), "s above n": join(r, ones),
		"r = p": join(scalar(p), s), "r and s exchanged": join(s, r), "another r": join(scalar(big.NewInt(1)), s),
		"no signature": {}, "63 bytes": sig[:63], "65 bytes": append(bytes.Clone(sig), 0),
	} {
		all[name] = [3][]byte{point, digest[:], bad}
	}
	for name, bad := range map[string][]byte{
		"point off the curve": off, "hybrid point": hybrid, "no point": {}, "infinity": {0}, "x alone": point[1:33], "64 bytes of a point": point[1:],
		"x above p": append([]byte{2}, ones...), "x = p": append([]byte{3}, scalar(p)...), "x without a y": append([]byte{2}, scalar(big.NewInt(5))...),
		"uncompressed tag, 33 bytes": append([]byte{4}, point[1:33]...), "compressed tag, 65 bytes": append([]byte{2}, point[1:]...),
	} {
		all[name] = [3][]byte{bad, digest[:], sig}
	}
	all["short digest"] = [3][]byte{point, digest[:31], sig}
	all["long digest"] = [3][]byte{point, append(digest[:], 0), sig}
	return all
}

func TestBothLibrariesRefuseMalformedSignaturesAndPoints(t *testing.T) {
	t.Parallel()
	for name, m := range malformed(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if bothVerify(t, m[0], m[1], m[2]) {
				t.Error("it verifies")
			}
		})
	}
}

// Almost no bytes are a signature of a given key, but almost all are one of some
// key: the fuzzer also asks for that one.
func FuzzBothLibrariesVerifyTheSame(f *testing.F) {
	for _, m := range malformed(f) {
		f.Add(m[0], m[1], m[2])
	}
	k := key(f, Secp256k1, 3)
	for _, digest := range [][]byte{make([]byte, 32), bytes.Repeat([]byte{0xff}, 32), secp256k1.Params().N.Bytes()} {
		sig, err := k.SignDigest(f.Context(), digest)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(k.public.Compressed(), digest, sig)
		f.Add(k.public.Uncompressed(), digest, sig)
	}
	f.Fuzz(func(t *testing.T, point, digest, sig []byte) {
		bothVerify(t, point, digest, sig)
		if len(digest) != 32 || len(sig) != 64 {
			return
		}
		for recovery := range byte(4) {
			signer, _, err := secpecdsa.RecoverCompact(append([]byte{27 + recovery}, sig...), digest)
			if err != nil {
				continue
			}
			var s secp256k1.ModNScalar
			s.SetByteSlice(sig[32:])
			for _, form := range [][]byte{signer.SerializeCompressed(), signer.SerializeUncompressed()} {
				if got := bothVerify(t, form, digest, sig); got == s.IsOverHalfOrder() {
					t.Fatalf("signature %x of %x by %x: %v", sig, digest, form, got)
				}
			}
		}
	})
}

func BenchmarkVerifySecp256k1(b *testing.B) {
	k := key(b, Secp256k1, 1)
	digest := sha256.Sum256([]byte("x"))
	sig, err := k.SignDigest(b.Context(), digest[:])
	if err != nil {
		b.Fatal(err)
	}
	for name, verify := range map[string]func(PublicKey, []byte, []byte) bool{"libsecp256k1": verifySecp256k1, "decred": verifyDecred} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !verify(k.public, digest[:], sig) {
					b.Fatal("refused")
				}
			}
		})
	}
}
