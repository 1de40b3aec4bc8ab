package apikey

import (
	"crypto/rand"
	"regexp"
	"strings"
	"testing"

	"countersign/shared/spec"
)

func TestAKeyIsFoundByScannersAndChecked(t *testing.T) {
	t.Parallel()
	scanner := regexp.MustCompile(Pattern)
	seen := map[string]bool{}
	for env, prefix := range map[string]string{"sandbox": Test, "live": Live, "staging": Live} {
		key, err := New(rand.Reader, env)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(key, prefix) || scanner.FindString(`config = "`+key+`";`) != key || !WellFormed(key) || seen[key] {
			t.Errorf("%s: %q", env, key)
		}
		seen[key] = true
		for _, other := range []string{"sandbox", "live", "staging"} {
			if Foreign(key, other) != (Prefix(other) != prefix) {
				t.Errorf("a key of %s in %s", env, other)
			}
		}
		if hint := Hint(key); len(hint) > 16 || !strings.HasPrefix(hint, prefix) || strings.Contains(key, hint) {
			t.Errorf("hint %q", hint)
		}
		for i := range key {
			other := []byte(key)
			if other[i]++; WellFormed(string(other)) {
				t.Errorf("%s with another character at %d has the right checksum", key, i)
			}
		}
	}
	for _, bad := range []string{"", "ol_test_", "ol_test_0123456789abcdef", strings.Repeat("a", 44)} {
		if WellFormed(bad) || Hint(bad) != "" || Foreign(bad, "live") {
			t.Errorf("%q is well-formed", bad)
		}
	}
	if _, err := New(strings.NewReader("short"), "sandbox"); err == nil {
		t.Error("a key without randomness")
	}
}

func TestThePageHasThePatternAndAKeyWithItsChecksum(t *testing.T) {
	t.Parallel()
	page := spec.Page(t, "tokens.md")
	if !strings.Contains(page, "`"+Pattern+"`") {
		t.Error("tokens.md has another pattern")
	}
	if key := regexp.MustCompile(Pattern).FindString(page[strings.Index(page, "## API keys"):]); !WellFormed(key) {
		t.Errorf("the example %q has another checksum", key)
	}
}

func FuzzWellFormed(f *testing.F) {
	f.Add("ol_test_0123456789abcdef")
	f.Fuzz(func(t *testing.T, key string) {
		if WellFormed(key) && !regexp.MustCompile("^"+Pattern+"$").MatchString(key) {
			t.Errorf("%q is well-formed, and no scanner finds it", key)
		}
	})
}
