// Package jwstest reads the vectors of Project Wycheproof for ECDSA, with
// signatures of fixed width, and for ECDH on the two curves of shared/jws. The
// tests of shared/jws, bridge/internal/keys and bridge/internal/hsm use it; it is
// in no program, because all vectors together are 107 MB.
package jwstest

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/big"
	"strings"
	"testing"

	"github.com/c2sp/wycheproof"
)

// curve says where the vectors of a curve are and how X.509 writes its keys.
type curve struct {
	order      string // hex
	signatures []string
	secrets    []string
	headers    []string // of a SubjectPublicKeyInfo, hex: what stands before 65 and 33 bytes of a point
}

var curves = map[string]curve{
	"secp256k1": {
		order: "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
		signatures: []string{"ecdsa_secp256k1_sha256_p1363_test", "ecdsa_secp256k1_sha512_p1363_test",
			"ecdsa_secp256k1_shake128_p1363_test", "ecdsa_secp256k1_shake256_p1363_test"},
		secrets: []string{"ecdh_secp256k1_test", "ecdh_secp256k1_webcrypto_test"},
		headers: []string{"3056301006072a8648ce3d020106052b8104000a034200", "3036301006072a8648ce3d020106052b8104000a032200"},
	},
	"P-256": {
		order: "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
		signatures: []string{"ecdsa_secp256r1_sha256_p1363_test", "ecdsa_secp256r1_sha512_p1363_test",
			"ecdsa_secp256r1_shake128_p1363_test"},
		secrets: []string{"ecdh_secp256r1_test", "ecdh_secp256r1_ecpoint_test", "ecdh_secp256r1_webcrypto_test"},
		headers: []string{"3059301306072a8648ce3d020106082a8648ce3d030107034200", "3039301306072a8648ce3d020106082a8648ce3d030107032200"},
	},
}

// Signature is one vector of ECDSA.
type Signature struct {
	Name   string
	Point  []byte // SEC 1, uncompressed
	Digest []byte // 32 bytes: of a longer hash those on the left (FIPS 186-5 §6.4)
	Sig    []byte // r‖s where it is well formed
	Valid  bool
	// HighS says that s is above half the order, and Negated is the same
	// signature with the other s.
	HighS   bool
	Negated []byte
}

// Secret is one vector of ECDH.
type Secret struct {
	Name    string
	Private []byte // 32 bytes
	Point   []byte // SEC 1; whatever stands there when the vector is invalid
	Shared  []byte // the x-coordinate
	Valid   bool
	// Acceptable vectors may be refused; one that is not must give Shared.
	Acceptable bool
}

// Check fails the test when shared and err are not what a derivation must give.
func (s Secret) Check(t testing.TB, shared []byte, err error) {
	t.Helper()
	if err == nil && (!bytes.Equal(shared, s.Shared) || !s.Valid && !s.Acceptable) {
		t.Errorf("%s: derived %x, want %x", s.Name, shared, s.Shared)
	}
	if err != nil && s.Valid {
		t.Errorf("%s: %v", s.Name, err)
	}
}

type group struct {
	PublicKey struct {
		Uncompressed string `json:"uncompressed"`
	} `json:"publicKey"`
	Sha      string `json:"sha"`
	Curve    string `json:"curve"`
	Encoding string `json:"encoding"`
	Tests    []struct {
		ID      int             `json:"tcId"`
		Comment string          `json:"comment"`
		Msg     string          `json:"msg"`
		Sig     string          `json:"sig"`
		Public  json.RawMessage `json:"public"`
		Private json.RawMessage `json:"private"`
		Shared  string          `json:"shared"`
		Result  string          `json:"result"`
	} `json:"tests"`
}

// read returns the groups of one file; a file that is missing, empty or shorter
// than it says fails the test.
func read(t testing.TB, file string) []group {
	t.Helper()
	data, err := fs.ReadFile(wycheproof.TestVectors, file+".json")
	if err != nil {
		t.Fatal(err)
	}
	var content struct {
		NumberOfTests int     `json:"numberOfTests"`
		Groups        []group `json:"testGroups"`
	}
	if err := json.Unmarshal(data, &content); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	n := 0
	for _, g := range content.Groups {
		n += len(g.Tests)
	}
	if n == 0 || n != content.NumberOfTests {
		t.Fatalf("%s: %d vectors, want %d", file, n, content.NumberOfTests)
	}
	return content.Groups
}

// Signatures are the vectors of ECDSA on a curve, named as in JOSE.
func Signatures(t testing.TB, crv string) (all []Signature) {
	t.Helper()
	c := curves[crv]
	n := new(big.Int).SetBytes(unhex(t, c.order))
	for _, file := range c.signatures {
		for _, g := range read(t, file) {
			for _, v := range g.Tests {
				s := Signature{
					Name: fmt.Sprintf("%s %d: %s", file, v.ID, v.Comment), Point: unhex(t, g.PublicKey.Uncompressed),
					Digest: digest(t, g.Sha, unhex(t, v.Msg)), Sig: unhex(t, v.Sig), Valid: v.Result == "valid",
				}
				if s.Valid {
					other := new(big.Int).Sub(n, new(big.Int).SetBytes(s.Sig[32:]))
					s.HighS = new(big.Int).SetBytes(s.Sig[32:]).Cmp(other) > 0
					s.Negated = append(bytes.Clone(s.Sig[:32]), other.FillBytes(make([]byte, 32))...)
				}
				all = append(all, s)
			}
		}
	}
	return all
}

func digest(t testing.TB, hash string, msg []byte) []byte {
	t.Helper()
	switch hash {
	case "SHA-256":
		d := sha256.Sum256(msg)
		return d[:]
	case "SHA-512":
		d := sha512.Sum512(msg)
		return d[:32]
	case "SHAKE128":
		return sha3.SumSHAKE128(msg, 32)
	case "SHAKE256":
		return sha3.SumSHAKE256(msg, 32)
	}
	t.Fatalf("no hash is called %q", hash)
	return nil
}

// Secrets are the vectors of ECDH on a curve, named as in JOSE.
func Secrets(t testing.TB, crv string) (all []Secret) {
	t.Helper()
	c := curves[crv]
	for _, file := range c.secrets {
		for _, g := range read(t, file) {
			for _, v := range g.Tests {
				s := Secret{
					Name: fmt.Sprintf("%s %d: %s", file, v.ID, v.Comment), Shared: unhex(t, v.Shared),
					Valid: v.Result == "valid", Acceptable: v.Result == "acceptable",
				}
				var private []byte
				switch g.Encoding {
				case "webcrypto":
					private = jwk(t, v.Private, g.Curve, "d")
					s.Point = append([]byte{4}, jwk(t, v.Public, g.Curve, "x", "y")...)
				case "asn":
					private, s.Point = text(t, v.Private), c.point(text(t, v.Public))
				case "ecpoint":
					private, s.Point = text(t, v.Private), text(t, v.Public)
				default:
					t.Fatalf("%s: no encoding is called %q", file, g.Encoding)
				}
				s.Private = new(big.Int).SetBytes(private).FillBytes(make([]byte, 32))
				all = append(all, s)
			}
		}
	}
	return all
}

// point is what follows the header that a key of the curve has in DER; any other
// key is returned whole, and is not a point.
func (c curve) point(der []byte) []byte {
	s := hex.EncodeToString(der)
	for _, header := range c.headers {
		if strings.HasPrefix(s, header) {
			return der[len(header)/2:]
		}
	}
	return der
}

// jwk joins members of a JWK; one that is missing or not base64url adds nothing,
// nor does a key of another curve.
func jwk(t testing.TB, raw json.RawMessage, crv string, members ...string) (all []byte) {
	t.Helper()
	var key map[string]string
	if err := json.Unmarshal(raw, &key); err != nil {
		t.Fatal(err)
	}
	if key["crv"] != crv {
		return nil
	}
	for _, m := range members {
		b, _ := base64.RawURLEncoding.DecodeString(key[m])
		all = append(all, b...)
	}
	return all
}

func text(t testing.TB, raw json.RawMessage) []byte {
	t.Helper()
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	return unhex(t, s)
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
