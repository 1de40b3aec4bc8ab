package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// TestTheGatewayOfTheSandboxCannotReadTheVaultsPIN looks at the processes as they
// run, and reads as the gateway would.
func TestTheGatewayOfTheSandboxCannotReadTheVaultsPIN(t *testing.T) {
	t.Parallel()
	r := start(t)
	if os.Geteuid() != 0 {
		if r.State.OneUser == "" {
			t.Error("it is not said that signer and gateway run as one user")
		}
		return
	}
	if r.State.OneUser != "" {
		t.Fatalf("root starts them as one user: %s", r.State.OneUser)
	}
	user := func(name string) uint32 {
		t.Helper()
		info, err := os.Stat(filepath.Join("/proc", strconv.Itoa(r.PID(name))))
		if err != nil {
			t.Fatal(err)
		}
		return info.Sys().(*syscall.Stat_t).Uid
	}
	gateway := user("gateway")
	if signer := user("signer"); gateway == signer || gateway == 0 || user("sandbox") != gateway {
		t.Fatalf("the signer is user %d, the gateway %d, the sandbox %d", signer, gateway, user("sandbox"))
	}
	for _, path := range []string{"secrets/vault.pin", "secrets/vault-branch.pin", "vault/log-000000000000.jws", "vault-branch/log-000000000000.jws", "softhsm/vault/store.json", "softhsm/approvers/store.json", "config/signer.json", "config/signer-branch.json"} {
		cmd := exec.CommandContext(t.Context(), "cat", filepath.Join(r.State.Dir, path))
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: gateway, Gid: gateway}}
		cmd.Dir = "/"
		if err := cmd.Run(); err == nil {
			t.Errorf("the gateway's user reads %s", path)
		}
	}
}
