package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"countersign/shared/fault"
	"countersign/shared/wire"
	"countersign/softhsm/e2e/story"
	"countersign/softhsm/e2e/system"
)

// delivered is a purchase up to its delivery.
func delivered(t *testing.T, r *rig, s *story.Story, members ...string) (request string) {
	t.Helper()
	request = requests(t, r, s, "250")[0]
	for _, m := range members {
		approve(t, r, s, request, m)
	}
	order, err := s.Order(r.ctx, request)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Pay(r.ctx, order); err != nil {
		t.Fatal(err)
	}
	if err := s.Delivery(r.ctx, order.ID); err != nil {
		t.Fatal(err)
	}
	return request
}

func TestTwoEntitiesBuyThroughOneGatewayEachWithItsOwnSigner(t *testing.T) {
	t.Parallel()
	r := start(t)
	treasury := newStory(t, r)
	branch, err := story.NewFor(r.ctx, r.System, system.Vaults[1], told{t})
	if err != nil {
		t.Fatal(err)
	}
	branch.Key, branch.Remote = treasury.Key, treasury.Remote // one browser
	mine := delivered(t, r, treasury, "mem_alice", "mem_bob")
	branch.Remote = treasury.Remote
	theirs := delivered(t, r, branch, "mem_alice") // with the same token
	confirmed := r.asked("confirm")
	if last := confirmed[len(confirmed)-1]; !strings.Contains(last, "Sandbox Branch") || strings.Contains(last, "Sandbox Treasury") {
		t.Errorf("read %q", last)
	}
	for s, id := range map[*story.Story]string{treasury: theirs, branch: mine} {
		err := s.Gateway.Do(r.ctx, http.MethodGet, "/v1/requests/"+id, nil, new(wire.Request))
		if fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%s reads the request of the other: %v", s.Vault.Entity, err)
		}
	}

	if err := r.StopProgram("signer-branch"); err != nil {
		t.Fatal(err)
	}
	if best, err := branch.Quotes(r.ctx, "250"); err != nil {
		t.Error(err)
	} else if _, err := branch.Request(r.ctx, best.ID); fault.CodeOf(err) != fault.SignerDown {
		t.Errorf("without its signer: %v", err)
	}
	delivered(t, r, treasury, "mem_alice", "mem_bob")
	res, err := http.Get(r.GatewayURL + "/_health")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var h wire.Health
	if err := json.NewDecoder(res.Body).Decode(&h); err != nil {
		t.Fatal(err)
	}
	if len(h.Signers) != 2 || h.Signers[0].Entity != "ent_branch" || h.Signers[0].Status != "unavailable" || h.Signers[1].Status != "ok" {
		t.Errorf("signers %+v", h.Signers)
	}
	if err := r.StartProgram(r.ctx, "signer-branch"); err != nil {
		t.Fatal(err)
	}
	delivered(t, r, branch, "mem_bob")
}

func TestThePageChangesBetweenTheEntitiesOfItsPerson(t *testing.T) {
	r := start(t)
	request := requests(t, r, newStory(t, r), "250")[0]
	p := browse(t, r.DashboardURL+"/requests/"+request)
	p.sees("Waits for approval")
	p.picture("main entity")
	p.accessible("a page with two entities")
	p.do(chromedp.SetValue("#entities", "ent_branch"))
	p.does("the choice of an entity", "document.querySelector('#entities')", "e.dispatchEvent(new Event('change', {bubbles: true}))")
	p.sees("Operating")
	p.until("that the core offers the entities", "document.querySelector('#entities') !== null")
	p.picture("branch")
	if got := eval[string](p, "document.querySelector('#entities').selectedOptions[0].text"); got != "Sandbox Branch" {
		t.Errorf("the page acts for %q", got)
	}
	p.do(chromedp.Navigate(r.DashboardURL + "/requests/" + request))
	p.sees("Sandbox Branch")
	if strings.Contains(p.text(), "Waits for approval") {
		t.Error("the page shows the request of the other entity")
	}
	p.do(chromedp.Navigate(r.DashboardURL + "/buy"))
	p.sees("Operating")
	p.offers()
	p.request()
	p.presses("Approve") // alice, whose token is the same for both
	p.sees("Approved: pay at")
	p.picture("approved for the branch")
}
