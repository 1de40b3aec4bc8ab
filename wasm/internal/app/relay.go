package app

import (
	"countersign/shared/rendezvous"
	"countersign/wasm/internal/bridgeclient"
	"countersign/wasm/internal/view"
)

// relay connects through the gateway, to the bridge whose name was typed.
func (m *Model) relay() []Command {
	b := &m.bridge
	name, err := rendezvous.Parse(b.Typed)
	if b.Mistyped = err != nil; b.Mistyped {
		m.announce = mistyped
		return nil
	}
	cmds := m.connect(true)
	for i, c := range cmds {
		if connect, ok := c.(ConnectBridge); ok {
			connect.Relay = name
			cmds[i] = connect
		}
	}
	return cmds
}

const mistyped = "A relay name has 26 letters and digits from 2 to 7."

// relayForm is the way around loopback for a page that does not know the bridge
// yet: the person types the bridge's name at the gateway.
func (m *Model) relayForm() view.Node {
	b := m.bridge
	if !b.Problem.Elsewhere() {
		return view.Node{}
	}
	below := view.El("p", "field-hint", view.A("id", "relay-hint"), "“countersign-bridge relay” prints it. What you send stays encrypted between this page and the bridge.")
	invalid := view.Attr{}
	if b.Mistyped {
		invalid = view.A("aria-invalid", "true")
		below = view.El("p", "field-error", view.A("id", "relay-hint"), icon("alert"), mistyped)
	}
	form := view.El("form", "form", view.On("submit", "bridge.relay"), view.Flag("novalidate", false),
		view.El("div", "field",
			view.El("label", "field-label", view.A("for", "relay-name"), "Or through the gateway: the bridge's relay name"),
			view.El("input", "input", view.A("id", "relay-name"), view.A("name", "relay-name"), view.A("type", "text"), view.A("autocomplete", "off"),
				view.A("placeholder", "abcd-efgh-ijkl-mnop-qrst-uvwx-yz"), view.A("maxlength", "64"), view.A("aria-describedby", "relay-hint"), invalid,
				view.Prop("value", b.Typed), view.On("input", "bridge.name")),
			below),
		view.El("div", "cluster", view.El("button", "button is-small", view.A("type", "submit"), "Connect through the gateway")))
	if b.Typed == "" {
		switch b.Problem {
		case bridgeclient.NotRunning, bridgeclient.NotAdmitted, bridgeclient.OtherProgram, bridgeclient.KeyChanged: // something else is likelier
			return view.El("details", "", view.El("summary", "", "Is it on another computer?"), form)
		}
	}
	return form
}
