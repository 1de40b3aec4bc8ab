package softhsm

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestProvisionKeepsTheTokensOfAnEarlierCall(t *testing.T) {
	dir := t.TempDir()
	first, err := Provision(t.Context(), dir, Spec{Label: "alice", Keys: []Key{
		{Label: "approval", Curve: Secp256k1, Sign: true}, {Label: "channel", Curve: P256, Derive: true}}})
	if err != nil {
		t.Fatal(err)
	}
	second, err := Provision(t.Context(), dir, Spec{Label: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	if first.Conf != second.Conf {
		t.Error("the second call made another store")
	}
	alice, _ := first.Token("alice")
	for _, label := range []string{"approval", "channel"} {
		if k, ok := alice.Key(label); !ok || len(k.Public) != 65 || k.Public[0] != 4 {
			t.Errorf("key %s has public point %x", label, k.Public)
		}
	}
	cmd := exec.Command("softhsm2-util", "--show-slots")
	cmd.Env = append(os.Environ(), second.Env()...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, label := range []string{"alice", "bob"} {
		if !strings.Contains(string(out), label) {
			t.Errorf("another program does not see token %s:\n%s", label, out)
		}
	}
	if _, err := Provision(t.Context(), dir, Spec{Label: "alice"}); err == nil {
		t.Error("a second token with the same label was made")
	}
}

func TestProvisionRefusesWhatItCannotMake(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tc := range map[string]struct {
		ctx  context.Context
		spec Spec
	}{
		"no label":      {t.Context(), Spec{}},
		"long label":    {t.Context(), Spec{Label: strings.Repeat("x", 33)}},
		"unknown curve": {t.Context(), Spec{Label: "x", Keys: []Key{{Label: "k", Curve: "P-521"}}}},
		"cancelled":     {cancelled, Spec{Label: "x"}},
	} {
		if _, err := Provision(tc.ctx, t.TempDir(), tc.spec); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestAMissingModuleSaysWhatToInstall(t *testing.T) {
	t.Setenv(ModuleVariable, filepath.Join(t.TempDir(), "none.so"))
	if _, err := Module(); err == nil || !strings.Contains(err.Error(), "apt-get install softhsm2") {
		t.Errorf("error %v", err)
	}
}

func TestNewMakesATokenThatCanBePulled(t *testing.T) {
	token := New(t, Spec{Label: "pulled", Keys: []Key{{Label: "k", Curve: P256, Sign: true}}})
	seen := func() bool {
		out, err := exec.Command("softhsm2-util", "--show-slots").Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(out), "pulled")
	}
	if !seen() {
		t.Fatal("the token is not there")
	}
	token.Pull(t)
	if seen() {
		t.Error("the pulled token is still there")
	}
	token.Insert(t)
	if !seen() {
		t.Error("the inserted token is not there")
	}
}
