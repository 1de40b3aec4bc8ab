package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/intent/intenttest"
	"countersign/shared/wire"
	"countersign/web/internal/gateway"
)

func TestAPersonWhoIsNotLedOnReadsWhyAndComesBack(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	req := r.Approved()
	o := get[wire.Order](t, r.do("POST", "/v1/orders", `{"request_id":"`+req.ID+`"}`))
	again := get[wire.Order](t, r.do("POST", "/v1/orders/"+o.ID+"/tickets", `{}`))
	r.Desk.Offer("0.05")
	const browser = "text/html,application/xhtml+xml,*/*;q=0.8"
	a := r.do("GET", o.Ticket.URL, "", "Authorization", "", "Accept", browser)
	text := string(a.body)
	if a.status != http.StatusConflict || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") || a.header.Get("Location") != "" {
		t.Errorf("%d %s", a.status, a.header)
	}
	for _, want := range []string{"The price changed", `href="https://page.example/orders/` + o.ID + `"`, "QUOTE_CHANGED"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
	p := r.do("GET", again.Ticket.URL, "", "Authorization", "", "Accept", "application/json")
	if p.code(t) != fault.QuoteChanged || !strings.Contains(string(p.body), `"order":"`+o.ID+`"`) {
		t.Errorf("a program reads %s", p.body)
	}
	if a := r.do("GET", "/v1/redirect/nothing", "", "Authorization", "", "Accept", browser); a.status != http.StatusGone || strings.Contains(string(a.body), "href") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestRefusalsOfAHandOffHaveTheirCodes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	req := r.Approved()
	r.Pass(23 * time.Hour)
	r.token = r.mint(gateway.Subject{Developer: "dev_sandbox", Entity: "ent_sandbox", Version: 1})
	o := get[wire.Order](t, r.do("POST", "/v1/orders", `{"request_id":"`+req.ID+`"}`))
	r.Scan()
	r.Chain.Deposit(intenttest.Buy(req.Intent).Address, "0.01")
	r.Scan()
	for body, want := range map[string]fault.Code{`{}`: fault.DepositSeen, `{"pay_again":false}`: fault.DepositSeen, `{"pay_again":"yes"}`: fault.Invalid} {
		if a := r.do("POST", "/v1/orders/"+o.ID+"/tickets", body); a.code(t) != want || a.status != status(want) {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	if a := get[wire.Order](t, r.do("POST", "/v1/orders/"+o.ID+"/tickets", `{"pay_again":true}`)); a.Ticket == nil {
		t.Error("there is no ticket")
	}
	r.Pass(time.Hour)
	r.token = r.mint(gateway.Subject{Developer: "dev_sandbox", Entity: "ent_sandbox", Version: 1})
	for _, path := range []string{"/v1/orders/" + o.ID + "/tickets", "/v1/orders"} {
		body, _ := json.Marshal(map[string]any{"pay_again": true})
		if path == "/v1/orders" {
			body, _ = json.Marshal(map[string]any{"request_id": req.ID})
		}
		if a := r.do("POST", path, string(body)); a.code(t) != fault.ApprovalLapsed || a.status != http.StatusGone {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}
