// Package tokentest makes proofs of possession (RFC 9449) as a client does, for tests of
// the gateway.
package tokentest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"testing"
	"time"

	"countersign/shared/jws"
)

// Holder has a key, and proves it.
type Holder struct {
	t   testing.TB
	key *ecdsa.PrivateKey
	JWK map[string]any // its public half, as the header has it
}

var b64 = base64.RawURLEncoding

// NewHolder makes a key.
func NewHolder(t testing.TB) *Holder {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return &Holder{t, key, map[string]any{
		"kty": "EC", "crv": "P-256", "x": b64.EncodeToString(point[1:33]), "y": b64.EncodeToString(point[33:]), "ext": true, "key_ops": []string{"verify"},
	}}
}

// Thumbprint names the key (RFC 7638).
func (h *Holder) Thumbprint() string {
	h.t.Helper()
	k, err := jws.NewPublicKey(jws.P256, h.JWK["x"].(string), h.JWK["y"].(string))
	if err != nil {
		h.t.Fatal(err)
	}
	return k.Thumbprint()
}

// Proof is one for a question at an address, with a token or (empty) for one; change may
// alter its header and claims before it is signed.
func (h *Holder) Proof(method, address, token string, at time.Time, change ...func(header, claims map[string]any)) string {
	h.t.Helper()
	header := map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": h.JWK}
	claims := map[string]any{"jti": rand.Text(), "htm": method, "htu": address, "iat": at.Unix()}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		claims["ath"] = b64.EncodeToString(sum[:])
	}
	for _, f := range change {
		f(header, claims)
	}
	head, err1 := json.Marshal(header)
	body, err2 := json.Marshal(claims)
	if err1 != nil || err2 != nil {
		h.t.Fatal(err1, err2)
	}
	input := b64.EncodeToString(head) + "." + b64.EncodeToString(body)
	digest := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, h.key, digest[:])
	if err != nil {
		h.t.Fatal(err)
	}
	var sig [64]byte
	r.FillBytes(sig[:32])
	s.FillBytes(sig[32:])
	return input + "." + b64.EncodeToString(sig[:])
}
