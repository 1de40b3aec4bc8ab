package signer

import (
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/shared/wire"
)

const (
	secondReq = "req_bbbbbbbbbbbbbbbbbbbbbbbbbb"
	thirdReq  = "req_cccccccccccccccccccccccccc"
)

func TestSpendingIsAddedUpFromTheLog(t *testing.T) {
	t.Parallel()
	rules := twoOfThree()
	rules.Rules[0].When = []governance.Condition{{Velocity: &governance.Velocity{Currency: "EUR", Seconds: 7200, Max: "600"}}}
	g := newRig(t, rules)
	g.request(testReq)
	g.clock.add(time.Minute)
	g.request(secondReq)
	if code := g.call("POST", "/v1/requests", g.input(thirdReq), nil); code != fault.Denied {
		t.Fatalf("750 of 600 EUR: %q", code)
	}
	if _, _, err := mustConnect(t, g, "mem_bob").Decide(testReq, statement.Reject); err != nil {
		t.Fatal(err)
	}
	g.request(thirdReq) // what was rejected is not spent
	g.restart()
	g.clock.add(2*time.Hour + time.Minute)
	g.request("req_dddddddddddddddddddddddddd") // the window moved on
	g.restart()
}

// The clocks of Paris stood an hour later than those of UTC, and the log says so for good.
func TestHoursOfAZoneAreThoseThatTheLogRecords(t *testing.T) {
	t.Parallel()
	rules := twoOfThree()
	rules.Rules[0].When = []governance.Condition{{Window: &governance.Window{From: "00:00", To: "24:00", Zone: "Europe/Paris"}}, {Velocity: &governance.Velocity{Seconds: 7200, Count: 2}}}
	g := newRig(t, rules)
	g.request(testReq)
	g.request(secondReq)
	if code := g.call("POST", "/v1/requests", g.input(thirdReq), nil); code != fault.Denied {
		t.Fatalf("a third of two requests: %q", code)
	}
	_, offset := g.clock.now().In(mustZone(t, "Europe/Paris")).Zone()
	want := governance.Recorded{Zones: []governance.Zone{{Name: "Europe/Paris", Offset: int64(offset)}}}
	if got := g.service.state.Request(testReq).Recorded; offset == 0 || !reflect.DeepEqual(got, want) {
		t.Errorf("the log records %+v, want %+v", got, want)
	}
	g.restart()
}

func mustZone(t *testing.T, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// slowly lets 600 EUR in two hours, for an hour after the last approval.
func slowly() governance.Set {
	rules := twoOfThree()
	rules.Rules[0].UseWithin = 3600
	rules.Rules[0].When = []governance.Condition{{Velocity: &governance.Velocity{Currency: "EUR", Seconds: 7200, Max: "600"}}}
	return rules
}

// Requests that were collected one by one must not be spent together.
func TestARequestThatMayStillBeApprovedIsSpentHoweverOldItIs(t *testing.T) {
	t.Parallel()
	g := newRig(t, slowly())
	for _, id := range []string{testReq, secondReq} {
		in := g.input(id)
		in.ExpiresAt = g.clock.now().Add(24 * time.Hour)
		if code := g.call("POST", "/v1/requests", in, nil); code != "" {
			t.Fatal(code)
		}
	}
	g.clock.add(3 * time.Hour)
	if code := g.call("POST", "/v1/requests", g.input(thirdReq), nil); code != fault.Denied {
		t.Errorf("500 of 600 EUR may still be approved: %q", code)
	}
	g.clock.add(22 * time.Hour)
	g.request(thirdReq)
	g.restart()
}

func TestAnApprovalIsSpentFromItsLastVoteOnUsedOrNot(t *testing.T) {
	t.Parallel()
	g := newRig(t, slowly())
	for _, id := range []string{testReq, secondReq} {
		in := g.input(id)
		in.ExpiresAt = g.clock.now().Add(24 * time.Hour)
		if code := g.call("POST", "/v1/requests", in, nil); code != "" {
			t.Fatal(code)
		}
	}
	g.clock.add(10 * time.Hour)
	for _, member := range []string{"mem_alice", "mem_bob"} {
		approver := mustConnect(t, g, member)
		for _, id := range []string{testReq, secondReq} {
			if _, _, err := approver.Decide(id, statement.Approve); err != nil {
				t.Fatal(err)
			}
		}
	}
	g.clock.add(90 * time.Minute) // both lapsed; nothing says whether they were used
	g.restart()
	if code := g.call("POST", "/v1/requests", g.input(thirdReq), nil); code != fault.Denied {
		t.Errorf("500 EUR were approved an hour and a half ago: %q", code)
	}
	g.clock.add(31 * time.Minute)
	g.request(thirdReq)
	g.restart()
}

// pausing are rules by which nothing happens for two hours after two approvals, of which
// 600 EUR in two hours are allowed.
func pausing() governance.Set {
	rules := slowly()
	rules.Rules[0].Steps = append(rules.Rules[0].Steps, governance.Step{Name: "cooling off", Delay: 7200})
	return rules
}

func TestADelayEndsByItselfAlsoAfterTheRequestsEndAndARestart(t *testing.T) {
	t.Parallel()
	g := newRig(t, pausing())
	g.request(testReq) // for an hour
	g.clock.add(50 * time.Minute)
	for _, member := range []string{"mem_alice", "mem_bob"} {
		if _, _, err := mustConnect(t, g, member).Decide(testReq, statement.Approve); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := mustConnect(t, g, "mem_carol").Decide(testReq, statement.Approve); err == nil || err.Code != fault.Forbidden {
		t.Errorf("a delay was approved: %v", err)
	}
	at := g.clock.now()
	g.clock.add(2*time.Hour - time.Second)
	g.restart()
	g.request(secondReq)
	if code := g.call("POST", "/v1/requests", g.input(thirdReq), nil); code != fault.Denied {
		t.Errorf("what waits for time only does not count as spent: %q", code)
	}
	if r := g.get(testReq); r.State != string(governance.Pending) || r.Steps[1].Until.Sub(at).Round(time.Minute) != 2*time.Hour {
		t.Fatalf("a second before the end of the delay: %+v", r)
	}
	g.clock.add(2 * time.Second)
	if err := g.service.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := g.get(testReq)
	if r.State != string(governance.Approved) || r.UseBy == nil || r.UseBy.Sub(r.Steps[1].Until) != time.Hour {
		t.Fatalf("after the delay: %+v", r)
	}
	if code := g.call("POST", "/v1/requests", g.input(thirdReq), nil); code != fault.Denied {
		t.Errorf("what was approved by time does not count as spent: %q", code)
	}
	g.restart()
	if again := g.get(testReq); !reflect.DeepEqual(again.UseBy, r.UseBy) || again.State != r.State {
		t.Errorf("after a restart: %+v", again)
	}
}

func TestWhoApprovedMayStopADelay(t *testing.T) {
	t.Parallel()
	g := newRig(t, pausing())
	g.request(testReq)
	for _, member := range []string{"mem_alice", "mem_bob"} {
		if _, _, err := mustConnect(t, g, member).Decide(testReq, statement.Approve); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := mustConnect(t, g, "mem_bob").Decide(testReq, statement.Reject); err != nil {
		t.Fatal(err)
	}
	if r := g.get(testReq); r.State != string(governance.Rejected) || r.Reasons[0] != "rejected by Bob" {
		t.Errorf("%s: %q", r.State, r.Reasons)
	}
	g.restart()
}

// get is a request as the signer sees it.
func (g *rig) get(id string) (r wire.SignerRequest) {
	g.t.Helper()
	if code := g.call("GET", "/v1/requests/"+id, nil, &r); code != "" {
		g.t.Fatalf("%s: %s", id, code)
	}
	return r
}

func TestStepsAreTakenInOrder(t *testing.T) {
	t.Parallel()
	g := newRig(t, governance.Set{Version: 1, Rules: []governance.Rule{{Name: "two steps", Steps: []governance.Step{
		{Name: "first", Quorum: 1, Members: []string{"mem_alice", "mem_bob"}},
		{Name: "second", Quorum: 1, Members: []string{"mem_alice", "mem_carol"}},
	}}}})
	g.request(testReq)
	alice, bob, carol := mustConnect(t, g, "mem_alice"), mustConnect(t, g, "mem_bob"), mustConnect(t, g, "mem_carol")
	if _, err := carol.Statement(testReq, statement.Approve); err == nil || err.Code != fault.Forbidden {
		t.Errorf("the second step before the first: %v", err)
	}
	late, err := bob.Statement(testReq, statement.Reject)
	if err != nil {
		t.Fatal(err)
	}
	r, _, err := alice.Decide(testReq, statement.Approve)
	if err != nil || r.State != "PENDING_APPROVAL" || r.Needed != 2 {
		t.Fatalf("first step: %+v %v", r, err)
	}
	if _, err := bob.Submit(bob.Sign(late)); err == nil || err.Code != fault.Forbidden {
		t.Errorf("a rejection of a step that is over: %v", err)
	}
	if _, err := alice.Statement(testReq, statement.Approve); err == nil || err.Code != fault.AlreadyApproved {
		t.Errorf("Alice again: %v", err)
	}
	g.restart()
	carol = mustConnect(t, g, "mem_carol")
	if r, _, err = carol.Decide(testReq, statement.Approve); err != nil || r.State != "APPROVED" || len(r.Approvals) != 2 {
		t.Fatalf("second step: %+v %v", r, err)
	}
}

func TestARuleThatExcludesTheInitiatorDeniesWhileNoneIsProven(t *testing.T) {
	t.Parallel()
	g := newRig(t, governance.Set{Version: 1, Rules: []governance.Rule{{Name: "four eyes", Steps: []governance.Step{
		{Name: "any", Quorum: 1, Members: []string{"mem_alice", "mem_bob"}},
		{Name: "others", Quorum: 1, Members: []string{"mem_alice", "mem_bob", "mem_carol"}, ExcludeInitiator: true},
	}}}})
	if code := g.call("POST", "/v1/requests", g.input(testReq), nil); code != fault.Denied {
		t.Errorf("%q, want %s", code, fault.Denied)
	}
	if n := len(g.vault.Keys); n != len(newRig(t, twoOfThree()).vault.Keys) {
		t.Errorf("a key was made for a request that was denied: %d keys", n)
	}
}

func TestInitNamesTheRulesThatCannotBeMet(t *testing.T) {
	t.Parallel()
	rules := twoOfThree()
	rules.Rules = append(rules.Rules, governance.Rule{Name: "large", Steps: []governance.Step{
		{Name: "others", Quorum: 1, Members: []string{"mem_alice", "mem_bob"}, ExcludeInitiator: true},
	}})
	var out strings.Builder
	if err := warn(&out, Draft{Accounts: []DraftAccount{{Account: treasury, Rules: rules}}}); err != nil {
		t.Fatal(err)
	}
	if s := out.String(); strings.Count(s, "\n") != 1 || !strings.Contains(s, `acc_treasury, rule "large"`) || !strings.Contains(s, "will be denied") {
		t.Errorf("init says %q", s)
	}
}

func TestTheSignerSaysWhenAnApprovalEnds(t *testing.T) {
	t.Parallel()
	for within, want := range map[int64]time.Duration{0: 24 * time.Hour, 3600: time.Hour} {
		rules := twoOfThree()
		rules.Rules[0].UseWithin = within
		g := newRig(t, rules)
		if r := g.request(testReq); r.UseBy != nil || r.GovernedBy.UseWithin != within {
			t.Errorf("before it is approved: %+v", r)
		}
		if _, _, err := mustConnect(t, g, "mem_alice").Decide(testReq, statement.Approve); err != nil {
			t.Fatal(err)
		}
		g.clock.add(10 * time.Minute)
		approved := g.clock.now()
		if _, text, err := mustConnect(t, g, "mem_bob").Decide(testReq, statement.Approve); err != nil {
			t.Fatal(err, text)
		}
		for range 2 { // a restart changes nothing
			var r wire.SignerRequest
			if code := g.call("GET", "/v1/requests/"+testReq, nil, &r); code != "" || r.UseBy == nil || !r.UseBy.Equal(approved.Add(want)) {
				t.Errorf("%s: the approval ends at %v, want %s", code, r.UseBy, approved.Add(want))
			}
			g.clock.add(time.Hour)
			g.restart()
		}
		lines := g.lines()
		payload, err := jws.Payload(lines[len(lines)-1])
		if err != nil || !strings.Contains(string(payload), `"use_by":`+strconv.FormatInt(approved.Add(want).Unix(), 10)) {
			t.Errorf("the outcome in the log: %s, %v", payload, err)
		}
	}
}
