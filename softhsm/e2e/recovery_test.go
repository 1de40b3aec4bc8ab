package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// as runs a command as the owner of a folder of the system, with the vault's tokens, and
// returns what it said.
func (r *rig) as(folder, program string, args ...string) (string, error) {
	r.Helper()
	bin, err := programs()
	if err != nil {
		r.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(r.State.Dir, folder))
	if err != nil {
		r.Fatal(err)
	}
	cmd := exec.CommandContext(r.ctx, filepath.Join(bin, program), args...)
	cmd.Env = append(os.Environ(), "SOFTHSM2_CONF="+filepath.Join(r.State.Dir, "softhsm/vault/softhsm2.conf"))
	if owner := info.Sys().(*syscall.Stat_t); os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}}
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// lost stops a program, deletes what matches a pattern in the system's folder, and has
// others bring it back before the program starts again.
func (r *rig) lost(program, pattern string, back func()) {
	r.Helper()
	if err := r.StopProgram(program); err != nil {
		r.Fatal(err)
	}
	all, err := filepath.Glob(filepath.Join(r.State.Dir, pattern))
	if err != nil || len(all) == 0 {
		r.Fatalf("there is no %s: %v", pattern, err)
	}
	for _, path := range all {
		if err := os.RemoveAll(path); err != nil {
			r.Fatal(err)
		}
	}
	back()
	if err := r.StartProgram(r.ctx, program); err != nil {
		r.Fatal(err)
	}
}

// A purchase goes on, to its delivery, although each disk is lost on its way.
func TestAPurchaseSurvivesTheLossOfEachDisk(t *testing.T) {
	t.Parallel()
	r := start(t)
	s := newStory(t, r)
	copies := t.TempDir()
	signer := []string{"--config=" + filepath.Join(r.State.Dir, "config/signer.json"), "--signer-file=" + filepath.Join(r.State.Dir, "identities/signer.json")}
	gateway := "-config=" + filepath.Join(r.State.Dir, "config/gateway.json")
	must := func(says string) func(string, error) {
		return func(said string, err error) {
			t.Helper()
			if err != nil || !strings.Contains(said, says) {
				t.Fatalf("it does not say %q: %v\n%s", says, err, said)
			}
		}
	}
	loseSigner := func() {
		t.Helper()
		must("verified from the genesis")(r.as("vault", "countersign-bridge", append([]string{"signer", "backup", filepath.Join(copies, "log")}, signer...)...))
		r.lost("signer", "vault", func() {
			if err := os.Mkdir(filepath.Join(r.State.Dir, "vault"), 0o700); err != nil {
				t.Fatal(err)
			}
			must("and the vault's token agrees")(r.as("vault", "countersign-bridge", append([]string{"signer", "restore", filepath.Join(copies, "log")}, signer...)...))
		})
	}
	best, err := s.Quotes(r.ctx, "250")
	if err != nil {
		t.Fatal(err)
	}
	request, err := s.Request(r.ctx, best.ID)
	if err != nil {
		t.Fatal(err)
	}
	loseSigner()
	approve(t, r, s, request.ID, "mem_alice")
	r.lost("gateway", "gateway/gateway.db*", func() {
		must("ent_sandbox: made again, to entry 2; ")(r.as("gateway", "countersign-gateway", "migrate", "rebuild", gateway))
	})
	s = newStory(t, r) // who was signed in signs in again
	loseSigner()
	approve(t, r, s, request.ID, "mem_bob")
	order, err := s.Order(r.ctx, request.ID)
	if err != nil {
		t.Fatal(err)
	}
	must(" is a copy of ")(r.as("gateway", "countersign-gateway", "backup", gateway, "-to="+filepath.Join(r.State.Dir, "gateway/copy")))
	if err := s.Pay(r.ctx, order); err != nil {
		t.Fatal(err)
	}
	r.lost("gateway", "gateway/gateway.db*", func() {
		if err := os.Rename(filepath.Join(r.State.Dir, "gateway/copy"), filepath.Join(r.State.Dir, "gateway/gateway.db")); err != nil {
			t.Fatal(err)
		}
	})
	loseSigner()
	if err := s.Delivery(r.ctx, order.ID); err != nil {
		t.Fatal(err)
	}
	must("ent_sandbox: as its log says, to entry 4\n")(r.as("gateway", "countersign-gateway", "migrate", "rebuild", "-check", gateway))
}
