package hsm

import (
	"bytes"
	"crypto/rand"
	"encoding/asn1"
	"encoding/hex"
	"math/big"
	"slices"
	"testing"

	"countersign/bridge/internal/keys"
	"countersign/shared/jws"
)

func memory(t testing.TB, curve string) *keys.Memory {
	t.Helper()
	k, err := keys.NewMemory(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func der(t testing.TB, v any) []byte {
	t.Helper()
	b, err := asn1.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// spki is a SubjectPublicKeyInfo.
func spki(t testing.TB, k jws.PublicKey) []byte {
	t.Helper()
	params, err := paramsOf(k.Curve())
	if err != nil {
		t.Fatal(err)
	}
	i := info{Key: asn1.BitString{Bytes: k.Uncompressed(), BitLength: 8 * 65}}
	i.Algorithm.Algorithm, i.Algorithm.Parameters = oidECPublicKey, asn1.RawValue{FullBytes: params}
	return der(t, i)
}

// certificate is an X.509 certificate of a key, as far as a token cares.
func certificate(t testing.TB, k jws.PublicKey) []byte {
	t.Helper()
	empty := asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagSequence, IsCompound: true}
	type tbs struct {
		Version                        int `asn1:"explicit,tag:0"`
		Serial                         *big.Int
		Sig, Issuer, Validity, Subject asn1.RawValue
		Key                            asn1.RawValue
	}
	return der(t, struct {
		TBS       tbs
		Algorithm asn1.RawValue
		Signature asn1.BitString
	}{tbs{2, big.NewInt(1), empty, empty, empty, empty, asn1.RawValue{FullBytes: spki(t, k)}}, empty, asn1.BitString{Bytes: []byte{1}, BitLength: 8}})
}

func TestPointsAreReadInEveryEncodingThatModulesUse(t *testing.T) {
	t.Parallel()
	for _, curve := range []string{jws.Secp256k1, jws.P256} {
		params, err := paramsOf(curve)
		if err != nil {
			t.Fatal(err)
		}
		for range 20 { // all second bytes: some make a bare point look like DER
			k := memory(t, curve).PublicKey()
			long, short := k.Uncompressed(), k.Compressed()
			hybrid := append([]byte{6 + long[64]&1}, long[1:]...)
			for name, value := range map[string][]byte{
				"OCTET STRING": der(t, long), "OCTET STRING, compressed": der(t, short), "bare": long, "bare, compressed": short,
				"BIT STRING": der(t, asn1.BitString{Bytes: long, BitLength: 8 * 65}), "BIT STRING, compressed": der(t, asn1.BitString{Bytes: short, BitLength: 8 * 33}),
				"without its first byte": long[1:], "OCTET STRING without its first byte": der(t, long[1:]), "hybrid": hybrid, "OCTET STRING, hybrid": der(t, hybrid),
				"OCTET STRING twice": der(t, der(t, long)), "SubjectPublicKeyInfo": spki(t, k),
			} {
				if got, why := pointOf(curve, params, value); why != "" || !got.Equal(k) {
					t.Errorf("%s on %s: %s (%x)", name, curve, why, value)
				}
			}
			if got, err := certified(certificate(t, k)); err != nil || !got.Equal(k) {
				t.Errorf("certificate on %s: %v", curve, err)
			}
			off := bytes.Clone(long)
			off[64] ^= 1
			for name, value := range map[string][]byte{"none": nil, "not on the curve": der(t, off), "cut": long[:64][1:], "garbage": {4, 65, 1}, "infinity": {0},
				"of another length": der(t, long[:50]), "odd bits": der(t, asn1.BitString{Bytes: long, BitLength: 8*65 - 3})} {
				if _, why := pointOf(curve, params, value); why == "" {
					t.Errorf("%s on %s is taken", name, curve)
				}
			}
		}
	}
	for name, params := range map[string][]byte{jws.P256: der(t, "prime256v1"), jws.Secp256k1: der(t, "secp256k1"), "": der(t, asn1.ObjectIdentifier{1, 3, 132, 0, 34})} {
		if got := curveOf(params); got != name {
			t.Errorf("%x is %q, want %q", params, got, name)
		}
	}
}

func FuzzPoint(f *testing.F) {
	g, err := hex.DecodeString("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(g)
	f.Add(append([]byte{4, 33}, g...))
	f.Add(append([]byte{3, 34, 0}, g...))
	k := memory(f, jws.Secp256k1).PublicKey()
	f.Add(spki(f, k))
	f.Add(certificate(f, k))
	f.Fuzz(func(t *testing.T, value []byte) {
		for _, curve := range []string{"", jws.Secp256k1, jws.P256} {
			if k, why := pointOf(curve, nil, value); (why == "") == k.IsZero() {
				t.Fatalf("%x: %q, and a key: %v", value, why, !k.IsZero())
			}
		}
		if k, err := certified(value); (err == nil) == k.IsZero() {
			t.Fatalf("%x: %v, and a key: %v", value, err, !k.IsZero())
		}
	})
}

func TestASignatureOrASecretLeavesFewPublicKeys(t *testing.T) {
	t.Parallel()
	for _, curve := range []string{jws.Secp256k1, jws.P256} {
		for range 20 {
			k, stranger := memory(t, curve), memory(t, curve).PublicKey()
			var both [2][]jws.PublicKey
			for i := range both {
				digest := make([]byte, 32)
				_, _ = rand.Read(digest)
				sig, err := k.SignDigest(t.Context(), digest)
				if err != nil {
					t.Fatal(err)
				}
				both[i] = signers(curve, digest, sig)
				if !slices.ContainsFunc(both[i], k.PublicKey().Equal) || slices.ContainsFunc(both[i], stranger.Equal) || len(both[i]) > 4 {
					t.Fatalf("%s: %d signers", curve, len(both[i]))
				}
			}
			left := slices.DeleteFunc(both[0], func(p jws.PublicKey) bool { return !slices.ContainsFunc(both[1], p.Equal) })
			if len(left) != 1 || !left[0].Equal(k.PublicKey()) {
				t.Errorf("%s: two signatures leave %d keys", curve, len(left))
			}
			e, peer, err := nonce(curve)
			if err != nil {
				t.Fatal(err)
			}
			x, err := k.ECDH(t.Context(), peer)
			if err != nil {
				t.Fatal(err)
			}
			two := derivers(curve, e, x)
			if len(two) != 2 || !slices.ContainsFunc(two, k.PublicKey().Equal) || two[0].Equal(two[1]) {
				t.Errorf("%s: %d derivers", curve, len(two))
			}
		}
		zero := make([]byte, 64)
		if len(signers(curve, zero[:32], zero)) != 0 || len(signers(curve, zero[:32], zero[:10])) != 0 || len(derivers(curve, zero[:32], zero[:5])) != 0 {
			t.Errorf("%s: what is not a signature has signers", curve)
		}
	}
}
