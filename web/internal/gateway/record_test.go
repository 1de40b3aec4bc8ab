package gateway_test

import (
	"testing"
	"time"

	"countersign/shared/quote"
	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
)

func TestAProvidersRecordIsWhatItDeliveredToTheEntity(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	ctx, me := t.Context(), gatewaytest.Caller()
	first := w.Quoted()
	if first.Expected == nil || first.Expected.Amount != first.CryptoAmount || first.Expected.Rank != 1 || first.Expected.Ended != 0 {
		t.Errorf("without a record: %+v", first.Expected)
	}
	buy := func() wire.Order {
		t.Helper()
		o := must[wire.Order](t)(w.Gateway.NewOrder(ctx, me, w.Approved().ID))
		must[string](t)(w.Gateway.Redirect(ctx, ticketOf(t, o)))
		return o
	}
	delivered := buy()
	w.Pass(7 * time.Minute)
	w.Scan()
	w.Chain.Deposit(delivered.Address, "0.099")
	w.Scan()
	failed, expired := buy(), buy()
	said(t, w, "evt_1", failed.ID, "failed", w.Now())
	said(t, w, "evt_2", expired.ID, "expired", w.Now())

	want := quote.Sum([]quote.Delivery{{Promised: "0.1", Delivered: "0.099"}, {Promised: "0.1"}})
	if want.Delivered != 1 || want.Ended != 2 || want.DeliveryRatio != "0.999090" || want.CompletionOdds != "0.916666" {
		t.Fatalf("%+v", want)
	}
	for _, p := range must[wire.Providers](t)(w.Gateway.Providers(ctx, me)).Providers {
		if p.Record == nil || *p.Record != want {
			t.Errorf("%+v", p.Record)
		}
	}
	var shown *quote.Expected
	q := must[wire.Quotes](t)(w.Gateway.Quotes(ctx, me, quote.Input{From: "EUR", To: "ethereum", Amount: "250", PaymentMethod: "card", Country: "FR"}, "acc_treasury", false, func(event string, data any) {
		if row, ok := data.(quote.Row); ok && event == wire.EventQuote {
			shown = row.Expected
		}
	}))
	row := q.Quotes[0]
	if row.Expected == nil || row.Expected.Record != want || row.Expected.Amount != "0.091583183394" || row.Expected.Rank != 1 || q.Ranking == nil || shown == nil || shown.Amount != row.Expected.Amount {
		t.Errorf("%+v, streamed %+v", row.Expected, shown)
	}

	h := must[wire.History](t)(w.Gateway.History(ctx, me, "northpay", "", 2))
	if len(h.Items) != 2 || h.Items[0].Order != expired.ID || h.NextCursor != failed.ID || h.Record != want {
		t.Errorf("%+v", h)
	}
	rest := must[wire.History](t)(w.Gateway.History(ctx, me, "northpay", h.NextCursor, 2))
	if len(rest.Items) != 1 || rest.NextCursor != "" {
		t.Fatalf("%+v", rest)
	}
	if d := rest.Items[0]; d.Order != delivered.ID || d.Promised.Amount != "0.1" || d.Delivered.Amount != "0.099" || d.DifferencePct != "-1.00" || d.Difference != "-0.001" || d.Seconds == nil || *d.Seconds != 420 {
		t.Errorf("%+v", d)
	}
	// Another entity learns nothing of it.
	none := must[wire.History](t)(w.Gateway.History(ctx, gatewaytest.OtherCaller(), "northpay", "", 25))
	if len(none.Items) != 0 || none.Record.Ended != 0 {
		t.Errorf("%+v", none)
	}
}
