package dashboard

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// The list of requests becomes a file under the page's own policy.
func TestTheListOfRequestsIsSavedAsAFile(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	if s.hashes[core] == "" {
		t.Fatal("the core is not built; run make wasm")
	}
	p := open(t, browser(t), serveHandler(t, withAPI(s))+"/requests")
	p.run(`window.refused = []; addEventListener('securitypolicyviolation', (e) => refused.push(e.violatedDirective));
		const make = URL.createObjectURL, click = HTMLAnchorElement.prototype.click;
		URL.createObjectURL = (blob) => { window.blob = blob; return make(blob); };
		HTMLAnchorElement.prototype.click = function () { window.file = this.download; click.call(this); };`)
	p.until("[...document.querySelectorAll('button')].some((b) => b.innerText.includes('CSV') && b.offsetParent) && document.body.innerText.includes('Northpay')")
	p.do(chromedp.Evaluate[chromedp.Void]("[...document.querySelectorAll('button')].find((b) => b.innerText.includes('CSV')).click()"))
	p.until("window.file !== undefined")
	p.want("[file, blob.type]", []string{"requests.csv", "text/csv;charset=utf-8"})
	p.want("blob.text().then((t) => t.split('\\r\\n').filter(Boolean).length)", 5) // the names of the columns, and four requests
	p.want("refused", []string{})
}
