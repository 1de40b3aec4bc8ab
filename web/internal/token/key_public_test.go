package token

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The next key is published before it signs, and the last one is accepted until its
// tokens have ended, so that no verifier meets a key that it does not know.
func TestARotationOfTheSigningKeyHasNoGap(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, kind string, der []byte, mode os.FileMode) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	public := func(name string, key any) string {
		t.Helper()
		der, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return write(name, "PUBLIC KEY", der, 0o644)
	}
	load := func(path string) *rsa.PublicKey {
		t.Helper()
		k, err := LoadPublic(path)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	first, second := newIssuer(t), newIssuer(t)
	firstKey := load(public("first.pub", &first.key.PublicKey))
	der, err := x509.MarshalPKCS8PrivateKey(second.key)
	if err != nil {
		t.Fatal(err)
	}
	secondFile := write("second.pem", "PRIVATE KEY", der, 0o600)

	before, after := first.cfg, second.cfg
	before.Others, after.Others = []*rsa.PublicKey{load(secondFile)}, []*rsa.PublicKey{firstKey, load(secondFile)}
	signs, signed := must(t, before), must(t, after)
	for name, pair := range map[string][2]*Issuer{"the first, after": {first.Issuer, signed}, "the second, before": {second.Issuer, signs}} {
		old := &issuer{Issuer: pair[0], t: t}
		token, _, _ := old.good()
		if _, err := pair[1].Verify(token); err != nil {
			t.Errorf("a token of %s the change: %v", name, err)
		}
	}
	for name, i := range map[string]*Issuer{"before": signs, "after": signed} {
		if n := strings.Count(string(i.JWKS()), `"kid"`); n != 2 {
			t.Errorf("%s: %d keys are published: %s", name, n, i.JWKS())
		}
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	two := write("two.pub", "PUBLIC KEY", []byte("x"), 0o644)
	for name, path := range map[string]string{
		"a file that is not there": filepath.Join(dir, "none"), "no key": two, "another kind of key": public("ec.pub", &other.PublicKey),
		"a private key that others can read": write("open.pem", "PRIVATE KEY", der, 0o644),
	} {
		if _, err := LoadPublic(path); err == nil || strings.Contains(err.Error(), "BEGIN") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func must(t *testing.T, cfg Config) *Issuer {
	t.Helper()
	i, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return i
}
