package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"countersign/softhsm/e2e/system"
)

func TestTheProgramsOfASandboxEndWhenItIsKilled(t *testing.T) {
	t.Parallel()
	state := filepath.Join(t.TempDir(), "state")
	cmd := up(t, state, 0, 0)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, bufio.NewScanner(stdout), "Open http", &errs)
	children := childrenOf(t, cmd.Process.Pid)
	if len(children) < 5 {
		t.Errorf("the sandbox has the programs %v only", children)
	}
	var ends []unix.PollFd
	for _, pid := range children {
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		ends = append(ends, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for i := range ends {
		n, err := unix.Poll(ends[i:i+1], int(system.StartTimeout.Milliseconds()))
		for errors.Is(err, unix.EINTR) {
			n, err = unix.Poll(ends[i:i+1], int(system.StartTimeout.Milliseconds()))
		}
		if n != 1 || err != nil {
			t.Errorf("process %d outlives the sandbox: %v", children[i], err)
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the sandbox was not killed")
	}
	if err := system.Forget(state); err != nil {
		t.Errorf("the state of a sandbox that was killed: %v", err)
	}
	if _, err := os.Stat(state); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the state is still there: %v", err)
	}
}

// childrenOf are the processes that a process started, whichever of its threads did.
func childrenOf(t *testing.T, pid int) (all []int) {
	t.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range strings.Fields(string(text)) {
			var child int
			if _, err := fmt.Sscan(word, &child); err != nil {
				t.Fatal(err)
			}
			all = append(all, child)
		}
	}
	return all
}
