package gateway_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/quote"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
	"countersign/web/internal/store"
)

func TestAnApprovalThatEndedIsNotUsed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		within int64 // of the rule
		old    bool  // the log does not say when the approval ends
		after  time.Duration
		ended  bool
	}{
		"just in time":             {0, false, 24*time.Hour - time.Second, false},
		"a day":                    {0, false, 24 * time.Hour, true},
		"400 days":                 {0, false, 400 * 24 * time.Hour, true},
		"an hour by the rule":      {3600, false, time.Hour, true},
		"a week by the rule":       {7 * 86400, false, 6 * 24 * time.Hour, false},
		"a day, in an old log":     {0, true, 24 * time.Hour, true},
		"an hour, in an old log":   {3600, true, time.Hour, true},
		"in time, in an old log":   {3600, true, time.Hour - time.Second, false},
		"a week by the rule, over": {7 * 86400, false, 7 * 24 * time.Hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := gatewaytest.New(t, func(r *governance.Rule) { r.UseWithin = c.within })
			ctx, me := t.Context(), gatewaytest.Caller()
			if c.old {
				w.Signer.Lie = gatewaytest.Changed(t, signedlog.Outcome, 0, func(b *signedlog.OutcomeBody) { b.UseBy = 0 })
			}
			r := w.Approved()
			w.Pass(c.after)
			r = must[wire.Request](t)(w.Gateway.Request(ctx, me, r.ID))
			lapsed := must[wire.Page[wire.Request]](t)(w.Gateway.Requests(ctx, me, wire.RequestLapsed, "", 25))
			approved := must[wire.Page[wire.Request]](t)(w.Gateway.Requests(ctx, me, wire.RequestApproved, "", 25))
			o, err := w.Gateway.NewOrder(ctx, me, r.ID)
			if !c.ended {
				if err != nil || o.Ticket == nil || r.State != wire.RequestApproved || len(lapsed.Items) != 0 || len(approved.Items) != 1 {
					t.Errorf("state %s, order %+v, %v", r.State, o, err)
				}
				return
			}
			gatewaytest.Refused(t, err, fault.ApprovalLapsed)
			f, _ := fault.As(err)
			if r.State != wire.RequestLapsed || r.UseBy == nil || f.Details["use_by"] != r.UseBy.Format(time.RFC3339) || !strings.HasPrefix(r.Reasons[0], "the approval ended at") {
				t.Errorf("request %+v, details %v", r, f.Details)
			}
			if len(lapsed.Items) != 1 || len(approved.Items) != 0 || len(w.Desk.Asked) != 0 {
				t.Errorf("%d lapsed, %d approved, the provider was asked %d times", len(lapsed.Items), len(approved.Items), len(w.Desk.Asked))
			}
		})
	}
}

func TestOnlyAPurchaseIsOrdered(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	ctx, me := t.Context(), gatewaytest.Caller()
	r := w.Approved()
	err := w.Store.Write(ctx, func(tx store.Tx) error {
		row, err := tx.Request(me.Entity, r.ID)
		if err != nil {
			return err
		}
		row.Intent = string(intenttest.Doc(intent.Transfer{
			Kind: intent.KindTransfer, V: 1, Account: "acc_treasury", AccountName: "Treasury", Crypto: intent.Crypto{Amount: "1.5", Asset: "ethereum"}, Chain: "eip155:31337",
			To: intent.Recipient{Address: "0x52908400098527886E0F7030069857D2E4169EE7"}, MaxFee: intent.Crypto{Amount: "0.0021", Asset: "ethereum"},
		}))
		return tx.PutRequest(row)
	})
	if err != nil {
		t.Fatal(err)
	}
	r = must[wire.Request](t)(w.Gateway.Request(ctx, me, r.ID))
	if r.State != wire.RequestApproved || r.Sentence != "Send 1.5 ethereum from account Treasury to address 0x52908400098527886E0F7030069857D2E4169EE7" || r.Address != nil {
		t.Errorf("%+v", r)
	}
	_, err = w.Gateway.NewOrder(ctx, me, r.ID)
	gatewaytest.Refused(t, err, fault.Conflict)
	if len(w.Desk.Asked) != 0 {
		t.Error("a provider was asked about a transfer")
	}
}

// An order that was made in time does not keep its approval alive.
func TestAnOrderDoesNotOutliveItsApproval(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	ctx, me := t.Context(), gatewaytest.Caller()
	r := w.Approved()
	w.Pass(24*time.Hour - time.Minute)
	o := must[wire.Order](t)(w.Gateway.NewOrder(ctx, me, r.ID))
	if !o.Ticket.ExpiresAt.Equal(*o.UseBy) {
		t.Errorf("the ticket lives until %s, the approval until %s", o.Ticket.ExpiresAt, o.UseBy)
	}
	w.Pass(time.Minute)
	_, err := w.Gateway.Redirect(ctx, ticketOf(t, o))
	gatewaytest.Refused(t, err, fault.TicketSpent)
	for range 2 {
		_, err = w.Gateway.NewTicket(ctx, me, o.ID, wire.TicketInput{})
		gatewaytest.Refused(t, err, fault.ApprovalLapsed)
		_, err = w.Gateway.NewOrder(ctx, me, r.ID)
		gatewaytest.Refused(t, err, fault.ApprovalLapsed)
		_, err = w.Gateway.NewTicket(ctx, me, o.ID, wire.TicketInput{PayAgain: true})
		gatewaytest.Refused(t, err, fault.ApprovalLapsed)
		w.Restart()
	}
	if len(w.Desk.Handed) != 0 || len(w.Desk.Asked) != 1 {
		t.Errorf("asked %d times, handed over %d times", len(w.Desk.Asked), len(w.Desk.Handed))
	}
}

func TestEachHandOffAsksThePriceAgain(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	ctx, me := t.Context(), gatewaytest.Caller()
	r := w.Approved()
	o := must[wire.Order](t)(w.Gateway.NewOrder(ctx, me, r.ID))
	w.Desk.Offer("0.05") // the approved minimum is 0.099
	changed := func(err error) {
		t.Helper()
		gatewaytest.Refused(t, err, fault.QuoteChanged)
		if f, _ := fault.As(err); f == nil || f.Details["new"] != "0.05" || f.Details["minimum"] != "0.099" || f.Details["quote"] == "" {
			t.Errorf("%v", err)
		}
	}
	_, err := w.Gateway.Redirect(ctx, ticketOf(t, o)) // made before the price fell
	changed(err)
	w.Pass(10 * time.Hour)
	_, err = w.Gateway.NewTicket(ctx, me, o.ID, wire.TicketInput{})
	changed(err)
	_, err = w.Gateway.NewOrder(ctx, me, r.ID)
	changed(err)
	if len(w.Desk.Handed) != 0 {
		t.Fatalf("handed over as %+v", w.Desk.Handed)
	}
	// Nothing is lost: it goes on when the price is good again, with the newest quote.
	w.Desk.Offer("0.0995")
	again := must[wire.Order](t)(w.Gateway.NewTicket(ctx, me, o.ID, wire.TicketInput{}))
	if again.ID != o.ID || again.Promised.Amount != "0.0995" {
		t.Errorf("order %+v", again)
	}
	w.Desk.Offer("0.0996")
	must[string](t)(w.Gateway.Redirect(ctx, ticketOf(t, again)))
	h := w.Desk.Handed[0]
	last := must[wire.Order](t)(w.Gateway.Order(ctx, me, o.ID))
	if h.Crypto != "0.0996" || h.Input.Dest != intenttest.Buy(r.Intent).Address || last.Promised.Amount != "0.0996" || last.State != wire.OrderRedirected {
		t.Errorf("handed over as %+v, order %+v", h, last)
	}
}

func TestPayingAgainMustBeSaid(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	ctx, me := t.Context(), gatewaytest.Caller()
	r := w.Approved()
	o := must[wire.Order](t)(w.Gateway.NewOrder(ctx, me, r.ID))
	early := must[wire.Order](t)(w.Gateway.NewTicket(ctx, me, o.ID, wire.TicketInput{}))
	must[string](t)(w.Gateway.Redirect(ctx, ticketOf(t, o)))
	must[struct{}](t)(struct{}{}, w.Gateway.Deposits(ctx, gatewaytest.ChainID))
	w.Chain.Deposit(intenttest.Buy(r.Intent).Address, "0.000000000000000001")
	must[struct{}](t)(struct{}{}, w.Gateway.Deposits(ctx, gatewaytest.ChainID))
	refused := func(err error) {
		t.Helper()
		gatewaytest.Refused(t, err, fault.DepositSeen)
		if f, _ := fault.As(err); f == nil || f.Details["order"] != o.ID {
			t.Errorf("%v does not name the order", err)
		}
	}
	_, err := w.Gateway.Redirect(ctx, ticketOf(t, early)) // made before the deposit
	refused(err)
	_, err = w.Gateway.NewTicket(ctx, me, o.ID, wire.TicketInput{Theme: "dark"})
	refused(err)
	_, err = w.Gateway.NewOrder(ctx, me, r.ID)
	refused(err)
	again := must[wire.Order](t)(w.Gateway.NewTicket(ctx, me, o.ID, wire.TicketInput{PayAgain: true}))
	must[string](t)(w.Gateway.Redirect(ctx, ticketOf(t, again)))
	last := must[wire.Order](t)(w.Gateway.Order(ctx, me, o.ID))
	if e := last.History[len(last.History)-1]; !strings.Contains(e.Text, "pay again") || last.State != wire.OrderProcessing {
		t.Errorf("order %s ends with %+v", last.State, e)
	}
}

// What came to an address before a later request got it is none of that request's.
func TestAnEarlierRequestsDepositDoesNotAskToPayAgain(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	ctx, me := t.Context(), gatewaytest.Caller()
	rejected := w.Requested()
	w.Signer.Decide(rejected.ID, "mem_bob", statement.Reject)
	must[struct{}](t)(struct{}{}, w.Gateway.Sync(ctx, gatewaytest.Entity))
	must[struct{}](t)(struct{}{}, w.Gateway.Deposits(ctx, gatewaytest.ChainID))
	w.Chain.Deposit(intenttest.Buy(rejected.Intent).Address, "0.5")
	must[struct{}](t)(struct{}{}, w.Gateway.Deposits(ctx, gatewaytest.ChainID))
	r := w.Approved()
	o := must[wire.Order](t)(w.Gateway.NewOrder(ctx, me, r.ID))
	if intenttest.Buy(r.Intent).Address != intenttest.Buy(rejected.Intent).Address || o.Ticket == nil || o.State != wire.OrderCreated {
		t.Errorf("order %+v", o)
	}
}

// The provider is asked for what the approvers signed, whatever became of the quote.
func TestAHandOffAsksForWhatWasApproved(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	ctx, me := t.Context(), gatewaytest.Caller()
	r := w.Approved()
	must[struct{}](t)(struct{}{}, w.Store.Write(ctx, func(tx store.Tx) error {
		q, err := tx.Quote(me.Entity, intenttest.Buy(r.Intent).Quote)
		q.Input.From, q.Input.To, q.Input.Amount, q.Row.CryptoAmount = "JPY", "bitcoin", "9", "9"
		return errors.Join(err, tx.PutQuote(q))
	}))
	o := must[wire.Order](t)(w.Gateway.NewOrder(ctx, me, r.ID))
	must[string](t)(w.Gateway.Redirect(ctx, ticketOf(t, o)))
	want := quote.Input{From: "EUR", To: "ethereum", Amount: "250", PaymentMethod: "card", Country: "FR", Dest: intenttest.Buy(r.Intent).Address}
	for _, asked := range append(w.Desk.Asked, w.Desk.Handed[0].Input) {
		if asked != want {
			t.Errorf("asked for %+v", asked)
		}
	}
}

// What runs out while the provider makes up its mind is not used.
func TestWhatRanOutMeanwhileIsNotHandedOver(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before, during time.Duration
		code           fault.Code
	}{
		"the price":    {0, 30 * time.Second, fault.Provider},
		"the approval": {24*time.Hour - 20*time.Second, 25 * time.Second, fault.ApprovalLapsed},
		"neither":      {0, 29 * time.Second, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := gatewaytest.New(t)
			ctx, me := t.Context(), gatewaytest.Caller()
			r := w.Approved()
			w.Pass(c.before)
			o := must[wire.Order](t)(w.Gateway.NewOrder(ctx, me, r.ID))
			w.Desk.During = func() { w.Pass(c.during) }
			url, err := w.Gateway.Redirect(ctx, ticketOf(t, o))
			gatewaytest.Refused(t, err, c.code)
			o = must[wire.Order](t)(w.Gateway.Order(ctx, me, o.ID))
			if (url == "") != (c.code != "") || (o.State == wire.OrderCreated) != (c.code != "") {
				t.Errorf("led to %q, order %s", url, o.State)
			}
		})
	}
}

// Who says "pay again" before anything was seen did not speak of the deposit that
// comes later.
func TestPayingAgainIsNotSaidInAdvance(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	ctx, me := t.Context(), gatewaytest.Caller()
	r := w.Approved()
	o := must[wire.Order](t)(w.Gateway.NewOrder(ctx, me, r.ID))
	early := must[wire.Order](t)(w.Gateway.NewTicket(ctx, me, o.ID, wire.TicketInput{PayAgain: true}))
	must[struct{}](t)(struct{}{}, w.Gateway.Deposits(ctx, gatewaytest.ChainID))
	w.Chain.Deposit(intenttest.Buy(r.Intent).Address, "0.1")
	must[struct{}](t)(struct{}{}, w.Gateway.Deposits(ctx, gatewaytest.ChainID))
	_, err := w.Gateway.Redirect(ctx, ticketOf(t, early))
	gatewaytest.Refused(t, err, fault.TicketSpent) // completed
	r = w.Approved()
	o = must[wire.Order](t)(w.Gateway.NewOrder(ctx, me, r.ID))
	early = must[wire.Order](t)(w.Gateway.NewTicket(ctx, me, o.ID, wire.TicketInput{PayAgain: true}))
	w.Chain.Deposit(intenttest.Buy(r.Intent).Address, "0.01")
	must[struct{}](t)(struct{}{}, w.Gateway.Deposits(ctx, gatewaytest.ChainID))
	_, err = w.Gateway.Redirect(ctx, ticketOf(t, early))
	gatewaytest.Refused(t, err, fault.DepositSeen)
	if len(w.Desk.Handed) != 0 {
		t.Errorf("handed over as %+v", w.Desk.Handed)
	}
}
