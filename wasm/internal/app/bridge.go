package app

import (
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/wire"
	"countersign/wasm/internal/approvals"
	"countersign/wasm/internal/bridgeclient"
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
		return m.promptChanged(msg)
	case PromptShown:
		if m.flow != nil && !m.flow.Over() {
			*m.flow = m.flow.Showing(msg.Text)
		}
	case DecisionMoved:
		if m.flow == nil || m.flow.Over() {
			return nil
		}
		*m.flow = m.flow.Advance(msg.Stage).PromptClosed()
		return m.step(msg.Stage)
	case DecisionEnded:
		return m.decisionEnded(msg)
	case BatchMoved:
		if m.flow != nil && !m.flow.Over() {
			*m.flow = m.flow.Counted(msg.Done, msg.Of)
			return m.step(approvals.Signed)
		}
	case ItemEnded:
		return m.itemEnded(msg)
	}
	return nil
}

func (m *Model) bridgeChanged(msg BridgeChanged) []Command {
	b := &m.bridge
	if b.Quiet && msg.State == BridgeConnecting {
		return nil
	}
	was, problem := b.Problem, bridgeclient.ProblemOf(msg.Err)
	b.State, b.Code, b.Step, b.Route, b.Err, b.Problem, b.Quiet = msg.State, msg.Code, msg.Step, msg.Route, asFault(msg.Err), problem, false
	switch msg.State {
	case BridgeConnecting:
		if msg.Step == bridgeclient.Asking {
			m.announce = askTitle + ". " + askText
		}
	case BridgePairing:
		b.Paired = false
		m.announce = "Compare the code with the one in the bridge's prompt: " + spaced(msg.Code) + "."
		if m.flow != nil && m.pending != "" {
			m.flow.Paired = false
			*m.flow = m.flow.Advance(approvals.Pair)
			m.flow.Code = msg.Code
			return m.step(approvals.Pair)
		}
	case BridgeReady:
		b.Name, b.Version, b.Identities, b.Paired, b.Shown = msg.Name, msg.Version, msg.Identities, true, false
		if m.pending != "" && m.flow != nil {
			return m.run(m.pending)
		}
		m.announce = "The bridge is ready."
		return m.preview()
	case BridgeFailed:
		return m.bridgeFailed(msg.Err, problem == was)
	}
	return nil
}

// bridgeFailed ends what waited for the bridge. What the person or the page
// stopped by itself is not a failure.
func (m *Model) bridgeFailed(err error, again bool) []Command {
	b := &m.bridge
	b.Identities = nil
	switch b.Problem {
	case bridgeclient.NotAsked, bridgeclient.Stopped, bridgeclient.Closed:
		b.State, b.Err = BridgeUnknown, nil
	}
	if b.Problem == bridgeclient.NotAsked && m.pending != "" {
		return m.connect(true) // the person has asked meanwhile
	}
	if m.flow != nil && !m.flow.Over() && m.flow.Stage <= approvals.Pair {
		m.pending = ""
		*m.flow = m.flow.Fail(err)
	}
	if b.Err != nil && !again {
		m.announce = m.bridgeProblem().Title
	}
	return nil
}

func (m *Model) promptChanged(msg PromptChanged) []Command {
	m.closes = msg.Ends
	if m.flow == nil || m.flow.Over() {
		return nil
	}
	if !msg.Open {
		*m.flow = m.flow.PromptClosed()
		return nil
	}
	*m.flow = m.flow.Prompt(msg.Kind, msg.Where)
	m.flow.Wrong = msg.Again
	switch msg.Kind {
	case frame.PromptPIN:
		m.announce = cond(msg.Again, wrongPIN) + "The bridge asks for the PIN of the device."
	case frame.PromptConfirm:
		m.announce = "Read the statement in the bridge's prompt and decide there."
	}
	return m.step(m.flow.Stage)
}

// steps are the names of the stages that a page around is told of.
var steps = [...]string{approvals.Connect: "connecting", approvals.Pair: "pairing", approvals.PIN: "pin", approvals.Read: "on the bridge", approvals.Signed: "signed", approvals.Verified: "verified"}

// step tells the page around how far the decision has come: each step once, in order.
func (m *Model) step(s approvals.Stage) []Command {
	if s < m.untold || steps[s] == "" {
		return nil
	}
	m.untold = s + 1
	return []Command{Tell{TellStep, steps[s]}}
}

func (m *Model) decisionEnded(msg DecisionEnded) []Command {
	if m.flow == nil {
		return nil
	}
	again := []Command{Load{What: TheRequest, ID: m.flow.Request}}
	if m.uses(Inbox) {
		again = append(again, Load{What: TheRequests})
	}
	if msg.Err != nil {
		*m.flow = m.flow.Fail(msg.Err)
		m.announce = m.explain(m.flow.Err).Title
		m.unpair(msg.Err)
		return append(again, Tell{TellError, msg.Err})
	}
	f := m.flow.Advance(approvals.Verified)
	f.Text, f.State, f.Done, f.Needed, f.Where, f.Shown = msg.Text, msg.State, msg.Done, msg.Needed, "", ""
	m.flow = &f
	m.announce = recorded(f)
	again = append(again, m.step(approvals.Verified)...)
	switch f.Decision {
	case frame.Approve:
		again = append(again, Tell{TellApproved, f.Request})
	case frame.Reject:
		again = append(again, Tell{TellRejected, f.Request})
	}
	return again
}

// unpair notices a pairing that was revoked at the bridge while the line stood:
// the next attempt connects and pairs again.
func (m *Model) unpair(err error) {
	if b := &m.bridge; b.State == BridgeReady && fault.CodeOf(err) == fault.NotPaired {
		b.State, b.Paired, b.Identities = BridgeUnknown, false, nil
	}
}

// explain says what an error means for a decision: a site of the page's own origin that
// uses the device is another tab.
func (m *Model) explain(err *fault.Error) approvals.Problem {
	p := approvals.Explain(err)
	if err.Code == fault.DeviceInUse && err.Details["holder"] == m.cfg.Origin {
		p.Title = "Another tab of this dashboard uses the device."
		p.Do = "Finish or close that tab, then try again."
	}
	return p
}

// noSigner says why nobody at this bridge can decide.
func noSigner(r wire.Request, mine []frame.Identity) error {
	if len(mine) == 0 {
		return fault.New(fault.DeviceMissing, "no device of this entity is set up at the bridge")
	}
	switch {
	case !open(r):
		return fault.New(fault.RequestClosed, "the request is closed")
	case unsent(r):
		return fault.New(fault.Forbidden, "no member who signs at this bridge may send the request")
	}
	return fault.New(fault.AlreadyApproved, "all members who sign at this bridge have decided")
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
