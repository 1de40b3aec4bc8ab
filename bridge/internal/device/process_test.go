//go:build linux

package device

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/softhsm"
	faults "countersign/softhsm/fault"
)

// What becomes of the process of a module, as Linux shows it.

// descriptors lists what a process has open.
func descriptors(t *testing.T, pid int) (all []string) {
	t.Helper()
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil {
			all = append(all, to)
		}
	}
	return all
}

// alive reports that a process runs: one that has ended and is not yet reaped by
// the parent that it got does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

// stop stops a process, with all its threads.
func stop(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; <-time.After(time.Millisecond) {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		if err != nil || len(threads) == 0 {
			t.Fatalf("process %d has no threads: %v", pid, err)
		}
		if !slices.ContainsFunc(threads, func(path string) bool {
			stat, err := os.ReadFile(path)
			return err != nil || !strings.Contains(string(stat), ") T ")
		}) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d runs a minute after its signal to stop", pid)
		}
	}
}

func ends(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); alive(pid); <-time.After(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			t.Fatalf("process %d is there after a minute", pid)
		}
	}
}

func TestTheProcessOfAModuleInheritsItsSocketAndNothingElse(t *testing.T) {
	const n = 24
	all := make([]*process, n)
	var starting sync.WaitGroup
	for i := range all {
		starting.Go(func() {
			p, err := start(func(tokenInfo) {}, time.Second)
			if err != nil {
				t.Error(err)
				return
			}
			all[i] = p
			if _, err := p.call(t.Context(), opPulse, nil); err != nil {
				t.Error(err)
			}
		})
	}
	starting.Wait()
	for _, p := range all {
		if p == nil {
			continue
		}
		sockets := 0
		open := descriptors(t, p.cmd.Process.Pid)
		for _, to := range open {
			switch {
			case strings.HasPrefix(to, "socket:"):
				sockets++
			case to != "/dev/null" && !strings.HasPrefix(to, "pipe:") && !strings.HasPrefix(to, "anon_inode:") && !strings.HasPrefix(to, "/sys/fs/cgroup/"): // the last are the runtime's own
				t.Errorf("it has %s open", to)
			}
		}
		if sockets != 1 {
			t.Errorf("it has %d sockets open: %v", sockets, open)
		}
		if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", p.cmd.Process.Pid)); err != nil || !strings.HasPrefix(childName, strings.TrimSpace(string(name))) {
			t.Errorf("it is called %q, %v", name, err)
		}
		limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", p.cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(limits)) {
			if f := strings.Fields(line); strings.HasPrefix(line, "Max core file size") && (f[4] != "0" || f[5] != "0") {
				t.Errorf("it may dump its memory: %s", line)
			}
		}
		starting.Go(func() {
			if err := p.close(); err != nil {
				t.Error(err)
			}
		})
	}
	starting.Wait()
}

func TestAModuleThatForksAndPrintsIsReplacedAndReaped(t *testing.T) {
	f := softhsm.NewFaulty(t, softhsm.Spec{Label: "forks", Keys: []softhsm.Key{both(jws.P256)}})
	module := filepath.Join(t.TempDir(), "forks.so")
	if out, err := exec.Command("gcc", "-shared", "-fPIC", "-DREAL=\""+f.Module+"\"", "-o", module, "testdata/forks.c", "-ldl").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	devices, err := Open(Config{Modules: Modules(module), Poll: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	d := unlock(t, devices, "forks", f.Token.PIN)
	key, err := devices.Key(t.Context(), "pkcs11:object=both")
	if err != nil {
		t.Fatal(err)
	}
	forked := children(t, pidOf(d))
	if len(forked) != 1 {
		t.Fatalf("the module started processes %v", forked)
	}
	f.Set(faults.Crash("C_Sign").Times(1))
	began := time.Now()
	_, err = key.SignDigest(t.Context(), make([]byte, 32))
	wantFault(t, err, fault.ModuleFailed, map[string]string{"how": "crashed"})
	if !strings.Contains(err.Error(), "SIGSEGV") {
		t.Errorf("why it crashed is not said: %v", err)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("its end was noticed after %v", took)
	}
	ends(t, forked[0])
	eventually(t, func() error {
		if err := d.Login(t.Context(), []byte(f.Token.PIN), false); err != nil {
			return err
		}
		_, err := key.SignDigest(t.Context(), make([]byte, 32))
		return err
	})
	forked = children(t, pidOf(d))
	closed := make(chan error, 1)
	go func() { closed <- devices.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the devices do not close")
	}
	ends(t, forked[0])
}

// children are the processes that a process has started.
func children(t *testing.T, pid int) (all []int) {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		data, err := os.ReadFile(task)
		if err != nil {
			continue // the thread has ended
		}
		for _, f := range strings.Fields(string(data)) {
			child, err := strconv.Atoi(f)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, child)
		}
	}
	return all
}

func TestAProcessThatDoesNotReadIsReplaced(t *testing.T) {
	f := softhsm.NewFaulty(t, softhsm.Spec{Label: "deaf", Keys: []softhsm.Key{both(jws.P256)}})
	devices, err := Open(Config{Modules: Modules(f.Module), Poll: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := devices.Close(); err != nil {
			t.Error(err)
		}
	})
	d := unlock(t, devices, "deaf", f.Token.PIN)
	key, err := devices.Key(t.Context(), "pkcs11:object=both")
	if err != nil {
		t.Fatal(err)
	}
	p := processOf(d)
	p.writing.Lock()
	p.silent = time.Second // from now on: until here a slow machine may take its time
	p.writing.Unlock()
	stop(t, p.cmd.Process.Pid)
	const n = 3000 // more than the socket holds
	results := make(chan error, n)
	for range n {
		go func() {
			_, err := key.SignDigest(context.Background(), make([]byte, 32))
			results <- err
		}()
	}
	for i := range n {
		select {
		case err := <-results:
			if code := fault.CodeOf(err); code != fault.ModuleFailed && code != fault.PINRequired && code != fault.DeviceRemoved {
				t.Fatalf("%v, want MODULE_FAILED", err)
			}
		case <-time.After(time.Minute):
			t.Fatalf("%d of %d uses have not ended: the process that does not read is not replaced", n-i, n)
		}
	}
	eventually(t, func() error { return d.Login(t.Context(), []byte(f.Token.PIN), false) })
}

func TestAModuleThatHangsEndsWithABridgeThatIsKilled(t *testing.T) {
	f := softhsm.NewFaulty(t, softhsm.Spec{Label: "orphan", Keys: []softhsm.Key{both(jws.P256)}})
	module := spawn(t, f)
	f.Hang("C_Sign")
	if err := f.Entered(t.Context(), "C_Sign"); err != nil {
		t.Fatal(err)
	}
	module.kill(t)
	ends(t, module.pid)
}

func TestTheProgramThatRunsRunsItsModulesThoughItWasReplaced(t *testing.T) {
	f := softhsm.NewFaulty(t, softhsm.Spec{Label: "replaced", Keys: []softhsm.Key{both(jws.P256)}})
	module := spawn(t, f) // it has removed its program before
	module.kill(t)
	ends(t, module.pid)
}

// spawned is a bridge of its own, and the process of its module.
type spawned struct {
	bridge *exec.Cmd
	pid    int
}

func (s spawned) kill(t *testing.T) {
	t.Helper()
	if err := s.bridge.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = s.bridge.Wait() // it was killed
}

func spawn(t *testing.T, f *softhsm.Faulty) spawned {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bridge")
	copied(t, "/proc/self/exe", path)
	cmd := exec.Command(path)
	cmd.Env = append(os.Environ(), helperVariable+"="+strings.Join([]string{f.Module, f.Token.Label, f.Token.PIN}, "\n"))
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // it may be gone already
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatalf("the bridge says %q", line)
	}
	return spawned{cmd, pid}
}

func copied(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o700)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err != nil {
		t.Fatal(err)
	}
}
