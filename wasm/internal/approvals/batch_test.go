package approvals

import (
	"testing"

	"countersign/shared/fault"
)

func several() Flow {
	return Flow{Decision: "APPROVE", Paired: true, Needed: 3, Items: []Item{{Request: "req_aaaa"}, {Request: "req_bbbb"}, {Request: "req_cccc"}}}
}

func TestSeveralAreCountedAsTheyAreSigned(t *testing.T) {
	t.Parallel()
	f := several().Prompt("confirm", "pinentry").PromptClosed().Counted(2, 3)
	if steps := f.Steps(); steps[3].Text != "2 of 3 requests inside the device" || steps[3].Status != Current {
		t.Errorf("%+v", steps)
	}
	f = f.Prompt("pin", "pinentry") // a device that asks before each
	if f.Where != "pinentry" || f.Ask != "pin" || f.Steps()[1].Status != Current {
		t.Errorf("%+v", f)
	}
	if f = f.PromptClosed().Counted(3, 3); f.Steps()[3].Status != Current || f.Over() {
		t.Errorf("%+v", f)
	}
}

func TestSeveralAreOverWithTheLastOfThem(t *testing.T) {
	t.Parallel()
	f := several().Counted(0, 3)
	f = f.Ended(Item{Request: "req_bbbb"}, "", fault.New(fault.StatementInvalid, "expired"))
	f = f.Ended(Item{Request: "req_aaaa", Done: 1, Needed: 2}, "what was read", nil)
	if f.Over() {
		t.Error("over before the last")
	}
	f = f.Ended(Item{Request: "req_cccc", Done: 2, Needed: 2}, "what was read", nil)
	if !f.Over() || f.Err != nil || f.Done != 2 || f.Needed != 3 || f.Text != "what was read" || f.Items[1].Err == nil || f.Items[0].Done != 1 {
		t.Errorf("%+v", f)
	}
	if last := f.Steps()[4]; last.Text != "2 of 3 requests" || last.Status != Done {
		t.Errorf("%+v", last)
	}
}

func TestSeveralHaveFailedWhenNoneWasRecorded(t *testing.T) {
	t.Parallel()
	f := several().Prompt("confirm", "pinentry")
	for _, i := range f.Items {
		f = f.Ended(i, "", fault.New(fault.Declined, "no"))
	}
	if !f.Over() || f.Err == nil || f.Err.Code != fault.Declined {
		t.Errorf("%+v", f)
	}
}
