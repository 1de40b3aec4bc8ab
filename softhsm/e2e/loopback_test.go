package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"countersign/softhsm/e2e/system"
)

// public is the dashboard as a browser meets it in the world: https, under a
// name, at an address that is not of this computer. Chromium takes the address
// for a public one because a flag says so; from there, loopback is gated by its
// permission (Local Network Access).
const public = "https://dashboard.example.com"

// front serves the rig's dashboard at [public].
type front struct {
	*testing.T
	address string // 127.0.0.1:port

	mu      sync.Mutex
	bridges []string // what config.json names instead; nil: what it names
	policy  func(csp string) string
}

func newFront(t *testing.T, r *rig) *front {
	t.Helper()
	f := &front{T: t}
	dashboard, err := url.Parse(r.DashboardURL)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(&httputil.ReverseProxy{
		FlushInterval: -1,
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(dashboard)
			p.Out.Header.Del("Accept-Encoding")
			// The relay's gateway knows the page's own origin.
			if p.In.Header.Get("Origin") == public && !strings.HasPrefix(p.In.URL.Path, "/v1/relays") {
				p.Out.Header.Set("Origin", r.DashboardURL)
			}
		},
		ModifyResponse: f.change,
	})
	t.Cleanup(server.Close)
	f.address = server.Listener.Addr().String()
	return f
}

// change has the page find other programs, or another policy.
func (f *front) change(res *http.Response) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if csp := res.Header.Get("Content-Security-Policy"); csp != "" && f.policy != nil {
		res.Header.Set("Content-Security-Policy", f.policy(csp))
	}
	if res.Request.URL.Path != "/config.json" || f.bridges == nil {
		return nil
	}
	var config map[string]any
	if err := json.NewDecoder(res.Body).Decode(&config); err != nil {
		return err
	}
	if err := res.Body.Close(); err != nil {
		return err
	}
	config["bridge_urls"] = f.bridges
	body, err := json.Marshal(config)
	if err != nil {
		return err
	}
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	res.Header.Set("Content-Length", fmt.Sprint(len(body)))
	return nil
}

func (f *front) names(bridges ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bridges = bridges
}

func (f *front) forbids(policy func(string) string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.policy = policy
}

// visitor is a person with a fresh browser at the front.
type visitor struct {
	*tab
	mu    sync.Mutex
	tried []string // addresses on this computer that the page has asked
}

// visits opens the page in a browser whose permission for loopback is the given
// one: "granted", "denied", or "" for a site that was never asked about.
func (f *front) visits(t *testing.T, permission, path string) *visitor {
	t.Helper()
	v := &visitor{tab: browse(t, "about:blank",
		chromedp.Flag("ip-address-space-overrides", f.address+"=public"),
		chromedp.Flag("host-resolver-rules", "MAP dashboard.example.com "+f.address),
		chromedp.Flag("ignore-certificate-errors", true))}
	if _, err := chromedp.Call(v.ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Listen(v.ctx, func(event any) {
		address := ""
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			address = e.Request.URL
		case *network.EventWebSocketCreated:
			address = e.URL
		}
		if strings.Contains(address, "://127.0.0.1:") {
			v.mu.Lock()
			v.tried = append(v.tried, address)
			v.mu.Unlock()
		}
	}); err != nil {
		t.Fatal(err)
	}
	v.allows(permission)
	v.do(chromedp.Navigate(public + path))
	v.sees("Sandbox Treasury")
	return v
}

// allows sets what the browser's settings say about the site.
func (v *visitor) allows(permission string) {
	v.Helper()
	if permission == "" {
		return
	}
	if _, err := chromedp.CallBrowser(v.ctx, browser.SetPermission, browser.SetPermissionParams{
		Permission: &browser.PermissionDescriptor{Name: "loopback-network"}, Setting: browser.PermissionSetting(permission), Origin: public,
	}); err != nil {
		v.Fatal(err)
	}
}

func (v *visitor) asked() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]string(nil), v.tried...)
}

func (v *visitor) permission() string {
	v.Helper()
	return eval[string](v.tab, "navigator.permissions.query({name: 'loopback-network'}).then((s) => s.state)")
}

// follows remembers the page's event about the bridge in window.bridge.
const follows = "void addEventListener('countersign-bridge', (e) => { window.bridge = e.detail })"

// looks waits until the page says what it must about the bridge, in its strip, in
// its words and in its event, and looks at it as a person would.
func (v *visitor) looks(problem, strip, title string) {
	v.Helper()
	v.until("the state "+problem, "window.bridge?.state === 'failed' && window.bridge.problem === "+quoted(problem))
	v.sees(strip)
	v.sees(title)
	v.accessible("the page when the bridge is " + problem)
	v.gallery(problem)
}

// gallery takes pictures in both schemes and both widths, when asked for them.
func (v *visitor) gallery(name string) {
	v.Helper()
	if *pictures == "" {
		return
	}
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{1280, 320} {
			v.media(scheme)
			v.do(chromedp.EmulateViewport(width, 900))
			png, err := chromedp.Run(v.ctx, chromedp.FullScreenshot(100))
			if err != nil {
				v.Fatal(err)
			}
			file := filepath.Join(*pictures, fmt.Sprintf("bridge-%s-%s-%d.png", strings.ReplaceAll(name, " ", "-"), scheme, width))
			if err := os.WriteFile(file, png, 0o600); err != nil {
				v.Fatal(err)
			}
		}
	}
	v.media("light")
	v.do(chromedp.EmulateViewport(1280, 900))
}

// connects presses the strip's button.
func (v *visitor) connects(word string) {
	v.Helper()
	eval[any](v.tab, follows)
	button := "[...document.querySelectorAll('button.status-item')].find((b) => b.innerText.includes(" + quoted(word) + "))"
	v.clicks("the strip's "+word, button)
}

// program is something that listens on a port of this computer.
func program(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return "ws" + strings.TrimPrefix(s.URL, "http")
}

func TestAPublicPageReachesTheBridgeAsTheBrowserAllowsIt(t *testing.T) {
	r := start(t, public)
	f := newFront(t, r)

	t.Run("nothing is tried before the person acts", func(t *testing.T) {
		v := f.visits(t, "", "/buy")
		v.sees("not paired: connect")
		v.sees("Get prices")
		if tried := v.asked(); len(tried) > 0 || v.permission() != "prompt" {
			t.Errorf("the page tried %v, permission %s", tried, v.permission())
		}
		// Without a screen this browser answers its own question with no. With one
		// (Xvfb) the question stays until a person allows, blocks or closes it, and
		// closing it three times is a no; the page was looked at for each.
		v.connects("connect")
		v.looks("denied", "denied by the browser", "The browser does not let this page reach the bridge.")
		if tried := v.asked(); len(tried) != 1 {
			t.Errorf("the browser could ask about each of %v", tried)
		}
		// What the text says works, without loading the page again.
		v.allows("granted")
		v.presses("Connect")
		v.sees("ready: alice, bob, carol")
	})
	t.Run("granted, it pairs, and comes back by itself", func(t *testing.T) {
		v := f.visits(t, "granted", "/buy")
		v.connects("connect")
		v.sees("ready: alice, bob, carol")
		v.gallery("ready")
		v.do(chromedp.Reload())
		v.sees("ready: alice, bob, carol")
		// An approval goes all the way.
		v.offers()
		v.request()
		v.presses("Approve")
		v.sees("1 of 2 approvals")
		// Leaving the page takes its connection with it, and coming back brings it.
		v.do(chromedp.Navigate("about:blank"))
		v.do(chromedp.Navigate(public + "/buy"))
		v.sees("ready: alice, bob, carol")
		// The person takes the permission back: the paired page does not nag.
		v.allows("prompt")
		v.do(chromedp.Navigate("about:blank"))
		before := len(v.asked())
		v.do(chromedp.Navigate(public + "/buy"))
		v.sees("not connected: connect")
		if tried := v.asked()[before:]; len(tried) > 0 {
			t.Errorf("the page tried %v by itself", tried)
		}
	})
	t.Run("denied before anybody was asked, it is a policy", func(t *testing.T) {
		v := f.visits(t, "denied", "/buy")
		v.connects("connect")
		v.looks("blocked", "blocked by policy", "A policy keeps this page from the bridge.")
		v.sees("can allow " + public)
		if tried := v.asked(); len(tried) > 0 {
			t.Errorf("the page tried %v", tried)
		}
	})
	t.Run("a page that forbids it to itself says so", func(t *testing.T) {
		f.forbids(func(csp string) string {
			return strings.ReplaceAll(csp, "connect-src 'self' http://127.0.0.1:* ws://127.0.0.1:*", "connect-src 'self'")
		})
		defer f.forbids(nil)
		v := f.visits(t, "granted", "/buy")
		v.connects("connect")
		v.looks("misbuilt", "blocked by this page", "This page forbids itself to reach the bridge.")
	})
}

func TestAPublicPageTellsApartWhatIsOnTheBridgesPort(t *testing.T) {
	r := start(t, public)
	f := newFront(t, r)
	named := func(protocol string) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("Access-Control-Allow-Origin", req.Header.Get("Origin"))
			fmt.Fprintf(w, "{\"protocol\":%q}", protocol)
		}
	}
	stranger := program(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "It works!") })
	endless := program(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		for req.Context().Err() == nil {
			if _, err := w.Write(bytes.Repeat([]byte{'x'}, 1<<16)); err != nil {
				return
			}
		}
	})
	later := program(t, named("countersign.v2"))
	sameName := program(t, named("countersign.v1")) // it has the name and speaks nothing

	f.names(stranger, endless, r.BridgeURL)
	v := f.visits(t, "granted", "/buy")
	v.connects("connect")
	v.sees("ready: alice, bob, carol") // all of them are passed over

	// Another bridge where ours was: its key was lost, or it is another person's.
	if err := r.StopProgram("bridge"); err != nil {
		t.Fatal(err)
	}
	v.until("that the line ended", "window.bridge?.problem === 'lost'")
	v.connects("not connected")
	v.looks("other program", "another program answers", "Another program answers where the bridge should be.")
	if err := os.Remove(filepath.Join(r.State.Dir, "bridge", "link.key")); err != nil {
		t.Fatal(err)
	}
	if err := r.StartProgram(r.ctx, "bridge"); err != nil {
		t.Fatal(err)
	}
	v.connects("another program answers")
	v.looks("key changed", "another bridge answers", "A bridge answers, but not the one that this page knows.")
	v.presses("I reinstalled the bridge: pair again")
	v.sees("ready: alice, bob, carol")

	for _, tc := range []struct{ what, problem, strip, title string }{
		{later, "wrong version", "wrong version", "The bridge speaks another version."},
		{sameName, "no line", "takes no connection", "The bridge answers, but takes no connection from this page."},
		{"ws://127.0.0.1:1", "not running", "not running", "No bridge answers this page."},
	} {
		t.Run(tc.problem, func(t *testing.T) {
			f.names(tc.what)
			v := f.visits(t, "granted", "/buy")
			v.connects("connect")
			v.looks(tc.problem, tc.strip, tc.title)
		})
	}
}

// Row 6 of the symptoms that users of other bridges report: a prompt that stays
// after the page cancelled. One prompt is open at a time, so a prompt that stayed
// would keep the next one waiting.
func TestAPromptEndsWhenThePersonCancelsOrLeavesThePage(t *testing.T) {
	r := start(t)
	p := browse(t, r.DashboardURL)
	p.sees("Sandbox Treasury")
	v := &visitor{tab: p}

	r.answer(system.Answers{Pairing: []string{"hang"}})
	v.connects("connect")
	p.sees("Is the code the same in the bridge's prompt?")
	p.accessible("the page while it pairs")
	v.gallery("pairing")
	p.presses("Cancel")
	p.sees("not paired: connect")
	p.until("that pairing is over", "window.bridge.state === 'idle' && window.bridge.problem === 'stopped'")

	r.answer(system.Answers{Pairing: []string{"hang"}})
	v.connects("connect")
	p.sees("Is the code the same in the bridge's prompt?")
	p.do(chromedp.Navigate("about:blank"))

	r.answer(system.Answers{})
	p.do(chromedp.Navigate(r.DashboardURL))
	p.sees("Sandbox Treasury")
	v.connects("connect")
	p.sees("ready: alice, bob, carol")

	// A token that is pulled, and one that is back, is on the page in a moment.
	for _, tc := range []struct {
		what string
		do   func(string) error
		sees string
	}{
		{"pulled", r.State.Approvers.Pull, "ready: alice, bob · carol unplugged"},
		{"inserted", r.State.Approvers.Insert, "ready: alice, bob, carol"},
	} {
		began := time.Now()
		if err := tc.do("carol"); err != nil {
			t.Fatal(err)
		}
		p.sees(tc.sees)
		took := time.Since(began)
		t.Logf("%s: on the page after %s", tc.what, took.Round(time.Millisecond))
		if took > 20*time.Second { // a second on a computer that does nothing else
			t.Errorf("%s: on the page after %s", tc.what, took)
		}
	}
}
