package governance

import (
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestAnExplanationAgreesWithTheDecision(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		e, d := Explain(in), Decide(in)
		if d.Steps == nil {
			d.Steps = []Progress{}
		}
		if !reflect.DeepEqual(e.Decision, d) {
			t.Fatalf("%+v is explained as %+v", d, e.Decision)
		}
		for i, r := range in.Rules.Ordered() {
			a := e.Rules[i]
			if a.Rule != r.Name || (a.Result == Governs) != (a.Rule == d.Rule) {
				t.Fatalf("rule %q: %+v, and %q governs", r.Name, a, d.Rule)
			}
			if first := slices.IndexFunc(e.Rules, func(a Answer) bool { return a.Result != Unmet }); first >= 0 && e.Rules[first].Result != Governs {
				t.Fatalf("rule %q comes before %q, which governs", e.Rules[first].Rule, d.Rule)
			}
			in.agrees(t, r, a)
		}
		if !d.State.Open() {
			if len(e.Remaining) > 0 {
				t.Fatalf("%s, and remaining: %+v", d.State, e.Remaining)
			}
			return
		}
		if next := e.Remaining[0]; d.State == Pending && next.Step != d.Step {
			t.Fatalf("step %d is waited for, and step %d is next", d.Step, next.Step)
		} else if d.State == Pending && next.Reviewer == "" {
			for _, id := range people {
				if could := slices.ContainsFunc(next.Quorums, func(m Missing) bool { return slices.Contains(m.Members, id) }); could != d.MayApprove(id) {
					t.Fatalf("%s: may approve %v, could %v", id, d.MayApprove(id), could)
				}
			}
		}
	})
}

// agrees holds the answer of a rule against the decision of a set that has no other.
func (in Input) agrees(t *rapid.T, r Rule, a Answer) {
	in.Rules.Rules = []Rule{r}
	if alone := Decide(in).Rule != ""; alone != (a.Result != Unmet) {
		t.Fatalf("rule %q alone governs: %v, and the answer is %+v", r.Name, alone, a)
	}
	if a.Unmet != nil && !reflect.DeepEqual(*a.Unmet, r.When[a.Condition]) {
		t.Fatalf("rule %q: condition %d is %+v", r.Name, a.Condition, a.Unmet)
	}
	if a.Result != Unmet || a.Unmet == nil {
		return
	}
	r.When, r.Name = []Condition{*a.Unmet}, "alone"
	if in.Rules.Rules = []Rule{r}; Decide(in).Rule != "" {
		t.Fatalf("the condition %+v is met", a.Unmet)
	}
}

func TestAnExplanationSaysWhatIsLeftOfEachWindow(t *testing.T) {
	t.Parallel()
	daily := Condition{Velocity: &Velocity{Currency: "EUR", Seconds: 86400, Max: "1000"}}
	often := Condition{Velocity: &Velocity{Seconds: 3600, Count: 3}}
	in := base(Rule{Name: "small", When: []Condition{eur("", "500"), daily}, Steps: []Step{one("s", 1, everyid...)}},
		Rule{Name: "large", When: []Condition{often, {Velocity: &Velocity{Currency: "EUR", Seconds: 60, Max: "5"}}}, Steps: []Step{one("s", 2, everyid...)}})
	in.Spent = []Spent{{"EUR", 86400, "749.50"}, {"", 3600, "5"}}
	want := []Left{
		{Rule: "small", Condition: 1, Currency: "EUR", Seconds: 86400, Max: "1000", Spent: "749.50", Left: "250.5"},
		{Rule: "large", Condition: 0, Seconds: 3600, Max: "3", Spent: "5", Left: "0"},
		{Rule: "large", Condition: 1, Currency: "EUR", Seconds: 60, Max: "5"},
	}
	if got := Explain(in).Windows; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// While nobody is proven to have asked, it says who could approve, and that whoever asks
// could not.
func TestAnExplanationOfWhatNobodySentNamesAllWhoCouldApprove(t *testing.T) {
	t.Parallel()
	in := base(Rule{Name: "sent", Creation: &Creation{Members: everyid}, Steps: []Step{{Name: "others", Quorum: 2, Members: everyid, ExcludeInitiator: true}}})
	in.Initiator = ""
	want := []Remaining{{Step: 1, Name: "others", Quorums: []Missing{{2, everyid}}, ExcludeInitiator: true}}
	if got := Explain(in); got.Decision.State != Uninitiated || !reflect.DeepEqual(got.Remaining, want) {
		t.Errorf("%+v, want %+v", got.Remaining, want)
	}
}
