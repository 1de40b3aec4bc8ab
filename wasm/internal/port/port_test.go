package port

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/link"
	"countersign/wasm/core"
	"countersign/wasm/internal/app"
	"countersign/wasm/internal/auth"
	"countersign/wasm/internal/bridgeclient"
	"countersign/wasm/internal/gatewayclient"
)

// world is a gateway that answers by path, on a computer without a bridge.
type world struct {
	mu    sync.Mutex
	paths map[string]string
	token error
	once  sync.Once
	hang  chan struct{} // closed when a call to /v1/hang was cancelled
}

const now = "2026-11-20T12:00:00Z"

func newWorld() *world {
	return &world{hang: make(chan struct{}), paths: map[string]string{
		"/v1/entity":    `{"id":"ent_sandbox","name":"Sandbox Treasury","enrolled":true,"members":[],"log":{"size":1,"head":""},"signer":"ok","environment":"sandbox","server_time":"` + now + `"}`,
		"/v1/providers": `{"providers":[],"server_time":"` + now + `"}`,
		"/v1/accounts":  `{"accounts":[],"server_time":"` + now + `"}`,
		"/v1/requests":  `{"items":[]}`,
		"/v1/orders":    `{"items":[]}`,
		"/v1/clock":     `{"now":"` + now + `"}`,
		"/v1/events":    "event: open\ndata: {\"entity\":\"ent_sandbox\"}\n\nevent: change\ndata: {\"what\":\"request\",\"id\":\"req_a\"}\n\n",
		"/v1/quotes": "event: excluded\ndata: {\"provider\":\"northpay\",\"provider_name\":\"</script>\",\"stage\":\"transport\",\"code\":\"TIMEOUT\",\"message\":\"It was too slow.\"}\n\n" +
			"event: done\ndata: {\"question\":\"q\",\"account\":\"acc_treasury\",\"input\":{\"from\":\"EUR\",\"to\":\"ethereum\",\"amount\":\"250\",\"payment_method\":\"card\",\"country\":\"FR\"},\"server_time\":\"" + now + "\",\"complete\":true,\"asked\":1,\"quotes\":[],\"excluded\":[],\"fixes\":[]}\n\n",
	}}
}

func (w *world) Fetch(context.Context, bool) (auth.Token, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return auth.Token{Value: "secret", Lifetime: 15 * time.Minute}, w.token
}

func (w *world) Do(ctx context.Context, r gatewayclient.Request) (*gatewayclient.Response, error) {
	path, asked, _ := strings.Cut(r.URL, "?")
	if strings.HasPrefix(path, "/v1/accounts/") {
		<-ctx.Done()
		w.once.Do(func() { close(w.hang) })
		return nil, ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	status, body, ct := 200, w.paths[path], "application/json"
	switch {
	case strings.HasSuffix(asked, "=") || strings.Contains(asked, "=&"): // as the gateway does
		status, body = 400, `{"error":{"code":"INVALID_REQUEST","message":"a parameter has no value","request_id":"r1"}}`
	case body == "":
		status, body = 404, `{"error":{"code":"NOT_FOUND","message":"there is none","request_id":"r1"}}`
	case strings.HasPrefix(body, "event:"):
		ct = "text/event-stream"
	case strings.HasPrefix(body, "<"):
		ct = "text/html"
	}
	return &gatewayclient.Response{Status: status, Header: func(string) string { return ct }, Body: io.NopCloser(strings.NewReader(body))}, nil
}

func (w *world) Get(context.Context, string) (string, error) { return "", nil }
func (w *world) Set(context.Context, string, string) error   { return nil }
func (w *world) Delete(context.Context, string) error        { return nil }

// page is JavaScript's end of a port.
type page struct {
	*testing.T
	*Port
	came chan map[string]json.RawMessage
}

func open(t *testing.T, w *world) page {
	t.Helper()
	p := page{T: t, came: make(chan map[string]json.RawMessage, 1024)}
	c := core.New(core.Config{Origin: "http://page", Store: w, Tokens: w, Fetch: w, Now: time.Now, Rand: strings.NewReader(strings.Repeat("r", 4096)),
		Local: bridgeclient.Local{
			Permission: func(context.Context) bridgeclient.Permission { return bridgeclient.Granted },
			Health:     func(context.Context, string) string { return bridgeclient.Nothing },
			Dial:       func(context.Context, string) (bridgeclient.Socket, error) { return nil, errors.New("refused") },
		},
		LinkKey: func(context.Context) (link.DH, error) { return nil, errors.New("this browser has no X25519") }})
	p.Port = New(Config{Settings: Settings{Environment: "sandbox", Origin: "http://page"}, Core: c, Store: w, Now: time.Now, Words: func(string) app.Words { return app.Words{} },
		Post: func(messages string) {
			var list []map[string]json.RawMessage
			if err := json.Unmarshal([]byte(messages), &list); err != nil {
				t.Errorf("%v: %s", err, messages)
			}
			for _, m := range list {
				p.came <- m
			}
		}})
	t.Cleanup(p.Stop)
	return p
}

func (p page) say(messages string) {
	p.Helper()
	if err := p.Receive(messages); err != nil {
		p.Fatal(err)
	}
}

// until returns the first message that has all of the fields with these values.
func (p page) until(fields ...string) map[string]json.RawMessage {
	p.Helper()
	for {
		select {
		case m := <-p.came:
			if m["frame"] != nil {
				p.say(`[{"frame":true}]`)
			}
			all := true
			for i := 0; i < len(fields); i += 2 {
				v, ok := m[fields[i]]
				all = all && ok && (fields[i+1] == "" || strings.Contains(string(v), fields[i+1]))
			}
			if all {
				return m
			}
		case <-time.After(30 * time.Second):
			p.Fatalf("no message with %q", fields)
		}
	}
}

func TestACallIsAnsweredUnderItsNumber(t *testing.T) {
	t.Parallel()
	p := open(t, newWorld())
	p.say(`[{"id":1,"call":"session"},{"id":2,"call":"providers"}]`)
	var s Session
	if err := json.Unmarshal(p.until("id", "1", "ok", "")["ok"], &s); err != nil || s.Entity.ID != "ent_sandbox" || s.Until.IsZero() {
		t.Errorf("%+v, %v", s, err)
	}
	p = open(t, newWorld())
	p.say(`[{"id":7,"call":"quotes","args":{"input":{"from":"EUR","to":"ethereum","amount":"250","payment_method":"card","country":"FR"},"account":"acc_treasury"}}]`)
	if step := p.until("id", "7", "step", ""); !strings.Contains(string(step["step"]), `"out"`) {
		t.Errorf("%s", step["step"])
	}
	p.until("id", "7", "ok", `"asked":1`)
}

func TestListsAreAskedForWithAndWithoutWhatNarrowsThem(t *testing.T) {
	t.Parallel()
	p := open(t, newWorld())
	for i, call := range []string{`"requests"`, `"requests","args":{"state":"pending"}`, `"requests","args":{"cursor":"c"}`, `"orders"`, `"orders","args":{"cursor":"c"}`} {
		id := strconv.Itoa(i + 1)
		p.say(`[{"id":` + id + `,"call":` + call + `}]`)
		p.until("id", id, "ok", `"items":[]`)
	}
}

func TestAnErrorHasACodeAndSaysWhatHelps(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.paths["/v1/providers"] = "<html>"
	p := open(t, w)
	for _, test := range []struct{ call, want string }{
		{`{"id":1,"call":"nothing"}`, string(fault.NotSupported)},
		{`{"id":2,"call":"request","args":{"id":"../entity"}}`, `"field":"id"`},
		{`{"id":3,"call":"request","args":{"id":"req_missing"}}`, `"request_id":"r1"`},
		{`{"id":4,"call":"providers"}`, `"problem":"not a gateway"`},
		{`{"id":5,"call":"decide","args":{"requests":["req_aaa"],"member":"mem_alice","decision":"APPROVE"}}`, string(fault.NotPaired)},
		{`{"id":6,"call":"decide","args":{"requests":["acc_aaa"],"member":"mem_alice","decision":"APPROVE"}}`, `"field":"requests"`},
		{`{"id":8,"call":"quotes"}`, `"field":"input"`},
	} {
		p.say("[" + test.call + "]")
		m := p.until("id", test.call[6:7], "error", "")
		var e Problem
		if err := json.Unmarshal(m["error"], &e); err != nil || e.Code == "" || e.Message == "" || !strings.Contains(string(m["error"]), test.want) {
			t.Errorf("%s: %s, %v", test.call, m["error"], err)
		}
	}
}

func TestACallIsCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld()
	p := open(t, w)
	p.say(`[{"id":1,"call":"account","args":{"id":"acc_treasury"}}]`)
	p.until("event", "token")
	p.say(`[{"cancel":1}]`)
	<-w.hang
	p.until("id", "1", "error", string(fault.Cancelled))
}

func TestAPageIsToldWhatChanges(t *testing.T) {
	t.Parallel()
	p := open(t, newWorld())
	p.say(`[{"id":1,"call":"listen"}]`)
	p.until("event", "listening", "detail", "true")
	p.until("event", "change", "detail", `{"what":"request","id":"req_a"}`)
	p.until("event", "listening", "detail", "false")
	p.say(`[{"id":2,"call":"connect","args":{"gesture":true}}]`)
	p.until("event", "bridge", "detail", `"state":"failed"`)
}

func TestSurfacesShareOneCore(t *testing.T) {
	t.Parallel()
	p := open(t, newWorld())
	p.say(`[{"surface":1,"open":{"kind":"app","path":"/requests"}},{"surface":2,"open":{"kind":"app","path":"/accounts"}}]`)
	p.until("surface", "1", "picture", "No requests yet")
	p.say(`[{"surface":1,"close":true},{"surface":1,"act":["navigate:/buy",""]},{"surface":2,"act":["reload",""]}]`)
	p.until("surface", "2", "event", "reload")
	p.say(`[{"life":"hidden"},{"life":"shown"},{"life":"offline"}]`)
	p.until("surface", "2", "picture", "offline")
}

func TestWhatIsNotAMessageChangesNothing(t *testing.T) {
	t.Parallel()
	p := open(t, newWorld())
	for _, bad := range []string{``, `{}`, `[{"id":1,"call":"session","more":1}]`, `[1]`, `[{"surface":1,"open":{"kind":1}}]`} {
		if p.Receive(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	p.say(`[{},{"surface":9,"act":["x","y"]},{"cancel":9},{"surface":9,"close":true}]`)
	p.say(`[{"id":1,"call":"session"}]`)
	p.until("id", "1", "ok", "")
}

func FuzzReceive(f *testing.F) {
	for _, seed := range []string{`[{"id":1,"call":"session"}]`, `[{"surface":1,"open":{"kind":"app"}},{"surface":1,"close":true}]`, `[{"cancel":1},{"life":"leave"},{"frame":true}]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, messages string) {
		c := core.New(core.Config{Store: newWorld(), Tokens: newWorld(), Fetch: newWorld(), Now: time.Now, Rand: strings.NewReader("")})
		p := New(Config{Core: c, Store: newWorld(), Now: time.Now, Words: func(string) app.Words { return app.Words{} }, Post: func(string) {}})
		defer p.Stop()
		_ = p.Receive(messages)
	})
}
