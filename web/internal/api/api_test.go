package api

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"countersign/shared/fault"
	"countersign/shared/spec"
	"countersign/shared/strictjson"
	"countersign/shared/wire"
	"countersign/web/dashboard"
	"countersign/web/internal/gateway"
	"countersign/web/internal/gateway/gatewaytest"
	"countersign/web/internal/party"
	"countersign/web/internal/relay"
)

// rig is the API over HTTP with a world behind it.
type rig struct {
	*gatewaytest.World
	t     *testing.T
	url   string
	token string
	n     int
}

func newRig(t *testing.T, proxies ...netip.Prefix) *rig {
	t.Helper()
	return rigOn(t, gatewaytest.New(t), proxies...)
}

func rigOn(t *testing.T, w *gatewaytest.World, proxies ...netip.Prefix) *rig {
	t.Helper()
	meeting, err := relay.New(relay.Config{Gateway: "https://gateway.example", Origins: []string{"https://app.example"}, Now: time.Now, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(meeting.Close)
	page, err := dashboard.Handler(dashboard.Config{Bundle: fstest.MapFS{"countersign.wasm": {Data: []byte("core")}}})
	if err != nil {
		t.Fatal(err)
	}
	h, err := New(Config{Gateway: w.Gateway, Relay: meeting, Dashboard: page, Origins: []string{"https://app.example"}, Proxies: proxies, NewID: rand.Text})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	r := &rig{World: w, t: t, url: s.URL}
	r.token = r.mint(gateway.Subject{Developer: "dev_sandbox", Entity: "ent_sandbox", Version: 1})
	return r
}

// relay asks what the signer link and the API have in common.
func (r *rig) relay(method, path string, in, out any) fault.Code {
	r.t.Helper()
	body, err := strictjson.Canonical(in)
	if err != nil {
		r.t.Fatal(err)
	}
	a := r.do(method, path, string(body))
	if a.status != http.StatusOK {
		return a.code(r.t)
	}
	if err := strictjson.Unmarshal(a.body, out, 1<<20); err != nil {
		r.t.Fatalf("%s: %v", a.body, err)
	}
	return ""
}

func (r *rig) mint(s gateway.Subject) string {
	r.t.Helper()
	token, _, err := r.Tokens.Mint(r.t.Context(), s)
	if err != nil {
		r.t.Fatal(err)
	}
	return token
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) code(t *testing.T) fault.Code {
	t.Helper()
	var p wire.Problem
	if err := strictjson.Unmarshal(a.body, &p, 1<<20); err != nil {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	if p.Error.Message == "" || p.Error.RequestID == "" || p.Error.RequestID != a.header.Get("X-Request-Id") {
		t.Errorf("problem %s has no message or another request id", a.body)
	}
	return p.Error.Code
}

func (a answer) message(t *testing.T) string {
	t.Helper()
	var p wire.Problem
	if err := json.Unmarshal(a.body, &p); err != nil {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	return p.Error.Message
}

// do sends a question; header overrides come in pairs, an empty one removes.
func (r *rig) do(method, path, body string, header ...string) answer {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	if method == http.MethodPost {
		r.n++
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", "test-key-"+rand.Text())
	}
	for i := 0; i+1 < len(header); i += 2 {
		if req.Header.Set(header[i], header[i+1]); header[i+1] == "" {
			req.Header.Del(header[i])
		}
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, b}
}

func get[T any](t *testing.T, a answer) T {
	t.Helper()
	var v T
	if a.status != http.StatusOK {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	if err := strictjson.Unmarshal(a.body, &v, 1<<20); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
	return v
}

const quotesPath = "/v1/quotes?from=EUR&to=ethereum&amount=250&payment-method=card&country=FR&account=acc_treasury"

func TestEveryFaultHasAStatus(t *testing.T) {
	t.Parallel()
	for _, c := range fault.Codes() {
		if s := status(c); s < 400 || s > 599 {
			t.Errorf("%s has status %d", c, s)
		}
	}
}

func TestSpecListsExactlyTheRoutes(t *testing.T) {
	t.Parallel()
	page := spec.Page(t, "wire.md")
	var headings, table []string
	for _, m := range regexp.MustCompile("(?m)^### `((?:GET|POST|PUT|DELETE) [^`]+)`$").FindAllStringSubmatch(page, -1) {
		headings = append(headings, m[1])
	}
	for _, r := range routes {
		table = append(table, r.pattern)
	}
	slices.Sort(headings)
	slices.Sort(table)
	if !slices.Equal(headings, table) {
		t.Errorf("headings %q\nroutes %q", headings, table)
	}
}

func TestPurchaseOverHTTP(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	q := get[wire.Quotes](t, r.do("GET", quotesPath, ""))
	body := `{"quote_id":"` + q.Quotes[0].ID + `","account_id":"acc_treasury"}`
	first := r.do("POST", "/v1/requests", body, "Idempotency-Key", "the-same-key")
	req := get[wire.Request](t, first)
	again := r.do("POST", "/v1/requests", body, "Idempotency-Key", "the-same-key")
	if !bytes.Equal(first.body, again.body) || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("replayed %s", again.body)
	}
	if c := r.do("POST", "/v1/orders", `{"request_id":"`+req.ID+`"}`, "Idempotency-Key", "the-same-key").code(t); c != fault.Idempotency {
		t.Errorf("the key of another question: %s", c)
	}
	preview := get[wire.StatementPreview](t, r.do("GET", "/v1/requests/"+req.ID+"/statement?member=mem_bob", ""))
	if !strings.Contains(preview.Text, "250 EUR") || !strings.Contains(preview.Text, "APPROVE") {
		t.Errorf("preview %s", preview.Text)
	}
	if next := get[wire.StatementPreview](t, r.do("GET", "/v1/requests/"+req.ID+"/statement?member=mem_carol", "")); next.Text != preview.Text {
		t.Errorf("the next approver compares with another text: %s", next.Text)
	}
	for _, m := range []string{"mem_alice", "mem_carol"} {
		r.Signer.DecideThrough(r.relay, req.ID, m, "APPROVE") // which has the log read
	}
	page := get[wire.Page[wire.Request]](t, r.do("GET", "/v1/requests?state=approved&limit=1", ""))
	if len(page.Items) != 1 || page.Items[0].ID != req.ID || page.NextCursor != "" {
		t.Errorf("approved requests %+v", page)
	}
	o := get[wire.Order](t, r.do("POST", "/v1/orders", `{"request_id":"`+req.ID+`"}`))
	get[wire.Order](t, r.do("POST", "/v1/orders/"+o.ID+"/tickets", `{"theme":"dark"}`))
	to := r.do("GET", o.Ticket.URL, "", "Authorization", "")
	if to.status != http.StatusSeeOther || !strings.HasPrefix(to.header.Get("Location"), "https://northpay.example/") {
		t.Errorf("redirect %d to %q", to.status, to.header.Get("Location"))
	}
	if c := r.do("GET", o.Ticket.URL, "").code(t); c != fault.TicketSpent {
		t.Errorf("the second use of a ticket: %s", c)
	}
	for _, path := range []string{"/v1/entity", "/v1/providers", "/v1/accounts", "/v1/accounts/acc_treasury", "/v1/orders", "/v1/orders/" + o.ID, "/_health", "/v1/clock", "/.well-known/jwks.json"} {
		a := r.do("GET", path, "")
		if a.status != http.StatusOK || a.header.Get("X-Content-Type-Options") != "nosniff" || !json.Valid(a.body) {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

func TestQuotesStreamAsEvents(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.do("GET", quotesPath, "", "Accept", "text/event-stream")
	var events []string
	for s := bufio.NewScanner(bytes.NewReader(a.body)); s.Scan(); {
		if e, ok := strings.CutPrefix(s.Text(), "event: "); ok {
			events = append(events, e)
		}
	}
	if a.header.Get("Content-Type") != "text/event-stream" || !slices.Equal(events, []string{"open", "quote", "done"}) {
		t.Errorf("%v: %s", events, a.body)
	}
	if c := r.do("GET", strings.Replace(quotesPath, "250", "x", 1), "", "Accept", "text/event-stream").code(t); c != fault.Invalid {
		t.Errorf("a bad amount: %s", c)
	}
}

func TestTokensInEveryFormThatIsInUse(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, tc := range []struct {
		name, path, body string
		life             int64
	}{
		{"developer", "/v1/auth/tokens", `{"apiKey":"K","id":"dev_sandbox","userType":"developer"}`, 3600},
		{"entity", "/v1/entities/auth/generate-token", `{"apiKey":"K","id":"ent_sandbox","userType":"entity"}`, 900},
		{"entity with developer", "/v1/auth/tokens", `{"apiKey":"K","id":"ent_sandbox","userType":"entity","developerId":"dev_sandbox"}`, 900},
		{"legacy entity", "/v1/entities/auth/generate-token", `{"apiKey":"K","entityId":"ent_sandbox","developerId":"dev_sandbox"}`, 900},
		{"developer without a type", "/v1/auth/tokens", `{"apiKey":"K","developerId":"dev_sandbox"}`, 3600},
		{"explicit developer", "/v1/auth/developer-token", `{"apiKey":"K","developerId":"dev_sandbox"}`, 3600},
		{"explicit entity", "/v1/auth/entity-token", `{"apiKey":"K","entityId":"ent_sandbox","developerId":"dev_sandbox"}`, 900},
		{"legacy developer", "/v1/developers/auth/generate-token", `{"apiKey":"K","developerId":"dev_sandbox"}`, 3600},
	} {
		a := r.do("POST", tc.path, strings.Replace(tc.body, `"K"`, `"`+gatewaytest.APIKey+`"`, 1), "Authorization", "", "Idempotency-Key", "")
		reply := get[wire.TokenReply](t, a)
		if reply.ExpiresIn != tc.life || reply.TokenType != "Bearer" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %+v %v", tc.name, reply, a.header)
		}
		if got := r.do("GET", "/v1/entity?entityId=ent_sandbox", "", "Authorization", "Bearer "+reply.AccessToken); got.status != http.StatusOK {
			t.Errorf("%s: the token does not work: %s", tc.name, got.body)
		}
	}
}

func TestTheSandboxGivesAKeyOnceOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	body := `{"name":"Acme","developer_id":"d1","preferences":{"currency":"EUR"}}`
	one := get[wire.SandboxReply](t, r.do("POST", "/v1/sandbox", body, "Authorization", ""))
	two := r.do("POST", "/v1/sandbox", body, "Authorization", "")
	if two.status != http.StatusConflict || strings.Contains(string(two.body), "ol_test_") || strings.Contains(string(two.body), one.Data.Entity.ID) {
		t.Errorf("somebody else got %d %s", two.status, two.body)
	}
	other := get[wire.SandboxReply](t, r.do("POST", "/v1/sandbox", `{"name":"Acme","developer_id":"d2"}`, "Authorization", ""))
	if other.Data.Entity.ID == one.Data.Entity.ID {
		t.Errorf("two developers have the entity %s", one.Data.Entity.ID)
	}
	a := r.do("GET", "/v1/accounts?entityId="+one.Data.Entity.ID, "", "Authorization", "Bearer "+one.Data.Token)
	if v := get[wire.Accounts](t, a); len(v.Accounts) != 0 {
		t.Errorf("accounts %+v of an entity that no signer knows", v)
	}
}

func TestErrorBodiesAreThoseOfTheAPIThatThisFollows(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for name, tc := range map[string]struct {
		a       answer
		status  int
		code    fault.Code
		message string
	}{
		"no header": {r.do("GET", "/v1/entity", "", "Authorization", ""), 401, fault.Unauthenticated, "Authorization header is required"},
		"bad token": {r.do("GET", "/v1/entity", "", "Authorization", "Bearer x.y.z"), 401, fault.Unauthenticated, "Invalid authentication token"},
		"bad key": {r.do("POST", "/v1/auth/tokens", `{"apiKey":"nope","id":"dev_sandbox","userType":"developer"}`), 401,
			fault.InvalidAPIKey, "API key is invalid or expired"},
		"unknown developer": {r.do("POST", "/v1/auth/tokens", `{"apiKey":"nope","id":"dev_nobody","userType":"developer"}`), 401,
			fault.InvalidAPIKey, "API key is invalid or expired"},
	} {
		var p wire.Problem
		if err := json.Unmarshal(tc.a.body, &p); err != nil {
			t.Fatal(err)
		}
		if tc.a.status != tc.status || p.Error.Code != tc.code || p.Error.Message != tc.message || tc.a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d %s", name, tc.a.status, tc.a.body)
		}
	}
}

func TestBadInputIsRefusedAndChangesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	q := r.Quoted()
	developer := "Bearer " + r.mint(gateway.Subject{Developer: "dev_sandbox", Version: 1})
	stranger := "Bearer " + r.mint(gateway.Subject{Developer: "dev_other", Entity: "ent_other", Version: 1})
	revoked := "Bearer " + r.mint(gateway.Subject{Developer: "dev_sandbox", Entity: "ent_sandbox", Version: 0})
	moved := "Bearer " + r.mint(gateway.Subject{Developer: "dev_other", Entity: "ent_sandbox", Version: 1})
	good := `{"quote_id":"` + q.ID + `","account_id":"acc_treasury"}`
	long := strings.Repeat("a", 200<<10)
	posts := []string{"/v1/requests", "/v1/orders", "/v1/orders/ord_abcd/tickets", "/v1/channels", "/v1/channels/chn_abcd/records", "/v1/auth/tokens", "/v1/auth/developer-token", "/v1/auth/entity-token", "/v1/developers/auth/generate-token", "/v1/entities/auth/generate-token", "/v1/sandbox"}
	type row struct {
		name, method, path, body string
		want                     fault.Code
		header                   []string
	}
	rows := []row{
		{"another entity in the query", "GET", "/v1/requests?entityId=ent_other", "", fault.Forbidden, nil},
		{"an unknown entity in the query", "GET", "/v1/requests?entityId=ent_nobody", "", fault.Forbidden, nil},
		{"an entity twice", "GET", "/v1/requests?entityId=ent_sandbox&entityId=ent_other", "", fault.Invalid, nil},
		{"a developer without an entity", "GET", "/v1/requests", "", fault.EntityContext, []string{"Authorization", developer}},
		{"a developer with a foreign entity", "GET", "/v1/requests?entityId=ent_other", "", fault.Forbidden, []string{"Authorization", developer}},
		{"a revoked token", "GET", "/v1/entity", "", fault.Unauthenticated, []string{"Authorization", revoked}},
		{"an entity of another developer", "GET", "/v1/entity", "", fault.Unauthenticated, []string{"Authorization", moved}},
		{"another scheme", "GET", "/v1/entity", "", fault.Unauthenticated, []string{"Authorization", "Basic " + r.token}},
		{"the quote of another entity", "POST", "/v1/requests", good, fault.EntityUnknown, []string{"Authorization", stranger}},
		{"an unknown quote", "POST", "/v1/requests", `{"quote_id":"quo_nothing","account_id":"acc_treasury"}`, fault.NotFound, nil},
		{"an account that was not named", "GET", strings.Replace(quotesPath, "acc_treasury", "", 1), "", fault.Invalid, nil},
		{"a member who was not named", "GET", "/v1/requests/req_nothing/statement", "", fault.Invalid, nil},
		{"an unknown parameter of a POST", "POST", "/v1/requests?dry=1", good, fault.Invalid, nil},
		{"an unknown parameter of an open address", "GET", "/v1/clock?entityId=ent_sandbox", "", fault.Invalid, nil},
		{"a semicolon in the query", "GET", "/v1/requests?limit=1;x=2", "", fault.Invalid, nil},
		{"an object of an entity that is not enrolled", "GET", "/v1/requests/req_nothing", "", fault.EntityUnknown, []string{"Authorization", stranger}},
		{"an order of an entity that is not enrolled", "GET", "/v1/orders/x", "", fault.EntityUnknown, []string{"Authorization", stranger}},
		{"a bad body of an entity that is not enrolled", "POST", "/v1/orders/x/tickets", `{"theme":"pink"}`, fault.Invalid, []string{"Authorization", stranger}},
		{"a ticket of an entity that is not enrolled", "POST", "/v1/orders/x/tickets", `{}`, fault.EntityUnknown, []string{"Authorization", stranger}},
		{"an order by an entity that is not enrolled", "POST", "/v1/orders", `{"request_id":"req_nothing"}`, fault.EntityUnknown, []string{"Authorization", stranger}},
		{"a statement of an entity that is not enrolled", "GET", "/v1/requests/x/statement?member=mem_bob", "", fault.EntityUnknown, []string{"Authorization", stranger}},
		{"an unknown account", "POST", "/v1/requests", `{"quote_id":"` + q.ID + `","account_id":"acc_other"}`, fault.NotFound, nil},
		{"no idempotency key", "POST", "/v1/requests", good, fault.Invalid, []string{"Idempotency-Key", ""}},
		{"a short idempotency key", "POST", "/v1/requests", good, fault.Invalid, []string{"Idempotency-Key", "x"}},
		{"a long idempotency key", "POST", "/v1/requests", good, fault.Invalid, []string{"Idempotency-Key", strings.Repeat("x", 129)}},
		{"a browser at the token endpoint", "POST", "/v1/auth/tokens", `{}`, fault.Forbidden, []string{"Origin", "https://page.example"}},
		{"a browser at the sandbox", "POST", "/v1/sandbox", `{}`, fault.Forbidden, []string{"Origin", "null"}},
		{"contradictory ids", "POST", "/v1/auth/tokens", `{"apiKey":"k","id":"ent_a","userType":"entity","entityId":"ent_b"}`, fault.Invalid, nil},
		{"an entity at the developers' address", "POST", "/v1/auth/developer-token", `{"apiKey":"k","entityId":"ent_a","developerId":"dev_a"}`, fault.Invalid, nil},
		{"a developer at the entities' address", "POST", "/v1/auth/entity-token", `{"apiKey":"k","developerId":"dev_a"}`, fault.Invalid, nil},
		{"an entity at the developers' older address", "POST", "/v1/developers/auth/generate-token", `{"apiKey":"k","id":"ent_a","userType":"entity"}`, fault.Invalid, nil},
		{"limit and pageSize", "GET", "/v1/orders?limit=5&pageSize=5", "", fault.Invalid, nil},
		{"a pageSize beyond", "GET", "/v1/orders?pageSize=101", "", fault.Invalid, nil},
		{"pageSize where there is no list", "GET", "/v1/entity?pageSize=5", "", fault.Invalid, nil},
		{"a list of entities for an entity", "GET", "/v1/entities", "", fault.Forbidden, nil},
		{"a foreign entity to a developer", "GET", "/v1/entities?entityId=ent_other", "", fault.Forbidden, []string{"Authorization", developer}},
		{"an unknown entity to a developer", "GET", "/v1/entities?entityId=ent_nobody", "", fault.Forbidden, []string{"Authorization", developer}},
		{"an entity without a name", "POST", "/v1/entities", `{"legalName":""}`, fault.Invalid, []string{"Authorization", developer}},
		{"an unknown legal form", "POST", "/v1/entities", `{"legalName":"A","entityType":"BAND"}`, fault.Invalid, []string{"Authorization", developer}},
		{"a tax number", "POST", "/v1/entities", `{"legalName":"A","tin":"12-3456789"}`, fault.Invalid, []string{"Authorization", developer}},
		{"a change of no entity", "PUT", "/v1/entities", `{"legalName":"A"}`, fault.EntityContext, []string{"Authorization", developer, "Content-Type", "application/json"}},
		{"a change without a body", "PUT", "/v1/entities?entityId=ent_sandbox", "", fault.Invalid, []string{"Authorization", developer, "Content-Type", "application/json"}},
		{"a change of the configuration's entity", "PUT", "/v1/entities?entityId=ent_sandbox", `{"legalName":"A"}`, fault.Conflict, []string{"Authorization", developer, "Content-Type", "application/json"}},
		{"a removal of the configuration's entity", "DELETE", "/v1/entities?entityId=ent_sandbox", "", fault.Conflict, []string{"Authorization", developer}},
		{"a removal of no entity", "DELETE", "/v1/entities", "", fault.EntityContext, []string{"Authorization", developer}},
		{"an admin", "POST", "/v1/auth/tokens", `{"apiKey":"k","id":"a","userType":"admin"}`, fault.Invalid, nil},
		{"an unknown state", "GET", "/v1/requests?state=PENDING", "", fault.Invalid, nil},
		{"a limit of zero", "GET", "/v1/requests?limit=0", "", fault.Invalid, nil},
		{"a limit beyond", "GET", "/v1/orders?limit=101", "", fault.Invalid, nil},
		{"a limit with a sign", "GET", "/v1/orders?limit=%2B5", "", fault.Invalid, nil},
		{"a forged cursor", "GET", "/v1/orders?cursor=%27%3B--", "", fault.Invalid, nil},
		{"an unknown parameter", "GET", "/v1/orders?sort=up", "", fault.Invalid, nil},
		{"a long query", "GET", "/v1/orders?cursor=" + strings.Repeat("a", 5000), "", fault.TooLarge, nil},
		{"a broken query", "GET", "/v1/orders?cursor=%zz", "", fault.Invalid, nil},
		{"no such request", "GET", "/v1/requests/req_nothing", "", fault.NotFound, nil},
		{"an id of another kind", "GET", "/v1/requests/ord_nothing", "", fault.NotFound, nil},
		{"an id that climbs", "GET", "/v1/accounts/..%2f..", "", fault.NotFound, nil},
		{"no such order", "GET", "/v1/orders/ord_nothing", "", fault.NotFound, nil},
		{"no such account", "GET", "/v1/accounts/acc_nothing", "", fault.NotFound, nil},
		{"a forged ticket", "GET", "/v1/redirect/abcdef", "", fault.TicketSpent, nil},
		{"a long ticket", "GET", "/v1/redirect/" + strings.Repeat("a", 65), "", fault.TicketSpent, nil},
		{"no such address", "GET", "/v1/nothing", "", fault.NotFound, nil},
		{"another method", "DELETE", "/v1/requests", "", fault.Method, nil},
		{"a negative amount", "GET", strings.Replace(quotesPath, "250", "-250", 1), "", fault.Invalid, nil},
		{"an exponent", "GET", strings.Replace(quotesPath, "250", "1e3", 1), "", fault.Invalid, nil},
		{"a leading zero in hexadecimal", "GET", strings.Replace(quotesPath, "250", "0x10", 1), "", fault.Invalid, nil},
		{"two amounts", "GET", quotesPath + "&amount=1", "", fault.Invalid, nil},
		{"an account of nobody", "GET", strings.Replace(quotesPath, "acc_treasury", "acc_x", 1), "", fault.NotFound, nil},
		{"a record that is not base64url", "POST", "/v1/channels", `{"record":"a+/="}`, fault.Invalid, nil},
		{"an empty record", "POST", "/v1/channels", `{"record":""}`, fault.Invalid, nil},
		{"a relay by a stranger", "POST", "/v1/channels", `{"record":"AAAA"}`, fault.EntityUnknown, []string{"Authorization", stranger}},
		{"an unknown theme", "POST", "/v1/orders/ord_abcd/tickets", `{"theme":"pink"}`, fault.Invalid, nil},
		{"a preview of a stranger", "GET", "/v1/requests/req_nothing/statement?member=mem_alice", "", fault.NotFound, nil},
	}
	for _, p := range posts {
		rows = append(rows,
			row{"no JSON at " + p, "POST", p, `{`, fault.Invalid, nil},
			row{"nothing at " + p, "POST", p, ``, fault.Invalid, nil},
			row{"a list at " + p, "POST", p, `[]`, fault.Invalid, nil},
			row{"an unknown field at " + p, "POST", p, `{"hello":1}`, fault.Invalid, nil},
			row{"a number for a text at " + p, "POST", p, `{"quote_id":1,"request_id":1,"record":1,"apiKey":1,"name":1,"theme":1}`, fault.Invalid, nil},
			row{"a form at " + p, "POST", p, `a=b`, fault.MediaType, []string{"Content-Type", "application/x-www-form-urlencoded"}},
			row{"compressed at " + p, "POST", p, `{}`, fault.MediaType, []string{"Content-Encoding", "gzip"}},
			row{"too long at " + p, "POST", p, `{"record":"` + long + `"}`, fault.TooLarge, nil},
		)
	}
	rows = append(rows,
		row{"a field twice", "POST", "/v1/requests", `{"quote_id":"` + q.ID + `","quote_id":"` + q.ID + `","account_id":"acc_treasury"}`, fault.Invalid, nil},
		row{"a field in another case", "POST", "/v1/requests", `{"Quote_ID":"` + q.ID + `","account_id":"acc_treasury"}`, fault.Invalid, nil},
		row{"something behind the body", "POST", "/v1/requests", good + `{}`, fault.Invalid, nil},
	)
	for _, tc := range rows {
		a := r.do(tc.method, tc.path, tc.body, tc.header...)
		if c := a.code(t); c != tc.want || a.status != status(c) || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s, want %s", tc.name, a.status, a.body, tc.want)
		}
	}
	r.Pass(14 * time.Minute)
	r.token = r.mint(gateway.Subject{Developer: "dev_sandbox", Entity: "ent_sandbox", Version: 1})
	if p := get[wire.Page[wire.Request]](t, r.do("GET", "/v1/requests", "")); len(p.Items) != 0 {
		t.Errorf("requests %+v came of bad input", p.Items)
	}
	r.Pass(16 * time.Minute)
	expired := r.do("GET", "/v1/requests", "")
	var p wire.Problem
	if err := json.Unmarshal(expired.body, &p); err != nil || p.Error.Code != fault.Unauthenticated || p.Error.Details["reason"] != "expired" {
		t.Errorf("an expired token: %s, %v", expired.body, err)
	}
}

func TestARefusalOfAQueryNamesTheParameterAsItWasSent(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	all := []string{"from=EUR", "to=ethereum", "amount=250", "payment-method=card", "country=FR", "account=acc_treasury"}
	for i, left := range all {
		path := "/v1/quotes?" + strings.Join(slices.Concat(all[:i], all[i+1:]), "&")
		name, _, _ := strings.Cut(left, "=")
		a := r.do("GET", path, "")
		var p wire.Problem
		if err := json.Unmarshal(a.body, &p); err != nil || a.status != http.StatusBadRequest || p.Error.Details["field"] != name || p.Error.Details[name] == "" {
			t.Errorf("without %s: %d %s", name, a.status, a.body)
		}
	}
	var p wire.Problem
	if a := r.do("GET", "/v1/quotes?from=EUR", ""); json.Unmarshal(a.body, &p) != nil || a.status != http.StatusBadRequest || len(p.Error.Details) != 6 {
		t.Errorf("without the other five: %d %s", a.status, a.body)
	}
}

func TestACorrectedQuestionMayUseTheKeyOfTheOneThatWasRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	good := `{"quote_id":"` + r.Quoted().ID + `","account_id":"acc_treasury"}`
	key := []string{"Idempotency-Key", "one-key-for-all"}
	for _, bad := range []string{"{", `{"quote_id":1}`, strings.Replace(good, "treasury", "other", 1), `{"quote_id":"quo_nothing","account_id":"acc_treasury"}`} {
		if a := r.do("POST", "/v1/requests", bad, key...); a.status != 400 && a.status != 404 {
			t.Errorf("%s: %d %s", bad, a.status, a.body)
		}
	}
	first := r.do("POST", "/v1/requests", good, key...)
	req := get[wire.Request](t, first)
	if again := r.do("POST", "/v1/requests", good, key...); !bytes.Equal(first.body, again.body) {
		t.Errorf("the answer was not kept: %s", again.body)
	}
	if c := r.do("POST", "/v1/requests", "{}", key...).code(t); c != fault.Idempotency {
		t.Errorf("after an answer: %s", c)
	}
	if c := r.do("POST", "/v1/orders", `{"request_id":"`+req.ID+`"}`, key...).code(t); c != fault.Idempotency {
		t.Errorf("another address: %s", c)
	}
}

func TestAfterAFailureOnlyTheSameQuestionMayUseTheKey(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	good := `{"quote_id":"` + r.Quoted().ID + `","account_id":"acc_treasury"}`
	var down atomic.Bool
	r.Signer.Down = down.Load
	down.Store(true)
	key := []string{"Idempotency-Key", "one-key-for-all"}
	if a := r.do("POST", "/v1/requests", good, key...); a.status != 503 {
		t.Fatalf("without a signer: %d %s", a.status, a.body)
	}
	down.Store(false)
	if c := r.do("POST", "/v1/requests", `{"quote_id":"`+r.Quoted().ID+`","account_id":"acc_treasury"}`, key...).code(t); c != fault.Idempotency {
		t.Errorf("another question: %s", c)
	}
	get[wire.Request](t, r.do("POST", "/v1/requests", good, key...))
}

func TestStrangersBehindAProxyAreToldApart(t *testing.T) {
	t.Parallel()
	proxies, err := party.ParseProxies([]string{"127.0.0.1", "::1"})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, proxies...)
	wrong := func(headers ...string) answer {
		return r.do("POST", "/v1/auth/tokens", `{"apiKey":"wrong","id":"ent_sandbox","userType":"entity"}`, append(slices.Clone(headers), "Authorization", "")...)
	}
	last := answer{}
	for range gateway.WrongKeys + 1 {
		last = wrong("X-Forwarded-For", "2001:db8::1")
		wrong("X-Forwarded-For", "64:ff9b::198.51.100.1") // through a NAT64
	}
	if last.status != http.StatusTooManyRequests || last.header.Get("Retry-After") != "2" {
		t.Errorf("a stranger with too many wrong keys: %d, Retry-After %q", last.status, last.header.Get("Retry-After"))
	}
	for name, headers := range map[string][]string{
		"the same network of IPv6":     {"X-Forwarded-For", "2001:db8::ffff:1"},
		"a claim of somebody else's":   {"X-Forwarded-For", "192.0.2.1, 2001:db8::1"},
		"the same in the other header": {"Forwarded", `for="[2001:db8::1]:4711"`},
		"the same without the NAT64":   {"X-Forwarded-For", "198.51.100.1"},
	} {
		if a := wrong(headers...); a.status != http.StatusTooManyRequests {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	for name, headers := range map[string][]string{
		"another network": {"X-Forwarded-For", "2001:db8:0:1::1"}, "no header": nil, "an address of IPv4": {"X-Forwarded-For", "192.0.2.1"},
		"another behind the NAT64": {"X-Forwarded-For", "64:ff9b::192.0.2.7"},
	} {
		if a := wrong(headers...); a.status != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, a.status)
		}
	}
}
