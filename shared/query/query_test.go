package query

import (
	"net/url"
	"strings"
	"testing"

	"countersign/shared/fault"
)

func TestAQueryIsReadOnlyWhenEveryReaderReadsItAlike(t *testing.T) {
	t.Parallel()
	for raw, field := range map[string]string{
		"a=1&a=2": "a", "a=1&%61=2": "a", "a&a": "a",
		"a=%": "", "a=%zz": "", "%%%": "", "a=1;b=2": "", ";": "",
	} {
		f, ok := fault.As(second(Read(raw)))
		if !ok || f.Code != fault.Invalid || f.Details["field"] != field {
			t.Errorf("%q: %v", raw, f)
		}
	}
	if err := second(Read(strings.Repeat("a", Max+1))); fault.CodeOf(err) != fault.TooLarge {
		t.Errorf("too long: %v", err)
	}
	q, err := Read("after=-1&limit=5&")
	if err != nil || q.Get("after") != "-1" || q.Get("limit") != "5" || len(q) != 2 {
		t.Errorf("%v, %v", q, err)
	}
	if err := Only(q, "after", "limit", "more"); err != nil {
		t.Error(err)
	}
	if f, ok := fault.As(Only(q, "after")); !ok || f.Code != fault.Invalid || f.Details["field"] != "limit" {
		t.Errorf("an unknown parameter: %v", f)
	}
}

func TestAParameterWithoutAValueIsRefused(t *testing.T) {
	t.Parallel()
	for raw, field := range map[string]string{"limit=": "limit", "limit": "limit", "after=1&limit=": "limit", "=": "", "=1": "", "": "none", "&&after=1&": "none"} {
		q, err := Read(raw)
		if err != nil {
			t.Fatal(err)
		}
		err = Only(q, "after", "limit")
		f, ok := fault.As(err)
		if field == "none" && err != nil || field != "none" && (!ok || f.Code != fault.Invalid || f.Details["field"] != field) {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

func TestAnUnknownParameterIsNamedWithTheOneThatMayBeMeant(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ raw, known, message string }{
		{"payment_method=card", "from to payment-method", `this address has no query parameter "payment_method": did you mean "payment-method"?`},
		{"paymentMethod=card", "from to payment-method", `this address has no query parameter "paymentMethod": did you mean "payment-method"?`},
		{"limt=1", "after limit", `this address has no query parameter "limt": did you mean "limit"?`},
		{"entity_id=x", "limit entityId", `this address has no query parameter "entity_id": did you mean "entityId"?`},
		{"ammount=1", "account amount", `this address has no query parameter "ammount": did you mean "amount"?`},
		{"page=2", "cursor limit", `this address has no query parameter "page": it takes cursor, limit`},
		{"a=2", "to from", `this address has no query parameter "a": it takes to, from`},
		{"x=1", "", `this address has no query parameter "x": it takes none`},
		{"%1b%5b31m%22=1", "", `this address has no query parameter "\x1b[31m\"": it takes none`},
		{strings.Repeat("a", 4000) + "=1", "limit", `this address has no query parameter "` + strings.Repeat("a", 40) + `": it takes limit`},
	} {
		q, err := Read(c.raw)
		if err != nil {
			t.Fatal(err)
		}
		if f, ok := fault.As(Only(q, strings.Fields(c.known)...)); !ok || f.Code != fault.Invalid || f.Message != c.message {
			t.Errorf("%.40s: %v, want %s", c.raw, f, c.message)
		}
	}
	if f, _ := fault.As(second(Read("limit=1&limit=2"))); f.Message != `the query parameter "limit" is given twice` {
		t.Error(f)
	}
}

func TestAPathIsWrittenInOneWay(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"/", "/v1/requests", "/v1/requests/req_1", "/a%20b", "/v1/redirect/a%00b", "/..a/...", "/a%2fb"} {
		if err := Path(parsed(t, raw)); err != nil {
			t.Errorf("%s: %v", raw, err)
		}
	}
	for _, raw := range []string{
		"", "*", "//", "//v1/requests", "///v1", "/v1//requests", "/v1/../v1/requests", "/v1/./requests", "/v1/requests/", "/v1/requests//", "/.", "/..",
		"/v1/requests/..", "/v1/requests/.", "/%2e/v1", "/v1/%2E%2e/v1/requests", "/v1/requests%2f", "/%2fv1/requests", "/v1%2f/requests", "/v1/requests/..%2f",
	} {
		if err := Path(parsed(t, raw)); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

// parsed is the address of a request for a path.
func parsed(t *testing.T, raw string) *url.URL {
	t.Helper()
	if !strings.HasPrefix(raw, "/") {
		return &url.URL{Path: raw}
	}
	u, err := url.ParseRequestURI("http://localhost" + raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func second[T any](_ T, err error) error { return err }

func FuzzRead(f *testing.F) {
	for _, s := range []string{"", "a=1", "a=1&a=2", "%%%", "a=\xff", "a;b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := Read(raw)
		if err != nil {
			return
		}
		again, err := Read(q.Encode())
		if len(q.Encode()) > Max {
			return
		}
		if err != nil || again.Encode() != q.Encode() {
			t.Errorf("%q was read as %v, and again as %v, %v", raw, q, again, err)
		}
	})
}
