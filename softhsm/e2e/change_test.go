package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"countersign/shared/wire"
)

// reaches presses Tab until what an expression describes has the focus; e is the element.
func (p *tab) reaches(what, is string) {
	p.Helper()
	for range 300 {
		p.do(chromedp.KeyEvent(kb.Tab))
		if eval[bool](p, "((e) => Boolean(e) && ("+is+"))(document.activeElement)") {
			return
		}
	}
	p.picture("not-reached")
	p.Fatalf("Tab does not come to %s:\n%s", what, p.text())
}

// keys types on what has the focus.
func (p *tab) keys(texts ...string) {
	p.Helper()
	for _, t := range texts {
		p.do(chromedp.KeyEvent(t))
	}
}

func named(name string) string {
	return "(e.getAttribute('aria-label') ?? e.labels?.[0]?.innerText ?? e.innerText).trim() === " + quoted(name)
}

// A change of the rules is written in the page by keyboard, with what it does beside it; two
// administrators read and sign it at their bridge, it takes effect, and its receipt holds.
func TestRulesAreChangedInTheBrowserWithProofOfWhatThatDoes(t *testing.T) {
	r := start(t)
	s := newStory(t, r)
	past, open := requests(t, r, s, "250")[0], requests(t, r, s, "240")[0]
	for _, member := range []string{"mem_alice", "mem_bob"} {
		approve(t, r, s, past, member)
	}
	p := browse(t, r.DashboardURL+"/requests")
	p.sees("SANDBOX")
	p.keys("g", "v")
	p.sees("Rules are asked from the top")
	p.reaches("the change of the account", named("Change Treasury"))
	p.keys(kb.Enter)
	p.sees("Change the account Treasury")
	p.sees("2 of Alice, Bob and Carol")
	p.sees("nothing changes for 1 past request")
	p.picture("begun")
	p.accessible("the rules")

	// The second rule takes three of three from now on. Esc leaves the form, and what was typed is there again.
	p.reaches("the rule", "e.matches('.rule-title') && e.innerText.includes('two-of-three')")
	p.keys(kb.Enter)
	p.reaches("the quorum", named("How many"))
	p.keys("3")
	p.sees("3 of Alice, Bob and Carol.")
	p.sees("1 of 1 past request would have needed more approvals")
	p.sees("1 open request needs 1 more approval")
	p.reaches("the amount of a request that is tried", named("Amount"))
	p.keys("5000")
	p.sees("over-1000: one of Alice, Bob and Carol signs and sends it, then 2 of")
	p.picture("report")
	p.accessible("the rules with what a change does")
	p.keys(kb.Escape)
	p.sees("The vault began with it")
	p.presses("Change")
	p.sees("You wrote this before, and did not send it")
	p.sees("3 of Alice, Bob and Carol.")

	// A quorum that nobody can reach is refused where it is written, and nothing is lost.
	p.reaches("the rule", "e.matches('.rule-title') && e.innerText.includes('two-of-three')")
	p.reaches("the quorum", named("How many"))
	p.keys("4", kb.Enter)
	p.until("the mistake in the list, with the focus, and at the field", "document.activeElement.id === 'f-errors' && document.querySelector('[aria-label=\"How many\"][aria-invalid=true]') && document.querySelector('.notice.is-negative').innerText.includes('1 to 3')")
	p.picture("refused")
	p.accessible("the rules with a mistake")
	p.reaches("the way to the field", "e.matches('.notice .link')")
	p.keys(kb.Enter)
	p.until("the field", "document.activeElement.getAttribute('aria-label') === 'How many'")
	p.do(chromedp.KeyEvent(kb.Backspace), chromedp.KeyEvent("3"))
	p.reaches("what it is for", named("What for"))
	p.keys("Three eyes on purchases")
	p.sees("1 open request needs 1 more approval")
	p.reaches("the button", named("Ask the administrators"))
	p.keys(kb.Enter)

	p.until("its request", "/^\\/requests\\/req_/.test(location.pathname)")
	p.sees("Waits for approval")
	p.sees("Three eyes on purchases")
	p.picture("asked")
	p.accessible("the request of a change")
	id := strings.TrimPrefix(eval[string](p, "location.pathname"), "/requests/")
	p.presses("Approve")
	p.sees("1 of 2 approvals")
	p.presses("Decide as another member")
	p.decides("mem_bob", "Approve", "2 of 2 approvals")
	shown := r.asked("confirm")
	read := shown[len(shown)-1]
	for _, want := range []string{"Decision      APPROVE this", "two-of-three, changes", "quorum 3", "Was step", "Impact", "1 open request needs 1 more approval", "Three eyes on purchases"} {
		if !strings.Contains(read, want) {
			t.Errorf("the administrator did not read %q:\n%s", want, read)
		}
	}
	p.picture("approved")

	var now wire.Request
	if err := s.Gateway.Do(r.ctx, http.MethodGet, "/v1/requests/"+open, nil, &now); err != nil || now.Needed != 3 || now.Rule.Version != 2 {
		t.Errorf("the open request needs %d by version %d: %v", now.Needed, now.Rule.Version, err)
	}
	p.presses("Receipt")
	p.sees("It holds for the key that the gateway names")
	p.presses("It is the same: trust it")
	p.sees("This receipt holds")
	p.sees("two-of-three")
	p.picture("receipt")
	p.presses("Who may pay whom")
	p.sees("3 of Alice, Bob and Carol")
	p.clicks("the versions", "[...document.querySelectorAll('a')].find((e) => e.innerText === 'Version 2' && e.href.endsWith('acc_treasury'))")
	p.sees("Approved by Alice and Bob")
	p.picture("versions")
	if at := eval[string](p, "document.querySelector('.event a').getAttribute('href')"); at != "/requests/"+id {
		t.Errorf("version 2 leads to %s, not to %s", at, id)
	}
}

// The other forms: each asks for a request of its kind, once.
func TestTheVaultIsChangedByForms(t *testing.T) {
	r := start(t)
	s := newStory(t, r)
	p := browse(t, r.DashboardURL+"/vault/groups")
	asked := func(kind string) wire.Request {
		t.Helper()
		p.until("its request", "/^\\/requests\\/req_/.test(location.pathname)")
		var now wire.Request
		id := strings.TrimPrefix(eval[string](p, "location.pathname"), "/requests/")
		if err := s.Gateway.Do(r.ctx, http.MethodGet, "/v1/requests/"+id, nil, &now); err != nil {
			t.Fatal(err)
		}
		var is struct{ Kind string }
		if err := json.Unmarshal(now.Intent, &is); err != nil || is.Kind != kind || now.State != wire.RequestPending {
			t.Errorf("%s, %s, %v: %s", is.Kind, now.State, err, now.Intent)
		}
		return now
	}
	decided := func(now wire.Request) {
		t.Helper()
		for _, member := range []string{"mem_alice", "mem_bob"} {
			approve(t, r, s, now.ID, member)
		}
	}
	types := func(label, text string) {
		t.Helper()
		p.does("the field "+label, fmt.Sprintf("[...document.querySelectorAll('.form :is(input, textarea)')].find((e) => { const name = (e.getAttribute('aria-label') ?? e.labels[0]?.innerText ?? ''); return name === %[1]s; })", quoted(label)),
			"e.focus(); e.select(); e.value = "+quoted(text)+"; e.dispatchEvent(new Event('input', { bubbles: true }))")
	}
	ticks := func(label string) {
		t.Helper()
		p.clicks("the box "+label, "[...document.querySelectorAll('.form label.check')].find((e) => e.innerText.startsWith("+quoted(label)+"))?.querySelector('input')")
	}

	p.presses("New group")
	p.sees("New group")
	p.presses("Ask the administrators")
	p.sees("3 things are to be mended")
	p.accessible("an empty form")
	types("Name", "Night shift")
	p.until("an id of it", "document.getElementById('f-group').value === 'grp_nightshift'")
	ticks("Alice")
	ticks("Carol")
	p.sees("Computed over")
	p.picture("group")
	p.presses("Ask the administrators")
	decided(asked("group.put"))

	p.do(chromedp.Navigate(r.DashboardURL + "/vault/new_whitelist"))
	types("Name", "Suppliers")
	types("Whose it is", "Harbour & Sons")
	types("Address", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAee")
	p.sees("a digit was changed")
	types("Address", "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed")
	p.presses("Write it so")
	p.sees("The check in its letters holds")
	p.sees("Computed over")
	p.accessible("a whitelist")
	p.presses("Ask the administrators")
	decided(asked("whitelist.put"))

	// An account below the treasury, with the everyday rules of the layered wallets.
	p.do(chromedp.Navigate(r.DashboardURL + "/vault/new_account"))
	types("Name", "Trading")
	p.does("the parent", "document.getElementById('f-parent')", "e.value = 'acc_treasury'; e.dispatchEvent(new Event('change', { bubbles: true }))")
	p.clicks("the presets", "[...document.querySelectorAll('summary')].find((e) => e.innerText === 'Begin with rules that fit together')")
	p.presses("Use the everyday rules")
	p.sees("5. large purchases")
	p.sees("Computed over")
	p.picture("account")
	p.accessible("a new account")
	p.presses("Ask the administrators")
	made := asked("account.create")
	decided(made)
	p.do(chromedp.Navigate(r.DashboardURL + "/vault"))
	p.sees("funded by Treasury")

	// A member is invited, and the address is said once.
	p.presses("Members")
	p.presses("Invite a member")
	types("Name", "Erin")
	p.presses("Make the invitation")
	p.sees("The invitation of Erin is made")
	p.sees("/v1/join/")
	p.picture("invited")
	p.accessible("an invitation")
	url := eval[string](p, "[...document.querySelectorAll('code')].find((e) => /^https?:.*join/.test(e.innerText)).innerText")
	p.presses("Show the members")
	p.sees("Nobody has registered yet")
	erin := newComputer(r, "erin")
	erin.run("member", "register", url, "--token", erin.token, "--out", erin.config+".registration")
	p.presses("Groups")
	p.presses("Members")
	p.presses("Ask the administrators")
	p.sees("Admit Erin")
	p.sees("Computed over")
	p.picture("admit")
	p.accessible("the form that admits a member")
	p.presses("Ask the administrators")
	decided(asked("member.invite"))

	// A reporting key: its secret is said once, opens nothing until the administrators have approved, and nothing once it is revoked.
	p.do(chromedp.Navigate(r.DashboardURL + "/vault/reporting"))
	p.presses("New reporting key")
	types("Name", "Monthly report")
	ticks("Treasury")
	p.presses("Make the secret")
	p.sees("Copy the secret now")
	p.sees("Computed over")
	p.picture("secret")
	p.accessible("the form of a reporting key with its secret")
	secret, word := eval[string](p, "document.querySelector('#f-secret pre').innerText"), eval[string](p, "document.querySelector('#f-secret .fingerprint li').innerText")
	trades := func(want int) {
		t.Helper()
		answer, err := http.Post(r.GatewayURL+"/v1/entities/auth/generate-token", "application/json", strings.NewReader(`{"apiKey":"`+secret+`","entityId":"ent_sandbox"}`))
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("the secret was traded with status %d, not %d", answer.StatusCode, want)
		}
	}
	p.presses("Ask the administrators")
	p.sees("The administrators are asked")
	trades(http.StatusUnauthorized)
	p.presses("Show the request")
	decided(asked("reporting_key.create"))
	shown := r.asked("confirm")
	if read := shown[len(shown)-1]; !strings.Contains(read, word+" ") || !strings.Contains(read, "Monthly report") || strings.Contains(read, secret) {
		t.Errorf("the administrator does not read %q:\n%s", word, read)
	}
	trades(http.StatusOK)
	p.do(chromedp.Navigate(r.DashboardURL + "/vault/reporting"))
	p.sees("Monthly report")
	p.picture("reporting")
	p.accessible("the reporting keys")
	p.presses("Revoke")
	p.sees("Computed over")
	p.presses("Ask the administrators")
	decided(asked("reporting_key.revoke"))
	trades(http.StatusUnauthorized)
	p.do(chromedp.Navigate(r.DashboardURL + "/vault/rpk_monthlyreport"))
	p.sees("1 line added, 1 removed")

	p.do(chromedp.Navigate(r.DashboardURL + "/vault/mem_erin"))
	p.presses("Suspend")
	p.sees("Computed over")
	p.presses("Ask the administrators")
	decided(asked("member.suspend"))
	p.do(chromedp.Navigate(r.DashboardURL + "/vault/admin"))
	p.presses("Change")
	types("Administrators who must approve what changes the vault", "3")
	p.sees("Computed over")
	p.presses("Ask the administrators")
	asked("admin_rule.put")
	if len(url) < 40 || strings.Contains(eval[string](p, "JSON.stringify([...Object.entries(sessionStorage), ...Object.entries(localStorage)])"), "join") {
		t.Error("the browser keeps the address of an invitation")
	}
	if strings.Contains(eval[string](p, "JSON.stringify([...Object.entries(sessionStorage), ...Object.entries(localStorage)])"), secret) {
		t.Error("the browser keeps the secret of a reporting key")
	}
	if _, err := os.Stat(erin.config + ".registration"); err != nil {
		t.Error(err)
	}
}
