package governance

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// watched adds a program to the members.
func watched(in *Input) {
	in.Members = append(slices.Clip(in.Members), Member{"mem_chainwatch", "Chainwatch"})
}

// stepCases are what steps of several kinds decide; they are among the vectors.
func stepCases() []row {
	either := Step{Name: "either", Any: []Quorum{{Quorum: 2, Group: "grp_officers"}, {Quorum: 1, Members: []string{"mem_alice"}}}}
	cooling := Step{Name: "cooling off", Delay: 3600}
	screened := Step{Name: "screening", Reviewer: "mem_chainwatch"}
	fallback := Step{Name: "screening", Reviewer: "mem_chainwatch", Quorum: 1, Group: "grp_officers"}
	steps := func(all ...Step) Input { return with(base(Rule{Name: "steps", Steps: all}), watched) }
	after := func(minutes int) time.Time { return friday.Add(time.Duration(minutes) * time.Minute) }
	said := func(in Input, now int, all ...Approval) Input {
		in.Approvals, in.Now = all, after(now)
		return in
	}
	yes := func(member string, step, minute int) Approval {
		return Approval{Member: member, Step: step, At: after(minute)}
	}
	no := func(member string, step, minute int) Approval {
		return Approval{Member: member, Step: step, Reject: true, At: after(minute)}
	}
	verdict := func(v Verdict, step, minute int) Approval {
		return Approval{Member: "mem_chainwatch", Step: step, Verdict: v, At: after(minute)}
	}
	return []row{
		{"either of two quorums", steps(either), Pending, "steps", "0 of 1 approval; waiting for Bob and Carol, or for Alice"},
		{"the shorter of two quorums", said(steps(either), 2, yes("mem_alice", 1, 1)), Approved, "steps", "approved by Alice"},
		{"half of the longer quorum", said(steps(either), 2, yes("mem_bob", 1, 1)), Pending, "steps", "1 of 2 approvals; waiting for Carol, or for Alice"},
		{"the longer of two quorums", said(steps(either), 3, yes("mem_bob", 1, 1), yes("mem_carol", 1, 2)), Approved, "steps", "approved by Bob and Carol"},
		{"somebody of either quorum rejects", said(steps(either), 3, yes("mem_bob", 1, 1), no("mem_alice", 1, 2)), Rejected, "steps", "rejected by Alice"},
		{"one of the quorums can never be reached", with(steps(either), func(in *Input) { in.Members = in.Members[:2] }), Pending, "steps", "0 of 1 approval; waiting for Alice"},
		{"none of the quorums can ever be reached", with(steps(either), func(in *Input) { in.Members = in.Members[1:2] }), Denied, "steps", `no alternative of step "either" has as many members as it needs`},
		{"a member counts once, whatever the alternatives", said(steps(either, one("last", 1, "mem_alice", "mem_bob")), 3, yes("mem_alice", 1, 1), yes("mem_alice", 2, 2)),
			Pending, "steps", "step 2 of 2, last: 0 of 1 approval; waiting for Bob"},
		{"a delay that just began", said(steps(one("any", 1, everyid...), cooling), 2, yes("mem_bob", 1, 1)), Pending, "steps",
			"step 2 of 2, cooling off: over at 2026-11-20 11:01:00 UTC; until then Alice, Bob or Carol may stop it"},
		{"a delay that is over", said(steps(one("any", 1, everyid...), cooling), 61, yes("mem_bob", 1, 1)), Approved, "steps", "approved by Bob"},
		{"a second before a delay is over", with(said(steps(one("any", 1, everyid...), cooling), 61, yes("mem_bob", 1, 1)), func(in *Input) { in.Now = in.Now.Add(-time.Second) }), Pending, "steps",
			"step 2 of 2, cooling off: over at 2026-11-20 11:01:00 UTC; until then Alice, Bob or Carol may stop it"},
		{"a delay that is stopped by who approved", said(steps(one("any", 1, everyid...), cooling), 90, yes("mem_bob", 1, 1), no("mem_bob", 2, 60)), Rejected, "steps", "rejected by Bob"},
		{"a delay that is stopped by a member of a later step", said(steps(one("any", 1, "mem_alice"), cooling, one("last", 1, "mem_carol")), 30, yes("mem_alice", 1, 1), no("mem_carol", 2, 2)), Rejected, "steps", "rejected by Carol"},
		{"a delay that a stranger would stop", said(steps(one("any", 1, "mem_alice"), cooling), 3, yes("mem_alice", 1, 1), no("mem_bob", 2, 2)), Pending, "steps",
			"step 2 of 2, cooling off: over at 2026-11-20 11:01:00 UTC; until then Alice may stop it"},
		{"a delay that was to be stopped too late", said(steps(one("any", 1, everyid...), cooling), 90, yes("mem_bob", 1, 1), no("mem_bob", 2, 61)), Approved, "steps", "approved by Bob"},
		{"approvals do not shorten a delay", said(steps(one("any", 1, everyid...), cooling), 4, yes("mem_bob", 1, 1), yes("mem_alice", 2, 2), yes("mem_carol", 2, 3)), Pending, "steps",
			"step 2 of 2, cooling off: over at 2026-11-20 11:01:00 UTC; until then Alice, Bob or Carol may stop it"},
		{"an approval at an unknown time", said(steps(one("any", 1, everyid...), cooling), 90, Approval{Member: "mem_bob", Step: 1}), Pending, "steps", "step 2 of 2, cooling off: when it began is not known"},
		{"the end of a request does not end a last delay", with(said(steps(one("any", 1, everyid...), cooling), 61, yes("mem_bob", 1, 50)), func(in *Input) { in.Now = in.Expires.Add(time.Minute) }), Pending, "steps",
			"step 2 of 2, cooling off: over at 2026-11-20 11:50:00 UTC; until then Alice, Bob or Carol may stop it"},
		{"a step after a delay", said(steps(one("any", 1, everyid...), Step{Name: "cooling off", Delay: 60}, one("last", 1, everyid...)), 3, yes("mem_bob", 1, 1), yes("mem_carol", 3, 2)), Approved, "steps", "approved by Bob and Carol"},
		{"the end comes during a delay with more after it", said(steps(one("any", 1, everyid...), cooling, one("last", 1, everyid...)), 60, yes("mem_bob", 1, 1)), Expired, "steps",
			"expired at 2026-11-20 11:00:00 UTC before step cooling off was over"},
		{"a reviewer who is silent", steps(screened), Pending, "steps", "waiting for the verdict of Chainwatch"},
		{"a reviewer who is not a member any more", base(Rule{Name: "steps", Steps: []Step{screened}}), Denied, "steps", `step "screening" waits for the verdict of a program that is not an active member`},
		{"a reviewer who stays silent", with(steps(screened), func(in *Input) { in.Now = in.Expires }), Expired, "steps", "expired at 2026-11-20 11:00:00 UTC without a verdict of Chainwatch"},
		{"a reviewer who approves", said(steps(one("any", 1, everyid...), screened), 3, yes("mem_bob", 1, 1), verdict(Approves, 2, 2)), Approved, "steps", "approved by Bob and Chainwatch"},
		{"a reviewer who rejects", said(steps(screened, one("any", 1, everyid...)), 3, verdict(Rejects, 1, 2)), Rejected, "steps", "rejected by Chainwatch"},
		{"a reviewer who wants to be asked again", said(steps(screened), 3, verdict(Retries, 1, 2)), Pending, "steps", "waiting for another verdict of Chainwatch"},
		{"a reviewer who was asked again", said(steps(screened), 3, verdict(Retries, 1, 1), verdict(Approves, 1, 2)), Approved, "steps", "approved by Chainwatch"},
		{"a reviewer who leaves it to members", said(steps(fallback), 3, verdict(Defer, 1, 2)), Pending, "steps", "0 of 1 approval; waiting for Bob or Carol"},
		{"members to whom it was left", said(steps(fallback), 3, verdict(Defer, 1, 1), yes("mem_carol", 1, 2)), Approved, "steps", "approved by Carol"},
		{"members to whom it was not left", said(steps(fallback), 3, yes("mem_carol", 1, 2)), Pending, "steps", "waiting for the verdict of Chainwatch"},
		{"a reviewer who has left it to members says no more", said(steps(fallback), 3, verdict(Defer, 1, 1), verdict(Approves, 1, 2)), Pending, "steps", "0 of 1 approval; waiting for Bob or Carol"},
		{"a reviewer who leaves it to nobody", said(steps(screened), 3, verdict(Defer, 1, 2)), Pending, "steps", "Chainwatch left it to members, and the step names none: ask again"},
		{"another reviewer", said(steps(screened), 3, Approval{Member: "mallory", Step: 1, Verdict: Approves, At: after(2)}), Pending, "steps", "waiting for the verdict of Chainwatch"},
		{"a verdict that is none", said(steps(screened), 3, Approval{Member: "mem_chainwatch", Step: 1, Verdict: "OK", At: after(2)}), Pending, "steps", "waiting for the verdict of Chainwatch"},
		{"a verdict of a step without a reviewer", said(steps(one("any", 1, everyid...)), 3, Approval{Member: "mem_bob", Step: 1, Verdict: Approves, At: after(2)}), Pending, "steps", "0 of 1 approval; waiting for Alice, Bob or Carol"},
		{"a member with the reviewer's name", said(steps(screened), 3, Approval{Member: "mem_chainwatch", Step: 1, At: after(2)}), Pending, "steps", "waiting for the verdict of Chainwatch"},
	}
}

func TestADelayIsStoppedByRejectionOnly(t *testing.T) {
	t.Parallel()
	in := base(Rule{Name: "r", Steps: []Step{one("any", 1, "mem_alice", "mem_bob"), {Name: "cooling off", Delay: 3600}}})
	in.Approvals = []Approval{{Member: "mem_alice", Step: 1, At: friday}}
	d := Decide(in)
	for _, id := range everyid {
		if d.MayApprove(id) || d.MayReject(id) != (id != "mem_carol") {
			t.Errorf("%s: may approve %v, may reject %v", id, d.MayApprove(id), d.MayReject(id))
		}
	}
	if in.Now = friday.Add(2 * time.Hour); !Decide(in).Completed.Equal(friday.Add(time.Hour)) {
		t.Errorf("completed at %s, which is not the end of the delay", Decide(in).Completed)
	}
}

func TestStepsAreRefused(t *testing.T) {
	t.Parallel()
	quorum := Quorum{Quorum: 1, Members: everyid}
	cooling := Step{Name: "c", Delay: 3600}
	for name, c := range map[string]struct {
		steps []Step
		field string // empty: accepted
	}{
		"two alternatives":               {[]Step{{Name: "s", Any: []Quorum{quorum, quorum}}}, ""},
		"one alternative":                {[]Step{{Name: "s", Any: []Quorum{quorum}}}, ".steps.s.any"},
		"five alternatives":              {[]Step{{Name: "s", Any: slices.Repeat([]Quorum{quorum}, 5)}}, ".steps.s.any"},
		"alternatives and a quorum":      {[]Step{{Name: "s", Quorum: 1, Members: everyid, Any: []Quorum{quorum, quorum}}}, ".steps.s.any"},
		"an alternative of too few":      {[]Step{{Name: "s", Any: []Quorum{quorum, {Quorum: 4, Members: everyid}}}}, ".steps.s.any.1.quorum"},
		"an alternative of strangers":    {[]Step{{Name: "s", Any: []Quorum{quorum, {Quorum: 1, Members: []string{"mem_dave"}}}}}, ".steps.s.any.1.members"},
		"too many ways":                  {[]Step{{Name: "a", Any: slices.Repeat([]Quorum{quorum}, 4)}, {Name: "b", Any: slices.Repeat([]Quorum{quorum}, 4)}, {Name: "c", Any: slices.Repeat([]Quorum{quorum}, 4)}, {Name: "d", Any: []Quorum{quorum, quorum}}}, ".steps"},
		"a delay":                        {[]Step{one("s", 1, everyid...), cooling}, ""},
		"a delay alone":                  {[]Step{cooling}, ".steps"},
		"a delay first":                  {[]Step{cooling, one("s", 1, everyid...)}, ".steps"},
		"a delay of a blink":             {[]Step{one("s", 1, everyid...), {Name: "c", Delay: 1}}, ".steps.c.delay"},
		"a delay with a quorum":          {[]Step{one("s", 1, everyid...), {Name: "c", Delay: 60, Quorum: 1, Members: everyid}}, ".steps.c.delay"},
		"a step after the end":           {[]Step{one("s", 1, everyid...), {Name: "c", Delay: 7 * 86400}, one("late", 1, everyid...)}, ".steps.late"},
		"a reviewer":                     {[]Step{{Name: "s", Reviewer: "mem_chainwatch"}}, ""},
		"a reviewer with members":        {[]Step{{Name: "s", Reviewer: "mem_chainwatch", Quorum: 2, Members: everyid}}, ""},
		"a reviewer with alternatives":   {[]Step{{Name: "s", Reviewer: "mem_chainwatch", Any: []Quorum{quorum, quorum}}}, ""},
		"a reviewer who is not a member": {[]Step{{Name: "s", Reviewer: "mem_nobody"}}, ".steps.s.reviewer"},
		"a reviewer with too few":        {[]Step{{Name: "s", Reviewer: "mem_chainwatch", Quorum: 4, Members: everyid}}, ".steps.s.quorum"},
		"a reviewer who approves too":    {[]Step{{Name: "s", Reviewer: "mem_chainwatch"}, one("t", 1, "mem_alice", "mem_chainwatch")}, ".steps.t"},
		"nothing":                        {[]Step{{Name: "s"}}, ".steps.s.members"},
	} {
		in := with(base(Rule{Name: "r", Steps: c.steps}), watched)
		err := in.Rules.Check(in.objects())
		if (err == nil) != (c.field == "") || err != nil && !strings.Contains(err.Error(), "rules.r"+c.field+" ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Two steps of which each has alternatives are taken by different members.
func TestAlternativesAreChosenSoThatAllStepsCanBeTaken(t *testing.T) {
	t.Parallel()
	in := with(base(), watched)
	either := func(name string, a, b []string) Step {
		return Step{Name: name, Any: []Quorum{{Quorum: len(a), Members: a}, {Quorum: len(b), Members: b}}}
	}
	alice, bob, both := []string{"mem_alice"}, []string{"mem_bob"}, []string{"mem_alice", "mem_bob"}
	for name, c := range map[string]struct {
		steps []Step
		want  bool
	}{
		"the second of the first":    {[]Step{either("a", alice, bob), one("b", 1, "mem_alice")}, true},
		"neither":                    {[]Step{either("a", alice, both), one("b", 1, "mem_alice")}, false},
		"a reviewer needs nobody":    {[]Step{{Name: "a", Reviewer: "mem_chainwatch", Quorum: 1, Members: alice}, one("b", 1, "mem_alice")}, true},
		"time needs nobody":          {[]Step{one("b", 1, "mem_alice"), {Name: "a", Delay: 60}}, true},
		"alternatives of both steps": {[]Step{either("a", alice, bob), either("b", alice, bob)}, true},
	} {
		if got := in.objects().CanBeMet(Rule{Name: "r", Steps: c.steps}); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
