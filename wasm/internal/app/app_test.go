package app

import (
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/intent/intenttest"
	"countersign/shared/quote"
	"countersign/shared/wire"
	"countersign/wasm/internal/approvals"
)

func TestAmountsAreShownCutNeverRounded(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in     string
		places int
		want   string
	}{
		{"1234567.5", -1, "1\u202f234\u202f567.5"}, {"0.094904129999", 8, "0.09490412"}, {"-12", -1, "\u221212"}, {"999", 8, "999"},
	} {
		if got := (Words{}).number(tt.in, tt.places); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]Route{
		"/": {Screen: Buy}, "/buy": {Screen: Buy}, "/requests?x=1": {Screen: Requests}, "/orders/" + orderID: {Orders, orderID},
		"/orders/../x": {Screen: Nowhere}, "/buy/req_abcd": {Screen: Nowhere}, "/requests/" + strings.Repeat("a", 90): {Screen: Nowhere}, "/zzz": {Screen: Nowhere},
		"/vault": {Screen: Vault}, "/vault/log": {Vault, "log"}, "/vault/grp_board": {Vault, "grp_board"}, "/vault/grp_board/x": {Screen: Nowhere}, "/vault/" + strings.Repeat("a", 90): {Screen: Nowhere},
	} {
		if got := ParseRoute(path); got != want {
			t.Errorf("%s: %+v", path, got)
		}
	}
}

func command[T Command](t *testing.T, cmds []Command) T {
	t.Helper()
	for _, c := range cmds {
		if v, ok := c.(T); ok {
			return v
		}
	}
	var none T
	t.Fatalf("no %T among %#v", none, cmds)
	return none
}

func TestPricesExpireByTheServersClock(t *testing.T) {
	t.Parallel()
	m := all(stage("/buy"))
	m.Update(ClockSet{Skew: time.Minute})
	if m.board.Best(m.server()).Row != nil {
		t.Error("a price that the server calls expired is offered")
	}
}

func TestTheBridgeIsReachedByAGestureTheFirstTime(t *testing.T) {
	t.Parallel()
	m := New(Config{}, noon)
	for _, c := range m.Update(Started{Path: "/buy"}) {
		if _, ok := c.(ConnectBridge); ok {
			t.Error("an unknown bridge was called without a gesture")
		}
	}
	if c := command[ConnectBridge](t, m.Update(Acted{Action: "bridge.connect"})); !c.Gesture {
		t.Error("the press is not told")
	}
	command[ConnectBridge](t, New(Config{}, noon).Update(Started{Path: "/buy", Paired: true}))
}

func TestAnApprovalWaitsForThePairingAndGoesOnByItself(t *testing.T) {
	t.Parallel()
	m := pending(stage("/requests/" + requestID))
	command[ConnectBridge](t, m.Update(Acted{Action: "decide:APPROVE"}))
	m.Update(BridgeChanged{State: BridgePairing, Code: "123456"})
	c := command[Decide](t, m.Update(BridgeChanged{State: BridgeReady, Identities: identities()}))
	if c.Member != "mem_bob" || c.Decision != frame.Approve || c.Request != requestID {
		t.Errorf("%+v: alice has approved, so bob is next", c)
	}
}

func TestAnotherMemberIsOfferedOnceThePageShowsTheDecision(t *testing.T) {
	t.Parallel()
	m := scene(t, "request-ready")
	r := sampleRequest(wire.RequestPending)
	r.Needed = 3
	m.Update(Loaded{What: TheRequest, ID: requestID, Value: r})
	if c := command[Decide](t, m.Update(Acted{Action: "decide:APPROVE"})); c.Member != "mem_bob" {
		t.Fatalf("%+v decides", c)
	}
	m.Update(DecisionEnded{State: wire.RequestPending, Done: 2, Needed: 3})
	const offer = "Decide as another member"
	if words := m.View().Tree.Words(); strings.Contains(words, offer) {
		t.Error("offered while the page still waits for the member who decided")
	}
	at := noon
	r.Approvers = slices.Clone(r.Approvers)
	r.Approvers[1].Decision, r.Approvers[1].At, r.Approved = frame.Approve, &at, 2
	m.Update(Loaded{What: TheRequest, ID: requestID, Value: r})
	if words := m.View().Tree.Words(); !strings.Contains(words, offer) {
		t.Fatalf("not offered:\n%s", words)
	}
	m.Update(Acted{Action: "decide.close"})
	if c := command[Decide](t, m.Update(Acted{Action: "decide:APPROVE"})); c.Member != "mem_carol" {
		t.Errorf("%+v decides next", c)
	}
}

func TestARejectionIsAskedTwice(t *testing.T) {
	t.Parallel()
	m := scene(t, "request-ready")
	if cmds := m.Update(Acted{Action: "decide:REJECT"}); len(cmds) != 0 {
		t.Errorf("rejected at the first press: %#v", cmds)
	}
	command[Decide](t, m.Update(Acted{Action: "decide:REJECT"}))
	m.Update(DecisionEnded{Err: fault.New(fault.Declined, "declined")})
	if words := m.View().Tree.Words(); !strings.Contains(words, "Try again") {
		t.Fatalf("after it was declined the page says\n%s", words)
	}
	if c := command[Decide](t, m.Update(Acted{Action: "decide:REJECT"})); c.Decision != frame.Reject {
		t.Errorf("trying again asks for %+v", c)
	}
}

func TestTheProgressOfAnOrderSaysOnlyWhatHappened(t *testing.T) {
	t.Parallel()
	for name, came := range map[string]bool{"order-redirected": false, "order-lapsed": false, "order-deposit-seen": true, "order-completed": true} {
		words := scene(t, name).View().Tree.Words()
		if strings.Contains(words, "Something came to the vault's address") != came {
			t.Errorf("%s: came %v, and the page says\n%s", name, came, words)
		}
		if strings.Contains(words, "not yet final") != (name == "order-deposit-seen") || strings.Contains(words, "booked in the account") != (name == "order-completed") {
			t.Errorf("%s: the page says\n%s", name, words)
		}
	}
}

func TestWhileAPromptIsOpenThePageShowsItsLinesAndNoOthers(t *testing.T) {
	t.Parallel()
	m := scene(t, "request-reading")
	shown := func() bool { return strings.Contains(m.View().Tree.Words(), shownText) }
	preview := func() bool { return strings.Contains(m.View().Tree.Words(), "(said when you are asked)") }
	if !shown() || preview() {
		t.Errorf("the page shows\n%s", m.View().Tree.Words())
	}
	m.Update(Tick{Now: noon.Add(time.Second)})
	if !shown() || preview() {
		t.Error("the lines are gone after a second")
	}
	m.Update(PromptChanged{})
	m.Update(PromptShown{Text: shownText}) // late
	if shown() || !preview() {
		t.Errorf("the prompt is closed, and the page shows\n%s", m.View().Tree.Words())
	}
	m.Update(PromptChanged{Open: true, Kind: frame.PromptPIN, Where: frame.WhereTerminal})
	if shown() {
		t.Error("the lines of the statement stand beside the question for a PIN")
	}
}

func TestWhatIsComparedIsTheSameForTheNextApprover(t *testing.T) {
	t.Parallel()
	texts := map[string]bool{}
	for _, member := range []string{"mem_alice", "mem_bob", "mem_carol"} {
		m := pending(ready(stage("/requests/" + requestID)))
		texts[m.statement[requestID+" "+member].Value] = true
	}
	if len(texts) != 1 {
		t.Errorf("%d texts: %v", len(texts), texts)
	}
}

func TestAListHasItsAddressesAndTotals(t *testing.T) {
	t.Parallel()
	m := scene(t, "requests-together")
	words := m.View().Tree.Words()
	if n := strings.Count(words, intenttest.Buy(sampleRequest(wire.RequestPending).Intent).Address); n != 3 {
		t.Errorf("%d of 3 addresses:\n%s", n, words)
	}
	if !strings.Contains(words, "In all") {
		t.Errorf("no totals:\n%s", words)
	}
}

func TestOneDecisionAtATime(t *testing.T) {
	t.Parallel()
	m := scene(t, "request-reading")
	if cmds := m.Update(Acted{Action: "decide:APPROVE"}); len(cmds) != 0 {
		t.Errorf("a second decision began: %#v", cmds)
	}
	command[StopDeciding](t, m.Update(Acted{Action: "decide.stop"}))
}

func TestThePreviewFollowsWhoIsNext(t *testing.T) {
	t.Parallel()
	m := ready(stage("/requests/" + requestID))
	r := sampleRequest(wire.RequestPending)
	r.Approvers[0].Decision = ""
	want := func(member string, cmds []Command) {
		t.Helper()
		if l := command[Load](t, cmds); l.What != TheStatement || l.ID != requestID+" "+member {
			t.Errorf("loads %+v, want the statement of %s", l, member)
		}
	}
	want("mem_alice", m.Update(Loaded{What: TheRequest, ID: requestID, Value: r}))
	if cmds := m.Update(Loaded{What: TheRequest, ID: requestID, Value: r}); len(cmds) != 0 {
		t.Errorf("asked twice: %#v", cmds)
	}
	m.Update(Loaded{What: TheStatement, ID: requestID + " mem_alice", Err: fault.New(fault.SignerDown, "no")})
	want("mem_alice", m.Update(Loaded{What: TheRequest, ID: requestID, Value: r}))
	want("mem_carol", m.Update(Acted{Action: "sign.as:mem_carol"}))
	m.Update(Acted{Action: "sign.as:mem_alice"})
	want("mem_bob", m.Update(Loaded{What: TheRequest, ID: requestID, Value: sampleRequest(wire.RequestPending)}))
	for i := range r.Approvers {
		r.Approvers[i].Decision = frame.Approve
	}
	m.Update(Loaded{What: TheRequest, ID: requestID, Value: r})
	if page := m.View().JSON(); strings.Contains(page, "What the bridge will show") {
		t.Error("a preview is shown although everybody has decided")
	}
}

func TestPricesAskedForTooEarlyComeWithTheProvidersAndAccounts(t *testing.T) {
	t.Parallel()
	m := New(Config{Words: Words{Decimal: "."}}, noon)
	m.Update(Started{Path: "/buy"})
	m.Update(Acted{Action: "buy.amount:250"})
	if cmds := m.Update(Acted{Action: "buy.ask"}); len(cmds) != 1 {
		t.Errorf("asked without a currency: %#v", cmds)
	}
	if cmds := m.Update(Loaded{What: TheProviders, Value: sampleProviders()}); len(cmds) != 0 {
		t.Errorf("asked without an account: %#v", cmds)
	}
	c := command[AskQuotes](t, m.Update(Loaded{What: TheAccounts, Value: []wire.Account{sampleAccount()}}))
	if c.Input.From != "EUR" || c.Input.Amount != "250" || c.Account != sampleAccount().ID {
		t.Errorf("asked %+v", c)
	}
}

func TestComingBackShowsTheCurrentOrder(t *testing.T) {
	t.Parallel()
	m := scene(t, "order-redirected")
	m.Update(Visible{})
	var loads []Load
	for _, c := range m.Update(Visible{On: true}) {
		if l, ok := c.(Load); ok {
			loads = append(loads, l)
		}
	}
	if len(loads) == 0 || loads[0] != (Load{What: TheOrder, ID: orderID}) {
		t.Errorf("loads %+v, want the order", loads)
	}
}

func TestATicketLeadsOnlyToTheGateway(t *testing.T) {
	t.Parallel()
	o := sampleOrder(wire.OrderCreated)
	for url, want := range map[string]bool{"/v1/redirect/abc": true, "https://evil.example/": false, "javascript:alert(1)": false, "//evil.example": false} {
		m := stage("/requests/" + requestID)
		o.Ticket = &wire.Ticket{URL: url}
		opened := false
		for _, c := range m.Update(OrderMade{Order: o}) {
			told, is := c.(Tell)
			opened = opened || is && told.What == TellOpen
		}
		if opened != want {
			t.Errorf("%s: opened %v", url, opened)
		}
	}
}

func TestUnknownActionsDoNothing(t *testing.T) {
	t.Parallel()
	m := stage("/buy")
	before := m.View().JSON()
	for _, a := range []string{"", "x", "buy.nothing:1", "buy.field:nope", "decide:MAYBE", "order.make", "bridge.x", "sign.as:"} {
		m.Update(Acted{Action: a, Value: strings.Repeat("v", 1000)})
	}
	for operation := range m.busy {
		t.Errorf("an operation began: %s", operation)
	}
	if before == "" {
		t.Error("no picture")
	}
}

func TestSeveralRequestsAreApprovedTogether(t *testing.T) {
	t.Parallel()
	m := scene(t, "requests-picked")
	m.Update(Acted{Action: "pick:req_second2", Value: "false"})
	c := command[DecideAll](t, m.Update(Acted{Action: "batch"}))
	if c.Member != "mem_bob" || c.Decision != frame.Approve || len(c.Requests) != 2 || c.Requests[0] != requestID || c.Requests[1] != "req_third33" {
		t.Errorf("%+v", c)
	}
	if cmds := m.Update(Acted{Action: "batch"}); len(cmds) != 0 {
		t.Errorf("a second press does something: %#v", cmds)
	}
	m.Update(ItemEnded{Request: requestID, Done: 2, Needed: 2})
	m.Update(ItemEnded{Request: "req_third33", Err: fault.New(fault.DeviceRemoved, "gone")})
	if again := command[DecideAll](t, m.Update(Acted{Action: "batch"})); len(again.Requests) != 1 || again.Requests[0] != "req_third33" {
		t.Errorf("again %+v: only what was not recorded", again)
	}
}

func TestWhatFailedBecauseTheGatewayWasAwayGoesWhenItAnswers(t *testing.T) {
	t.Parallel()
	down := fault.New(fault.Unavailable, "the gateway does not answer")
	ids := []string{requestID, "req_second2", "req_third33"}
	for name, r := range map[string]struct {
		ends []error
		away bool // the gateway does not answer the page either
		goes bool
	}{
		"all, while it was away":      {[]error{down, down, down}, true, true},
		"all, and it answers at once": {[]error{down, down, down}, false, false},
		"one was recorded":            {[]error{nil, down, down}, true, false},
		"one for another reason":      {[]error{fault.New(fault.Declined, "no"), down, down}, true, false},
		"one is not known":            {[]error{fault.New(fault.Unavailable, "gone").With(approvals.Unknown, "1"), down, down}, true, false},
	} {
		m := scene(t, "requests-picked")
		list := m.requests.Value
		m.Update(Acted{Action: "batch"})
		for i, err := range r.ends {
			m.Update(ItemEnded{Request: ids[i], Done: 1, Needed: 2, Err: err})
		}
		if r.away {
			m.Update(Loaded{What: TheRequests, Err: down})
		}
		if m.flow == nil || !m.flow.Over() {
			t.Fatalf("%s: the decision is %+v", name, m.flow)
		}
		m.Update(Loaded{What: TheRequests, Value: pageOf(list)})
		if m.flow == nil != r.goes {
			t.Errorf("%s: the decision is %+v", name, m.flow)
		}
		if r.goes {
			says(t, m, "Approve 3 requests", "!does not answer", "!connection broke")
		}
	}
}

func TestOnlyWhatTheMemberMayDecideIsPicked(t *testing.T) {
	t.Parallel()
	m := inbox(ready(stage("/requests")))
	for _, r := range []string{requestID, "req_second2", "req_other1", "req_nothing"} {
		m.Update(Acted{Action: "pick:" + r, Value: "true"})
	}
	m.Update(Acted{Action: "sign.as:mem_alice"}) // she has approved the first and the third
	if c := command[DecideAll](t, m.Update(Acted{Action: "batch"})); c.Member != "mem_alice" || len(c.Requests) != 1 || c.Requests[0] != "req_second2" {
		t.Errorf("%+v", c)
	}
}

func TestAtMostSixteenRequestsAreApprovedTogether(t *testing.T) {
	t.Parallel()
	m := ready(stage("/requests"))
	var list []wire.Request
	for i := range 20 {
		r := sampleRequest(wire.RequestPending)
		r.ID = "req_many" + itoa(i)
		list = append(list, r)
	}
	m.Update(Loaded{What: TheRequests, Value: pageOf(list)})
	m.Update(Acted{Action: "pick.all", Value: "true"})
	m.Update(Acted{Action: "pick:req_many19", Value: "true"})
	if !strings.Contains(m.announce, "At most 16") {
		t.Errorf("said %q", m.announce)
	}
	if c := command[DecideAll](t, m.Update(Acted{Action: "batch"})); len(c.Requests) != frame.MaxBatch || c.Requests[15] != "req_many15" {
		t.Errorf("%+v", c)
	}
}

func TestTogetherWaitsForTheBridgeAndGoesOnByItself(t *testing.T) {
	t.Parallel()
	m := inbox(stage("/requests"))
	m.Update(Acted{Action: "pick.all", Value: "true"})
	if cmds := m.Update(Acted{Action: "batch"}); len(m.flow.Items) != 4 {
		t.Errorf("%#v", cmds)
	}
	c := command[DecideAll](t, m.Update(BridgeChanged{State: BridgeReady, Identities: identities()}))
	if c.Member != "mem_bob" || len(c.Requests) != 3 { // the fourth is not for him
		t.Errorf("%+v", c)
	}
	if last := m.flow.Items[3]; !last.Over || last.Err.Code != fault.AlreadyApproved {
		t.Errorf("%+v", last)
	}
}

func TestPayingAgainIsAskedForInWords(t *testing.T) {
	t.Parallel()
	m := stage("/orders/" + orderID)
	m.Update(Loaded{What: TheOrder, ID: orderID, Value: sampleOrder(wire.OrderProcessing)})
	if cmds := m.Update(Acted{Action: "order.payagain:" + orderID}); len(cmds) != 0 {
		t.Fatalf("the first press did %+v", cmds)
	}
	cmds := m.Update(Acted{Action: "order.payagain:" + orderID})
	if len(cmds) != 1 {
		t.Fatalf("the second press did %+v", cmds)
	}
	if c, ok := cmds[0].(MakeTicket); !ok || !c.PayAgain || c.Order != orderID {
		t.Errorf("%+v", cmds[0])
	}
	m = stage("/orders/" + orderID)
	m.Update(Loaded{What: TheOrder, ID: orderID, Value: sampleOrder(wire.OrderRedirected)})
	m.Update(Acted{Action: "order.payagain:" + orderID})
	for _, c := range m.Update(Acted{Action: "order.continue:" + orderID}) {
		if c, ok := c.(MakeTicket); ok && c.PayAgain {
			t.Error("continuing pays again unasked")
		}
	}
}

func TestBuyAgainAsksForWhatTheOrderWas(t *testing.T) {
	t.Parallel()
	m, o := stage("/orders/"+orderID), sampleOrder(wire.OrderRefunded)
	o.Again = &quote.Input{From: "EUR", To: "ethereum", Amount: "250", PaymentMethod: "sepa", Country: "DE"}
	m.Update(Loaded{What: TheOrder, ID: orderID, Value: o})
	m.Update(Acted{Action: "order.again:" + orderID})
	if f := m.form; m.route.Screen != Buy || f.Amount != "250" || f.Fiat != "EUR" || f.Asset != "ethereum" || f.Method != "sepa" || f.Country != "DE" || f.Account != o.Account {
		t.Errorf("%+v, %+v", m.route, f)
	}
}
