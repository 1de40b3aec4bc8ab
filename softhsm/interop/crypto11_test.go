// Package interop checks that keys of the test kit are ordinary PKCS#11 keys: a
// mainstream library that knows nothing of this project uses them. It is a
// package of its own because crypto11 must be the only user of the module in its
// process.
package interop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"testing"

	"github.com/ThalesGroup/crypto11"

	"countersign/softhsm"
)

func TestCrypto11SignsWithAKeyOfTheKit(t *testing.T) {
	token := softhsm.New(t, softhsm.Spec{Label: "interop", Keys: []softhsm.Key{{Label: "approval", Curve: softhsm.P256, Sign: true}}})
	ctx, err := crypto11.Configure(&crypto11.Config{Path: token.Module, TokenLabel: token.Label, Pin: token.PIN, MaxSessions: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ctx.Close(); err != nil {
			t.Error(err)
		}
	})
	key, err := ctx.FindKeyPair(nil, []byte("approval"))
	if err != nil || key == nil {
		t.Fatalf("find the key: %v, %v", key, err)
	}
	want, ok := token.Key("approval")
	if !ok {
		t.Fatal("the kit does not tell of the key that it made")
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), want.Public)
	if err != nil {
		t.Fatal(err)
	}
	if !public.Equal(key.Public()) {
		t.Error("crypto11 sees another public key")
	}
	digest := sha256.Sum256([]byte("interop"))
	sig, err := key.Sign(rand.Reader, digest[:], nil)
	if err != nil {
		t.Fatal(err)
	}
	if !ecdsa.VerifyASN1(public, digest[:], sig) {
		t.Error("the signature does not verify")
	}
}
