//go:build !js

package shell

import (
	"os/exec"
	"testing"
)

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
