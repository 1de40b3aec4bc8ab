// Package fold writes for people in a terminal: it breaks lines at a width that is
// counted in columns, between words, and counts in English. The prompts
// (bridge/internal/consent) and the lists of commands (bridge/cmd/countersign-bridge)
// use it.
package fold

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Line breaks one line between words: the first part has at most first columns,
// the others at most then. Only a word that is longer than a whole line is broken
// itself, and no amount is broken between its thousands.
func Line(s string, first, then int) (parts []string) {
	room, part := first, ""
	for _, word := range words(s) {
		joined := word
		if part != "" {
			joined = part + " " + word
		}
		if Columns(joined) <= room {
			part = joined
			continue
		}
		if part != "" {
			parts, room = append(parts, part), then
		}
		for Columns(word) > room {
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
		used += Columns(string(r))
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

// Columns is how many columns a text takes in a terminal.
func Columns(s string) (columns int) {
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

// Count is how many there are of something: "1 entry", "2 entries".
func Count[N int | uint64](n N, one, many string) string {
	if n == 1 {
		many = one
	}
	return fmt.Sprintf("%d %s", n, many)
}
