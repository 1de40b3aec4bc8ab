package shell

import "testing"

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
