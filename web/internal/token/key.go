package token

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"countersign/shared/secret"
)

// KeyConfig says where the signing key is.
type KeyConfig struct {
	Location string    // a file, or a PKCS#11 URI (RFC 7512) with module-path, token and object
	PINFile  string    // for a PKCS#11 URI
	Create   bool      // make a missing file: in the sandbox only
	Notice   io.Writer // told in one line when a key was made
}

// maxPIN is the longest PIN, in bytes.
const maxPIN = 255

// noClose is for keys that hold nothing open.
func noClose() error { return nil }

// LoadKey opens the signing key. A key file must not be readable by any other
// user. close gives the HSM's session back.
func LoadKey(cfg KeyConfig) (key crypto.Signer, closeKey func() error, err error) {
	if strings.HasPrefix(cfg.Location, "pkcs11:") {
		pin, _, err := secret.Line(cfg.PINFile, maxPIN)
		if err != nil {
			return nil, nil, fmt.Errorf("read the PIN of the token key: %w", err)
		}
		return hsmKey(cfg.Location, string(pin))
	}
	raw, _, err := secret.Read(cfg.Location, secret.MaxFile)
	if errors.Is(err, fs.ErrNotExist) && cfg.Create {
		key, err := createKey(cfg.Location)
		if err == nil && cfg.Notice != nil {
			fmt.Fprintf(cfg.Notice, "made a new token signing key in %s (sandbox only)\n", cfg.Location)
		}
		return key, noClose, err
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the token key: %w", err)
	}
	block, rest := pem.Decode(raw)
	if block == nil || block.Type != "PRIVATE KEY" || strings.TrimSpace(string(rest)) != "" {
		return nil, nil, fmt.Errorf("token key %s: not a single PEM block PRIVATE KEY (PKCS #8)", cfg.Location)
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("token key %s: not a PKCS #8 key", cfg.Location) // the cause could hold parts of it
	}
	r, ok := k.(*rsa.PrivateKey)
	if !ok {
		return nil, nil, fmt.Errorf("token key %s: not an RSA key", cfg.Location)
	}
	return r, noClose, nil
}

func createKey(path string) (crypto.Signer, error) {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("make a token key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return nil, fmt.Errorf("make a token key: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make a token key: %w", err)
	}
	err = pem.Encode(f, &pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return k, errors.Join(err, f.Sync(), f.Close())
}

// LoadPublic reads a further key that verifies tokens: a PEM file with its public half
// (PUBLIC KEY, PKIX), or with all of it, which then must not be readable by any other user.
func LoadPublic(path string) (*rsa.PublicKey, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read a token key: %w", err)
	}
	if len(raw) > secret.MaxFile {
		return nil, fmt.Errorf("token key %s: larger than %d bytes", path, secret.MaxFile)
	}
	block, rest := pem.Decode(raw)
	if block == nil || block.Type != "PUBLIC KEY" {
		key, _, err := LoadKey(KeyConfig{Location: path})
		if err != nil {
			return nil, err
		}
		if pub, ok := key.Public().(*rsa.PublicKey); ok {
			return pub, nil
		}
		return nil, fmt.Errorf("token key %s: not an RSA key", path)
	}
	if strings.TrimSpace(string(rest)) != "" {
		return nil, fmt.Errorf("token key %s: not a single PEM block PUBLIC KEY (PKIX)", path)
	}
	k, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("token key %s: not a PKIX public key", path)
	}
	pub, ok := k.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("token key %s: not an RSA key", path)
	}
	return pub, nil
}
