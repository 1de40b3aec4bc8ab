package name

import (
	"encoding/json"
	"flag"
	"os"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"countersign/shared/id"
)

var update = flag.Bool("update", false, "write the vectors again")

const vectorFile = "../spec/vectors/name.json"

// vector is one row of shared/spec/vectors/name.json.
type vector struct {
	Name  string `json:"name"` // of the case
	Text  string `json:"text"`
	Valid bool   `json:"valid"`
}

func cases() []vector {
	return []vector{
		{"a person", "Alice", true},
		{"a company", "Sandbox Ltd", true},
		{"signs and digits", "Ops #2 (EU) – reserve & co.", true},
		{"accents as two characters", "Rene\u0301e Nguye\u0302\u0303n", true},
		{"Chinese", "北京清算有限公司", true},
		{"Hangul in syllables and in parts", "한국 \u1112\u1161\u11ab", true},
		{"Devanagari", "क्षत्रिय ट्रस्ट", true},
		{"Thai with a vowel and a tone", "ที่ปรึกษา", true},
		{"Hebrew with points", "שָׁלוֹם 2", true},
		{"Arabic with its own digits", "شركة ٢", true},
		{"a picture", "Café ☕", true},
		{"brackets", "Treasury (EU) [reserve]", true},
		{"an id without brackets", "acc_treasury", true},
		{"an id after brackets", "Treasury (EU) acc_treasury", true},
		{"a word in brackets that is not an id", "Ops (xyz_team, ops_north, mem_)", true},
		{"a sign within", "A > B", true},
		{"64 characters", strings.Repeat("x", 64), true},

		{"nothing", "", false},
		{"65 characters", strings.Repeat("x", 65), false},
		{"64 characters of 4 bytes", strings.Repeat("😀", 64), false},
		{"a space", " ", false},
		{"a space before", " Alice", false},
		{"a space after", "Alice ", false},
		{"two spaces", "two  of three", false},
		{"a line feed", "Alice\nYou pay 25.00 EUR", false},
		{"a tab", "Alice\tBob", false},
		{"an escape sequence", "Alice\x1b[2J", false},
		{"a C1 control", "Alice\u0085", false},
		{"a no-break space", "Alice\u00a0Bob", false},
		{"an ideographic space", "Alice\u3000Bob", false},
		{"a thin space", "Alice\u2009Bob", false},
		{"a narrow no-break space", "Alice\u202fBob", false},
		{"an Ogham space", "Alice\u1680Bob", false},
		{"a line separator", "Alice\u2028Bob", false},
		{"Braille blanks", "Alice\u2800\u2800Bob", false},
		{"nothing but a Braille blank", "\u2800", false},
		{"a note without a head", "Alice\U0001d159", false},
		{"a Hangul filler", "Alice\u3164", false},
		{"a Hangul choseong filler", "\u115f", false},
		{"a Hangul jungseong filler", "Alice\u1160", false},
		{"a halfwidth Hangul filler", "Alice\uffa0", false},
		{"a Khmer inherent vowel", "ក\u17b4", false},
		{"a combining grapheme joiner", "A\u034f", false},
		{"a variation selector", "Alice\ufe0f", false},
		{"a variation selector of the supplement", "Alice\U000e0100", false},
		{"a Mongolian variation selector", "ᠠ\u180b", false},
		{"a zero-width space", "Al\u200bice", false},
		{"a zero-width joiner", "Al\u200dice", false},
		{"a word joiner", "Al\u2060ice", false},
		{"a byte order mark", "\ufeffAlice", false},
		{"a soft hyphen", "Al\u00adice", false},
		{"an invisible times", "A\u2062B", false},
		{"a tag character", "Alice\U000e0041", false},
		{"an unassigned ignorable", "Alice\U000e0fff", false},
		{"a right-to-left override", "Alice\u202eBob", false},
		{"a left-to-right mark", "Alice\u200eBob", false},
		{"an Arabic letter mark", "شركة\u061c", false},
		{"an isolate", "\u2067Alice\u2069", false},
		{"an interlinear annotation", "Alice\ufff9", false},
		{"private use", "Alice\ue000", false},
		{"private use of another plane", "Alice\U00100000", false},
		{"a non-character", "Alice\uffff", false},
		{"an unassigned character", "Alice\u0378", false},
		{"an object replacement", "Alice\ufffc", false},
		{"a replacement character", "Alice\ufffd", false},
		{"a mark at the start", "\u0301Alice", false},
		{"a mark on a space", "Alice \u0301Bob", false},
		{"a stroke through a digit", "2\u03385 EUR", false},
		{"the same mark twice", "Alice\u0301\u0301", false},
		{"four marks on a letter", "Alice\u0300\u0301\u0302\u0303", false},
		{"a pile of marks", "A" + strings.Repeat("\u0300\u0301", 20), false},
		{"a pile of Hangul vowels", "\u1112\u1161\u1162\u1163\u1164", false},
		{"an enclosing circle", "A\u20dd", false},
		{"Hebrew in a Latin name", "Alice שלום", false},
		{"Latin in an Arabic name", "شركة EUR", false},
		{"the sign of a line that goes on", "> You pay", false},
		{"that sign without a space", ">Alice", false},
		{"that sign in full width", "＞ You pay", false},
		{"that sign, small", "﹥ You pay", false},
		{"an id in brackets", "Alice (mem_bob)", false},
		{"an id in brackets, and more", "Bob (mem_bob), at step 2", false},
		{"an id of an account in brackets", "Treasury (acc_treasury)", false},
		{"an id in square brackets", "Alice [mem_bob]", false},
		{"an id in brackets of full width", "Alice （mem_bob）", false},
		{"an id in brackets with spaces", "Alice ( mem_bob )", false},
		{"an id in brackets after other words", "Alice (that is, mem_bob)", false},
		{"an id in a bracket that stays open", "Alice (mem_bob", false},
		{"nothing but an id in brackets", "(mem_bob)", false},
	}
}

func TestNamesThatHideOrImitateAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range cases() {
		if why := Problem(c.Text); (why == "") != c.Valid {
			t.Errorf("%s: %q: %q, want valid %v", c.Name, c.Text, why, c.Valid)
		}
	}
	for _, s := range []string{"Alice\xff", "\xed\xa0\x80"} {
		if OK(s) {
			t.Errorf("%q is not UTF-8 and is a name", s)
		}
	}
}

func TestANameHasNoIdOfAnyKindInBrackets(t *testing.T) {
	t.Parallel()
	for _, kind := range id.Kinds() {
		if s := "Alice (" + kind + "_bob)"; OK(s) {
			t.Errorf("%q is a name", s)
		}
	}
}

func TestTheVectorsOfNamesAreThoseOfTheCode(t *testing.T) {
	t.Parallel()
	want, err := json.MarshalIndent(cases(), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *update {
		if err := os.WriteFile(vectorFile, want, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(vectorFile); err != nil || string(got) != string(want) {
		t.Errorf("%s is not what this test describes (%v): write it with -update", vectorFile, err)
	}
}

// defaultIgnorable is Default_Ignorable_Code_Point of DerivedCoreProperties.txt
// (Unicode 15 to 17), with its unassigned characters.
var defaultIgnorable = [][2]rune{
	{0xad, 0xad}, {0x34f, 0x34f}, {0x61c, 0x61c}, {0x115f, 0x1160}, {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x200b, 0x200f},
	{0x202a, 0x202e}, {0x2060, 0x206f}, {0x3164, 0x3164}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfff8},
	{0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
}

func TestNoDefaultIgnorableCharacterIsVisible(t *testing.T) {
	t.Parallel()
	in := func(r rune) bool {
		for _, x := range defaultIgnorable {
			if r >= x[0] && r <= x[1] {
				return true
			}
		}
		return false
	}
	for r := rune(0); r <= unicode.MaxRune; r++ {
		switch {
		case in(r) && (Visible(r) || OK("A"+string(r))):
			t.Errorf("%U is ignorable by default and may stand in a name", r)
		case in(r) && !ignorable(r):
			t.Errorf("%U is ignorable by default and is not derived so", r)
		case ignorable(r) && !in(r) && !unicode.Is(unicode.Cf, r):
			t.Errorf("%U is derived as ignorable and is not", r)
		case unicode.In(r, unicode.C, unicode.Z) && r != ' ' && Visible(r):
			t.Errorf("%U is a control, format, surrogate, private or separator character and may stand in a name", r)
		case Visible(r) && r != ' ' && !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S):
			t.Errorf("%U has no category and may stand in a name", r)
		}
	}
}

func TestWhatOthersChoseIsShownWithoutItsTricks(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"alice":                   "alice",
		"YubiKey PIV #9":          "YubiKey PIV #9",
		"a  b":                    `"a  b"`,
		"a\u2800b":                `"a\u2800b"`,
		"a\nYou pay 25.00 EUR":    `"a\nYou pay 25.00 EUR"`,
		"":                        `""`,
		`"A\x01B"`:                `"\"A\\x01B\""`, // "A\x01B" without quotation marks is shown so
		`a" is unlocked. Is "b`:   `"a\" is unlocked. Is \"b"`,
		strings.Repeat("x", 100):  `"` + strings.Repeat("x", 64) + `"…`,
		strings.Repeat("\xff", 3): `"\xff\xff\xff"`,
	} {
		if got := Shown(in); got != want {
			t.Errorf("%q is shown as %s, want %s", in, got, want)
		}
		if got := Quote(Shown(in)); got != `"`+strings.Trim(want, `"`)+`"` && got != want {
			t.Errorf("%q is quoted as %s", in, got)
		}
	}
}

func FuzzProblem(f *testing.F) {
	for _, c := range cases() {
		f.Add(c.Text)
	}
	f.Fuzz(func(t *testing.T, s string) {
		shown := Shown(s)
		if as := OK(s) && !strings.ContainsAny(s, `"\`); as != (shown == s) {
			t.Errorf("%q is a name: %v, and is shown as %s", s, OK(s), shown)
		}
		if !utf8.ValidString(shown) || strings.ContainsFunc(shown, func(r rune) bool { return !Visible(r) }) {
			t.Errorf("%q is shown as %q", s, shown)
		}
		if OK(s) && (strings.Contains(s, "  ") || strings.TrimSpace(s) != s || len(s) > MaxBytes) {
			t.Errorf("%q is a name", s)
		}
	})
}

func TestANameCannotPassForTheWordsAroundIt(t *testing.T) {
	for name, want := range map[string]string{
		"Alice":                   "Alice",
		"Coin Harbor":             "Coin Harbor",
		"Jean-Paul O'Neill Jr.":   "Jean-Paul O'Neill Jr.",
		"Smith & Sons 2":          "Smith & Sons 2",
		"Andorra Oracle":          "Andorra Oracle",
		"日本 銀行":                   "日本 銀行",
		"Alice, Bob":              `"Alice, Bob"`,
		"Alice and Bob":           `"Alice and Bob"`,
		"Alice OR Bob":            `"Alice OR Bob"`,
		"two, version 9":          `"two, version 9"`,
		"two version 9":           `"two version 9"`,
		"two; waiting":            `"two; waiting"`,
		"Main, address 0x00":      `"Main, address 0x00"`,
		"Northpay into account X": `"Northpay into account X"`,
		`the "real" one`:          `"the 'real' one"`,
		"Alice、Bob":               `"Alice、Bob"`,
		"Alice (admin)":           `"Alice (admin)"`,
		"“Alice”":                 `"“Alice”"`,
	} {
		if got := Within(name); got != want {
			t.Errorf("%s stands as %s, want %s", name, got, want)
		}
	}
}

func TestATextThatOthersChoseIsShownWholeAndCannotPassForAnother(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 5000)
	for text, want := range map[string]string{
		"": `""`, "Sign in to example.com": `"Sign in to example.com"`, " two  spaces ": `" two  spaces "`, long: `"` + long + `"`,
		"a\nYou sign as  Bob": `"a\nYou sign as  Bob"`, "a\r\n\t\x00\x1b[2J": `"a\r\n\t\x00\x1b[2J"`, `say "yes" \n`: `"say \"yes\" \\n"`,
		"caf\u00e9 \u6f22\U0001f600": "\"caf\u00e9 \u6f22\U0001f600\"", "cafe\u0301": "\"cafe\u0301\"", "2\u0338": `"2\u0338"`, "e\u0301\u0301": "\"e\u0301" + `\u0301"`,
		"pay \u202e001": `"pay \u202e001"`, "a\u2028b\u0085c\u00a0d": `"a\u2028b\u0085c\u00a0d"`, "zero\u200bwidth\ufeff": `"zero\u200bwidth\ufeff"`, "\u05e9\u05dc\u05d5\u05dd": "\"\u05e9\u05dc\u05d5\u05dd\"",
		"pay \u05e9\u05dc 100": `"pay \u05e9\u05dc 100"`, "\xff\xfe": `"\xff\xfe"`, "\ufffd": `"\ufffd"`, "\U000e0041": `"\U000e0041"`,
	} {
		if got := Verbatim(text); got != want {
			t.Errorf("%+q: got %+q, want %+q", text, got, want)
		}
	}
}

func FuzzVerbatimIsExact(f *testing.F) {
	for _, c := range cases() {
		f.Add(c.Text)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Verbatim(s)
		back, err := strconv.Unquote(got)
		if err != nil || back != s {
			t.Fatalf("%+q is shown as %+q, which is %+q: %v", s, got, back, err)
		}
		for _, r := range got {
			if !Visible(r) {
				t.Fatalf("%+q is shown with %U", s, r)
			}
		}
	})
}
