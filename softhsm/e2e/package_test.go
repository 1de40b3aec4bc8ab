package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The package can be built again and compared: nothing of the machine, the
// folder or the moment is in it.
func TestTheDebianPackageIsTheSameWhereverItIsBuilt(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile(filepath.Join(top, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := bytes.Cut(makefile, []byte("\nNFPM "))
	_, after, _ = bytes.Cut(after, []byte("= "))
	nfpm, _, ok := strings.Cut(string(after), "\n")
	if !ok || !strings.Contains(nfpm, "@v") {
		t.Fatalf("the Makefile names no version of nfpm: %q", nfpm)
	}
	var packages [2][]byte
	source, err := filepath.Abs(top)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"here", "somewhere else"} {
		clone := filepath.Join(t.TempDir(), name)
		run := func(dir, program string, args ...string) {
			t.Helper()
			cmd := exec.CommandContext(t.Context(), program, args...)
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%s %q: %v\n%s", program, args, err, out)
			}
		}
		run(source, "git", "clone", "--quiet", source, clone)
		source = clone // the second is of the same commit as the first
		run(clone, "bridge/packaging/package.sh", nfpm)
		built, err := filepath.Glob(filepath.Join(clone, "dist", "countersign-bridge_*.deb"))
		if err != nil || len(built) != 1 {
			t.Fatalf("built %q, %v", built, err)
		}
		if packages[i], err = os.ReadFile(built[0]); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(packages[0], packages[1]) {
		t.Error("two builds of one commit differ")
	}
}
