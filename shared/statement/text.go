package statement

import (
	"strings"
	"time"

	"countersign/shared/governance"
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
	return Align(lines), err
}

// Preview is [Text] for comparing, before the approver is asked: what varies is left
// out, and marked. It is the same for all members and at any time.
func Preview(a Approval) (string, error) {
	lines, err := Lines(a)
	for i := range lines {
		if lines[i].Varies {
			lines[i].Value = unasked
		}
	}
	return Align(lines), err
}

// Lines are the lines of [Text].
func Lines(a Approval) ([]intent.Line, error) {
	i, err := intent.Draft(a.Intent)
	if err != nil {
		return nil, err
	}
	decision, sign := "APPROVE this "+i.Noun(), name.WithID(a.MemberName, a.Member)+", at step "+itoa(a.Step)
	switch a.Decision {
	case Reject:
		decision = "REJECT this " + i.Noun() + ", permanently"
	case Initiate:
		decision, sign = "ASK for this "+i.Noun()+", which approves nothing yet", name.WithID(a.MemberName, a.Member)
	}
	lines := append(append([]intent.Line{{Label: "Decision", Value: decision}}, i.Lines()...), a.Impact.Lines()...)
	lines = append(lines, intent.Line{Label: "Request", Value: a.Request},
		intent.Line{Label: "Rule", Value: name.Within(a.GovernedBy.Rule) + ", version " + itoa(a.GovernedBy.Version)})
	lines = append(append(lines, use(a)...), intent.Line{Label: "Asked by", Value: askedBy(a)})
	return append(append(lines, intent.WhyLines(i)...), []intent.Line{
		{Label: "You sign as", Value: sign, Varies: true},
		{Label: "With key", Value: a.Key, Varies: true},
		{Label: "Valid until", Value: until(a), Varies: true},
	}...), nil
}

// use is for how long an approval can be used; nothing else is used.
func use(a Approval) []intent.Line {
	if a.Decision != Approve {
		return nil
	}
	if a.GovernedBy.RuleSet == governance.Admin {
		return []intent.Line{{Label: "Takes effect", Value: "with the last approval"}}
	}
	return []intent.Line{{Label: "Usable for", Value: a.GovernedBy.Use() + " after the last approval"}}
}

// askedBy says who asked, as far as it is known: the member who signed it, or is about
// to; an entity token names a program's entity and no person.
func askedBy(a Approval) string {
	entity := name.WithID(a.EntityName, a.Entity)
	switch {
	case a.Decision == Initiate:
		return "you, for " + entity
	case a.Initiator != "":
		return name.WithID(a.InitiatorName, a.Initiator) + ", who signed it, for " + entity
	}
	return entity + "; which person is not proven"
}

func until(a Approval) string {
	return time.Unix(a.Expires, 0).UTC().Format("2006-01-02 15:04:05 UTC")
}

// Align writes lines with the values under each other.
func Align(lines []intent.Line) string {
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
