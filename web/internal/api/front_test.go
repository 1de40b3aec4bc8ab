package api

import (
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/web/internal/sandbox/backend"
)

// A dashboard's back end passes questions to the gateway: what arrives must be
// what was asked, or the two would have different ideas of what is well-formed.
func TestTheDashboardsAddressIsAsStrictAsTheGatewaysOwn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	own := r.url
	front := httptest.NewUnstartedServer(nil)
	h, err := backend.New(backend.Config{GatewayURL: own, EntityID: "ent_sandbox", APIKeyFile: "none", Hosts: []string{front.Listener.Addr().String()}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	front.Config.Handler = h
	front.Start()
	t.Cleanup(front.Close)
	for _, q := range []struct {
		method, path, body string
		header             []string
		status             int
	}{
		{"GET", "/v1/requests", "", nil, 200},
		{"GET", "/v1/requests?cursor=%%%", "", nil, 400},
		{"GET", "/v1/requests?cursor=%zz&limit=1", "", nil, 400},
		{"GET", "/v1/requests?limit=1;x=2", "", nil, 400},
		{"GET", "/v1/requests?limit=1;limit=2", "", nil, 400},
		{"GET", "/v1/requests?limit=1&limit=2", "", nil, 400},
		{"GET", "/v1/requests?%6cimit=1&limit=1", "", nil, 400},
		{"GET", "/v1/requests?limit=1&", "", nil, 200},
		{"GET", "/v1/requests?;", "", nil, 400},
		{"GET", "/v1/requests?limit=%00", "", nil, 400},
		{"GET", "/v1/requests?x", "", nil, 400},
		{"GET", "/v1/requests?limit=", "", nil, 400},
		{"GET", "/v1/requests?cursor=", "", nil, 400},
		{"GET", "/v1/requests?state=", "", nil, 400},
		{"GET", "/v1/requests?entityId=", "", nil, 400},
		{"GET", "/v1/requests?&&limit=1", "", nil, 200},
		{"GET", "/v1/requests?=", "", nil, 400},
		{"GET", "/v1/requests", `{"a":1}`, nil, 400},
		{"GET", "/v1/orders?cursor=req_aaaaaaaaaaaaaaaaaaaaaaaaaa", "", nil, 400},
		{"GET", "/v1/requests?cursor=ord_aaaaaaaaaaaaaaaaaaaaaaaaaa", "", nil, 400},
		{"GET", "/v1/requests?cursor=" + strings.Repeat("a", 5000), "", nil, 413},
		{"GET", "/v1/accounts/acc_treasury%2f..", "", nil, 404},
		{"GET", "/v1/accounts/%2e%2e", "", nil, 404},
		{"GET", "/v1/nothing?%%", "", nil, 404},
		{"GET", "/v1/requests%3Flimit=0", "", nil, 404},
		{"GET", "/v1/requests/..%2fentity", "", nil, 404},
		{"GET", "/v1/redirect/a%00b", "", nil, 410},
		{"GET", "/v1/relays/page", "", []string{"Origin", "https://app.example"}, 400},
		{"GET", "/v1/relays/page?ticket=x", "", []string{"Origin", "https://app.example"}, 400},
		{"GET", "/_health?x=1", "", nil, 400},
		{"POST", "/v1/sandbox", "{}", []string{"Content-Type", "text/plain"}, 415},
		{"PUT", "/v1/requests", "{}", nil, 405},
		{"POST", "/v1/orders?%%%", `{"request_id":"req_aaaa"}`, nil, 400},
		{"POST", "/v1/orders", `{"request_id":"req_aaaa"} {}`, nil, 400},
		{"POST", "/v1/orders", `{"request_id":"req_aaaa"}`, []string{"Content-Encoding", "gzip"}, 415},
		{"POST", "/v1/orders", `{"request_id":"req_aaaa"}`, []string{"Idempotency-Key", ""}, 400},
		{"POST", "/v1/orders", strings.Repeat("a", 200<<10), nil, 413},
		{"POST", "/v1/auth/tokens", "{}", []string{"Origin", "https://app.example"}, 403},
		{"GET", "/v1/entity", "", []string{"Authorization", ""}, 401},
	} {
		r.url = own
		direct := r.do(q.method, q.path, q.body, q.header...)
		r.url = front.URL
		through := r.do(q.method, q.path, q.body, q.header...)
		if direct.status != q.status || through.status != q.status {
			t.Errorf("%s %.60s: %d at the gateway, %d at the dashboard, want %d: %s", q.method, q.path, direct.status, through.status, q.status, through.body)
		}
		if q.status != 200 && direct.code(t) != through.code(t) {
			t.Errorf("%s %.60s: %s at the gateway, %s at the dashboard", q.method, q.path, direct.body, through.body)
		}
	}
}

func TestAnAddressThatIsWrittenAnotherWayIsNotFound(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	own := r.url
	front := httptest.NewUnstartedServer(nil)
	h, err := backend.New(backend.Config{GatewayURL: own, EntityID: "ent_sandbox", APIKeyFile: "none", Hosts: []string{front.Listener.Addr().String()}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	front.Config.Handler = h
	front.Start()
	t.Cleanup(front.Close)
	for _, at := range []string{own, front.URL} {
		r.url = at
		for _, path := range []string{
			"//v1/requests", "/v1//requests", "/v1/../v1/requests", "/v1/./requests", "/v1/requests/", "/v1/requests//", "/v1/requests/.", "/v1/requests/..",
			"/v1/%2e%2e/v1/requests", "/%2e/v1/requests", "/v1/requests%2f", "//", "/v1/", "/v1", "/V1/requests", "/_HEALTH", "/_health/", "/.well-known/jwks.json/",
			"/.well-known", "//_health", "/v1/requests/?limit=1", "//session/token", "/session/token/", "/session", "/session/", "/config.json/", "/requests/", "/orders//ord_1",
		} {
			if path == "/session" && at == own {
				continue // it is the dashboard's
			}
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"} {
				body := ""
				if method == "POST" {
					body = "{}"
				}
				a := r.do(method, path, body)
				if a.status != 404 || method != "HEAD" && a.code(t) != fault.NotFound {
					t.Errorf("%s %s%s: %d %s", method, at, path, a.status, a.body)
				}
			}
		}
	}
}
