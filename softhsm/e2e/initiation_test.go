package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"countersign/shared/fault"
	"countersign/shared/wire"
)

// The sandbox's rule for large purchases has a creation step: what no member has signed
// and sent cannot be approved, and who did cannot approve it.
func TestALargePurchaseIsSignedAndSentByAMemberAndApprovedByTheOthers(t *testing.T) {
	t.Parallel()
	r := start(t)
	s := newStory(t, r)
	id := requests(t, r, s, "1500")[0]
	look := func(state string) (now wire.Request) {
		t.Helper()
		if err := s.Gateway.Do(r.ctx, http.MethodGet, "/v1/requests/"+id, nil, &now); err != nil {
			t.Fatal(err)
		}
		if now.State != state {
			t.Errorf("the request is %s, want %s: %q", now.State, state, now.Reasons)
		}
		return now
	}
	refused := func(member, decision string, want fault.Code) {
		t.Helper()
		if err := decide(t, r, s, id, member, decision); fault.CodeOf(err) != want {
			t.Errorf("%s by %s: %v, want %s", decision, member, err, want)
		}
	}
	if now := look(wire.RequestUnsent); now.Initiator != nil || len(now.Approvers) != 3 {
		t.Errorf("%+v", now)
	}
	refused("mem_bob", "APPROVE", fault.Conflict)
	if err := decide(t, r, s, id, "mem_alice", "INITIATE"); err != nil {
		t.Fatal(err)
	}
	if now := look(wire.RequestPending); now.Initiator == nil || now.Initiator.Member != "mem_alice" || len(now.Approvers) != 2 {
		t.Errorf("%+v", now)
	}
	refused("mem_bob", "INITIATE", fault.Conflict)
	refused("mem_alice", "APPROVE", fault.Forbidden)

	r.again(true, "signer", "gateway", "bridge")
	approve(t, r, s, id, "mem_bob")
	approve(t, r, s, id, "mem_carol")
	look(wire.RequestApproved)
	confirmed := r.asked("confirm")
	if len(confirmed) != 3 || !strings.Contains(confirmed[0], "ASK for this purchase, which approves nothing yet") ||
		!strings.Contains(confirmed[2], "Asked by      Alice (mem_alice), who signed it, for Sandbox Treasury") {
		t.Errorf("read %q", confirmed)
	}
	order, err := s.Order(r.ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Pay(r.ctx, order); err != nil {
		t.Fatal(err)
	}
	if err := s.Delivery(r.ctx, order.ID); err != nil {
		t.Fatal(err)
	}
}

func TestALargePurchaseIsSignedAndSentInTheBrowser(t *testing.T) {
	r := start(t)
	id := requests(t, r, newStory(t, r), "1500")[0]
	p := browse(t, r.DashboardURL+"/requests/"+id)
	p.sees("Not sent yet")
	p.sees("Who may send it")
	if strings.Contains(p.text(), "Reject") {
		t.Error("what nobody sent can be rejected")
	}
	p.picture("unsent")
	p.accessible("a request that nobody sent")

	// Without a mouse, on a narrow page.
	p.do(chromedp.EmulateViewport(320, 700))
	if wide := eval[float64](p, "document.documentElement.scrollWidth"); wide > 320 {
		t.Errorf("the page is %v wide", wide)
	}
	p.does("the button that sends", button("Sign and send"), "e.focus()")
	p.do(chromedp.KeyEvent("\r"))
	p.sees("Signed and sent by Alice")
	p.sees("Waits for approval")
	p.do(chromedp.EmulateViewport(1280, 900))
	p.sees("Alice, who signed it")
	p.sees("Alice signed and sent it")
	p.picture("sent")
	p.accessible("a request that was sent")

	p.presses("Decide on it")
	p.decides("mem_bob", "Approve", "1 of 2 approvals")
	p.presses("Decide as another member")
	p.presses("Approve")
	p.sees("Approved: pay at")
	p.picture("approved")
}
