package e2e

import (
	"net/http"
	"path/filepath"
	"testing"

	"countersign/softhsm/e2e/system"
)

const elementPage = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A host</title>
<script type="module" src="/page.js"></script></head><body><h1>A host</h1></body></html>`

const elementScript = `import { connect } from '/countersign/client.js';
import '/countersign/elements.js';
window.seen = []; window.wrong = [];
for (const type of ['step', 'approved', 'error', 'ordered', 'delivered']) addEventListener('countersign-' + type, (e) => seen.push([type, e.detail]));
for (const type of ['error', 'unhandledrejection']) addEventListener(type, (e) => wrong.push(String(e.message ?? e.reason)));
window.client = await connect({ apiUrl: 'https://gateway.example', environment: 'sandbox', wasmURL: '/countersign/countersign.wasm',
  getAccessToken: async () => (await fetch('/token', { method: 'POST' })).json() });
window.news = [];
for (const type of ['requested', 'approved', 'rejected', 'ordered', 'delivered']) client.on(type, (e) => { news.push(type + ' ' + (e.have ?? e.state)); if (type === 'approved') seen.push(['client approved', e.id]); });
window.steps = () => seen.filter(([type]) => type === 'step').map(([, d]) => d.step).join(', ');
const rows = await client.quotes({ pay: { amount: '250', currency: 'EUR' }, asset: 'ethereum', method: 'card', country: 'FR' });
window.purchase = await client.request(rows.find((r) => r.state === 'quoted').quote, { purpose: 'Rent of the office' });
window.show = (name = 'approve') => {
  const element = document.createElement('countersign-' + name);
  Object.assign(element, { request: purchase.id, client });
  document.body.append(element);
  return element;
};
window.press = (element, text) => {
  const button = [...element.shadowRoot.querySelectorAll('button')].find((b) => b.innerText === text && !b.disabled);
  button?.click();
  return !!button;
};
window.said = (element) => element.shadowRoot.querySelector('.countersign').innerText;
window.ready = true;
`

// An element in somebody else's page takes a decision; one that is removed in the middle
// says nothing more, and leaves no prompt behind that would keep the next one waiting. What
// was approved is handed over, paid and delivered there too.
func TestElementsPlayAPurchaseToItsDeliveryAndOneThatIsRemovedCancels(t *testing.T) {
	h := newHost(t)
	mux := http.NewServeMux()
	mux.Handle("/countersign/", http.StripPrefix("/countersign/", http.FileServer(http.Dir(filepath.Join(top, "web", "dashboard", "dist")))))
	script := filepath.Join(t.TempDir(), "page.js")
	h.typed(script, elementScript)
	mux.HandleFunc("/page.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, script) })
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(elementPage)) })
	h.serves(h.policyOfREADME(), mux)

	h.answer(system.Answers{Pairing: []string{"hang"}})
	p := browse(t, h.origin)
	p.until("a request", "window.ready")
	p.until("an element with the request", "(window.early ??= show()) && said(early).includes('Rent of the office')")
	p.until("that it asks", "press(early, 'Approve')")
	p.until("that it pairs", "client.bridge.status.state === 'pairing'")
	p.until("that nothing but this was told", "steps() === 'connecting, pairing'")
	p.until("that the pairing is cancelled with it", "(early.remove(), client.bridge.status.state === 'idle')")

	h.answer(system.Answers{Confirm: []string{"hang"}})
	p.until("an element with the request", "(window.first ??= show()) && said(first).includes('Rent of the office')")
	p.until("that it asks", "press(first, 'Approve')")
	p.until("that the bridge's prompt is open", "seen.some(([type, d]) => type === 'step' && d.step === 'on the bridge')")
	p.until("that it is removed", "(first.remove(), seen.length = 0, true)")

	h.answer(system.Answers{})
	p.until("another element", "(window.second ??= show()) && said(second).includes('Approve')")
	p.until("that it asks", "press(second, 'Approve')")
	p.until("that it is approved", "seen.some(([type, d]) => type === 'approved' && d.id === purchase.id && d.have === 1 && d.state === 'decide')")
	p.until("each step, once and in order", "steps() === 'pin, on the bridge, signed, verified' || steps() === 'on the bridge, signed, verified'")
	p.until("the element says so", "said(second).includes('The vault recorded 1 of 2')")
	p.until("the next member", "(second.remove(), window.third ??= show()) && said(third).includes('You sign as') || said(third).includes('Sign as')")
	p.until("that it asks", "press(third, 'Approve')")
	p.until("that the request is approved, on both ways", "seen.some(([type, d]) => type === 'approved' && d.state === 'ready') && seen.some(([type, id]) => type === 'client approved' && id === purchase.id)")
	p.until("that the client was told each once, also what it did itself", "news.join() === 'requested 0,approved 1,approved 2'")
	p.until("that elements told each approval once", "seen.filter(([type]) => type === 'approved').length === 2")

	// What follows an approval, in an element of its own: the provider's page opens beside the host's, and what is paid there arrives.
	p.until("the order's element", "(third.remove(), window.order ??= show('order')) && said(order).includes('Continue to')")
	p.accessible("an element that hands over")
	widget := p.opened(func() { p.clicks("the hand-off", inElement("Continue to")) })
	widget.until("the provider's page", "Boolean(document.querySelector('form[method=post] button'))")
	p.until("that the page was told", "seen.some(([type, d]) => type === 'ordered' && d.request === purchase.id)")
	widget.clicks("the button that pays", "document.querySelector('form[method=post] button')")
	widget.until("that it is paid", "!document.querySelector('form[method=post] button')")
	p.returns()
	p.until("what arrived", "/Difference|exactly as promised/.test(said(order)) && /Final on chain/.test(said(order))")
	p.until("that the page was told, once", "seen.filter(([type, d]) => type === 'delivered' && d.request === purchase.id && Number(d.delivered) > 0).length === 1")
	p.until("that the client was told each once", "news.map((n) => n.split(' ')[0]).join() === 'requested,approved,approved,ordered,delivered'")
	p.accessible("an element with what arrived")
	if at := eval[string](p, "location.href + ' ' + document.title"); at != h.origin+"/ A host" {
		t.Errorf("the host's page became %s", at)
	}
	p.until("nothing was thrown, and no error was told", "wrong.length === 0 && !seen.some(([type]) => type === 'error')")
	p.accessible("an element that approved")
}
