package api

import (
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/web/internal/sandbox/backend"
)

// front starts a dashboard's back end before the gateway, and returns its address.
func (r *rig) front() string {
	r.t.Helper()
	front := httptest.NewUnstartedServer(nil)
	h, err := backend.New(backend.Config{GatewayURL: r.url, Entities: []backend.Entity{{ID: "ent_sandbox", Name: "Sandbox"}}, APIKeyFile: "none", Hosts: []string{front.Listener.Addr().String()}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		r.t.Fatal(err)
	}
	front.Config.Handler = h
	front.Start()
	r.t.Cleanup(front.Close)
	return "http://" + front.Listener.Addr().String()
}

// Somebody who writes a client by hand learns from the answer what was expected.
func TestARefusalSaysWhatIsExpected(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	order := `{"request_id":"req_aaaa"}`
	for _, at := range []string{r.url, r.front()} {
		r.url = at
		for _, q := range []struct {
			method, path, body string
			header             []string
			status             int
			code               fault.Code
			allow, message     string
		}{
			{"GET", "/v1/quotes?from=EUR&payment_method=card", "", nil, 400, fault.Invalid, "", `no query parameter "payment_method": did you mean "payment-method"?`},
			{"GET", "/v1/requests?limit=1&page=2", "", nil, 400, fault.Invalid, "", `no query parameter "page": it takes state, cursor, limit, entityId`},
			{"GET", "/_health?verbose=1", "", nil, 400, fault.Invalid, "", `no query parameter "verbose": it takes none`},
			{"GET", "/v1/requests?limit=1&limit=2", "", nil, 400, fault.Invalid, "", `"limit" is given twice`},
			{"POST", "/v1/orders", "", nil, 400, fault.Invalid, "", "the body is empty: this address takes a JSON object"},
			{"POST", "/v1/orders", "", []string{"Content-Type", ""}, 400, fault.Invalid, "", "the body is empty"},
			{"POST", "/v1/orders", " \n\t", nil, 400, fault.Invalid, "", "the body is empty"},
			{"POST", "/v1/orders", "{", nil, 400, fault.Invalid, "", "the message is not valid JSON"},
			{"POST", "/v1/orders", order, []string{"Idempotency-Key", ""}, 400, fault.Invalid, "", "the header Idempotency-Key is missing: write one of 8 to 128"},
			{"POST", "/v1/orders", order, []string{"Idempotency-Key", "short"}, 400, fault.Invalid, "", "the header Idempotency-Key has 5 characters: write one of 8 to 128"},
			{"POST", "/v1/orders", order, []string{"Idempotency-Key", "order of today"}, 400, fault.Invalid, "", "the header Idempotency-Key has a character that it may not have"},
			{"DELETE", "/v1/requests", "", nil, 405, fault.Method, "GET, POST", "it takes GET and POST"},
			{"PUT", "/v1/channels", "{}", nil, 405, fault.Method, "POST", "it takes POST"},
			{"POST", "/v1/clock", "{}", nil, 405, fault.Method, "GET", "it takes GET"},
			{"POST", "/requests", "{}", nil, 405, fault.Method, "GET, HEAD", "it takes GET and HEAD"},
			{"GET", "/health", "", nil, 404, fault.NotFound, "", "did you mean /_health?"},
			{"GET", "/healthz", "", nil, 404, fault.NotFound, "", "did you mean /_health?"},
			{"GET", "/v1/request", "", nil, 404, fault.NotFound, "", "did you mean /v1/requests?"},
			{"GET", "/v1/nothing", "", nil, 404, fault.NotFound, "", "there is nothing at this address"},
			{"GET", "/nothing", "", []string{"Accept", "application/json"}, 404, fault.NotFound, "", "there is nothing at this address"},
			{"GET", "/v1/entity", "", []string{"Authorization", r.token}, 401, fault.Unauthenticated, "", "as: Bearer TOKEN"},
			{"GET", "/v1/entity", "", []string{"Authorization", "Basic " + r.token}, 401, fault.Unauthenticated, "", "as: Bearer TOKEN"},
		} {
			a := r.do(q.method, q.path, q.body, q.header...)
			if a.status != q.status || a.code(t) != q.code || a.header.Get("Allow") != q.allow || !strings.Contains(a.message(t), q.message) {
				t.Errorf("%s %s: %d, Allow %q, %s; want %d, %q, %s", q.method, q.path, a.status, a.header.Get("Allow"), a.body, q.status, q.allow, q.message)
			}
		}
	}
	for path, allow := range map[string]string{"/session/token": "POST", "/config.json": "GET"} {
		if a := r.do("PUT", path, "{}"); a.status != 405 || a.code(t) != fault.Method || a.header.Get("Allow") != allow || !strings.Contains(a.message(t), "it takes "+allow) {
			t.Errorf("PUT %s: %d %s", path, a.status, a.body)
		}
	}
}

func TestABrowserIsAnsweredByTheDashboard(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, at := range []string{r.url, r.front()} {
		r.url = at
		for path, status := range map[string]int{"/": 200, "/requests/req_1": 200, "/health": 404, "/nothing": 404} {
			a := r.do("GET", path, "", "Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
			if a.status != status || strings.Contains(string(a.body), `"error"`) || a.header.Get("Content-Security-Policy") == "" {
				t.Errorf("%s: %d %.80s", path, a.status, a.body)
			}
		}
		if a := r.do("GET", "/v1/nothing", "", "Accept", "text/html"); a.status != 404 || a.code(t) != fault.NotFound {
			t.Errorf("the API to a browser: %d %s", a.status, a.body)
		}
		if a := r.do("GET", "/", ""); a.status != 200 || !strings.Contains(a.header.Get("Content-Type"), "text/html") {
			t.Errorf("the page to a program: %d %.80s", a.status, a.body)
		}
	}
}

// A dashboard's back end passes questions to the gateway: what arrives must be
// what was asked, or the two would have different ideas of what is well-formed.
func TestTheDashboardsAddressIsAsStrictAsTheGatewaysOwn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	own, front := r.url, r.front()
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
		r.url = front
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
	own, front := r.url, r.front()
	for _, at := range []string{own, front} {
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
