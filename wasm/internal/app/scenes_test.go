package app

import (
	"maps"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/quote"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/wasm/internal/approvals"
	"countersign/wasm/internal/auth"
	"countersign/wasm/internal/bridgeclient"
	"countersign/wasm/internal/quoteui"
)

// noon is when everything happens here.
var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

const (
	requestID = "req_7h2kq4vd3m5xw6ta"
	orderID   = "ord_3kd9s8f7g6h5j4k3"
	address1  = "0x8ba1f109551bD432803012645Ac136ddd64DBA72"
)

func sampleProviders() []quote.Provider {
	methods := []quote.Country{{Country: "DE", PaymentMethods: []string{"card", "sepa"}}, {Country: "FR", PaymentMethods: []string{"card", "sepa"}}}
	caps := func(low, high string) *quote.Capabilities {
		return &quote.Capabilities{Fiats: []quote.FiatLimit{{Fiat: "EUR", Min: low, Max: high}, {Fiat: "USD", Min: low, Max: high}},
			Countries: methods, Assets: []string{"bitcoin", "ethereum", "ethereum/erc20/usd__coin"}}
	}
	return []quote.Provider{
		{ID: "northpay", Name: "Northpay", Capabilities: caps("20", "5000"), Freshness: quote.Fresh, Circuit: quote.CircuitClosed},
		{ID: "coinharbor", Name: "Coinharbor", Capabilities: caps("50", "20000"), Freshness: quote.Fresh, Circuit: quote.CircuitClosed},
		{ID: "meridian", Name: "Meridian", Capabilities: caps("300", "50000"), Freshness: quote.Fresh, Circuit: quote.CircuitClosed},
	}
}

func sampleEntity() wire.Entity {
	return wire.Entity{ID: "ent_sandbox", Name: "Sandbox Treasury", Enrolled: true, Signer: "ok", Env: "sandbox", Members: []wire.Member{
		{ID: "mem_alice", Name: "Alice Martin"}, {ID: "mem_bob", Name: "Bob Okafor"}, {ID: "mem_carol", Name: "Carol Nguyen"}}}
}

func sampleAccount() wire.Account {
	return wire.Account{ID: "acc_treasury", Name: "Treasury", Chain: "eip155:31337", Address: "0x52908400098527886E0F7030069857D2E4169EE7",
		Rules:    governance.Set{Version: 1, Rules: []governance.Rule{{Name: "two of three", Steps: []governance.Step{{Name: "approve", Quorum: 2, Members: []string{"mem_alice", "mem_bob", "mem_carol"}}}}}},
		Balances: []wire.Balance{{Asset: "ethereum", Amount: "1.084904123456789012"}},
		Entries: []wire.LedgerEntry{{ID: "ent1", At: noon.Add(-26 * time.Hour), Text: "Delivery of order ord_3kd9s8f7", Order: orderID, Postings: []wire.Posting{
			{Ledger: "vault:acc_treasury", Side: "debit", Asset: "ethereum", Amount: "1.084904123456789012"},
			{Ledger: "provider:northpay", Side: "credit", Asset: "ethereum", Amount: "1.084904123456789012"}}}},
		Deposits: []wire.Deposit{
			{ID: "dep_003", State: wire.DepositPending, Chain: "eip155:31337", Address: address1, Request: requestID, Order: orderID, Asset: "ethereum", Amount: "0.5", TxHash: "0xdef", At: noon.Add(-time.Minute), Confirmations: 3, Needed: 12},
			{ID: "dep_002", State: wire.DepositFinal, Chain: "eip155:31337", Address: address1, Request: requestID, Asset: "ethereum", Amount: "0.000000000000000001", At: noon.Add(-2 * time.Hour), Confirmations: 600, Needed: 12},
			{ID: "dep_001", State: wire.DepositFinal, Chain: "eip155:31337", Address: address1, Request: requestID, Order: orderID, Asset: "ethereum", Amount: "1.084904123456789012", TxHash: "0xabc", At: noon.Add(-26 * time.Hour), Confirmations: 9000, Needed: 12}}}
}

func sampleRow(provider, name, crypto, price string, life time.Duration) *quote.Row {
	return &quote.Row{ID: "quo_" + provider, Provider: provider, ProviderName: name, Fiat: "EUR", FiatAmount: "250", Asset: "ethereum", AssetPlaces: 18,
		CryptoAmount: crypto, UnitPrice: price, KYC: "light", PriceType: "firm", Settlement: &quote.Range{Min: 60, Max: 600}, ReceivedAt: noon, ExpiresAt: noon.Add(life)}
}

func sampleRequest(state string) wire.Request {
	at := noon.Add(-4 * time.Minute)
	r := wire.Request{ID: requestID, Entity: "ent_sandbox", State: state, Rule: wire.Rule{Name: "two of three", Version: 1},
		Intent: intenttest.Doc(intent.Buy{Kind: intent.KindBuy, V: 1, Account: "acc_treasury", AccountName: "Treasury", Provider: "northpay", ProviderName: "Northpay",
			Fiat: intent.Fiat{Amount: "250", Currency: "EUR"}, Crypto: intent.Crypto{Amount: "0.094904123456789012", Asset: "ethereum"}, Minimum: "0.094429602839505066",
			Chain: "eip155:31337", Address: address1, PaymentMethod: "card", Country: "FR", Quote: "quo_northpay"}),
		Reasons: []string{"The rule “two of three” governs every purchase from this account."}, Step: 1, Needed: 2, Approved: 1,
		Steps: []governance.Progress{{Name: "approve", Needed: 2, Approved: []string{"mem_alice"}, Waiting: []string{"mem_bob", "mem_carol"}}},
		Approvers: []wire.Approver{{Member: "mem_alice", Name: "Alice Martin", Decision: "APPROVE", At: &at, Curve: "secp256k1", ChannelIn: "token"},
			{Member: "mem_bob", Name: "Bob Okafor", Curve: "P-256", ChannelIn: "token"}, {Member: "mem_carol", Name: "Carol Nguyen", Curve: "secp256k1", ChannelIn: "software"}},
		Address:   &wire.DepositInfo{Chain: "eip155:31337", Address: address1, Verified: true},
		History:   []wire.Event{{At: noon.Add(-6 * time.Minute), Type: "request", Text: "Requested", Seq: 4}, {At: at, Type: "approval", Text: "Alice Martin approved", Seq: 5}},
		CreatedAt: noon.Add(-6 * time.Minute), ExpiresAt: noon.Add(54 * time.Minute)}
	if state != wire.RequestPending {
		bob := noon.Add(-time.Minute)
		r.Approvers[1].Decision, r.Approvers[1].At, r.Approved = "APPROVE", &bob, 2
		by := bob.Add(24 * time.Hour)
		r.UseBy = &by
	}
	return r
}

// sampleTransfer is a request that sends something.
func sampleTransfer(state string) wire.Request {
	r := sampleRequest(state)
	i := intent.Transfer{Kind: intent.KindTransfer, V: 1, Account: "acc_treasury", AccountName: "Treasury", Crypto: intent.Crypto{Amount: "1.5", Asset: "ethereum"},
		Chain: "eip155:31337", To: intent.Recipient{Address: address1}, MaxFee: intent.Crypto{Amount: "0.0021", Asset: "ethereum"}, Purpose: "Invoice 2026-117"}
	r.ID, r.Intent, r.Sentence, r.Address = "req_transfer", intenttest.Doc(i), i.Title(), nil
	return r
}

func sampleSending(state, sending string) wire.Request {
	r := sampleTransfer(state)
	r.Sending, r.UseBy = &wire.Sending{State: sending, Hash: "0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060", Needed: 12}, nil
	return r
}

func sampleOrder(state string) wire.Order {
	o := wire.Order{ID: orderID, Request: requestID, Account: "acc_treasury", State: state, Provider: "northpay", ProviderName: "Northpay",
		Fiat: intent.Fiat{Amount: "250", Currency: "EUR"}, Promised: intent.Crypto{Amount: "0.094904123456789012", Asset: "ethereum"}, Minimum: "0.094429602839505066",
		Chain: "eip155:31337", Address: address1, CreatedAt: noon.Add(-3 * time.Minute), UpdatedAt: noon,
		History: []wire.Event{{At: noon.Add(-3 * time.Minute), Type: "order", Text: "Order made", Seq: -1}}}
	if state == wire.OrderCompleted {
		o.Delivered = &intent.Crypto{Amount: "0.094904", Asset: "ethereum"}
		o.Deposits = []wire.Deposit{{ID: "dep_001", State: wire.DepositFinal, Chain: o.Chain, Address: o.Address, Asset: "ethereum", Amount: "0.094904", TxHash: "0x3b0c7ffb4f2d2f0d9d7a90e1f5f2e3c4d5b6a7980716253443526170f9e8d7c6", Block: 12, At: noon, Confirmations: 12, Needed: 12, Order: o.ID}}
		o.Difference, o.DifferencePct, o.TxHash = "-0.000000123456789012", "0.00", "0x3b0c7ffb4f2d2f0d9d7a90e1f5f2e3c4d5b6a7980716253443526170f9e8d7c6"
	}
	return o
}

func identities() []frame.Identity {
	one := func(member, name, device, curve string) frame.Identity {
		return frame.Identity{Entity: "ent_sandbox", EntityName: "Sandbox Treasury", Member: member, MemberName: name, Device: device, Curve: curve, Present: true, ChannelIn: "token"}
	}
	return []frame.Identity{one("mem_alice", "Alice Martin", "alice", "secp256k1"), one("mem_bob", "Bob Okafor", "bob", "P-256"), one("mem_carol", "Carol Nguyen", "carol", "secp256k1")}
}

// stage is a model with what every scene has.
func stage(path string) *Model {
	keys := 0
	m := New(Config{Environment: "sandbox", User: "Alice Martin", Origin: "https://dashboard.example.com", NewKey: func() string { keys++; return "key" + itoa(keys) }, Words: Words{Decimal: "."}}, noon)
	m.Update(Started{Path: path})
	m.Update(Loaded{What: TheEntity, Value: sampleEntity()})
	m.Update(Loaded{What: TheProviders, Value: sampleProviders()})
	m.Update(Loaded{What: TheAccounts, Value: []wire.Account{sampleAccount()}})
	m.Update(ClockSet{})
	m.Update(TokenChanged{Status: auth.Status{Until: noon.Add(14 * time.Minute)}})
	return m
}

// failed is how the shell tells that there is no line to the bridge.
func failed(p bridgeclient.Problem, code fault.Code) BridgeChanged {
	return BridgeChanged{State: BridgeFailed, Err: &bridgeclient.Error{Problem: p, Fault: fault.New(code, string(p))}}
}

func ready(m *Model) *Model {
	m.Update(BridgeChanged{State: BridgeReady, Name: "bridge", Version: "1.0.0", Identities: identities()})
	return m
}

func quoted(m *Model) *Model {
	m.Update(Acted{Action: "buy.field:amount", Value: "250"})
	m.Update(Acted{Action: "buy.ask"})
	north := sampleRow("northpay", "Northpay", "0.094904123456789012", "2634.24", 28*time.Second)
	north.Fees = []quote.Fee{{Type: "provider", Amount: "2.50", Currency: "EUR"}, {Type: "network", Amount: "0.40", Currency: "EUR"}}
	m.Update(OfferCame{Seq: m.board.Seq, Offer: quoteui.Offer{Provider: "northpay", Row: north}})
	return m
}

func all(m *Model) *Model {
	quoted(m)
	m.Update(OfferCame{Seq: m.board.Seq, Offer: quoteui.Offer{Provider: "coinharbor", Row: sampleRow("coinharbor", "Coinharbor", "0.0943", "2651.12", 9*time.Second)}})
	m.Update(OfferCame{Seq: m.board.Seq, Offer: quoteui.Offer{Provider: "meridian", Out: &quote.Excluded{Provider: "meridian", ProviderName: "Meridian", Stage: quote.StageEligibility,
		Code: quote.AmountBelowMin, Message: "Meridian needs at least EUR 300.", Params: &quote.Params{Min: "300", Max: "50000", Currency: "EUR"}, Fix: &quote.Fix{Field: "amount", Value: "300", Opens: 1, Text: "Pay EUR 300 instead"}}}})
	return m
}

func pending(m *Model) *Model {
	m.Update(Loaded{What: TheRequests, Value: pageOf([]wire.Request{sampleRequest(wire.RequestPending)})})
	m.Update(Loaded{What: TheRequest, ID: requestID, Value: sampleRequest(wire.RequestPending)})
	for _, k := range []string{"mem_alice", "mem_bob", "mem_carol"} {
		m.Update(Loaded{What: TheStatement, ID: requestID + " " + k, Value: previewOf(statement.Approval{Entity: "ent_sandbox", EntityName: "Sandbox Treasury", Request: requestID,
			Step: 1, Decision: "APPROVE", Member: k, MemberName: m.name(k), Key: "Xk3…", GovernedBy: statement.GovernedBy{Rule: "two of three", Version: 1}, Intent: sampleRequest(wire.RequestPending).Intent, Expires: noon.Add(5 * time.Minute).Unix()})})
	}
	return m
}

// unsentRequest waits until alice or bob signs and sends it.
func unsentRequest() wire.Request {
	r := sampleRequest(wire.RequestPending)
	r.State = wire.RequestUnsent
	r.Rule.Name, r.Reasons = "four eyes", []string{"waiting for Alice Martin or Bob Okafor to sign and send it"}
	r.Steps = []governance.Progress{{Name: "others", Needed: 1, Approved: []string{}, Waiting: []string{}}}
	r.Approvers = r.Approvers[:2]
	r.Approvers[0].Decision, r.Approvers[0].At = "", nil
	r.Needed, r.Approved, r.History = 1, 0, r.History[:1]
	return r
}

func sending(m *Model, more ...Msg) *Model {
	r := unsentRequest()
	m.Update(Loaded{What: TheRequests, Value: pageOf([]wire.Request{r})})
	m.Update(Loaded{What: TheRequest, ID: requestID, Value: r})
	for _, k := range []string{"mem_alice", "mem_bob"} {
		m.Update(Loaded{What: TheStatement, ID: requestID + " " + k, Value: previewOf(statement.Approval{Entity: "ent_sandbox", EntityName: "Sandbox Treasury", Request: requestID,
			Decision: statement.Initiate, Member: k, MemberName: m.name(k), Key: "Xk3…", GovernedBy: statement.GovernedBy{Rule: "four eyes", Version: 1}, Intent: r.Intent, Expires: noon.Add(5 * time.Minute).Unix()})})
	}
	for _, msg := range more {
		m.Update(msg)
	}
	return m
}

// initiated is a request that alice signed and sent.
func initiated(m *Model) *Model {
	r := unsentRequest()
	alice := r.Approvers[0]
	at := noon.Add(-time.Minute)
	alice.Decision, alice.At = statement.Initiate, &at
	r.State, r.Initiator, r.Reasons = wire.RequestPending, &alice, []string{"0 of 1 approval; waiting for Bob Okafor or Carol Nguyen"}
	r.Approvers = sampleRequest(wire.RequestPending).Approvers[1:]
	r.History = append(r.History, wire.Event{At: at, Type: "initiation", Text: "Alice Martin signed and sent it", Seq: 2})
	m.Update(Loaded{What: TheRequests, Value: pageOf([]wire.Request{r})})
	m.Update(Loaded{What: TheRequest, ID: requestID, Value: r})
	return m
}

func previewOf(a statement.Approval) string {
	text, err := statement.Preview(a)
	if err != nil {
		panic(err)
	}
	return text
}

// inbox has three requests that bob may decide on, and one that he may not.
func inbox(m *Model) *Model {
	first, second, third, other := sampleRequest(wire.RequestPending), sampleRequest(wire.RequestPending), sampleRequest(wire.RequestPending), sampleRequest(wire.RequestPending)
	second.ID = "req_second2"
	intenttest.Edit(&second.Intent, func(b *intent.Buy) { b.Fiat.Amount, b.Crypto.Amount, b.Minimum = "1000.50", "0.38", "0.37" })
	second.Approvers[0].Decision, second.Approved = "", 0
	third.ID = "req_third33"
	intenttest.Edit(&third.Intent, func(b *intent.Buy) {
		b.Fiat.Currency, b.Crypto, b.Minimum = "USD", intent.Crypto{Amount: "249.1", Asset: "ethereum/erc20/usd__coin"}, "247"
		b.ProviderName, b.AccountName = "Coinharbor", "Operations"
	})
	other.ID = "req_other1"
	other.Approvers = other.Approvers[:1]
	m.Update(Loaded{What: TheRequests, Value: pageOf([]wire.Request{first, second, third, other})})
	return m
}

func picked(m *Model) *Model {
	m.Update(Acted{Action: "sign.as:mem_bob"})
	m.Update(Acted{Action: "pick.all", Value: "true"})
	return m
}

// shownText are the lines of an open prompt, as a bridge tells them.
const shownText = "Decision      APPROVE this purchase\nYou pay       250 EUR by card, FR\nInto account  The treasury of a company whose name is long\n>             (acc_treasury)\n" +
	"You sign as   Bob (mem_bob)\nValid until   2026-11-20 12:05:07 UTC"

// scenes are the screens and their states, each reached by messages alone.
func scenes() map[string]func() *Model {
	request := "/requests/" + requestID
	deciding := func(more ...Msg) func() *Model {
		return func() *Model {
			m := pending(ready(stage(request)))
			m.Update(Acted{Action: "decide:APPROVE"})
			for _, msg := range more {
				m.Update(msg)
			}
			return m
		}
	}
	prompt := PromptChanged{Open: true, Kind: frame.PromptConfirm, Where: frame.WherePinentry}
	pin := PromptChanged{Open: true, Kind: frame.PromptPIN, Where: frame.WhereTerminal}
	closed := PromptChanged{}
	together := func(more ...Msg) func() *Model {
		return func() *Model {
			m := picked(inbox(ready(stage("/requests"))))
			m.Update(Acted{Action: "batch"})
			for _, msg := range more {
				m.Update(msg)
			}
			return m
		}
	}
	ended := func(state string) func() *Model {
		return func() *Model {
			m := ready(stage(request))
			m.Update(Loaded{What: TheRequest, ID: requestID, Value: sampleRequest(state)})
			return m
		}
	}
	shown := changeScenes()
	maps.Copy(shown, map[string]func() *Model{
		"buy-start": func() *Model { return stage("/") },
		"buy-loading": func() *Model {
			m := New(Config{Environment: "sandbox", NewKey: func() string { return "k" }}, noon)
			m.Update(Started{Path: "/buy"})
			return m
		},
		"buy-several-entities": func() *Model {
			m := stage("/buy")
			m.cfg.Entity, m.cfg.Entities = "ent_branch", []EntityChoice{{"ent_sandbox", "Sandbox Treasury"}, {"ent_branch", "Sandbox Branch"}}
			return m
		},
		"accounts-no-signer": func() *Model {
			m := stage("/accounts")
			m.entity.Value.Signer = "none"
			return m
		},
		"buy-streaming": func() *Model { return quoted(stage("/buy")) },
		"buy-quotes": func() *Model {
			m := all(ready(stage("/buy")))
			m.Update(QuotesEnded{Seq: m.board.Seq, Result: &quote.Result{}})
			return m
		},
		"buy-record": func() *Model {
			m := all(ready(stage("/buy")))
			row := sampleRow("northpay", "Northpay", "0.094904123456789012", "2634.20", time.Minute)
			row.Expected = &quote.Expected{Amount: "0.090765", Rank: 2, Record: quote.Record{Delivered: 12, Ended: 13, DeliveryRatio: "0.999863", CompletionOdds: "0.956521"}}
			m.Update(OfferCame{Seq: m.board.Seq, Offer: quoteui.Offer{Provider: "northpay", Name: "Northpay", Row: row}})
			known := sampleProviders()
			read := noon.Add(-20 * time.Minute)
			known[0].Freshness, known[0].FetchedAt = quote.Stale, &read
			m.Update(Loaded{What: TheProviders, Value: known})
			m.Update(QuotesEnded{Seq: m.board.Seq, Result: &quote.Result{}})
			return m
		},
		"order-expired": func() *Model {
			m, o := stage("/orders/"+orderID), sampleOrder(wire.OrderExpired)
			o.AtProvider = &wire.AtProvider{State: wire.OrderExpired, Word: "EXPIRED", At: noon, By: wire.ByPoll}
			o.Again = &quote.Input{From: "EUR", To: "ethereum", Amount: "250", PaymentMethod: "sepa", Country: "DE"}
			m.Update(Loaded{What: TheOrder, ID: orderID, Value: o})
			return m
		},
		"buy-expired": func() *Model {
			m := all(stage("/buy"))
			m.Update(QuotesEnded{Seq: m.board.Seq, Result: &quote.Result{}})
			m.Update(Tick{Now: noon.Add(time.Minute)})
			return m
		},
		"buy-too-little": func() *Model {
			m := stage("/buy")
			m.Update(Acted{Action: "buy.field:amount", Value: "5"})
			m.Update(Acted{Action: "buy.ask"})
			return m
		},
		"buy-offline": func() *Model { m := stage("/buy"); m.Update(NetworkChanged{}); return m },
		"buy-gateway-down": func() *Model {
			m := New(Config{NewKey: func() string { return "k" }}, noon)
			m.Update(Started{Path: "/buy"})
			down := fault.New(fault.Unavailable, "the gateway does not answer")
			m.Update(Loaded{What: TheEntity, Err: down})
			m.Update(Loaded{What: TheProviders, Err: down})
			m.Update(TokenChanged{Status: auth.Status{Err: down}})
			return m
		},
		"requests-inbox": func() *Model {
			m := ready(stage("/requests"))
			other := sampleRequest(wire.RequestPending)
			other.ID = "req_other1"
			for i := range other.Approvers {
				other.Approvers[i].Member = "mem_dave" + itoa(i)
			}
			done := sampleRequest(wire.RequestRejected)
			done.ID = "req_done1"
			m.Update(Loaded{What: TheRequests, Value: pageOf([]wire.Request{sampleRequest(wire.RequestPending), other, done})})
			return m
		},
		"requests-unpaired":       func() *Model { return inbox(stage("/requests")) },
		"requests-picked":         func() *Model { return picked(inbox(ready(stage("/requests")))) },
		"requests-together":       together(),
		"requests-together-read":  together(prompt, PromptShown{Text: "Decision      APPROVE 3 purchases\nAsked by      Sandbox Treasury (ent_sandbox); which person is not proven\n\n1 of 3\nYou pay       250 EUR by card, FR\n…\nTotal of 3 purchases\nYou pay       1 250.50 EUR"}),
		"requests-together-count": together(prompt, closed, BatchMoved{Done: 2, Of: 3}),
		"requests-together-done": together(prompt, closed, BatchMoved{Done: 3, Of: 3}, ItemEnded{Request: requestID, Text: "Decision  APPROVE 3 purchases", Done: 2, Needed: 2},
			ItemEnded{Request: "req_second2", Text: "Decision  APPROVE 3 purchases", Done: 1, Needed: 2}, ItemEnded{Request: "req_third33", Text: "Decision  APPROVE 3 purchases", Done: 1, Needed: 2}),
		"requests-together-partly": together(prompt, closed, BatchMoved{Done: 3, Of: 3}, ItemEnded{Request: requestID, Text: "Decision  APPROVE 3 purchases", Done: 2, Needed: 2},
			ItemEnded{Request: "req_second2", Err: fault.New(fault.DeviceRemoved, "gone")}, ItemEnded{Request: "req_third33", Err: fault.New(fault.DeviceRemoved, "gone")}),
		"requests-together-declined": together(prompt, closed, ItemEnded{Request: requestID, Err: fault.New(fault.Declined, "no")},
			ItemEnded{Request: "req_second2", Err: fault.New(fault.Declined, "no")}, ItemEnded{Request: "req_third33", Err: fault.New(fault.Declined, "no")}),
		"requests-empty": func() *Model {
			m := stage("/requests")
			m.Update(Loaded{What: TheRequests, Value: pageOf([]wire.Request{})})
			return m
		},
		"request-unpaired":        func() *Model { return pending(stage(request)) },
		"request-ready":           func() *Model { return pending(ready(stage(request))) },
		"request-reject":          func() *Model { m := pending(ready(stage(request))); m.Update(Acted{Action: "decide:REJECT"}); return m },
		"requests-unsent":         func() *Model { return sending(ready(stage("/requests"))) },
		"request-unsent":          func() *Model { return sending(ready(stage(request))) },
		"request-unsent-unpaired": func() *Model { return sending(stage(request)) },
		"request-unsent-by-others": func() *Model {
			return sending(ready(stage(request)), DevicesChanged{Identities: identities()[2:]})
		},
		"request-sending": func() *Model {
			return sending(ready(stage(request)), Acted{Action: "decide:INITIATE"}, prompt)
		},
		"request-sent": func() *Model {
			m := sending(ready(stage(request)), Acted{Action: "decide:INITIATE"}, prompt, closed, DecisionMoved{Stage: approvals.Signed}, DecisionEnded{Text: "Decision  ASK for this purchase", State: "PENDING_APPROVAL", Needed: 1})
			return initiated(m)
		},
		"request-initiated": func() *Model { return initiated(ready(stage(request))) },
		"request-no-bridge": func() *Model {
			m := pending(stage(request))
			m.Update(failed(bridgeclient.NotRunning, fault.Unavailable))
			return m
		},
		"request-blocked": func() *Model {
			m := pending(stage(request))
			m.Update(failed(bridgeclient.Denied, fault.Unavailable))
			return m
		},
		"request-asking": func() *Model {
			m := pending(stage(request))
			m.Update(Acted{Action: "decide:APPROVE"})
			m.Update(BridgeChanged{State: BridgeConnecting, Step: bridgeclient.Asking})
			return m
		},
		"request-in-use": func() *Model {
			m := pending(ready(stage(request)))
			list := identities()
			list[1].Holder, list[2].Lacks = "https://other.example", []string{"ECDH"}
			m.Update(DevicesChanged{Identities: list})
			m.Update(Acted{Action: "sign.as:mem_bob"})
			return m
		},
		"bridge-asking":      bridging(BridgeChanged{State: BridgeConnecting, Step: bridgeclient.Asking}),
		"bridge-pairing":     bridging(BridgeChanged{State: BridgePairing, Code: "492018"}),
		"bridge-key-changed": bridging(failed(bridgeclient.KeyChanged, fault.BridgeKeyChanged)),
		"bridge-relayed":     bridging(BridgeChanged{State: BridgeReady, Route: bridgeclient.Relay, Identities: identities()}),
		"request-pairing": func() *Model {
			m := pending(stage(request))
			m.Update(Acted{Action: "decide:APPROVE"})
			m.Update(BridgeChanged{State: BridgePairing, Code: "492018"})
			return m
		},
		"request-unplugged": func() *Model {
			m := pending(ready(stage(request)))
			list := identities()
			list[2].Present = false
			m.Update(DevicesChanged{Identities: list})
			return m
		},
		"request-channel":   deciding(),
		"request-pin":       deciding(pin),
		"request-unlocked":  deciding(pin, closed),
		"request-reading":   deciding(pin, closed, prompt, PromptShown{Text: shownText}),
		"request-no-pin":    deciding(prompt), // the device was unlocked
		"request-pin-wrong": deciding(pin, closed, PromptChanged{Open: true, Kind: frame.PromptPIN, Where: frame.WhereTerminal, Again: true}),
		"request-pin-again": deciding(prompt, closed, pin),
		"request-rejected":  ended(wire.RequestRejected),
		"request-expired":   ended(wire.RequestExpired),
		"request-denied":    ended(wire.RequestBlocked), // by a change of the vault
		"request-lapsed":    ended(wire.RequestLapsed),
		"request-signed":    deciding(prompt, DecisionMoved{Stage: approvals.Signed}),
		"request-verified":  deciding(prompt, DecisionEnded{Text: "Decision  APPROVE", State: wire.RequestPending, Done: 1, Needed: 2}),
		"request-declined":  deciding(prompt, DecisionEnded{Err: fault.New(fault.Declined, "declined")}),
		"request-no-answer": deciding(pin, closed, DecisionEnded{Err: fault.New(fault.Declined, "declined")}),
		"request-broken":    deciding(DecisionEnded{Err: fault.New(fault.Unavailable, "gone")}),
		"request-lost":      deciding(prompt, DecisionMoved{Stage: approvals.Signed}, DecisionEnded{Err: fault.New(fault.Unavailable, "gone").With(approvals.Unknown, "true")}, failed(bridgeclient.Lost, fault.Unavailable)),
		"request-wrong-pin": deciding(pin, closed, DecisionEnded{Err: fault.New(fault.PINIncorrect, "wrong").With("tries_left", "2")}),
		"request-pulled":    deciding(prompt, DecisionEnded{Err: fault.New(fault.DeviceRemoved, "gone")}),
		"request-transfer": func() *Model {
			m := ready(stage("/requests/req_transfer"))
			m.Update(Loaded{What: TheRequest, ID: "req_transfer", Value: sampleTransfer(wire.RequestPending)})
			return m
		},
		"request-transfer-sending": func() *Model {
			m := stage("/requests/req_transfer")
			m.Update(Loaded{What: TheRequest, ID: "req_transfer", Value: sampleSending(wire.RequestApproved, wire.SendingSubmitted)})
			return m
		},
		"request-transfer-failed": func() *Model {
			m := stage("/requests/req_transfer")
			m.Update(Loaded{What: TheRequest, ID: "req_transfer", Value: sampleSending(wire.RequestFailed, wire.SendingFailed)})
			return m
		},
		"requests-sending": func() *Model {
			m := ready(stage("/requests"))
			confirmed := sampleSending(wire.RequestCompleted, wire.SendingConfirmed)
			confirmed.ID = "req_confirmed"
			m.Update(Loaded{What: TheRequests, Value: pageOf([]wire.Request{sampleSending(wire.RequestApproved, wire.SendingIncluded), confirmed})})
			return m
		},
		"request-transfer-approved": func() *Model {
			m := stage("/requests/req_transfer")
			m.Update(Loaded{What: TheRequest, ID: "req_transfer", Value: sampleTransfer(wire.RequestApproved)})
			return m
		},
		"requests-picked-mixed": func() *Model {
			m := ready(stage("/requests"))
			m.Update(Loaded{What: TheRequests, Value: pageOf([]wire.Request{sampleRequest(wire.RequestPending), sampleTransfer(wire.RequestPending)})})
			return picked(m)
		},
		"request-approved": func() *Model {
			m := stage(request)
			m.Update(Loaded{What: TheRequest, ID: requestID, Value: sampleRequest(wire.RequestApproved)})
			return m
		},
		"request-price-changed": func() *Model {
			m := stage(request)
			m.Update(Loaded{What: TheRequest, ID: requestID, Value: sampleRequest(wire.RequestApproved)})
			m.Update(Acted{Action: "order.make:" + requestID})
			m.Update(OrderMade{Operation: "order " + requestID, Err: fault.New(fault.QuoteChanged, "changed").With("new", "0.0921")})
			return m
		},
		"order-deposit-seen": func() *Model {
			m := stage("/orders/" + orderID)
			m.Update(Loaded{What: TheOrder, ID: orderID, Value: sampleOrder(wire.OrderProcessing)})
			return m
		},
		"order-pay-again": func() *Model {
			m := stage("/orders/" + orderID)
			m.Update(Loaded{What: TheOrder, ID: orderID, Value: sampleOrder(wire.OrderRedirected)})
			m.Update(Acted{Action: "order.continue:" + orderID})
			m.Update(OrderMade{Operation: "ticket " + orderID, Err: fault.New(fault.DepositSeen, "seen").With("order", orderID)})
			m.Update(Acted{Action: "order.payagain:" + orderID})
			return m
		},
		"order-lapsed": func() *Model {
			m := stage("/orders/" + orderID)
			o := sampleOrder(wire.OrderRedirected)
			o.UseBy = &noon
			m.Update(Loaded{What: TheOrder, ID: orderID, Value: o})
			return m
		},
		"order-redirected": func() *Model {
			m := stage("/orders/" + orderID)
			m.Update(Loaded{What: TheOrder, ID: orderID, Value: sampleOrder(wire.OrderRedirected)})
			return m
		},
		"order-completed": func() *Model {
			m := stage("/orders/" + orderID)
			m.Update(Loaded{What: TheOrder, ID: orderID, Value: sampleOrder(wire.OrderCompleted)})
			return m
		},
		"order-reversed": func() *Model {
			m, o := stage("/orders/"+orderID), sampleOrder(wire.OrderProcessing)
			o.Pending = "0.05"
			o.Deposits = []wire.Deposit{{ID: "dep_002", State: wire.DepositPending, Chain: o.Chain, Address: o.Address, Asset: "ethereum", Amount: "0.05", Block: 13, At: noon, Confirmations: 1, Needed: 12},
				{ID: "dep_001", State: wire.DepositReversed, Chain: o.Chain, Address: o.Address, Asset: "ethereum", Amount: "0.094904", TxHash: "0xabc", Block: 12, At: noon.Add(-time.Minute), Needed: 12}}
			m.Update(Loaded{What: TheOrder, ID: orderID, Value: o})
			return m
		},
		"account-not-watched": func() *Model {
			m, a := stage("/accounts/acc_treasury"), sampleAccount()
			a.NotWatched = "deposits on Sandbox chain are not seen at present: its node cannot be read"
			m.Update(Loaded{What: TheAccount, ID: "acc_treasury", Value: a})
			return m
		},
		"order-on-hold": func() *Model {
			m, o := stage("/orders/"+orderID), sampleOrder(wire.OrderOnHold)
			o.AtProvider = &wire.AtProvider{State: wire.OrderOnHold, Word: "ON_HOLD", At: noon, By: wire.ByNotice}
			m.Update(Loaded{What: TheOrder, ID: orderID, Value: o})
			return m
		},
		"order-refunded": func() *Model {
			m, o := stage("/orders/"+orderID), sampleOrder(wire.OrderRefunded)
			o.AtProvider = &wire.AtProvider{State: wire.OrderRefunded, Word: "refunded", At: noon, By: wire.ByPoll}
			m.Update(Loaded{What: TheOrder, ID: orderID, Value: o})
			return m
		},
		"orders": func() *Model {
			m := stage("/orders")
			m.Update(Loaded{What: TheOrders, Value: []wire.Order{sampleOrder(wire.OrderCompleted)}})
			return m
		},
		"accounts": func() *Model { return stage("/accounts") },
		"account": func() *Model {
			m := stage("/accounts/acc_treasury")
			m.Update(Loaded{What: TheAccount, ID: "acc_treasury", Value: sampleAccount()})
			return m
		},
		"buy-review": func() *Model { return reviewed(stage("/buy")) },
		"buy-review-ended": func() *Model {
			m := reviewed(stage("/buy"))
			m.Update(Tick{Now: noon.Add(28 * time.Second)})
			next := sampleRow("northpay", "Northpay", "0.0948", "2637.13", time.Minute)
			next.ID = "quo_north2"
			m.Update(OfferCame{Seq: m.board.Seq, Offer: quoteui.Offer{Provider: "northpay", Row: next}})
			return m
		},
		"buy-by-record": func() *Model {
			m := quoted(stage("/buy"))
			north := sampleRow("northpay", "Northpay", "0.094904123456789012", "2634.24", 28*time.Second)
			coin := sampleRow("coinharbor", "Coinharbor", "0.0943", "2651.12", 28*time.Second)
			half := quote.Sum([]quote.Delivery{{Promised: "1", Delivered: "0.5"}, {Promised: "1"}})
			for row, record := range map[*quote.Row]quote.Record{north: half, coin: quote.Sum(nil)} {
				expected := quote.Expect(*row, record)
				m.Update(OfferCame{Seq: m.board.Seq, Offer: quoteui.Offer{Provider: row.Provider, Row: &expected}})
			}
			m.Update(Acted{Action: "buy.rank"})
			return m
		},
		"buy-two-ways": func() *Model {
			m := stage("/buy")
			m.Update(Acted{Action: "buy.field:amount", Value: "1.000"})
			return m
		},
		"buy-too-much": func() *Model {
			m := stage("/buy")
			m.Update(Acted{Action: "buy.field:amount", Value: "60000"})
			m.Update(Acted{Action: "buy.ask"})
			return m
		},
		"buy-down": func() *Model {
			m := quoted(stage("/buy"))
			m.Update(OfferCame{Seq: m.board.Seq, Offer: out("coinharbor", quote.Excluded{Stage: quote.StageEligibility, Code: quote.CircuitIsOpen})})
			m.Update(OfferCame{Seq: m.board.Seq, Offer: out("meridian", quote.Excluded{Stage: quote.StageTransport, Code: quote.ConnectError, Message: "Meridian cannot be reached."})})
			m.Update(QuotesEnded{Seq: m.board.Seq, Result: &quote.Result{}})
			return m
		},
		"keys": func() *Model {
			m := stage("/buy")
			m.Update(Acted{Action: "help"})
			return m
		},
		"requests-by-next": func() *Model {
			m := ready(stage("/requests"))
			var list []wire.Request
			for i, state := range []string{wire.RequestPending, wire.RequestApproved, wire.RequestOrdered, wire.RequestRejected, wire.RequestCompleted} {
				r := sampleRequest(state)
				r.ID = "req_each" + itoa(i)
				list = append(list, r)
			}
			m.Update(Loaded{What: TheRequests, Value: pageOf(list)})
			return m
		},
		"clock-ahead": func() *Model {
			m := stage("/accounts")
			m.Update(ClockSet{Skew: time.Hour})
			return m
		},
		"clock-behind": func() *Model {
			m := ready(stage("/requests"))
			m.Update(Loaded{What: TheRequests, Value: pageOf([]wire.Request{sampleRequest(wire.RequestPending)})})
			m.Update(ClockSet{Skew: -time.Hour})
			return m
		},
		"nowhere": func() *Model { return stage("/nothing/here") },
	})
	return shown
}

func scene(t *testing.T, name string) *Model {
	t.Helper()
	f, ok := scenes()[name]
	if !ok {
		t.Fatalf("no scene %q", name)
	}
	return f()
}
