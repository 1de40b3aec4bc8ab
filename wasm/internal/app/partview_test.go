package app

import (
	"slices"
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/wire"
	"countersign/wasm/internal/view"
)

// partly is a part that has loaded.
func partly(kind, path string) *Model {
	m := New(Config{Environment: "sandbox", Kind: kind, NewKey: func() string { return "key" }, Words: Words{Decimal: "."}}, noon)
	m.Update(Started{Path: path, Paired: true})
	m.Update(Loaded{What: TheEntity, Value: sampleEntity()})
	m.Update(Loaded{What: TheProviders, Value: sampleProviders()})
	m.Update(Loaded{What: TheAccounts, Value: []wire.Account{sampleAccount()}})
	m.Update(Loaded{What: TheRequests, Value: []wire.Request{sampleRequest(wire.RequestPending)}})
	m.Update(Loaded{What: TheRequest, ID: requestID, Value: sampleRequest(wire.RequestPending)})
	return m
}

func told(cmds []Command) (list []Tell) {
	for _, c := range cmds {
		if t, ok := c.(Tell); ok {
			list = append(list, t)
		}
	}
	return list
}

var parts = []struct{ kind, path string }{
	{Quotes, "/buy"}, {Approve, "/requests/" + requestID}, {Inbox, "/requests"}, {Purchase, "/requests/" + requestID}, {BridgeStatus, "/bridge-status"},
	{Approve, "/requests/nonsense/too"},
}

func TestAPartHasNoHeadingAndNoFrame(t *testing.T) {
	t.Parallel()
	for _, part := range parts {
		page := partly(part.kind, part.path).View()
		if page.Title != "" || page.Keys != nil || page.Tree.Words() == "" {
			t.Errorf("%s has the title %q and the keys %v", part.kind, page.Title, page.Keys)
		}
		page.Tree.Walk(func(n view.Node) {
			if slices.Contains([]string{"h1", "h2", "h3", "main", "header"}, n.Tag) {
				t.Errorf("%s shows <%s>", part.kind, n.Tag)
			}
			if class := n.Get("class"); class == "rail" || class == "status" || class == "skip" {
				t.Errorf("%s shows .%s", part.kind, class)
			}
		})
	}
}

func TestAPartLeadsNowhereAndSaysWhere(t *testing.T) {
	t.Parallel()
	for _, part := range parts {
		m := partly(part.kind, part.path)
		before := m.route
		if got := told(m.Update(Acted{Action: "navigate:/orders"})); !slices.Equal(got, []Tell{{TellNavigated, "/orders"}}) || m.route != before {
			t.Errorf("%s: told %v, and shows %v", part.kind, got, m.route)
		}
	}
}

func TestAPartAsksOnlyForWhatItShows(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string][]What{
		Quotes: {TheEntity, TheProviders, TheAccounts}, Approve: {TheEntity, TheRequest}, Inbox: {TheEntity, TheRequests}, Purchase: {TheEntity, TheRequest}, BridgeStatus: {TheEntity},
	} {
		path := map[string]string{Quotes: "/buy", Inbox: "/requests", BridgeStatus: "/bridge-status"}[kind]
		if path == "" {
			path = "/requests/" + requestID
		}
		m := New(Config{Kind: kind}, noon)
		var asked []What
		connects := false
		for _, c := range m.Update(Started{Path: path, Paired: true}) {
			if l, ok := c.(Load); ok {
				asked = append(asked, l.What)
			}
			_, is := c.(ConnectBridge)
			connects = connects || is
		}
		if !slices.Equal(asked, want) {
			t.Errorf("%s asks for %v, want %v", kind, asked, want)
		}
		if deciding := kind != Quotes && kind != Purchase; connects != deciding {
			t.Errorf("%s looks for the bridge: %v", kind, connects)
		}
	}
}

func TestAPartTellsWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	m := partly(Quotes, "/buy")
	r := sampleRequest(wire.RequestPending)
	if got := told(m.Update(RequestMade{Operation: "request q", Request: r})); !slices.Equal(got, []Tell{{TellRequested, r.ID}}) || m.route.Screen != Buy {
		t.Errorf("told %v, and shows %v", got, m.route)
	}
	if words := m.View().Tree.Words(); !strings.Contains(words, "Requested. It waits for approval.") {
		t.Error(words)
	}

	m = partly(Approve, "/requests/"+requestID)
	m.Update(BridgeChanged{State: BridgeReady, Identities: identities()})
	command[Decide](t, m.Update(Acted{Action: "decide:APPROVE"}))
	if got := told(m.Update(DecisionEnded{State: "pending", Done: 1, Needed: 2})); !slices.Equal(got, []Tell{{TellStep, "verified"}, {TellApproved, requestID}}) {
		t.Errorf("told %v", got)
	}

	m = partly(Approve, "/requests/"+requestID)
	m.Update(BridgeChanged{State: BridgeReady, Identities: identities()})
	command[Decide](t, m.Update(Acted{Action: "decide:APPROVE"}))
	declined := fault.New(fault.Declined, "no")
	if got := told(m.Update(DecisionEnded{Err: declined})); len(got) != 1 || got[0].What != TellError || got[0].Detail != error(declined) {
		t.Errorf("told %v", got)
	}
}

func TestAnOrderFollowsItsRequest(t *testing.T) {
	t.Parallel()
	m := partly(Purchase, "/requests/"+requestID)
	r := sampleRequest(wire.RequestOrdered)
	r.Order = "ord_following"
	if l := command[Load](t, m.Update(Loaded{What: TheRequest, ID: r.ID, Value: r})); l.What != TheOrder || l.ID != "ord_following" {
		t.Errorf("it asks for %+v", l)
	}
	o := sampleOrder(wire.OrderCompleted)
	o.ID = "ord_following"
	before := sampleOrder(wire.OrderProcessing)
	before.ID = o.ID
	m.Update(Loaded{What: TheOrder, ID: o.ID, Value: before})
	if got := told(m.Update(Loaded{What: TheOrder, ID: o.ID, Value: o})); !slices.Equal(got, []Tell{{TellDelivered, o.ID}}) {
		t.Errorf("told %v", got)
	}
}

func TestTheWholeInsideAnotherPageHasNoMainPart(t *testing.T) {
	t.Parallel()
	for _, bare := range []bool{false, true} {
		m := New(Config{Inside: true, Bare: bare, Words: Words{Decimal: "."}}, noon)
		m.Update(Started{Path: "/requests"})
		rail := false
		m.View().Tree.Walk(func(n view.Node) {
			if n.Tag == "main" || n.Tag == "h1" {
				t.Errorf("bare %v: it has <%s>", bare, n.Tag)
			}
			rail = rail || n.Get("class") == "rail"
		})
		if rail == bare {
			t.Errorf("bare %v, rail %v", bare, rail)
		}
	}
}
