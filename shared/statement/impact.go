package statement

import (
	"slices"
	"strconv"
	"strings"

	"countersign/shared/intent"
	"countersign/shared/name"
)

// Limits of an [Impact].
const (
	MaxImpact  = 12      // lines of its summary
	maxImpacts = 8 << 10 // bytes of all of them
)

// Impact is what a change of the vault does, as far as those who decide on it read it: the
// summary of a report (shared/rehearsal), which whoever has the log computes again.
type Impact struct {
	Report  string   `json:"report"`         // its digest
	Log     int64    `json:"log"`            // how many entries of the log it was computed over
	Summary []string `json:"summary"`        // its first sentences, without a full stop
	More    int      `json:"more,omitempty"` // how many sentences it has beside them
}

// Summarize is the impact that a report with a digest, over the first entries of the log,
// says in these sentences: as many of the first ones as there is room for.
func Summarize(report string, log int64, sentences []string) Impact {
	m := Impact{Report: report, Log: log, Summary: []string{}}
	for size := 0; len(m.Summary) < min(len(sentences), MaxImpact); {
		next := sentences[len(m.Summary)]
		if size += len(next); size > maxImpacts {
			break
		}
		m.Summary = append(m.Summary, next)
	}
	m.More = len(sentences) - len(m.Summary)
	return m
}

// Equal reports whether two impacts are the same one; nil is none.
func (m *Impact) Equal(other *Impact) bool {
	if m == nil || other == nil {
		return m == other
	}
	return m.Report == other.Report && m.Log == other.Log && m.More == other.More && slices.Equal(m.Summary, other.Summary)
}

// Check reports the first mistake in an impact: STATEMENT_INVALID, details field.
func (m Impact) Check() error {
	var c checks
	c.impact(m)
	return c.failed()
}

func (c *checks) impact(m Impact) {
	c.hash(m.Report, "impact.report")
	c.That(m.Log >= 1, "impact.log", "is not a number of entries")
	c.That(m.Summary != nil && len(m.Summary) <= MaxImpact, "impact.summary", "must be at most "+strconv.Itoa(MaxImpact)+" sentences")
	c.That(m.More >= 0, "impact.more", "is negative")
	size := 0
	for i, s := range m.Summary {
		size += len(s)
		seen := s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !name.Visible(r) && r != ' ' })
		c.That(seen, "impact.summary."+strconv.Itoa(i), "is not a sentence")
	}
	c.That(size <= maxImpacts, "impact.summary", "is too long")
}

// Lines are what a person reads of an impact; nil has none.
func (m *Impact) Lines() (lines []intent.Line) {
	if m == nil {
		return nil
	}
	for _, s := range m.Summary {
		lines = append(lines, intent.Line{Label: "Impact", Value: s})
	}
	if len(m.Summary) == 0 {
		lines = append(lines, intent.Line{Label: "Impact", Value: "none that a report of the rules shows"})
	}
	if m.More > 0 {
		lines = append(lines, intent.Line{Label: "Impact", Value: "and " + count(m.More, "more sentence") + " in the report"})
	}
	return append(lines, intent.Line{Label: "Report", Value: m.Report + ", of log entries 0 to " + strconv.FormatInt(m.Log-1, 10)})
}
