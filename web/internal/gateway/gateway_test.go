package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/intent/intenttest"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/gateway"
	"countersign/web/internal/gateway/gatewaytest"
)

const chainID = "eip155:31337"

func ticketOf(t *testing.T, o wire.Order) string {
	t.Helper()
	if o.Ticket == nil {
		t.Fatalf("order %+v has no ticket", o)
	}
	return strings.TrimPrefix(o.Ticket.URL, "/v1/redirect/")
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestPurchaseFromQuoteToLedgerWithARestartAfterEachStep(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	ctx, c := t.Context(), gatewaytest.Caller()
	q := w.Quoted()
	w.Restart()
	in := wire.RequestInput{QuoteID: q.ID, AccountID: "acc_treasury"}
	r := must[wire.Request](t)(w.Gateway.NewRequest(ctx, c, in, "the-key-1"))
	if r.State != wire.RequestPending || !r.Address.Verified || intenttest.Buy(r.Intent).Minimum != "0.099" || r.Needed != 2 || len(r.Approvers) != 3 {
		t.Fatalf("new request %+v", r)
	}
	w.Restart()
	w.Signer.Decide(r.ID, "mem_alice", statement.Approve)
	must[struct{}](t)(struct{}{}, w.Gateway.Sync(ctx, gatewaytest.Entity))
	w.Restart()
	_, err := w.Gateway.NewOrder(ctx, c, r.ID)
	gatewaytest.Refused(t, err, fault.Conflict)
	w.Signer.Decide(r.ID, "mem_bob", statement.Approve)
	must[struct{}](t)(struct{}{}, w.Gateway.Sync(ctx, gatewaytest.Entity))
	w.Restart()
	must[struct{}](t)(struct{}{}, w.Gateway.Deposits(ctx, chainID))
	o := must[wire.Order](t)(w.Gateway.NewOrder(ctx, c, r.ID))
	if w.Desk.Asked[0].Dest != intenttest.Buy(r.Intent).Address {
		t.Errorf("asked for %q, want the request's address", w.Desk.Asked[0].Dest)
	}
	w.Restart()
	again := must[wire.Order](t)(w.Gateway.NewOrder(ctx, c, r.ID))
	if again.ID != o.ID {
		t.Errorf("a second order %s of one request", again.ID)
	}
	url := must[string](t)(w.Gateway.Redirect(ctx, ticketOf(t, o)))
	if !strings.HasSuffix(url, o.ID) || w.Desk.Handed[0].Return != "https://page.example/orders/"+o.ID {
		t.Errorf("handed over to %s as %+v", url, w.Desk.Handed[0])
	}
	_, err = w.Gateway.Redirect(ctx, ticketOf(t, o))
	gatewaytest.Refused(t, err, fault.TicketSpent)
	w.Restart()
	w.Chain.Deposit(intenttest.Buy(r.Intent).Address, "0.0995")
	for range 3 { // what was booked once is not booked again
		must[struct{}](t)(struct{}{}, w.Gateway.Deposits(ctx, chainID))
		w.Restart()
	}
	o = must[wire.Order](t)(w.Gateway.Order(ctx, c, o.ID))
	if o.State != wire.OrderCompleted || o.Delivered.Amount != "0.0995" || o.Difference != "-0.0005" || o.DifferencePct != "-0.50" || o.BelowMinimum {
		t.Errorf("order %+v", o)
	}
	a := must[wire.Account](t)(w.Gateway.Account(ctx, c, "acc_treasury"))
	if len(a.Entries) != 2 || len(a.Balances) != 1 || a.Balances[0] != (wire.Balance{Asset: "ethereum", Amount: "0.0995"}) {
		t.Errorf("account %+v", a)
	}
	r = must[wire.Request](t)(w.Gateway.Request(ctx, c, r.ID))
	if r.State != wire.RequestCompleted || len(r.History) != 8 {
		t.Errorf("request %s with history %+v", r.State, r.History)
	}
}

func TestPurposeAndReferenceReachTheVaultAndNoProvider(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	const why, ref = "Gas for the payroll of November", "PAY-2026-11"
	r := must[wire.Request](t)(w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), wire.RequestInput{QuoteID: w.Quoted().ID, AccountID: "acc_treasury", Purpose: why, Reference: ref}, "the-key-1"))
	if got := intenttest.Buy(r.Intent); got.Purpose != why || got.Reference != ref {
		t.Errorf("the vault was told %q, %q", got.Purpose, got.Reference)
	}
	for _, member := range []string{"mem_alice", "mem_bob"} {
		w.Signer.Decide(r.ID, member, statement.Approve)
	}
	must[struct{}](t)(struct{}{}, w.Gateway.Sync(t.Context(), gatewaytest.Entity))
	must[struct{}](t)(struct{}{}, w.Gateway.Deposits(t.Context(), chainID))
	o := must[wire.Order](t)(w.Gateway.NewOrder(t.Context(), gatewaytest.Caller(), r.ID))
	must[string](t)(w.Gateway.Redirect(t.Context(), ticketOf(t, o)))
	if told := fmt.Sprintf("%+v %+v", w.Desk.Asked, w.Desk.Handed); len(w.Desk.Asked) == 0 || len(w.Desk.Handed) == 0 || strings.Contains(told, why) || strings.Contains(told, ref) {
		t.Errorf("the provider was told %s", told)
	}
}

func TestRequestSurvivesASignerThatIsDown(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	var down atomic.Bool
	w.Signer.Down = down.Load
	q := w.Quoted()
	in := wire.RequestInput{QuoteID: q.ID, AccountID: "acc_treasury"}
	down.Store(true)
	_, err := w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), in, "the-key-1")
	gatewaytest.Refused(t, err, fault.SignerDown)
	w.Restart()
	w.Pass(time.Hour) // the quote was pinned in time
	down.Store(false)
	r := must[wire.Request](t)(w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), in, "the-key-2"))
	again := must[wire.Request](t)(w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), in, "the-key-1"))
	if again.ID != r.ID {
		t.Errorf("requests %s and %s of one quote", r.ID, again.ID)
	}
	_, err = w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), in, "the-key-3")
	gatewaytest.Refused(t, err, fault.Conflict)
}

func TestQuoteThatRanOutIsRefused(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	q := w.Quoted()
	w.Pass(31 * time.Second)
	_, err := w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), wire.RequestInput{QuoteID: q.ID, AccountID: "acc_treasury"}, "the-key-1")
	gatewaytest.Refused(t, err, fault.QuoteExpired)
}

func TestWorsePriceLosesNothing(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	r := w.Approved()
	w.Desk.Offer("0.0989")
	_, err := w.Gateway.NewOrder(t.Context(), gatewaytest.Caller(), r.ID)
	gatewaytest.Refused(t, err, fault.QuoteChanged)
	f, _ := fault.As(err)
	if f.Details["old"] != "0.1" || f.Details["new"] != "0.0989" || f.Details["minimum"] != "0.099" {
		t.Errorf("details %v", f.Details)
	}
	in := wire.RequestInput{QuoteID: f.Details["quote"], AccountID: "acc_treasury"}
	must[wire.Request](t)(w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), in, "the-key-1"))
	w.Desk.Offer("0.099")
	must[wire.Order](t)(w.Gateway.NewOrder(t.Context(), gatewaytest.Caller(), r.ID))
}

func TestRejectionClosesARequest(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	r := w.Requested()
	w.Signer.Decide(r.ID, "mem_bob", statement.Reject)
	must[struct{}](t)(struct{}{}, w.Gateway.Sync(t.Context(), gatewaytest.Entity))
	r = must[wire.Request](t)(w.Gateway.Request(t.Context(), gatewaytest.Caller(), r.ID))
	if r.State != wire.RequestRejected {
		t.Errorf("state %s", r.State)
	}
	_, err := w.Gateway.NewOrder(t.Context(), gatewaytest.Caller(), r.ID)
	gatewaytest.Refused(t, err, fault.RequestClosed)
}

func TestRequestExpiresByTheClock(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	r := w.Requested()
	w.Pass(25 * time.Hour)
	r = must[wire.Request](t)(w.Gateway.Request(t.Context(), gatewaytest.Caller(), r.ID))
	if r.State != wire.RequestExpired {
		t.Errorf("state %s", r.State)
	}
}

// An address that the vault's key did not attest, or that is not the one of its key in
// the letters of EIP-55, is not in a log that is read: nobody is shown it.
func TestALogWithAnAddressThatIsNotTheVaultsIsNotRead(t *testing.T) {
	t.Parallel()
	const another = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
	flipped := func(address string) string { // one letter in the other case
		i := strings.LastIndexAny(address, "abcdefABCDEF")
		c := address[i : i+1]
		if up := strings.ToUpper(c); up != c {
			c = up
		} else {
			c = strings.ToLower(c)
		}
		return address[:i] + c + address[i+1:]
	}
	for name, lie := range map[string]func(*string, *statement.Address){
		"it was not attested":        func(_ *string, a *statement.Address) { a.Address = another },
		"a letter in the other case": func(to *string, a *statement.Address) { *to, a.Address = flipped(*to), flipped(*to) },
		"another address":            func(to *string, a *statement.Address) { *to, a.Address = another, another },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := gatewaytest.New(t)
			good := w.Requested()
			w.Signer.Readdress(lie)
			q := w.Quoted()
			_, err := w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), wire.RequestInput{QuoteID: q.ID, AccountID: "acc_treasury"}, "the-key-1")
			gatewaytest.Refused(t, err, fault.LogCorrupt)
			w.Restart()
			gatewaytest.Refused(t, w.Gateway.Sync(t.Context(), gatewaytest.Entity), fault.LogCorrupt)
			all := must[wire.Page[wire.Request]](t)(w.Gateway.Requests(t.Context(), gatewaytest.Caller(), "", "", 10))
			if len(all.Items) != 1 || all.Items[0].ID != good.ID {
				t.Errorf("shown: %+v", all.Items)
			}
		})
	}
}

func TestLogOfAnotherSignerIsRefused(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	other := gatewaytest.NewSigner(t, w.Now)
	w.Signer.Socket = other.Socket
	w.Restart()
	gatewaytest.Refused(t, w.Gateway.Sync(t.Context(), gatewaytest.Entity), fault.LogCorrupt)
	if h := w.Gateway.Health(t.Context()); h.Components["signer"] != "log_corrupt" {
		t.Errorf("health %+v", h)
	}
}

// TestACheckpointInTheLogIsHeldAgainstWhatTheLogSays: it changes nothing, and one of
// another state is a lie of the signer's.
func TestACheckpointInTheLogIsHeldAgainstWhatTheLogSays(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	r := w.Requested()
	w.Signer.Checkpoint()
	w.Signer.Decide(r.ID, "mem_alice", statement.Approve)
	w.Signer.Decide(r.ID, "mem_bob", statement.Approve)
	for range 2 {
		if err := w.Gateway.Sync(t.Context(), gatewaytest.Entity); err != nil {
			t.Fatal(err)
		}
		if got := must[wire.Request](t)(w.Gateway.Request(t.Context(), gatewaytest.Caller(), r.ID)); got.State != wire.RequestApproved {
			t.Errorf("%+v", got)
		}
		w.Restart()
	}
	w.Signer.Lie = gatewaytest.Changed(t, signedlog.Checkpoint, len(w.Signer.Lines()), func(b *signedlog.CheckpointBody) { b.State = signedlog.Hash(nil) })
	w.Signer.Checkpoint()
	gatewaytest.Refused(t, w.Gateway.Sync(t.Context(), gatewaytest.Entity), fault.LogCorrupt)
}

func TestASignerThatStoppedBecauseOfItsClockIsShown(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	says := func(want, status string) {
		t.Helper()
		if err := w.Gateway.Sync(t.Context(), gatewaytest.Entity); err != nil {
			t.Fatal(err)
		}
		h := w.Gateway.Health(t.Context())
		e := must[wire.Entity](t)(w.Gateway.Entity(t.Context(), gatewaytest.Caller()))
		if h.Components["signer"] != want || h.Status != status || e.Signer != want {
			t.Errorf("health %+v, entity %s; want %s, %s", h, e.Signer, want, status)
		}
	}
	says("ok", "ok")
	w.Signer.Wrong = time.Hour
	must[struct{}](t)(struct{}{}, w.Signer.Sweep())
	says("stopped", "degraded")
	w.Signer.Wrong = 0
	must[struct{}](t)(struct{}{}, w.Signer.Sweep())
	says("ok", "ok")
}

func TestAnOrderMadeDuringAScanIsNotMissed(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	r := w.Approved()
	must[struct{}](t)(struct{}{}, w.Gateway.Deposits(t.Context(), chainID))
	w.Chain.Mine()
	var o wire.Order
	w.Chain.During = func() {
		o = must[wire.Order](t)(w.Gateway.NewOrder(t.Context(), gatewaytest.Caller(), r.ID))
		w.Chain.Deposit(intenttest.Buy(r.Intent).Address, "0.1")
	}
	must[struct{}](t)(struct{}{}, w.Gateway.Deposits(t.Context(), chainID))
	must[struct{}](t)(struct{}{}, w.Gateway.Deposits(t.Context(), chainID))
	o = must[wire.Order](t)(w.Gateway.Order(t.Context(), gatewaytest.Caller(), o.ID))
	if o.State != wire.OrderCompleted {
		t.Errorf("order is %s: its deposit was missed", o.State)
	}
}

func TestAnotherEntitySeesNothing(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	r := w.Approved()
	o := must[wire.Order](t)(w.Gateway.NewOrder(t.Context(), gatewaytest.Caller(), r.ID))
	stranger := gateway.Caller{Developer: "dev_other", Entity: "ent_other"}
	_, err := w.Gateway.Request(t.Context(), stranger, r.ID)
	gatewaytest.Refused(t, err, fault.NotFound)
	_, err = w.Gateway.Order(t.Context(), stranger, o.ID)
	gatewaytest.Refused(t, err, fault.NotFound)
	_, err = w.Gateway.NewOrder(t.Context(), stranger, r.ID)
	gatewaytest.Refused(t, err, fault.NotFound)
	_, err = w.Gateway.OpenChannel(t.Context(), stranger, "AAAA")
	gatewaytest.Refused(t, err, fault.EntityUnknown)
	_, err = w.Gateway.NewRequest(t.Context(), stranger, wire.RequestInput{QuoteID: intenttest.Buy(r.Intent).Quote, AccountID: "acc_treasury"}, "the-key-1")
	gatewaytest.Refused(t, err, fault.EntityUnknown)
}

func TestOnceGivesTheSameAnswerToTheSameKey(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	n := 0
	f := func() (any, error) { n++; return n, nil }
	ask := gateway.Ask{Scope: "s", Key: "the-key-1", Route: "POST /v1/x"}
	for range 2 {
		body, _, err := w.Gateway.Once(t.Context(), ask, f)
		if err != nil || string(body) != "1" {
			t.Errorf("answer %s %v", body, err)
		}
		w.Restart()
	}
	other := ask
	other.Hash[0] = 1
	_, _, err := w.Gateway.Once(t.Context(), other, f)
	gatewaytest.Refused(t, err, fault.Idempotency)
	secret := gateway.Ask{Scope: "s", Key: "the-key-2", Route: "POST /v1/x", Secret: true}
	for _, want := range []string{"2", "3"} {
		if body, _, err := w.Gateway.Once(t.Context(), secret, f); err != nil || string(body) != want {
			t.Errorf("answer %s %v, want %s", body, err, want)
		}
	}
	failing := gateway.Ask{Scope: "s", Key: "the-key-3", Route: "POST /v1/x"}
	if _, _, err := w.Gateway.Once(t.Context(), failing, func() (any, error) { return nil, context.Canceled }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if body, _, err := w.Gateway.Once(t.Context(), failing, f); err != nil || string(body) != "4" {
		t.Errorf("after a failure: %s %v", body, err)
	}
}
