package buy

import (
	"encoding/json"
	"testing"
)

// FuzzUnfold checks that whatever a text is, it unfolds within bounds, and into JSON.
func FuzzUnfold(f *testing.F) {
	for _, seed := range []string{"a:1,b:2", `cb({"a":999})`, `{a:{},'b':[1,2,],}`, "<a b='c'>d</a>", "a:\n  b: c", `)]}',{"a":1`, "(a 1)", "a->b|c~d", "<a></b>", "\xff:{"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got, found, err := unfold(text); found && (err != nil || !json.Valid([]byte(got))) {
			t.Fatalf("%q unfolds into %q (%v)", text, got, err)
		}
	})
}

func TestStructureThatCannotBeReadIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"<a><!x</a>", "</a>"} {
		if _, _, err := unfold(text); err == nil {
			t.Errorf("%s is read", text)
		}
	}
}
