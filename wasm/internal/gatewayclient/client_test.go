package gatewayclient

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"countersign/shared/fault"
	"countersign/shared/wire"
)

// answers is a fetch that gives prepared answers and keeps what was asked.
type answers struct {
	list  []Response
	err   error
	asked []Request
}

func (a *answers) Do(_ context.Context, r Request) (*Response, error) {
	header := map[string]string{}
	for k, v := range r.Header {
		header[k] = v
	}
	r.Header = header
	a.asked = append(a.asked, r)
	if a.err != nil {
		return nil, a.err
	}
	res := a.list[0]
	a.list = a.list[1:]
	return &res, nil
}

func answer(status int, contentType, body string) Response {
	return Response{Status: status, Header: func(string) string { return contentType }, Body: io.NopCloser(strings.NewReader(body))}
}

// tokens counts renewals.
type tokens struct{ renewed int }

func (t *tokens) Token(context.Context) (string, error) { return "old", nil }
func (t *tokens) Renew(_ context.Context, refused string) (string, error) {
	if refused != "old" {
		return "", errors.New("renewed another token")
	}
	t.renewed++
	return "new", nil
}

func client(f Fetch, k Tokens) *Client {
	return New(Config{Fetch: f, Tokens: k, Base: "https://gateway", Rand: strings.NewReader(strings.Repeat("r", 64))})
}

func TestA401LeadsToOneNewTokenAndOneReplay(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		list    []Response
		asked   int
		renewed int
		code    fault.Code
	}{
		{"the new token is accepted", []Response{answer(401, "", ""), answer(200, "application/json", `{"now":"2026-11-20T12:00:00Z"}`)}, 2, 1, ""},
		{"the new token is refused too", []Response{answer(401, "", ""), answer(401, "application/json", `{"error":{"code":"AUTHENTICATION_ERROR","message":"no"}}`)}, 2, 1, fault.Unauthenticated},
		{"the token is accepted", []Response{answer(200, "application/json", `{"now":"2026-11-20T12:00:00Z"}`)}, 1, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f, k := &answers{list: tt.list}, &tokens{}
			var out wire.Clock
			err := client(f, k).Post(t.Context(), "/v1/x", "key", struct{}{}, &out)
			if fault.CodeOf(err) != tt.code || len(f.asked) != tt.asked || k.renewed != tt.renewed {
				t.Fatalf("error %v, %d requests, %d renewals", err, len(f.asked), k.renewed)
			}
			for i, r := range f.asked {
				if want := []string{"Bearer old", "Bearer new"}[i]; r.Header["Authorization"] != want {
					t.Errorf("request %d has %q", i, r.Header["Authorization"])
				}
				if r.Header["Idempotency-Key"] != "key" {
					t.Errorf("request %d has the key %q", i, r.Header["Idempotency-Key"])
				}
			}
		})
	}
}

func TestAnswersBecomeFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		status int
		ct     string
		body   string
		code   fault.Code
	}{
		{"an error body", 409, "application/json", `{"error":{"code":"QUOTE_CHANGED","message":"m","details":{"new":"1"}}}`, fault.QuoteChanged},
		{"an unknown code", 409, "application/json", `{"error":{"code":"LATER_CODE","message":"m"}}`, fault.Conflict},
		{"a page of a proxy", 502, "text/html", `<html>`, fault.Unavailable},
		{"a page that says that there is none", 404, "text/html; charset=utf-8", `<html>`, fault.Unavailable},
		{"no body", 404, "", ``, fault.NotFound},
		{"a success that is not JSON", 200, "text/html", `<html>`, fault.Unavailable},
		{"a success with an unknown field", 200, "application/json", `{"now":"2026-11-20T12:00:00Z","x":1}`, fault.Internal},
		{"a success that is too large", 200, "application/json", `"` + strings.Repeat("x", MaxBody) + `"`, fault.TooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out wire.Clock
			err := client(&answers{list: []Response{answer(tt.status, tt.ct, tt.body)}}, &tokens{}).Get(t.Context(), "/v1/clock", &out)
			if fault.CodeOf(err) != tt.code {
				t.Fatalf("%v, want %s", err, tt.code)
			}
		})
	}
	err := client(&answers{err: errors.New("refused")}, &tokens{}).Get(t.Context(), "/", nil)
	if fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("no answer at all: %v", err)
	}
}

func TestEventsAreReadAsTheStandardSays(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"one", "event: quote\ndata: {}\n\n", "quote {}|"},
		{"without a name", "data: a\n\n", "message a|"},
		{"two lines of data", "data: a\ndata: b\n\n", "message a\nb|"},
		{"carriage returns", "event: q\rdata: a\r\revent: r\r\ndata: b\r\n\r\n", "q a|r b|"},
		{"comments and unknown fields", ": hello\nretry: 5\nfoo\ndata:a\n\n", "message a|"},
		{"a byte order mark", "\ufeffdata: a\n\n", "message a|"},
		{"an event that the end cuts off", "data: a\n\ndata: b\n", "message a|"},
		{"an event without data", "event: x\n\ndata: a\n\n", "message a|"},
		{"an id stays", "id: 1\ndata: a\n\ndata: b\n\n", "message a|message b|"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, r := range []io.Reader{strings.NewReader(tt.in), iotest.OneByteReader(strings.NewReader(tt.in))} {
				got := ""
				if err := ReadEvents(r, func(e Event) error { got += e.Name + " " + string(e.Data) + "|"; return nil }); err != nil || got != tt.want {
					t.Fatalf("%q, %v, want %q", got, err, tt.want)
				}
			}
		})
	}
}

func TestEventsHaveLimits(t *testing.T) {
	t.Parallel()
	none := func(Event) error { return nil }
	for name, in := range map[string]string{
		"a long line":  "data: " + strings.Repeat("x", MaxLine+1),
		"a long event": strings.Repeat("data: "+strings.Repeat("x", 1000)+"\n", 80) + "\n",
		"many events":  strings.Repeat("data: x\n\n", MaxEvents+1),
	} {
		if err := ReadEvents(strings.NewReader(in), none); fault.CodeOf(err) != fault.TooLarge {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := ReadEvents(iotest.ErrReader(errors.New("gone")), none); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("a broken stream: %v", err)
	}
}

func FuzzReadEvents(f *testing.F) {
	f.Add("event: quote\ndata: {}\n\n")
	f.Add("data: a\r\rdata: b\r\n\n")
	f.Fuzz(func(t *testing.T, s string) {
		read := func(r io.Reader) string {
			out := ""
			_ = ReadEvents(r, func(e Event) error { out += e.Name + "\x00" + string(e.Data) + "\x01"; return nil })
			return out
		}
		if whole, bytewise := read(strings.NewReader(s)), read(iotest.OneByteReader(strings.NewReader(s))); whole != bytewise {
			t.Fatalf("%q read whole, %q read byte by byte", whole, bytewise)
		}
	})
}
