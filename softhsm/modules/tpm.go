package modules

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// TPM is tpm2-pkcs11 over a TPM 2.0 that swtpm simulates, with tpm2-abrmd as its
// resource manager on a bus of its own: P-256 with signatures. It has no ECDH (in
// version 1.9), and no TPM has secp256k1.
func TPM(ctx context.Context, dir string) (_ *Module, err error) {
	if err := needs("swtpm", "swtpm", "dbus-daemon", "dbus", "dbus-send", "dbus", "tpm2-abrmd", "tpm2-abrmd", "tpm2_ptool", "libtpm2-pkcs11-tools"); err != nil {
		return nil, err
	}
	m := &Module{Label: "tpm", PIN: "tpm 1234"}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.Close())
		}
	}()
	if m.Path, err = library("libtpm2_pkcs11.so", "libtpm2-pkcs11-1"); err != nil {
		return nil, err
	}
	if _, err = library("libtss2-tcti-tabrmd.so.0", "libtss2-tcti-tabrmd0"); err != nil {
		return nil, err
	}
	if err = m.simulate(ctx, dir); err != nil {
		return nil, err
	}
	store := filepath.Join(dir, "store")
	m.Env = append(m.Env, "TPM2_PKCS11_TCTI=tabrmd:bus_type=session", "TPM2_PKCS11_STORE="+store, "TPM2_PKCS11_LOG_LEVEL=0")
	tools := append([]string{"TPM2TOOLS_TCTI=tabrmd:bus_type=session"}, m.Env...)
	if err = os.Mkdir(store, 0o700); err != nil {
		return nil, err
	}
	if _, err = run(ctx, tools, "tpm2_ptool", "init", "--path", store); err != nil {
		return nil, err
	}
	_, err = run(ctx, tools, "tpm2_ptool", "addtoken", "--pid=1", "--label="+m.Label, "--sopin=12345678", "--userpin="+m.PIN, "--path", store)
	return m, err
}

// simulate starts the TPM, the bus and the resource manager. Without the latter,
// the TPM is out of memory for objects after a few.
func (m *Module) simulate(ctx context.Context, dir string) error {
	state, ready, bus := filepath.Join(dir, "state"), filepath.Join(dir, "swtpm.pid"), filepath.Join(dir, "bus")
	if err := os.Mkdir(state, 0o700); err != nil {
		return err
	}
	port, err := m.twoPorts()
	if err != nil {
		return err
	}
	swtpm, err := m.launch(nil, nil, "swtpm", "socket", "--tpm2", "--tpmstate", "dir="+state,
		"--server", fmt.Sprintf("type=tcp,port=%d,bindaddr=127.0.0.1", port), "--ctrl", fmt.Sprintf("type=tcp,port=%d,bindaddr=127.0.0.1", port+1),
		"--flags", "not-need-init,startup-clear", "--pid", "file="+ready)
	if err != nil {
		return err
	}
	if err := swtpm.await(ctx, exists(ready)); err != nil {
		return err
	}
	dbus, err := m.launch(nil, nil, "dbus-daemon", "--session", "--nofork", "--nopidfile", "--address=unix:path="+bus)
	if err != nil {
		return err
	}
	if err := dbus.await(ctx, exists(bus)); err != nil {
		return err
	}
	m.Env = append(m.Env, "DBUS_SESSION_BUS_ADDRESS=unix:path="+bus)
	manager, err := m.launch(m.Env, nil, "tpm2-abrmd", "--session", "--allow-root", fmt.Sprintf("--tcti=swtpm:host=127.0.0.1,port=%d", port))
	if err != nil {
		return err
	}
	return manager.await(ctx, func() bool {
		out, err := run(ctx, m.Env, "dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus",
			"org.freedesktop.DBus.NameHasOwner", "string:com.intel.tss2.Tabrmd")
		return err == nil && strings.Contains(out, "boolean true")
	})
}
