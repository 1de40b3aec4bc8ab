package shell

import (
	"os/exec"
	"testing"
)

func TestAPlainWordStaysAsItIs(t *testing.T) {
	for _, s := range []string{"/tmp/run", ".run", "countersign-bridge", "--config=/etc/a_b.json", "STATE=/tmp/run", "https://dashboard.example.com:8443", "64001:64001"} {
		if got := Word(s); got != s {
			t.Errorf("%s becomes %s", s, got)
		}
	}
}

func TestTheNameOfAVariableStaysOutsideOfTheQuotes(t *testing.T) {
	for s, want := range map[string]string{
		"STATE=/tmp/a b":     "STATE='/tmp/a b'",
		"--config=/tmp/it's": `--config='/tmp/it'\''s'`,
		"/tmp/a b=c":         "'/tmp/a b=c'",
	} {
		if got := Word(s); got != want {
			t.Errorf("%s becomes %s, want %s", s, got, want)
		}
	}
}

// The shell itself says what it understands.
func TestAShellReadsAWordBack(t *testing.T) {
	for _, s := range []string{"", " ", "a b", "it's", "''", `"`, `\`, `\n`, "$HOME", "$(id)", "`id`", "~", "~root", "*", "?", "[a]", "{a,b}", "!!", "#", "a#b",
		"a;b", "a&b", "a|b", "(a)", "<a>", "a\nb", "a\tb", "A=", "A=b c", "A=~", "=", "= ", "a==b c", "é", "\x7f", "-n", "/tmp/a b/run"} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s. "+Word(s)).Output()
		if err != nil || string(out) != s+"." {
			t.Errorf("%q: the shell reads %q of %s: %v", s, out, Word(s), err)
		}
	}
}
