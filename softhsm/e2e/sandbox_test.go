package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"countersign/softhsm/e2e/system"
	"countersign/softhsm/ports"
)

// port is one that is kept for this test, and for the program that it tells of it.
func port(t *testing.T) int {
	t.Helper()
	h, err := ports.Hold("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h.Numbers[0]
}

func TestMakeRunPassesItsVariablesOn(t *testing.T) {
	t.Parallel()
	for _, r := range []struct {
		variables []string
		flags     string
	}{
		{nil, "--state='.run' --port='8080' --bridge-port='18427'"},
		{[]string{"STATE=/tmp/a b/it's $$x", "PORT=8099", "BRIDGE_PORT=18428"}, `--state='/tmp/a b/it'\''s $x' --port='8099' --bridge-port='18428'`},
		{[]string{"ORIGINS=http://localhost:5173 http://a.localhost:3000"},
			"--state='.run' --port='8080' --bridge-port='18427' --origin='http://localhost:5173' --origin='http://a.localhost:3000'"},
	} {
		cmd := exec.CommandContext(t.Context(), "make", append([]string{"-n", "run"}, r.variables...)...)
		cmd.Dir = top
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "bin/countersign-sandbox up "+r.flags+"\n") {
			t.Errorf("%q: %v\n%s", r.variables, err, out)
		}
	}
}

// up is the program that `make run` starts; port 0 is any that is free.
func up(t *testing.T, state string, dashboard, bridge int) *exec.Cmd {
	t.Helper()
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "countersign-sandbox"), "up", "--state", state, "--port", fmt.Sprint(dashboard),
		"--bridge-port", fmt.Sprint(bridge), "--pinentry", filepath.Join(bin, "scripted-pinentry"))
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it stops what it has started
	cmd.WaitDelay = system.StartTimeout
	return cmd
}

// await reads what a program says until a line contains what.
func await(t *testing.T, said *bufio.Scanner, what string, errs *bytes.Buffer) {
	t.Helper()
	for said.Scan() {
		if strings.Contains(said.Text(), what) {
			return
		}
	}
	t.Fatalf("it does not say %q: %v, %s", what, said.Err(), errs.String())
}

// The program that `make run` starts, twice: the second says what to do instead.
func TestASecondSandboxOnTheSameStateOrPortsSaysWhatToDo(t *testing.T) {
	t.Parallel()
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	state, dashboard, bridge := filepath.Join(dir, "state"), port(t), port(t)
	up := func(state string, dashboard, bridge int) *exec.Cmd { return up(t, state, dashboard, bridge) }

	first := up(state, dashboard, bridge)
	var errs bytes.Buffer
	first.Stderr = &errs
	stdout, err := first.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewScanner(stdout)
	until := func(what string) { t.Helper(); await(t, said, what, &errs) }
	until(fmt.Sprintf("Open http://127.0.0.1:%d", dashboard))
	again := fmt.Sprintf(" STATE=%s PORT=%d BRIDGE_PORT=%d", state, dashboard, bridge)
	until("`make run" + again + "` resumes, `make clean-run STATE=" + state + "` forgets")
	for _, port := range []int{dashboard, bridge} {
		if !answers(t.Context(), port) {
			t.Errorf("nobody answers on port %d", port)
		}
	}

	other := filepath.Join(dir, "other")
	for what, r := range map[string]struct {
		second *exec.Cmd
		says   []string
	}{
		"the same state":          {up(state, 0, 0), []string{fmt.Sprintf("runs already, as process %d, with the state %s", first.Process.Pid, state), fmt.Sprintf("`kill %d`", first.Process.Pid), "make run STATE=.run2 PORT=8099 BRIDGE_PORT=18428"}},
		"the same port":           {up(other, dashboard, 0), []string{fmt.Sprintf("port %d is taken", dashboard), fmt.Sprintf("the same `make run` with PORT=%d", dashboard+19)}},
		"the same bridge's port":  {up(other, 0, bridge), []string{fmt.Sprintf("port %d is taken", bridge), fmt.Sprintf("the same `make run` with BRIDGE_PORT=%d", bridge+19)}},
		"the same state and port": {up(state, dashboard, bridge), []string{"runs already"}},
	} {
		out, err := r.second.CombinedOutput()
		if r.second.ProcessState.ExitCode() != 1 {
			t.Errorf("%s: %v", what, err)
		}
		for _, s := range r.says {
			if !strings.Contains(string(out), s) {
				t.Errorf("%s: it does not say %q: %s", what, s, out)
			}
		}
	}

	forget := exec.CommandContext(t.Context(), filepath.Join(bin, "countersign-sandbox"), "forget", "--state", state)
	if out, err := forget.CombinedOutput(); err == nil || !strings.Contains(string(out), "runs already") {
		t.Errorf("the state of a sandbox that runs is forgotten: %v, %s", err, out)
	}

	if !answers(t.Context(), dashboard) {
		t.Error("the others stopped the first")
	}
	if err := first.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	until("stopping")
	if err := first.Wait(); err != nil {
		t.Errorf("Ctrl-C: %v, %s", err, errs.String())
	}
	if err := system.Forget(state); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(state); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the state is still there: %v", err)
	}
}

// answers reports whether somebody speaks HTTP on a port.
func answers(ctx context.Context, port int) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d", port), nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	return err == nil && res.Body.Close() == nil
}

func TestAStateOfAnotherVersionIsRefusedAndLeftAsItIs(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a b")
	write(t, filepath.Join(dir, "format"), "1")
	_, err := system.Start(t.Context(), system.Config{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "made by another version of the sandbox: `make clean-run STATE='"+dir+"'` forgets it") {
		t.Error(err)
	}
	holdsOnly(t, dir, "format")
	if err := system.Forget(dir); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the state of another version is not forgotten: %v", err)
	}
}

func TestAFolderThatIsNotASandboxsIsNeitherUsedNorForgotten(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"letters.txt", "format"} { // Debian's source packages have a file of this name
		dir := t.TempDir()
		write(t, filepath.Join(dir, file), "3.0 (quilt)\n")
		if _, err := system.Start(t.Context(), system.Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "is not a folder of a sandbox") {
			t.Error(err)
		}
		if err := system.Forget(dir); err == nil || !strings.Contains(err.Error(), "is not a folder of a sandbox") {
			t.Error(err)
		}
		holdsOnly(t, dir, file)
	}
}

func TestMakeForgetsTheFolderThatItIsToldAndNoOther(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	neighbour, state := filepath.Join(outside, "a"), filepath.Join(outside, "a b", "it's $x")
	write(t, filepath.Join(neighbour, "format"), "5")
	write(t, filepath.Join(state, "format"), "5")
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "make clean-run"+system.Variable(state))
	cmd.Dir = top
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	holdsOnly(t, neighbour, "format")
	if _, err := os.Stat(state); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the state is still there: %v", err)
	}
}

func TestCtrlCWhileASandboxStartsStopsItWithoutAnError(t *testing.T) {
	t.Parallel()
	cmd := up(t, filepath.Join(t.TempDir(), "state"), 0, 0)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, bufio.NewScanner(stdout), "starting", &errs)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 130 || errs.String() != "stopped\n" {
		t.Errorf("%v, %q", err, errs.String())
	}
}

func TestAPortThatDoesNotExistIsRefusedAsSuch(t *testing.T) {
	t.Parallel()
	for port, says := range map[int]string{
		80_000: "port 80000 does not exist, they end at 65535: choose another: the same `make run` with PORT=8099",
		-1:     "port -1 does not exist",
	} {
		_, err := system.Start(t.Context(), system.Config{Dir: filepath.Join(t.TempDir(), "state"), DashboardPort: port})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Error(err)
		}
	}
}

func TestASandboxRefusesAnOriginThatNoBrowserWritesBeforeItMakesAnything(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	_, err := system.Start(t.Context(), system.Config{Dir: dir, Origins: []string{"http://localhost:5173/"}})
	if err == nil || !strings.Contains(err.Error(), "without a path or slash") {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the state was begun: %v", err)
	}
}

// holdsOnly fails t unless a folder has one file, of this name.
func holdsOnly(t *testing.T, dir, name string) {
	t.Helper()
	if all, err := os.ReadDir(dir); err != nil || len(all) != 1 || all[0].Name() != name {
		t.Errorf("%s was changed: %v, %v", dir, all, err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
