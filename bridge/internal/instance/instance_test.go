package instance

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"countersign/shared/fault"
	"countersign/softhsm/ports"
)

// childVariable makes this test program something that holds a port or a lock.
const childVariable = "COUNTERSIGN_TEST_CHILD"

func TestMain(m *testing.M) {
	if role := os.Getenv(childVariable); role != "" {
		child(role, os.Args[1])
		return
	}
	os.Exit(m.Run())
}

// child does its part, says "ready" and how it went, and stays until its input ends.
func child(role, arg string) {
	switch role {
	case "take":
		lock, err := Take(arg)
		if err == nil {
			err = lock.Say(Holder{PID: os.Getpid(), Socket: "/x", Protocol: 1})
		}
		if err != nil {
			fmt.Println(err)
			return
		}
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

// stateDir is a state directory as the bridge makes it.
func stateDir(t *testing.T) string {
	dir := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestOneProcessHasTheLockAndTheOthersLearnWho(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	if held, err := Look(dir); held != nil || err != nil {
		t.Fatalf("before: %v, %v", held, err)
	}
	lock, err := Take(dir)
	if err != nil || lock.Left != nil {
		t.Fatalf("%+v, %v", lock, err)
	}
	var held *Held
	if _, err := Take(dir); !errors.As(err, &held) || held.Who != nil || !strings.Contains(err.Error(), "another process works with "+dir) {
		t.Errorf("before it said who it is: %v", err)
	}
	for _, r := range []struct {
		who  Holder
		says string
	}{{Holder{PID: 7}, "process 7, a command, works with"}, {Holder{PID: 8, Socket: "/x", Protocol: 1}, "process 8, a bridge, works with"}} {
		if err := lock.Say(r.who); err != nil {
			t.Fatal(err)
		}
		if _, err := Take(dir); !errors.As(err, &held) || *held.Who != r.who || !strings.Contains(err.Error(), r.says) {
			t.Errorf("%+v: %v", r.who, err)
		}
		if held, err := Look(dir); err != nil || *held.Who != r.who {
			t.Errorf("%+v: %v, %v", r.who, held, err)
		}
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	if held, err := Look(dir); held != nil || err != nil {
		t.Errorf("after: %v, %v", held, err)
	}
	if held, err := Look(filepath.Join(dir, "gone")); held != nil || err != nil {
		t.Errorf("where nothing is: %v, %v", held, err)
	}
}

func TestALockOfAKilledProcessIsTakenOverAndItsOwnerKnown(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	cmd, said := spawn(t, "take", dir, 0)
	if said != "ready" {
		t.Fatal(said)
	}
	var held *Held
	if _, err := Take(dir); !errors.As(err, &held) || held.Who.PID != cmd.Process.Pid {
		t.Fatalf("while it runs: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	lock, err := Take(dir)
	if err != nil || lock.Left == nil || lock.Left.PID != cmd.Process.Pid {
		t.Fatalf("%+v, %v", lock, err)
	}
	if err := lock.Release(); err != nil {
		t.Error(err)
	}
}

// What an administrator's command made there would not be its owner's.
func TestTheFolderOfAnotherUserIsRefused(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Log("only root can give a folder away")
		return
	}
	dir := stateDir(t)
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	_, err := Take(dir)
	_, lerr := Look(dir)
	for _, err := range []error{err, lerr} {
		if fault.CodeOf(err) != fault.Forbidden || !strings.Contains(err.Error(), "belongs to another user (65534)") {
			t.Errorf("%v", err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, lockName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a lock was made: %v", err)
	}
}

// A program that is started at the same time has copies of all descriptors for a
// moment, and the lock with them.
func TestALockEndsWithItsOwnerWhateverIsStartedMeanwhile(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	lock, err := Take(dir)
	if err != nil {
		t.Fatal(err)
	}
	copied, err := syscall.Dup(int(lock.file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(copied)
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	if held, err := Look(dir); held != nil || err != nil {
		t.Errorf("after its end: %v, %v", held, err)
	}
	if lock, err = Take(dir); err != nil {
		t.Fatal(err)
	}
	if err := lock.Release(); err != nil {
		t.Error(err)
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
		h, err := readLock(dir)
		if err != nil && len(err.Error()) > 1000 {
			t.Errorf("an error of %d bytes", len(err.Error()))
		}
		if err == nil && h != nil {
			lock, err := Take(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer lock.Release()
			if err := lock.Say(*h); err != nil {
				t.Fatal(err)
			}
			if again, err := readLock(dir); err != nil || *again != *h {
				t.Errorf("%+v, %v, want %+v", again, err, h)
			}
		}
	})
}
