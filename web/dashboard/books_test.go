package dashboard

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"countersign/shared/wire"
)

// books is a statement of an account with ether and a token, for days.
func books(from, to string) wire.AccountStatement {
	begin, _ := time.Parse(time.DateOnly, from)
	end, _ := time.Parse(time.DateOnly, to)
	at := func(days int) time.Time { return begin.AddDate(0, 0, days).Add(10 * time.Hour) }
	line := func(days int, kind, of, amount, after, text string) wire.StatementLine {
		return wire.StatementLine{ID: "bkg_" + kind + after[:1] + "aaa", At: at(days), Type: kind, Text: text, Asset: of, Amount: amount, BalanceAfter: after}
	}
	return wire.AccountStatement{
		Entity: "ent_sandbox", Account: wire.StatementAccount{ID: "acc_treasury", Name: "Treasury", Chain: "eip155:31337"}, From: begin, To: end, Opening: []wire.ValuedAmount{{Asset: "ethereum", Amount: "2"}},
		Lines: []wire.StatementLine{
			line(3, wire.LineDeposit, "ethereum", "3", "5", "Received 3 ETH from NorthPay"), line(8, wire.LineWithdrawal, "ethereum", "-4.5", "0.5", "Sent 4.5 ETH"), line(8, wire.LineFee, "ethereum", "-0.000021", "0.499979", "Network fee of 0.000021 ETH"),
			line(9, wire.LineDeposit, "ethereum/erc20/sandbox_dollar", "250", "250", "Received 250 SANDUSD"), line(16, wire.LineDeposit, "ethereum", "1234.000000000000000001", "1234.499979000000000001", "Received 1234 ETH"),
		},
		Closing: []wire.ValuedAmount{{Asset: "ethereum", Amount: "1234.499979000000000001"}, {Asset: "ethereum/erc20/sandbox_dollar", Amount: "250"}}, ServerTime: at(19),
	}
}

// How a balance went is a picture, a sentence and a table; and what is downloaded is what the gateway wrote.
func TestAnAccountShowsItsBalanceOverTimeAndItsStatementIsSavedAsAFile(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	if s.hashes[core] == "" {
		t.Fatal("the core is not built; run make wasm")
	}
	chrome, url := browser(t), serveHandler(t, withAPI(s))
	p := open(t, chrome, url+"/accounts/acc_treasury")
	const page = "document.querySelector('main.page').innerText"
	p.until("document.querySelector('svg.line[role=img] > path.line-path')?.getAttribute('d').startsWith('M0 ')")
	p.until("document.querySelector('svg.line').getAttribute('aria-label').replaceAll('\u202f', ' ') === 'From 2 ETH to 1 234.499979000000000001 ETH, with 4 entries between'")
	p.run("document.querySelector('details:has(.table-wrap) > summary').click()")
	p.until(page + ".replaceAll('\u202f', ' ').includes('1 234.499979000000000001') && [...document.querySelectorAll('details tbody tr')].length === 4")
	p.run("const a = document.getElementById('f-asset'); a.value = 'ethereum/erc20/sandbox_dollar'; a.dispatchEvent(new Event('change', { bubbles: true }))")
	p.until("/^From 0 [^ ]+ to 250 [^ ]+, with one entry between$/.test(document.querySelector('svg.line').getAttribute('aria-label'))")
	if *pictures != "" {
		for name, width := range map[string]int64{"wide": 1440, "narrow": 320} {
			p.run("const b = document.getElementById('f-asset'); b.value = 'ethereum'; b.dispatchEvent(new Event('change', { bubbles: true }))")
			p.do(chromedp.EmulateViewport(width, 900))
			p.run("document.querySelector('svg.line').scrollIntoView({ block: 'center' })")
			shot(p, filepath.Join(*pictures, "account-books-"+name+".png"))
		}
		p.do(chromedp.EmulateViewport(1280, 900))
	}
	p.run(`window.saved = []; const make = URL.createObjectURL; URL.createObjectURL = (blob) => { window.blob = blob; return make(blob); };
		HTMLAnchorElement.prototype.click = function () { blob.text().then((text) => saved.push([this.download, text])); };`)
	p.run("const c = document.getElementById('f-choice'); c.value = 'own'; c.dispatchEvent(new Event('change', { bubbles: true }))")
	p.until("document.getElementById('f-from') !== null && document.getElementById('f-last').value !== ''")
	for id, day := range map[string]string{"f-from": "2026-10-01", "f-last": "2026-10-31"} {
		p.run("const d = document.getElementById(" + quoted(id) + "); d.value = " + quoted(day) + "; d.dispatchEvent(new Event('input', { bubbles: true }))")
	}
	p.run("const f = document.getElementById('f-format'); f.value = 'camt.053'; f.dispatchEvent(new Event('change', { bubbles: true })); document.querySelector('form[aria-label=Statement] button[type=submit]').click()")
	p.until("saved.length === 1")
	p.want("saved[0]", []string{"acc_treasury_20261001_20261101.camt.053.xml", "the file of from=2026-10-01&to=2026-11-01&format=camt.053"})
}
