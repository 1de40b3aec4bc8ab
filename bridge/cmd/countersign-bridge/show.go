package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"countersign/bridge/internal/fold"
	"countersign/bridge/internal/journal"
	"countersign/shared/name"
)

// The form of the lists that commands print.
const (
	showWidth  = 80
	showIndent = "       "
)

// show prints an entry for a person: when, what, and the result in the first line;
// what was decided on; then who, with what, for whom.
func show(w io.Writer, e journal.Entry) error {
	at := strings.Replace(e.Time, "T", " ", 1)
	if len(at) > len("2006-01-02 15:04:05") {
		at = at[:len("2006-01-02 15:04:05")]
	}
	first := fmt.Sprintf("%5d  %s  %-15s", e.Seq, at, e.Kind)
	about := decidedOn(e)
	var facts []string
	for _, f := range []struct{ label, value string }{
		{"", e.Code}, {"", e.Decision}, {"member", e.Member}, {"request", e.Request}, {"batch", e.Batch}, {"site", e.Origin},
		{"pairing", e.Pairing}, {"program", e.Process}, {"token", e.Device}, {"key", e.Key}, {"signs", e.Statement}, {"digest", e.Digest},
	} {
		if f.value != "" {
			shown := printable(f.value)
			if f.label == "token" { // it is what people call it
				shown = legible(f.value)
			}
			facts = append(facts, strings.TrimLeft(f.label+" ", " ")+shown)
		}
	}
	if e.Count > 0 {
		facts = append(facts, fmt.Sprintf("count %d", e.Count))
	}
	lines := []string{first}
	for len(facts) > 0 && fold.Columns(lines[0]+"  "+facts[0]) <= showWidth {
		lines[0] += "  " + facts[0]
		facts = facts[1:]
	}
	lines = append(lines, about...)
	return write(w, append(lines, pack(facts)...))
}

// item prints one item of a list: what it is called, whole, so that it can be copied,
// and below it the facts, without those that are empty.
func item(w io.Writer, called string, facts ...string) error {
	facts = slices.DeleteFunc(facts, func(f string) bool { return f == "" })
	return write(w, append([]string{called}, pack(facts)...))
}

// remark prints a sentence below a list.
func remark(w io.Writer, text string) error {
	return write(w, fold.Line(text, showWidth, showWidth))
}

func write(w io.Writer, lines []string) error {
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	_, err := io.WriteString(w, strings.Join(lines, "\n")+"\n")
	return err
}

// pack puts as many facts into a line as it has columns for.
func pack(facts []string) (lines []string) {
	for _, fact := range facts {
		if last := len(lines) - 1; last >= 0 && fold.Columns(lines[last]+"  "+fact) <= showWidth {
			lines[last] += "  " + fact
			continue
		}
		lines = append(lines, block(fact)...)
	}
	return lines
}

// decidedOn are the lines that say what was decided on; older entries do not say it.
func decidedOn(e journal.Entry) (lines []string) {
	for _, l := range e.Tell() {
		lines = append(lines, block(legible(l))...)
	}
	return lines
}

// block breaks one fact between its words; a later line goes in deeper.
func block(s string) (lines []string) {
	for i, part := range fold.Line(s, showWidth-len(showIndent), showWidth-len(showIndent)-2) {
		if i > 0 {
			part = "  " + part
		}
		lines = append(lines, showIndent+part)
	}
	return lines
}

// legible shows what a verified statement said: names in any script.
func legible(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !name.Visible(r) }) {
		return printable(s)
	}
	return s
}

// printable shows a value that others chose, such as a program's path, without
// what would move the cursor.
func printable(s string) string {
	quoted := fmt.Sprintf("%+q", s)
	if plain := quoted[1 : len(quoted)-1]; plain == s && !strings.Contains(s, "  ") {
		return s
	}
	return quoted
}
