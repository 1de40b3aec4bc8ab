package sandbox_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/shared/quote"
	"countersign/web/internal/buy"
	"countersign/web/internal/report"
)

// A provider sends again what was not taken, says each state once, and answers the same
// when it is asked.
func TestASandboxProviderTellsHowItsOrdersAre(t *testing.T) {
	t.Parallel()
	notices := make(chan report.Notice, 16)
	var refused atomic.Int64
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if _, verr := report.Verify(r.Header.Get(report.Header), body, [][]byte{[]byte(noticeSecret)}, time.Now()); err != nil || verr != nil || r.URL.Path != "/v1/providers/northpay/notices" {
			t.Errorf("%s: %v, %v", r.URL.Path, err, verr)
		}
		n, err := report.ParseNotice(body, nil)
		if err != nil {
			t.Errorf("%s: %v", body, err)
		}
		if refused.Add(1) == 1 { // it does not know the order yet
			w.WriteHeader(http.StatusNotFound)
			return
		}
		notices <- n
	}))
	defer gateway.Close()
	w := start(t, t.TempDir(), gateway.URL)
	desk, err := buy.New(buy.Config{Sandbox: true, Providers: []buy.Provider{
		{ID: "northpay", URL: w.providers + "/northpay", OrdersPath: "/orders"}, {ID: "coinharbor", URL: w.providers + "/coinharbor", OrdersPath: "/orders"},
		{ID: "meridian", URL: w.providers + "/meridian"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	orders := map[string]string{"northpay": "ord_north", "coinharbor": "ord_harbor"}
	pages := map[string]string{}
	for provider, order := range orders {
		row, err := desk.Requote(t.Context(), provider, input(vault))
		if err != nil {
			t.Fatal(err)
		}
		if pages[provider], err = desk.Redirect(t.Context(), quote.HandOff{Order: order, Provider: provider, Input: input(vault), Crypto: row.CryptoAmount}); err != nil {
			t.Fatal(err)
		}
	}
	next := func(state string) {
		t.Helper()
		if n := <-notices; n.Report.State != state || n.Report.Order != "ord_north" {
			t.Errorf("%+v, want %s", n, state)
		}
		r, err := desk.Order(t.Context(), "northpay", "ord_north")
		if err != nil || r.State != state {
			t.Errorf("asked: %+v, %v", r, err)
		}
	}
	next(report.Pending)
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPut, w.providers+"/_control/northpay/orders/ord_north", strings.NewReader(`{"state":"on_hold"}`))
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatal(err, res)
	}
	res.Body.Close()
	next(report.OnHold)
	for _, page := range pages {
		if res, err := http.PostForm(page, nil); err != nil || res.Body.Close() != nil || res.StatusCode != http.StatusOK {
			t.Fatal(err, res)
		}
	}
	seen := map[string]bool{}
	for range 2 {
		n := <-notices
		seen[n.Report.State] = true
	}
	if !seen[report.Processing] || !seen[report.Completed] {
		t.Errorf("after the payment: %v", seen)
	}
	r, err := desk.Order(t.Context(), "coinharbor", "ord_harbor")
	if err != nil || r.State != report.Completed || r.Word != "COMPLETED" || r.Tx == "" || r.Contradicts("EUR", "250", "ethereum", vault) != "" {
		t.Errorf("%+v, %v", r, err)
	}
	for provider, order := range map[string]string{"northpay": "ord_unknown", "meridian": "ord_north", "gone": "ord_north"} {
		if _, err := desk.Order(t.Context(), provider, order); err == nil {
			t.Error(fmt.Sprint(provider, " says how ", order, " is"))
		}
	}
}
