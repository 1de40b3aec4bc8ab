package signer

import (
	"reflect"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/statement"
	"countersign/shared/wire"
)

// TestAClosedRequestIsReadFromTheLog: it is kept nowhere else, and everything about it is
// answered as before it was closed, also after a restart.
func TestAClosedRequestIsReadFromTheLog(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	input := g.input(testReq)
	g.request(testReq)
	alice, bob := mustConnect(t, g, "mem_alice"), mustConnect(t, g, "mem_bob")
	first, token, ferr := alice.Decide(testReq, statement.Approve)
	if ferr != nil {
		t.Fatal(ferr)
	}
	if _, _, ferr := bob.Decide(testReq, statement.Approve); ferr != nil {
		t.Fatal(ferr)
	}
	look := func() {
		t.Helper()
		if g.service.state.Request(testReq) != nil || len(g.service.state.Open()) != 0 {
			t.Error("a closed request is still in memory")
		}
		var got, again wire.SignerRequest
		if code := g.call("GET", "/v1/requests/"+testReq, nil, &got); code != "" {
			t.Fatal(code)
		}
		if got.State != "APPROVED" || got.UseBy == nil || len(got.Approvals) != 2 || got.Approvals[0].Seq != int64(first.Entry.Seq) {
			t.Errorf("%+v", got)
		}
		if code := g.call("POST", "/v1/requests", input, &again); code != "" || !reflect.DeepEqual(again, got) {
			t.Errorf("the same input: %s, %+v", code, again)
		}
		other := input
		intenttest.Edit(&other.Intent, func(b *intent.Buy) { b.Purpose = "another" })
		if code := g.call("POST", "/v1/requests", other, nil); code != fault.Conflict {
			t.Errorf("another input: %s", code)
		}
		alice = mustConnect(t, g, "mem_alice")
		if r, ferr := alice.Submit(token); ferr != nil || !reflect.DeepEqual(r, first) {
			t.Errorf("the same approval: %+v, %v, want %+v", r, ferr, first)
		}
		if _, ferr := alice.Statement(testReq, statement.Approve); ferr == nil || ferr.Code != fault.RequestClosed {
			t.Errorf("a statement for a closed request: %v", ferr)
		}
	}
	look()
	g.restart()
	look()
}
