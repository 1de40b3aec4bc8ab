package statement

import (
	"strings"
	"time"

	"countersign/shared/intent"
	"countersign/shared/name"
)

// unasked stands in a preview for what varies.
const unasked = "(said when you are asked)"

// Text is what a person reads before the key is used, on trusted ground; the
// page shows the same. Every line is "label  value" with aligned values; the
// decision comes first; amounts are exact, with their thousands apart; the address
// stands in groups of four. It is a function of the statement alone.
//
// It fails with INTENT_UNSUPPORTED, and not for a statement that was decoded.
func Text(a Approval) (string, error) {
	lines, err := Lines(a)
	return align(lines), err
}

// Preview is [Text] for comparing, before anybody is asked: what varies is left
// out, and marked. It is the same for all members and at any time.
func Preview(a Approval) (string, error) {
	lines, err := Lines(a)
	for i := range lines {
		if lines[i].Varies {
			lines[i].Value = unasked
		}
	}
	return align(lines), err
}

// Lines are the lines of [Text].
func Lines(a Approval) ([]intent.Line, error) {
	i, err := intent.Draft(a.Intent)
	if err != nil {
		return nil, err
	}
	decision := "APPROVE this " + i.Noun()
	if a.Decision == Reject {
		decision = "REJECT this " + i.Noun() + ", permanently"
	}
	lines := append([]intent.Line{{Label: "Decision", Value: decision}}, i.Lines()...)
	lines = append(lines, intent.Line{Label: "Request", Value: a.Request},
		intent.Line{Label: "Rule", Value: a.GovernedBy.Rule + ", version " + itoa(a.GovernedBy.Version)})
	lines = append(append(lines, use(a)...), intent.Line{Label: "Asked by", Value: askedBy(a)})
	return append(append(lines, intent.WhyLines(i)...), []intent.Line{
		{Label: "You sign as", Value: name.WithID(a.MemberName, a.Member) + ", at step " + itoa(a.Step), Varies: true},
		{Label: "With key", Value: a.Key, Varies: true},
		{Label: "Valid until", Value: until(a), Varies: true},
	}...), nil
}

// use is for how long the approval can be used; a rejection is permanent.
func use(a Approval) []intent.Line {
	if a.Decision == Reject {
		return nil
	}
	return []intent.Line{{Label: "Usable for", Value: a.GovernedBy.Use() + " after the last approval"}}
}

// askedBy says who asked, as far as it is known: an entity token names a program's
// entity and no person.
func askedBy(a Approval) string {
	return name.WithID(a.EntityName, a.Entity) + "; which person is not proven"
}

func until(a Approval) string {
	return time.Unix(a.Expires, 0).UTC().Format("2006-01-02 15:04:05 UTC")
}

// align writes lines with the values under each other.
func align(lines []intent.Line) string {
	width := 0
	for _, l := range lines {
		if l.Value != "" {
			width = max(width, len(l.Label))
		}
	}
	var s strings.Builder
	for i, l := range lines {
		if i > 0 {
			s.WriteByte('\n')
		}
		s.WriteString(l.Label)
		if l.Value != "" {
			s.WriteString(strings.Repeat(" ", width-len(l.Label)+2) + l.Value)
		}
	}
	return s.String()
}
