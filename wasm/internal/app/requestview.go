package app

import (
	"strings"
	"time"

	"countersign/shared/frame"
	"countersign/shared/intent"
	"countersign/shared/name"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/wasm/internal/approvals"
	"countersign/wasm/internal/view"
)

// stateWord is a state as a person reads it.
type stateWord struct{ text, tone, icon string }

var requestStates = map[string]stateWord{
	wire.RequestUnsent:    {"Not sent yet", "is-warning", "clock"},
	wire.RequestPending:   {"Waits for approval", "is-warning", "clock"},
	wire.RequestApproved:  {"Approved", "is-positive", "check"},
	wire.RequestRejected:  {"Rejected", "is-negative", "cross"},
	wire.RequestExpired:   {"Expired", "", "clock"},
	wire.RequestBlocked:   {"Blocked", "is-negative", "alert"},
	wire.RequestLapsed:    {"Approval ended", "", "clock"},
	wire.RequestOrdered:   {"Ordered", "is-accent", "external"},
	wire.RequestCompleted: {"Completed", "is-positive", "check"},
	wire.RequestFailed:    {"Failed", "is-negative", "alert"},
	wire.RequestCancelled: {"Cancelled", "", "cross"},
	onItsWay:              {"On its way", "is-accent", "send"},
}

// onItsWay stands for the state of an approved request whose transaction is not final.
const onItsWay = "sending"

// stateOf is the state of a request as people are told it.
func stateOf(r wire.Request) string {
	if r.State == wire.RequestApproved && r.Sending != nil {
		return onItsWay
	}
	return r.State
}

func stateBadge(words map[string]stateWord, state string) view.Node {
	s, ok := words[state]
	if !ok {
		return badge("", "info", state)
	}
	return badge(s.tone, s.icon, s.text)
}

// open reports whether a request waits for a member's signature.
func open(r wire.Request) bool { return r.State == wire.RequestPending || unsent(r) }

// unsent reports whether that is the one of a member who signs and sends it.
func unsent(r wire.Request) bool { return r.State == wire.RequestUnsent }

// forMe reports whether somebody at this computer may decide on the request. As
// long as the bridge is not connected nobody can tell, so every pending one is.
func (m *Model) forMe(r wire.Request) bool {
	if !open(r) {
		return false
	}
	mine := m.mine()
	if len(mine) == 0 {
		return true
	}
	for _, id := range mine {
		if waiting(r, id.Member) {
			return true
		}
	}
	return false
}

func (m *Model) requestRow(r wire.Request, box view.Node) view.Node {
	w := m.cfg.Words
	title, sub, amount := screenOf(r).row(w)
	sub = joined(sub, w.when(r.CreatedAt, m.server()))
	if open(r) {
		sub = left(r.ExpiresAt.Sub(m.server())) + " left · " + sub
		if !unsent(r) {
			sub = itoa(r.Approved) + " of " + itoa(r.Needed) + " approvals · " + sub
		}
	}
	return view.El("li", "", view.Key(r.ID), box, link(classes("row", cond(open(r), "is-waiting"), cond(settled(r.State), "is-done")), "/requests/"+r.ID,
		view.El("div", "row-main",
			view.El("span", "row-title", title),
			view.El("span", "row-sub", sub)),
		view.El("div", "row-end", amount, stateBadge(requestStates, stateOf(r))),
		icon("chevron")))
}

func (m *Model) requestPage() view.Node {
	back := link("back", "/requests", icon("back"), "Requests")
	l := m.request[m.route.ID]
	if !l.Loaded {
		if l.Err != nil {
			return page("", back, head("Request", ""), notice(approvals.Explain(l.Err), "refresh"))
		}
		return page("", back, head("Request", ""), skeletons(3))
	}
	r := l.Value
	trouble := view.Node{}
	if l.Err != nil {
		trouble = notice(approvals.Explain(l.Err), "refresh")
	}
	return page("", back,
		view.El("div", "page-head", view.El("div", "",
			view.El("h1", "page-title", screenOf(r).heading(m.cfg.Words)...),
			view.El("div", "cluster", stateBadge(requestStates, stateOf(r)), m.requestClock(r), identifier(r.ID))),
			view.If(!open(r) && !m.cfg.NoVault, link("button is-small", "/vault/"+r.ID, "Receipt"))),
		trouble,
		view.El("div", "split",
			view.El("div", "split-main stack", m.decision(r), m.next(r), m.statementCard(r), m.details(r), history(m, r.History)),
			view.El("div", "split-side stack", m.people(r), m.ruleCard(r))))
}

// decision is the part where one decides: the choice, then the flow.
func (m *Model) decision(r wire.Request) view.Node {
	if f := m.flow; f != nil && f.Request == r.ID {
		return m.flowCard(r, *f)
	}
	if !open(r) {
		return view.Node{}
	}
	id := m.signer(r)
	ready := m.bridge.State == BridgeReady
	title, nobody := "Your decision", "All members who sign at this computer have decided. The request waits for others."
	if unsent(r) {
		title, nobody = "Sign and send", "No member who signs at this computer may send this request."
	}
	var who, warn view.Node
	switch {
	case ready && id.Member == "":
		return card(title, "", view.El("p", "", nobody))
	case ready:
		who, warn = m.signAs(func(member string) bool { return waiting(r, member) }, id), warnings(id)
	case m.bridge.State == BridgeFailed:
		who = view.El("div", "stack", notice(m.bridgeProblem(), "bridge.connect"), m.relayForm())
	case m.bridge.State == BridgePairing:
		who = pairingPrompt(m.bridge.Code, button("is-quiet", "bridge.stop", "Cancel"))
	case m.bridge.State == BridgeConnecting:
		who = m.connecting(button("is-quiet", "bridge.stop", "Cancel"))
	default:
		who = view.El("div", "stack", m.unsigned(), view.El("p", "muted", "You read and decide in the bridge's own prompt; the key never leaves the device."))
	}
	if m.confirm == r.ID {
		return view.El("section", "card is-attention", view.El("div", "card-head", view.El("h2", "card-title", "Reject this request?")),
			view.El("div", "card-body", view.El("div", "stack", view.El("p", "", "A rejection is signed with your key and ends the request for all members. To leave it open, simply do nothing."), who, warn,
				view.El("div", "cluster", button("is-primary is-danger", "decide:"+frame.Reject, "Reject permanently"), button("is-quiet", "decide.back", "Back")))))
	}
	busy := m.bridge.State == BridgeConnecting || m.bridge.State == BridgePairing
	lead, buttons := view.Node{}, []any{working("is-primary", "decide:"+frame.Approve, busy, "Approve", "Connecting"), button("is-danger", "decide:"+frame.Reject, "Reject")}
	if unsent(r) {
		lead = view.El("p", "", "The rule wants to know who asks: a member signs the request, and then it goes to those who decide.")
		buttons = []any{working("is-primary", "decide:"+frame.Initiate, busy, "Sign and send", "Connecting")}
	}
	return view.El("section", "card is-attention", view.El("div", "card-head", view.El("h2", "card-title", title)),
		view.El("div", "card-body", view.El("div", "stack", lead, who, warn, view.El("div", "cluster", buttons...))))
}

// unsigned stands where one would choose whom to sign as, and says how to come to it.
func (m *Model) unsigned() view.Node {
	if m.bridge.State != BridgeUnknown && m.bridge.State != BridgeFailed {
		return view.Node{}
	}
	text := "Connect the bridge on this computer to see whom you can sign as."
	if !m.bridge.Paired {
		text += " The first time you compare six digits, which pairs it with this page."
	}
	return view.El("div", "spread", view.El("p", "", text), button("is-small", "bridge.connect", "Connect"))
}

// signAs lets a person choose when the bridge can act for several members.
func (m *Model) signAs(may func(member string) bool, chosen frame.Identity) view.Node {
	var segments []view.Node
	for _, id := range m.mine() {
		if !may(id.Member) {
			continue
		}
		label := id.MemberName + " · " + id.Device
		switch {
		case !id.Present:
			label += " (not plugged in)"
		case id.Holder != "":
			label += " (in use)"
		}
		segments = append(segments, view.El("label", "segment", view.Key(id.Member),
			view.El("input", "", view.A("type", "radio"), view.A("name", "member"), view.A("value", id.Member), view.Prop("checked", id.Member == chosen.Member), view.On("change", "sign.as:"+id.Member)),
			view.El("span", "", label)))
	}
	if len(segments) == 1 {
		return view.El("p", "", "You sign as ", view.El("strong", "", chosen.MemberName), " with the device ", view.El("strong", "", chosen.Device), ".")
	}
	return view.El("fieldset", "segmented", view.El("legend", "visually-hidden", "Sign as"), segments)
}

// next is what follows an approval.
func (m *Model) next(r wire.Request) view.Node {
	b := bought(r.Intent)
	if m.indexOf(r).kind == intent.KindTransfer || r.Sending != nil || r.Signature != nil {
		return lent("sending", r.ID)
	}
	if b.Kind == "" {
		return view.Node{}
	}
	switch r.State {
	case wire.RequestApproved:
		operation := "order " + r.ID
		trouble := view.Node{}
		if err := m.failed[operation]; err != nil {
			p := approvals.Explain(err)
			if p.Remedy == approvals.Requote { // this approval can no longer be used
				b := bought(r.Intent)
				return m.requote(p, err.Details["new"], b.Minimum, b.Crypto.Asset, r.ID)
			}
			trouble = notice(p, "order.make:"+r.ID)
		}
		return view.El("section", "card is-attention", view.El("div", "card-head", view.El("h2", "card-title", "Approved: pay at "+b.ProviderName)),
			view.El("div", "card-body", view.El("div", "stack", trouble,
				view.El("p", "", "The price is checked once more. If "+b.ProviderName+" still delivers at least the approved minimum, you continue there and pay.", m.useBy(r.UseBy)),
				working("is-primary", "order.make:"+r.ID, m.busy[operation], "Continue to "+b.ProviderName, "Checking the price"))))
	case wire.RequestOrdered, wire.RequestCompleted:
		if r.Order == "" {
			return view.Node{}
		}
		return card("", "", view.El("div", "spread", view.El("p", "", "This request became an order."), link("button is-primary", "/orders/"+r.Order, "Show the order")))
	case wire.RequestExpired, wire.RequestRejected, wire.RequestBlocked, wire.RequestLapsed:
		return card("", "", view.El("div", "spread", view.El("p", "", "Nothing was bought. New prices start a new request."), button("is-primary", "order.again:"+r.ID, "Ask for prices again")))
	}
	return view.Node{}
}

// useBy says until when an approval can be used.
func (m *Model) useBy(by *time.Time) view.Node {
	if by == nil {
		return view.Node{}
	}
	return view.El("span", "", " The approval can be used until ", m.cfg.Words.moment(*by, m.server(), "nowrap"), ".")
}

// requote stands where one would continue to the provider when its price has become worse
// than what was approved.
func (m *Model) requote(p approvals.Problem, now, minimum, asset, of string) view.Node {
	compare := view.Node{}
	if now != "" {
		compare = m.cfg.Words.compare("Minimum, as approved", minimum, "Price now", now, assetOf(asset).Ticker)
	}
	return view.El("section", "card is-attention", view.El("div", "card-head", view.El("h2", "card-title", p.Title)),
		view.El("div", "card-body", view.El("div", "stack", view.El("p", "", join(p.Safe, p.Do)), compare,
			view.El("div", "cluster", askAgain("is-primary", of)))))
}

// statementCard is the text that the bridge will show.
func (m *Model) statementCard(r wire.Request) view.Node {
	if f := m.flow; f != nil && f.Request == r.ID && f.Shown != "" {
		return shownLines(*f)
	}
	id := m.reader(r)
	if id == "" || m.confirm == r.ID || m.flow != nil && m.flow.Request == r.ID && m.flow.Decision == frame.Reject {
		return view.Node{}
	}
	l := m.statement[r.ID+" "+id]
	var body view.Node
	switch {
	case l.Loaded:
		body = lines(l.Value)
	case l.Err != nil:
		body = notice(approvals.Explain(l.Err), "refresh")
	default:
		body = skeletons(1)
	}
	return view.El("figure", "statement", view.El("figcaption", "statement-head", icon("shield"), "What the bridge will show. It adds some lines when it asks you. Trust its prompt, not this page."), body)
}

// shownLines are the lines of the open prompt, as the bridge told them.
func shownLines(f approvals.Flow) view.Node {
	return view.El("figure", "statement", view.Key("shown"), view.El("figcaption", "statement-head", icon("shield"),
		"The lines that the bridge shows now. Every letter must be the same there. Trust its prompt, not this page."),
		lines(f.Shown))
}

// lines shows the bridge's lines. What does not fit begins further in, so that it
// cannot pass for a line.
func lines(text string) view.Node {
	parts := []any{view.A("tabindex", "0"), view.A("translate", "no")}
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			parts = append(parts, "\n")
		}
		parts = append(parts, view.El("span", "line", line))
	}
	return view.El("pre", "statement-text", parts...)
}

func (m *Model) people(r wire.Request) view.Node {
	var rows []view.Node
	title, sub, may := "Who decides", itoa(r.Approved)+" of "+plural(r.Needed, "approval", "approvals")+cond(r.State == wire.RequestPending, " so far"), "may still decide"
	if unsent(r) {
		title, sub, may = "Who may send it", "", "may sign and send it"
	}
	for _, a := range r.Approvers {
		state, meta, mark := "", may, badge("", "clock", "Waiting")
		when := ""
		if a.At != nil {
			when = m.cfg.Words.when(*a.At, m.server())
		}
		switch {
		case a.Decision == frame.Approve:
			state, meta, mark = "is-approved", when, badge("is-positive", "check", "Approved")
		case a.Decision == frame.Reject:
			state, meta, mark = "is-rejected", when, badge("is-negative", "cross", "Rejected")
		case !open(r):
			meta, mark = "was not needed", badge("", "minus", "No decision")
		}
		if a.Curve != "" {
			meta += " · " + a.Curve + " key"
		}
		if a.ChannelIn == frame.InSoftware {
			meta += " · channel key in software"
		}
		rows = append(rows, view.El("li", classes("person", state), view.Key(a.Member), view.El("span", "avatar", view.A("aria-hidden", "true"), initial(a.Name)),
			view.El("div", "person-main", view.El("span", "person-name", or(a.Name, m.name(a.Member))), view.El("span", "person-meta", meta)), mark))
	}
	return flush(title, sub, view.El("ul", "people", rows))
}

func initial(name string) string {
	for _, r := range name {
		return strings.ToUpper(string(r))
	}
	return "?"
}

func (m *Model) ruleCard(r wire.Request) view.Node {
	var why []view.Node
	for _, s := range r.Reasons {
		why = append(why, view.El("p", "small", s))
	}
	return card("Rule", "", view.El("div", "stack is-tight", view.El("p", "strong", name.Within(r.Rule.Name)+", version "+itoa(r.Rule.Version)), why,
		view.El("p", "small muted", "The version in force when the request was made decides on it to the end. An approval can be used for "+
			statement.GovernedBy{UseWithin: r.Rule.UseWithin}.Use()+".")))
}

func (m *Model) details(r wire.Request) view.Node {
	mark := badge("is-warning", "alert", "Not attested")
	if r.Address != nil && r.Address.Verified {
		mark = badge("is-positive", "shield", "Made in the vault, attested by the signer")
	}
	facts := screenOf(r).facts(m.cfg.Words, mark)
	if i := r.Initiator; i != nil {
		facts = append(facts, fact("Asked by", i.Name+", who signed it"))
	}
	if i, err := intent.Draft(r.Intent); err == nil && len(r.Lines) == 0 { // which have it
		for _, l := range intent.WhyLines(i) {
			facts = append(facts, fact(l.Label, l.Value))
		}
	}
	return card("Details", "", view.El("dl", classes("facts", cond(len(r.Lines) > 0, "is-lines")), facts...))
}

func history(m *Model, events []wire.Event) view.Node {
	var rows []view.Node
	for _, e := range events {
		tone := ""
		switch e.Type {
		case "rejection":
			tone = "is-negative"
		case "approval":
			tone = "is-positive"
		}
		proof := view.Node{}
		if e.Seq >= 0 {
			proof = view.El("span", "small muted", " Log entry "+itoa(int(e.Seq)))
		}
		rows = append(rows, view.El("li", classes("event", tone), m.cfg.Words.moment(e.At, m.server(), "event-time"), view.El("div", "event-body", e.Text, proof)))
	}
	if len(rows) == 0 {
		return view.Node{}
	}
	return card("History", "", view.El("ol", "history", rows))
}
