package id

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"countersign/shared/spec"
)

func TestThePageListsExactlyTheKinds(t *testing.T) {
	t.Parallel()
	spec.Same(t, "kinds of ids", spec.Column(t, "README.md", "Ids", "kind", 0), Kinds())
	if form := spec.Words(spec.Section(t, "README.md", "Ids")); form[1] != "a-z0-9" || form[2] != "^[a-z]{3}_[a-z0-9]{3,40}$" {
		t.Errorf("the page has the form %q", form[:3])
	}
}

func TestOnlyTheFormOfTheSpecIsAnID(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"mem_bob", "req_000", "acc_" + strings.Repeat("z", 40)} {
		if !Valid(good) || !Is(good[:3], good) {
			t.Errorf("%s is refused", good)
		}
	}
	for _, bad := range []string{"", "mem", "mem_", "mem_bo", "acc_" + strings.Repeat("z", 41), "Mem_bob", "mem_Bob", "m3m_bob", "mem-bob", "mem_bob\n", " mem_bob", "mem_bo b", "mem_b_b", "memo_bob", "mem_böb"} {
		if Valid(bad) || Is("mem", bad) {
			t.Errorf("%q is accepted", bad)
		}
	}
	if Is("ent", "mem_bob") || Is("me", "mem_bob") || Is("", "mem_bob") {
		t.Error("an id of another kind is accepted")
	}
}

func TestEachKindIsMadeInItsForm(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, kind := range Kinds() {
		s, err := New(rand.Reader, kind)
		if err != nil || !Is(kind, s) || len(s) != 30 || seen[s] {
			t.Errorf("%s: %q, %v", kind, s, err)
		}
		seen[s] = true
	}
	want := errors.New("empty")
	if s, err := New(iotest.ErrReader(want), Member); !errors.Is(err, want) || s != "" {
		t.Errorf("without randomness: %q, %v", s, err)
	}
}

func FuzzValid(f *testing.F) {
	f.Add("mem_bob")
	f.Fuzz(func(t *testing.T, s string) {
		rest := ""
		if len(s) > 4 {
			rest = s[4:]
		}
		want := len(rest) >= 3 && len(rest) <= 40 && s[3] == '_' && strings.Trim(s[:3], "abcdefghijklmnopqrstuvwxyz") == "" &&
			strings.Trim(rest, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
		if Valid(s) != want {
			t.Errorf("%q: %v", s, Valid(s))
		}
	})
}
