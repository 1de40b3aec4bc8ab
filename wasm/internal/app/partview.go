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
		tree = m.approvePart()
	case Quotes:
		tree = view.El("div", "part", m.requested(), inside(m.buyPage()))
	default:
		_, main := m.screen()
		tree = view.El("div", "part", m.bridgeNotice(), inside(main))
	}
	return view.Page{Announce: m.announce, Path: m.route.Path(), Bridge: m.bridgeEvent(), Tree: plain(tree)}
}

// inside is what a page shows below its heading.
func inside(main view.Node) view.Node {
	var kids []any
	for _, k := range main.Kids {
		if class := k.Get("class"); class == "back" || class == "page-head" && k.Words() != "" && !holdsState(k) {
			continue
		}
		kids = append(kids, k)
	}
	return view.El("div", "stack is-loose", kids...)
}

// holdsState reports whether a heading says how something stands.
func holdsState(head view.Node) bool {
	found := false
	head.Walk(func(n view.Node) { found = found || n.Get("class") == "cluster" })
	return found
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

// approvePart is one decision as a card: what it is about, how it stands, the choice,
// and what the bridge will show.
func (m *Model) approvePart() view.Node {
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
	return view.El("div", "part", trouble,
		view.El("div", "page-head", view.El("div", "",
			view.El("p", "page-title", screenOf(r).heading(m.cfg.Words)...),
			view.El("div", "cluster", stateBadge(requestStates, r.State), m.requestClock(r), view.If(r.State == wire.RequestPending, badge("", "", itoa(r.Approved)+" of "+itoa(r.Needed))), identifier(r.ID)))),
		m.decision(r), m.next(r), view.If(open(r), m.statementCard(r)))
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
