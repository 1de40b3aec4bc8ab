package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"countersign/shared/fault"
	"countersign/shared/wire"
	"countersign/softhsm/e2e/page"
	"countersign/softhsm/e2e/story"
	"countersign/softhsm/e2e/system"
)

// requests asks for a purchase of each amount of euros.
func requests(t *testing.T, r *rig, s *story.Story, amounts ...string) (ids []string) {
	t.Helper()
	for _, a := range amounts {
		best, err := s.Quotes(r.ctx, a)
		if err != nil {
			t.Fatal(err)
		}
		request, err := s.Request(r.ctx, best.ID)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, request.ID)
	}
	return ids
}

// asked is what the person was shown of each kind.
func (r *rig) asked(kind string) (texts []string) {
	r.Helper()
	for line := range strings.Lines(r.prompts()) {
		var p struct{ Kind, Text string }
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			r.Fatal(err)
		}
		if p.Kind == kind {
			texts = append(texts, p.Text)
		}
	}
	return texts
}

func channelOf(t *testing.T, r *rig, s *story.Story, member string) *page.Channel {
	t.Helper()
	bridge, err := s.Connect(r.ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bridge.Close() })
	channel, err := page.OpenChannel(r.ctx, bridge, s.Gateway, s.Vault.Entity, member)
	if err != nil {
		t.Fatal(err)
	}
	return channel
}

func TestThreeRequestsAreApprovedWithOnePINAndOnePrompt(t *testing.T) {
	t.Parallel()
	r := start(t)
	s := newStory(t, r)
	ids := requests(t, r, s, "250", "100", "60")
	for i, p := range system.People[:2] { // alice on secp256k1, bob on P-256
		decisions, errs := channelOf(t, r, s, p.Member).DecideAll(r.ctx, ids, "APPROVE")
		for k, err := range errs {
			if err != nil {
				t.Fatalf("%s, request %d: %v", p.Name, k+1, err)
			}
			if got := decisions[k].Result; len(got.Approvals) != i+1 || got.Request != ids[k] {
				t.Errorf("%s, request %d: %+v", p.Name, k+1, got)
			}
		}
		lists := r.asked("confirm")
		if len(lists) != i+1 || len(r.asked("pin")) != i+1 {
			t.Fatalf("%s was asked %d times and gave %d PINs", p.Name, len(lists), len(r.asked("pin")))
		}
		for _, want := range append(slices.Clone(ids), "APPROVE 3 purchases", "3 of 3", "Total of 3 purchases", "410 EUR") {
			if !strings.Contains(lists[i], want) {
				t.Errorf("%s did not read %q:\n%s", p.Name, want, lists[i])
			}
		}
	}
	for _, id := range ids {
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
}

func TestABatchReportsEachRequestByItself(t *testing.T) {
	t.Parallel()
	r := start(t)
	s := newStory(t, r)
	ids := requests(t, r, s, "250", "100", "60")
	approve(t, r, s, ids[1], "mem_alice")
	channel := channelOf(t, r, s, "mem_alice")
	_, errs := channel.DecideAll(r.ctx, ids, "APPROVE")
	if errs[0] != nil || fault.CodeOf(errs[1]) != fault.AlreadyApproved || errs[2] != nil {
		t.Errorf("%v", errs)
	}
	lists := r.asked("confirm")
	if last := lists[len(lists)-1]; strings.Contains(last, ids[1]) || !strings.Contains(last, "2 of 3: nothing is signed for the others") {
		t.Errorf("read:\n%s", last)
	}
	r.answer(system.Answers{Confirm: []string{"decline"}})
	more := requests(t, r, s, "250", "100")
	_, errs = channel.DecideAll(r.ctx, more, "APPROVE")
	for i, err := range errs {
		if fault.CodeOf(err) != fault.Declined {
			t.Errorf("declined, request %d: %v", i+1, err)
		}
		var now wire.Request
		if err := s.Gateway.Do(r.ctx, http.MethodGet, "/v1/requests/"+more[i], nil, &now); err != nil || now.Approved != 0 {
			t.Errorf("%d approvals of request %d: %v", now.Approved, i+1, err)
		}
	}
}

// boxes finds the boxes of the requests that can be picked.
const boxes = "document.querySelectorAll('ul.list label.check input')"

func TestThreeRequestsAreApprovedTogetherInTheBrowser(t *testing.T) {
	r := start(t)
	requests(t, r, newStory(t, r), "250", "100", "60")
	p := browse(t, r.DashboardURL)
	p.sees("SANDBOX")
	p.until("three requests in the rail", "Boolean(document.querySelector('a[href=\"/requests\"] .count'))")
	p.clicks("the list of requests", "document.querySelector('a[href=\"/requests\"]')")
	p.until("three requests to pick", boxes+".length === 3")
	p.sees("Approve together…")
	for i := range 3 {
		p.toggles(i)
	}
	p.sees("Approve 3 requests…")
	p.sees("410 EUR")
	p.picture("picked")
	p.accessible("the inbox with requests picked")

	r.answer(system.Answers{Confirm: []string{"hang"}})
	p.presses("Approve 3 requests…")
	p.sees("Read the list in the bridge's prompt")
	p.picture("reading")
	p.accessible("the page while the list is read")
	p.presses("Cancel")
	p.sees("Cancelled.")
	p.picture("cancelled")

	r.answer(system.Answers{})
	p.presses("Try again")
	p.sees("Approved 3 of 3 requests")
	p.sees("1 of 2 approvals")
	p.picture("approved")
	p.accessible("what was approved")
	lists := r.asked("confirm")
	if len(lists) != 2 || len(r.asked("pin")) != 1 || !strings.Contains(lists[1], "APPROVE 3 purchases") {
		t.Errorf("%d PINs; read %q", len(r.asked("pin")), lists)
	}

	// Bob's token is pulled while he reads: nothing is signed, and each request says so.
	p.presses("Close")
	p.picks("member", "mem_bob")
	p.until("three requests to pick", boxes+".length === 3")
	p.toggles(0)
	p.toggles(2)
	r.answer(system.Answers{Confirm: []string{"hang"}})
	p.presses("Approve 2 requests…")
	p.sees("Read the list in the bridge's prompt")
	if err := r.State.Approvers.Pull("bob"); err != nil {
		t.Fatal(err)
	}
	p.sees("The device is not plugged in.")
	p.picture("pulled")
	if err := r.State.Approvers.Insert("bob"); err != nil {
		t.Fatal(err)
	}
	r.answer(system.Answers{})
	p.presses("Try again")
	p.sees("Approved 2 of 2 requests")
	p.sees("2 of 2 approvals")
	p.picture("approved-by-two")
}

// toggles presses Space on the box of a request, as somebody without a mouse does.
func (p *tab) toggles(i int) {
	p.Helper()
	box := fmt.Sprintf("%s[%d]", boxes, i)
	p.does("the box", box, "e.focus()")
	was := eval[bool](p, box+".checked")
	p.do(chromedp.KeyEvent(" "))
	p.until("that the box is toggled", fmt.Sprintf("%s.checked !== %v", box, was))
}
