package jws

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"flag"
	"math/big"
	"strings"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	secpecdsa "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"countersign/shared/fault"
	"countersign/shared/spec"
)

var update = flag.Bool("update", false, "write the vectors again")

const (
	vectorFile = "../spec/vectors/jws.json"
	typ        = "countersign-test+jws"
)

// vector is one row of shared/spec/vectors/jws.json.
type vector struct {
	Name    string `json:"name"`
	Crv     string `json:"crv"` // the key to verify with
	X       string `json:"x"`
	Y       string `json:"y"`
	Kid     string `json:"kid"`
	Typ     string `json:"typ"`
	Token   string `json:"token"`
	Valid   bool   `json:"valid"`
	Payload string `json:"payload,omitempty"` // UTF-8 text, of a valid one
}

// testKey is a key made of a small scalar, which signs as RFC 6979 says.
type testKey struct {
	public PublicKey
	secp   *secp256k1.PrivateKey
	p256   *ecdsa.PrivateKey
	spoil  func([]byte) []byte
}

func key(t testing.TB, crv string, seed byte) *testKey {
	t.Helper()
	d := make([]byte, 32)
	d[0], d[31] = 1, seed
	k := &testKey{}
	var point []byte
	if crv == Secp256k1 {
		k.secp = secp256k1.PrivKeyFromBytes(d)
		point = k.secp.PubKey().SerializeCompressed()
	} else {
		var err error
		if k.p256, err = ecdsa.ParseRawPrivateKey(elliptic.P256(), d); err != nil {
			t.Fatal(err)
		}
		if point, err = k.p256.PublicKey.Bytes(); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if k.public, err = FromSEC1(crv, point); err != nil {
		t.Fatal(err)
	}
	return k
}

func (k *testKey) PublicKey() PublicKey { return k.public }

func (k *testKey) SignDigest(_ context.Context, digest []byte) ([]byte, error) {
	out := make([]byte, 64)
	if k.secp != nil {
		sig := secpecdsa.Sign(k.secp, digest)
		r, s := sig.R(), sig.S()
		r.PutBytesUnchecked(out[:32])
		s.PutBytesUnchecked(out[32:])
	} else {
		der, err := k.p256.Sign(nil, digest, crypto.SHA256)
		if err != nil {
			return nil, err
		}
		var sig struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(der, &sig); err != nil {
			return nil, err
		}
		sig.R.FillBytes(out[:32])
		sig.S.FillBytes(out[32:])
	}
	if k.spoil != nil {
		out = k.spoil(out)
	}
	return out, nil
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func sign(t testing.TB, k *testKey, payload string) string {
	t.Helper()
	token, err := Sign(t.Context(), k, typ, []byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// raw signs whatever header says.
func raw(t testing.TB, k *testKey, header, payload string) string {
	t.Helper()
	input := b64([]byte(header)) + "." + b64([]byte(payload))
	digest := sha256.Sum256([]byte(input))
	sig, err := k.SignDigest(t.Context(), digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + b64(sig)
}

// negate replaces s by n-s.
func negate(t testing.TB, token string, n *big.Int) string {
	t.Helper()
	i := strings.LastIndex(token, ".")
	sig, err := base64.RawURLEncoding.DecodeString(token[i+1:])
	if err != nil {
		t.Fatal(err)
	}
	new(big.Int).Sub(n, new(big.Int).SetBytes(sig[32:])).FillBytes(sig[32:])
	return token[:i+1] + b64(sig)
}

func vectors(t testing.TB) []vector {
	t.Helper()
	const payload = `{"v":1}`
	var all []vector
	for _, crv := range []string{Secp256k1, P256} {
		k, other := key(t, crv, 1), key(t, crv, 2)
		curves := map[string]string{Secp256k1: P256, P256: Secp256k1}
		cross := key(t, curves[crv], 1)
		good := sign(t, k, payload)
		h, alg := header(k.public, typ), k.public.Algorithm()
		parts := strings.Split(good, ".")
		n := secp256k1.Params().N
		if crv == P256 {
			n = elliptic.P256().Params().N
		}
		zero := parts[0] + "." + parts[1] + "." + b64(make([]byte, 64))
		add := func(name, token string, valid bool) {
			x, y := k.public.Coordinates()
			v := vector{Name: crv + ": " + name, Crv: crv, X: x, Y: y, Kid: k.public.Thumbprint(), Typ: typ, Token: token, Valid: valid}
			if valid {
				v.Payload = payload
			}
			all = append(all, v)
		}
		add("signed", good, true)
		add("the other s of the same signature", negate(t, good, n), crv == P256)
		add("another key, its own header", sign(t, other, payload), false)
		add("another key, this header", raw(t, other, h, payload), false)
		add("another curve, its own header", sign(t, cross, payload), false)
		add("another curve, this header", raw(t, cross, h, payload), false)
		add("another purpose", raw(t, k, header(k.public, "countersign-other+jws"), payload), false)
		add("no purpose", raw(t, k, `{"alg":"`+alg+`","kid":"`+k.public.Thumbprint()+`"}`, payload), false)
		add("alg none", b64([]byte(`{"alg":"none","typ":"`+typ+`","kid":"`+k.public.Thumbprint()+`"}`))+"."+parts[1]+".", false)
		add("alg of the other curve", raw(t, k, strings.Replace(h, alg, cross.public.Algorithm(), 1), payload), false)
		add("members in another order", raw(t, k, `{"typ":"`+typ+`","alg":"`+alg+`","kid":"`+k.public.Thumbprint()+`"}`, payload), false)
		add("white space in the header", raw(t, k, strings.Replace(h, ",", ", ", 1), payload), false)
		add("one member more", raw(t, k, strings.Replace(h, "}", `,"crit":["x"]}`, 1), payload), false)
		add("a key in the header", raw(t, k, strings.Replace(h, "}", `,"jwk":{}}`, 1), payload), false)
		add("a changed payload", parts[0]+"."+b64([]byte(`{"v":2}`))+"."+parts[2], false)
		add("a signature of zeros", zero, false)
		add("a short signature", good[:len(good)-2], false)
		add("no signature", parts[0]+"."+parts[1]+".", false)
		add("padding", good+"=", false)
		add("a line feed at the end", good+"\n", false)
		add("a fourth part", good+".AA", false)
		add("two parts", parts[0]+"."+parts[1], false)
		add("bits behind the last byte", good[:len(good)-1]+bump(good[len(good)-1]), false)
		add("empty", "", false)
	}
	return all
}

// bump sets a bit that does not belong to any byte: 64 bytes are 86 digits, of
// which the last holds two.
func bump(c byte) string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(digits[strings.IndexByte(digits, c)|1])
}

func TestVectorsHold(t *testing.T) {
	t.Parallel()
	for _, v := range spec.Vectors(t, vectorFile, *update, vectors(t)) {
		k, err := NewPublicKey(v.Crv, v.X, v.Y)
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		if k.Thumbprint() != v.Kid {
			t.Errorf("%s: kid is %s", v.Name, k.Thumbprint())
		}
		payload, err := Verify(v.Token, v.Typ, k)
		if (err == nil) != v.Valid || string(payload) != v.Payload {
			t.Errorf("%s: %q, %v", v.Name, payload, err)
		}
		if err != nil && fault.CodeOf(err) != fault.SignatureInvalid {
			t.Errorf("%s: code %s", v.Name, fault.CodeOf(err))
		}
	}
}

// The example of RFC 7515, appendix A.3, whose header is not ours.
func TestTheExampleOfTheRFCVerifies(t *testing.T) {
	t.Parallel()
	k, err := NewPublicKey(P256, "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"))
	sig, err := base64.RawURLEncoding.DecodeString("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q")
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Verify(digest[:], sig); err != nil {
		t.Error(err)
	}
}

func TestPointsAreRefused(t *testing.T) {
	t.Parallel()
	for _, crv := range []string{Secp256k1, P256} {
		k := key(t, crv, 1).public
		off := k.Uncompressed()
		off[64] ^= 1
		hybrid := k.Uncompressed()
		hybrid[0] = 6 + hybrid[64]&1
		for name, point := range map[string][]byte{
			"empty": {}, "infinity": {0}, "off the curve": off, "hybrid": hybrid, "short": k.Compressed()[:32],
			"x alone": k.Compressed()[1:], "long": append(k.Uncompressed(), 0), "x out of range": append([]byte{2}, []byte(strings.Repeat("\xff", 32))...),
		} {
			if _, err := FromSEC1(crv, point); fault.CodeOf(err) != fault.KeyUnsuited {
				t.Errorf("%s, %s: %v", crv, name, err)
			}
		}
		for _, form := range [][]byte{k.Compressed(), k.Uncompressed()} {
			if again, err := FromSEC1(crv, form); err != nil || !again.Equal(k) {
				t.Errorf("%s: a point of %d bytes came back otherwise: %v", crv, len(form), err)
			}
		}
	}
	if _, err := FromSEC1("P-384", make([]byte, 97)); fault.CodeOf(err) != fault.KeyUnsuited {
		t.Error("P-384 is a curve now")
	}
	x, y := key(t, P256, 1).public.Coordinates()
	if _, err := NewPublicKey(Secp256k1, x, y); err == nil {
		t.Error("a point of P-256 is on secp256k1")
	}
	if _, err := NewPublicKey(P256, x+"=", y); err == nil {
		t.Error("padding is taken")
	}
}

func TestAKeyThatSignsWronglyIsFound(t *testing.T) {
	t.Parallel()
	k := key(t, Secp256k1, 1)
	k.spoil = func(sig []byte) []byte { sig[0] ^= 1; return sig }
	if _, err := Sign(t.Context(), k, typ, nil); fault.CodeOf(err) != fault.SignatureInvalid {
		t.Errorf("got %v", err)
	}
	for _, bad := range []string{"", "a b", `a"b`, "A"} {
		if _, err := Sign(t.Context(), key(t, P256, 1), bad, nil); err == nil {
			t.Errorf("typ %q is taken", bad)
		}
	}
	if _, err := Verify(sign(t, key(t, P256, 1), "x"), typ, PublicKey{}); err == nil {
		t.Error("no key verifies")
	}
}

// checkedKey says that it verifies.
type checkedKey struct{ *testKey }

func (checkedKey) SignsChecked() {}

func TestWhatASignerHasVerifiedIsNotVerifiedAgain(t *testing.T) {
	t.Parallel()
	k := key(t, Secp256k1, 1)
	k.spoil = func(sig []byte) []byte { sig[0] ^= 1; return sig }
	if _, err := Sign(t.Context(), checkedKey{k}, typ, nil); err != nil {
		t.Error(err)
	}
}

func FuzzVerify(f *testing.F) {
	keys := []*testKey{key(f, Secp256k1, 1), key(f, P256, 1)}
	for _, v := range vectors(f) {
		f.Add(v.Token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		for _, k := range keys {
			payload, err := Verify(token, typ, k.public)
			if err != nil {
				if _, ok := fault.As(err); !ok {
					t.Errorf("an error without a code: %v", err)
				}
				continue
			}
			if again, err := Payload(token); err != nil || string(again) != string(payload) {
				t.Errorf("two readers disagree: %v", err)
			}
			if i := strings.LastIndex(token, "."); token[:i] != b64([]byte(header(k.public, typ)))+"."+b64(payload) {
				t.Error("a token with two forms")
			}
		}
	})
}

func FuzzFromSEC1(f *testing.F) {
	for _, crv := range []string{Secp256k1, P256} {
		f.Add(key(f, crv, 1).public.Compressed())
		f.Add(key(f, crv, 1).public.Uncompressed())
	}
	f.Fuzz(func(t *testing.T, point []byte) {
		for _, crv := range []string{Secp256k1, P256} {
			k, err := FromSEC1(crv, point)
			if err != nil {
				continue
			}
			if string(point) != string(k.Compressed()) && string(point) != string(k.Uncompressed()) {
				t.Errorf("%x is read as %x", point, k.Uncompressed())
			}
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	for _, crv := range []string{Secp256k1, P256} {
		b.Run(crv, func(b *testing.B) {
			k := key(b, crv, 1)
			token := sign(b, k, strings.Repeat("x", 1000))
			for b.Loop() {
				if _, err := Verify(token, typ, k.public); err != nil {
					b.Fatal(errors.Unwrap(err))
				}
			}
		})
	}
}
