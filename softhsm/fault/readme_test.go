package fault_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"countersign/softhsm"
)

func read(t *testing.T, path string) string {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestTheREADMEHasEveryWordOfTheControlFile(t *testing.T) {
	t.Parallel()
	readme, parser := read(t, "README.md"), read(t, "module/control.c")
	var words []string
	for _, m := range regexp.MustCompile(`strcmp\(name, "([a-z-]+)"\)`).FindAllStringSubmatch(parser, -1) {
		words = append(words, m[1])
	}
	verbs := regexp.MustCompile(`(?s)verbs\[\] = \{(.*?)\}`).FindStringSubmatch(parser)
	if len(verbs) == 0 || len(words) == 0 {
		t.Fatal("the parser is not as it was")
	}
	for _, m := range regexp.MustCompile(`"([a-z-]+)"`).FindAllStringSubmatch(verbs[1], -1) {
		words = append(words, m[1])
	}
	for _, w := range words {
		if !regexp.MustCompile("(?m)^\\| `" + w + "[ `]").MatchString(readme) {
			t.Errorf("%s is in no table", w)
		}
	}
}

func TestTheModuleIsUsedByHandAsTheREADMESays(t *testing.T) {
	t.Parallel()
	block := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(read(t, "README.md"), -1)
	if len(block) != 2 {
		t.Fatalf("%d blocks of commands", len(block))
	}
	f := softhsm.NewFaulty(t, spec("by hand"))
	dir := t.TempDir()
	shell := func(commands string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "sh", "-ec", commands)
		cmd.Dir = filepath.Join("..", "..")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	here := strings.NewReplacer("/tmp/", dir+"/", "/usr/lib/softhsm/libsofthsm2.so", f.Token.Store.Module)
	shell(here.Replace(block[0][1]) + "printf 'env SOFTHSM2_CONF=%s\\ntoken by hand\\n' '" + f.Token.Conf + "' >> " + dir + "/fault.control")
	c := spawn(t, &softhsm.Faulty{Module: filepath.Join(dir, "fault.so")})
	c.ask(f.Token.PIN)
	c.wants("signed 64 bytes")
	shell(here.Replace(block[1][1]))
	c.ask(f.Token.PIN)
	c.wants("0x30")
	c.ask(f.Token.PIN)
	c.wants("signed 64 bytes")
}
