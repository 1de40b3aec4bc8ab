package app

import (
	"countersign/shared/fault"
	"countersign/shared/wire"
	"countersign/wasm/internal/approvals"
	"countersign/wasm/internal/view"
)

// Kinds of surfaces: all, and parts that stand in somebody else's page, which have no
// rail, no status strip, no headings and no address of their own.
const (
	Whole        = "app"
	Quotes       = "quotes"        // the form and the prices
	Approve      = "approve"       // one decision
	Inbox        = "requests"      // the list of requests
	Purchase     = "order"         // one request from its approval on, and its order
	BridgeStatus = "bridge-status" // how the bridge stands
)

// part reports whether the surface is a part.
func (m *Model) part() bool { return m.cfg.Kind != "" && m.cfg.Kind != Whole }

// uses reports whether the surface is one of the kinds, or the whole.
func (m *Model) uses(kinds ...string) bool {
	for _, k := range kinds {
		if k == m.cfg.Kind {
			return true
		}
	}
	return !m.part()
}

// partView is the picture of a part, or of the whole inside another page.
func (m *Model) partView() view.Page {
	var tree view.Node
	switch m.cfg.Kind {
	case BridgeStatus:
		tree = view.El("div", "part", m.bridgeStatus(), m.bridgeNotice())
	case Approve:
		tree = m.onePart(true)
	case Purchase:
		if tree = m.onePart(false); m.route.Screen == Orders {
			tree = view.El("div", "part", inside(m.orderPage()))
		}
	case Quotes:
		tree = view.El("div", "part", m.requested(), inside(m.buyPage()))
	default:
		_, main := m.screen()
		tree = view.El("div", "part", m.bridgeNotice(), inside(main))
	}
	if m.sandbox() && m.cfg.Kind != BridgeStatus { // the page around does not say so
		tree.Kids = append([]view.Node{view.El("div", "cluster", view.El("span", "sandbox", "SANDBOX"))}, tree.Kids...)
	}
	return view.Page{Announce: m.announce, Path: m.route.Path(), Bridge: m.bridgeEvent(), Tree: plain(tree)}
}

// inside is what a page shows without the way back to another page, and a list without
// its heading.
func inside(main view.Node) view.Node {
	var kids []any
	below := len(main.Kids) > 0 && main.Kids[0].Get("class") == "back"
	for _, k := range main.Kids {
		if class := k.Get("class"); class == "back" && k.Tag == "a" || class == "page-head" && !below {
			continue
		}
		kids = append(kids, k)
	}
	return view.El("div", "stack is-loose", kids...)
}

// plain makes headings paragraphs and the main part a division: the page around has
// its own.
func plain(tree view.Node) view.Node {
	tree.Walk(func(n view.Node) {
		switch n.Tag {
		case "h1", "h2", "h3":
			n.Tag = "p"
		case "main":
			n.Tag = "div"
		}
	})
	return tree
}

// onePart is one request as a card: what it is about, how it stands, and either the
// decision with what the bridge will show, or what follows it.
func (m *Model) onePart(decides bool) view.Node {
	if m.route.ID == "" {
		return view.El("div", "part", notice(approvals.Problem{Title: "That is not the id of a request.", Safe: nothingDone, Code: fault.Invalid}, ""))
	}
	l := m.request[m.route.ID]
	trouble := view.Node{}
	if l.Err != nil {
		trouble = notice(approvals.Explain(l.Err), "refresh")
	}
	if !l.Loaded {
		return view.El("div", "part", trouble, view.If(l.Err == nil, skeletons(3)))
	}
	r := l.Value
	part := []any{trouble, view.El("div", "page-head", view.El("div", "",
		view.El("p", "page-title", screenOf(r).heading(m.cfg.Words)...),
		view.El("div", "cluster", stateBadge(requestStates, stateOf(r)), m.requestClock(r),
			view.If(r.State == wire.RequestPending, badge("", "", itoa(r.Approved)+" of "+itoa(r.Needed))), identifier(r.ID))))}
	if decides {
		part = append(part, m.decision(r))
	}
	part = append(part, m.next(r))
	if decides && open(r) {
		part = append(part, m.statementCard(r))
	}
	return view.El("div", "part", part...)
}

// requested says that the last choice of a quotes part became a request.
func (m *Model) requested() view.Node {
	if m.made == "" {
		return view.Node{}
	}
	return view.El("div", "notice is-positive", view.Key("made"), icon("check"), view.El("div", "notice-body",
		view.El("p", "notice-title", "Requested. It waits for approval."),
		view.El("div", "notice-actions", link("button is-small", "/requests/"+m.made, "Show the request"))))
}
