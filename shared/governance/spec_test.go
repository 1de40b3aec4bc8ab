package governance

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"countersign/shared/amount"
	"countersign/shared/spec"
	"countersign/shared/strictjson"
)

// blanks are the words that a page writes for what is filled in.
var blanks = strings.NewReplacer("NAMES", `.+`, "NAME", `[^"]+`, "MEMBER", `mem_[a-z0-9_]+`, "DATE", `\d{4}-\d\d-\d\d`, "ZONE", `(?:UTC|in [A-Za-z_/]+)`, "WHY", `.+`, "TIME", `[-0-9: UTC]+`, "DAYS", `[a-z, ]+`, "AMOUNT", `[0-9.]+`,
	"CODE", `(?:[A-Z]{3}|[a-z0-9_./-]+)`, "DURATION", `[0-9hms]+`, "N", `\d+`, "M", `\d+`)

// prefix is what stands before a reason in a rule with more steps.
var prefix = regexp.MustCompile(`^step \d+ of \d+, [^:]+: `)

// pattern is a sentence of the page as an expression.
func pattern(t *testing.T, sentence string) *regexp.Regexp {
	t.Helper()
	s := blanks.Replace(regexp.QuoteMeta(sentence))
	r, err := regexp.Compile("^" + strings.NewReplacer("approvals", "approvals?", "members", "members?").Replace(s) + "$")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEveryReasonIsOnThePageAndThePageHasNoOther(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../spec/vectors/governance.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Decision struct{ Reasons []string }
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	reasons := spec.Column(t, "governance.md", "Reasons", "reason", 0)
	whys := spec.Column(t, "governance.md", "Reasons", "why", 0)
	used := map[string]bool{}
	match := func(sentence string, forms []string) bool {
		sentence = prefix.ReplaceAllString(sentence, "")
		for _, form := range forms {
			p := pattern(t, form)
			if p.MatchString(sentence) {
				used[form] = true
				return true
			}
		}
		return false
	}
	for _, c := range cases {
		for _, r := range c.Decision.Reasons {
			if !match(r, reasons) {
				t.Errorf("the page does not have %q", r)
			}
			if _, why, found := strings.Cut(r, " denies this, because "); found && !match(why, whys) {
				t.Errorf("the page does not have %q", why)
			}
			if _, why, found := strings.Cut(r, " does not apply: "); found && !match(why, whys) {
				t.Errorf("the page does not have %q", why)
			}
		}
	}
	// What no vector shows: said by cases that the vectors of the rules cannot have.
	more := Decide(Input{Rules: Set{Version: 1, Rules: []Rule{{Name: "all", Steps: []Step{{Name: "one", Quorum: 2, Members: []string{"mem_aaa", "mem_bbb"}}, {Name: "two", Quorum: 1, Members: []string{"mem_aaa", "mem_ccc"}}}}}},
		Members: []Member{{"mem_aaa", "A"}, {"mem_bbb", "B"}, {"mem_ccc", "C"}}}).Reasons
	same := Step{Name: "one", Quorum: 1, Members: []string{"mem_aaa"}}
	more = append(more, Decide(Input{Facts: Facts{Kind: "buy"}, Rules: Set{Version: 1, Rules: []Rule{{Name: "all", Creation: &Creation{Members: same.Members}, Steps: []Step{same, same}}}}, Members: []Member{{"mem_aaa", "A"}}}).Reasons...)
	few := Progress{Name: "one", Needed: 2, Approved: []string{"mem_aaa"}, Waiting: []string{}}
	more = append(more, Input{}.waiting(Decision{Step: 1, Steps: []Progress{few}}))
	for _, r := range more {
		if !match(strings.Replace(r, " approval;", " approvals;", 1), reasons) {
			t.Errorf("the page does not have %q", r)
		}
	}
	in := Input{Facts: Facts{Currency: "EUR", Amount: "1"}, Spent: []Spent{{"EUR", 60, "many"}}}
	if why := in.overspent(Velocity{Currency: "EUR", Seconds: 60, Max: "1"}, 0); !match(why.why, whys) {
		t.Errorf("the page does not have %q", why.why)
	}
	for _, form := range append(reasons, whys...) {
		if !used[form] {
			t.Errorf("nothing says %q", form)
		}
	}
}

func TestThePagesExamplesAreASetAndADecision(t *testing.T) {
	t.Parallel()
	exist := base().objects()
	set := spec.Examples(t, "governance.md", "Rules", "json")[0]
	if _, err := Decode([]byte(set), exist); err != nil {
		t.Errorf("%s: %v", set, err)
	}
	example := spec.Examples(t, "governance.md", "Decision", "json")[0]
	var d Decision
	if err := strictjson.UnmarshalCanonical([]byte(example), &d, MaxSize); err != nil {
		t.Errorf("%s: %v", example, err)
	}
	inSteps := []string{"steps.any", "steps.reviewer", "steps.verdict", "steps.delay", "steps.until", "steps.stop"}
	spec.Shows(t, "a decision", example, d, append(inSteps, "initiators", "completed")...)
	example = spec.Examples(t, "governance.md", "Decision", "json")[1]
	d = Decision{}
	if err := strictjson.UnmarshalCanonical([]byte(example), &d, MaxSize); err != nil {
		t.Errorf("%s: %v", example, err)
	}
	for _, field := range inSteps {
		if !strings.Contains(example, `"`+strings.TrimPrefix(field, "steps.")+`":`) {
			t.Errorf("the example does not show %s", field)
		}
	}
	var conditions []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Condition]()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		conditions = append(conditions, name)
	}
	spec.Same(t, "conditions", spec.Column(t, "governance.md", "Rules", "condition", 0), conditions)
}

func TestThePagesExampleIsAnExplanation(t *testing.T) {
	t.Parallel()
	example := spec.Examples(t, "governance.md", "Explanation", "json")[0]
	var e Explanation
	if err := strictjson.UnmarshalCanonical([]byte(example), &e, MaxSize); err != nil {
		t.Fatal(err)
	}
	for _, part := range []any{e.Rules[0], e.Remaining[0], e.Windows[0], e} {
		for _, f := range reflect.VisibleFields(reflect.TypeOf(part)) {
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); !strings.Contains(example, `"`+name+`":`) {
				t.Errorf("the example of an explanation does not show %s", name)
			}
		}
	}
	spec.Same(t, "results", spec.Column(t, "governance.md", "Explanation", "result", 0), []string{string(Governs), string(Follows), string(Unmet)})
}

func TestThePageHasTheLimitsOfASet(t *testing.T) {
	t.Parallel()
	limit := func(name string, numbers ...int) {
		t.Helper()
		for _, n := range numbers {
			spec.Limit(t, "governance.md", name, spec.Number(n))
		}
	}
	limit("set", MaxSize)
	limit("rules, steps of a rule", maxRules, maxSteps)
	limit("members of a group or step", maxMembers)
	limit("alternatives", maxAny, maxWays)
	limit("delay", minUse, maxWithin)
	limit("values of a condition", maxValues)
	limit("amount", amount.MaxDigits)
	limit("`within`", maxWithin, int(DefaultWithin.Hours()/24))
	limit("velocity", 60, maxSeconds, maxCount)
	limit("`rate_within`", maxRate)
	limit("a rate ahead of the request", MaxAhead)
	limit("rate", rateDigits)
	limit("value", valuePlaces)
	limit("holidays", maxValues)
	limit("zone", maxZone)
}
