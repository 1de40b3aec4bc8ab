package api

import (
	"net/http"
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
	"countersign/web/internal/report"
)

func TestAProvidersSignedNoticeIsTakenWithoutAToken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	req := r.Approved()
	o := get[wire.Order](t, r.do("POST", "/v1/orders", `{"request_id":"`+req.ID+`"}`))
	body := `{"id":"evt_1","order":{"id":"` + o.ID + `","status":"ON_HOLD"}}`
	sign := func(body string) string {
		return report.Sign([]byte(gatewaytest.HookSecret), r.Now(), []byte(body))
	}
	send := func(path, body, header string, more ...string) answer {
		t.Helper()
		return r.do("POST", path, body, append([]string{"Authorization", "", "Idempotency-Key", "", report.Header, header}, more...)...)
	}
	const path = "/v1/providers/northpay/notices"
	for name, c := range map[string]struct {
		a    answer
		want fault.Code
	}{
		"no signature":       {send(path, body, ""), fault.Unauthenticated},
		"of another body":    {send(path, body, sign(body+" ")), fault.Unauthenticated},
		"of another one":     {send("/v1/providers/meridian/notices", body, sign(body)), fault.Unauthenticated},
		"no JSON":            {send(path, "{", sign("{")), fault.Invalid},
		"too large":          {send(path, strings.Repeat(" ", report.MaxBody+1), sign(body)), fault.TooLarge},
		"not of JSON's type": {send(path, body, sign(body), "Content-Type", "text/plain"), fault.MediaType},
		"with a query":       {send(path+"?entityId=ent_sandbox", body, sign(body)), fault.Invalid},
	} {
		if c.a.code(t) != c.want || c.a.status != status(c.want) {
			t.Errorf("%s: %d %s", name, c.a.status, c.a.body)
		}
	}
	for _, changed := range []bool{true, false} {
		if got := get[wire.Noticed](t, send(path, body, sign(body))); got != (wire.Noticed{Order: o.ID, State: wire.OrderOnHold, Changed: changed}) {
			t.Errorf("%+v", got)
		}
	}
	shown := get[wire.Order](t, r.do("GET", "/v1/orders/"+o.ID, ""))
	if shown.State != wire.OrderOnHold || shown.AtProvider == nil || shown.AtProvider.Word != "ON_HOLD" {
		t.Errorf("%+v", shown)
	}
	if a := r.do("GET", path, ""); a.status != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", a.status)
	}
}
