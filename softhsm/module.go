package softhsm

import (
	"errors"
	"os"
	"path/filepath"
)

// ModuleVariable names the module when it is in none of the usual places.
const ModuleVariable = "SOFTHSM2_MODULE"

// ErrMissing says that SoftHSM is not on this machine, and how to get it.
var ErrMissing = errors.New("softhsm: SoftHSM 2 is not installed: apt-get install softhsm2 (Debian, Ubuntu), dnf install softhsm (Fedora), " +
	"pacman -S softhsm (Arch), apk add softhsm (Alpine), brew install softhsm (macOS); or set " + ModuleVariable + " to libsofthsm2.so")

// places are where distributions put the module: Debian and Ubuntu, Fedora,
// Arch, Alpine, Homebrew on ARM and on Intel.
var places = []string{
	"/usr/lib/softhsm/libsofthsm2.so",
	"/usr/lib/*/softhsm/libsofthsm2.so",
	"/usr/lib64/pkcs11/libsofthsm2.so",
	"/usr/lib64/softhsm/libsofthsm.so",
	"/usr/lib/pkcs11/libsofthsm2.so",
	"/usr/local/lib/softhsm/libsofthsm2.so",
	"/opt/homebrew/lib/softhsm/libsofthsm2.so",
}

// Module is the path of the PKCS#11 module, or [ErrMissing].
func Module() (string, error) {
	if m := os.Getenv(ModuleVariable); m != "" {
		if _, err := os.Stat(m); err != nil {
			return "", errors.Join(ErrMissing, err)
		}
		return m, nil
	}
	for _, pattern := range places {
		found, _ := filepath.Glob(pattern) // the patterns are well-formed
		if len(found) > 0 {
			return found[0], nil
		}
	}
	return "", ErrMissing
}
