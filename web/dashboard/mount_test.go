package dashboard

import (
	"net/http"
	"testing"
)

// What mount answers says whether the dashboard runs; what keeps it from running is on
// screen too, and a press tries again.
func TestMountRejectsWithWhatKeepsTheDashboardFromRunning(t *testing.T) {
	t.Parallel()
	e := hosted(t, map[string]string{
		"page": hostPage("plain.css", `<div id="app"></div>`),
		"page.js": watch + `import { mount } from '{{base}}countersign.js';
window.start = (gateway_url) => {
  const app = document.getElementById('app');
  window.ends = undefined;
  app.replaceChildren();
  window.run?.stop();
  window.run = mount(app, { token_url: '/session/token', environment: 'sandbox', user: { name: '' }, gateway_url }, { routing: false, wasmURL: '{{base}}countersign.wasm' });
  run.then(() => { window.ends = 'runs'; }, (e) => { window.ends = [e.name, e.code, e.message, e.remedy.includes('gateway_url')]; });
};
window.ready = true;`,
	}, func(mux *http.ServeMux) {
		mux.Handle("/session/", canned{})
		mux.HandleFunc("/elsewhere/", text("text/html", "<!doctype html><title>the app of this host</title>"))
	})
	p := open(t, e.chrome, e.host+"/page")
	p.until("window.ready")
	p.run("start('" + e.api + "')")
	p.until("ends === 'runs' && document.getElementById('app').innerText.includes('Atlas Trading SAS')")
	p.run("start(location.origin + '/elsewhere')")
	p.until("Boolean(ends)")
	at := "What answers at " + e.host + "/elsewhere is not a gateway"
	p.want("ends", []any{"CountersignError", "NOT_A_GATEWAY", at, true})
	p.until("document.getElementById('app').innerText.includes(" + quoted(at) + ")")
	p.want("document.querySelectorAll('#app [role=group] button').length", float64(1))
	p.want("wrong", []string{})

	p.run("wrong.length = 0; const e = [...document.querySelectorAll('#app button')].find((b) => b.innerText.includes('Try again')); e.click()")
	p.until("wrong.length > 0 && document.getElementById('app').innerText.includes(" + quoted(at) + ")") // it is said in the console, and not thrown
	p.want("wrong.every((w) => w.startsWith('CountersignError'))", true)
}
