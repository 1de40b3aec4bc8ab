package signer

import (
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/statement"
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

func TestStepsAreTakenInOrder(t *testing.T) {
	t.Parallel()
	g := newRig(t, governance.Set{Version: 1, Rules: []governance.Rule{{Name: "two steps", Steps: []governance.Step{
		{Name: "first", Quorum: 1, Members: []string{"mem_alice", "mem_bob"}},
		{Name: "second", Quorum: 1, Members: []string{"mem_alice", "mem_carol"}, ExcludeInitiator: true},
	}}}})
	g.request(testReq) // Alice asks
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
