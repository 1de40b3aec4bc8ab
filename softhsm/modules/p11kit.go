package modules

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"countersign/softhsm"
)

// Proxy is p11-kit-proxy.so, which shows the tokens of all modules that are
// registered on the machine, with a token of SoftHSM among them. Only that module
// is registered for the user who runs it; p11-kit gives root no configuration of
// its own, so root gets those of the system, which must include SoftHSM (Debian's
// package registers it). They find no reader and no TPM.
func Proxy(store softhsm.Store, token softhsm.Spec) Start {
	return func(_ context.Context, dir string) (*Module, error) {
		path, err := library("p11-kit-proxy.so", "p11-kit-modules")
		if err != nil {
			return nil, err
		}
		if os.Getuid() == 0 {
			found, _ := filepath.Glob("/usr/share/p11-kit/modules/*softhsm*") // the patterns are well-formed
			own, _ := filepath.Glob("/etc/pkcs11/modules/*softhsm*")
			if len(found)+len(own) == 0 {
				return nil, errors.New("modules: SoftHSM is not registered with p11-kit: run this as another user than root, or make /etc/pkcs11/modules/softhsm2.module")
			}
		}
		config := filepath.Join(dir, "pkcs11")
		if err := os.MkdirAll(filepath.Join(config, "modules"), 0o700); err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(config, "pkcs11.conf"), []byte("user-config: only\n"), 0o600); err != nil {
			return nil, err
		}
		registration := fmt.Appendf(nil, "module: %s\ncritical: yes\n", store.Module)
		if err := os.WriteFile(filepath.Join(config, "modules", "softhsm2.module"), registration, 0o600); err != nil {
			return nil, err
		}
		nowhere := filepath.Join(dir, "nowhere")
		return &Module{Path: path, Label: token.Label, PIN: token.PIN, Env: append(store.Env(), "XDG_CONFIG_HOME="+dir,
			"PCSCLITE_CSOCK_NAME="+nowhere, "TPM2_PKCS11_STORE="+dir, "TPM2_PKCS11_TCTI=device:"+nowhere,
			"TPM2_PKCS11_LOG_LEVEL=0", "TSS2_LOG=all+none")}, nil
	}
}

// Remote is p11-kit-client.so, which reaches a token of SoftHSM in another process
// (p11-kit server) over a socket. It signs, and it has no ECDH: p11-kit (in
// version 0.24) does not carry the parameters.
func Remote(store softhsm.Store, token softhsm.Spec) Start {
	return func(ctx context.Context, dir string) (_ *Module, err error) {
		if err := needs("p11-kit", "p11-kit"); err != nil {
			return nil, err
		}
		m := &Module{Label: token.Label, PIN: token.PIN}
		defer func() {
			if err != nil {
				err = errors.Join(err, m.Close())
			}
		}()
		if m.Path, err = library("p11-kit-client.so", "p11-kit-modules"); err != nil {
			return nil, err
		}
		socket := filepath.Join(dir, "socket")
		server, err := m.launch(store.Env(), nil, "p11-kit", "server", "--foreground", "--provider", store.Module, "--name", socket, "pkcs11:token="+token.Label)
		if err != nil {
			return nil, err
		}
		m.Env = []string{"P11_KIT_SERVER_ADDRESS=unix:path=" + socket}
		return m, server.await(ctx, exists(socket))
	}
}
