package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"countersign/bridge/internal/doctor"
	"countersign/shared/jwk"
	"countersign/shared/jws"
	"countersign/softhsm"
)

// The bridge and doctor as two programs, each in a shell of its own.

// bridgeProgram builds the program.
func bridgeProgram(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "countersign-bridge")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// inShell is a program in a session of its own: with a terminal, or without.
func inShell(t *testing.T, terminal bool, env []string, program string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if !terminal {
		return cmd
	}
	master, tty := pty(t)
	go func() { _, _ = io.Copy(io.Discard, master) }() // ends with the terminal
	cmd.Stdin, cmd.SysProcAttr.Setctty = tty, true
	return cmd
}

// pty is a terminal, and what its person sees and types.
func pty(t *testing.T) (master, tty *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close(); master.Close() })
	return master, tty
}

// starts starts the bridge and waits until it listens.
func starts(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		if err := cmd.Wait(); err != nil {
			t.Errorf("the bridge: %v\n%s", err, &errs)
		}
	})
	if l := line(t, bufio.NewReader(out)); !strings.HasPrefix(l, "listening on ") {
		t.Fatal(l)
	}
}

// examined is what doctor finds.
func examined(t *testing.T, cmd *exec.Cmd) map[string]doctor.Finding {
	t.Helper()
	out, err := cmd.Output()
	var r report
	if jerr := json.Unmarshal(out, &r); jerr != nil {
		t.Fatalf("%v, %v\n%s", err, jerr, out)
	}
	if (err == nil) != r.OK {
		t.Errorf("doctor: %v, and ok is %v", err, r.OK)
	}
	all := map[string]doctor.Finding{}
	for _, f := range r.Findings {
		all[f.ID] = f
	}
	return all
}

// aliceIn makes a token with the keys of alice.
func aliceIn(t *testing.T) (*softhsm.Faulty, made) {
	t.Helper()
	f := softhsm.NewFaulty(t, softhsm.Spec{Label: "alice", Keys: []softhsm.Key{
		{Label: "approval", Curve: jws.Secp256k1, Sign: true}, {Label: "channel", Curve: jws.Secp256k1, Derive: true}}})
	m := made{ApprovalKey: "pkcs11:token=alice;object=approval", ChannelKey: "pkcs11:token=alice;object=channel"}
	for label, to := range map[string]**jwk.Key{"approval": &m.Approval, "channel": &m.Channel} {
		key, _ := f.Token.Key(label)
		public, err := jws.FromSEC1(key.Curve, key.Public)
		if err != nil {
			t.Fatal(err)
		}
		jwk := public.JWK()
		*to = &jwk
	}
	return f, m
}

func TestDoctorInOneShellSaysWhatTheBridgeInAnotherSees(t *testing.T) {
	t.Parallel()
	program := bridgeProgram(t)
	type want struct {
		level doctor.Level
		says  string
	}
	for name, r := range map[string]struct {
		// more are modules beside alice's, and what only the bridge's shell knows
		more func(t *testing.T, f *softhsm.Faulty) (modules, env []string)
		want map[string]want
	}{
		"one token": {func(*testing.T, *softhsm.Faulty) ([]string, []string) { return nil, nil }, map[string]want{
			"key:mem_alice:approval": {doctor.OK, "is there"}, "bridge:key:mem_alice:approval": {doctor.OK, "the approval key of mem_alice can be used"}}},
		"two tokens of one label": {func(t *testing.T, _ *softhsm.Faulty) ([]string, []string) {
			other, _ := aliceIn(t)
			return []string{other.Module}, nil
		}, map[string]want{"key:mem_alice:approval": {doctor.Bad, "2 tokens match"}, "bridge:key:mem_alice:approval": {doctor.Bad, "2 tokens match"}}},
		"two tokens of one label, one of them in the bridge's shell only": {func(t *testing.T, _ *softhsm.Faulty) ([]string, []string) {
			other, _ := aliceIn(t)
			return []string{other.Token.Store.Module}, other.Token.Env()
		}, map[string]want{"key:mem_alice:approval": {doctor.OK, "is there"}, "bridge:key:mem_alice:approval": {doctor.Bad, "2 tokens match"}}},
		"one token through two modules": {func(t *testing.T, f *softhsm.Faulty) ([]string, []string) {
			again := filepath.Join(t.TempDir(), "again.so")
			for _, ending := range []string{".so", ".control"} {
				data, err := os.ReadFile(strings.TrimSuffix(f.Module, ".so") + ending)
				if err == nil {
					err = os.WriteFile(strings.TrimSuffix(again, ".so")+ending, data, 0o700)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			return []string{again}, nil
		}, map[string]want{"twice:alice": {doctor.Bad, "shows through 2 modules"}, "bridge:key:mem_alice:approval": {doctor.Bad, "shows through 2 modules"}}},
		"one file by two paths": {func(t *testing.T, f *softhsm.Faulty) ([]string, []string) {
			link := filepath.Join(t.TempDir(), "link.so")
			if err := os.Symlink(f.Module, link); err != nil {
				t.Fatal(err)
			}
			return []string{link}, nil
		}, map[string]want{"twice:LINK": {doctor.Warn, "is listed twice"}, "bridge:twice:LINK": {doctor.Warn, "is listed twice"},
			"key:mem_alice:approval": {doctor.OK, "is there"}, "bridge:key:mem_alice:approval": {doctor.OK, "the approval key of mem_alice can be used"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, m := aliceIn(t)
			modules, env := r.more(t, f)
			path := config(t, func(cfg map[string]any) { cfg["modules"] = append([]string{f.Module}, modules...) })
			certify(t, path, m)
			empty := filepath.Join(t.TempDir(), "softhsm2.conf")
			if err := os.WriteFile(empty, []byte("directories.tokendir = "+t.TempDir()+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			here := []string{"SOFTHSM2_CONF=" + empty}
			starts(t, inShell(t, true, append(here, env...), program, "approver", "--config", path))
			all := examined(t, inShell(t, false, here, program, "doctor", "--json", "--config", path))
			r.want["prompt"] = want{doctor.OK, "questions appear where the running bridge was started"}
			r.want["bridge:prompt"] = want{doctor.OK, "in the terminal"}
			for id, w := range r.want {
				if len(modules) > 0 {
					id = strings.ReplaceAll(id, "LINK", modules[0])
				}
				if got := all[id]; got.Level != w.level || !strings.Contains(got.What, w.says) {
					t.Errorf("%s is %+v, want %s: %s", id, got, w.level, w.says)
				}
			}
		})
	}
}

func TestWhereSoftHSMShowsNoTokenEveryCommandSaysWhereItLooks(t *testing.T) {
	t.Parallel()
	program := bridgeProgram(t)
	_, m := aliceIn(t)
	path := config(t, func(cfg map[string]any) {
		cfg["modules"] = []string{softhsm.New(t, softhsm.Spec{Label: "other"}).Module}
	})
	certify(t, path, m)
	empty := filepath.Join(t.TempDir(), "softhsm2.conf")
	if err := os.WriteFile(empty, []byte("directories.tokendir = "+t.TempDir()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"keys", "list"}, {"keys", "export-public", m.ApprovalKey}, {"keys", "generate", "--token", "alice"}, {"doctor"}} {
		out, _ := inShell(t, false, []string{"SOFTHSM2_CONF=" + empty}, program, append(args, "--config", path)...).CombinedOutput() // the status is another test's
		says := strings.Join(strings.Fields(string(out)), " ")
		if !strings.Contains(says, "SoftHSM's tokens are where the file says that SOFTHSM2_CONF names") || !strings.Contains(strings.ReplaceAll(says, " ", ""), empty) || strings.Contains(says, "Plug the token in") {
			t.Errorf("%s:\n%s", strings.Join(args, " "), out)
		}
		if args[1%len(args)] == "list" && strings.Count(says, "SOFTHSM2_CONF names") != 1 {
			t.Errorf("the remedy is not told once:\n%s", out)
		}
	}
}

func TestABrokenPinentryIsNamedByDoctorHereAndAtTheBridge(t *testing.T) {
	t.Parallel()
	program := bridgeProgram(t)
	broken := filepath.Join(t.TempDir(), "pinentry")
	if err := os.WriteFile(broken, []byte("#!/bin/sh\necho no display >&2\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	path := config(t, func(cfg map[string]any) { cfg["pinentry"] = broken })
	starts(t, inShell(t, false, nil, program, "approver", "--config", path))
	all := examined(t, inShell(t, true, nil, program, "doctor", "--json", "--config", path))
	for _, id := range []string{"prompt", "bridge:prompt"} {
		if got := all[id]; got.Level != doctor.Bad || !strings.Contains(got.What, broken+`: it ended at once (exit status 1), and said "no display"`) || got.Remedy == "" {
			t.Errorf("%s: %+v", id, got)
		}
	}
}

func TestACommandThatCannotAskNamesItselfAndNotTheBridge(t *testing.T) {
	t.Parallel()
	program := bridgeProgram(t)
	f, _ := aliceIn(t)
	path := config(t, func(cfg map[string]any) { cfg["modules"] = []string{f.Module} })
	out, err := inShell(t, false, nil, program, "keys", "generate", "--token", "alice", "--config", path).CombinedOutput()
	want := "countersign-bridge: PROMPT_UNAVAILABLE: you cannot be asked: there is neither a display with pinentry nor a terminal\n" +
		"  → This command asks where it is started: start it in a terminal, or on a desktop with pinentry.\n"
	if err == nil || string(out) != want {
		t.Errorf("%v, %q", err, out)
	}
}

func TestABridgeThatCannotAskItsUserSaysSo(t *testing.T) {
	t.Parallel()
	program := bridgeProgram(t)
	path := config(t, nil)
	starts(t, inShell(t, false, nil, program, "approver", "--config", path))
	all := examined(t, inShell(t, true, nil, program, "doctor", "--json", "--config", path))
	if got := all["bridge:prompt"]; got.Level != doctor.Bad || !strings.Contains(got.What, "you cannot be asked: there is neither a display with pinentry nor a terminal") || !strings.Contains(got.Remedy, "systemctl --user restart countersign-bridge") {
		t.Errorf("%+v", got)
	}
	if got := all["prompt"]; got.Level != doctor.OK || got.What != "prompt: terminal" {
		t.Errorf("%+v", got)
	}
}

func TestWhereSoftHSMCannotReadItsFilesEveryCommandNamesThem(t *testing.T) {
	t.Parallel()
	program := bridgeProgram(t)
	path := config(t, func(cfg map[string]any) {
		cfg["modules"] = []string{softhsm.New(t, softhsm.Spec{Label: "unread"}).Module}
	})
	missing := filepath.Join(t.TempDir(), "softhsm2.conf")
	for _, args := range [][]string{{"keys", "list"}, {"keys", "generate", "--token", "alice"}, {"doctor"}} {
		out, _ := inShell(t, false, []string{"SOFTHSM2_CONF=" + missing}, program, append(args, "--config", path)...).CombinedOutput() // the status is another test's
		if says := string(out); !strings.Contains(says, "SoftHSM cannot read its configuration or its tokens") || !strings.Contains(says, "is "+missing+" here") || strings.Contains(says, "architecture") || strings.Contains(says, "pcscd") {
			t.Errorf("%s:\n%s", strings.Join(args, " "), out)
		}
	}
}

// TestAToolThatIsEndedAtItsPromptPutsTheTerminalBack: whichever way it is ended, the
// shell that it was started from shows again what is typed.
func TestAToolThatIsEndedAtItsPromptPutsTheTerminalBack(t *testing.T) {
	t.Parallel()
	// Tests that run under nohup ignore SIGHUP, and so would the tool: what is caught here
	// is the default there.
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(caught) })
	program := bridgeProgram(t)
	f, _ := aliceIn(t)
	for name, end := range map[string]func(master *os.File, tool *os.Process) error{
		"Ctrl-C":  func(master *os.File, _ *os.Process) error { _, err := master.WriteString("\x03"); return err },
		"Ctrl-\\": func(master *os.File, _ *os.Process) error { _, err := master.WriteString("\x1c"); return err },
		"kill":    func(_ *os.File, tool *os.Process) error { return tool.Signal(syscall.SIGTERM) },
		"hangup":  func(_ *os.File, tool *os.Process) error { return tool.Signal(syscall.SIGHUP) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := config(t, func(cfg map[string]any) { cfg["modules"] = []string{f.Module} })
			master, tty := pty(t)
			before, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
			if err != nil {
				t.Fatal(err)
			}
			tool := inShell(t, false, nil, program, "keys", "generate", "--token", "alice", "--config", path)
			tool.Stdin, tool.Stdout, tool.Stderr, tool.SysProcAttr.Setctty = tty, tty, tty, true
			if err := tool.Start(); err != nil {
				t.Fatal(err)
			}
			said, buf := "", make([]byte, 4096)
			for until := "PIN (empty cancels): "; !strings.HasSuffix(said, "[closed: the program was ended]\r\n"); {
				n, err := master.Read(buf)
				if err != nil {
					t.Fatalf("%v after %q", err, said)
				}
				if said += string(buf[:n]); until != "" && strings.HasSuffix(said, until) {
					until = ""
					if err := end(master, tool.Process); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := tool.Wait(); tool.ProcessState.ExitCode() != 1 {
				t.Errorf("it ended with %v", err)
			}
			after, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
			if err != nil || after.Lflag != before.Lflag || after.Cc != before.Cc {
				t.Errorf("the terminal is %+v, was %+v, %v", after, before, err)
			}
		})
	}
}
