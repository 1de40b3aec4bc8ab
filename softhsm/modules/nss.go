package modules

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// NSS is the software token of Mozilla's NSS, with an empty database: P-256 with
// signatures and ECDH, no secp256k1. It takes its configuration from pReserved,
// and has no other way.
func NSS(ctx context.Context, dir string) (*Module, error) { return nss(ctx, dir, "nss 1234") }

// NSSWithoutPIN is [NSS] with a database that has no password: it needs no PIN
// (CKF_LOGIN_REQUIRED is not set), and takes none.
func NSSWithoutPIN(ctx context.Context, dir string) (*Module, error) { return nss(ctx, dir, "") }

func nss(ctx context.Context, dir, pin string) (*Module, error) {
	if err := needs("certutil", "libnss3-tools"); err != nil {
		return nil, err
	}
	path, err := library("libsoftokn3.so", "libnss3")
	if err != nil {
		return nil, err
	}
	db := filepath.Join(dir, "db")
	if err := os.Mkdir(db, 0o700); err != nil {
		return nil, err
	}
	password := []string{"--empty-password"}
	if pin != "" {
		file := filepath.Join(dir, "pin")
		if err := os.WriteFile(file, []byte(pin+"\n"), 0o600); err != nil {
			return nil, err
		}
		password = []string{"-f", file}
	}
	if _, err := run(ctx, nil, "certutil", append([]string{"-N", "-d", "sql:" + db}, password...)...); err != nil {
		return nil, err
	}
	return &Module{Path: path, Label: "NSS Certificate DB", PIN: pin,
		Reserved: fmt.Sprintf("configdir='sql:%s' certPrefix='' keyPrefix='' secmod='secmod.db' flags=", db)}, nil
}
