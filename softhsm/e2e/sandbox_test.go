package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
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
		{nil, "--state .run --port 8080 --bridge-port 18427"},
		{[]string{"STATE=/tmp/other", "PORT=8099", "BRIDGE_PORT=18428"}, "--state /tmp/other --port 8099 --bridge-port 18428"},
	} {
		cmd := exec.CommandContext(t.Context(), "make", append([]string{"-n", "run"}, r.variables...)...)
		cmd.Dir = top
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "bin/countersign-sandbox up "+r.flags+"\n") {
			t.Errorf("%q: %v\n%s", r.variables, err, out)
		}
	}
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
	up := func(state string, dashboard, bridge int) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "countersign-sandbox"), "up", "--state", state, "--port", fmt.Sprint(dashboard),
			"--bridge-port", fmt.Sprint(bridge), "--pinentry", filepath.Join(bin, "scripted-pinentry"))
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it stops what it has started
		cmd.WaitDelay = system.StartTimeout
		return cmd
	}

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
	until := func(what string) {
		t.Helper()
		for said.Scan() {
			if strings.Contains(said.Text(), what) {
				return
			}
		}
		t.Fatalf("it does not say %q: %v, %s", what, said.Err(), errs.String())
	}
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
		"the same state":          {up(state, 0, 0), []string{"runs already, with the state " + state, "make run STATE=.run2 PORT=8099 BRIDGE_PORT=18428"}},
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
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "old"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := system.Start(t.Context(), system.Config{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "make clean-run") {
		t.Error(err)
	}
	if all, err := os.ReadDir(dir); err != nil || len(all) != 1 {
		t.Errorf("the folder was changed: %v, %v", all, err)
	}
}
