//go:build modules

package modules_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"github.com/miekg/pkcs11"

	"countersign/softhsm"
	"countersign/softhsm/modules"
	"countersign/softhsm/piv"
)

// What the modules can do is tested where it matters, in bridge/internal/device.
// Here: that each comes up, lets its user in, and leaves nothing behind.

func TestEachModuleComesUpLetsItsUserInAndLeavesNothing(t *testing.T) {
	token := softhsm.New(t, softhsm.Spec{Label: "kit", Keys: []softhsm.Key{{Label: "k", Curve: softhsm.P256, Sign: true}}})
	card, err := piv.New(piv.Config{Name: "kit card"})
	if err != nil {
		t.Fatal(err)
	}
	for name, start := range map[string]modules.Start{
		"NSS": modules.NSS, "TPM": modules.TPM, "OpenSC": modules.OpenSC(card),
		"proxy": modules.Proxy(token.Store, token.Spec), "remote": modules.Remote(token.Store, token.Spec),
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("MARK", "countersign-"+name)
			t.Run("up", func(t *testing.T) {
				m := modules.Run(t, start)
				if err := logIn(m); err != nil {
					t.Error(err)
				}
				if daemons := running(t, "MARK=countersign-"+name); len(daemons) == 0 && name != "NSS" && name != "proxy" {
					t.Error("no program runs behind it, so nothing is shown below")
				}
			})
			if left := running(t, "MARK=countersign-"+name); len(left) > 0 {
				t.Errorf("programs still run: %q", left)
			}
		})
	}
}

// running lists the programs on this machine that have mark in their environment.
func running(t *testing.T, mark string) (all []string) {
	t.Helper()
	environments, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range environments {
		b, err := os.ReadFile(e)
		if err != nil || !bytes.Contains(b, []byte(mark)) { // one may have ended, or be another user's
			continue
		}
		name, _ := os.ReadFile(filepath.Join(filepath.Dir(e), "cmdline"))
		all = append(all, string(bytes.ReplaceAll(name, []byte{0}, []byte{' '})))
	}
	return all
}

// logIn finds the token and logs in, as any program would.
func logIn(m *modules.Module) (err error) {
	p := pkcs11.New(m.Path)
	if p == nil {
		return fmt.Errorf("cannot load %s", m.Path)
	}
	var options []pkcs11.InitializeOption
	if m.Reserved != "" {
		reserved := append([]byte(m.Reserved), 0)
		options = append(options, pkcs11.InitializeWithReserved(unsafe.Pointer(&reserved[0])))
	}
	if err := p.Initialize(options...); err != nil {
		return fmt.Errorf("C_Initialize: %w", err)
	}
	defer func() { err = errors.Join(err, p.Finalize()) }()
	slots, err := p.GetSlotList(true)
	if err != nil {
		return fmt.Errorf("C_GetSlotList: %w", err)
	}
	for _, slot := range slots {
		info, err := p.GetTokenInfo(slot)
		if err != nil || strings.TrimRight(info.Label, " \x00") != m.Label {
			continue
		}
		session, err := p.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION)
		if err != nil {
			return fmt.Errorf("C_OpenSession: %w", err)
		}
		if err := p.Login(session, pkcs11.CKU_USER, m.PIN); err != nil {
			return fmt.Errorf("C_Login: %w", err)
		}
		return nil
	}
	return fmt.Errorf("no token %q in %d slots", m.Label, len(slots))
}
