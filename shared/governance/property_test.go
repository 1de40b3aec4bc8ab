package governance

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// people are the members of the sets that are drawn.
var people = []string{"mem_a", "mem_b", "mem_c", "mem_d", "mem_e"}

func everybody() (all []Member) {
	for _, id := range people {
		all = append(all, Member{ID: id, Name: id})
	}
	return all
}

// some draws members: one at least, none twice, in any order.
func some(t *rapid.T, label string) []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(people), 1, len(people), rapid.ID).Draw(t, label)
}

// drawStep draws a step of any kind; a delay where one may be.
func drawStep(t *rapid.T, name string, delays bool) Step {
	kind := rapid.SampledFrom([]string{"quorum", "quorum", "any", "reviewer", "delay"}).Draw(t, "kind of step")
	if kind == "delay" && delays {
		return Step{Name: name, Delay: rapid.SampledFrom([]int64{60, 600, 7200}).Draw(t, "delay")}
	}
	s := Step{Name: name, ExcludeInitiator: rapid.Bool().Draw(t, "excludes")}
	switch kind {
	case "any":
		for range rapid.IntRange(2, 3).Draw(t, "alternatives") {
			members := some(t, "members")
			s.Any = append(s.Any, Quorum{Quorum: rapid.IntRange(1, len(members)).Draw(t, "quorum"), Members: members})
		}
		return s
	case "reviewer":
		if s.Reviewer = "mem_chainwatch"; rapid.Bool().Draw(t, "alone") {
			return s
		}
	}
	if s.Members = some(t, "members"); rapid.Bool().Draw(t, "by group") {
		s.Group = "grp_some"
	}
	most := len(s.Members) // also without whoever asked
	if s.ExcludeInitiator && most > 1 {
		most--
	}
	s.Quorum = rapid.IntRange(1, most).Draw(t, "quorum")
	return s
}

func drawRule(t *rapid.T, name string, delays bool) Rule {
	r := Rule{Name: name, Deny: rapid.IntRange(0, 5).Draw(t, "deny") == 0}
	if rapid.Bool().Draw(t, "bounded") {
		r.When = append(r.When, eur("", strconv.Itoa(rapid.IntRange(1, 1000).Draw(t, "bound"))))
	}
	if rapid.IntRange(0, 3).Draw(t, "hours") == 0 {
		r.When = append(r.When, Condition{Window: &Window{From: "08:00", To: "18:00"}})
	}
	if r.Deny {
		return r
	}
	if rapid.IntRange(0, 2).Draw(t, "created") == 0 {
		r.Creation = &Creation{Members: some(t, "creators")}
	}
	for i := range rapid.IntRange(1, 3).Draw(t, "steps") {
		r.Steps = append(r.Steps, drawStep(t, "s"+strconv.Itoa(i), delays && i > 0))
	}
	return r
}

// drawInput draws rules that pass their checks, and a request under them that some have
// decided on.
func drawInput(t *rapid.T) Input { return drawTimed(t, true) }

// drawTimed draws rules without delays where they are not wanted.
func drawTimed(t *rapid.T, delays bool) Input {
	in := Input{Created: friday, Now: friday.Add(time.Hour), Facts: Facts{Kind: "buy", Account: "acc_treasury", Asset: "ethereum", Provider: "northpay", Currency: "EUR"}}
	in.Facts.Amount = strconv.Itoa(rapid.IntRange(1, 1000).Draw(t, "amount"))
	in.Rules = Set{Version: 1}
	in.Groups = []Group{{Group: "grp_some", Name: "Some", Members: some(t, "group")}}
	for i := range rapid.IntRange(1, 3).Draw(t, "rules") {
		in.Rules.Rules = append(in.Rules.Rules, drawRule(t, "r"+strconv.Itoa(i), delays))
	}
	program := Member{"mem_chainwatch", "Chainwatch"}
	if err := in.Rules.Check(Objects{Members: append(everybody(), program), Groups: in.Groups}); err != nil {
		t.Fatal(err)
	}
	for _, id := range some(t, "who exists") {
		in.Members = append(in.Members, Member{ID: id, Name: id})
	}
	if rapid.IntRange(0, 9).Draw(t, "the program exists") > 0 {
		in.Members = append(in.Members, program)
	}
	in.Initiator = rapid.SampledFrom(append([]string{""}, people...)).Draw(t, "initiator")
	for i := range rapid.IntRange(0, 8).Draw(t, "approvals") {
		in.Approvals = append(in.Approvals, drawApproval(t, friday.Add(time.Duration(i)*7*time.Minute)))
	}
	return in
}

func drawApproval(t *rapid.T, at time.Time) Approval {
	a := Approval{Step: rapid.IntRange(1, 3).Draw(t, "step"), At: at}
	if rapid.IntRange(0, 4).Draw(t, "reviewer says") == 0 {
		a.Member, a.Verdict = "mem_chainwatch", rapid.SampledFrom(Verdicts()).Draw(t, "verdict")
		return a
	}
	a.Member, a.Reject = rapid.SampledFrom(people).Draw(t, "who"), rapid.IntRange(0, 9).Draw(t, "rejects") == 0
	return a
}

func TestOneMoreDecisionNeverChangesAnApproval(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		before := Decide(in)
		in.Approvals = append(in.Approvals, drawApproval(t, in.Now))
		after := Decide(in)
		if before.State == Approved && !reflect.DeepEqual(before, after) {
			t.Fatalf("%+v became %+v", before, after)
		}
		last := in.Approvals[len(in.Approvals)-1]
		last.Reject = last.Reject || last.Verdict == Rejects
		if !last.Reject && after.Step < before.Step {
			t.Fatalf("an approval went back from step %d to %d", before.Step, after.Step)
		}
		if !last.Reject && (after.State == Rejected || after.State == Denied) && after.State != before.State {
			t.Fatalf("an approval made %s of %s", after.State, before.State)
		}
	})
}

func TestAMemberWhoIsGoneNeverCounts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		gone := rapid.SampledFrom(people).Draw(t, "who is gone")
		in.Members = slices.DeleteFunc(in.Members, func(m Member) bool { return m.ID == gone })
		d := Decide(in)
		for _, p := range d.Steps {
			if slices.Contains(p.Approved, gone) || slices.Contains(p.Waiting, gone) || slices.Contains(p.Stop, gone) {
				t.Fatalf("%s counts: %+v", gone, d)
			}
		}
		if d.MayReject(gone) || d.MayInitiate(gone) {
			t.Fatalf("%s may decide: %+v", gone, d)
		}
		in.Approvals = slices.DeleteFunc(slices.Clone(in.Approvals), func(a Approval) bool { return a.Member == gone })
		if without := Decide(in); !reflect.DeepEqual(d, without) {
			t.Fatalf("what %s said counts: %+v, %+v", gone, d, without)
		}
	})
}

func TestTheOrderInWhichTheMembersOfAStepComeNeverMatters(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := drawTimed(t, false)
		d := Decide(in)
		in.Approvals = nil
		for i, p := range d.Steps { // those who count, of each step in any order
			if len(p.Any) > 0 { // one who is enough alone may come first, and then others come too late
				d.Steps[i].Approved, p.Approved = slices.Clone(p.Approved), nil
				for _, id := range d.Steps[i].Approved {
					in.Approvals = append(in.Approvals, Approval{Member: id, Step: i + 1})
				}
			}
			if p.Verdict != "" && p.Verdict != Rejects {
				in.Approvals = append(in.Approvals, Approval{Member: p.Reviewer, Step: i + 1, Verdict: p.Verdict})
			}
			for _, id := range rapid.Permutation(p.Approved).Draw(t, "order") {
				in.Approvals = append(in.Approvals, Approval{Member: id, Step: i + 1})
			}
		}
		if d.State == Rejected {
			d.State = Pending // whoever rejected is not among those who count
		}
		again := Decide(in)
		if again.State != d.State || again.Rule != d.Rule || again.Step != d.Step {
			t.Fatalf("%+v became %+v", d, again)
		}
		for i := range d.Steps {
			if !sameMembers(d.Steps[i].Approved, again.Steps[i].Approved) {
				t.Fatalf("%+v became %+v", d, again)
			}
		}
	})
}

func sameMembers(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func TestNobodyCountsTwiceAndOnlyWhoIsNamedCounts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		d := Decide(in)
		var counted []string
		for _, p := range d.Steps {
			counted = append(counted, p.Approved...)
		}
		if len(slices.Compact(slices.Sorted(slices.Values(counted)))) != len(counted) {
			t.Fatalf("somebody counts twice: %q", counted)
		}
		for i, p := range d.Steps {
			rule := in.Rules.Rules[slices.IndexFunc(in.Rules.Rules, func(r Rule) bool { return r.Name == d.Rule })]
			for _, id := range p.Approved {
				if !slices.Contains(in.mayApprove(rule, rule.Steps[i]), id) {
					t.Fatalf("%s counts in step %d: %+v", id, i+1, d)
				}
			}
			if d.State == Approved && (len(p.Approved) < p.Needed || p.Reviewer != "" && p.Verdict != Approves && p.Verdict != Defer) {
				t.Fatalf("approved with too few: %+v", d)
			}
		}
	})
}

// mayApprove are those who may approve a step before anybody did.
func (in Input) mayApprove(r Rule, s Step) (all []string) {
	for _, p := range in.parts(r.Steps, s, in.Initiator) {
		all = append(all, p.Waiting...)
	}
	return all
}

func TestDecidingTwiceGivesTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		if first, second := Decide(in), Decide(in); !reflect.DeepEqual(first, second) {
			t.Fatalf("%+v, then %+v", first, second)
		}
	})
}

// Requests are asked for as a rule allows, some are approved, some are not, time goes
// by: what was approved in any window never adds up to more than the rule's.
func TestSplittingAnAmountNeverGetsAroundAVelocity(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]Velocity{
		"an amount":         {Currency: "ethereum", Seconds: 3600, Max: "100"},
		"a count":           {Seconds: 3600, Count: 3},
		"what it was worth": {Currency: "USD", Seconds: 3600, Max: "250"},
	} {
		rule := Rule{Name: "r", When: []Condition{{Velocity: &v}}, Steps: []Step{one("s", 1, "mem_alice")}, UseWithin: 60, RateWithin: 60}
		most := cmp.Or(v.Max, strconv.Itoa(v.Count))
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			now := friday
			var others []Earlier
			for range rapid.IntRange(1, 40).Draw(t, "events") {
				now = now.Add(time.Duration(rapid.IntRange(0, 1800).Draw(t, "seconds")) * time.Second)
				for i := range others {
					become(t, &others[i], now)
				}
				if e, ok := ask(t, rule, v, now, others); ok {
					others = append(others, e)
				}
				moved := "0"
				for _, e := range others {
					if e.State == Approved && now.Sub(e.Approved) < time.Hour {
						moved, _ = Sum(moved, v.Of(e))
					}
				}
				if compare(moved, most) > 0 {
					t.Fatalf("%s of %s went in an hour: %+v", moved, most, others)
				}
			}
		}))
	}
}

// become lets a pending request be rejected, approved, or left as it is.
func become(t *rapid.T, e *Earlier, now time.Time) {
	if e.State != Pending {
		return
	}
	switch rapid.IntRange(0, 3).Draw(t, "becomes") {
	case 0:
		e.State = Rejected
	case 1, 2:
		if now.Before(e.Expires) {
			e.State, e.Approved, e.UseBy = Approved, now, now.Add(time.Minute)
		}
	}
}

// ask asks for a drawn amount; ok is false when the rule does not allow it.
func ask(t *rapid.T, rule Rule, v Velocity, now time.Time, others []Earlier) (e Earlier, ok bool) {
	in := base(rule)
	in.Rules.RateSource = "mem_rates"
	in.Created, in.Now, in.Expires = now, now, now.Add(2*time.Hour)
	in.Facts.Amount, in.Facts.Currency = strconv.Itoa(rapid.IntRange(1, 100).Draw(t, "amount")), "ethereum"
	in.Recorded.Value = &Value{Currency: "USD", Amount: strconv.Itoa(rapid.IntRange(1, 250).Draw(t, "worth")), Rate: "1", At: now.Unix(), Source: "mem_rates"}
	spent, ok := v.Spent(now, "0", others)
	if !ok {
		t.Fatal("what was spent cannot be said")
	}
	in.Spent = []Spent{spent}
	d := Decide(in)
	return Earlier{Amount: in.Facts.Amount, Currency: "ethereum", Value: in.Recorded.Value, State: Pending, Expires: d.Expires}, d.State == Pending
}

func TestARuleThatDeniesDoesSoWhereverItStands(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		before := Decide(in)
		var deny, others []Rule
		for _, r := range in.Rules.Rules {
			if r.Deny {
				deny = append(deny, r)
			} else {
				others = append(others, r)
			}
		}
		in.Rules.Rules = append(others, deny...)
		after := Decide(in)
		before.Digest, after.Digest = "", ""
		if before.Rule == "" { // the reasons are in the order of the rules
			before.Reasons, after.Reasons = nil, nil
		}
		if !reflect.DeepEqual(before, after) {
			t.Fatalf("%+v became %+v", before, after)
		}
	})
}
