package approver

import (
	"testing"

	"countersign/shared/fault"
	"countersign/shared/frame"
)

func TestADecideThatFailsEndsTheApprovalAndOneThatIsNotDueDoesNot(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	b := g.mustConnect()
	l := g.mustOpen(b, "mem_alice")
	junk := append(frame.Record{1}, make([]byte, 40)...) // version 1
	junk[12] = 9                                         // a counter that was not used
	call := func(method string, approval string, result any) error {
		if method == frame.ApprovalFinish {
			return b.Call(t.Context(), method, frame.ApprovalFinishParams{Approval: approval, Record: junk}, result)
		}
		return b.Call(t.Context(), method, frame.ApprovalDecideParams{Approval: approval, Record: junk}, result)
	}
	approval, _, err := l.prepare("req_aaaaaaaa", frame.Approve)
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, "a receipt before the decision", call(frame.ApprovalFinish, approval, &frame.ApprovalFinishResult{}), fault.Conflict)
	wantCode(t, "a record that does not open", call(frame.ApprovalDecide, approval, &frame.ApprovalDecideResult{}), fault.RecordInvalid)
	wantCode(t, "the approval after that", call(frame.ApprovalDecide, approval, &frame.ApprovalDecideResult{}), fault.NotFound)
	wantCode(t, "its end", b.Call(t.Context(), frame.ApprovalCancel, frame.ApprovalCancelParams{Approval: approval}, &frame.ApprovalCancelResult{}), "")
	wantCode(t, "a channel that never was", b.Call(t.Context(), frame.ChannelReady, frame.ChannelReadyParams{Channel: "chn_nothing", Record: junk}, &frame.ChannelReadyResult{}), fault.ChannelClosed)
	wantCode(t, "the end of one", b.Call(t.Context(), frame.ChannelClose, frame.ChannelCloseParams{Channel: "chn_nothing"}, &frame.ChannelCloseResult{}), "")
	if _, _, err := l.prepare("req_bbbbbbbb", frame.Approve); err != nil {
		t.Errorf("another approval in the channel: %v", err)
	}
}
