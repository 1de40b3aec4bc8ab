// Package modules brings up PKCS#11 modules other than SoftHSM for tests, each
// with a token of its own that is gone afterwards: the softokn of NSS, a simulated
// TPM behind tpm2-pkcs11, a virtual PIV card behind pcscd and OpenSC, and SoftHSM
// behind the proxy and the remoting of p11-kit. No hardware, and not root.
//
//	m := modules.Run(t, modules.NSS)
//	// load m.Path with m.Reserved, log in to the token m.Label with m.PIN
//
// What is not installed is an error that says what to install, and fails a test:
// a test of keys that skips itself proves nothing. It is written for Linux, and
// tried on Debian 12.
package modules

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Module is a PKCS#11 module that is ready, and its token.
type Module struct {
	Path     string   // of the library
	Reserved string   // C_INITIALIZE_ARGS.pReserved; empty: NULL
	Label    string   // of the token
	PIN      string   // of its user
	Env      []string // what the process that loads the module must have in its environment

	stop  []func() error // the newest last
	pcscd *daemon
}

// Close stops the programs behind the module. The process that loaded it should
// have finalised it.
func (m *Module) Close() error {
	var errs []error
	for _, f := range slices.Backward(m.stop) {
		errs = append(errs, f())
	}
	m.stop = nil
	return errors.Join(errs...)
}

// Start brings a module up. What it writes is in dir, an empty folder with a
// short name (sockets are in it), which must stay until the module is closed.
type Start func(ctx context.Context, dir string) (*Module, error)

// limit is how long a module may take to come up.
const limit = time.Minute

// Run brings a module up for a test, and sets what it needs in the environment of
// this process. All of it is undone when the test ends. Cleanups run the newest
// first: what uses the module, and is closed by t.Cleanup, comes after Run.
func Run(t testing.TB, start Start) *Module {
	t.Helper()
	dir, err := os.MkdirTemp("", "p11-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	m, err := start(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, v := range m.Env {
		name, value, _ := strings.Cut(v, "=")
		before, had := os.LookupEnv(name)
		if err := os.Setenv(name, value); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if !had {
				_ = os.Unsetenv(name)
			} else {
				_ = os.Setenv(name, before)
			}
		})
	}
	return m
}

// ErrMissing says that something is not installed; what, and how to get it, is in
// the message around it.
var ErrMissing = errors.New("not installed")

// needs checks that programs are there. pairs are names of programs and of the
// Debian packages that have them.
func needs(pairs ...string) error {
	var missing []string
	for i := 0; i < len(pairs); i += 2 {
		if _, err := exec.LookPath(program(pairs[i])); err != nil && !slices.Contains(missing, pairs[i+1]) {
			missing = append(missing, pairs[i+1])
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("modules: %w: apt-get install %s", ErrMissing, strings.Join(missing, " "))
	}
	return nil
}

// program is where a program is. Some are for daemons, and in a folder that is in
// root's PATH only.
func program(name string) string {
	if _, err := exec.LookPath(name); err == nil {
		return name
	}
	return filepath.Join("/usr/sbin", name)
}

// library finds a module where distributions put it; pkg is the Debian package.
func library(name, pkg string) (string, error) {
	for _, dir := range []string{"/usr/lib/*/pkcs11", "/usr/lib/*", "/usr/lib/*/nss", "/usr/lib64/pkcs11", "/usr/lib64", "/usr/lib/pkcs11", "/usr/lib", "/usr/local/lib/pkcs11", "/usr/local/lib"} {
		found, _ := filepath.Glob(filepath.Join(dir, name)) // the patterns are well-formed
		if len(found) > 0 {
			return found[0], nil
		}
	}
	return "", fmt.Errorf("modules: %s is %w: apt-get install %s", name, ErrMissing, pkg)
}

// run runs a program to its end.
func run(ctx context.Context, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program(name), args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("modules: %s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return string(out), nil
}
