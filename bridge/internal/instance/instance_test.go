package instance

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/softhsm/ports"
)

// childVariable makes this test program a bridge, or something that holds a port.
const childVariable = "COUNTERSIGN_TEST_CHILD"

func TestMain(m *testing.M) {
	if role := os.Getenv(childVariable); role != "" {
		child(role, os.Args[1])
		return
	}
	os.Exit(m.Run())
}

// child does its part, says "ready" and how it went, and stays until its input
// ends.
func child(role, arg string) {
	switch role {
	case "claim":
		i, err := Claim(context.Background(), Config{StateDir: arg})
		if err != nil {
			fmt.Println(err)
			return
		}
		i.Announce([]string{"ws://127.0.0.1:1"})
	case "ask":
		_, err := ask(context.Background(), arg, askWho)
		fmt.Println(err)
		return
	case "listen":
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(l.Addr().(*net.TCPAddr).Port)
	}
	fmt.Println("ready")
	bufio.NewReader(os.Stdin).ReadByte()
}

// spawn starts this test program in a role, as another user when uid is not 0,
// and returns its first line.
func spawn(t *testing.T, role, arg string, uid uint32) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", arg)
	cmd.Env = append(os.Environ(), childVariable+"="+role)
	if uid != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		cmd.Dir = "/"
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return cmd, strings.TrimSpace(line)
}

func claim(t *testing.T, cfg Config) *Instance {
	t.Helper()
	i, err := Claim(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := i.Close(); err != nil {
			t.Error(err)
		}
	})
	return i
}

// stateDir is a state directory as the bridge makes it.
func stateDir(t *testing.T) string {
	dir := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestASecondStartHandsOverToTheFirst(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	dir := stateDir(t)
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	first := claim(t, Config{StateDir: dir, Now: func() time.Time { return at }, Log: slog.New(slog.NewTextHandler(&log, nil))})
	second := make(chan error, 1)
	go func() {
		_, err := Claim(t.Context(), Config{StateDir: dir})
		second <- err
	}()
	first.Announce([]string{"ws://127.0.0.1:18427", "ws://[::1]:18427"}) // before or after the question
	err := <-second
	var running *Running
	if !errors.As(err, &running) {
		t.Fatalf("the second start: %v", err)
	}
	want := Bridge{PID: os.Getpid(), Listen: []string{"ws://127.0.0.1:18427", "ws://[::1]:18427"}, Started: "2026-11-20T12:00:00Z"}
	if diff := cmp.Diff(want, running.Bridge); diff != "" {
		t.Error(diff)
	}
	text := fmt.Sprintf("a bridge of yours runs already: listening on ws://127.0.0.1:18427 ws://[::1]:18427, pid %d", os.Getpid())
	if err.Error() != text {
		t.Errorf("said %q", err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "a second start found this bridge running") {
		t.Errorf("the first did not notice: %q", log.String())
	}
	claim(t, Config{StateDir: dir}) // the place is free again
}

func TestOfManyStartsAtOnceOneRuns(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	results := make(chan error, 8)
	for range cap(results) {
		go func() {
			i, err := Claim(t.Context(), Config{StateDir: dir})
			if err == nil {
				i.Announce([]string{"ws://127.0.0.1:1"})
				t.Cleanup(func() { i.Close() })
			}
			results <- err
		}()
	}
	won := 0
	for range cap(results) {
		err := <-results
		if running, ok := errors.AsType[*Running](err); err == nil {
			won++
		} else if !ok || len(running.Bridge.Listen) != 1 {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d bridges run", won)
	}
}

func TestFindTellsWhoRuns(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	if _, ok, err := Find(t.Context(), dir); ok || err != nil {
		t.Errorf("before any start: %v, %v", ok, err)
	}
	first := claim(t, Config{StateDir: dir})
	first.Announce([]string{"ws://127.0.0.1:1"})
	if b, ok, err := Find(t.Context(), dir); !ok || err != nil || b.PID != os.Getpid() || b.Listen[0] != "ws://127.0.0.1:1" {
		t.Errorf("while one runs: %+v, %v, %v", b, ok, err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := Find(t.Context(), dir); ok || err != nil {
		t.Errorf("after its end: %v, %v", ok, err)
	}
}

func TestTwoStateDirectoriesAreTwoBridges(t *testing.T) {
	t.Parallel()
	a := claim(t, Config{StateDir: stateDir(t)})
	b := claim(t, Config{StateDir: stateDir(t)})
	if a.path == b.path {
		t.Errorf("both answer on %s", a.path)
	}
}

func TestALockOfAKilledBridgeIsTakenOver(t *testing.T) {
	t.Parallel()
	for name, dir := range map[string]string{
		"in its state directory": stateDir(t),
		// The path of the socket would be too long for a socket.
		"in a folder for temporary files": filepath.Join(stateDir(t), strings.Repeat("d", maxSocketPath)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			cmd, said := spawn(t, "claim", dir, 0)
			if said != "ready" {
				t.Fatal(said)
			}
			left, err := readLock(dir)
			if err != nil || left.PID != cmd.Process.Pid {
				t.Fatalf("%+v, %v", left, err)
			}
			var running *Running
			if _, err := Claim(t.Context(), Config{StateDir: dir}); !errors.As(err, &running) || running.Bridge.PID != cmd.Process.Pid {
				t.Fatalf("while it runs: %v", err)
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if _, err := os.Lstat(left.Socket); err != nil {
				t.Fatalf("the killed bridge left no socket: %v", err)
			}
			next := claim(t, Config{StateDir: dir})
			if next.path != left.Socket {
				if _, err := os.Lstat(filepath.Dir(left.Socket)); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("its folder is still there: %v", err)
				}
			}
		})
	}
}

func TestABridgeThatDoesNotAnswerIsNamed(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	claim(t, Config{StateDir: dir}) // it hangs before its ports are open
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := Claim(ctx, Config{StateDir: dir})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("process %d does not answer", os.Getpid())) {
		t.Errorf("said %v", err)
	}
	if _, ok, err := Find(ctx, dir); ok || err == nil {
		t.Error("Find: no error")
	}
}

func TestAnotherUsersBridgeCannotBeTalkedTo(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	first := claim(t, Config{StateDir: dir, user: func() int { return os.Getuid() + 1 }}) // we are strangers to it
	first.Announce([]string{"ws://127.0.0.1:1"})
	if b, ok, err := Find(t.Context(), dir); ok || err == nil {
		t.Errorf("answered %+v", b)
	}
	if os.Getuid() != 0 {
		return // only root can start programs as somebody else
	}
	const nobody = 65534
	if _, said := spawn(t, "claim", dir, nobody); !strings.Contains(said, "permission denied") {
		t.Errorf("another user's claim: %s", said)
	}
	// Even a state directory whose owner opened it shows nothing.
	for _, d := range []string{filepath.Dir(filepath.Dir(dir)), filepath.Dir(dir), dir} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if _, said := spawn(t, "ask", dir, nobody); !strings.Contains(said, "permission denied") {
		t.Errorf("another user's question: %s", said)
	}
}

func TestAForeignSocketIsNotBelieved(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"no JSON": "ready\n", "an unknown field": `{"pid":1,"listen":[],"started":"","key":"x"}` + "\n", "no end": strings.Repeat("x", 2*maxAnswer), "nothing": "",
	} {
		dir := stateDir(t)
		l, err := net.Listen("unix", filepath.Join(dir, "x"))
		if err != nil {
			t.Fatal(err)
		}
		data, _ := json.Marshal(lockFile{PID: 1, Socket: l.Addr().String()})
		if err := os.WriteFile(filepath.Join(dir, lockName), data, 0o600); err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() {
			c, err := l.Accept()
			if err == nil {
				_, _ = c.Write([]byte(answer)) // it may not read all
				err = c.Close()
			}
			done <- err
		}()
		if b, err := ask(t.Context(), dir, askWho); err == nil {
			t.Errorf("%s: %+v", name, b)
		}
		if err := errors.Join(<-done, l.Close()); err != nil {
			t.Error(err)
		}
	}
}

func TestTheRuntimeDirectoryMustBeTheUsersOwn(t *testing.T) {
	run := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", run)
	dir := stateDir(t)
	in := func() string {
		path, temp, err := socketPath(dir)
		if err != nil || temp != "" {
			t.Fatal(path, temp, err)
		}
		return filepath.Dir(path)
	}
	if got := in(); got != filepath.Join(run, "countersign") {
		t.Errorf("the socket is in %s", got)
	}
	if err := os.Chmod(filepath.Join(run, "countersign"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := in(); got != dir {
		t.Errorf("open to others: the socket is in %s", got)
	}
	t.Setenv("XDG_RUNTIME_DIR", "relative")
	if got := in(); got != dir {
		t.Errorf("a relative path: the socket is in %s", got)
	}
}

func TestThePortsOwnerIsNamed(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o, ok := PortOwner(port)
	if !ok || o.PID != os.Getpid() || o.UID != os.Getuid() || o.Exe != exe {
		t.Errorf("our own port: %+v, %v", o, ok)
	}
	if want := fmt.Sprintf("%s (pid %d) of %s", exe, os.Getpid(), o.User); o.String() != want {
		t.Errorf("said %q", o)
	}
	l.Close()
	free, err := ports.Hold("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer free.Close()
	if o, ok := PortOwner(free.Numbers[0]); ok {
		t.Errorf("a port on which nobody listens: %+v", o)
	}
	if os.Getuid() == 0 {
		_, said := spawn(t, "listen", "", 65534)
		fmt.Sscan(said, &port)
		if o, ok := PortOwner(port); !ok || o.UID != 65534 || o.User != "nobody" {
			t.Errorf("another user's port: %+v, %v", o, ok)
		}
	}
	for want, o := range map[string]Owner{"a program of alice": {User: "alice"}, "process 7 of alice": {PID: 7, User: "alice"}} {
		if o.String() != want {
			t.Errorf("said %q, want %q", o, want)
		}
	}
}

func FuzzReadLock(f *testing.F) {
	f.Add([]byte(`{"pid":1,"socket":"/run/user/1000/countersign/x.sock"}`))
	f.Add([]byte(`{"pid":1e999}`))
	f.Add([]byte("[["))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, lockName), data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readLock(dir); err != nil && len(err.Error()) > 1000 {
			t.Errorf("an error of %d bytes", len(err.Error()))
		}
	})
}

// A program that is started at the same time has copies of all descriptors for a
// moment, and the lock with them.
func TestALockEndsWithItsOwnerWhateverIsStartedMeanwhile(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	i := claim(t, Config{StateDir: dir})
	copied, err := syscall.Dup(int(i.lock.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(copied)
	if err := i.Close(); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := Find(t.Context(), dir); ok || err != nil {
		t.Errorf("after its end: %v, %v", ok, err)
	}
	if err := claim(t, Config{StateDir: dir}).Close(); err != nil {
		t.Error(err)
	}
}
