package app

import (
	"strings"
	"time"

	"countersign/shared/fault"
	"countersign/wasm/internal/approvals"
	"countersign/wasm/internal/view"
)

// View is the whole page.
func (m *Model) View() view.Page {
	if m.part() {
		return m.partView()
	}
	title, main := m.screen()
	if m.sandbox() {
		title += " (sandbox)"
	}
	return view.Page{
		Title: title + " · Countersign", Announce: m.announce, Path: m.route.Path(), Bridge: m.bridgeEvent(),
		Keys: m.keysOf(),
		Tree: m.frame(main),
	}
}

// frame puts the main part into its frame.
func (m *Model) frame(main view.Node) view.Node {
	switch {
	case m.cfg.Bare:
		mark := view.If(m.sandbox(), view.El("div", "cluster", view.El("span", "sandbox", "SANDBOX")))
		return plain(view.El("div", "part", mark, m.bridgeNotice(), main))
	case m.cfg.Inside:
		return plain(view.El("div", "app", m.rail(), view.El("div", "frame", m.status(), m.bridgeNotice(), main), m.helpDialog()))
	}
	return view.El("div", "app",
		view.El("a", "skip", view.A("href", "#main"), "Skip to content"),
		m.rail(),
		view.El("div", "frame", m.status(), m.bridgeNotice(), main), m.helpDialog())
}

func (m *Model) screen() (title string, main view.Node) {
	switch m.route.Screen {
	case Buy:
		return "Buy", m.buyPage()
	case Requests:
		if m.route.ID != "" {
			return "Request", m.requestPage()
		}
		return "Requests", m.requestsPage()
	case Orders:
		if m.route.ID != "" {
			return "Order", m.orderPage()
		}
		return "Orders", m.ordersPage()
	case Accounts:
		if m.route.ID != "" {
			return "Account", m.accountPage()
		}
		return "Accounts", m.accountsPage()
	}
	for _, s := range lentScreens {
		if s.screen == m.route.Screen {
			return s.title, page("", head(s.title, s.sub), lent(s.screen, m.route.ID))
		}
	}
	return "Not found", page("is-narrow", head("There is nothing here", ""),
		empty("info", "This address shows nothing", "It may be mistyped, or belong to another entity.", link("button is-primary", "/buy", "Go to Buy")))
}

// lentScreens are those that the loader paints.
var lentScreens = []struct{ screen, title, sub string }{
	{Vault, "Vault", "Who decides what, and how it came to be."},
	{Send, "Send", "From an account of the vault to an address. Members decide on it before anything is sent."},
	{Providers, "Providers", "What each promised, and what arrived."},
}

func (m *Model) sandbox() bool { return m.cfg.Environment == "sandbox" }

func (m *Model) rail() view.Node {
	item := func(screen, label, picture string, count int) view.Node {
		wait := " wait for you"
		if count == 1 {
			wait = " waits for you"
		}
		return view.El("a", "rail-link", view.A("href", "/"+screen), current(m.route.Screen == screen),
			icon(picture), view.El("span", "", label),
			view.If(count > 0, view.El("span", "count", itoa(count), view.El("span", "visually-hidden", wait))))
	}
	return view.El("header", "rail", view.If(m.sandbox(), view.El("span", "sandbox", "Sandbox")),
		view.El("a", "brand", view.A("href", "/buy"), view.El("span", "brand-mark", view.A("aria-hidden", "true")), view.El("span", "brand-name", "Countersign")),
		view.El("nav", "rail-nav", view.A("aria-label", "Main"),
			item(Buy, "Buy", "buy", 0), view.If(!m.cfg.NoSend, item(Send, "Send", "send", 0)), item(Requests, "Requests", "requests", m.toDo()), item(Orders, "Orders", "orders", 0), item(Accounts, "Accounts", "accounts", 0), view.If(!m.cfg.NoVault, item(Vault, "Vault", "vault", 0))),
		view.El("div", "rail-foot", view.If(m.cfg.User != "", icon("user")), view.El("span", "", m.cfg.User),
			view.El("button", "icon-button", view.A("type", "button"), view.A("aria-label", "Keys"), view.A("title", "Keys (?)"), view.On("click", "help"), view.El("kbd", "key", "?"))))
}

// shortcuts are the keys of the page. One whose action begins with "focus:" is the
// painter's own.
var shortcuts = []struct{ key, action, does string }{
	{"g b", "navigate:/buy", "Go to Buy"}, {"g s", "navigate:/send", "Go to Send"}, {"g r", "navigate:/requests", "Go to Requests"}, {"g o", "navigate:/orders", "Go to Orders"}, {"g a", "navigate:/accounts", "Go to Accounts"}, {"g v", "navigate:/vault", "Go to Vault"},
	{"/", "focus:amount search", "Type an amount, or search the requests"},
	{"1", "buy.nth:1", "Choose a price by its place"},
	{"h", "buy.hold", "Hold prices in their places, or let them move"},
	{"e", "buy.rank", "Rank prices by record, or as quoted"},
	{"?", "help", "List the keys"},
}

func (m *Model) keysOf() (keys []view.Attr) {
	for _, k := range shortcuts {
		if m.has(k.key) {
			keys = append(keys, view.A(k.key, k.action))
		}
	}
	for n := 2; n <= 9; n++ {
		keys = append(keys, view.A(itoa(n), "buy.nth:"+itoa(n)))
	}
	return keys
}

// has reports whether the page has what a key leads to.
func (m *Model) has(key string) bool {
	return (key != "g v" || !m.cfg.NoVault) && (key != "g s" || !m.cfg.NoSend)
}

func (m *Model) helpDialog() view.Node {
	if !m.help {
		return view.Node{}
	}
	var rows []view.Node
	for _, k := range shortcuts {
		if !m.has(k.key) {
			continue
		}
		var parts []view.Node
		for _, s := range strings.Fields(k.key) {
			parts = append(parts, view.El("kbd", "key", s))
		}
		if k.key == "1" {
			parts = append(parts, view.Text("to"), view.El("kbd", "key", "9"))
		}
		rows = append(rows, view.El("div", "fact", view.El("dt", "", k.does), view.El("dd", "cluster", parts)))
	}
	return view.El("dialog", "dialog", view.Key("help"), view.A("aria-label", "Keys"), view.Prop("open", true), view.On("close", "help"),
		view.El("div", "dialog-head", view.El("h2", "dialog-title", "Keys"), view.El("button", "icon-button", view.A("type", "button"), view.A("aria-label", "Close"), view.On("click", "help"), icon("cross"))),
		view.El("div", "dialog-body", view.El("dl", "facts", rows)))
}

func current(on bool) view.Attr {
	if on {
		return view.A("aria-current", "page")
	}
	return view.Attr{}
}

// status is the strip that is always true; each state leads to its remedy.
func (m *Model) status() view.Node {
	return view.El("div", "status", view.A("role", "region"), view.A("aria-label", "Status"),
		m.entityChoice(), m.entityStatus(), m.networkStatus(), m.tokenStatus(), m.bridgeStatus(), m.clockStatus())
}

func statusItem(key, tone, label, value, action string, mark ...view.Node) view.Node {
	parts := []any{view.Key(key), view.El("span", "status-dot", view.A("aria-hidden", "true")),
		view.El("span", "status-label", label), view.El("span", "status-value", value), mark}
	if action == "" {
		return view.El("div", classes("status-item", tone), parts...)
	}
	return view.El("button", classes("status-item", tone), append(parts, view.A("type", "button"), view.On("click", action))...)
}

// entityChoice offers the entities that the person may act for, when there are several.
func (m *Model) entityChoice() view.Node {
	if len(m.cfg.Entities) < 2 {
		return view.Node{}
	}
	var options []view.Node
	for _, e := range m.cfg.Entities {
		options = append(options, view.El("option", "", view.A("value", e.ID), e.Name))
	}
	return view.El("div", "status-item", view.Key("entities"), view.El("label", "status-label", view.A("for", "entities"), "Act for"),
		view.El("select", "status-select", view.A("id", "entities"), view.Prop("value", m.cfg.Entity), view.On("change", "entity"), options))
}

func (m *Model) entityStatus() view.Node {
	e := m.entity
	switch {
	case e.Loaded && e.Value.Signer == "stopped":
		return statusItem("entity", "is-warning", "Signer", e.Value.Name+": stopped, because its clock may be wrong; its operator is needed", "refresh")
	case e.Loaded && e.Value.Signer == "none":
		return statusItem("entity", "is-warning", "Signer", e.Value.Name+": this gateway has none for it", "refresh")
	case e.Loaded && e.Value.Signer != "" && e.Value.Signer != "ok":
		return statusItem("entity", "is-warning", "Signer", e.Value.Name+": not answering, data may be old", "refresh")
	case e.Loaded && len(m.cfg.Entities) > 1: // the choice names it
		return statusItem("entity", "is-ok", "Signer", "answers", "")
	case e.Loaded:
		return statusItem("entity", "is-ok", "Entity", e.Value.Name, "")
	case e.Err != nil && e.Err.Code == fault.Unauthenticated:
		return statusItem("entity", "is-bad", "Entity", "signed out", "reload")
	case e.Err != nil:
		return statusItem("entity", "is-bad", "Gateway", "not answering", "refresh")
	}
	loading := statusItem("entity", "is-off", "Entity", "loading", "")
	loading.Kids[2].Attrs = append(loading.Kids[2].Attrs, view.A("data-loading", "")) // the loader says here how it goes
	return loading
}

func (m *Model) networkStatus() view.Node {
	if m.online {
		return view.Node{}
	}
	return statusItem("network", "is-bad", "Network", "offline", "refresh")
}

func (m *Model) tokenStatus() view.Node {
	t := m.token
	switch {
	case t.Err != nil && (t.Until.IsZero() || !m.now.Before(t.Until)):
		return statusItem("token", "is-bad", "Signed in", "no: sign in again", "token.renew")
	case t.Err != nil:
		return statusItem("token", "is-warning", "Signed in", "until "+m.cfg.Words.clock(t.Until)+", not renewed", "token.renew")
	case t.Until.IsZero():
		return statusItem("token", "is-off", "Signed in", "signing in", "")
	}
	return statusItem("token", "is-ok", "Signed in", "until "+m.cfg.Words.clock(t.Until), "token.renew")
}

// clockStatus appears when this computer's clock differs enough to confuse.
func (m *Model) clockStatus() view.Node {
	if !m.measured || m.skew.Abs() < 3*time.Second {
		return view.Node{}
	}
	word := "ahead of this computer"
	if m.skew < 0 {
		word = "behind this computer"
	}
	d := m.skew.Abs().Round(time.Second)
	return statusItem("clock", "is-warning", "Server clock", m.cfg.Words.clock(m.server())+", "+left(d)+" "+word, "clock.measure")
}

// The parts that all screens are made of.

// lent is a place into which the loader paints what is not the core's own.
func lent(name, at string) view.Node {
	return view.El("lent", "", view.A("name", name), view.A("at", at))
}

func page(class string, parts ...any) view.Node {
	return view.El("main", classes("page", class), append([]any{view.A("id", "main"), view.A("tabindex", "-1")}, parts...)...)
}

func head(title, sub string, actions ...any) view.Node {
	side := view.Node{}
	if len(actions) > 0 {
		side = view.El("div", "page-actions", actions...)
	}
	return view.El("div", "page-head", view.El("div", "", view.El("h1", "page-title", title), view.If(sub != "", view.El("p", "page-sub", sub))), side)
}

func card(title, sub string, body ...any) view.Node {
	h := view.Node{}
	if title != "" {
		h = view.El("div", "card-head", view.El("div", "", view.El("h2", "card-title", title), view.If(sub != "", view.El("p", "card-sub", sub))))
	}
	return view.El("section", "card", h, view.El("div", "card-body", body...))
}

func flush(title, sub string, body ...any) view.Node {
	c := card(title, sub, body...)
	c.Kids[len(c.Kids)-1].Attrs[0] = view.A("class", "card-body is-flush")
	return c
}

func link(class, href string, parts ...any) view.Node {
	return view.El("a", class, append([]any{view.A("href", href)}, parts...)...)
}

func button(class, action string, parts ...any) view.Node {
	return view.El("button", classes("button", class), append([]any{view.A("type", "button"), view.On("click", action)}, parts...)...)
}

// working is a button that shows that it is working while busy.
func working(class, action string, busy bool, label, during string) view.Node {
	if busy {
		return button(classes(class, "is-busy"), action, view.A("aria-disabled", "true"), during)
	}
	return button(class, action, label)
}

func badge(tone, picture, text string) view.Node {
	if picture == "" {
		return view.El("span", classes("badge", tone), text)
	}
	return view.El("span", classes("badge", tone), icon(picture), text)
}

func empty(picture, title, text string, actions ...any) view.Node {
	return view.El("div", "empty", icon(picture), view.El("h2", "empty-title", title), view.El("p", "empty-text", text),
		view.El("div", "cluster", actions...))
}

func fact(label string, value ...any) view.Node {
	return view.El("div", "fact", view.El("dt", "", label), view.El("dd", "", value...))
}

func skeletons(n int) view.Node {
	rows := make([]view.Node, n)
	for i := range rows {
		rows[i] = view.El("span", "skeleton is-block")
	}
	return view.El("div", "stack", view.A("aria-busy", "true"), view.El("span", "visually-hidden", "Loading"), rows)
}

// notice shows a problem: what happened, what was not done, what to do.
func notice(p approvals.Problem, retry string, more ...any) view.Node {
	tone, picture := "is-negative", "alert"
	if p.Calm {
		tone, picture = "is-info", "info"
	}
	action := view.Node{}
	switch p.Remedy {
	case approvals.Retry:
		action = view.If(retry != "", button("is-small", retry, "Try again"))
	case approvals.Refresh:
		action = button("is-small", "refresh", "Show the current state")
	case approvals.Reconnect:
		action = button("is-small", "bridge.connect", "Connect")
	case approvals.Forget:
		action = view.El("div", "cluster", button("is-small", "bridge.connect", "Connect again"), button("is-small is-danger", "bridge.forget", "I reinstalled the bridge: pair again"))
	case approvals.Requote:
		action = button("is-small", "buy.ask", "Get new prices")
	case approvals.Reload:
		action = button("is-small", "reload", "Reload the page")
	}
	parts := []any{view.El("p", "notice-title", p.Title)}
	if p.Safe+p.Do != "" {
		parts = append(parts, view.El("p", "", join(p.Safe, p.Do)))
	}
	if p.Code != "" && !p.Calm {
		parts = append(parts, view.El("p", "code", string(p.Code)))
	}
	if !action.Empty() || len(more) > 0 {
		parts = append(parts, view.El("div", "notice-actions", append([]any{action}, more...)...))
	}
	return view.El("div", classes("notice", tone), view.A("role", "group"), icon(picture), view.El("div", "notice-body", parts...))
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + " " + b
}

// list shows what was loaded: skeletons first, the error above old data when a
// refresh failed, the empty state when there is nothing.
func list[T any](l Loadable[T], count int, none view.Node, show func() view.Node) view.Node {
	problem := view.Node{}
	if l.Err != nil {
		problem = notice(approvals.Explain(l.Err), "refresh")
	}
	switch {
	case l.Loaded && count == 0:
		return view.El("div", "stack", problem, none)
	case l.Loaded:
		return view.El("div", "stack", problem, show())
	case l.Err != nil:
		return problem
	}
	return skeletons(3)
}
