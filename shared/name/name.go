// Package name is the one rule for what people and things are called: people,
// members, entities, accounts, groups, rules, steps and providers. A name stands
// in a prompt beside amounts and addresses, so it must not look empty, hide
// letters, break a line, turn the writing around, run into its neighbours, or pass
// for what a prompt writes itself. Pure, and small enough for the browser. The
// signer, the approver's bridge, the gateway's configuration and shared/statement
// use it. Spec: shared/spec/statement.md, "Names"; vectors:
// shared/spec/vectors/name.json.
//
// The rule does not compare letters: a Latin and a Cyrillic "a" look the same
// (Unicode TS 39, confusables), and so do a letter with its accent and the same
// as two characters. Wherever a name is shown its id stands beside it.
package name

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"countersign/shared/id"
)

// Limits of a name, and of other words that people write. A frame carries [MaxBytes]
// (shared/frame).
const (
	MaxCharacters = 64
	MaxBytes      = 200
	MaxWords      = 140 // characters
	MaxWordsBytes = 420
	maxMarks      = 3 // combining marks on one letter; Unicode TS 39 (5.4) bounds them too
)

// OK reports whether s is a name.
func OK(s string) bool { return Problem(s) == "" }

// Problem says what is wrong with a name, as the end of a sentence: "has two
// spaces in a row". It is empty for a name.
func Problem(s string) string { return problem(s, MaxCharacters, MaxBytes) }

// WordsProblem is [Problem] for what a person wrote in their own words, such as what a
// request is for: the rule is the same, and the text may be longer. Where it is shown it
// stands in quotation marks ([InQuotes]).
func WordsProblem(s string) string { return problem(s, MaxWords, MaxWordsBytes) }

func problem(s string, characters, bytes int) string {
	if s == "" {
		return "is empty"
	}
	if !utf8.ValidString(s) {
		return "is not valid UTF-8"
	}
	if utf8.RuneCountInString(s) > characters || len(s) > bytes {
		return "has more than " + strconv.Itoa(characters) + " characters or " + strconv.Itoa(bytes) + " bytes"
	}
	var last rune
	var marks int
	var left, right bool
	for i, r := range s {
		if why := unfit(r); why != "" {
			return "has the character " + code(r) + ", which " + why
		}
		switch {
		case r == ' ' && i == 0, r == ' ' && i == len(s)-1:
			return "begins or ends with a space"
		case r == ' ' && last == ' ':
			return "has two spaces in a row"
		case !joins(r):
			marks = 0
		case marks == 0 && !unicode.IsLetter(last):
			return "has a combining mark (" + code(r) + ") that is not on a letter"
		case r == last && unicode.Is(unicode.M, r):
			return "has the same combining mark twice in a row (" + code(r) + ")"
		case marks == maxMarks:
			return "has more than " + strconv.Itoa(maxMarks) + " combining marks on one letter"
		default:
			marks++
		}
		left, right = left || leftToRight(r), right || rightToLeft(r)
		last = r
	}
	if left && right {
		return "is written in both directions"
	}
	return imitates(s)
}

// imitates says how a name looks like what the prompts write themselves: a line that
// goes on after ">", or an id in brackets behind a name.
func imitates(s string) string {
	switch first, _ := utf8.DecodeRuneInString(s); first {
	case '>', '\ufe65', '\uff1e': // also SMALL and FULLWIDTH GREATER-THAN SIGN
		return "begins with " + string(first) + ", as a line that goes on does in a prompt"
	}
	open, start := false, 0
	for i, r := range s + " " {
		if r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			continue
		}
		if word := s[start:i]; open && id.Known(word) {
			return "has an id in brackets (" + word + "), which is shown behind each name"
		}
		start = i + utf8.RuneLen(r)
		open = open && !unicode.Is(unicode.Pe, r) || unicode.Is(unicode.Ps, r)
	}
	return ""
}

// joining are the words that sentences put between names.
const joining = " and or from into to account address version "

// Within is a name as a sentence or a list has it, between other words: in quotation
// marks when it has marks, brackets or words of its own that could be the sentence's.
func Within(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return unicode.IsPunct(r) && !strings.ContainsRune("-.&'’", r) }) {
		return InQuotes(name)
	}
	for _, word := range strings.Fields(name) {
		if strings.Contains(joining, " "+strings.ToLower(word)+" ") {
			return InQuotes(name)
		}
	}
	return name
}

// WithID is a name as prompts write it, its id behind it in brackets. A name with brackets
// or quotation marks of its own stands in quotation marks, so that nothing in it passes for
// the id.
func WithID(name, id string) string {
	for _, r := range name {
		if r == '"' || unicode.Is(unicode.Ps, r) {
			name = InQuotes(name)
			break
		}
	}
	return name + " (" + id + ")"
}

// InQuotes sets a name, or words, in quotation marks, with ' for those of its own: it ends
// where the marks do.
func InQuotes(s string) string { return `"` + strings.ReplaceAll(s, `"`, "'") + `"` }

// Visible reports whether r may stand in a name: whether it is a character that a
// person sees, and the space.
func Visible(r rune) bool { return unfit(r) == "" }

// Shown is a text of one line that others chose, such as the label of a token, fit
// to be shown: as it is when it could be a name without quotation marks, else quoted,
// with everything but ASCII written as an escape, and cut after 64 characters. Two
// texts that are not cut are shown as two.
func Shown(s string) string {
	if OK(s) && !strings.ContainsAny(s, `"\`) {
		return s
	}
	cut := ""
	if n := 0; len(s) > MaxCharacters {
		for i := range s {
			if n++; n > MaxCharacters {
				s, cut = s[:i], "…"
				break
			}
		}
	}
	return strconv.QuoteToASCII(s) + cut
}

// Verbatim is a text that others chose, whole and exact, on one line and in quotation
// marks. A character of which a person would not see that it is there, where it is or what it
// is stands as an escape, as [strconv.QuoteToASCII] writes it: two texts are shown as two.
func Verbatim(s string) string {
	both := strings.ContainsFunc(s, leftToRight) && strings.ContainsFunc(s, rightToLeft)
	out := []byte{'"'}
	var last rune
	marks := 0
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		plain := r != '"' && r != '\\' && unfit(r) == "" && (!both || !rightToLeft(r))
		switch {
		case !plain || !joins(r):
			marks = 0
		case marks == 0 && !unicode.IsLetter(last), r == last && unicode.Is(unicode.M, r), marks == maxMarks:
			plain = false
		default:
			marks++
		}
		if plain {
			out = append(out, s[i:i+n]...)
		} else {
			quoted := strconv.QuoteToASCII(s[i : i+n])
			out = append(out, quoted[1:len(quoted)-1]...)
			r = 0
		}
		last, i = r, i+n
	}
	return string(append(out, '"'))
}

// Quote puts what [Shown] returned into quotation marks, for the middle of a sentence;
// what has them already stays as it is.
func Quote(shown string) string {
	if strings.HasPrefix(shown, `"`) {
		return shown
	}
	return `"` + shown + `"`
}

// unfit says why a character has no place in a name.
func unfit(r rune) string {
	switch {
	case r == ' ':
		return ""
	case ignorable(r), unicode.Is(unfilled, r):
		return "cannot be seen"
	case unicode.Is(unicode.Z, r), unicode.Is(blank, r):
		return "looks like a space and is another"
	case unicode.Is(unicode.Me, r):
		return "changes how its neighbours look"
	case !unicode.IsGraphic(r):
		return "is a control or format character, or stands for none"
	}
	return ""
}

// ignorable is Unicode's Default_Ignorable_Code_Point, derived as
// DerivedCoreProperties.txt says, but for what is excepted there from the format
// characters (Cf): those are refused all the same.
func ignorable(r rune) bool {
	return unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Cf)
}

// blank are characters that are not separators (Z) and have no ink: BRAILLE PATTERN
// BLANK, MUSICAL SYMBOL NULL NOTEHEAD, two blanks of Egyptian hieroglyphs.
var blank = &unicode.RangeTable{
	R16: []unicode.Range16{{Lo: 0x2800, Hi: 0x2800, Stride: 1}},
	R32: []unicode.Range32{{Lo: 0x13441, Hi: 0x13442, Stride: 1}, {Lo: 0x1d159, Hi: 0x1d159, Stride: 1}},
}

// unfilled have no look of their own: OBJECT REPLACEMENT CHARACTER, REPLACEMENT
// CHARACTER, KHITAN SMALL SCRIPT FILLER, DUPLOYAN THICK LETTER SELECTOR.
var unfilled = &unicode.RangeTable{
	R16: []unicode.Range16{{Lo: 0xfffc, Hi: 0xfffd, Stride: 1}},
	R32: []unicode.Range32{{Lo: 0x16fe4, Hi: 0x16fe4, Stride: 1}, {Lo: 0x1bc9d, Hi: 0x1bc9d, Stride: 1}},
}

// joins reports whether r is drawn on what stands before it: a combining mark, or
// the vowel or the end of a Hangul syllable that is written in parts.
func joins(r rune) bool {
	return unicode.Is(unicode.M, r) || r >= 0x1160 && r <= 0x11ff || r >= 0xd7b0 && r <= 0xd7ff
}

// rightToLeft reports whether r lies in the blocks whose characters are written
// from the right (DerivedBidiClass.txt: the defaults R and AL). Marks and digits
// follow their neighbours.
func rightToLeft(r rune) bool {
	within := r >= 0x590 && r <= 0x8ff || r >= 0xfb1d && r <= 0xfdff || r >= 0xfe70 && r <= 0xfeff ||
		r >= 0x10800 && r <= 0x10fff || r >= 0x1e800 && r <= 0x1efff
	return within && !unicode.Is(unicode.M, r) && !unicode.Is(unicode.Nd, r)
}

func leftToRight(r rune) bool {
	return unicode.In(r, unicode.L, unicode.Nl) && !rightToLeft(r)
}

// code names a character: U+200B.
func code(r rune) string {
	digits := strconv.FormatInt(int64(r), 16)
	for len(digits) < 4 {
		digits = "0" + digits
	}
	b := []byte("U+" + digits)
	for i, c := range b {
		if c >= 'a' {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}
