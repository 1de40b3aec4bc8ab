package signer

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"countersign/bridge/internal/logfile"
	"countersign/shared/intent/intenttest"
	"countersign/shared/signedlog"
)

// fullDisk makes this test program a signer whose disk is full.
const fullDisk = "COUNTERSIGN_TEST_FULL_DISK"

// TestASignerOnAFullDiskAcknowledgesNothingAndGoesOnWhenThereIsSpace runs in a process of its
// own, whose files may not grow: the kernel writes what fits and refuses the rest.
func TestASignerOnAFullDiskAcknowledgesNothingAndGoesOnWhenThereIsSpace(t *testing.T) {
	t.Parallel()
	if os.Getenv(fullDisk) == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), fullDisk+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	g := newRig(t, twoOfThree())
	for at := range 3 {
		for _, room := range []uint64{0, 100} { // for nothing, and for the middle of a line
			in := g.input(newRequestID(t))
			if at == 1 && room == 0 {
				in.Intent = intenttest.Doc(suppliers())
			}
			g.struck(in, at, func() func() {
				info, err := os.Stat(filepath.Join(g.dir, logfile.Name(0)))
				if err != nil {
					t.Fatal(err)
				}
				largest(t, uint64(info.Size())+room)
				return func() { largest(t, 1<<30) }
			})
			if want := map[string]int{signedlog.Request: 1, signedlog.Approval: 2, signedlog.Outcome: 1}; !maps.Equal(g.entriesOf(in.Request), want) {
				t.Errorf("in call %d: the log has %v", at, g.entriesOf(in.Request))
			}
		}
	}
	g.verified()
}

// largest sets how large a file of this process may become, in bytes.
func largest(t *testing.T, size uint64) {
	t.Helper()
	var l syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &l)
	if l.Cur = size; err == nil {
		err = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l)
	}
	if err != nil {
		t.Fatal(err)
	}
}
