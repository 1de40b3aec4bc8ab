package secret

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestMain is also the process that is looked at.
func TestMain(m *testing.M) {
	if os.Getenv("SECRET_TEST_UNDUMPABLE") == "" {
		os.Exit(m.Run())
	}
	if err := Undumpable(); err != nil || Dumpable() {
		os.Stdout.WriteString("undumpable: " + err.Error())
		os.Exit(1)
	}
	if _, err := os.ReadDir("/proc/self/fd"); err != nil {
		os.Stdout.WriteString("its own files: " + err.Error())
		os.Exit(1)
	}
	limits, err := os.ReadFile("/proc/self/limits")
	if err != nil {
		os.Exit(1)
	}
	os.Stdout.Write(limits)
}

func TestAnUndumpableProcessStillSeesItself(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SECRET_TEST_UNDUMPABLE=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if rest, ok := strings.CutPrefix(line, "Max core file size"); ok {
			if f := strings.Fields(rest); f[0] != "0" || f[1] != "0" {
				t.Errorf("core files may have %v bytes", f)
			}
			return
		}
	}
	t.Error("the kernel says nothing about core files")
}
