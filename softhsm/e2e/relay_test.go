package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"countersign/shared/fault"
	"countersign/shared/rendezvous"
	"countersign/softhsm/e2e/story"
)

// relayName is what the bridge's own command prints.
func (r *rig) relayName() string {
	r.Helper()
	bin, err := programs()
	if err != nil {
		r.Fatal(err)
	}
	out, err := exec.CommandContext(r.ctx, filepath.Join(bin, "countersign-bridge"), "relay", "--config="+filepath.Join(r.State.Dir, "config", "bridge.json")).Output()
	if err != nil {
		r.Fatal(err)
	}
	shown, rest, _ := strings.Cut(string(out), "\n")
	if rest != "at "+r.DashboardURL+"\n" {
		r.Errorf("the command says %q", out)
	}
	name, err := rendezvous.Parse(shown)
	if err != nil {
		r.Fatal(err)
	}
	return name
}

// waits until the bridge can be reached through the gateway.
func (r *rig) atGateway(s *story.Story) {
	r.Helper()
	for {
		b, err := s.Connect(r.ctx)
		if err == nil {
			b.Close()
			return
		}
		if fault.CodeOf(err) != fault.Unavailable || r.ctx.Err() != nil {
			r.Fatal(err)
		}
		select { // the bridge dials in its own time, at most a second after it was cut
		case <-time.After(100 * time.Millisecond):
		case <-r.ctx.Done():
		}
	}
}

func TestAPurchaseThroughTheRelay(t *testing.T) {
	t.Parallel()
	r := start(t)
	s := newStory(t, r)
	s.Relay = r.relayName()
	r.atGateway(s)
	if err := s.Play(r.ctx); err != nil {
		t.Fatal(err)
	}
	if shown := r.prompts(); !strings.Contains(shown, "through the relay at "+strings.TrimPrefix(r.DashboardURL, "http://")) {
		t.Errorf("the pairing does not say where the page comes from:\n%s", shown)
	}
}

func TestTheRelayComesBackWhenItsEndsDo(t *testing.T) {
	t.Parallel()
	r := start(t)
	s := newStory(t, r)
	s.Relay = r.relayName()
	for _, name := range []string{"bridge", "gateway", "sandbox"} { // the sandbox is the proxy in front of the gateway
		r.again(true, name)
		r.atGateway(s)
	}
	if n := strings.Count(r.prompts(), `"kind":"pairing"`); n != 1 {
		t.Errorf("%d pairings", n)
	}
}

// Requirement 20, in a real browser: the permission for loopback is denied.
func TestAPageThatMayNotReachLoopbackGoesThroughTheGateway(t *testing.T) {
	r := start(t, public)
	f := newFront(t, r)
	name := r.relayName()
	v := f.visits(t, "denied", "/buy")
	v.connects("connect")
	v.looks("blocked", "blocked by policy", "A policy keeps this page from the bridge.")
	types := func(text string) {
		v.does("the field for the name", "document.querySelector('#relay-name')", "e.value = "+quoted(text)+"; e.dispatchEvent(new Event('input', {bubbles: true}))")
		v.presses("Connect through the gateway")
	}
	types("abcd")
	v.sees("A relay name has 26 letters and digits")
	v.accessible("the page with a mistyped relay name")
	types(rendezvous.Show(rendezvous.Name([]byte("another bridge"))))
	v.sees("No bridge with this name waits at the gateway.")
	types(rendezvous.Show(name))
	v.sees("via the gateway, end-to-end encrypted")
	v.sees("ready: alice, bob, carol")
	v.accessible("the page when it is relayed")
	v.gallery("relayed")
	if shown := r.prompts(); !strings.Contains(shown, "through the relay at ") || !strings.Contains(shown, "claims to be of "+public) {
		t.Errorf("the pairing does not say where the page comes from:\n%s", shown)
	}
	v.offers()
	v.request()
	v.presses("Approve")
	v.sees("1 of 2 approvals")

	// From now on the page finds the way by itself: after a reload, and when the
	// bridge starts again.
	v.do(chromedp.Reload())
	v.sees("via the gateway, end-to-end encrypted")
	r.again(false, "bridge")
	v.until("the line that ended", "!document.body.innerText.includes('ready: alice')")
	v.sees("ready: alice, bob, carol")
	v.sees("via the gateway, end-to-end encrypted")
	if tried := v.asked(); len(tried) > 0 {
		t.Errorf("the page tried %v", tried)
	}
	if n := strings.Count(r.prompts(), `"kind":"pairing"`); n != 1 {
		t.Errorf("%d pairings", n)
	}
}
