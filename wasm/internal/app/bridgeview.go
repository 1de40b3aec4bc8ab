package app

import (
	"strings"

	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/wasm/internal/approvals"
	"countersign/wasm/internal/bridgeclient"
	"countersign/wasm/internal/view"
)

// What the page says while the browser asks.
const (
	askTitle = "Choose Allow in the browser's question"
	askText  = "It asks whether this page may reach apps on this device. The bridge is one, and the only one that this page looks for."
)

// bridgeWords are the problems before there is a connection, each with the word
// of the status strip and what a person reads. ORIGIN stands for the page's own.
var bridgeWords = [...]struct {
	problem               bridgeclient.Problem
	word, title, safe, do string
}{
	{bridgeclient.NotRunning, "not running", "No bridge answers this page.", nothingDone,
		"Start it on this computer with “countersign-bridge approver”. If it runs already, let it know this page: “countersign-bridge origins add ORIGIN”."},
	{bridgeclient.Unanswered, "waits for your permission", "The browser's question was not answered.", nothingDone,
		"Connect again and choose Allow. If the browser asks nothing, start the bridge first."},
	{bridgeclient.Denied, "denied by the browser", "The browser does not let this page reach the bridge.", nothingDone,
		"It was told no. Open the site settings with the icon left of the address, set “Apps on device” to Allow (Firefox: “Device apps and services”), then connect again."},
	{bridgeclient.Blocked, "blocked by policy", "A policy keeps this page from the bridge.", "The browser did not ask you, and nothing was sent.",
		"Whoever manages this browser can allow ORIGIN: “countersign-bridge browser-policy” prints the setting. If it is not managed, look for “Apps on device” in the site settings."},
	{bridgeclient.Misbuilt, "blocked by this page", "This page forbids itself to reach the bridge.", nothingDone,
		"Tell whoever runs it that its content security policy needs http://127.0.0.1:* and ws://127.0.0.1:* in connect-src."},
	{bridgeclient.Unsupported, "not in this browser", "This browser cannot reach programs on this computer.", nothingDone,
		"Reach the bridge through the gateway, or use Chrome, Edge or Firefox here."},
	{bridgeclient.NoLine, "takes no connection", "The bridge answers, but takes no connection from this page.", nothingDone,
		"Close other pages that use it, and let privacy extensions of the browser allow this page, then connect again."},
	{bridgeclient.NotAdmitted, "does not admit this page", "The bridge does not know this page.", nothingDone,
		"Let it know: “countersign-bridge origins add ORIGIN”, then connect again."},
	{bridgeclient.OtherProgram, "another program answers", "Another program answers where the bridge should be.", "The page told it nothing.",
		"Start the bridge: it takes the next free port. “countersign-bridge doctor” names the other program."},
	{bridgeclient.KeyChanged, "another bridge answers", "A bridge answers, but not the one that this page knows.", "The page told it nothing.",
		"Is it another person's on this computer? Then start yours and connect again. Did you reinstall yours? Then pair again. If neither, stop and tell your administrator."},
	{bridgeclient.NotThere, "not at the gateway", "No bridge with this name waits at the gateway.", nothingDone,
		"Compare the name with “countersign-bridge relay”, and see that the bridge runs there and says that pages can reach it."},
	{bridgeclient.Lost, "not connected", "The connection to the bridge ended.", "Nothing was signed.", "Connect again."},
}

// nothingDone is what is certain when there was no connection.
const nothingDone = "Nothing was sent."

// bridgeProblem is why the bridge is not there, as a person reads it.
func (m *Model) bridgeProblem() approvals.Problem {
	return explainBridge(m.bridge.Problem, m.bridge.Err, m.cfg.Origin)
}

// Explain is what an error means to a person on a page of this origin.
func Explain(err error, origin string) (*fault.Error, approvals.Problem) {
	f := asFault(err)
	if problem := bridgeclient.ProblemOf(err); problem != "" {
		return f, explainBridge(problem, f, origin)
	}
	return f, approvals.Explain(f)
}

func explainBridge(problem bridgeclient.Problem, err *fault.Error, origin string) approvals.Problem {
	for i := range bridgeWords {
		w := &bridgeWords[i]
		if w.problem != problem {
			continue
		}
		p := approvals.Problem{Title: w.title, Safe: w.safe, Do: strings.ReplaceAll(w.do, "ORIGIN", origin), Remedy: approvals.Reconnect,
			Code: fault.Code("bridge: " + string(problem))}
		if problem == bridgeclient.KeyChanged {
			p.Remedy, p.Code = approvals.Forget, fault.BridgeKeyChanged
		}
		return p
	}
	if err == nil {
		return approvals.Problem{Title: "The bridge is not connected.", Do: "Connect to approve on this computer.", Remedy: approvals.Reconnect}
	}
	p := approvals.Explain(err)
	if p.Remedy == approvals.Retry || p.Remedy == "" {
		p.Remedy = approvals.Reconnect
	}
	return p
}

// bridgeStatus is the strip's word; a press on it is the next step.
func (m *Model) bridgeStatus() view.Node {
	item := func(tone, value, action string) view.Node {
		return statusItem("bridge", tone, "Bridge", value, action, m.relayed())
	}
	b := m.bridge
	switch b.State {
	case BridgeConnecting:
		return item("is-off", stepWord(b.Step)+": cancel", "bridge.stop")
	case BridgePairing:
		return item("is-warning", "compare the code "+b.Code, "bridge.show")
	case BridgeReady:
		return item("is-ok", m.devices(), "")
	case BridgeFailed:
		action := "bridge.connect"
		if m.bridgeProblem().Remedy == approvals.Reload {
			action = "reload"
		}
		return item("is-bad", m.bridgeWord(), action)
	}
	if b.Paired {
		return item("is-off", "not connected: connect", "bridge.connect")
	}
	return item("is-off", "not paired: connect", "bridge.connect")
}

// relayed says that the line goes through the gateway.
func (m *Model) relayed() view.Node {
	return view.If(m.bridge.Route == bridgeclient.Relay, view.El("span", "status-value", "· via the gateway, end-to-end encrypted"))
}

func (m *Model) bridgeWord() string {
	b := m.bridge
	for i := range bridgeWords {
		if w := &bridgeWords[i]; w.problem == b.Problem {
			return w.word
		}
	}
	switch {
	case b.Err == nil:
	case b.Problem == bridgeclient.WrongVersion:
		return "wrong version"
	case b.Err.Code == fault.NotPaired:
		return "not paired: connect"
	case b.Err.Code == fault.PairingRefused:
		return "pairing refused"
	case b.Err.Code == fault.SiteBlocked:
		return "you blocked this site"
	case b.Err.Code == fault.Busy || b.Err.Code == fault.Limited:
		return "busy"
	}
	return "not connected"
}

func stepWord(s bridgeclient.Step) string {
	switch s {
	case bridgeclient.Asking:
		return "the browser asks you"
	case bridgeclient.Relaying:
		return "reaching it through the gateway"
	}
	return "looking for it"
}

// bridgeNotice is how it goes with the bridge that the person asked for. A screen
// that decides shows it where the decision is.
func (m *Model) bridgeNotice() view.Node {
	b := m.bridge
	if !b.Shown && m.cfg.Kind != BridgeStatus || m.route.Screen == Requests && m.route.ID != "" {
		return view.Node{}
	}
	var body view.Node
	switch b.State {
	case BridgeFailed:
		body = view.El("div", "stack", notice(m.bridgeProblem(), "bridge.connect", button("is-quiet is-small", "bridge.close", "Close")), m.relayForm())
	case BridgePairing:
		body = pairingPrompt(b.Code, button("is-quiet", "bridge.stop", "Cancel"))
	case BridgeConnecting:
		body = m.connecting(button("is-quiet", "bridge.stop", "Cancel"))
	default:
		return view.Node{}
	}
	return view.El("section", "bridge-notice", view.Key("bridge-notice"), view.A("aria-label", "Bridge"), body)
}

// connecting says how far the search is, and lets one give it up.
func (m *Model) connecting(cancel view.Node) view.Node {
	if m.bridge.Step == bridgeclient.Asking {
		return prompt("bridge", askTitle, askText, cancel)
	}
	text := "Looking for the bridge on this computer."
	if m.bridge.Step == bridgeclient.Relaying {
		text = "Reaching the bridge through the gateway."
	}
	return view.El("div", "cluster", view.El("span", "spinner", view.A("aria-hidden", "true")), view.El("span", "muted", text), cancel)
}

// devices names the tokens, first those that are plugged in.
func (m *Model) devices() string {
	in, out, seen := "", "", map[string]bool{}
	for _, id := range m.mine() {
		list := &out
		if id.Present {
			list = &in
		}
		switch {
		case seen[id.Device]:
			continue
		case *list != "":
			*list += ", "
		}
		seen[id.Device] = true
		*list += id.Device
		if id.Holder != "" {
			*list += " (in use)"
		}
	}
	if in == "" {
		return "ready: no device plugged in"
	}
	if out != "" {
		out = " · " + out + " unplugged"
	}
	return "ready: " + in + out
}

// warnings is what keeps the device of an identity from being used, said before
// it is.
func warnings(id frame.Identity) view.Node {
	text := ""
	switch {
	case id.Holder != "":
		text = id.Device + " is used by " + id.Holder + " now. Finish there first."
	case len(id.Lacks) > 0:
		text = id.Device + " lacks what may be needed here: " + strings.Join(id.Lacks, ", ") + "."
	default:
		return view.Node{}
	}
	return view.El("div", "notice is-warning", icon("alert"), view.El("div", "notice-body", view.El("p", "", text)))
}

// bridgeEvent is the bridge's state for the page around this one.
func (m *Model) bridgeEvent() []view.Attr {
	b := m.bridge
	state := [...]string{"idle", "connecting", "pairing", "ready", "failed"}[b.State]
	return []view.Attr{view.A("state", state), view.A("problem", string(b.Problem)), view.A("step", string(b.Step)), view.A("route", b.Route)}
}
