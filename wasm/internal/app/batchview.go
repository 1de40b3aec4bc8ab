package app

import (
	"strings"

	"countersign/shared/frame"
	"countersign/shared/intent"
	"countersign/shared/wire"
	"countersign/wasm/internal/approvals"
	"countersign/wasm/internal/view"
)

// several is where requests are decided together: what was picked and a button,
// then the flow. It also says which requests can be picked.
func (m *Model) several() (bar view.Node, pickable map[string]bool) {
	if f := m.flow; f != nil && len(f.Items) > 0 {
		return m.severalCard(*f), nil
	}
	id := m.together()
	list := m.pickable(id)
	if len(list) < frame.MinBatch {
		return view.Node{}, nil
	}
	pickable = map[string]bool{}
	for _, r := range list {
		pickable[r.ID] = true
	}
	some := m.chosen(list)
	label := "Approve " + plural(len(some), "request", "requests") + "…"
	if len(some) == 0 {
		label = "Approve together…"
	}
	var who, warn view.Node
	if who = m.unsigned(); id.Member != "" {
		who, warn = m.signAs(func(member string) bool { return len(m.pickable(frame.Identity{Member: member})) > 0 }, id), warnings(id)
	}
	busy := m.bridge.State == BridgeConnecting || m.bridge.State == BridgePairing
	press := working("is-primary", "batch", busy, label, "Connecting")
	if len(some) == 0 {
		press = button("is-primary", "batch", view.Flag("disabled", true), label)
	}
	return view.El("section", "card is-attention", view.El("div", "card-body", view.El("div", "stack", who, warn,
		view.El("div", "spread",
			view.El("label", "check",
				view.El("input", "", view.A("type", "checkbox"), view.Prop("checked", len(some) > 0 && len(some) == min(len(list), frame.MaxBatch)),
					view.Prop("indeterminate", len(some) > 0 && len(some) < min(len(list), frame.MaxBatch)), view.On("change", "pick.all")),
				view.El("span", "", "Select "+plural(min(len(list), frame.MaxBatch), "request", "requests"))),
			m.total(some), press)))), pickable
}

// deciding reports whether a request is one of several that are decided now.
func (m *Model) deciding(request string) bool {
	if m.flow == nil {
		return false
	}
	for _, i := range m.flow.Items {
		if i.Request == request {
			return true
		}
	}
	return false
}

// total is what several purchases come to.
func (m *Model) total(list []wire.Request) view.Node {
	wants := make([]intent.Intent, len(list))
	for i, r := range list {
		var err error
		if wants[i], err = intent.Draft(r.Intent); err != nil {
			return view.Node{}
		}
	}
	sum, err := intent.Sum(wants)
	if err != nil || len(list) == 0 {
		return view.El("p", "muted", "You read them as one list in the bridge's prompt and answer once.")
	}
	parts := []any{"In all "}
	last := ""
	for _, t := range sum {
		word := " + "
		switch {
		case t.Label == intent.LabelMinimum: // stands in the prompt
			continue
		case last == "" && t.Label == intent.LabelPay:
			word = ""
		case t.Label == intent.LabelGet && last == intent.LabelPay:
			word = " for "
		case t.Label != last:
			word = cond(last != "", ", ") + strings.ToLower(t.Label) + " "
		}
		last = t.Label
		if t.Chain == "" {
			parts = append(parts, word, view.El("strong", "", m.cfg.Words.fiat(t.Amount, t.Of)))
		} else {
			parts = append(parts, word, m.cfg.Words.crypto(t.Amount, t.Of, ""), t.Where(sum))
		}
	}
	return view.El("p", "", parts...)
}

// pickBox is the box before a row.
func (m *Model) pickBox(r wire.Request) view.Node {
	title, sub, _ := screenOf(r).row(m.cfg.Words)
	return view.El("label", "check",
		view.El("input", "", view.A("type", "checkbox"), view.Prop("checked", m.picked[r.ID]), view.On("change", "pick:"+r.ID)),
		view.El("span", "visually-hidden", "Select "+title+", "+sub))
}

func (m *Model) severalCard(f approvals.Flow) view.Node {
	all := plural(len(f.Items), "request", "requests")
	title := "Approving " + all
	if f.Name != "" {
		title += " as " + f.Name
	}
	if f.Stage == approvals.Verified {
		title = "Approved " + itoa(f.Done) + " of " + all
	}
	var steps, rows []view.Node
	for i, s := range f.Steps() {
		steps = append(steps, stepItem(i, s))
	}
	for _, i := range f.Items {
		rows = append(rows, m.itemRow(i))
	}
	return view.El("section", "card is-attention",
		view.El("div", "card-head", view.El("h2", "card-title", title), view.If(f.Device != "", view.El("p", "card-sub", "Device "+f.Device))),
		view.El("div", "card-body", view.El("div", "stack", view.El("ol", "track", steps), m.flowNow(wire.Request{}, f), view.If(f.Shown != "", shownLines(f)))),
		view.El("ul", "list", rows), view.If(!f.Over(), view.El("div", "card-body", m.total(m.inFlow(f)))))
}

// inFlow are the requests that are decided together.
func (m *Model) inFlow(f approvals.Flow) (list []wire.Request) {
	for _, i := range f.Items {
		list = append(list, m.listed(i.Request))
	}
	return list
}

// itemRow is one of several, and how it ended.
func (m *Model) itemRow(i approvals.Item) view.Node {
	r, mark, code := m.listed(i.Request), badge("", "clock", "Waiting"), ""
	title, sub, amount := screenOf(r).row(m.cfg.Words)
	sub = joined(sub, "")
	own := view.Node{}
	if r.Address != nil {
		own = grouped(r.Address.Address)
	}
	if i.Err != nil {
		p := m.explain(i.Err)
		sub = p.Title + " " + sub
		switch {
		case i.Err.Details[approvals.Unknown] != "":
			mark, code = badge("is-warning", "alert", "Not known"), string(p.Code)
		case p.Calm:
			mark = badge("", "minus", "Not approved")
		default:
			mark, code = badge("is-negative", "cross", "Not approved"), string(p.Code)
		}
	} else if i.Over {
		mark = badge("is-positive", "check", itoa(i.Done)+" of "+plural(i.Needed, "approval", "approvals"))
	}
	return view.El("li", "", view.Key(i.Request), view.El("div", "row",
		view.El("div", "row-main",
			view.El("span", "row-title", title),
			view.El("span", "row-sub", sub, own), view.If(code != "", view.El("span", "code", code))),
		view.El("div", "row-end", amount, mark)))
}

func (m *Model) severalDone(f approvals.Flow) view.Node {
	tone, picture, text, again := "is-positive", "check", "Signed. The vault recorded each of them.", view.Node{}
	if f.Done < f.Needed {
		tone, picture = "is-warning", "alert"
		text = "Signed. The vault recorded " + itoa(f.Done) + " of " + plural(f.Needed, "request", "requests") + ". The list says why the others were not; they still wait."
		again = button("is-small", "batch", "Try the others again")
	}
	return view.El("div", classes("notice", tone), icon(picture), view.El("div", "notice-body", view.El("p", "notice-title", text), readText(f),
		view.El("div", "notice-actions", again, button("is-small", "decide.close", "Close"))))
}

// readText is what the person read and signed, folded.
func readText(f approvals.Flow) view.Node {
	if f.Text == "" {
		return view.Node{}
	}
	return view.El("details", "", view.Key("read"), view.El("summary", "", "What you read and signed"), lines(f.Text))
}
