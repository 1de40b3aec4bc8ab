package statement

import (
	"strconv"

	"countersign/shared/intent"
	"countersign/shared/name"
)

// The limits of a list that is decided at once: as much as a person reads with
// care, and as a prompt shows.
const (
	MaxList     = 16
	MaxListText = 16000 // bytes
)

// ListText is what a person reads before they decide on several statements at
// once: whose decision it is, everything about each purchase that concerns money,
// and the exact totals. asked is how many statements were asked for: a list that
// lacks some of them says so. It is a function of the statements and of asked
// alone.
//
// It fails with STATEMENT_INVALID when the statements are not one member's one
// decision on as many requests, and when the text would be longer than a prompt
// shows.
func ListText(list []Approval, asked int) (string, error) {
	lines, err := ListLines(list, asked)
	if err != nil {
		return "", err
	}
	text := Align(lines)
	if len(text) > MaxListText {
		return "", invalid("", "list is longer than a prompt shows: decide on fewer at once")
	}
	return text, nil
}

// ListLines are the lines of [ListText]: what holds for all, each item under its
// number, and the totals, with an empty line between.
func ListLines(list []Approval, asked int) ([]intent.Line, error) {
	if err := checkList(list); err != nil {
		return nil, err
	}
	wants := make([]intent.Intent, len(list))
	for i, a := range list {
		w, err := intent.Draft(a.Intent)
		if err != nil {
			return nil, err
		}
		wants[i] = w
	}
	n, first, counted := strconv.Itoa(len(list)), list[0], intent.Count(wants)
	decision := first.Decision + " " + counted
	if first.Decision == Reject {
		decision += ", permanently"
	}
	lines := []intent.Line{{Label: "Decision", Value: decision}}
	if asked > len(list) {
		lines = append(lines, intent.Line{Label: "Listed", Value: n + " of " + strconv.Itoa(asked) + ": nothing is signed for the others"})
	}
	by := shared(list)
	lines = append(append(lines, by...),
		intent.Line{Label: "You sign as", Value: name.WithID(first.MemberName, first.Member), Varies: true}, intent.Line{Label: "With key", Value: first.Key, Varies: true})
	for i, a := range list {
		lines = append(lines, intent.Line{}, intent.Line{Label: strconv.Itoa(i+1) + " of " + n})
		if by == nil {
			lines = append(lines, intent.Line{Label: "Asked by", Value: askedBy(a)})
		}
		lines = append(lines, itemLines(a, wants[i])...)
	}
	totals, err := intent.Sum(wants)
	if err != nil {
		return nil, invalid("", err.Error())
	}
	if lines = append(lines, intent.Line{}); len(totals) > 0 {
		lines = append(append(lines, intent.Line{Label: "Total of " + counted}), intent.TotalLines(totals)...)
	}
	return append(lines, usable(list)...), nil
}

// shared says who asked for all of a list; nil when that differs within it.
func shared(list []Approval) []intent.Line {
	by := askedBy(list[0])
	for _, a := range list {
		if askedBy(a) != by {
			return nil
		}
	}
	return []intent.Line{{Label: "Asked by", Value: by}}
}

// usable says for how long the approvals of a list can be used; with the numbers
// of the items where they differ.
func usable(list []Approval) (lines []intent.Line) {
	items := map[string]string{}
	for i, a := range list {
		for _, l := range use(a) {
			if items[l.Value] == "" {
				lines = append(lines, l)
			} else {
				items[l.Value] += ", "
			}
			items[l.Value] += strconv.Itoa(i + 1)
		}
	}
	if len(lines) > 1 {
		for i, l := range lines {
			lines[i].Value += " (" + items[l.Value] + ")"
		}
	}
	return lines
}

func itemLines(a Approval, i intent.Intent) []intent.Line {
	return append(append(i.Lines(), intent.WhyLines(i)...), []intent.Line{
		{Label: "Request", Value: a.Request},
		{Label: "Step", Value: itoa(a.Step), Varies: true},
		{Label: "Valid until", Value: until(a), Varies: true},
	}...)
}

// checkList makes sure that what stands above the list holds for all of it, and
// that no request is counted twice.
func checkList(list []Approval) error {
	if len(list) == 0 || len(list) > MaxList {
		return invalid("", "list does not hold 1 to "+strconv.Itoa(MaxList)+" statements")
	}
	first, seen := list[0], map[string]bool{}
	if first.Decision == Initiate {
		return invalid("decision", "is signed for one request at a time")
	}
	for _, a := range list {
		if err := compare([]comparison{
			{"decision", a.Decision, first.Decision, "differs within the list"},
			{"entity", a.Entity, first.Entity, "differs within the list"},
			{"entity_name", a.EntityName, first.EntityName, "differs within the list"},
			{"member", a.Member, first.Member, "differs within the list"},
			{"member_name", a.MemberName, first.MemberName, "differs within the list"},
			{"key", a.Key, first.Key, "differs within the list"},
		}); err != nil {
			return err
		}
		if seen[a.Request] {
			return invalid("request", "is in the list twice")
		}
		seen[a.Request] = true
	}
	return nil
}
