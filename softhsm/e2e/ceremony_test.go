package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestThreeAdministratorsBeginAVaultAsTheREADMESays plays the commands of the section, as they
// stand there, in a fresh folder. A script answers the prompts.
func TestThreeAdministratorsBeginAVaultAsTheREADMESays(t *testing.T) {
	t.Parallel()
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(top, "bridge", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## The ceremony\n")
	section, _, ends := strings.Cut(section, "\n## ")
	if !found || !ends {
		t.Fatal("the README has no such section")
	}
	script := "set -eu\n"
	for _, m := range regexp.MustCompile("(?ms)^( *)```sh\n(.*?)^ *```").FindAllStringSubmatch(section, -1) {
		for line := range strings.Lines(m[2]) {
			script += strings.TrimPrefix(line, m[1]) // as it is copied from the page
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
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, script, out)
	}
	for _, says := range []string{"It is not a vault yet", "signed as Carol (mem_carol)", "ent_example has begun: 3 members, 1 account, signed by 3 administrators", "1 entry verified from the genesis"} {
		if !strings.Contains(string(out), says) {
			t.Errorf("the commands did not say %q:\n%s", says, out)
		}
	}
}
