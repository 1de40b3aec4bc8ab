package consent

import (
	"strings"

	"countersign/bridge/internal/fold"
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

// wrapped is where a line goes on: in the first column, where labels begin and
// nothing that others chose can stand. The text follows under its value, or behind
// proseIndent. Spaces alone would not do: pinentry-curses drops them at the start of
// a line.
const (
	wrapped     = ">"
	proseIndent = "   "
)

// layout breaks a text that [Clean] has passed into lines of at most columns. A
// line "label  value" goes on under its value, with a mark before it.
func layout(text string, columns int) (lines []string) {
	for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		value := strings.TrimLeft(line, " ")
		label := line[:min(len(line)-len(value), columns/2)]
		indent := wrapped + label + proseIndent
		if at := strings.Index(value, "  "); at > 0 && label == "" {
			text := strings.TrimLeft(value[at:], " ")
			if column := line[:len(line)-len(text)]; fold.Columns(column) < columns/2 {
				label, value, indent = column, text, wrapped+strings.Repeat(" ", fold.Columns(column)-len(wrapped))
			}
		}
		for i, part := range fold.Line(value, columns-fold.Columns(label), columns-fold.Columns(indent)) {
			if i == 0 {
				lines = append(lines, label+part)
			} else {
				lines = append(lines, indent+part)
			}
		}
	}
	return lines
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
func continues(line string) bool {
	return strings.HasPrefix(line, wrapped) || strings.HasPrefix(line, " ")
}

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
