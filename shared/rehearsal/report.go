package rehearsal

import (
	"encoding/base64"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"countersign/shared/fault"
	"countersign/shared/field"
	"countersign/shared/id"
	"countersign/shared/name"
	"countersign/shared/signedlog"
	"countersign/shared/strictjson"
)

// Limits of a report.
const (
	MaxReport   = 8 << 20 // bytes
	maxFindings = 200     // new ones, and gone ones
	maxPending  = 1000
	maxExamples = 3 // of each effect
	maxText     = 2048
)

// Report is what a change of the rules does. The same rules and the same log give the
// same bytes; their [Report.Digest] is what whoever agrees to the change has seen.
type Report struct {
	V    int    `json:"v"`    // 1
	Type string `json:"type"` // "impact"
	From Side   `json:"from"`
	To   Side   `json:"to"`
	// Log is how much of the log was replayed; absent: none of it.
	Log    *signedlog.Mark `json:"log,omitempty"`
	Counts Counts          `json:"counts"`
	// Pending are the open requests to which the new rules say something else, by id.
	Pending  []Change  `json:"pending"`
	New      []Finding `json:"new"`      // findings that the old rules do not have
	Gone     []Finding `json:"gone"`     // findings that the new rules do not have
	Examples []Change  `json:"examples"` // of past requests, the first of each effect
	LeftOut  LeftOut   `json:"left_out,omitzero"`
}

// Side names rules exactly.
type Side struct {
	Digest   string `json:"digest"`    // of the [Vault]
	RuleSets []Pin  `json:"rule_sets"` // those that differ, by account
}

// Pin is a version of a rule set.
type Pin struct {
	RuleSet string `json:"rule_set"`
	Version int    `json:"version"`
	Digest  string `json:"digest"`
}

// Counts are how many requests of the log have which [Effect]. Past are those that are
// closed; the others but Open add up to it.
type Counts struct {
	Past       int `json:"past"`
	Unknown    int `json:"unknown"`
	Denied     int `json:"denied"`
	Initiation int `json:"initiation"`
	More       int `json:"more"`
	Fewer      int `json:"fewer"`
	Others     int `json:"others"`
	OtherRule  int `json:"other_rule"`
	Same       int `json:"same"`
	Open       int `json:"open"`
}

// LeftOut is how many there are beside those that are listed.
type LeftOut struct {
	Pending int `json:"pending,omitempty"`
	New     int `json:"new,omitempty"`
	Gone    int `json:"gone,omitempty"`
}

// effects are all of them, the gravest first.
var effects = []Effect{Unknown, Denied, Initiation, More, Others, Fewer, OtherRule, Same}

func (c *Counts) of(e Effect) *int {
	switch e {
	case Unknown:
		return &c.Unknown
	case Denied:
		return &c.Denied
	case Initiation:
		return &c.Initiation
	case More:
		return &c.More
	case Fewer:
		return &c.Fewer
	case Others:
		return &c.Others
	case OtherRule:
		return &c.OtherRule
	}
	return &c.Same
}

// Compare replays a history under new rules, and rehearses old and new ones, which passed
// [Vault.Check]. log is what the history is of, and is looked at when the history ends;
// nil: there is none. It calls took, which may be nil, with the number of requests so far.
// Errors are those of the history.
func Compare(from, to Vault, log *signedlog.Mark, history iter.Seq2[Past, error], took func(n int)) (Report, error) {
	t := tally{examples: map[Effect][]Change{}}
	b, n := NewBackTest(to), 0
	for p, err := range history {
		if err != nil {
			return Report{}, err
		}
		t.take(p, b.Take(p))
		if n++; took != nil {
			took(n)
		}
	}
	r := Report{V: 1, Type: "impact", Counts: t.counts, Pending: t.pending, Examples: append([]Change{}, t.changes()...)}
	if log != nil {
		mark := *log
		r.Log = &mark
	}
	r.From, r.To = sides(from, to)
	before, after := Rehearse(from), Rehearse(to)
	r.New, r.Gone = beside(after, before), beside(before, after)
	sortChanges(r.Pending)
	r.Pending, r.LeftOut.Pending = atMost(r.Pending, maxPending)
	r.New, r.LeftOut.New = atMost(r.New, maxFindings)
	r.Gone, r.LeftOut.Gone = atMost(r.Gone, maxFindings)
	return r, nil
}

func sides(from, to Vault) (a, b Side) {
	was, is := from.pins(), to.pins()
	return Side{from.Digest(), notIn(was, is)}, Side{to.Digest(), notIn(is, was)}
}

// notIn are the pins that are not among others.
func notIn(all, others []Pin) []Pin {
	return slices.DeleteFunc(append([]Pin{}, all...), func(p Pin) bool { return slices.Contains(others, p) })
}

func (v Vault) pins() (all []Pin) {
	for _, a := range v.Accounts {
		all = append(all, Pin{a.Account, a.Rules.Version, a.Rules.Digest()})
	}
	return all
}

// beside are the findings that are not among others, the gravest first.
func beside(all, others []Finding) (rest []Finding) {
	known := map[string]bool{}
	for _, f := range others {
		known[f.key()] = true
	}
	for _, s := range severities {
		for _, f := range all {
			if f.Severity == s && !known[f.key()] {
				rest = append(rest, f)
			}
		}
	}
	return rest
}

// atMost is never nil, so that an empty list is written as one.
func atMost[T any](all []T, n int) (some []T, left int) {
	if len(all) > n {
		all, left = all[:n], len(all)-n
	}
	return append([]T{}, all...), left
}

// Encode returns the canonical bytes of a report.
func (r Report) Encode() ([]byte, error) { return strictjson.Canonical(r) }

// Digest names a report exactly: base64url of the SHA-256 of its bytes.
func (r Report) Digest() string { return digest(r) }

// DecodeReport reads a report. It fails with INVALID_REQUEST, details field. That it is
// true, only computing it again shows.
func DecodeReport(data []byte) (Report, error) {
	var r Report
	if err := strictjson.UnmarshalCanonical(data, &r, MaxReport); err != nil {
		return Report{}, err
	}
	var c checks
	c.report(r)
	if p := c.Problem; p != nil {
		return Report{}, fault.New(fault.Invalid, "the report does not hold: "+p.Error()).With("field", p.Field)
	}
	return r, nil
}

type checks struct{ field.Checks }

func (c *checks) report(r Report) {
	c.That(r.V == 1 && r.Type == "impact", "type", "is not impact, version 1")
	c.side(r.From, "from")
	c.side(r.To, "to")
	if r.Log != nil {
		c.That(r.Log.Size >= 1, "log.size", "is not a size")
		c.hash(r.Log.Head, "log.head")
	}
	n := r.Counts
	sum := 0
	for _, e := range effects {
		c.That(*n.of(e) >= 0, "counts."+string(e), "is negative")
		sum += *n.of(e)
	}
	c.That(sum == n.Past, "counts.past", "is not the sum of what became of them")
	c.That(r.Log != nil || n == Counts{}, "counts", "are of no log")
	c.That(len(r.Pending) <= maxPending && len(r.Pending)+r.LeftOut.Pending <= n.Open && r.LeftOut.Pending >= 0, "pending", "are more than are open")
	c.changes(r.Pending, "pending")
	c.That(len(r.Examples) <= maxExamples*len(effects), "examples", "are too many")
	c.changes(r.Examples, "examples")
	c.findings(r.New, r.LeftOut.New, "new")
	c.findings(r.Gone, r.LeftOut.Gone, "gone")
}

func (c *checks) side(s Side, at string) {
	c.hash(s.Digest, at+".digest")
	c.That(s.RuleSets != nil && len(s.RuleSets) <= maxAccounts, at+".rule_sets", "is not a list of what differs")
	for i, p := range s.RuleSets {
		at := at + ".rule_sets." + strconv.Itoa(i)
		c.ID(id.Account, p.RuleSet, at+".rule_set")
		c.That(p.Version >= 1, at+".version", "is not a version")
		c.hash(p.Digest, at+".digest")
	}
}

func (c *checks) hash(s, at string) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	c.That(err == nil && len(b) == 32, at, "is not the base64url of a SHA-256")
}

func (c *checks) changes(all []Change, at string) {
	c.That(all != nil, at, "is not a list")
	for i, x := range all {
		at := at + "." + strconv.Itoa(i)
		c.ID(id.Request, x.Request, at+".request")
		c.That(slices.Contains(effects, x.Effect) && x.Effect != Same, at+".effect", "is not an effect")
		c.That((x.By > 0) == (x.Effect == More || x.Effect == Fewer) && x.By >= 0, at+".by", "does not fit the effect")
		c.That(x.Rule == "" || name.OK(x.Rule), at+".rule", "is not a name")
		c.text(x.Reason, at+".reason")
	}
}

func (c *checks) findings(all []Finding, left int, at string) {
	c.That(all != nil && len(all) <= maxFindings && left >= 0, at, "is not a list of findings")
	for i, f := range all {
		at := at + "." + strconv.Itoa(i)
		c.That(slices.Contains(codes, f.Code), at+".code", "is not a code")
		c.That(slices.Contains(severities, f.Severity), at+".severity", "is not a severity")
		c.text(f.Text, at+".text")
	}
}

// clip keeps a sentence within what a report may have.
func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	end := maxText - len("…")
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// text is shown to people.
func (c *checks) text(s, at string) {
	ok := s != "" && len(s) <= maxText && !strings.ContainsFunc(s, func(r rune) bool { return !name.Visible(r) && r != ' ' })
	c.That(ok, at, "is not a sentence")
}

// Summary is the report for a person, one sentence without a full stop for each line, the
// most important first.
func (r Report) Summary() (lines []string) {
	n := r.Counts
	for _, e := range effects {
		if had := *n.of(e); had > 0 && e != Same {
			lines = append(lines, fmt.Sprintf("%s of %s %s", thousands(strconv.Itoa(had)), count(n.Past, "past request"), would[e]))
		}
	}
	switch {
	case r.Log == nil:
		lines = append(lines, "no history was replayed")
	case n.Past > 0 && n.Same == n.Past:
		lines = append(lines, "nothing changes for "+count(n.Past, "past request"))
	}
	lines = append(lines, r.open()...)
	var told []int // of those that are gone
	for _, f := range r.New {
		said := strings.Replace(f.Text, " can move ", " could now move ", 1)
		if said == f.Text {
			said = "new: " + said
		}
		if i := slices.IndexFunc(r.Gone, f.replaces); i >= 0 && !slices.Contains(told, i) {
			said, told = said+" (before: "+r.Gone[i].most()+")", append(told, i)
		}
		lines = append(lines, said)
	}
	for i, f := range r.Gone {
		if !slices.Contains(told, i) {
			lines = append(lines, "no longer: "+f.Text)
		}
	}
	if left := r.LeftOut.New + r.LeftOut.Gone; left > 0 {
		lines = append(lines, "and "+count(left, "finding")+" that the report leaves out")
	}
	return lines
}

// would is what would have become of past requests.
var would = map[Effect]string{
	Unknown: "cannot be judged: the log does not have what the new rules look at", Denied: "would have been denied",
	Initiation: "would have needed a member to sign and send them", More: "would have needed more approvals", Fewer: "would have needed fewer approvals",
	Others: "would have needed approvals of other members", OtherRule: "would have been under another rule, with as many approvals",
}

// open says what changes for open requests.
func (r Report) open() (lines []string) {
	type same struct {
		Effect
		by int
	}
	how := map[same]int{}
	for _, c := range r.Pending {
		how[same{c.Effect, c.By}]++
	}
	for _, e := range effects {
		for _, k := range slices.SortedFunc(maps.Keys(how), func(a, b same) int { return a.by - b.by }) {
			n, by := how[k], k.by
			if k.Effect != e {
				continue
			}
			be, need := "are", "need"
			if n == 1 {
				be, need = "is", "needs"
			}
			said := map[Effect]string{
				Unknown: "cannot be judged", Denied: "would be denied", Initiation: need + " a member to sign and send it", More: need + " " + count(by, "more approval"),
				Fewer: need + " " + count(by, "approval") + " fewer", Others: need + " approvals of other members", OtherRule: be + " under another rule",
			}[e]
			lines = append(lines, count(n, "open request")+" "+said)
		}
	}
	if r.LeftOut.Pending > 0 {
		lines = append(lines, "and "+count(r.LeftOut.Pending, "open request")+" that the report leaves out")
	}
	return lines
}

// History is a history that is in memory.
func History(all ...Past) iter.Seq2[Past, error] {
	return func(yield func(Past, error) bool) {
		for _, p := range all {
			if !yield(p, nil) {
				return
			}
		}
	}
}
