package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link    = regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)]*)?\)`)
	command = regexp.MustCompile("`make ([a-z-]+)")

	definition = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)[A-Za-z0-9]+)\(`)
	testName   = regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Z][A-Za-z0-9]+)`")
)

// files are those of the checkout whose names end in suffix, with their texts.
func files(t *testing.T, suffix string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, f := range tracked(t) {
		if !strings.HasSuffix(f, suffix) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(top, f))
		if err != nil {
			t.Fatal(err)
		}
		all[f] = string(text)
	}
	return all
}

func TestLinksInDocumentsLeadSomewhere(t *testing.T) {
	t.Parallel()
	checked := 0
	for f, text := range files(t, ".md") {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			checked++
			if _, err := os.Stat(filepath.Join(top, filepath.Dir(f), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", f, m[1])
			}
		}
	}
	if checked == 0 {
		t.Error("no link was found")
	}
}

// A claim of the security page is a test's name: it must be one.
func TestDocumentsNameTestsThatExist(t *testing.T) {
	t.Parallel()
	exist := map[string]bool{}
	for _, text := range files(t, "_test.go") {
		for _, m := range definition.FindAllStringSubmatch(text, -1) {
			exist[m[1]] = true
		}
	}
	named := 0
	for f, text := range files(t, ".md") {
		for _, m := range testName.FindAllStringSubmatch(text, -1) {
			named++
			if !exist[m[1]] {
				t.Errorf("%s names %s, which is not a test", f, m[1])
			}
		}
	}
	if named < 50 {
		t.Errorf("only %d tests are named", named)
	}
}

func TestDocumentsNameCommandsThatExist(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile(filepath.Join(top, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for f, text := range files(t, ".md") {
		for _, m := range command.FindAllStringSubmatch(text, -1) {
			if !strings.Contains("\n"+string(makefile), "\n"+m[1]+":") {
				t.Errorf("%s names make %s, which the Makefile does not have", f, m[1])
			}
		}
	}
}

func TestEveryProgramExplainsItself(t *testing.T) {
	t.Parallel()
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	for _, words := range [][]string{
		{"countersign-gateway"}, {"countersign-gateway", "serve"}, {"countersign-gateway", "sandbox"}, {"countersign-gateway", "migrate"},
		{"countersign-gateway", "migrate", "rebuild"}, {"countersign-gateway", "backup"}, {"countersign-bridge", "signer", "backup"}, {"countersign-bridge", "signer", "restore"},
		{"countersign-bridge"}, {"countersign-bridge", "approver"}, {"countersign-bridge", "signer", "init"},
		{"countersign-bridge", "signer", "serve"}, {"countersign-bridge", "keys"}, {"countersign-bridge", "doctor"},
		{"countersign-bridge", "pairings", "list"}, {"countersign-bridge", "pairings", "revoke"}, {"countersign-bridge", "journal", "verify"},
		{"softhsm-token"},
	} {
		out, err := exec.Command(filepath.Join(bin, words[0]), append(words[1:], "--help")...).CombinedOutput()
		if err != nil || len(out) < 200 {
			t.Errorf("%s --help: %v\n%s", strings.Join(words, " "), err, out)
		}
	}
}
