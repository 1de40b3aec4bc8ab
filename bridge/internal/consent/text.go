package consent

import (
	"strings"

	"countersign/shared/name"
)

// maxText is how much text is shown, in bytes: more than anybody reads.
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

// cleanLine is [Clean] for a text of one line.
func cleanLine(s string) string {
	return strings.ReplaceAll(Clean(s), "\n", "\uFFFD")
}

// pages splits text into parts whose cost is at most limit each: at empty lines
// where it can, so that what belongs together stays together, else at the ends of
// lines, and never inside a character.
func pages(text string, limit int, cost func(string) int) []string {
	var all []string
	var page string
	for _, line := range strings.SplitAfter(strings.TrimRight(text, "\n"), "\n") {
		if cost(page+line) <= limit {
			page += line
			continue
		}
		if cut := strings.LastIndex(page, "\n\n") + 2; cut > 2 && cost(page[cut:]+line) <= limit {
			all, page = append(all, page[:cut]), page[cut:]+line
			continue
		}
		if page != "" {
			all, page = append(all, page), ""
		}
		for cost(line) > limit {
			cut := 0
			for i := range line {
				if cost(line[:i]) > limit {
					break
				}
				cut = i
			}
			all, line = append(all, line[:cut]), line[cut:]
		}
		page = line
	}
	return append(all, page)
}
