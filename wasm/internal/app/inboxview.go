package app

import (
	"strconv"
	"strings"
	"time"

	"countersign/shared/intent"
	"countersign/shared/wire"
	"countersign/wasm/internal/view"
)

// The requests by what is to be done next.
const (
	groupDecide = "decide"
	groupPay    = "pay"
	groupAway   = "provider"
	groupChain  = "sending"
	groupOthers = "others"
	groupDone   = "done"
)

var groups = []struct{ id, title string }{
	{groupDecide, "Decide"}, {groupPay, "Ready to pay"}, {groupAway, "At the provider"}, {groupChain, "On its way"}, {groupOthers, "Waits for others"}, {groupDone, "Done"},
}

// Find is what the list of requests is narrowed to.
type Find struct {
	Text, Group, Account string
	More                 int // how often more were asked for
}

// shownAtOnce is how many rows of a group stand on the page before one asks for more, when
// the page around does not say.
const shownAtOnce = 50

// groupOf says what is to be done next about a request.
func (m *Model) groupOf(r wire.Request) string {
	switch {
	case m.forMe(r):
		return groupDecide
	case open(r):
		return groupOthers
	case r.State == wire.RequestApproved && m.indexOf(r).kind == intent.KindBuy:
		return groupPay
	case r.State == wire.RequestOrdered:
		return groupAway
	case stateOf(r) == onItsWay:
		return groupChain
	}
	return groupDone
}

// toDo is how many requests the person can do something about.
func (m *Model) toDo() (n int) {
	for _, r := range m.requests.Value {
		if g := m.groupOf(r); g == groupDecide || g == groupPay {
			n++
		}
	}
	return n
}

// index is what a request is looked for by. It never changes, and is read once.
type index struct{ kind, account, text string }

func (m *Model) indexOf(r wire.Request) index {
	x, ok := m.index[r.ID]
	if !ok {
		x.text = r.ID + " " + r.Sentence
		if i, _ := intent.Draft(r.Intent); i != nil {
			why := i.Why()
			f := i.Facts()
			x = index{f.Kind, f.Account, strings.Join([]string{r.ID, i.Title(), i.Summary(), why.Purpose, why.Reference}, " ")}
		}
		x.text = strings.ToLower(x.text)
		m.index[r.ID] = x
	}
	return x
}

// found says of each request whether it is among those that are looked for, but for the
// group.
func (m *Model) found() func(wire.Request) bool {
	words, states := strings.Fields(strings.ToLower(m.find.Text)), map[string]string{}
	for state, word := range requestStates {
		states[state] = strings.ToLower(word.text)
	}
	return func(r wire.Request) bool {
		if m.find.Account == "" && len(words) == 0 {
			return true
		}
		x := m.indexOf(r)
		for _, word := range words {
			if !strings.Contains(x.text, word) && !strings.Contains(states[stateOf(r)], word) {
				return false
			}
		}
		return m.find.Account == "" || x.account == m.find.Account
	}
}

func (m *Model) requestsPage() view.Node {
	bar, pickable := m.several()
	found := m.found()
	of, rows := map[string]int{}, map[string][]view.Node{}
	for _, r := range m.requests.Value {
		if m.deciding(r.ID) || !found(r) {
			continue // what is being decided stands in bar
		}
		g := m.groupOf(r)
		if of[g]++; of[g] > m.rows*(1+m.find.More) || m.find.Group != "" && m.find.Group != g {
			continue
		}
		box := view.Node{}
		if pickable[r.ID] {
			box = m.pickBox(r)
		}
		rows[g] = append(rows[g], m.requestRow(r, box))
	}
	var sections []view.Node
	for _, g := range groups {
		if len(rows[g.id]) == 0 {
			continue
		}
		more := view.Node{}
		if rest := of[g.id] - len(rows[g.id]); rest > 0 {
			more = button("is-small", "find.more", "Show more of "+itoa(of[g.id]))
		}
		sections = append(sections, view.El("section", "stack is-tight", view.Key(g.id), view.El("h2", "list-head", g.title+" ", view.El("span", "count", itoa(of[g.id]))), view.El("ul", "list", rows[g.id]), more))
	}
	if len(sections) == 0 && bar.Empty() {
		sections = append(sections, empty("requests", "Nothing fits", "No request is what you look for.", button("", "find.clear", "Show all")))
	}
	if m.before != "" {
		sections = append(sections, view.El("div", "cluster", view.Key("older"), working("", "find.older", m.busy[olderOperation], "Load all older requests", "Loading")))
	}
	calm := view.Node{}
	if m.toDo() == 0 && bar.Empty() && m.find == (Find{}) {
		calm = view.El("div", "notice is-positive", icon("check"), view.El("div", "notice-body", view.El("p", "notice-title", "Nothing waits for you.")))
	}
	return page("", head("Requests", "What waits for a decision or a payment, and what was decided."),
		list(m.requests, len(m.requests.Value),
			empty("requests", "No requests yet", "A purchase starts as a request that approvers decide on.", link("button is-primary", "/buy", "Buy")),
			func() view.Node { return view.El("div", "stack is-loose", m.finder(of), calm, bar, sections) }))
}

// finder narrows the list down, and saves what is left as a file.
func (m *Model) finder(of map[string]int) view.Node {
	chip := func(id, title string) view.Node {
		return view.El("button", "chip", view.A("type", "button"), view.Key(id), view.On("click", "find.group:"+id), pressed(m.find.Group == id), title)
	}
	chips := []view.Node{chip("", "All")}
	for _, g := range groups {
		if of[g.id] > 0 || m.find.Group == g.id {
			chips = append(chips, chip(g.id, g.title+" "+itoa(of[g.id])))
		}
	}
	account := view.Node{}
	if len(m.accounts.Value) > 1 {
		options := []view.Node{view.El("option", "", view.A("value", ""), "All accounts")}
		for _, a := range m.accounts.Value {
			options = append(options, view.El("option", "", view.A("value", a.ID), view.Key(a.ID), a.Name))
		}
		account = view.El("select", "select", view.A("aria-label", "Account"), view.On("change", "find.account"), view.Prop("value", m.find.Account), options)
	}
	return view.El("div", "stack is-tight", view.El("div", "finder",
		view.El("input", "input", view.A("id", "search"), view.A("type", "search"), view.A("aria-label", "Search requests"), view.A("placeholder", "Search"), view.A("autocomplete", "off"),
			view.A("maxlength", "80"), view.Prop("value", m.find.Text), view.On("input", "find.text")),
		account, button("", "find.csv", icon("download"), "CSV")),
		view.El("div", "chips", view.A("role", "group"), view.A("aria-label", "What is to be done next"), chips),
		view.If(m.before != "", view.El("p", "small muted", view.Key("some"), "Search and CSV are of the newest "+itoa(len(m.requests.Value))+". Below are older ones to load.")))
}

// loadOlder reads what is before the oldest request that is there, and then what is before that.
func (m *Model) loadOlder() []Command {
	if m.before == "" || m.busy[olderOperation] {
		return nil
	}
	m.busy[olderOperation] = true
	return []Command{Load{What: TheOlder, ID: m.before}}
}

func (m *Model) actFind(name, arg, value string) []Command {
	switch name {
	case "find.text":
		m.find.Text, m.find.More = value, 0
	case "find.account":
		m.find.Account, m.find.More = value, 0
	case "find.group":
		m.find.Group, m.find.More = arg, 0
	case "find.size":
		m.rows, _ = strconv.Atoi(arg)
		if m.rows < 1 {
			m.rows = shownAtOnce
		}
	case "find.more":
		m.find.More++
	case "find.older":
		return m.loadOlder()
	case "find.clear":
		m.find = Find{}
	case "find.csv":
		return []Command{Tell{TellSave, File{Name: "requests" + cond(m.before != "", "-newest-"+itoa(len(m.requests.Value))) + ".csv", Text: m.csv()}}}
	}
	return nil
}

// csv is the list as it is narrowed down (RFC 4180), with amounts to the last digit. It
// begins with a byte order mark: without one, Excel reads the names in it as Windows-1252.
func (m *Model) csv() string {
	var b strings.Builder
	b.WriteString("\ufeffcreated,request,state,kind,what,price,currency,amount,asset,minimum,account,counterparty,address,chain,purpose,reference,order\r\n")
	found := m.found()
	for _, r := range m.requests.Value {
		i, _ := intent.Draft(r.Intent)
		if i == nil || !found(r) || m.find.Group != "" && m.groupOf(r) != m.find.Group {
			continue
		}
		k := i.Record()
		price, currency, _ := strings.Cut(k.Price, " ")
		for n, v := range []string{r.CreatedAt.UTC().Format(time.RFC3339), r.ID, r.State, k.Intent, r.Sentence, price, currency, k.Amount, k.Asset, k.Minimum, k.Account, k.Counterparty, k.Address, k.Chain, k.Purpose, k.Reference, r.Order} {
			b.WriteString(cond(n > 0, ",") + cell(v))
		}
		b.WriteString("\r\n")
	}
	return b.String()
}

// cell is a value of CSV. What a spreadsheet would take for the beginning of a formula has
// an apostrophe before it, also after a semicolon or a tab, which separate cells in some
// languages whatever is quoted; a number never has.
func cell(s string) string {
	var b strings.Builder
	fresh := true
	for i := range len(s) {
		if fresh && strings.IndexByte("=+-@", s[i]) >= 0 || i == 0 && (s[i] == '\t' || s[i] == '\r') {
			b.WriteByte('\'')
		}
		fresh = strings.IndexByte(";\t\r\n", s[i]) >= 0 || fresh && (s[i] == ' ' || s[i] == '"')
		b.WriteByte(s[i])
	}
	s = b.String()
	if strings.ContainsAny(s, ",\"\r\n") {
		s = `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	return s
}
