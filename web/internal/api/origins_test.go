package api

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"testing"

	"countersign/shared/fault"
)

const page = "https://app.example"

// readable is the origin whose pages may read an answer.
func (a answer) readable() string { return a.header.Get("Access-Control-Allow-Origin") }

func TestAListedDashboardReadsEveryAnswerAndErrorOfTheAPI(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, q := range []struct {
		method, path, body string
		header             []string
		status             int
	}{
		{"GET", "/v1/clock", "", nil, 200},
		{"GET", "/_health", "", nil, 200},
		{"GET", "/v1/entity", "", nil, 200},
		{"GET", quotesPath, "", nil, 200},
		{"GET", quotesPath, "", []string{"Accept", "text/event-stream"}, 200},
		{"POST", "/v1/relays", `{"name":"` + strings.Repeat("A", 43) + `"}`, nil, 503},
		{"GET", "/v1/entity", "", []string{"Authorization", ""}, 401},
		{"GET", "/v1/requests?page=2", "", nil, 400},
		{"GET", "/v1/requests?%zz", "", nil, 400},
		{"GET", "/v1/requests/req_aaaaaaaaaaaaaaaaaaaaaaaaaa", "", nil, 404},
		{"GET", "/api/v1/clock", "", nil, 404},
		{"GET", "/v1//clock", "", nil, 404},
		{"PUT", "/v1/clock", "", nil, 405},
		{"POST", "/v1/orders", "{}", []string{"Content-Type", "text/plain"}, 415},
		{"POST", "/v1/auth/tokens", "{}", nil, 403},
	} {
		for _, origin := range []string{page, "https://other.example", page + ".evil.example", "http://app.example", "null", ""} {
			a := r.do(q.method, q.path, q.body, append(slices.Clone(q.header), "Origin", origin)...)
			want := ""
			if origin == page {
				want = page
			}
			if a.readable() != want || want != "" && !strings.Contains(a.header.Get("Access-Control-Expose-Headers"), "X-Request-Id") {
				t.Errorf("%s %s from %q may be read by %q", q.method, q.path, origin, a.readable())
			}
			if !slices.Contains(a.header.Values("Vary"), "Origin") || a.header.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s %s from %q: %v", q.method, q.path, origin, a.header)
			}
			if q.path != "/v1/auth/tokens" && q.path != "/v1/relays" && a.status != q.status {
				t.Errorf("%s %s from %q: %d %s, want %d", q.method, q.path, origin, a.status, a.body, q.status)
			}
		}
	}
}

func TestABrowserMayAskOnceInTwoHoursWhatAListedDashboardMayDo(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ask := func(path, method, origin string) answer {
		return r.do("OPTIONS", path, "", "Authorization", "", "Origin", origin, "Access-Control-Request-Method", method, "Access-Control-Request-Headers", "authorization,idempotency-key")
	}
	for path, methods := range map[string]string{"/v1/requests": "GET, POST", "/v1/events": "GET", "/v1/relays": "POST", quotesPath: "GET", "/v1/requests/req_a": "GET"} {
		a := ask(path, "GET", page)
		if a.status != http.StatusNoContent || a.readable() != page || a.header.Get("Access-Control-Allow-Methods") != methods || a.header.Get("Access-Control-Max-Age") != "7200" {
			t.Errorf("%s: %d %v", path, a.status, a.header)
		}
		for _, h := range []string{"Authorization", "Content-Type", "Idempotency-Key"} {
			if !strings.Contains(a.header.Get("Access-Control-Allow-Headers"), h) {
				t.Errorf("%s: the header %s is not allowed", path, h)
			}
		}
		if a := ask(path, "GET", "https://other.example"); a.code(t) != fault.OriginRefused || a.status != http.StatusForbidden || a.readable() != "" {
			t.Errorf("%s for another page: %d %v", path, a.status, a.header)
		}
	}
	if a := ask("/v1/nothing", "GET", page); a.code(t) != fault.NotFound || a.readable() != page {
		t.Errorf("an address that does not exist: %d %v", a.status, a.header)
	}
	if a := r.do("OPTIONS", "/v1/clock", "", "Origin", page); a.status != http.StatusMethodNotAllowed {
		t.Errorf("OPTIONS that asks for nothing: %d", a.status)
	}
}

func TestAnyPageLearnsThatAGatewayAnswersAndNoMore(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for path, policy := range map[string]string{"/v1/clock": "cross-origin", "/v1/entity": "same-origin", "/v1/nothing": "same-origin"} {
		if a := r.do("GET", path, "", "Origin", "https://other.example"); a.header.Get("Cross-Origin-Resource-Policy") != policy || a.readable() != "" {
			t.Errorf("%s: %v", path, a.header)
		}
	}
}

func TestStreamsOfAnotherOriginComeAsTheyAre(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+"/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	req.Header.Set("Origin", page)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	line, err := bufio.NewReader(res.Body).ReadString('\n')
	if err != nil || line != "id: 1\n" || res.Header.Get("Access-Control-Allow-Origin") != page {
		t.Errorf("%q, %v, %v", line, err, res.Header)
	}
}

func TestTheCoreIsServedForGoodUnderTheHashOfItsContents(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	sum := sha256.Sum256([]byte("core"))
	hash := hex.EncodeToString(sum[:])
	path := "/core/" + hash + "/countersign.wasm"
	for _, origin := range []string{page, ""} {
		a := r.do("GET", path, "", "Authorization", "", "Origin", origin)
		if a.status != http.StatusOK || string(a.body) != "core" || a.header.Get("Content-Type") != "application/wasm" || a.readable() != origin ||
			a.header.Get("Cache-Control") != "public, max-age=31536000, immutable" || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("from %q: %d %v", origin, a.status, a.header)
		}
	}
	for _, other := range []string{"/core/" + strings.Repeat("0", 64) + "/countersign.wasm", "/core/" + strings.ToUpper(hash) + "/countersign.wasm", "/core/" + hash + "/other.wasm"} {
		a := r.do("GET", other, "", "Origin", page)
		if a.status != http.StatusNotFound || a.code(t) != fault.NotFound || a.readable() != page || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v %s", other, a.status, a.header, a.body)
		}
	}
}
