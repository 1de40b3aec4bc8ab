package gateway_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/wire"
	"countersign/web/internal/gateway"
	"countersign/web/internal/gateway/gatewaytest"
	"countersign/web/internal/store"
)

// watch has a gateway look at the chain, and reports whether it asked the node.
func watch(t *testing.T, w *gatewaytest.World, g *gateway.Gateway) (asked bool) {
	t.Helper()
	var calls atomic.Int64
	w.Chain.Break(func(string) error { calls.Add(1); return nil })
	if err := g.Watch(t.Context(), gatewaytest.ChainID); err != nil {
		t.Fatal(err)
	}
	return calls.Load() > 0
}

func TestOneOfTwoGatewaysReadsAChainAndTheOtherTakesOverWhenItEnds(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	a := w.Gateway
	b, stop := w.Beside()
	defer stop()
	r := w.Approved()
	if !watch(t, w, b) || watch(t, w, a) {
		t.Fatal("not one of them reads the chain")
	}
	h := a.Health(t.Context())
	if h.Components["chain"] != wire.ChainOK || h.Chains[0].Head != b.Health(t.Context()).Chains[0].Head || h.Chains[0].LastProgress == nil {
		t.Errorf("what the other knows: %+v", h.Chains)
	}
	o := must[wire.Order](t)(a.NewOrder(t.Context(), gatewaytest.Caller(), r.ID))
	w.Chain.Deposit(o.Address, "0.1")
	for range 3 { // the holder keeps it
		w.Pass(10 * time.Second)
		if !watch(t, w, b) || watch(t, w, a) {
			t.Error("it was taken from a process that runs")
		}
	}
	expect(t, "state", must[wire.Order](t)(a.Order(t.Context(), gatewaytest.Caller(), o.ID)).State, wire.OrderCompleted)

	stop() // b is gone, and gave nothing back
	if watch(t, w, a) {
		t.Error("it was taken before its time")
	}
	w.Pass(16 * time.Second)
	if !watch(t, w, a) {
		t.Error("nobody reads the chain")
	}
}

func TestAGatewayThatStopsGivesItsLeasesBack(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	b, stop := w.Beside()
	defer stop()
	if !watch(t, w, b) || watch(t, w, w.Gateway) {
		t.Fatal("not one of them reads the chain")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b.Run(ctx)
	if !watch(t, w, w.Gateway) {
		t.Error("the lease was not given back")
	}
}

func TestTheChainsTroubleIsKnownToAllGateways(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	b, stop := w.Beside()
	defer stop()
	watch(t, w, b)
	w.Chain.Break(func(string) error { return errors.New("the plan has ended") })
	for range 2 {
		for _, g := range []*gateway.Gateway{b, w.Gateway} {
			if err := g.Watch(t.Context(), gatewaytest.ChainID); err != nil {
				t.Fatal(err)
			}
		}
		w.Pass(14 * time.Second)
	}
	w.Pass(time.Minute)
	if c := w.Gateway.Health(t.Context()).Chains[0]; c.Status != wire.ChainStalled || c.Reason == "" {
		t.Errorf("%+v", c)
	}
}

// blocked is a question whose answer waits.
func blocked(t *testing.T, g *gateway.Gateway, a gateway.Ask) (release func(answer string), done <-chan error) {
	t.Helper()
	begun, answer, ended := make(chan struct{}), make(chan string, 1), make(chan error, 1)
	go func() {
		_, _, err := g.Once(context.WithoutCancel(t.Context()), a, func() (any, error) {
			close(begun)
			return <-answer, nil
		})
		ended <- err
	}()
	<-begun
	return func(text string) { answer <- text }, ended
}

func TestTheSameQuestionToTwoGatewaysIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	b, stop := w.Beside()
	defer stop()
	ask := gateway.Ask{Scope: "s", Key: "the-key-1", Route: "POST /v1/x"}
	release, first := blocked(t, w.Gateway, ask)

	soon, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, _, err := b.Once(soon, ask, func() (any, error) { t.Error("the work is done twice"); return nil, nil })
	gatewaytest.Refused(t, err, fault.Busy)

	type answer struct {
		body     string
		replayed bool
		err      error
	}
	second := make(chan answer, 1)
	go func() {
		body, replayed, err := b.Once(t.Context(), ask, func() (any, error) { t.Error("the work is done twice"); return nil, nil })
		second <- answer{string(body), replayed, err}
	}()
	release("done")
	if err := <-first; err != nil {
		t.Error(err)
	}
	if got := <-second; got != (answer{`"done"`, true, nil}) {
		t.Errorf("the second: %+v", got)
	}
}

func TestAQuestionWhoseGatewayEndedIsTakenOver(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	b, stop := w.Beside()
	ask := gateway.Ask{Scope: "s", Key: "the-key-1", Route: "POST /v1/x"}
	release, first := blocked(t, b, ask)
	stop() // and never renews its claim
	w.Pass(6 * time.Second)
	body, replayed, err := w.Gateway.Once(t.Context(), ask, func() (any, error) { return "again", nil })
	if err != nil || replayed || string(body) != `"again"` {
		t.Errorf("%s, replayed %v, %v", body, replayed, err)
	}
	release("too late")
	if err := <-first; err == nil {
		t.Error("the first kept its answer")
	}
	body, replayed, err = w.Gateway.Once(t.Context(), ask, func() (any, error) { return "never", nil })
	if err != nil || !replayed || string(body) != `"again"` {
		t.Errorf("%s, replayed %v, %v", body, replayed, err)
	}
}

// A gateway that was held up for long, and comes back, overwrites nothing.
func TestAnAnswerThatComesAfterTheClaimWasLostIsNotKept(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	b, stop := w.Beside()
	defer stop()
	ask := gateway.Ask{Scope: "s", Key: "the-key-1", Route: "POST /v1/x"}
	release, first := blocked(t, b, ask)
	for done := false; !done; { // unless it renews its claim in that moment
		w.Pass(time.Hour)
		soon, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		_, _, err := w.Gateway.Once(soon, ask, func() (any, error) {
			release("late")
			if err := <-first; err != nil {
				t.Error(err)
			}
			return "again", nil
		})
		cancel()
		if done = err == nil; !done {
			gatewaytest.Refused(t, err, fault.Busy)
		}
	}
	body, _, err := w.Gateway.Once(t.Context(), ask, func() (any, error) { return "never", nil })
	if err != nil || string(body) != `"again"` {
		t.Errorf("%s, %v", body, err)
	}
}

func TestAGatewayThatTakesLongToAnswerKeepsItsClaim(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	b, stop := w.Beside()
	defer stop()
	ask := gateway.Ask{Scope: "s", Key: "the-key-1", Route: "POST /v1/x"}
	release, first := blocked(t, b, ask)
	until := func() (at time.Time) {
		t.Helper()
		if err := w.Store.Read(t.Context(), func(tx store.Tx) error {
			r, err := tx.Reply(ask.Scope, ask.Key)
			at = r.Until
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return at
	}
	for range 2 {
		was := until()
		w.Pass(4 * time.Second)
		for until().Equal(was) { // it is renewed each second
			time.Sleep(50 * time.Millisecond)
		}
	}
	soon, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, _, err := w.Gateway.Once(soon, ask, func() (any, error) { t.Error("the work is done twice"); return nil, nil })
	gatewaytest.Refused(t, err, fault.Busy)
	release("done")
	if err := <-first; err != nil {
		t.Error(err)
	}
}

func TestAFailureLeavesTheQuestionToWhoeverIsAskedNext(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	b, stop := w.Beside()
	defer stop()
	ask := gateway.Ask{Scope: "s", Key: "the-key-1", Route: "POST /v1/x"}
	failed := errors.New("the signer is down")
	if _, _, err := b.Once(t.Context(), ask, func() (any, error) { return nil, failed }); !errors.Is(err, failed) {
		t.Error(err)
	}
	body, replayed, err := w.Gateway.Once(t.Context(), ask, func() (any, error) { return "done", nil })
	if err != nil || replayed || string(body) != `"done"` {
		t.Errorf("%s, replayed %v, %v", body, replayed, err)
	}
}

func TestAPanicLeavesTheQuestionToWhoeverIsAskedNext(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	b, stop := w.Beside()
	defer stop()
	ask := gateway.Ask{Scope: "s", Key: "the-key-1", Route: "POST /v1/x"}
	func() {
		defer func() { _ = recover() }()
		_, _, _ = b.Once(t.Context(), ask, func() (any, error) { panic("a mistake") })
	}()
	w.Pass(6 * time.Second) // its claim is not renewed
	if body, _, err := w.Gateway.Once(t.Context(), ask, func() (any, error) { return "done", nil }); err != nil || string(body) != `"done"` {
		t.Errorf("%s, %v", body, err)
	}
}
