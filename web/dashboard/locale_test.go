package dashboard

import (
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// Each element writes numbers, names and dates in its own language, whatever the one beside
// it has.
func TestEachElementWritesNumbersNamesAndDatesInItsLanguage(t *testing.T) {
	t.Parallel()
	e := hosted(t, map[string]string{
		"page": hostPage("plain.css", `<countersign-provider api-url="{{api}}" environment="sandbox" wasm-url="{{base}}countersign.wasm" locale="de">
			<countersign-quotes amount="250" currency="EUR" asset="ethereum" method="card" country="FR"></countersign-quotes>
			<countersign-order request="req_done"></countersign-order><countersign-send account="acc_treasury"></countersign-send>
			<countersign-approve locale="hi" request="req_6h2v0m3k8t1q5n7p9r4s2w0x3a"></countersign-approve></countersign-provider>`),
		"page.js": watch + deep + `document.querySelector('countersign-provider').accessToken = token; await import('{{base}}elements.js'); await import('{{base}}send.js'); window.ready = true;
			window.text = (name) => said(name).replaceAll('\u00a0', ' '); window.part = (name) => inside(name).querySelector('.countersign');`,
	})
	p := open(t, e.chrome, e.host+"/page")
	p.until("window.ready && inside('quotes').getElementById('country')?.disabled === false")
	p.want("[...inside('quotes').querySelectorAll('#country option')].map((o) => o.textContent).filter((o) => /Deutschland|Frankreich/.test(o)).length", float64(2))
	p.want("inside('quotes').querySelector('[name=fiat]').title", "Euro")
	p.want("inside('quotes').querySelector('.holder').lang", "de")
	p.run("type('quotes', 'amount', '1250,5'); await new Promise((done) => setTimeout(done, 300)); inside('quotes').getElementById('amount').dispatchEvent(new Event('change', { bubbles: true }))")
	p.until("inside('quotes').getElementById('amount').value === '1\u202f250,5'")
	p.run("type('quotes', 'amount', '250'); press('quotes', /Get prices/)")
	p.until("text('quotes').includes('Meridian') && text('quotes').includes('0,0842139')")
	p.want(`/\d\.\d/.test(text('quotes').replace(/\d+\.\d+\.\d+/g, ''))`, false) // dates have points
	p.until("text('send').includes('Available: 1,2 ETH')")
	p.want("inside('send').querySelector('.holder').lang", "de")
	p.until("text('approve').includes('Your decision')")
	p.want("inside('approve').querySelector('.holder').lang", "hi")
	p.want("/0\\.0842/.test(text('approve')) && !/0,0842/.test(text('approve'))", true)

	// Another language of the provider reaches those that have none of their own.
	p.run("document.querySelector('countersign-provider').locale = 'ja'")
	p.until("[...inside('quotes').querySelectorAll('#country option')].some((o) => o.textContent === 'フランス') && text('send').includes('Available: 1.2 ETH')")
	p.want("inside('approve').querySelector('.holder').lang", "hi")
	p.want("wrong", []string{})
}

// From right to left every element is a mirror of itself, but for what is read from left to
// right in every language, and nothing is cut off.
func TestElementsAreReadFromRightToLeftInArabic(t *testing.T) {
	t.Parallel()
	e := hosted(t, map[string]string{
		"page": hostPage("plain.css", `<div lang="ar" dir="rtl"><countersign-provider api-url="{{api}}" environment="sandbox" wasm-url="{{base}}countersign.wasm">
			<countersign-quotes amount="250" currency="EUR" asset="ethereum" method="card" country="FR"></countersign-quotes><countersign-requests></countersign-requests>
			<countersign-approve request="req_6h2v0m3k8t1q5n7p9r4s2w0x3a"></countersign-approve><countersign-send account="acc_treasury"></countersign-send></countersign-provider></div>`),
		"page.js": watch + deep + `document.querySelector('countersign-provider').accessToken = token; await import('{{base}}elements.js'); await import('{{base}}send.js'); window.ready = true;`,
	})
	p := open(t, e.chrome, e.host+"/page")
	p.until("window.ready && inside('quotes').getElementById('country')?.disabled === false && said('send').includes('Available')")
	p.run("press('quotes', /Get prices/)")
	p.until("said('quotes').includes('Meridian') && said('approve').includes('Your decision') && said('requests').includes('Northpay')")
	for _, name := range []string{"quotes", "requests", "approve", "send"} {
		p.want("[getComputedStyle(inside('"+name+"').querySelector('.countersign')).direction, inside('"+name+"').querySelector('.holder').lang]", []any{"rtl", "ar"})
	}
	p.want("[...inside('quotes').querySelectorAll('#country option')].some((o) => o.textContent === 'فرنسا')", true)
	// The label begins at the right edge, and the currency stands at the left of the amount.
	p.want("(() => { const at = (s) => inside('quotes').querySelector(s).getBoundingClientRect(); return at('[name=fiat]').right <= at('#amount').left + 1; })()", true)
	for _, width := range []int64{1440, 768, 320} {
		p.do(chromedp.EmulateViewport(width, 900))
		p.want("document.documentElement.scrollWidth <= innerWidth && Math.abs(scrollX) < 1", true)
		if *pictures != "" {
			shot(p, filepath.Join(*pictures, "elements-ar-"+map[int64]string{1440: "1440", 768: "768", 320: "320"}[width]+".png"))
		}
	}
	p.run(axeCore(t))
	checkAccessible(p, "from right to left")
	p.want("wrong", []string{})
}
