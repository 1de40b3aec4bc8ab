package gateway_test

import (
	"bytes"
	"crypto/rand"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/quote"
	"countersign/shared/wire"
	"countersign/web/internal/gateway"
	"countersign/web/internal/gateway/gatewaytest"
)

func TestWhatRanOutStaysSoWhenTheGatewaysClockIsSetBack(t *testing.T) {
	t.Parallel()
	back := func(w *gatewaytest.World) { w.Pass(-time.Hour); w.Pass(59 * time.Minute) }
	t.Run("quote", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		q := w.Quoted()
		back(w)
		_, err := w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), wire.RequestInput{QuoteID: q.ID, AccountID: "acc_treasury"}, "key-"+q.ID)
		expect(t, "code", string(fault.CodeOf(err)), string(fault.QuoteExpired))
		if fresh := w.Quoted(); !fresh.ExpiresAt.After(q.ExpiresAt.Add(58 * time.Minute)) {
			t.Errorf("a quote made afterwards ends at %s", fresh.ExpiresAt)
		}
	})
	t.Run("ticket", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		r := w.Approved()
		o := must[wire.Order](t)(w.Gateway.NewOrder(t.Context(), gatewaytest.Caller(), r.ID))
		back(w)
		_, err := w.Gateway.Redirect(t.Context(), ticketOf(t, o))
		expect(t, "code", string(fault.CodeOf(err)), string(fault.TicketSpent))
	})
}

func TestTheGatewaysTimeDoesNotGoBack(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	wall, passed := time.Date(2026, 11, 20, 21, 0, 0, 0, time.UTC), time.Duration(0)
	now := gateway.NewClock(func() time.Time { return wall }, func() time.Duration { return passed }, slog.New(slog.NewTextHandler(&out, nil))).Now
	start := now()
	for i, step := range []struct {
		wall, passed, want time.Duration // since the start
	}{
		{time.Minute, time.Minute, time.Minute},
		{time.Minute + time.Hour, 2 * time.Minute, time.Minute + time.Hour}, // it is set ahead, or the computer slept
		{2 * time.Minute, 3 * time.Minute, 2*time.Minute + time.Hour},       // and back
		{30 * time.Minute, 31 * time.Minute, 30*time.Minute + time.Hour},
		{-48 * time.Hour, 32 * time.Minute, 31*time.Minute + time.Hour},
		{2 * time.Hour, 33 * time.Minute, 2 * time.Hour}, // it has caught up
		{2*time.Hour + time.Minute, 34 * time.Minute, 2*time.Hour + time.Minute},
	} {
		wall, passed = start.Add(step.wall), step.passed
		if got := now().Sub(start); got != step.want {
			t.Errorf("step %d: %s, want %s", i, got, step.want)
		}
		_ = now() // the same moment again
	}
	if n := strings.Count(out.String(), "set back"); n != 1 || strings.Count(out.String(), "caught up") != 1 {
		t.Errorf("the log: %s", out.String())
	}
}

func TestTheGatewaysClockIsComparedWithWhatItSawBeforeARestart(t *testing.T) {
	t.Parallel()
	stopped := func(what string, err error) {
		t.Helper()
		f, ok := fault.As(err)
		if !ok || f.Code != fault.Unavailable || f.Details["reason"] != "clock" || !strings.Contains(f.Message, "countersign-gateway resume") {
			t.Errorf("%s: %v", what, err)
		}
	}
	// sold asks for all that must not be sold while the clock is not believed.
	sold := func(w *gatewaytest.World, q, approved, ordered, ticket string) map[string]error {
		_, quotes := w.Gateway.Quotes(t.Context(), gatewaytest.Caller(), quote.Input{From: "EUR", To: "ethereum", Amount: "250", PaymentMethod: "card", Country: "FR"}, "acc_treasury", false, nil)
		_, request := w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), wire.RequestInput{QuoteID: q, AccountID: "acc_treasury"}, "key-"+q)
		_, order := w.Gateway.NewOrder(t.Context(), gatewaytest.Caller(), approved)
		_, again := w.Gateway.NewTicket(t.Context(), gatewaytest.Caller(), ordered, wire.TicketInput{})
		_, redirect := w.Gateway.Redirect(t.Context(), ticket)
		return map[string]error{"quotes": quotes, "a request": request, "an order": order, "a ticket": again, "the use of a ticket": redirect}
	}
	for name, back := range map[string]func(*gatewaytest.World){
		"the clock is right again": func(w *gatewaytest.World) { w.Pass(59 * time.Minute) },
		"the operator confirms it": func(w *gatewaytest.World) {
			seen, ok, err := gateway.Resume(t.Context(), w.Store, w.Now())
			if err != nil || !ok || seen.Sub(w.Now()) < 50*time.Minute {
				t.Errorf("confirmed %v, seen %s, %v", ok, seen, err)
			}
			must[struct{}](t)(struct{}{}, w.Gateway.Tick(t.Context()))
		},
	} {
		w := gatewaytest.New(t)
		first, second := w.Approved(), w.Approved()
		o := must[wire.Order](t)(w.Gateway.NewOrder(t.Context(), gatewaytest.Caller(), first.ID))
		q := w.Quoted()
		must[struct{}](t)(struct{}{}, w.Gateway.Tick(t.Context()))
		w.Pass(-time.Hour)
		w.Restart()
		must[struct{}](t)(struct{}{}, w.Gateway.Sync(t.Context(), gatewaytest.Entity))
		for range 2 {
			for what, err := range sold(w, q.ID, second.ID, o.ID, ticketOf(t, o)) {
				stopped(name+", before: "+what, err)
			}
			must[struct{}](t)(struct{}{}, w.Gateway.Tick(t.Context())) // which keeps nothing while it is stopped
		}
		if h := w.Gateway.Health(t.Context()); h.Components["clock"] != "stopped" || h.Status != "degraded" {
			t.Errorf("%s: the health is %+v", name, h)
		}
		back(w)
		if h := w.Gateway.Health(t.Context()); h.Components["clock"] != "ok" || h.Status != "ok" {
			t.Errorf("%s: the health is %+v", name, h)
		}
		w.Quoted()
		must[wire.Order](t)(w.Gateway.NewOrder(t.Context(), gatewaytest.Caller(), second.ID))
		w.Restart()
		w.Quoted()
	}
}

func TestAPinnedQuoteWaitsForTheClock(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	q := w.Quoted()
	ask := func() error {
		_, err := w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), wire.RequestInput{QuoteID: q.ID, AccountID: "acc_treasury"}, "key-"+q.ID)
		return err
	}
	var down atomic.Bool
	w.Signer.Down = down.Load
	down.Store(true)
	expect(t, "pinned", string(fault.CodeOf(ask())), string(fault.SignerDown))
	must[struct{}](t)(struct{}{}, w.Gateway.Tick(t.Context()))
	down.Store(false)
	w.Pass(-time.Hour)
	w.Restart()
	must[struct{}](t)(struct{}{}, w.Gateway.Sync(t.Context(), gatewaytest.Entity))
	if f, ok := fault.As(ask()); !ok || f.Details["reason"] != "clock" {
		t.Errorf("while the clock is not believed: %v", f)
	}
	w.Pass(59 * time.Minute)
	if err := ask(); err != nil {
		t.Errorf("when it is right again: %v", err)
	}
}

func TestAClockThatIsALittleBehindAfterARestartGoesOnFromWhereItWas(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	q := w.Quoted()
	w.Pass(q.ExpiresAt.Sub(w.Now()) + time.Second)
	must[struct{}](t)(struct{}{}, w.Gateway.Tick(t.Context()))
	w.Pass(-time.Minute)
	w.Restart()
	_, err := w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), wire.RequestInput{QuoteID: q.ID, AccountID: "acc_treasury"}, "key-"+q.ID)
	expect(t, "code", string(fault.CodeOf(err)), string(fault.QuoteExpired))
	w.Quoted()
}

func TestTheOperatorsWordCountsWhileTheGatewayRunsToo(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	if _, ok, err := gateway.Resume(t.Context(), w.Store, w.Now()); ok || err != nil {
		t.Errorf("without a time that was seen: %v, %v", ok, err)
	}
	w.Pass(time.Hour)
	must[struct{}](t)(struct{}{}, w.Gateway.Tick(t.Context()))
	if _, ok, err := gateway.Resume(t.Context(), w.Store, w.Now()); ok || err != nil {
		t.Errorf("while the clock is right: %v, %v", ok, err)
	}
	w.Pass(-time.Hour)
	if ahead := w.Gateway.Clock().Now.Sub(w.Now()); ahead != time.Hour {
		t.Errorf("set back by an hour, it is %s ahead", ahead)
	}
	if _, ok, err := gateway.Resume(t.Context(), w.Store, w.Now()); !ok || err != nil {
		t.Errorf("confirmed %v, %v", ok, err)
	}
	must[struct{}](t)(struct{}{}, w.Gateway.Tick(t.Context()))
	if ahead := w.Gateway.Clock().Now.Sub(w.Now()); ahead != 0 {
		t.Errorf("confirmed, it is %s ahead", ahead)
	}
}

// The clocks of two processes differ a little: the earlier one does not set the time
// back that is kept, which would be the operator's word.
func TestAGatewayWhoseClockIsALittleBehindAnothersConfirmsNothing(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	var out bytes.Buffer
	ahead := gateway.NewClock(func() time.Time { return w.Now().Add(time.Second) }, func() time.Duration { return 0 }, slog.New(slog.NewTextHandler(&out, nil)))
	other := must[*gateway.Gateway](t)(gateway.New(t.Context(), gateway.Config{Store: w.Store, Clock: ahead, Now: ahead.Now, Rand: rand.Reader}))
	for range 3 {
		for _, g := range []*gateway.Gateway{other, w.Gateway} {
			if err := g.Tick(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if out.Len() > 0 {
		t.Errorf("the log: %s", out.String())
	}
}

// Whoever writes asks for the time, so nobody may keep the time while waiting to write.
func TestWhoWaitsForTheDatabaseKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	must[wire.Order](t)(w.Gateway.NewOrder(t.Context(), gatewaytest.Caller(), w.Approved().ID))
	for name, task := range map[string]func() error{
		"keeps the time":       func() error { return w.Gateway.Tick(t.Context()) },
		"reads a signer's log": func() error { w.Requested(); return w.Gateway.Sync(t.Context(), gatewaytest.Entity) },
		"reads a chain":        func() error { w.Chain.Mine(); return w.Gateway.Watch(t.Context(), gatewaytest.ChainID) },
		"asks providers":       func() error { return w.Gateway.AskProviders(t.Context()) },
		"answers":              func() error { w.Approved(); return nil },
	} {
		w.Pass(time.Hour) // leases and waits are over
		waited := 0
		w.Writing = func() {
			waited++
			answered := make(chan struct{})
			go func() {
				defer close(answered)
				w.Gateway.Clock()
				w.Gateway.Health(t.Context())
			}()
			select {
			case <-answered:
			case <-time.After(time.Minute): // only when it fails
				panic(name + ": the time is not told while the database is waited for")
			}
		}
		err := task()
		w.Writing = nil
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if waited == 0 {
			t.Errorf("%s: nothing was written", name)
		}
	}
}
