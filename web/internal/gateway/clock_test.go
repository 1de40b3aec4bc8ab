package gateway_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"countersign/shared/fault"
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
	now := gateway.Steady(func() time.Time { return wall }, func() time.Duration { return passed }, slog.New(slog.NewTextHandler(&out, nil)))
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
