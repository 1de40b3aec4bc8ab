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
)

// KeyConfig says where the signing key is.
type KeyConfig struct {
	Location string    // a file, or a PKCS#11 URI (RFC 7512) with module-path, token and object
	PINFile  string    // for a PKCS#11 URI
	Create   bool      // make a missing file: in the sandbox only
	Notice   io.Writer // told in one line when a key was made
}

// noClose is for keys that hold nothing open.
func noClose() error { return nil }

// LoadKey opens the signing key. A key file must not be readable by anybody
// else. close gives the HSM's session back.
func LoadKey(cfg KeyConfig) (key crypto.Signer, closeKey func() error, err error) {
	if strings.HasPrefix(cfg.Location, "pkcs11:") {
		pin, err := readSecret(cfg.PINFile)
		if err != nil {
			return nil, nil, fmt.Errorf("read the PIN of the token key: %w", err)
		}
		return hsmKey(cfg.Location, strings.TrimSpace(string(pin)))
	}
	raw, err := readSecret(cfg.Location)
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

// readSecret reads a small file that belongs to its owner alone.
func readSecret(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s can be read by others (mode %04o): run chmod 600 on it", path, info.Mode().Perm())
	}
	return io.ReadAll(io.LimitReader(f, 64<<10))
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
