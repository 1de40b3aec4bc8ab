package app

import (
	"time"

	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/wire"
	"countersign/wasm/internal/approvals"
	"countersign/wasm/internal/view"
)

// requestClock counts down to the end of a request.
func (m *Model) requestClock(r wire.Request) view.Node {
	if !open(r) {
		return view.Node{}
	}
	rest := r.ExpiresAt.Sub(m.server())
	text := cond(unsent(r), "Send it") + cond(!unsent(r), "Decide") + " within " + left(rest)
	if rest <= 0 {
		text = "The time to decide is over"
	}
	return countdown(rest, view.A("title", r.ExpiresAt.UTC().Format("2006-01-02 15:04:05 UTC")), text)
}

func countdown(rest time.Duration, title view.Attr, text string) view.Node {
	tone := cond(rest <= time.Minute && rest > 0, "is-soon") + cond(rest <= 0, "is-over")
	return view.El("span", classes("countdown", tone), view.A("role", "timer"), view.A("aria-live", "off"), title, text)
}

// decisionLeft is how long the person has, by what the bridge told about its
// prompt, else by the request.
func (m *Model) decisionLeft(r wire.Request) time.Duration {
	if !m.closes.IsZero() {
		return m.closes.Sub(m.now)
	}
	return r.ExpiresAt.Sub(m.server())
}

// promptClock counts the open prompt down: the statement in it has an end.
func (m *Model) promptClock(r wire.Request) view.Node {
	if m.closes.IsZero() {
		return m.requestClock(r)
	}
	rest := m.decisionLeft(r)
	if rest <= 0 {
		return countdown(rest, view.Attr{}, "The prompt closes now")
	}
	return countdown(rest, view.Attr{}, "The prompt closes in "+left(rest))
}

func pairingPrompt(code string, cancel view.Node) view.Node {
	var digits []view.Node
	for _, c := range code {
		digits = append(digits, view.El("span", "", string(c)))
	}
	return view.El("section", "prompt", icon("bridge"), view.El("div", "prompt-body",
		view.El("h2", "prompt-title", "Is the code the same in the bridge's prompt?"),
		view.El("div", "code-display", view.A("role", "img"), view.A("aria-label", spaced(code)), digits),
		view.El("p", "", "If all six digits are the same, type “"+word("")+"” there. If they differ, press Enter, which declines: something sits between this page and the bridge."),
		view.El("div", "cluster", cancel)))
}

func (m *Model) flowCard(r wire.Request, f approvals.Flow) view.Node {
	title, done := "Approving", "Approved"
	switch f.Decision {
	case frame.Reject:
		title, done = "Rejecting", "Rejected"
	case frame.Initiate:
		title, done = "Signing and sending", "Signed and sent"
	}
	if f.Stage == approvals.Verified {
		title = done + " by " + f.Name
	} else if f.Name != "" {
		title += " as " + f.Name
	}
	var steps []view.Node
	for i, s := range f.Steps() {
		steps = append(steps, stepItem(i, s))
	}
	return view.El("section", "card is-attention",
		view.El("div", "card-head", view.El("h2", "card-title", title), view.If(f.Device != "", view.El("p", "card-sub", "Device "+f.Device))),
		view.El("div", "card-body", view.El("div", "stack", view.El("ol", "track", steps), m.flowNow(r, f))))
}

func stepItem(i int, s approvals.Step) view.Node {
	state, mark := "", any(itoa(i+1))
	switch s.Status {
	case approvals.Done:
		state, mark = "is-done", icon("check")
	case approvals.Current:
		state = "is-current"
	case approvals.Failed:
		state, mark = "is-failed", icon("cross")
	}
	now := view.Attr{}
	if s.Status == approvals.Current {
		now = view.A("aria-current", "step")
	}
	return view.El("li", classes("step", state), view.Key(s.Title), now, view.El("span", "step-mark", view.A("aria-hidden", "true"), mark),
		view.El("div", "step-body", view.El("strong", "step-title", s.Title), view.If(s.Text != "", view.El("p", "step-text", s.Text))))
}

// flowNow says where to look now, or how it ended.
func (m *Model) flowNow(r wire.Request, f approvals.Flow) view.Node {
	cancel := view.Node{}
	if f.CanCancel() {
		cancel = button("is-quiet", "decide.stop", "Cancel")
	} else if f.Stopping {
		cancel = button("is-quiet is-busy", "decide.stop", view.A("aria-disabled", "true"), "Cancelling")
	}
	switch {
	case f.Err != nil:
		p := m.explain(f.Err)
		switch {
		case f.Err.Details[approvals.Unknown] != "":
		case m.bridge.State == BridgeFailed:
			if p = m.bridgeProblem(); p.Safe == nothingDone {
				p.Safe = "Nothing was signed."
			}
		case p.Code == fault.Declined && f.Ask == frame.PromptPIN:
			p.Title = "No PIN was given."
		case p.Code == fault.Unavailable || p.Code == fault.Timeout:
			p.Title, p.Safe, p.Do = "The connection broke.", "Nothing was signed. The request still waits.", "Try again in a moment."
		}
		again := "decide:" + f.Decision
		if len(f.Items) > 0 {
			again = "batch"
		}
		if p.Remedy == approvals.Reconnect {
			p.Remedy = approvals.Retry
		}
		return notice(p, again, button("is-quiet is-small", "decide.close", "Close"))
	case f.Stage == approvals.Verified && len(f.Items) > 0:
		return m.severalDone(f)
	case f.Stage == approvals.Verified:
		return m.flowDone(r, f)
	case f.Stage == approvals.Pair:
		return pairingPrompt(f.Code, cancel)
	case f.Stage == approvals.Connect:
		return m.connecting(cancel)
	case f.Where != "" && f.Ask == frame.PromptPIN:
		return prompt("lock", "Type the PIN of "+or(f.Device, "the device"), cond(f.Wrong, wrongPIN)+"The bridge asks for it "+place(f.Where)+". This page never sees it.", m.promptClock(r), cancel)
	case f.Where != "":
		title := "Read it in the bridge's prompt"
		if len(f.Items) > 0 {
			title = "Read the list in the bridge's prompt"
		}
		return prompt("bridge", title, "It opened "+place(f.Where)+". What you read there is what is signed."+cond(f.Shown != "", " Compare it with the text below, line by line.")+" Then type “"+
			word(f.Decision)+"” there; anything else declines, and signs nothing.", m.promptClock(r), cancel)
	}
	return view.El("div", "cluster", view.El("span", "spinner", view.A("aria-hidden", "true")), view.El("span", "muted", "Working"), cancel)
}

// recorded says what the vault has of a decision that was signed.
func recorded(f approvals.Flow) string {
	switch f.Decision {
	case frame.Reject:
		return "Signed. The vault recorded the rejection."
	case frame.Initiate:
		return "Signed and sent. The vault recorded who asked."
	}
	return "Signed. The vault recorded " + itoa(f.Done) + " of " + itoa(f.Needed) + "."
}

// word is what the person types in the bridge's prompt.
func word(decision string) string {
	switch decision {
	case frame.Reject:
		return "reject"
	case frame.Initiate:
		return "send"
	}
	return "approve"
}

func prompt(picture, title, text string, below ...any) view.Node {
	return view.El("section", "prompt", icon(picture), view.El("div", "prompt-body", view.El("h2", "prompt-title", title), view.El("p", "", text), view.El("div", "cluster", below...)))
}

// wrongPIN is said while the bridge asks again.
const wrongPIN = "The last PIN was wrong. "

func place(where string) string {
	switch where {
	case frame.WhereTerminal:
		return "in the terminal where the bridge runs"
	case frame.WhereReader:
		return "on the reader's own pad"
	}
	return "as a window on this computer"
}

func (m *Model) flowDone(r wire.Request, f approvals.Flow) view.Node {
	text := recorded(f)
	switch {
	case f.Decision == frame.Reject:
		text += " The request is closed."
	case f.Decision == frame.Initiate:
		text += " It waits for those who decide."
	case f.Done >= f.Needed:
		text += " The request is approved."
	default:
		text += " It waits for another approver."
	}
	again := view.Node{}
	if m.bridge.State == BridgeReady && f.Decision != frame.Reject && shows(r, f) && m.signer(r).Member != "" {
		again = view.El("div", "notice-actions", button("is-small", "decide.close", cond(f.Decision == frame.Approve, "Decide as another member")+cond(f.Decision == frame.Initiate, "Decide on it")))
	}
	return view.El("div", "notice is-positive", icon("check"), view.El("div", "notice-body", view.El("p", "notice-title", text), readText(f), again))
}

// shows reports whether the page's copy of the request has the decision already: an older
// copy would offer the member who has just decided again.
func shows(r wire.Request, f approvals.Flow) bool {
	if f.Decision == frame.Initiate {
		return !unsent(r)
	}
	return r.Step != f.Step || !waiting(r, f.Member)
}
