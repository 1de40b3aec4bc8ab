package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

func TestAnotherProjectTestsWithAFaultyToken(t *testing.T) {
	t.Parallel()
	top, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	read := func(path string) []byte {
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	// Its go.mod is what the README's two commands make of an empty one, but that
	// they would ask the network.
	module := regexp.MustCompile(`(?m)^module .*|^tool .*`).ReplaceAll(read(filepath.Join(top, "go.mod")), nil)
	module = append([]byte("module example.com/wallet\n\nrequire countersign v0.0.0\n\nreplace countersign => "+top+"\n"), module...)
	for name, body := range map[string][]byte{
		"go.mod": module, "go.sum": read(filepath.Join(top, "go.sum")), "wallet_test.go": read("testdata/stranger/wallet_test.go"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-mod=mod", "-v", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	} else {
		t.Logf("%s", out)
	}
}
