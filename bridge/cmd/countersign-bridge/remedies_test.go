package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/shared/jws"
	"countersign/softhsm"
	tokenfault "countersign/softhsm/fault"
)

// What helps depends on what the module returned: nobody is sent to the socket for a
// PIN that has expired.
func TestWhatTheModuleReturnedDecidesWhatIsAdvised(t *testing.T) {
	t.Parallel()
	token := softhsm.NewFaulty(t, softhsm.Spec{Label: "alice", Keys: []softhsm.Key{{Label: "approval", Curve: jws.P256, Sign: true}}})
	path, _ := prompted(t, `{"log":"log","pins":{"alice":["`+token.Token.PIN+`"]},"confirm":["approve"]}`,
		func(m map[string]any) { m["modules"] = []string{token.Module} })
	for code, says := range map[uint][]string{
		0xa3: {"must be changed", "Set a new PIN", "maker's tool"}, 0x102: {"never set", "Set its PIN", "maker's tool"}, 0xe2: {"write-protected"}, 0xe1: {"not recognised"},
		0x103: {"the user"}, 0xb1: {"too many programs"}, 0x31: {"full"}, 0x2: {"memory"}, 0x54: {"does not support"}, 0x80000001: {"the maker's own"},
	} {
		token.Set(tokenfault.Fail("C_Login", code).Times(1))
		status, _, errs := command(t, "keys", "generate", "--config", path, "--token", "alice", "--curve", "P-256", "--only", "approval", "--approval", "new")
		for _, s := range append(says, "DEVICE_ERROR") {
			if status != 1 || !strings.Contains(errs, s) || strings.Contains(errs, "Pull") {
				t.Errorf("0x%x: %d, %q, without %q", code, status, errs, s)
			}
		}
	}
}

func TestAModuleThatIsGoneIsNamedAndTheRestIsListed(t *testing.T) {
	t.Parallel()
	token := softhsm.NewFaulty(t, softhsm.Spec{Label: "alice", Keys: []softhsm.Key{{Label: "approval", Curve: jws.P256, Sign: true}}})
	dir := t.TempDir()
	none, gone := filepath.Join(dir, "none.so"), filepath.Join(dir, "gone.so")
	if err := os.WriteFile(none, []byte("no module"), 0o600); err != nil {
		t.Fatal(err)
	}
	path, _ := prompted(t, `{"log":"log","pins":{"alice":["`+token.Token.PIN+`"]}}`,
		func(m map[string]any) { m["modules"] = []string{gone, token.Module, none} })
	out := must(t, "keys", "list", "--config", path)
	for _, s := range []string{"pkcs11:token=alice;object=approval", gone, none} {
		if !strings.Contains(out, s) {
			t.Errorf("the list does not have %s:\n%s", s, out)
		}
	}
	must(t, "keys", "export-public", "--config", path, "pkcs11:token=alice;object=approval")
	link := filepath.Join(dir, "link.so")
	if err := os.Symlink(token.Module, link); err != nil {
		t.Fatal(err)
	}
	out = must(t, "keys", "list", "--config", config(t, func(m map[string]any) { m["modules"] = []string{token.Module, link} }))
	if !strings.Contains(out, "pkcs11:token=alice;object=approval") || !strings.Contains(strings.Join(strings.Fields(out), " "), "left out: the module "+link+": it is the same file as "+token.Module) {
		t.Error(out)
	}
	status, _, errs := command(t, "keys", "list", "--config", config(t, func(m map[string]any) { m["modules"] = []string{gone} }))
	if status != 1 || !strings.Contains(errs, "is not there") || !strings.Contains(errs, "Install the token's PKCS#11 module") || strings.Contains(errs, "Pull") {
		t.Errorf("%d, %s", status, errs)
	}
}
