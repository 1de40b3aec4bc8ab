//go:build cgo

package token

import (
	"crypto/rand"
	"crypto/rsa"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ThalesGroup/crypto11"

	"countersign/softhsm"
	"countersign/web/internal/gateway"
)

func TestTokensAreSignedInsideAnHSMByTheKeyBehindItsPIN(t *testing.T) { // not parallel: the module belongs to the process
	hsm := softhsm.New(t, softhsm.Spec{Label: "gateway"})
	ctx, err := crypto11.Configure(&crypto11.Config{Path: hsm.Module, TokenLabel: "gateway", Pin: hsm.PIN})
	if err != nil {
		t.Fatal(err)
	}
	made, err := ctx.GenerateRSAKeyPairWithLabel([]byte("1"), []byte("tokens"), 2048)
	if err != nil {
		t.Fatal(err)
	}
	if err := ctx.Close(); err != nil {
		t.Fatal(err)
	}
	// Somebody without the PIN copies the label and the id, which anybody can read.
	hsm.Plant(t, softhsm.Planted{Act: softhsm.PlantPair, Label: "tokens", ID: []byte("1")}, softhsm.Planted{Act: softhsm.PlantPair, Label: "tokens", ID: []byte("2")})
	pin := filepath.Join(t.TempDir(), "pin")
	if err := os.WriteFile(pin, []byte(hsm.PIN+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	uri := "pkcs11:token=gateway;object=tokens?module-path=" + url.PathEscape(hsm.Module)
	key, closeKey, err := LoadKey(KeyConfig{Location: uri, PINFile: pin})
	if err != nil {
		t.Fatal(err)
	}
	i, err := New(Config{Key: key, Issuer: "https://g.example", Audience: "countersign", Env: "live", Now: time.Now, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := i.Mint(t.Context(), gateway.Subject{Developer: "dev_a", Version: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.Verify(token); err != nil {
		t.Error(err)
	}
	if err := closeKey(); err != nil {
		t.Error(err)
	}
	if key.Public().(*rsa.PublicKey).N.Cmp(made.Public().(*rsa.PublicKey).N) != 0 {
		t.Error("a planted key is in the JWKS")
	}
	if _, _, err := LoadKey(KeyConfig{Location: "pkcs11:token=gateway;object=nothing?module-path=" + url.PathEscape(hsm.Module), PINFile: pin}); err == nil {
		t.Error("a key that does not exist was opened")
	}
}

func TestPKCS11URIsAreReadStrictly(t *testing.T) {
	t.Parallel()
	for _, uri := range []string{
		"pkcs11:", "pkcs11:token=a", "pkcs11:token=a;object=b", "pkcs11:token=a;token=b;object=c?module-path=/x",
		"pkcs11:token=a;object=b;pin-value=1234?module-path=/x", "pkcs11:token=a;object=b?module-path=/x&pin-value=1234",
		"pkcs11:token=%zz;object=b?module-path=/x", "pkcs11:token;object=b?module-path=/x",
	} {
		if attrs, err := parseURI(uri); err == nil {
			t.Errorf("%s was read as %v", uri, attrs)
		}
	}
}
