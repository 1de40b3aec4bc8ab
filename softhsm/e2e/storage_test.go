package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/softhsm/e2e/system"
)

const storagePage = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A host</title><script type="module" src="/page.js"></script></head><body><h1>A host</h1>
<countersign-provider api-url="https://gateway.example" entity-id="ent_sandbox" environment="sandbox" wasm-url="/countersign/countersign.wasm">
<countersign-quotes amount="250" currency="EUR" asset="ethereum" method="card" country="FR"></countersign-quotes><countersign-approve></countersign-approve>
</countersign-provider></body></html>`

// storageScript signs in, and can look through all that a page keeps or shows.
const storageScript = `import '/countersign/elements.js';
const tokens = [], provider = document.querySelector('countersign-provider');
provider.bridgeUrls = ['BRIDGE'];
provider.getAccessToken = async () => { const answer = await (await fetch('/token', { method: 'POST' })).json(); tokens.push(answer.access_token); return answer; };
addEventListener('countersign-requested', (e) => { document.querySelector('countersign-approve').request = e.detail.id; });
addEventListener('countersign-approved', (e) => { window.approved = e.detail.have; });

const done = (r) => new Promise((resolve, reject) => { r.onsuccess = () => resolve(r.result); r.onerror = () => reject(r.error); });
const kept = []; // keys that WebCrypto keeps
const text = (v) => { // of a value, as deep as it goes
  if (v instanceof CryptoKey) { kept.push(v); return 'a key'; }
  if (v instanceof ArrayBuffer || ArrayBuffer.isView(v)) return String.fromCharCode(...new Uint8Array(v.buffer ?? v));
  return v && typeof v === 'object' ? Object.entries(v).flatMap(([k, x]) => [k, text(x)]).join(' ') : String(v);
};
async function databases() {
  const all = [];
  for (const { name, version } of await indexedDB.databases()) {
    const db = await done(indexedDB.open(name, version));
    for (const store of db.objectStoreNames) {
      const s = db.transaction(store).objectStore(store), [keys, values] = [await done(s.getAllKeys()), await done(s.getAll())];
      all.push(name, store, text(keys), text(values));
    }
    db.close();
  }
  return all.join(' ');
}
async function caches_() {
  const all = [];
  for (const name of await caches.keys()) for (const r of await (await caches.open(name)).keys()) all.push(name, r.url, JSON.stringify([...r.headers]));
  return all.join(' ');
}
const tree = (root) => root.innerHTML + [...root.querySelectorAll('*')].map((e) => (typeof e.value === 'string' ? e.value : '') + (e.shadowRoot ? tree(e.shadowRoot) : '')).join(' ');
const attributes = (root) => [...root.querySelectorAll('*')].flatMap((e) => [...[...e.attributes].map((a) => a.name + '=' + a.value), ...(e.shadowRoot ? attributes(e.shadowRoot) : [])]);
window.places = async () => ({
  localStorage: text({ ...localStorage }), sessionStorage: text({ ...sessionStorage }), IndexedDB: await databases(), caches: await caches_(), cookies: document.cookie,
  DOM: tree(document.documentElement), attributes: attributes(document).join(' '), URL: [location.href, text(history.state), document.referrer, ...performance.getEntriesByType('resource').map((e) => e.name)].join(' '),
});
// found are the places with one of the words in them; the token's own parts are words too.
window.found = async (words) => {
  const all = [...words, ...tokens.flatMap((t) => [t, ...t.split('.').slice(1)])];
  return Object.entries(await places()).filter(([, is]) => all.some((word) => is.includes(word))).map(([name]) => name);
};
window.plant = async () => { // what the look must find
  const [token] = tokens, db = await done(indexedDB.open('countersign')), t = db.transaction('values', 'readwrite');
  await done(t.objectStore('values').put(token, 'planted'));
  db.close();
  localStorage.planted = token; sessionStorage.planted = token; document.cookie = 'planted=' + token; document.body.append(token);
  document.querySelector('countersign-quotes').setAttribute('planted', token); history.replaceState(null, '', '#' + token);
};
window.extractable = async () => { // keys that a script could read out
  kept.length = 0;
  await databases();
  return [kept.length, kept.filter((k) => k.type === 'private' && k.extractable).length];
};
window.signedIn = () => tokens.length > 0;
window.ready = true;
`

// Seeds 002 and 003: "Implement secure token storage: Store JWT tokens securely, especially
// in browser environments." After sign-in, prices and an approval in elements, neither the
// token nor an API key nor a PIN stands anywhere that outlives the page's memory or that
// another script could read: not in localStorage, sessionStorage, IndexedDB, a cache or a
// cookie, not in the DOM or an attribute, also in shadow roots, and in no URL.
func TestImplementSecureTokenStorageEspeciallyInBrowserEnvironments(t *testing.T) {
	h := newHost(t)
	mux := http.NewServeMux()
	mux.Handle("/countersign/", http.StripPrefix("/countersign/", http.FileServer(http.Dir(filepath.Join(top, "web", "dashboard", "dist")))))
	mux.HandleFunc("/page.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprint(w, strings.ReplaceAll(storageScript, "BRIDGE", h.BridgeURL))
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, strings.ReplaceAll(storagePage, example, h.GatewayURL))
	})
	h.serves(h.policyOfREADME(), mux)
	key, err := os.ReadFile(filepath.Join(h.State.Dir, "secrets", "developer.key"))
	if err != nil {
		t.Fatal(err)
	}
	words := []string{strings.TrimSpace(string(key))}
	for _, p := range system.People {
		words = append(words, h.State.PIN(p.Token))
	}

	p := browse(t, h.origin)
	p.until("that the page is signed in", "window.ready && signedIn()")
	p.requestsInElements()
	p.clicks("the button that approves", inElement("Approve"))
	p.until("an approval", "window.approved === 1")
	list, err := json.Marshal(words)
	if err != nil {
		t.Fatal(err)
	}
	found := fmt.Sprintf("found(%s)", list)
	if where := eval[[]string](p, found); len(where) > 0 {
		t.Errorf("a token, an API key or a PIN is in %s", strings.Join(where, ", "))
	}
	if keys := eval[[]int](p, "extractable()"); keys[0] == 0 || keys[1] != 0 {
		t.Errorf("of the page's %d keys, %d can be read out", keys[0], keys[1])
	}
	if is := eval[string](p, "places().then((all) => all.IndexedDB)"); !strings.Contains(is, "bridge") {
		t.Errorf("the look at IndexedDB does not find the pairing: %q", is)
	}

	eval[bool](p, "plant().then(() => true)")
	if where := eval[[]string](p, found); strings.Join(where, " ") != "localStorage sessionStorage IndexedDB cookies DOM attributes URL" {
		t.Errorf("a planted token is only found in %q", where)
	}
}
