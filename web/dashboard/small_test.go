package dashboard

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
)

// On a small screen what the person is to do comes before all that explains it, and the
// badge of the environment stays on screen however far one has read.
func TestOnASmallScreenTheDecisionIsFirstAndTheBadgeStays(t *testing.T) {
	t.Parallel()
	p := answering(t, browser(t), "/requests/req_6h2v0m3k8t1q5n7p9r4s2w0x3a", map[string]http.HandlerFunc{})
	for _, width := range []int64{320, 768, 959} {
		p.do(chromedp.EmulateViewport(width, 700))
		p.until("document.querySelector('main').innerText.includes('Your decision')")
		p.run("scrollTo(0, 0)")
		p.want(`(() => { const heads = [...document.querySelectorAll('main .card-title')].map((h) => [h.getBoundingClientRect().top, h.innerText]).sort(([a], [b]) => a - b); return heads[0][1]; })()`, "Your decision")
		p.want("(() => { const { top } = [...document.querySelectorAll('main .card-title')].find((h) => h.innerText === 'Your decision').getBoundingClientRect(); return top > 0 && top < innerHeight; })()", true)
		p.run("scrollTo(0, document.documentElement.scrollHeight)")
		p.until("scrollY > 100")
		p.want("(() => { const { top, bottom } = document.querySelector('.sandbox').getBoundingClientRect(); return top >= 0 && bottom <= innerHeight && bottom > top; })()", true)
	}
	p.want("wrong", []string{})
}
