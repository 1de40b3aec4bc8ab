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
	if _, _, err := mustConnect(t, g, "mem_bob").decide(testReq, statement.Reject); err != nil {
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
			if _, _, err := approver.decide(id, statement.Approve); err != nil {
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

func TestStepsAreTakenInOrder(t *testing.T) {
	t.Parallel()
	g := newRig(t, governance.Set{Version: 1, Rules: []governance.Rule{{Name: "two steps", Steps: []governance.Step{
		{Name: "first", Quorum: 1, Members: []string{"mem_alice", "mem_bob"}},
		{Name: "second", Quorum: 1, Members: []string{"mem_alice", "mem_carol"}},
	}}}})
	g.request(testReq)
	alice, bob, carol := mustConnect(t, g, "mem_alice"), mustConnect(t, g, "mem_bob"), mustConnect(t, g, "mem_carol")
	if _, err := carol.statement(testReq, statement.Approve); err == nil || err.Code != fault.Forbidden {
		t.Errorf("the second step before the first: %v", err)
	}
	late, err := bob.statement(testReq, statement.Reject)
	if err != nil {
		t.Fatal(err)
	}
	r, _, err := alice.decide(testReq, statement.Approve)
	if err != nil || r.State != "PENDING_APPROVAL" || r.Needed != 2 {
		t.Fatalf("first step: %+v %v", r, err)
	}
	if _, err := bob.submit(bob.sign(late)); err == nil || err.Code != fault.Forbidden {
		t.Errorf("a rejection of a step that is over: %v", err)
	}
	if _, err := alice.statement(testReq, statement.Approve); err == nil || err.Code != fault.AlreadyApproved {
		t.Errorf("Alice again: %v", err)
	}
	g.restart()
	carol = mustConnect(t, g, "mem_carol")
	if r, _, err = carol.decide(testReq, statement.Approve); err != nil || r.State != "APPROVED" || len(r.Approvals) != 2 {
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
	if n := len(g.vault.keys); n != len(newRig(t, twoOfThree()).vault.keys) {
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
		if _, _, err := mustConnect(t, g, "mem_alice").decide(testReq, statement.Approve); err != nil {
			t.Fatal(err)
		}
		g.clock.add(10 * time.Minute)
		approved := g.clock.now()
		if _, text, err := mustConnect(t, g, "mem_bob").decide(testReq, statement.Approve); err != nil {
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
