package api

import (
	"net/http"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/wire"
)

// A client that wants to know is answered, with a key or without, whatever was answered
// under that key before; nothing is kept, and the quote is as free as it was.
func TestADryRunIsAnsweredEachTimeAndLeavesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	q := get[wire.Quotes](t, r.do("GET", quotesPath, "")).Quotes[0].ID
	body := `{"quote_id":"` + q + `","account_id":"acc_treasury"}`
	asked := r.Signer.Requests()
	for _, key := range []string{"", "the-same-key", "the-same-key"} {
		a := r.do("POST", "/v1/requests", body, "Dry-Run", "true", "Idempotency-Key", key)
		e := get[governance.Explanation](t, a)
		if e.Decision.State != governance.Pending || e.Rules[0].Result != governance.Governs || a.header.Get("Idempotency-Replayed") != "" {
			t.Fatalf("%+v", e)
		}
	}
	if page := get[wire.Page[wire.Request]](t, r.do("GET", "/v1/requests", "")); len(page.Items) > 0 || r.Signer.Requests() != asked {
		t.Errorf("%d requests, and the signer was asked for %d", len(page.Items), r.Signer.Requests()-asked)
	}
	first := get[wire.Request](t, r.do("POST", "/v1/requests", body, "Idempotency-Key", "the-same-key")) // free, as is the quote
	again := r.do("POST", "/v1/requests", body, "Idempotency-Key", "the-same-key", "Dry-Run", "true")
	if e := get[governance.Explanation](t, again); e.Decision.Rule != first.Rule.Name || again.header.Get("Idempotency-Replayed") != "" {
		t.Errorf("after the request: %s", again.body)
	}
}

func TestADryRunWhereThereIsNoneDoesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	q := get[wire.Quotes](t, r.do("GET", quotesPath, "")).Quotes[0].ID
	body := `{"quote_id":"` + q + `","account_id":"acc_treasury"}`
	for _, says := range []string{"false", "yes", "1"} {
		if c := r.do("POST", "/v1/requests", body, "Dry-Run", says).code(t); c != fault.Invalid {
			t.Errorf("Dry-Run: %s: %s", says, c)
		}
	}
	const try = `"try":{"account":"acc_treasury","kind":"buy","asset":"ethereum","amount":"5000","currency":"EUR"}`
	for name, in := range map[string]string{
		"what is tried in earnest":     `{"intent":{"kind":"member.suspend","v":1,"member":"mem_bob","from_version":1,"name":"","role":""},` + try + `}`,
		"what is tried of a purchase":  `{"quote_id":"quo_aaaaaaaaaaaaaaaaaaaaaaaaaa","account_id":"acc_treasury",` + try + `}`,
		"what is tried without an end": `{"intent":{"kind":"member.suspend","v":1,"member":"mem_bob","from_version":1,"name":"","role":""},"try":{"account":"acc_treasury","kind":"buy","asset":"ethereum","amount":"-1","currency":"EUR"}}`,
	} {
		if c := r.do("POST", "/v1/requests", in, "Idempotency-Key", "never-"+name[:20]).code(t); c != fault.Invalid {
			t.Errorf("%s: %s", name, c)
		}
	}
	if c := r.do("POST", "/v1/orders", `{"request_id":"req_aaaaaaaaaaaaaaaaaaaaaaaaaa"}`, "Dry-Run", "true").code(t); c != fault.Invalid {
		t.Errorf("an order: %s", c)
	}
	if a := r.do("GET", "/v1/requests", "", "Dry-Run", "true"); a.status != http.StatusBadRequest {
		t.Errorf("a list: %d", a.status)
	}
	if r.Signer.Requests() != 0 {
		t.Error("the signer was asked")
	}
}
