package consent

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// The widths, in columns, at which lines are broken here: nothing is left to a
// terminal or a window to break, which would put the middle of a name where a
// line begins. The windows of pinentry programs hold pinentryWidth in their usual
// fonts.
const (
	terminalWidth = 80
	pinentryWidth = 72
	narrowest     = 40 // a terminal that claims less is taken for this wide
)

// wrapped marks where a line goes on. It stands left of the column in which values
// begin, where nothing that others chose can stand; a line of prose, which has no
// such column, goes on behind proseIndent.
const (
	wrapped     = "> "
	proseIndent = "    "
)

// layout breaks a text that [Clean] has passed into lines of at most columns. A
// line "label  value" goes on under its value, with a mark before it.
func layout(text string, columns int) (lines []string) {
	for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		value := strings.TrimLeft(line, " ")
		label := line[:len(line)-len(value)]
		indent := label + proseIndent
		if at := strings.Index(value, "  "); at > 0 && label == "" {
			text := strings.TrimLeft(value[at:], " ")
			if column := line[:len(line)-len(text)]; span(column) < columns/2 {
				label, value, indent = column, text, strings.Repeat(" ", span(column)-len(wrapped))+wrapped
			}
		}
		for i, part := range fold(value, columns-span(label), columns-span(indent)) {
			if i == 0 {
				lines = append(lines, label+part)
			} else {
				lines = append(lines, indent+part)
			}
		}
	}
	return lines
}

// fold breaks one line between words: the first part has at most first columns,
// the others at most then. Only a word that is longer than a whole line is broken
// itself, and no amount is broken between its thousands.
func fold(s string, first, then int) (parts []string) {
	room, part := first, ""
	for _, word := range words(s) {
		joined := word
		if part != "" {
			joined = part + " " + word
		}
		if span(joined) <= room {
			part = joined
			continue
		}
		if part != "" {
			parts, room = append(parts, part), then
		}
		for span(word) > room {
			cut := fitting(word, room)
			parts, word, room = append(parts, word[:cut]), word[cut:], then
		}
		part = word
	}
	return append(parts, part)
}

// fitting is how many bytes of a word fit into columns: at least one letter, and
// every letter with its marks.
func fitting(word string, columns int) int {
	used := 0
	for i, r := range word {
		used += span(string(r))
		if used > columns && i > 0 {
			return i
		}
	}
	return len(word)
}

// words splits at spaces, but not between the thousands of an amount.
func words(s string) (all []string) {
	for _, w := range strings.Split(s, " ") {
		if n := len(all); n > 0 && thousands(w) && endsInGroup(all[n-1]) {
			all[n-1] += " " + w
			continue
		}
		all = append(all, w)
	}
	return all
}

// thousands reports whether w can be a later group of an amount: three digits, and
// perhaps a point with more.
func thousands(w string) bool {
	whole, _, _ := strings.Cut(w, ".")
	return len(whole) == 3 && strings.Trim(w, "0123456789.") == ""
}

// endsInGroup reports whether w is, or ends with, one to three digits.
func endsInGroup(w string) bool {
	last := w[strings.LastIndexByte(w, ' ')+1:]
	return last != "" && len(last) <= 3 && strings.Trim(last, "0123456789") == ""
}

// span is how many columns a text takes in a terminal.
func span(s string) (columns int) {
	for _, r := range s {
		switch {
		case joins(r):
		case width.LookupRune(r).Kind() == width.EastAsianWide, width.LookupRune(r).Kind() == width.EastAsianFullwidth:
			columns += 2
		default:
			columns++
		}
	}
	return columns
}

// joins reports whether r takes no column of its own.
func joins(r rune) bool {
	return unicode.In(r, unicode.Mn, unicode.Me) || r >= 0x1160 && r <= 0x11ff || r >= 0xd7b0 && r <= 0xd7ff
}

// pages puts lines on pages. When they do not all fit on one, each item, which
// ends at an empty line, has a page of its own, the first with what stands before
// it; an item that fits on no page goes on to the next, where a line begins.
func pages(lines []string, fits func([]string) bool) [][]string {
	if fits(lines) {
		return [][]string{lines}
	}
	items := split(lines)
	if len(items) > 1 {
		first := append(append([]string{}, items[0]...), items[1]...)
		if fits(first) {
			items = append([][]string{first}, items[2:]...)
		}
	}
	var all [][]string
	for _, item := range items {
		for !fits(item) && len(item) > 1 {
			cut := len(item) - 1
			for cut > 1 && (!fits(item[:cut]) || continues(item[cut])) {
				cut--
			}
			all, item = append(all, item[:cut]), item[cut:]
		}
		all = append(all, item)
	}
	return all
}

// continues reports whether a line goes on from the one before it.
func continues(line string) bool { return strings.HasPrefix(line, " ") }

// split cuts behind empty lines.
func split(lines []string) (items [][]string) {
	from := 0
	for i, l := range lines {
		if l == "" {
			items, from = append(items, lines[from:i+1]), i+1
		}
	}
	if from < len(lines) {
		items = append(items, lines[from:])
	}
	return items
}
