package statement

import (
	"strings"
	"testing"

	"countersign/shared/fault"
)

func TestADecisionIsReadFromTheStatementThatSaysIt(t *testing.T) {
	t.Parallel()
	for _, decision := range []string{Approve, Reject, Initiate} {
		a := sample()
		if a.Decision = decision; decision == Initiate {
			a.V, a.Type, a.Step = 0, "", 0
		}
		data, err := EncodeDecision(a)
		if err != nil {
			t.Fatal(err)
		}
		back, err := DecodeDecision(data)
		if err != nil || back.Decision != decision || canonical(t, back) != canonical(t, a) {
			t.Errorf("%s: %v, %s", decision, err, canonical(t, back))
		}
		if _, err := Decode[Approval](data); (err == nil) != (decision != Initiate) {
			t.Errorf("%s as an approval: %v", decision, err)
		}
		if _, err := Decode[Initiation](data); (err == nil) != (decision == Initiate) {
			t.Errorf("%s as an initiation: %v", decision, err)
		}
		if want := map[bool]string{true: TypInitiation, false: TypApproval}[decision == Initiate]; Typ(decision) != want {
			t.Errorf("%s is signed as %s", decision, Typ(decision))
		}
	}
}

func TestAListSaysWhoSignedAndSentEachRequest(t *testing.T) {
	t.Parallel()
	list := purchases()
	for i := range list {
		list[i].Initiator, list[i].InitiatorName = "mem_alice", "Alice"
	}
	const alice, nobody = "Asked by      Alice (mem_alice), who signed it, for Sandbox Ltd (ent_sandbox)", "Asked by      Sandbox Ltd (ent_sandbox); which person is not proven"
	if text := must(ListText(list, 3)); strings.Count(text, "Asked by") != 1 || strings.Index(text, alice) > strings.Index(text, "1 of 3") {
		t.Errorf("all are Alice's:\n%s", text)
	}
	list[1].Initiator, list[1].InitiatorName = "", ""
	if text := must(ListText(list, 3)); strings.Count(text, alice) != 2 || strings.Count(text, nobody) != 1 || strings.Index(text, alice) < strings.Index(text, "1 of 3") {
		t.Errorf("one is nobody's:\n%s", text)
	}
}

func TestInitiationsAreNotSignedAsAList(t *testing.T) {
	t.Parallel()
	_, err := ListText([]Approval{sampleInitiation().decision()}, 1)
	if f, ok := fault.As(err); !ok || f.Code != fault.StatementInvalid || f.Details["field"] != "decision" {
		t.Error(err)
	}
}
