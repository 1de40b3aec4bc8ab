package fold

import "testing"

func TestColumnsAreCountedAsATerminalDoes(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]int{"abc": 3, "北京": 4, "e\u0301": 1, "ＡＢ": 4, "ｱ": 1, "한국": 4, "\u1112\u1161\u11ab": 2, "☕": 2, "שָׁלוֹם": 4} {
		if got := Columns(s); got != want {
			t.Errorf("%q takes %d columns, want %d", s, got, want)
		}
	}
}

func TestOneOfSomethingIsNotSeveral(t *testing.T) {
	t.Parallel()
	for n, want := range []string{"0 entries", "1 entry", "2 entries"} {
		if got := Count(n, "entry", "entries"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
