package fault_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/softhsm"
	"countersign/softhsm/fault"
)

// exercise is testdata/exercise.c at work, built with the sanitizers.
type exercise struct {
	path string
	in   io.Writer
	out  *bufio.Scanner
	err  *strings.Builder
}

// exercised builds and starts it. Its control file is the path with ".control".
func exercised(t testing.TB) *exercise {
	t.Helper()
	sources, err := filepath.Glob("module/*.c")
	if err != nil || len(sources) == 0 {
		t.Fatalf("no sources: %v", err)
	}
	e := &exercise{path: filepath.Join(t.TempDir(), "exercise"), err: &strings.Builder{}}
	args := append([]string{"-std=gnu11", "-g", "-O1", "-pthread", "-Wall", "-Wextra", "-Wshadow", "-Werror", "-Imodule",
		"-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-o", e.path, "testdata/exercise.c"}, sources...)
	if out, err := exec.CommandContext(t.Context(), "gcc", append(args, "-ldl")...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(e.path)                                   // it ends with its input
	cmd.Env = append(os.Environ(), "ASAN_OPTIONS=detect_leaks=0") // SoftHSM's own are not the question
	cmd.Stderr = e.err
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	e.in, e.out = in, bufio.NewScanner(out)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v\n%s", err, e.err.String())
		}
	})
	return e
}

func (e *exercise) ask(format string, args ...any) (string, error) {
	if _, err := fmt.Fprintf(e.in, format, args...); err != nil {
		return "", err
	}
	if !e.out.Scan() {
		return "", io.ErrUnexpectedEOF
	}
	return e.out.Text(), nil
}

func TestNoFaultTouchesMemoryThatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, spec("sanitized"))
	e := exercised(t)
	all := append([]fault.Fault{{}, fault.HighS(), fault.WrongSignature(), fault.ZeroSignature(), fault.AlwaysAuth("k1"),
		fault.PINPad("1", time.Millisecond), fault.NoPIN("1"), fault.Logout(), fault.CloseSessions(), fault.Lacks(0x1041), fault.Info("label", "x"),
		fault.Serial(time.Millisecond), fault.DuplicateSessions(time.Millisecond), fault.Removed(1), fault.Flags(1)},
		fault.Garbage("C_GetInfo"), fault.Garbage("C_GetSlotInfo"), fault.Garbage("C_GetTokenInfo"),
		fault.Garbage("C_GetAttributeValue"), fault.Garbage("C_Sign"), fault.Garbage("C_SignFinal"))
	for _, function := range []string{"C_GetSlotList", "C_GetMechanismList", "C_GetAttributeValue", "C_Sign", "C_SignFinal"} {
		for _, n := range []int{-1, 0, 1, 63, 65, 1 << 40} {
			all = append(all, fault.Length(function, n), fault.Room(function, n))
		}
	}
	all = append(all, fault.Length("C_FindObjects", 3), fault.Length("C_FindObjects", -1))
	for _, function := range fault.Functions() {
		all = append(all, fault.Fail(function, 0x30), fault.Fail(function, 0x30).Late())
	}
	for _, one := range all {
		if one.String() == "" {
			f.Set()
		} else {
			f.Set(one)
		}
		if err := os.WriteFile(e.path+".control", []byte(f.Control()), 0o600); err != nil {
			t.Fatal(err)
		}
		if answer, err := e.ask("use %s\n", f.Token.PIN); err != nil || answer != "ok" {
			t.Fatalf("%s: %q, %v\n%s", one, answer, err, e.err.String())
		}
	}
}

func FuzzControl(f *testing.F) {
	for _, seed := range []string{
		"real /x\nenv A=b\ntoken a b\ntrace /t\nplugged 2\nabsent\nremoved CKR_DEVICE_REMOVED\n",
		"fail C_Sign 0x30 after 1 times 2 late id 3\ndelay * 5\nhang C_Login\ncrash C_Sign late\n# comment\n\n",
		"garbage C_GetTokenInfo\nlength C_Sign -1\nroom C_GetAttributeValue 9 attribute 0x180\nsignature high-s\n",
		"serial 5\nduplicate-sessions 20\npin-tries 3\npin-left 1\npin-pad 10 12 34\nno-pin 1\nalways-auth k\nlacks 0x1050\ninfo serial x\nflags 1\n",
		"logout\nclose-sessions id 7\r\nfail", "info", "pin-pad 1", "\x00", "fail C_Sign 0x30 after -1",
	} {
		f.Add([]byte(seed))
	}
	e := exercised(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<16 {
			return // the module reads no longer ones
		}
		answer, err := e.ask("parse %d\n%s", len(text), text)
		if err != nil || answer != "0" && answer != "-1" {
			t.Fatalf("%q, %v\n%s", answer, err, e.err.String())
		}
	})
}
