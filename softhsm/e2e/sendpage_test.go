package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"countersign/shared/wire"
	"countersign/softhsm/e2e/system"
)

// Ether is sent from the page: the form says what it costs and who decides, two members read and
// sign it at their bridge, and the page follows the transaction until the chain has confirmed it.
func TestEtherIsSentInTheBrowserWithTwoApprovalsAndSeenConfirmed(t *testing.T) {
	const payee = "0x52908400098527886E0F7030069857D2E4169EE7"
	r := startWith(t, system.Config{Fund: true})
	s := newStory(t, r)
	p := browse(t, r.DashboardURL+"/accounts/"+r.account())
	p.sees("Only what is on Sandbox chain may be sent here")
	p.until("the code of the address", "Boolean(document.querySelector('svg.qr'))")
	p.picture("receive")
	p.accessible("an account that receives")

	p.keys("g", "s")
	p.sees("Available: 10 ETH")
	p.reaches("the address", named("To address")+" || "+named("Address"))
	p.keys("vitalik.eth")
	p.sees("Whoever holds a name can point it elsewhere")
	for range len("vitalik.eth") {
		p.keys(kb.Backspace)
	}
	p.keys(payee)
	p.reaches("the amount", named("Amount"))
	p.keys("6")
	p.sees("The vault will refuse it") // its rule is for 5 at most
	p.picture("refused")
	p.keys(kb.Backspace, "0.5")
	p.sees("It is in no whitelist of this vault")
	p.sees("transfers: 2 of Alice, Bob and Carol")
	p.reaches("what it is for", named("What for"))
	p.keys("Invoice 2026-117")
	p.sees("transfers: 2 of Alice, Bob and Carol")
	p.picture("form")
	p.accessible("the form that sends")
	p.keys(kb.Enter)

	p.until("its request", "/^\\/requests\\/req_/.test(location.pathname)")
	id := strings.TrimPrefix(eval[string](p, "location.pathname"), "/requests/")
	p.sees("Waits for approval")
	p.sees("An address without a name")
	p.picture("asked")
	p.accessible("the request of a transfer")
	p.presses("Approve")
	p.sees("1 of 2 approvals")
	p.presses("Decide as another member")
	p.decides("mem_bob", "Approve", "2 of 2 approvals")
	shown := r.asked("confirm")
	for _, want := range []string{"APPROVE this transfer", "0.5 ETH", "5290 8400 0985 2788", "Fee at most", "Invoice 2026-117"} {
		if read := shown[len(shown)-1]; !strings.Contains(read, want) {
			t.Errorf("the member did not read %q:\n%s", want, read)
		}
	}
	p.sees("On the chain")
	p.sees("It arrived")
	p.sees("Completed")
	p.sees("Fee paid")
	p.picture("confirmed")
	p.accessible("a transfer that is confirmed")

	var now wire.Request
	if err := s.Gateway.Do(r.ctx, http.MethodGet, "/v1/requests/"+id, nil, &now); err != nil || now.State != wire.RequestCompleted || now.Sending.State != wire.SendingConfirmed {
		t.Fatalf("it is %s: %v", now.State, err)
	}
	p.sees(now.Sending.Hash)
	p.clicks("the list", "document.querySelector('.rail-link[href=\"/requests\"]')")
	p.sees("Send to 0x52908400…")
	p.picture("list")
	p.clicks("the accounts", "document.querySelector('.rail-link[href=\"/accounts\"]')")
	p.clicks("the account", "document.querySelector('a.row[href^=\"/accounts/\"]')")
	p.sees("Sent 0.5 ETH to " + payee)
	p.sees("Network fee of " + now.Sending.Fee + " ETH")
	p.picture("history")
}

// account is that of the main vault.
func (r *rig) account() string { return system.Vaults[0].Account }
