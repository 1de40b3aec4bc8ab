package signer

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"countersign/bridge/internal/logfile"
	"countersign/shared/fault"
	"countersign/shared/statement"
)

// fullVariable says that this process runs one test, whose disk it fills.
const fullVariable = "COUNTERSIGN_TEST_FULL_DISK"

// limit sets how large a file of this process may become: the kernel then writes what fits
// and refuses the rest, as on a disk that is full.
func limit(t *testing.T, size int64) {
	t.Helper()
	var l syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &l)
	if err == nil {
		l.Cur = uint64(size)
		err = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The test plays in a process of its own, because no other may find its disk full.
func TestAFullDiskStopsTheSignerAndRoomBringsItBack(t *testing.T) {
	if os.Getenv(fullVariable) == "" {
		t.Parallel()
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), fullVariable+"=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
			t.Fatalf("%v: %s", err, out)
		}
		return
	}
	g := newRig(t, twoOfThree())
	r := g.request(testReq)
	alice, bob := mustConnect(t, g, "mem_alice"), mustConnect(t, g, "mem_bob")
	before := g.lines()
	path := filepath.Join(g.dir, logfile.Name(0))
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	limit(t, info.Size()+100) // the middle of a line
	_, _, ferr := alice.Decide(testReq, statement.Approve)
	if ferr == nil || ferr.Code != fault.Unavailable || !strings.Contains(ferr.Message, "disk is full") {
		t.Fatalf("an approval: %v", ferr)
	}
	if code := g.call("POST", "/v1/requests", g.input(newRequestID(t)), nil); code != fault.Unavailable {
		t.Errorf("a request: %q", code)
	}
	if err := g.service.Sweep(t.Context()); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("a sweep: %v", err)
	}
	if s := g.service.Status(); s.Log.Size != 2 {
		t.Errorf("%d entries count", s.Log.Size)
	}
	if now, err := os.Stat(path); err != nil || now.Size() != info.Size() {
		t.Errorf("a part of a line was left: %v", err)
	}
	limit(t, 1<<30)
	if err := g.service.Sweep(t.Context()); err != nil { // as each second
		t.Fatalf("with room again: %v", err)
	}
	if got := g.look(r.Request); len(got.Approvals) != 1 {
		t.Errorf("what waited: %+v", got.Approvals)
	}
	if got, _, ferr := bob.Decide(testReq, statement.Approve); ferr != nil || got.State != "APPROVED" {
		t.Errorf("%s, %v", got.State, ferr)
	}
	if lines := g.lines(); len(lines) != 5 || !slices.Equal(lines[:2], before) {
		t.Errorf("%d lines", len(lines))
	}
	g.restart()
	if got := g.look(r.Request); got.State != "APPROVED" {
		t.Errorf("after a restart: %s", got.State)
	}
}
