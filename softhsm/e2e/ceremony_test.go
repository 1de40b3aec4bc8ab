package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// played are the commands of sections of the bridge's README, as they stand there, played in a
// fresh folder. A script answers the prompts.
func played(t *testing.T, sections ...string) (said string) {
	t.Helper()
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(top, "bridge", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	script := "set -eu\n"
	for _, name := range sections {
		_, section, found := strings.Cut(string(text), "\n## "+name+"\n")
		section, _, ends := strings.Cut(section, "\n## ")
		if !found || !ends {
			t.Fatalf("the README has no section %q", name)
		}
		for _, m := range regexp.MustCompile("(?ms)^( *)```sh\n(.*?)^ *```").FindAllStringSubmatch(section, -1) {
			for line := range strings.Lines(m[2]) {
				script += strings.TrimPrefix(line, m[1]) // as it is copied from the page
			}
		}
	}
	dir := t.TempDir()
	fresh, tools, answers := filepath.Join(dir, "fresh"), filepath.Join(dir, "tools"), filepath.Join(dir, "answers.json")
	for _, folder := range []string{fresh, tools} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for path, data := range map[string]string{
		answers:                          `{"log":"prompts","pins":{"alice":["123456"],"bob":["123456"],"carol":["123456"]},"confirm":["approve"]}`,
		filepath.Join(tools, "pinentry"): "#!/bin/sh\nCOUNTERSIGN_PINENTRY_SCRIPT='" + answers + "' exec '" + filepath.Join(bin, "scripted-pinentry") + "'\n",
	} {
		if err := os.WriteFile(path, []byte(data), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
	cmd.Dir = fresh
	cmd.Env = append(os.Environ(), "PATH="+tools+":"+bin+":"+os.Getenv("PATH"), "DISPLAY=:0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // with what it leaves running when it fails
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	output, err := os.Create(filepath.Join(dir, "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	cmd.Stdout, cmd.Stderr = output, output
	err = cmd.Run()
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // none is left after success
	out, rerr := os.ReadFile(output.Name())
	if err != nil || rerr != nil {
		t.Fatalf("%v, %v\n%s\n%s", err, rerr, script, out)
	}
	return string(out)
}

// says checks that commands said something, in this order.
func says(t *testing.T, said string, all ...string) {
	t.Helper()
	rest := said
	for _, want := range all {
		_, after, found := strings.Cut(rest, want)
		if !found {
			t.Fatalf("the commands did not say %q there:\n%s", want, said)
		}
		rest = after
	}
}

func TestThreeAdministratorsBeginAVaultAsTheREADMESays(t *testing.T) {
	t.Parallel()
	says(t, played(t, "The ceremony"), "It is not a vault yet", "signed as Carol (mem_carol)",
		"ent_example has begun: 3 members, 1 account, signed by 3 administrators", "1 entry verified from the genesis")
}
