package buy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// deviations are the ways in which a document differs from the contract, for
// people: general ones, and the items that were left out with the reason.
type deviations struct {
	general map[string]bool
	left    []leftOut
}

// leftOut are the items of one list that were left out for one reason.
type leftOut struct {
	what, why string
	items     []string
	more      int
}

// maxNamed is how many items are named for one reason, and maxReasons how many
// reasons there are.
const (
	maxNamed   = 8
	maxReasons = 16
)

func (d *deviations) say(text string) {
	if d.general == nil {
		d.general = map[string]bool{}
	}
	d.general[text] = true
}

// leave notes that an item of a list is left out; what names the list.
func (d *deviations) leave(what, item, why string) {
	i := slices.IndexFunc(d.left, func(l leftOut) bool { return l.what == what && l.why == why })
	if i < 0 {
		if i = len(d.left); i == maxReasons {
			return
		}
		d.left = append(d.left, leftOut{what: what, why: why})
	}
	l := &d.left[i]
	switch {
	case slices.Contains(l.items, item):
	case len(l.items) == maxNamed:
		l.more++
	default:
		l.items = append(l.items, item)
	}
}

// list is all of them, sorted.
func (d *deviations) list() []string {
	all := []string{}
	for text := range d.general {
		all = append(all, text)
	}
	for _, l := range d.left {
		text := l.what + " left out, " + l.why + ": " + strings.Join(l.items, ", ")
		if l.more > 0 {
			text += fmt.Sprintf(" and %d more", l.more)
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return all
}

// shown is a provider's word as people may see it: short, in printable ASCII, and
// in quotes unless it is a plain code.
func shown(s string) string {
	cut := s
	if len(cut) > 40 {
		cut = cut[:40]
	}
	if cut != s {
		return strconv.QuoteToASCII(cut) + "…"
	}
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') }) {
		return strconv.QuoteToASCII(s)
	}
	return s
}

// nth names an item that has no name of its own.
func nth(i int) string { return "item " + strconv.Itoa(i+1) }
