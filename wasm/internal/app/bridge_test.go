package app

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/wire"
	"countersign/wasm/internal/approvals"
	"countersign/wasm/internal/bridgeclient"
)

// bridging is a page whose person asked for the bridge.
func bridging(msg BridgeChanged) func() *Model {
	return func() *Model {
		m := stage("/orders")
		m.Update(Loaded{What: TheOrders, Value: []wire.Order{}})
		m.Update(Acted{Action: "bridge.connect"})
		m.Update(msg)
		return m
	}
}

// Rows 2 and 15: every way not to reach the bridge says what happened, what was
// not done and what to do, in words of its own, wherever the person is.
func TestEveryBridgeProblemSaysWhatToDo(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for problem, want := range map[bridgeclient.Problem]struct{ strip, title, do string }{
		bridgeclient.NotRunning:   {"not running", "No bridge answers this page.", "countersign-bridge origins add https://dashboard.example.com"},
		bridgeclient.Unanswered:   {"waits for your permission", "The browser's question was not answered.", "choose Allow"},
		bridgeclient.Denied:       {"denied by the browser", "The browser does not let this page reach the bridge.", "“Apps on device”"},
		bridgeclient.Blocked:      {"blocked by policy", "A policy keeps this page from the bridge.", "countersign-bridge browser-policy"},
		bridgeclient.Misbuilt:     {"blocked by this page", "This page forbids itself to reach the bridge.", "content security policy"},
		bridgeclient.Unsupported:  {"not in this browser", "This browser cannot reach programs on this computer.", "Chrome, Edge or Firefox"},
		bridgeclient.NoLine:       {"takes no connection", "The bridge answers, but takes no connection from this page.", "Close other pages"},
		bridgeclient.NotAdmitted:  {"does not admit this page", "The bridge does not know this page.", "countersign-bridge origins add https://dashboard.example.com"},
		bridgeclient.OtherProgram: {"another program answers", "Another program answers where the bridge should be.", "countersign-bridge doctor"},
		bridgeclient.KeyChanged:   {"another bridge answers", "A bridge answers, but not the one that this page knows.", "another person's on this computer"},
		bridgeclient.Lost:         {"not connected", "The connection to the bridge ended.", "Connect again"},
		bridgeclient.WrongVersion: {"wrong version", "The bridge speaks another version.", "Update the older"},
	} {
		code := fault.Unavailable
		if problem == bridgeclient.WrongVersion {
			code = fault.Version
		}
		m := bridging(failed(problem, code))()
		p := m.bridgeProblem()
		if p.Title != want.title || !strings.Contains(p.Do, want.do) || p.Safe == "" || p.Remedy == "" || seen[p.Title] != "" {
			t.Errorf("%s: %+v", problem, p)
		}
		seen[p.Title] = string(problem)
		page := m.View()
		if words := page.Tree.Words(); !strings.Contains(words, want.strip) || !strings.Contains(words, p.Title) || !strings.Contains(words, want.do) || page.Announce != p.Title {
			t.Errorf("%s: the page does not say %q and %q, or says aloud %q", problem, want.strip, p.Title, page.Announce)
		}
		if !strings.Contains(page.JSON(), `"bridge":{"state":"failed","problem":"`+string(problem)+`"`) {
			t.Errorf("%s: the event does not name it", problem)
		}
	}
}

func TestTheBridgeIsNotSearchedForWithoutAGestureUnlessPaired(t *testing.T) {
	t.Parallel()
	count := func(cmds []Command) (n, gestures int) {
		for _, c := range cmds {
			if c, ok := c.(ConnectBridge); ok {
				n++
				if c.Gesture {
					gestures++
				}
			}
		}
		return n, gestures
	}
	m := stage("/buy")
	for range 10 {
		for _, msg := range []Msg{Tick{Now: noon}, Waited{Name: PausePoll}, Visible{On: true}} {
			if n, _ := count(m.Update(msg)); n != 0 {
				t.Fatal("it searched for the bridge by itself")
			}
		}
	}
	if n, gestures := count(m.Update(Acted{Action: "bridge.connect"})); n != 1 || gestures != 1 {
		t.Errorf("%d searches, %d with the word of the person", n, gestures)
	}

	paired := New(Config{NewKey: func() string { return "k" }}, noon)
	if n, gestures := count(paired.Update(Started{Path: "/buy", Paired: true})); n != 1 || gestures != 0 {
		t.Errorf("a paired page: %d searches, %d with the word of the person", n, gestures)
	}
	paired.Update(failed(bridgeclient.NotAsked, fault.Unavailable))
	if paired.bridge.State != BridgeUnknown || paired.announce != "" {
		t.Errorf("what the browser would have to ask is not a failure: %+v, %q", paired.bridge, paired.announce)
	}
	if n, gestures := count(paired.Update(Acted{Action: "bridge.connect"})); n != 1 || gestures != 1 {
		t.Errorf("%d searches, %d with the word of the person", n, gestures)
	}
}

// A paired page that lost its bridge finds it again, without a word until then.
func TestAPageThatLostItsBridgeLooksAgainQuietly(t *testing.T) {
	t.Parallel()
	m := ready(stage("/buy"))
	m.Update(failed(bridgeclient.Lost, fault.Unavailable))
	before := m.View().Tree.Outline()
	m.announce = ""
	searches := 0
	for range 6 {
		for _, c := range m.Update(Waited{Name: PausePoll}) {
			if c, ok := c.(ConnectBridge); ok {
				searches++
				if c.Gesture {
					t.Error("the browser might ask the person now")
				}
				m.Update(BridgeChanged{State: BridgeConnecting, Step: bridgeclient.Looking})
				if now := m.View().Tree.Outline(); now != before {
					t.Errorf("the page moved (-before +now):\n%s", cmp.Diff(before, now))
				}
				m.Update(failed(bridgeclient.Lost, fault.Unavailable))
			}
		}
	}
	if searches != 2 || m.announce != "" {
		t.Errorf("%d searches, said %q", searches, m.announce)
	}
	m.Update(failed(bridgeclient.Denied, fault.Unavailable))
	if cmds := m.Update(Visible{On: true}); len(cmds) == 0 {
		t.Error("nothing is loaded when the page is shown again")
	} else if _, again := cmds[0].(ConnectBridge); again {
		t.Error("it tries again what the person has forbidden")
	}
}

func TestASearchThatADecisionWaitsForIsCancelled(t *testing.T) {
	t.Parallel()
	m := pending(stage("/requests/" + requestID))
	m.Update(Acted{Action: "decide:APPROVE"})
	m.Update(BridgeChanged{State: BridgeConnecting, Step: bridgeclient.Asking})
	cmds := m.Update(Acted{Action: "decide.stop"})
	if d := cmp.Diff([]Command{StopConnecting{}}, cmds); d != "" {
		t.Fatalf("commands (-want +got):\n%s", d)
	}
	m.Update(failed(bridgeclient.Stopped, fault.Cancelled))
	words := m.View().Tree.Words()
	if !strings.Contains(words, "Cancelled.") || !strings.Contains(words, "Nothing was signed.") || m.bridge.State != BridgeUnknown {
		t.Errorf("%+v\n%s", m.bridge, words)
	}
	for _, c := range m.Update(BridgeChanged{State: BridgeReady, Identities: identities()}) {
		if _, decides := c.(Decide); decides {
			t.Error("it decides after all, because the bridge came late")
		}
	}
}

// The search that a paired page begins by itself may end with "the browser would
// have to ask" after the person pressed Approve: then it may.
func TestApprovingDuringAQuietSearchGoesOnWithTheGesture(t *testing.T) {
	t.Parallel()
	m := pending(stage("/requests/" + requestID))
	m.bridge.Paired, m.bridge.State = true, BridgeConnecting
	m.Update(Acted{Action: "decide:APPROVE"})
	if d := cmp.Diff([]Command{ConnectBridge{Gesture: true}}, m.Update(failed(bridgeclient.NotAsked, fault.Unavailable))); d != "" {
		t.Errorf("commands (-want +got):\n%s", d)
	}
	if m.flow.Over() {
		t.Error("the decision was cancelled")
	}
}

// Row 12: who holds a device, and what it lacks, is said before it is used.
func TestADeviceThatIsHeldOrLacksSomethingIsSaidSo(t *testing.T) {
	t.Parallel()
	m := pending(ready(stage("/requests/" + requestID)))
	list := identities()
	list[1].Holder, list[2].Lacks = "https://other.example", []string{"ECDH", "secp256k1"}
	m.Update(DevicesChanged{Identities: list})
	if id := m.signer(sampleRequest(wire.RequestPending)); id.Member != "mem_carol" {
		t.Errorf("%s would sign, with a device that another page uses", id.Member)
	}
	m.Update(Acted{Action: "sign.as:mem_bob"})
	words := m.View().Tree.Words()
	for _, want := range []string{"ready: alice, bob (in use), carol", "bob is used by https://other.example now."} {
		if !strings.Contains(words, want) {
			t.Errorf("the page does not say %q:\n%s", want, words)
		}
	}
	m.Update(Acted{Action: "sign.as:mem_carol"})
	if words := m.View().Tree.Words(); !strings.Contains(words, "carol lacks what may be needed here: ECDH, secp256k1.") {
		t.Error(words)
	}
}

// Row 13: the time to decide is counted down while the prompt is open.
func TestTheTimeToDecideIsCountedDownWhileThePromptIsOpen(t *testing.T) {
	t.Parallel()
	m := pending(ready(stage("/requests/" + requestID)))
	m.Update(Acted{Action: "decide:APPROVE"})
	m.Update(PromptChanged{Open: true, Kind: frame.PromptConfirm, Where: frame.WherePinentry})
	end := sampleRequest(wire.RequestPending).ExpiresAt
	said := ""
	for _, left := range []int{90, 61, 60, 59, 31, 30, 29, 11, 10, 9, 1} {
		m.announce = ""
		m.Update(Tick{Now: end.Add(-time.Duration(left) * time.Second)})
		if m.announce != "" {
			said += m.announce + "\n"
		}
	}
	if want := "The time to decide ends in 60 seconds.\nThe time to decide ends in 30 seconds.\nThe time to decide ends in 10 seconds.\n"; said != want {
		t.Errorf("said\n%swant\n%s", said, want)
	}
	if words := m.View().Tree.Words(); strings.Count(words, "Decide within 1 s") != 2 {
		t.Errorf("the prompt shows no countdown:\n%s", words)
	}
	if m.flow.Stage != approvals.Read {
		t.Errorf("stage %d", m.flow.Stage)
	}
}

// The bridge tells how long its prompt stays, which may be less than the request
// has, and says it in seconds: the two clocks need not agree.
func TestAPromptThatClosesBeforeTheRequestEndsIsCountedDown(t *testing.T) {
	t.Parallel()
	m := pending(ready(stage("/requests/" + requestID)))
	m.Update(ClockSet{Skew: time.Hour})
	m.Update(Acted{Action: "decide:APPROVE"})
	m.Update(PromptChanged{Open: true, Kind: frame.PromptPIN, Where: frame.WhereReader, Ends: noon.Add(5 * time.Minute)})
	if words := m.View().Tree.Words(); !strings.Contains(words, "on the reader's own pad") || !strings.Contains(words, "The prompt closes in 5 min") {
		t.Error(words)
	}
	m.Update(PromptChanged{Open: true, Kind: frame.PromptConfirm, Where: frame.WherePinentry, Ends: noon.Add(5 * time.Minute)})
	m.Update(Tick{Now: noon.Add(4 * time.Minute)})
	if m.announce != "The time to decide ends in 60 seconds." || !strings.Contains(m.View().Tree.Words(), "The prompt closes in 1 min") {
		t.Errorf("said %q", m.announce)
	}
	m.Update(PromptChanged{})
	if strings.Contains(m.View().Tree.Words(), "The prompt closes") {
		t.Error("a closed prompt is counted down")
	}
}

// The person revoked the pairing while the page was connected: the bridge ends the line,
// and the page asks for no new pairing by itself.
func TestAPageThatIsDisconnectedBecauseItsPairingWasRevokedWaitsForThePerson(t *testing.T) {
	t.Parallel()
	m := pending(ready(stage("/requests/" + requestID)))
	revoked := &bridgeclient.Error{Problem: bridgeclient.Refused, Fault: fault.New(fault.NotPaired, "revoked")}
	cmds := m.Update(BridgeChanged{State: BridgeFailed, Err: revoked})
	if cmds = append(cmds, m.reconnect()...); len(cmds) > 0 {
		t.Errorf("commands: %v", cmds)
	}
	m.Update(Acted{Action: "bridge.show"})
	if words := m.View().Tree.Words(); strings.Contains(words, "The bridge is ready") {
		t.Errorf("the page shows:\n%s", words)
	}
	if d := cmp.Diff([]Command{ConnectBridge{Gesture: true}}, m.Update(Acted{Action: "bridge.connect"})); d != "" {
		t.Errorf("commands (-want +got):\n%s", d)
	}
}

// The person revoked the pairing at the bridge, whose line stood: trying again
// pairs again, without a reload.
func TestAPageWhosePairingWasRevokedConnectsAgain(t *testing.T) {
	t.Parallel()
	m := pending(ready(stage("/requests/" + requestID)))
	m.Update(Acted{Action: "decide:APPROVE"})
	m.Update(DecisionEnded{Err: fault.New(fault.NotPaired, "revoked")})
	if words := m.View().Tree.Words(); !strings.Contains(words, "Nothing was signed.") || !strings.Contains(words, "not paired: connect") {
		t.Errorf("the page shows:\n%s", words)
	}
	if d := cmp.Diff([]Command{Tell{TellStep, "connecting"}, ConnectBridge{Gesture: true}}, m.Update(Acted{Action: "decide:APPROVE"})); d != "" {
		t.Errorf("commands (-want +got):\n%s", d)
	}
}
