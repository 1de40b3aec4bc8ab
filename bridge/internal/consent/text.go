package consent

import (
	"strings"

	"countersign/shared/name"
)

// maxText is how much text is shown, in bytes: more than a person reads.
const maxText = 16 << 10

// Clean makes text safe to show: it keeps the characters that may stand in a name
// and the line feed, and replaces the rest (control and format characters, among
// them escape sequences and those that change the direction of writing, whatever
// cannot be seen, other white space, and invalid UTF-8) by U+FFFD.
func Clean(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	return strings.Map(func(r rune) rune {
		if r == '\n' || name.Visible(r) {
			return r
		}
		return '\uFFFD'
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// Line is [Clean] for a text of one line.
func Line(s string) string {
	return strings.ReplaceAll(Clean(s), "\n", "\uFFFD")
}
