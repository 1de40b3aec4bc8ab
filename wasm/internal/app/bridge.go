package app

import (
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/wire"
	"countersign/wasm/internal/approvals"
)

// bridged follows the bridge and the decision that goes through it.
func (m *Model) bridged(msg Msg) []Command {
	switch msg := msg.(type) {
	case BridgeChanged:
		return m.bridgeChanged(msg)
	case DevicesChanged:
		m.bridge.Identities = msg.Identities
		return m.preview()
	case PromptChanged:
		m.promptChanged(msg)
	case DecisionMoved:
		if m.flow == nil || m.flow.Over() {
			return nil
		}
		*m.flow = m.flow.Advance(msg.Stage).PromptClosed()
	case DecisionEnded:
		return m.decisionEnded(msg)
	}
	return nil
}

func (m *Model) bridgeChanged(msg BridgeChanged) []Command {
	b := &m.bridge
	b.State, b.Code, b.Blocked, b.Relayed, b.Err = msg.State, msg.Code, msg.Blocked, msg.Relayed, asFault(msg.Err)
	switch msg.State {
	case BridgePairing:
		b.Paired = false
		m.announce = "Compare the code with the one in the bridge's prompt: " + spaced(msg.Code) + "."
		if m.flow != nil && m.pending != "" {
			m.flow.Paired = false
			*m.flow = m.flow.Advance(approvals.Pair)
			m.flow.Code = msg.Code
		}
	case BridgeReady:
		b.Name, b.Version, b.Identities, b.Paired = msg.Name, msg.Version, msg.Identities, true
		if m.pending != "" && m.flow != nil {
			return m.run(m.pending)
		}
		m.announce = "The bridge is ready."
		return m.preview()
	case BridgeFailed:
		if m.pending != "" && m.flow != nil {
			m.pending = ""
			*m.flow = m.flow.Fail(msg.Err)
		}
		b.Identities = nil
		if b.Err != nil {
			m.announce = m.bridgeProblem().Title
		}
	}
	return nil
}

func (m *Model) promptChanged(msg PromptChanged) {
	if m.flow == nil || m.flow.Over() {
		return
	}
	if !msg.Open {
		*m.flow = m.flow.PromptClosed()
		return
	}
	*m.flow = m.flow.Prompt(msg.Kind, msg.Where)
	switch msg.Kind {
	case frame.PromptPIN:
		m.announce = "The bridge asks for the PIN of the device."
	case frame.PromptConfirm:
		m.announce = "Read the statement in the bridge's prompt and decide there."
	}
}

func (m *Model) decisionEnded(msg DecisionEnded) []Command {
	if m.flow == nil {
		return nil
	}
	again := []Command{Load{What: TheRequest, ID: m.flow.Request}, Load{What: TheRequests}}
	if msg.Err != nil {
		*m.flow = m.flow.Fail(msg.Err)
		m.announce = approvals.Explain(m.flow.Err).Title
		return again
	}
	f := m.flow.Advance(approvals.Verified)
	f.Text, f.State, f.Done, f.Needed, f.Where = msg.Text, msg.State, msg.Done, msg.Needed, ""
	m.flow = &f
	m.announce = "Verified by the signer, " + itoa(f.Done) + " of " + itoa(f.Needed) + "."
	if f.Decision == frame.Reject {
		m.announce = "The rejection was recorded by the signer."
	}
	return again
}

// noSigner says why nobody at this bridge can decide.
func noSigner(r wire.Request, mine []frame.Identity) error {
	if len(mine) == 0 {
		return fault.New(fault.DeviceMissing, "no device of this entity is set up at the bridge")
	}
	if r.State != wire.RequestPending {
		return fault.New(fault.RequestClosed, "the request is closed")
	}
	return fault.New(fault.AlreadyApproved, "everybody who can sign at this bridge has decided")
}

// bridgeProblem is why the bridge is not there, as a person reads it.
func (m *Model) bridgeProblem() approvals.Problem {
	b := m.bridge
	switch {
	case b.Blocked:
		return approvals.Problem{Title: "The browser does not let this page reach the bridge.", Safe: "Nothing was sent.",
			Do:     "Allow “local network access” for this page: the icon left of the address, then connect again.",
			Remedy: approvals.Reconnect, Code: fault.Unavailable}
	case b.Err == nil:
		return approvals.Problem{Title: "The bridge is not connected.", Do: "Connect to approve on this computer.", Remedy: approvals.Reconnect}
	case b.Err.Code == fault.Unavailable || b.Err.Code == fault.Timeout:
		return approvals.Problem{Title: "The bridge is not running on this computer.", Safe: "Nothing was signed.",
			Do: "Start it with “countersign-bridge approver”, then connect again.", Remedy: approvals.Reconnect, Code: b.Err.Code}
	case b.Err.Code == fault.RecordInvalid:
		return approvals.Problem{Title: "Another program answers where the bridge should be.", Safe: "The page told it nothing.",
			Do: "Stop that program, start the bridge, then connect again.", Remedy: approvals.Reconnect, Code: b.Err.Code}
	case b.Err.Code == fault.ChannelClosed || b.Err.Code == fault.Cancelled:
		return approvals.Problem{Title: "The connection to the bridge ended.", Safe: "Nothing was signed.", Do: "Connect again.", Remedy: approvals.Reconnect, Code: b.Err.Code}
	}
	p := approvals.Explain(b.Err)
	if p.Remedy == approvals.Retry || p.Remedy == "" {
		p.Remedy = approvals.Reconnect
	}
	return p
}

func spaced(code string) string {
	out := ""
	for i, c := range code {
		if i > 0 {
			out += " "
		}
		out += string(c)
	}
	return out
}
