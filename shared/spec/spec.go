// Package spec has the protocols' pages and vectors, and reads their tables and
// examples for the tests that hold them to the code: the package that owns a
// table or decodes a message compares it. Only tests import it.
package spec

import (
	"embed"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

//go:embed *.md vectors/*.json schemas/*.json
var files embed.FS

// Page returns the text of a page, such as "frame.md".
func Page(t testing.TB, name string) string {
	t.Helper()
	b, err := files.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Section returns what stands on a page under a heading, without its "#": up to
// the next heading of the same or a higher level. An empty heading is the whole
// page.
func Section(t testing.TB, page, heading string) string {
	t.Helper()
	var out []string
	level, fenced := 0, false
	for line := range strings.Lines(Page(t, page)) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		if n := len(line) - len(strings.TrimLeft(line, "#")); n > 0 && !fenced {
			switch text := strings.TrimSpace(line[n:]); {
			case level == 0 && strings.ReplaceAll(text, "`", "") == heading:
				level = n
				continue
			case level > 0 && n <= level:
				return strings.Join(out, "")
			}
		}
		if level > 0 || heading == "" {
			out = append(out, line)
		}
	}
	if len(out) == 0 {
		t.Fatalf("%s has nothing under the heading %q", page, heading)
	}
	return strings.Join(out, "")
}

// Table returns the rows of the table under a heading whose first column has
// this name. A row is its cells, without the space around them.
func Table(t testing.TB, page, heading, column string) [][]string {
	t.Helper()
	var rows [][]string
	found := false
	for line := range strings.Lines(Section(t, page, heading)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			if found {
				break
			}
			continue
		}
		cells := cellsOf(line)
		switch {
		case !found:
			found = cells[0] == column
		case strings.Trim(cells[0], "-: ") != "":
			rows = append(rows, cells)
		}
	}
	if len(rows) == 0 {
		t.Fatalf("%s has no table %q under the heading %q", page, column, heading)
	}
	return rows
}

func cellsOf(line string) []string {
	line = strings.ReplaceAll(line, `\|`, "\x00")
	cells := strings.Split(strings.Trim(line, "|"), "|")
	for i, c := range cells {
		cells[i] = strings.ReplaceAll(strings.TrimSpace(c), "\x00", "|")
	}
	return cells
}

// Column returns the words in code type of one column of a table, counted from 0.
func Column(t testing.TB, page, heading, column string, n int) []string {
	t.Helper()
	var words []string
	for _, row := range Table(t, page, heading, column) {
		if n >= len(row) {
			t.Fatalf("%s, %s: the row %v is too short", page, heading, row)
		}
		words = append(words, Words(row[n])...)
	}
	return words
}

var code = regexp.MustCompile("`([^`]+)`")

// Words returns what stands in code type in a text.
func Words(text string) []string {
	var words []string
	for _, m := range code.FindAllStringSubmatch(text, -1) {
		words = append(words, m[1])
	}
	return words
}

var fence = regexp.MustCompile("(?ms)^[ ]*```([a-z]*)\n(.*?)^[ ]*```$")

// Examples returns the blocks of a language under a heading, such as "json".
func Examples(t testing.TB, page, heading, language string) []string {
	t.Helper()
	var blocks []string
	for _, m := range fence.FindAllStringSubmatch(Section(t, page, heading), -1) {
		if m[1] == language {
			blocks = append(blocks, strings.TrimSpace(m[2]))
		}
	}
	if len(blocks) == 0 {
		t.Fatalf("%s has no block of %s under the heading %q", page, language, heading)
	}
	return blocks
}

// Same compares the words of a page with those of the code, in any order.
func Same(t testing.TB, what string, page, code []string) {
	t.Helper()
	for _, w := range page {
		if !slices.Contains(code, w) {
			t.Errorf("%s: the page has %q, the code has not", what, w)
		}
	}
	for _, w := range code {
		if !slices.Contains(page, w) {
			t.Errorf("%s: the code has %q, the page has not", what, w)
		}
	}
	if sorted := slices.Sorted(slices.Values(page)); len(slices.Compact(sorted)) != len(page) {
		t.Errorf("%s: the page has a word twice: %v", what, page)
	}
}

// Row returns the cells of the row that begins with name, of whichever table
// under a heading has this first column.
func Row(t testing.TB, page, heading, column, name string) []string {
	t.Helper()
	inside := false
	for line := range strings.Lines(Section(t, page, heading)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			inside = false
			continue
		}
		cells := cellsOf(line)
		if inside = inside || cells[0] == column; inside && cells[0] == name {
			return cells
		}
	}
	t.Fatalf("%s has no row %q under the heading %q", page, name, heading)
	return nil
}

// Limit compares a row of a page's table of limits, whose first column is what,
// with the code's: the cell must have each number, and not beside another digit.
// Numbers may have separators (65,536) and units that the caller writes.
func Limit(t testing.TB, page, name string, numbers ...string) {
	t.Helper()
	row := Row(t, page, "Limits", "what", name)
	cell := strings.Join(row[1:], " ")
	for _, n := range numbers {
		if !regexp.MustCompile(`(^|[^0-9,.])` + regexp.QuoteMeta(n) + `($|[^0-9,.]|[,.]($|[^0-9]))`).MatchString(cell) {
			t.Errorf("%s, %s: the page says %q, the code %s", page, name, cell, n)
		}
	}
}

// Number writes n as the pages do: 65,536.
func Number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
