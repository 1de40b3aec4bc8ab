package gateway_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/spec"
	"countersign/shared/wire"
	"countersign/web/internal/gateway"
	"countersign/web/internal/gateway/gatewaytest"
	"countersign/web/internal/report"
)

// told sends a signed notice of northpay about an order.
func told(t *testing.T, w *gatewaytest.World, event, order, state string, at time.Time) (wire.Noticed, error) {
	t.Helper()
	doc := map[string]any{"id": event, "order": map[string]any{"id": order, "state": state, "lastUpdated": at.Format(time.RFC3339Nano)}}
	body, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return w.Gateway.Notice(t.Context(), "northpay", report.Sign([]byte(gatewaytest.HookSecret), w.Now(), body), body, "client")
}

// said sends one that must be taken.
func said(t *testing.T, w *gatewaytest.World, event, order, state string, at time.Time) wire.Noticed {
	t.Helper()
	return must[wire.Noticed](t)(told(t, w, event, order, state, at))
}

func handedOver(t *testing.T, confirmations int64) (*gatewaytest.World, wire.Order) {
	t.Helper()
	w, _, o := ordered(t, confirmations)
	must[string](t)(w.Gateway.Redirect(t.Context(), ticketOf(t, o)))
	return w, o
}

// Each cell of the table of shared/spec/notices.md: what is said, and what the chain shows.
func TestTheStateOfAnOrderFollowsFromTheChainAndTheProvidersWord(t *testing.T) {
	t.Parallel()
	columns := []string{"", "0.05", "0.099"} // nothing, a part, enough
	for _, row := range spec.Table(t, "notices.md", "States", "said") {
		for i, amount := range columns {
			words, want := spec.Words(row[0]), spec.Words(row[i+1])
			t.Run(fmt.Sprint(row[0], i), func(t *testing.T) {
				t.Parallel()
				w, o := handedOver(t, 2)
				w.Scan()
				for n, word := range words {
					said(t, w, fmt.Sprint("evt_", n), o.ID, word, w.Now().Add(time.Duration(n)*time.Second))
				}
				if amount != "" {
					w.Chain.Deposit(o.Address, amount)
					w.Scan()
				}
				expect(t, "state", order(t, w, o).State, want[len(want)-1])
				if i < 2 {
					return
				}
				w.Chain.Mine()
				w.Scan()
				expect(t, "state when it is final", order(t, w, o).State, spec.Words(row[4])[0])
			})
		}
	}
}

func TestNoticesComeInAnyOrderAndMoreThanOnce(t *testing.T) {
	t.Parallel()
	w, o := handedOver(t, 1)
	at := w.Now()
	if got := said(t, w, "evt_3", o.ID, "refunded", at.Add(3*time.Second)); got.State != wire.OrderRefunded || !got.Changed || got.Order != o.ID {
		t.Errorf("%+v", got)
	}
	for range 2 {
		for event, c := range map[string]struct {
			state string
			after time.Duration
		}{"evt_1": {"pending", time.Second}, "evt_2": {"processing", 2 * time.Second}, "evt_3": {"refunded", 3 * time.Second}} {
			if got := said(t, w, event, o.ID, c.state, at.Add(c.after)); got.Changed || got.State != wire.OrderRefunded {
				t.Errorf("%s: %+v", event, got)
			}
		}
		w.Restart()
	}
	now := order(t, w, o)
	if now.AtProvider == nil || *now.AtProvider != (wire.AtProvider{State: "refunded", Word: "refunded", At: at.Add(3 * time.Second), By: wire.ByNotice}) {
		t.Errorf("%+v", now.AtProvider)
	}
	expect(t, "history", now.History[len(now.History)-1].Text, "NorthPay says: paid back (refunded)")
}

func TestAProvidersWordCompletesAndBooksNothing(t *testing.T) {
	t.Parallel()
	w, o := handedOver(t, 1)
	said(t, w, "evt_1", o.ID, "COMPLETED", w.Now())
	expect(t, "state", order(t, w, o).State, wire.OrderProcessing)
	expect(t, "paid", booked(t, account(t, w), "payments:acc_treasury", "EUR"), "0")
	w.Chain.Deposit(o.Address, "0.1")
	w.Scan()
	expect(t, "state", order(t, w, o).State, wire.OrderCompleted)
	said(t, w, "evt_2", o.ID, "failed", w.Now().Add(time.Second))
	expect(t, "state after a late word", order(t, w, o).State, wire.OrderCompleted)
}

func TestNoBuyerIsLedToPayAgainWhatTheProviderHas(t *testing.T) {
	t.Parallel()
	w, o := handedOver(t, 1)
	for i, word := range []string{"on_hold", "processing", "completed"} {
		said(t, w, fmt.Sprint("evt_", i), o.ID, word, w.Now().Add(time.Duration(i)*time.Second))
		_, err := w.Gateway.NewTicket(t.Context(), gatewaytest.Caller(), o.ID, wire.TicketInput{})
		gatewaytest.Refused(t, err, fault.DepositSeen)
		if err == nil || !strings.Contains(err.Error(), "NorthPay says that it has the payment") {
			t.Errorf("%v", err)
		}
	}
	must[wire.Order](t)(w.Gateway.NewTicket(t.Context(), gatewaytest.Caller(), o.ID, wire.TicketInput{PayAgain: true}))
}

func TestWhoContinuesAfterAFailureBeginsAgain(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"failed", "expired", "refunded"} {
		w, o := handedOver(t, 1)
		at := w.Now()
		said(t, w, "evt_1", o.ID, word, at)
		expect(t, "state", order(t, w, o).State, word)
		again := must[wire.Order](t)(w.Gateway.NewTicket(t.Context(), gatewaytest.Caller(), o.ID, wire.TicketInput{}))
		must[string](t)(w.Gateway.Redirect(t.Context(), ticketOf(t, again)))
		now := order(t, w, o)
		if now.State != wire.OrderRedirected || now.AtProvider != nil {
			t.Errorf("after %s: %s, %+v", word, now.State, now.AtProvider)
		}
		said(t, w, "evt_0", o.ID, word, at) // the old word, as another event
		expect(t, "state after the old word", order(t, w, o).State, wire.OrderRedirected)
		said(t, w, "evt_2", o.ID, "pending", at.Add(time.Second))
		expect(t, "state", order(t, w, o).State, wire.OrderPending)
	}
}

func TestANoticeThatCannotBeTrustedChangesNothing(t *testing.T) {
	t.Parallel()
	w, o := handedOver(t, 1)
	body := []byte(`{"id":"evt_1","order":{"id":"` + o.ID + `","state":"failed"}}`)
	signed := report.Sign([]byte(gatewaytest.HookSecret), w.Now(), body)
	for name, c := range map[string]struct {
		provider, header string
		body             []byte
		want             fault.Code
	}{
		"another provider's":         {"coinharbor", signed, body, fault.Unauthenticated},
		"a provider's without an id": {"", signed, body, fault.Unauthenticated},
		"a changed body":             {"northpay", signed, []byte(strings.Replace(string(body), "failed", "pending", 1)), fault.Unauthenticated},
		"an old one":                 {"northpay", report.Sign([]byte(gatewaytest.HookSecret), w.Now().Add(-6*time.Minute), body), body, fault.Unauthenticated},
	} {
		_, err := w.Gateway.Notice(t.Context(), c.provider, c.header, c.body, name)
		gatewaytest.Refused(t, err, c.want)
	}
	for field, doc := range map[string]string{
		"order.crypto.currency":   `"crypto":{"amount":1,"currency":"bitcoin"}`,
		"order.userWalletAddress": `"userWalletAddress":"0x52908400098527886E0F7030069857D2E4169EE7"`,
		"order.fiat.currency":     `"fiat":{"amount":250,"currency":"USD"}`,
		"order.lastUpdated":       `"lastUpdated":"` + w.Now().Add(6*time.Minute).Format(time.RFC3339) + `"`,
	} {
		body := []byte(`{"id":"evt_1","order":{"id":"` + o.ID + `","state":"failed",` + doc + `}}`)
		_, err := w.Gateway.Notice(t.Context(), "northpay", report.Sign([]byte(gatewaytest.HookSecret), w.Now(), body), body, "client")
		if f, _ := fault.As(err); fault.CodeOf(err) != fault.Invalid || f.Details["field"] != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	_, err := told(t, w, "evt_1", "ord_unknown", "failed", w.Now())
	gatewaytest.Refused(t, err, fault.NotFound)
	expect(t, "state", order(t, w, o).State, wire.OrderRedirected)
	if got := said(t, w, "evt_1", o.ID, "failed", w.Now()); !got.Changed { // what was refused did not use the event up
		t.Errorf("%+v", got)
	}
}

func TestWrongSignaturesAreLimitedAndRightOnesAreNot(t *testing.T) {
	t.Parallel()
	w, o := handedOver(t, 1)
	last := fault.Code("")
	for range gateway.WrongKeys + 1 {
		_, err := w.Gateway.Notice(t.Context(), "northpay", "t=1,v1="+strings.Repeat("00", 32), []byte(`{}`), "client")
		last = fault.CodeOf(err)
	}
	expect(t, "the last of many", string(last), string(fault.Limited))
	if got := said(t, w, "evt_1", o.ID, "pending", w.Now()); !got.Changed {
		t.Errorf("%+v", got)
	}
}

func TestAProvidersNoticesAreLimited(t *testing.T) {
	t.Parallel()
	w, o := handedOver(t, 1)
	send := func(event string) error { _, err := told(t, w, event, o.ID, "pending", w.Now()); return err }
	for i := range gateway.NoticesHeard {
		if err := send(fmt.Sprint("evt_", i%3)); err != nil {
			t.Fatal(err)
		}
	}
	gatewaytest.Refused(t, send("evt_more"), fault.Limited)
	w.Pass(time.Second)
	if err := send("evt_more"); err != nil {
		t.Error(err)
	}
}

func TestAProviderCannotMakeAnOrderGrow(t *testing.T) {
	t.Parallel()
	w, o := handedOver(t, 1)
	for i := range 40 {
		said(t, w, fmt.Sprint("evt_", i), o.ID, fmt.Sprintf("<b>\x1b[31m%d", i), w.Now().Add(time.Duration(i)*time.Millisecond))
	}
	now := order(t, w, o)
	if len(now.History) > 34 || now.History[0].Type != "order" || strings.ContainsRune(now.AtProvider.Word, 0x1b) || now.AtProvider.State != report.Unknown {
		t.Errorf("%d lines, %+v", len(now.History), now.AtProvider)
	}
	expect(t, "state", now.State, wire.OrderRedirected)
}

func TestProvidersAreAskedMoreSeldomTheLongerItTakes(t *testing.T) {
	t.Parallel()
	w, o := handedOver(t, 1)
	asked := 0
	state := report.Pending
	w.Desk.Says = func(id string) (report.Report, error) {
		asked++
		return report.Report{Order: id, State: state, Word: state}, nil
	}
	ask := func() int {
		t.Helper()
		before := asked
		must[struct{}](t)(struct{}{}, w.Gateway.AskProviders(t.Context()))
		return asked - before
	}
	for i, c := range []struct {
		wait time.Duration
		want int
	}{{0, 1}, {time.Second, 0}, {14 * time.Second, 1}, {20 * time.Minute, 1}, {16 * time.Second, 0}, {time.Minute, 1}, {3 * time.Hour, 1}, {2 * time.Minute, 0}, {15 * time.Minute, 1}} {
		w.Pass(c.wait)
		if got := ask(); got != c.want {
			t.Errorf("step %d: asked %d times, want %d", i, got, c.want)
		}
	}
	now := order(t, w, o)
	if now.State != wire.OrderPending || now.AtProvider.By != wire.ByPoll || len(now.History) != 3 { // ordered, handed over, one word
		t.Errorf("%+v", now)
	}
	state = report.Expired
	w.Pass(15 * time.Minute)
	ask()
	expect(t, "state", order(t, w, o).State, wire.OrderExpired)
	w.Pass(time.Hour)
	if ask() != 0 {
		t.Error("asked about an order that has ended")
	}
}

func TestAPollAndANoticeMeetInOneState(t *testing.T) {
	t.Parallel()
	w, o := handedOver(t, 1)
	at := w.Now()
	w.Desk.Says = func(id string) (report.Report, error) {
		return report.Report{Order: id, State: report.Processing, Word: "PAID", At: at.Add(time.Second)}, nil
	}
	said(t, w, "evt_1", o.ID, "on_hold", at.Add(2*time.Second))
	must[struct{}](t)(struct{}{}, w.Gateway.AskProviders(t.Context()))
	expect(t, "the older answer", order(t, w, o).State, wire.OrderOnHold)
	w.Pass(20 * time.Second)
	w.Desk.Says = func(string) (report.Report, error) {
		return report.Report{}, fault.New(fault.Provider, "NorthPay did not answer in time")
	}
	must[struct{}](t)(struct{}{}, w.Gateway.AskProviders(t.Context()))
	expect(t, "after a failure", order(t, w, o).State, wire.OrderOnHold)
}

func TestOneOfTwoProcessesAsksProviders(t *testing.T) {
	t.Parallel()
	w, _ := handedOver(t, 1)
	asked := 0
	w.Desk.Says = func(id string) (report.Report, error) {
		asked++
		return report.Report{}, fault.New(fault.Provider, "no")
	}
	other, stop := w.Beside()
	defer stop()
	for range 2 {
		must[struct{}](t)(struct{}{}, w.Gateway.AskProviders(t.Context()))
		must[struct{}](t)(struct{}{}, other.AskProviders(t.Context()))
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}
