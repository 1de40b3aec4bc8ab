package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"countersign/softhsm/e2e/system"
)

// offers asks for quotes of 250 EUR and waits until every provider answered.
func (p *tab) offers() {
	p.Helper()
	p.presses("250")
	p.presses("Get prices")
	p.until("three offers", "document.querySelectorAll('input[name=offer]').length === 3")
}

// expired is whether the page says that its prices have run out.
const expired = "/expired|ran out|run out/i.test(document.querySelector('main').innerText)"

// request looks at the best offer and sends it to the approvers. Prices live for half a
// minute, and on a slow machine run out before they are requested, or before the gateway has
// the request: then new ones are taken, as a person would.
func (p *tab) request() {
	p.Helper()
	const waits = "document.body.innerText.includes('Waits for approval')"
	step := fmt.Sprintf(`(() => {
		if (%s) return 'done';
		const send = %s; if (send) { send.click(); return 'requested' }
		const look = %s; if (look) { look.click(); return 'looked' }
		const again = %s && %s; if (again) { again.click(); return 'asked' }
		return '' })()`, waits, button("Send to the approvers"), begins("Request ", "Take the new price"), expired, button("Get new prices"))
	for {
		switch found[string](p, "a purchase to request", step) {
		case "done":
			return
		case "requested":
			p.until("what became of the request", waits+" || "+expired)
		case "looked":
			p.until("the step before it is sent", "/Review the request/.test(document.querySelector('main').innerText) || "+expired)
		case "asked":
			p.until("three new offers", "document.querySelectorAll('input[name=offer]').length === 3 && !"+expired)
		}
	}
}

// decides signs as a member and waits for an outcome.
func (p *tab) decides(member, button, outcome string) {
	p.Helper()
	p.picks("member", member)
	p.presses(button)
	p.sees(outcome)
}

// continues hands an approved request over to its provider.
func (p *tab) continues() {
	p.Helper()
	p.clicks("the hand-off", "[...document.querySelectorAll('button')].find(b => b.innerText.trim().startsWith('Continue to') && !b.disabled)")
}

func TestAPurchaseFromQuotesToDeliveryInTheBrowser(t *testing.T) {
	r := start(t)
	p := browse(t, r.DashboardURL)
	p.sees("SANDBOX")
	p.sees("Sandbox Treasury")
	p.accessible("the form")
	p.offers()
	p.picture("quotes")
	p.accessible("the list of offers")
	p.request()
	p.picture("request")
	p.accessible("the request")

	// The first time, the bridge and the page are paired; then alice reads,
	// enters her PIN and signs on secp256k1.
	p.presses("Approve")
	p.sees("1 of 2 approvals")
	p.picture("one-approval")
	shown := r.prompts()
	for _, want := range []string{`"kind":"pairing"`, `"kind":"pin"`, `"kind":"confirm"`, "Decision      APPROVE this purchase", "250 EUR"} {
		if !strings.Contains(shown, want) {
			t.Errorf("the bridge's prompts did not show %s:\n%s", want, shown)
		}
	}
	if strings.Contains(shown, r.State.PIN("alice")) {
		t.Error("a PIN is in what was shown")
	}

	// Bob signs on P-256, and the request is approved.
	p.presses("Decide as another member")
	p.decides("mem_bob", "Approve", "Approved: pay at")
	p.picture("approved")
	p.accessible("the approved request")

	// A reload needs no second pairing.
	p.do(chromedp.Reload())
	p.sees("ready: alice, bob, carol")
	p.sees("Approved: pay at")

	// The hand-off opens the provider's own page; paying there delivers.
	widget := p.opened(p.continues)
	widget.until("the provider's page", "Boolean(document.querySelector('form[method=post] button'))")
	widget.picture("provider")
	widget.clicks("the button that pays", "document.querySelector('form[method=post] button')")
	widget.until("a way back", "[...document.querySelectorAll('a')].some(a => a.href.startsWith("+quoted(r.DashboardURL)+"))")
	widget.picture("paid")
	p.shot = widget.shot
	p.returns()
	p.sees("Received 0.0936") // coinharbor delivers a little less than it promised
	p.sees("Difference −0.0000")
	p.picture("delivered")
	p.accessible("the order")
	p.clicks("what the provider promised before", "document.querySelector('a[href^=\"/providers/\"]')")
	p.sees("1 of 1")
	p.sees("arrived: 0.0936")
	p.picture("record")
	p.accessible("what the provider promised, and what arrived")
	p.presses("Accounts")
	p.sees("Treasury")
	p.accessible("the accounts")
	p.clicks("the account", "document.querySelector('a[href=\"/accounts/acc_treasury\"]')")
	p.sees("Ledger")
	p.picture("account")
	p.accessible("the account")

	// The vault, its log, and the receipt of the purchase, which the browser verifies.
	p.presses("Vault")
	p.sees("Rules are asked from the top")
	p.picture("vault")
	p.accessible("the vault")
	p.presses("Log")
	p.sees("approved: Buy ")
	p.sees("countersign/ent_")
	p.picture("log")
	p.presses("Requests")
	p.clicks("the request", "document.querySelector('a.row[href^=\"/requests/\"]')")
	p.presses("Receipt")
	p.sees("It holds for the key that the gateway names")
	p.presses("It is the same: trust it")
	p.sees("This receipt holds")
	p.picture("receipt")
	p.accessible("the receipt")
}

// Programs and people come and go while a decision is in progress: the page says
// what was not done, and the same request is approved in the end.
func TestWhatEndsInTheMiddleLosesNothingInTheBrowser(t *testing.T) {
	r := start(t)
	p := browse(t, r.DashboardURL)
	p.sees("SANDBOX")
	p.offers()
	p.request()

	r.answer(system.Answers{PINs: map[string][]string{"alice": {"hang"}}})
	p.presses("Approve")
	first := p.compared("will show")
	p.sees("Type the PIN of alice")
	p.picture("pin")
	p.accessible("the page while a PIN is asked for")
	p.presses("Cancel")
	p.sees("Cancelled.")
	r.answer(system.Answers{Confirm: []string{"hang"}})
	p.presses("Try again")
	p.sees("Read it in the bridge's prompt")
	told := p.compared("shows now")
	p.picture("reading")
	if shown := r.statementAsked(); told == "" || !strings.HasPrefix(shown, told+"\n\nType ") || !strings.Contains(told, "\nYou sign as   Alice (mem_alice), at step 1\n") {
		t.Errorf("the page shows\n%s\nand the bridge\n%s", told, shown)
	}
	if err := r.StopProgram("bridge"); err != nil {
		t.Fatal(err)
	}
	p.sees("Nothing was signed.")
	p.picture("bridge-gone")
	p.sees("Waits for approval")
	if err := r.StartProgram(r.ctx, "bridge"); err != nil {
		t.Fatal(err)
	}
	p.sees("ready: alice, bob, carol")
	p.presses("Close")
	if err := r.StopProgram("gateway"); err != nil {
		t.Fatal(err)
	}
	p.presses("Approve")
	p.until("that the decision stopped", "[...document.querySelectorAll('.track .is-failed')].length === 1 && Boolean("+button("Try again")+")")
	p.sees("Nothing was signed.")
	p.picture("gateway-gone")
	if err := r.StartProgram(r.ctx, "gateway"); err != nil {
		t.Fatal(err)
	}
	r.answer(system.Answers{})
	p.until("that the gateway is back", "document.querySelectorAll('.notice').length === 1")
	p.presses("Try again")
	p.sees("1 of 2 approvals")
	if next := p.compared("will show"); next != first || !strings.Contains(next, "\nYou sign as   (said when you are asked)\n") {
		t.Errorf("the next approver compares\n%s\nand not\n%s", next, first)
	}
	p.picture("one-approval")
}

func TestRefusalsInTheBrowserLoseNothing(t *testing.T) {
	r := start(t)
	p := browse(t, r.DashboardURL)
	p.sees("SANDBOX")
	p.offers()
	p.request()

	r.answer(system.Answers{Pairing: []string{"decline"}})
	p.presses("Approve")
	p.sees("The pairing was declined in the bridge's prompt.")
	p.picture("pairing-refused")

	r.answer(system.Answers{Confirm: []string{"decline"}})
	p.presses("Try again")
	p.until("that nothing was signed", "/nothing was signed/i.test(document.body.innerText)")
	p.picture("declined")
	p.sees("Waits for approval")

	wrong := []string{"11111111", "hang"}
	r.answer(system.Answers{PINs: map[string][]string{"bob": wrong}})
	p.presses("Close")
	p.picks("member", "mem_bob")
	p.presses("Approve")
	p.sees("The last PIN was wrong.")
	p.presses("Cancel")
	p.until("that the PIN was not given", "[...document.querySelectorAll('button')].some(b => b.innerText.trim() === 'Try again')")
	p.picture("no-pin")
	p.sees("Waits for approval")

	// A pulled token is named; back in its socket it works after its PIN.
	if err := r.State.Approvers.Pull("carol"); err != nil {
		t.Fatal(err)
	}
	r.answer(system.Answers{})
	p.sees("ready: alice, bob · carol unplugged")
	p.presses("Close")
	p.sees("carol (not plugged in)")
	p.picks("member", "mem_carol")
	p.presses("Approve")
	p.until("that the token is away", "[...document.querySelectorAll('button')].some(b => b.innerText.trim() === 'Try again')")
	p.sees("The device is not plugged in.")
	p.picture("pulled")
	if err := r.State.Approvers.Insert("carol"); err != nil {
		t.Fatal(err)
	}
	p.presses("Try again") // SoftHSM shows a token that came to who looks for it: others are unlocked
	p.sees("1 of 2 approvals")
	p.sees("ready: alice, bob, carol")

	// A signed rejection ends the request for all members.
	p.presses("Decide as another member")
	p.picks("member", "mem_alice")
	p.presses("Reject")
	p.presses("Reject permanently")
	p.sees("Rejected")
	p.picture("rejected")
	p.accessible("the rejected request")
}

// Nothing on the page moves while prices come and while they are renewed, whether or not
// the person has just pressed something.
func TestPricesAreRenewedInTheirPlacesInTheBrowser(t *testing.T) {
	r := start(t)
	p := browse(t, r.DashboardURL)
	p.sees("SANDBOX")
	p.until("the form", "document.querySelectorAll('#country option').length > 1")
	found[bool](p, "what tells of moves", `(() => { window.shifts = []; new PerformanceObserver((l) => { for (const e of l.getEntries()) shifts.push([e.value, e.hadRecentInput,
		...e.sources.map((s) => s.node?.parentElement?.className + ' > ' + (s.node?.className ?? s.node?.data))]); }).observe({ type: 'layout-shift' }); return true })()`)
	p.presses("250")
	p.clicks("the button that asks", button("Get prices"))
	p.until("three offers", "document.querySelectorAll('input[name=offer]').length === 3")
	p.until("that the prices are asked for again", "performance.getEntriesByType('resource').filter((e) => e.name.includes('/v1/quotes')).length > 1")
	p.until("new prices", "/New prices in/.test(document.querySelector('main').innerText) && document.querySelectorAll('input[name=offer]').length === 3")
	if shifts := found[string](p, "what moved", "JSON.stringify(shifts)"); shifts != "[]" {
		t.Errorf("it moved: %s", shifts)
	}
	p.picture("renewed")
	p.request()
}

func TestAWorsePriceIsAskedAgainInTheBrowser(t *testing.T) {
	r := start(t)
	p := browse(t, r.DashboardURL)
	p.sees("SANDBOX")
	p.offers()
	p.request()
	p.presses("Approve")
	p.sees("1 of 2 approvals")
	p.presses("Decide as another member")
	p.decides("mem_bob", "Approve", "Approved: pay at")
	for _, provider := range []string{"northpay", "coinharbor", "meridian"} {
		control(t, r, provider, `{"price_percent":10}`)
	}
	p.continues()
	p.until("that the price changed", "/price/i.test(document.body.innerText) && "+"Boolean("+button("Ask for prices again")+")")
	p.picture("price-changed")
	p.presses("Ask for prices again")
	p.until("three new offers", "document.querySelectorAll('input[name=offer]').length === 3")
}

// control makes a pretend provider misbehave.
func control(t *testing.T, r *rig, provider, faults string) {
	t.Helper()
	req, err := http.NewRequestWithContext(r.ctx, http.MethodPut, r.ProvidersURL+"/_control/"+provider, strings.NewReader(faults))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		t.Fatalf("control %s: %s", provider, res.Status)
	}
}

// compared waits for the text to be compared with the bridge's, under a caption that
// says so, and returns it.
func (p *tab) compared(caption string) string {
	p.Helper()
	return found[string](p, "what the bridge "+caption, "((f) => f && f.innerText.includes("+quoted(caption)+
		") && f.querySelector('pre')?.textContent || '')(document.querySelector('figure.statement'))")
}

// statementAsked waits for the bridge's question about a statement, which comes a
// moment after the page was told of it, and returns it to the last line.
func (r *rig) statementAsked() string {
	r.Helper()
	deadline := time.After(patience)
	for {
		if texts := r.asked("confirm"); len(texts) > 0 {
			return texts[len(texts)-1]
		}
		select {
		case <-deadline:
			r.Fatal("the bridge did not ask about a statement")
		case <-time.After(50 * time.Millisecond):
		}
	}
}
