package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// nobody is a user who is not the one of the tests when that is root.
const nobody = 65534

// TestTheMemoryOfADaemonIsKeptFromOthers starts each program as an ordinary user
// and looks at who owns its files in /proc: the kernel gives them to root when
// nobody of that user may trace it.
func TestTheMemoryOfADaemonIsKeptFromOthers(t *testing.T) {
	t.Parallel()
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"countersign-bridge", "approver", "--config"},
		{"countersign-bridge", "signer", "serve", "--config"},
		{"countersign-bridge", "keys", "list", "--config"},
		{"countersign-gateway", "serve", "-config"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			config := filepath.Join(dir, "config.json") // a pipe: reading it waits until it was looked
			if err := syscall.Mkfifo(config, 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(filepath.Join(bin, args[0]), append(args[1:], config)...)
			cmd.Env = append(os.Environ(), "HOME="+dir)
			if os.Getuid() == 0 {
				for _, path := range []string{filepath.Dir(dir), dir, config} {
					if err := os.Chown(path, nobody, nobody); err != nil {
						t.Fatal(err)
					}
				}
				cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			opened := make(chan *os.File, 1)
			go func() {
				f, err := os.OpenFile(config, os.O_WRONLY, 0) // when the program has begun to read
				if err != nil {
					t.Error(err)
				}
				opened <- f
			}()
			select {
			case f := <-opened:
				look(t, cmd.Process.Pid)
				f.Close()
			case <-time.After(time.Minute):
				t.Error("the program did not read its configuration")
				_ = syscall.Kill(cmd.Process.Pid, syscall.SIGKILL) // it is ours
			}
			_ = cmd.Wait() // it had no configuration
		})
	}
}

func look(t *testing.T, pid int) {
	t.Helper()
	proc := "/proc/" + strconv.Itoa(pid)
	var info syscall.Stat_t
	if err := syscall.Stat(proc+"/mem", &info); err != nil {
		t.Fatal(err)
	}
	if info.Uid != 0 {
		t.Errorf("another program of user %d may read its memory", info.Uid)
	}
	limits, err := os.ReadFile(proc + "/limits")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(limits), "Max core file size")
	if f := strings.Fields(rest); len(f) < 2 || f[0] != "0" || f[1] != "0" {
		t.Errorf("its core may be dumped: %.60q", rest)
	}
}
