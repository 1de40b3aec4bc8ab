package signer

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"countersign/bridge/internal/device"
	"countersign/bridge/internal/logfile"
	"countersign/shared/fault"
	"countersign/softhsm"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(callVariable); path != "" {
		os.Exit(callAndPrint(path))
	}
	if device.Child() {
		return
	}
	os.Exit(m.Run())
}

// vaultToken is a throw-away vault token and the configuration that names it.
func vaultToken(t testing.TB) Config {
	t.Helper()
	return configOf(t, vaultIn(t))
}

func vaultIn(t testing.TB) *softhsm.Token { return softhsm.New(t, softhsm.Spec{Label: "vault"}) }

func configOf(t testing.TB, token *softhsm.Token) Config {
	t.Helper()
	dir := t.TempDir()
	pin := filepath.Join(dir, "pin")
	if err := os.WriteFile(pin, []byte(token.PIN+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return Config{
		Socket: filepath.Join(dir, "s.sock"), Module: token.Module, Token: "pkcs11:token=vault", PINFile: pin,
		StateDir: filepath.Join(dir, "state"), SameUser: true,
	}
}

// The test is not parallel: SoftHSM has one configuration in a process.
func TestTheStoryOnAVaultInSoftHSM(t *testing.T) {
	cfg := vaultToken(t)
	story(t, cfg, openHSM)

	if err := os.Remove(filepath.Join(cfg.StateDir, logfile.Name(0))); err != nil {
		t.Fatal(err)
	}
	err := Run(t.Context(), cfg, Stdio{Out: os.Stderr, Err: os.Stderr})
	if f, ok := fault.As(err); !ok || f.Code != fault.LogCorrupt || f.Details["entry"] != "0" {
		t.Errorf("a log that is gone: %v", err)
	}
	source := cfg
	source.Token, source.PINFile = cfg.Token+"?pin-source=file:"+cfg.PINFile, ""
	v, done, err := openHSM(t.Context(), source, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("the PIN from pin-source: %v", err)
	}
	// Another user of the token locks it: the vault unlocks it again.
	if err := v.(*hsmVault).token.Logout(t.Context()); err != nil {
		t.Fatal(err)
	}
	if key, err := v.Key(t.Context(), statementKey()); err != nil {
		t.Errorf("a key of a vault that was locked: %v", err)
	} else if _, err := key.SignDigest(t.Context(), make([]byte, 32)); err != nil {
		t.Errorf("a signature of a vault that was locked: %v", err)
	}
	if err := done(); err != nil {
		t.Error(err)
	}
	if err := os.Chmod(cfg.PINFile, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), cfg, Stdio{Out: os.Stderr, Err: os.Stderr}); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a PIN file that all may read: %v", err)
	}
}

// The old and the new HSM are two tokens, each behind a process of its own: no key of the one is
// in the other. The test is not parallel: SoftHSM has one configuration in a process.
func TestTheKeysOfAVaultAreRotatedFromOneHSMToAnother(t *testing.T) {
	opened := func(label string) Vault {
		cfg := configOf(t, softhsm.New(t, softhsm.Spec{Label: label}))
		cfg.Token = "pkcs11:token=" + label
		v, done, err := openHSM(t.Context(), cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = done() })
		return v
	}
	g := newRigOn(t, twoOfThree(), opened("vault"))
	signerFile, old := g.signerFile(t), g.on
	before := g.request(newRequestID(t))
	next := opened("successor")
	g.rotates(next, signerFile)
	if _, err := g.moves(next, signerFile); err != nil {
		t.Fatal(err)
	}
	g.knows()
	after := g.request(newRequestID(t))
	g.approves("mem_alice", after.Request)
	g.approves("mem_bob", after.Request)
	if r := g.look(after.Request); r.State != "APPROVED" || addressOf(r) == addressOf(before) {
		t.Errorf("%s at %s", r.State, addressOf(r))
	}
	if err := VerifyLog(t.Context(), Config{StateDir: g.dir}, signerFile, Stdio{Out: os.Stderr, Err: os.Stderr}); err != nil {
		t.Error(err)
	}
	for name, v := range map[string]Vault{"old": old, "new": next} {
		key, err := v.Key(t.Context(), statementKey())
		if err != nil {
			t.Fatal(err)
		}
		if is := key.PublicKey().Equal(g.service.state.Key()); is != (name == "new") {
			t.Errorf("the %s token's key is the vault's: %v", name, is)
		}
	}
	g.stop()
	if g.on = old; fault.CodeOf(g.tryStart()) != fault.KeyUnsuited {
		t.Error("a signer starts on the old token")
	}
}
