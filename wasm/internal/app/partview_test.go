package app

import (
	"slices"
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/wire"
	"countersign/wasm/internal/approvals"
	"countersign/wasm/internal/quoteui"
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

func TestAPartTellsEachStepOnceAndInOrder(t *testing.T) {
	t.Parallel()
	m := partly(Approve, "/requests/"+requestID)
	m.Update(BridgeChanged{State: BridgeUnknown})
	open := func(kind string) Msg { return PromptChanged{Open: true, Kind: kind, Where: "pinentry"} }
	var got []any
	for _, msg := range []Msg{Acted{Action: "decide:APPROVE"}, BridgeChanged{State: BridgeConnecting}, BridgeChanged{State: BridgePairing, Code: "123456"}, open(frame.PromptPairing), PromptChanged{},
		BridgeChanged{State: BridgePairing, Code: "123456"}, BridgeChanged{State: BridgeReady, Identities: identities()}, open(frame.PromptPIN), PromptChanged{}, open(frame.PromptPIN), PromptChanged{},
		open(frame.PromptConfirm), PromptShown{Text: "lines"}, PromptChanged{}, open(frame.PromptPIN), PromptChanged{}, open(frame.PromptConfirm), DecisionMoved{Stage: approvals.Signed}, DecisionEnded{State: "pending", Done: 1, Needed: 2}} {
		for _, t := range told(m.Update(msg)) {
			got = append(got, t.Detail)
		}
	}
	if want := []any{"connecting", "pairing", "pin", "on the bridge", "signed", "verified", requestID}; !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
}

func TestAPartTellsEachOfSeveralApprovals(t *testing.T) {
	t.Parallel()
	m := scene(t, "requests-picked")
	command[DecideAll](t, m.Update(Acted{Action: "batch"}))
	var got []any
	for _, msg := range []Msg{PromptChanged{Open: true, Kind: frame.PromptConfirm}, PromptChanged{}, BatchMoved{Done: 1, Of: 3}, BatchMoved{Done: 3, Of: 3}, ItemEnded{Request: requestID, Done: 1, Needed: 2},
		ItemEnded{Request: "req_second2", Err: fault.New(fault.DeviceRemoved, "gone")}, ItemEnded{Request: "req_third33", Done: 1, Needed: 2}} {
		for _, t := range told(m.Update(msg)) {
			got = append(got, t.Detail)
		}
	}
	if want := []any{"on the bridge", "signed", "verified", requestID, "req_third33"}; !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
}

func TestWhatIsSentToThoseWhoDecideIsNotToldAsApproved(t *testing.T) {
	t.Parallel()
	m := partly(Approve, "/requests/"+requestID)
	m.Update(BridgeChanged{State: BridgeReady, Identities: identities()})
	m.Update(Loaded{What: TheRequest, ID: requestID, Value: sampleRequest(wire.RequestUnsent)})
	command[Decide](t, m.Update(Acted{Action: "decide:INITIATE"}))
	if got := told(m.Update(DecisionEnded{State: "pending"})); !slices.Equal(got, []Tell{{TellStep, "verified"}}) {
		t.Errorf("told %v", got)
	}
}

func TestAnOrderIsToldOnceHoweverOftenOneGoesToPay(t *testing.T) {
	t.Parallel()
	m := partly(Purchase, "/requests/"+requestID)
	o := sampleOrder(wire.OrderCreated)
	if got := told(m.Update(OrderMade{Operation: "order " + requestID, Order: o})); !slices.Equal(got, []Tell{{TellOrdered, o.ID}}) {
		t.Errorf("told %v", got)
	}
	if got := told(m.Update(OrderMade{Operation: "ticket " + o.ID, Order: o})); len(got) != 0 {
		t.Errorf("told %v", got)
	}
}

func TestThePriceThatAPersonChoosesIsToldOnceForEachChange(t *testing.T) {
	t.Parallel()
	m := all(stage("/buy"))
	ids := func(cmds []Command) (list []string) {
		for _, t := range told(cmds) {
			list = append(list, t.Detail.(Choice).Row.ID)
		}
		return list
	}
	north, coin := m.board.Of("northpay").Row, m.board.Of("coinharbor").Row
	north.ID, coin.ID = "quo_north", "quo_coin"
	renewed := *coin
	renewed.ID = "quo_renewed"
	for i, step := range []struct {
		msg  Msg
		want []string
	}{
		{Tick{Now: m.now}, nil}, // the best one, which the person did not choose
		{Acted{Action: "buy.select:coinharbor"}, []string{"quo_coin"}},
		{Acted{Action: "buy.pin", Value: "true"}, nil}, // the same
		{Acted{Action: "buy.select:northpay"}, []string{"quo_north"}},
		{Acted{Action: "buy.hold"}, nil},
		{OfferCame{Seq: m.board.Seq, Offer: quoteui.Offer{Provider: "coinharbor", Row: &renewed}}, nil}, // not chosen
		{Acted{Action: "buy.select:coinharbor"}, []string{"quo_renewed"}},
		{OfferCame{Seq: m.board.Seq, Offer: quoteui.Offer{Provider: "coinharbor", Row: coin}}, []string{"quo_coin"}}, // renewed in its place
	} {
		if got := ids(m.Update(step.msg)); !slices.Equal(got, step.want) {
			t.Errorf("%d: told %v, want %v", i, got, step.want)
		}
	}
	m = all(stage("/buy"))
	got := told(m.Update(Acted{Action: "buy.pin", Value: "true"}))
	if len(got) != 1 || got[0].Detail.(Choice).Row.Provider != m.board.Best(m.server()).Provider || got[0].Detail.(Choice).Account != m.asked.Account {
		t.Errorf("the pointer on the button tells %v", got)
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
