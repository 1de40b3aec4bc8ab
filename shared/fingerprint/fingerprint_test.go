package fingerprint

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/spec"
)

// of is the fingerprint of a thumbprint in hexadecimal.
func of(t testing.TB, thumbprint string) Fingerprint {
	t.Helper()
	b, err := hex.DecodeString(thumbprint)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Of(base64.RawURLEncoding.EncodeToString(b))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestTheWordsAreThoseOfThePGPWordList compares with the example that the list is
// usually shown with.
func TestTheWordsAreThoseOfThePGPWordList(t *testing.T) {
	t.Parallel()
	f := of(t, "e58294f2e9a227486e8b061b31cc528fd7fa3f19"+strings.Repeat("00", 12))
	want := "topmost istanbul pluto vagabond treadmill pacific brackish dictator goldfish medusa afflict bravado chatter revolver dupont midsummer"
	if got := strings.Join(f.Words(), " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := strings.Join(f.Digits(), " "); got != "58754 38130 59810 10056 28299 01563 12748 21135" {
		t.Errorf("got %s", got)
	}
}

func TestEachByteHasAWordOfItsOwnAtEachPlace(t *testing.T) {
	t.Parallel()
	lists := lists()
	all := slices.Concat(lists[0], lists[1])
	slices.Sort(all)
	if len(lists[0]) != 256 || len(lists[1]) != 256 || len(slices.Compact(all)) != 512 {
		t.Errorf("there are %d and %d words, %d of them different", len(lists[0]), len(lists[1]), len(all))
	}
}

func TestThePageShowsTheFingerprintOfItsKey(t *testing.T) {
	t.Parallel()
	thumbprint, rest, _ := strings.Cut(spec.Examples(t, "statement.md", "Fingerprint", "")[0], "\n")
	f, err := Of(thumbprint)
	if err != nil {
		t.Fatal(err)
	}
	words, digits := f.Lines()
	if want := strings.Join(slices.Concat(words, digits), "\n"); rest != want {
		t.Errorf("the page shows\n%s\nthe code\n%s", rest, want)
	}
}

func TestWhatIsNotAFingerprintIsNamed(t *testing.T) {
	t.Parallel()
	words := "topmost istanbul pluto vagabond treadmill pacific brackish dictator goldfish medusa afflict bravado chatter revolver dupont midsummer"
	for name, c := range map[string]struct{ text, says string }{
		"nothing":          {"", "0 parts"},
		"a word too few":   {strings.TrimPrefix(words, "topmost "), "15 parts"},
		"two words turned": {strings.Replace(words, "topmost istanbul", "istanbul topmost", 1), `word 1, "istanbul"`},
		"a strange word":   {strings.Replace(words, "pluto", "saturn", 1), `word 3, "saturn"`},
		"a large group":    {"65536 38130 59810 10056 28299 01563 12748 21135", `group 1, "65536"`},
		"a short group":    {"58754 38130 59810 10056 28299 1563 12748 21135", `group 6, "1563"`},
		"a sign":           {"58754 38130 59810 10056 28299 +1563 12748 21135", `group 6, "+1563"`},
	} {
		if _, err := Parse(c.text); fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, thumbprint := range []string{"", "AAAA", strings.Repeat("A", 42) + "B", strings.Repeat("A", 44)} {
		if _, err := Of(thumbprint); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%q: %v", thumbprint, err)
		}
	}
}

func FuzzWhatIsReadIsSaidAgain(f *testing.F) {
	f.Add("58754 38130 59810 10056 28299 01563 12748 21135")
	f.Add("Topmost, Istanbul, Pluto, vagabond treadmill pacific brackish dictator goldfish medusa afflict bravado chatter revolver dupont midsummer")
	f.Fuzz(func(t *testing.T, text string) {
		print, err := Parse(text)
		if err != nil {
			return
		}
		for _, form := range [][]string{print.Words(), print.Digits()} {
			if again, err := Parse(strings.Join(form, "-")); err != nil || again != print {
				t.Errorf("%q: %v, %v", form, again, err)
			}
		}
	})
}
