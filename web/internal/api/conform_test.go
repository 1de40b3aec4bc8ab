package api

import (
	"io"
	"strings"
	"testing"

	"countersign/shared/wire"
	"countersign/web/internal/conform"
	"countersign/web/internal/gateway/gatewaytest"
)

func TestSimulatedNoticesAreAnsweredAsThePageSays(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	o := get[wire.Order](t, r.do("POST", "/v1/orders", `{"request_id":"`+r.Approved().ID+`"}`))
	r.do("GET", o.Ticket.URL, "", "Authorization", "")
	cfg := conform.NoticesConfig{URL: r.url + "/v1/providers/northpay/notices", Secret: []byte(gatewaytest.HookSecret), Order: o.ID, Now: r.Now}
	var out strings.Builder
	if err := conform.SendNotices(t.Context(), cfg, &out); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	shown := get[wire.Order](t, r.do("GET", "/v1/orders/"+o.ID, ""))
	if shown.State != wire.OrderOnHold || len(shown.History) != 3 {
		t.Errorf("%s: %+v", shown.State, shown.History)
	}
	cfg.Secret = []byte("another secret of 16 bytes")
	if err := conform.SendNotices(t.Context(), cfg, io.Discard); err == nil || !strings.Contains(err.Error(), "newest") {
		t.Errorf("with the wrong secret: %v", err)
	}
}
