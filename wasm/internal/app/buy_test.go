package app

import (
	"encoding/csv"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/quote"
	"countersign/shared/wire"
	"countersign/wasm/internal/quoteui"
	"countersign/wasm/internal/view"
)

// reviewed is the step before the request of Northpay's price.
func reviewed(m *Model) *Model {
	all(m)
	m.Update(QuotesEnded{Seq: m.board.Seq, Result: &quote.Result{}})
	m.Update(Acted{Action: "buy.review:quo_northpay"})
	return m
}

func TestAPurchaseIsRequestedOnce(t *testing.T) {
	t.Parallel()
	m := reviewed(stage("/buy"))
	first := command[MakeRequest](t, m.Update(Acted{Action: "buy.request:quo_northpay"}))
	if cmds := m.Update(Acted{Action: "buy.request:quo_northpay"}); len(cmds) != 0 {
		t.Errorf("a second press does something: %#v", cmds)
	}
	m.Update(RequestMade{Operation: first.Operation, Err: fault.New(fault.Unavailable, "no answer")})
	if again := command[MakeRequest](t, m.Update(Acted{Action: "buy.request:quo_northpay"})); again.Key != first.Key {
		t.Error("after an answer that was lost, the key must be the same")
	}
	m.Update(RequestMade{Operation: first.Operation, Err: fault.New(fault.Conflict, "no")})
	if again := command[MakeRequest](t, m.Update(Acted{Action: "buy.request:quo_northpay"})); again.Key == first.Key {
		t.Error("after a clear refusal, a new try needs a new key")
	}
	m.Update(RequestMade{Operation: first.Operation, Request: sampleRequest(wire.RequestPending)})
	if m.route != (Route{Requests, requestID}) {
		t.Errorf("then the request is shown, not %+v", m.route)
	}
}

func TestPurposeAndReferenceGoWithTheirRequestAndNotWithTheNext(t *testing.T) {
	t.Parallel()
	m := reviewed(stage("/buy"))
	closed := func() (closed bool) {
		m.View().Tree.Walk(func(n view.Node) {
			if n.Get("id") == "purpose" {
				closed = strings.Contains(n.Outline(), " disabled")
			}
		})
		return closed
	}
	m.Update(Acted{Action: "buy.purpose", Value: "  Gas for the  payroll "})
	m.Update(Acted{Action: "buy.reference", Value: "PAY-2026-11"})
	first := command[MakeRequest](t, m.Update(Acted{Action: "buy.request:quo_northpay"}))
	if first.Purpose != "Gas for the payroll" || first.Reference != "PAY-2026-11" || !closed() {
		t.Errorf("%+v; the field is closed: %v", first, closed())
	}
	m.Update(RequestMade{Operation: first.Operation, Err: fault.New(fault.Invalid, "purpose has a control character")})
	if closed() {
		t.Error("after a clear refusal the words can be changed")
	}
	m.Update(RequestMade{Operation: first.Operation, Request: sampleRequest(wire.RequestPending)})
	if m.form.Purpose+m.form.Reference != "" {
		t.Errorf("the next request would be for %q, %q", m.form.Purpose, m.form.Reference)
	}
}

// found is the text of the element with an attribute, and whether it is disabled.
func pressable(m *Model, text string) (action string, ok bool) {
	m.View().Tree.Walk(func(n view.Node) {
		if n.Tag == "button" && strings.Contains(n.Words(), text) && !strings.Contains(n.Outline(), " disabled") {
			_, rest, _ := strings.Cut(n.Outline(), "on:click=")
			action, _, _ = strings.Cut(rest, " ")
			action, ok = strings.TrimSpace(action), true
		}
	})
	return action, ok
}

func TestTheButtonNamesWhatItRequestsAndKeepsItUnderThePointer(t *testing.T) {
	t.Parallel()
	m := all(stage("/buy"))
	const north = "Request 0.09490412\u00a0ETH from Northpay"
	action, ok := pressable(m, north)
	if !ok {
		t.Fatalf("no such button:\n%s", m.View().Tree.Words())
	}
	m.Update(Acted{Action: "buy.pin", Value: "true"})
	m.Update(OfferCame{Seq: m.board.Seq, Offer: quoteui.Offer{Provider: "meridian", Row: sampleRow("meridian", "Meridian", "0.2", "1250", time.Minute)}})
	if again, ok := pressable(m, north); !ok || again != action {
		t.Errorf("a better price took the button: %s", m.View().Tree.Words())
	}
	m.Update(Acted{Action: action})
	says(t, m, "Review the request", "Buy 0.094904123456789012 ETH for 250 EUR from Northpay into Treasury", "Not less than", "0.093955082222221122 ETH")
}

func TestWhatTheButtonDidNotSayIsNotRequested(t *testing.T) {
	t.Parallel()
	m := all(stage("/buy"))
	m.Update(Acted{Action: "buy.review:quo_meridian"})
	if m.review != nil || !strings.Contains(m.announce, "changed") {
		t.Errorf("it shows %+v, and says %q", m.review, m.announce)
	}
	if cmds := reviewed(m).Update(Acted{Action: "buy.request:quo_coinharbor"}); len(cmds) != 0 {
		t.Errorf("it asks for %#v", cmds)
	}
}

func TestAPriceThatEndedIsNotSentAndTheNewOneIsTakenByAPress(t *testing.T) {
	t.Parallel()
	m := reviewed(stage("/buy"))
	m.Update(Tick{Now: noon.Add(28 * time.Second)})
	says(t, m, "This price has ended. Nothing was sent.", "!Send to the approvers")
	next := sampleRow("northpay", "Northpay", "0.0948", "2637.13", time.Minute)
	next.ID = "quo_north2"
	m.Update(OfferCame{Seq: m.board.Seq, Offer: quoteui.Offer{Provider: "northpay", Row: next}})
	says(t, m, "Northpay has a new one", "0.0948 ETH", "\u22120.000104123456789012", "!Send to the approvers")
	action, _ := pressable(m, "Take the new price")
	m.Update(Acted{Action: action})
	if got := command[MakeRequest](t, m.Update(Acted{Action: "buy.request:quo_north2"})); got.Quote != "quo_north2" {
		t.Errorf("%+v", got)
	}
}

func TestPricesAreAskedForAgainWhenTheFirstEnds(t *testing.T) {
	t.Parallel()
	m := all(stage("/buy"))
	m.Update(QuotesEnded{Seq: m.board.Seq, Result: &quote.Result{}})
	says(t, m, "New prices in 10 s")
	if cmds := m.Update(Tick{Now: noon.Add(9 * time.Second)}); len(cmds) != 0 {
		t.Errorf("too early: %#v", cmds)
	}
	asked := command[AskQuotes](t, m.Update(Tick{Now: noon.Add(10 * time.Second)}))
	if asked.Seq != m.board.Seq || asked.Input.Amount != "250" {
		t.Errorf("%+v", asked)
	}
	says(t, m, "Renewing", "Northpay", "Coinharbor")
	for name, stop := range map[string]Msg{"a hidden page": Visible{}, "an offline page": NetworkChanged{}, "a changed form": Acted{Action: "buy.field:amount", Value: "300"}, "another page": Acted{Action: "navigate:/orders"}} {
		m := all(stage("/buy"))
		m.Update(QuotesEnded{Seq: m.board.Seq, Result: &quote.Result{}})
		m.Update(stop)
		if cmds := m.Update(Tick{Now: noon.Add(time.Minute)}); len(cmds) != 0 {
			t.Errorf("%s: %#v", name, cmds)
		}
	}
}

// A page that is left open asks for some minutes, and then waits for its person.
func TestPricesThatAreNotLookedAtEnd(t *testing.T) {
	t.Parallel()
	m, now := all(stage("/buy")), noon
	m.Update(QuotesEnded{Seq: m.board.Seq, Result: &quote.Result{}})
	asked := 0
	for range 200 {
		now = now.Add(10 * time.Second)
		for _, c := range m.Update(Tick{Now: now}) {
			if _, ok := c.(AskQuotes); ok {
				asked++
				row := sampleRow("northpay", "Northpay", "0.09", "2634.24", 0)
				row.ExpiresAt = now.Add(10 * time.Second)
				m.Update(OfferCame{Seq: m.board.Seq, Offer: quoteui.Offer{Provider: "northpay", Row: row}})
				m.Update(QuotesEnded{Seq: m.board.Seq, Result: &quote.Result{}})
			}
		}
	}
	if asked != maxRenewals {
		t.Errorf("it asked %d times", asked)
	}
	says(t, m, "All prices have expired.", "Get new prices")
}

func TestPricesAreRankedByRecordWithItsNumbersAndItsFormula(t *testing.T) {
	t.Parallel()
	m := scene(t, "buy-by-record")
	if first := m.board.Nth(1); first != "coinharbor" {
		t.Errorf("%s is first", first)
	}
	says(t, m, "0.0943 ETH expected", "delivered 1 of 2", "expected = quoted × delivery_ratio × completion_odds", "behind 10 that are taken as delivered")
	m.Update(Acted{Action: "buy.rank"})
	if first := m.board.Nth(1); first != "northpay" {
		t.Errorf("as quoted, %s is first", first)
	}
	says(t, m, "Most crypto", "!completion_odds")
}

func TestDigitsChooseAPriceByItsPlace(t *testing.T) {
	t.Parallel()
	m := all(stage("/buy"))
	for key, want := range map[string]string{"buy.nth:2": "coinharbor", "buy.nth:1": "northpay"} {
		m.Update(Acted{Action: key})
		if m.board.Selected != want {
			t.Errorf("%s chose %q", key, m.board.Selected)
		}
	}
	for _, key := range []string{"buy.nth:3", "buy.nth:9", "buy.nth:", "buy.nth:x", "buy.nth:12"} {
		was := m.board.Selected
		if m.Update(Acted{Action: key}); m.board.Selected != was {
			t.Errorf("%s chose %q", key, m.board.Selected)
		}
	}
}

func TestEachKeyIsListed(t *testing.T) {
	t.Parallel()
	m := stage("/buy")
	m.Update(Acted{Action: "help"})
	words := m.View().Tree.Words()
	for _, k := range m.View().Keys {
		if len(k.Name) == 1 && k.Name > "1" && k.Name <= "9" {
			continue // stands as 1 to 9
		}
		found := slices.ContainsFunc(shortcuts[:], func(s struct{ key, action, does string }) bool {
			return s.key == k.Name && strings.Contains(words, s.does)
		})
		if !found {
			t.Errorf("the key %q is not listed", k.Name)
		}
	}
	m.Update(Acted{Action: "help"})
	says(t, m, "!List the keys")
}

func TestLimitsSayWhoTakesTheNearestAmount(t *testing.T) {
	t.Parallel()
	m := stage("/buy")
	says(t, m, "At least 20 EUR, at Northpay. At most 50\u202f000 EUR, at Meridian.")
	m.Update(Acted{Action: "buy.field:amount", Value: "60000"})
	says(t, m, "At most 50\u202f000 EUR, at Meridian.")
	if _, ok := pressable(m, "With 50\u202f000\u00a0EUR, 1 provider can sell"); !ok {
		t.Errorf("the nearest amount is not offered:\n%s", m.View().Tree.Words())
	}
}

func TestARequestIsListedByWhatIsToBeDoneNext(t *testing.T) {
	t.Parallel()
	m := ready(stage("/requests"))
	var list []wire.Request
	for i, state := range []string{wire.RequestPending, wire.RequestApproved, wire.RequestOrdered, wire.RequestRejected} {
		r := sampleRequest(state)
		r.ID = "req_each" + itoa(i)
		list = append(list, r)
	}
	other := sampleRequest(wire.RequestPending)
	other.ID, other.Approvers = "req_other", other.Approvers[:1]
	m.Update(Loaded{What: TheRequests, Value: pageOf(append(list, other, sampleTransfer(wire.RequestApproved)))})
	var heads []string
	m.View().Tree.Walk(func(n view.Node) {
		if n.Tag == "h2" {
			heads = append(heads, n.Words())
		}
	})
	if want := []string{"Decide 1", "Ready to pay 1", "At the provider 1", "Waits for others 1", "Done 2"}; !slices.Equal(heads, want) {
		t.Errorf("%q", heads)
	}
	if n := m.toDo(); n != 2 {
		t.Errorf("the badge says %d", n)
	}
	m.Update(Acted{Action: "find.group:pay"})
	m.Update(Acted{Action: "find.text", Value: "northpay TREASURY"})
	says(t, m, "Ready to pay 1", "Approved", "!Rejected")
	m.Update(Acted{Action: "find.text", Value: "nothing of it"})
	says(t, m, "Nothing fits")
	m.Update(Acted{Action: "find.clear"})
	says(t, m, "Rejected")
}

func TestAPriceThatBecameWorseOffersNewPricesAndNoWayOn(t *testing.T) {
	t.Parallel()
	m := stage("/orders/" + orderID)
	m.Update(Loaded{What: TheOrder, ID: orderID, Value: sampleOrder(wire.OrderRedirected)})
	m.Update(Acted{Action: "order.continue:" + orderID})
	m.Update(OrderMade{Operation: "ticket " + orderID, Err: fault.New(fault.QuoteChanged, "changed").With("new", "0.0921")})
	for name, m := range map[string]*Model{"a request": scene(t, "request-price-changed"), "an order": m} {
		if _, ok := pressable(m, "Continue to"); ok {
			t.Errorf("%s: one can still continue", name)
		}
		says(t, m, "Price now", "0.0921 ETH", "Difference", "\u22120.002329602839505066 ETH")
		action, _ := pressable(m, "Ask for prices again")
		command[AskQuotes](t, m.Update(Acted{Action: action}))
		if m.form.Amount != "250" || m.form.Asset != "ethereum" || m.form.Account != "acc_treasury" {
			t.Errorf("%s: asks for %+v", name, m.form)
		}
	}
}

// pageOf is a list as the gateway gives it.
func pageOf(list []wire.Request) wire.Page[wire.Request] { return wire.Page[wire.Request]{Items: list} }

func TestOlderRequestsAreReadWhenAskedForAndStay(t *testing.T) {
	t.Parallel()
	m := stage("/requests")
	with := func(id, next string) wire.Page[wire.Request] {
		r := sampleRequest(wire.RequestRejected)
		r.ID = id
		p := pageOf([]wire.Request{r})
		p.NextCursor = next
		return p
	}
	m.Update(Loaded{What: TheRequests, Value: with("req_new", "req_new")})
	asked := command[Load](t, m.Update(Acted{Action: "find.older"}))
	if asked != (Load{What: TheOlder, ID: "req_new"}) || len(m.Update(Acted{Action: "find.older"})) != 0 {
		t.Errorf("asked for %+v, or twice", asked)
	}
	m.Update(Loaded{What: TheOlder, ID: "req_new", Err: fault.New(fault.Unavailable, "no")})
	command[Load](t, m.Update(Acted{Action: "find.older"}))
	m.Update(Loaded{What: TheOlder, ID: "req_new", Value: with("req_old", "")})
	m.Update(Loaded{What: TheRequests, Value: with("req_newer", "req_newer")})
	var ids []string
	for _, r := range m.requests.Value {
		ids = append(ids, r.ID)
	}
	if !slices.Equal(ids, []string{"req_newer", "req_old"}) {
		t.Errorf("%v", ids)
	}
	says(t, m, "!older requests")
}

// Search and file are of what the page has: it says so, and reads the rest when asked, page by page.
func TestSearchAndFileCoverAllOnceAllIsLoaded(t *testing.T) {
	t.Parallel()
	m := stage("/requests")
	page := func(n int, next string) wire.Page[wire.Request] {
		r := sampleRequest(wire.RequestRejected)
		r.ID = "req_page" + itoa(n)
		intenttest.Edit(&r.Intent, func(b *intent.Buy) { b.Reference = "INV-" + itoa(n) })
		return wire.Page[wire.Request]{Items: []wire.Request{r}, NextCursor: next}
	}
	file := func() File { return command[Tell](t, m.Update(Acted{Action: "find.csv"})).Detail.(File) }
	m.Update(Loaded{What: TheRequests, Value: page(0, "req_page0")})
	says(t, m, "Search and CSV are of the newest 1.", "Load all older requests")
	if f := file(); f.Name != "requests-newest-1.csv" {
		t.Errorf("the file is %s", f.Name)
	}
	asked := command[Load](t, m.Update(Acted{Action: "find.older"}))
	for n := 1; n < 4; n++ {
		if asked != (Load{What: TheOlder, ID: "req_page" + itoa(n-1)}) {
			t.Fatalf("asked for %+v", asked)
		}
		if n == 2 { // a page that fails ends it, and another press goes on from there
			m.Update(Loaded{What: TheOlder, ID: asked.ID, Err: fault.New(fault.Unavailable, "no")})
			asked = command[Load](t, m.Update(Acted{Action: "find.older"}))
		}
		next := "req_page" + itoa(n)
		if n == 3 {
			next = ""
		}
		if cmds := m.Update(Loaded{What: TheOlder, ID: asked.ID, Value: page(n, next)}); n < 3 {
			asked = command[Load](t, cmds)
		} else if len(cmds) != 0 {
			t.Errorf("it asks on: %+v", cmds)
		}
	}
	says(t, m, "!Search and CSV", "!older requests")
	if f := file(); f.Name != "requests.csv" || strings.Count(f.Text, "INV-") != 4 {
		t.Errorf("the file %s has %q", f.Name, f.Text)
	}
	m.Update(Acted{Action: "find.text", Value: "INV-3"})
	says(t, m, "Done 1")
}

func TestTheListIsSavedAsItIsNarrowedDownAndNoFormulaRuns(t *testing.T) {
	t.Parallel()
	m := ready(stage("/requests"))
	first, second := sampleRequest(wire.RequestPending), sampleRequest(wire.RequestApproved)
	intenttest.Edit(&first.Intent, func(b *intent.Buy) {
		b.Purpose, b.Reference, b.ProviderName = `=HYPERLINK("x";"y")`, "@SUM(A1)", `North, "Pay"`
	})
	second.ID = "req_second"
	m.Update(Loaded{What: TheRequests, Value: pageOf([]wire.Request{first, second})})
	m.Update(Acted{Action: "find.group:decide"})
	saved := command[Tell](t, m.Update(Acted{Action: "find.csv"})).Detail.(File)
	text, marked := strings.CutPrefix(saved.Text, "\ufeff")
	if !marked {
		t.Errorf("no byte order mark tells a spreadsheet that the file is UTF-8: %q", saved.Text)
	}
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) != 2 {
		t.Fatalf("%v: %q", err, saved.Text)
	}
	got := map[string]string{}
	for i, name := range rows[0] {
		got[name] = rows[1][i]
	}
	for value, want := range map[string]string{ // as cells stand in the file
		"Rent;=1+1;": "Rent;'=1+1;", "Rent; \"@SUM(A1)": `"Rent; ""'@SUM(A1)"`, "a\t+1": "a\t'+1", "a-b; c = d": "a-b; c = d", "\t=1": "'\t'=1", "12": "12", "é;-1": "é;'-1",
	} {
		if got := cell(value); got != want {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
	for name, want := range map[string]string{"request": requestID, "price": "250", "currency": "EUR", "amount": "0.094904123456789012", "minimum": "0.094429602839505066",
		"counterparty": `"North, 'Pay'" (northpay)`, "purpose": `'=HYPERLINK("x";"y")`, "reference": "'@SUM(A1)"} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
}

func TestTenThousandRequestsAndAHundredAccountsStayUsable(t *testing.T) {
	t.Parallel()
	m := ready(stage("/requests"))
	var list []wire.Request
	for i := range 10000 {
		r := sampleRequest(wire.RequestRejected)
		r.ID = "req_many" + itoa(i)
		list = append(list, r)
	}
	list[9999].State = wire.RequestPending
	list[9999].Approvers[1].Decision = ""
	var accounts []wire.Account
	for i := range 100 {
		a := sampleAccount()
		a.ID, a.Name = "acc_"+itoa(i), "Account "+itoa(i)
		accounts = append(accounts, a)
	}
	m.Update(Loaded{What: TheAccounts, Value: accounts})
	m.Update(Loaded{What: TheRequests, Value: pageOf(list)})
	rows := 0
	picture := m.View()
	picture.Tree.Walk(func(n view.Node) {
		if strings.HasPrefix(n.Get("href"), "/requests/req_many") {
			rows++
		}
	})
	if rows != shownAtOnce+1 || len(picture.JSON()) > 200<<10 {
		t.Errorf("%d rows in %d bytes", rows, len(picture.JSON()))
	}
	says(t, m, "Decide 1", "Show more of 9999")
	m.Update(Acted{Action: "find.more"})
	m.Update(Acted{Action: "find.text", Value: "req_many77"})
	says(t, m, "Done 111")
	m.Update(Acted{Action: "find.text"})
	for size, want := range map[string]int{"20": 21, "200": 201, "0": shownAtOnce + 1} { // and the one to decide on
		m.Update(Acted{Action: "find.size:" + size})
		if rows := strings.Count(m.View().JSON(), `"/requests/req_many`); rows != want {
			t.Errorf("pages of %s show %d rows, want %d", size, rows, want)
		}
	}
}

func TestAnAmountOfFortyDigitsIsShownAndNotCut(t *testing.T) {
	t.Parallel()
	m := stage("/buy")
	digits := strings.Repeat("1234567890", 4)
	m.Update(Acted{Action: "buy.field:amount", Value: digits})
	says(t, m, "The amount is too large")
	r := sampleRequest(wire.RequestPending)
	intenttest.Edit(&r.Intent, func(b *intent.Buy) { b.Crypto.Amount, b.Minimum = digits, digits })
	m = stage("/requests/" + requestID)
	m.Update(Loaded{What: TheRequest, ID: requestID, Value: r})
	says(t, m, m.cfg.Words.number(digits, -1))
}

// The list is painted each second, and at each letter of a search.
func BenchmarkSearchAmongTenThousandRequests(b *testing.B) {
	m := ready(stage("/requests"))
	var list []wire.Request
	for i := range 10000 {
		r := sampleRequest(wire.RequestApproved)
		r.ID = "req_many" + itoa(i)
		list = append(list, r)
	}
	m.Update(Loaded{What: TheRequests, Value: pageOf(list)})
	for b.Loop() {
		m.Update(Acted{Action: "find.text", Value: "northpay"})
		m.View()
	}
}
