package governance

import (
	"strings"
	"testing"
)

// Two steps always mean different people: where there are too few for both, whoever
// asks would wait in vain.
func TestMembersUnderWhomTheStepsCannotAllBeTakenAreNotAskedToInitiate(t *testing.T) {
	t.Parallel()
	both := []string{"mem_alice", "mem_bob"}
	excluding := func(s Step) Step { s.ExcludeInitiator = true; return s }
	for name, row := range map[string]struct {
		rule Rule
		want string
	}{
		"two steps of the same two":       {Rule{Steps: []Step{one("a", 2, both...), one("b", 2, both...)}}, ""},
		"one of each":                     {Rule{Steps: []Step{one("a", 1, both...), one("b", 1, both...)}}, "mem_alice mem_bob mem_carol"},
		"a third for one of them":         {Rule{Steps: []Step{one("a", 1, both...), one("b", 2, everyid...)}}, "mem_alice mem_bob mem_carol"},
		"one who sits must move":          {Rule{Steps: []Step{one("a", 1, "mem_alice", "mem_bob"), one("b", 1, "mem_alice"), one("c", 1, "mem_bob", "mem_carol")}}, "mem_alice mem_bob mem_carol"},
		"nobody can move":                 {Rule{Steps: []Step{one("a", 1, "mem_alice"), one("b", 1, "mem_alice")}}, ""},
		"enough, unless one of them asks": {Rule{Steps: []Step{excluding(one("a", 1, both...)), excluding(one("b", 1, both...))}}, "mem_carol"},
		"the one who asks is in one step": {Rule{Steps: []Step{excluding(one("a", 1, both...)), one("b", 1, "mem_alice")}}, "mem_alice mem_carol"},
	} {
		row.rule.Name, row.rule.Creation = "r", &Creation{Members: everyid}
		in := base(row.rule)
		in.Initiator = ""
		d := Decide(in)
		if got := strings.Join(d.Initiators, " "); got != row.want || (d.State == Denied) != (row.want == "") {
			t.Errorf("%s: %s, %q, %q", name, d.State, got, d.Reasons)
		}
		if got := in.objects().CanBeMet(row.rule); got != (row.want != "") {
			t.Errorf("%s: can be met: %v", name, got)
		}
		row.rule.Creation = nil
		if got, want := in.objects().CanBeMet(row.rule), row.want != ""; got != want {
			t.Errorf("%s, without a creation step: can be met: %v", name, got)
		}
	}
}
