package conform

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"countersign/web/internal/sandbox/pretend"
)

// Reference is a provider that keeps the contract, at base: the sandbox's, which delivers
// nothing. Its orders are kept in dir.
func Reference(base, dir string) (http.Handler, error) {
	s, err := pretend.New(pretend.Config{Base: base, Dir: dir, Now: time.Now})
	if err != nil {
		return nil, err
	}
	const provider = "/" + pretend.Conforming
	h := s.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path == provider+"/widget" {
			http.NotFound(w, r)
			return
		}
		h.ServeHTTP(w, r)
	}), nil
}

// What the simulator takes from the provider behind it: bytes of one answer, and how long
// it waits for that.
const (
	maxPassed = 1 << 20
	passing   = 30 * time.Second
)

// Simulator serves a provider once for each fault, at /NAME/…, with its answers made wrong in that
// way and in no other; at /none/… as they are. The same question always gets the same wrong answer,
// where the provider gives the same right one.
type Simulator struct {
	upstream http.Handler
	prefix   string // of the provider's paths
}

// NewSimulator passes questions on to the provider at an address.
func NewSimulator(address string) (*Simulator, error) {
	u, err := url.Parse(strings.TrimSuffix(address, "/"))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("the address must be that of a provider's endpoints, such as https://api.provider.example/buy")
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: u.Scheme, Host: u.Host})
	}, ModifyResponse: func(res *http.Response) error { // the rest of one without an end is not waited for
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, maxPassed), res.Body}
		return nil
	}}
	return &Simulator{upstream: proxy, prefix: u.Path}, nil
}

// NewReferenceSimulator is one with the reference provider behind it.
func NewReferenceSimulator(base, dir string) (*Simulator, error) {
	h, err := Reference(base, dir)
	return &Simulator{upstream: h, prefix: "/" + pretend.Conforming}, err
}

// ServeHTTP answers /NAME/path.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	f, ok := faultNamed(name)
	if !ok || path == "" {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusNotFound)
		for _, f := range Faults {
			fmt.Fprintf(w, "/%s\t%s\n", f.Name, f.What)
		}
		return
	}
	path = "/" + path
	if f.question != nil && !f.question(w, r, path) {
		return
	}
	if f.path != nil {
		path = f.path(path)
	}
	ctx, cancel := context.WithTimeout(r.Context(), passing)
	defer cancel()
	again := r.Clone(ctx)
	again.URL.Path, again.URL.RawPath, again.RequestURI = s.prefix+path, "", ""
	again.Header.Del("Accept-Encoding") // its answers are changed as texts
	got := httptest.NewRecorder()
	s.upstream.ServeHTTP(got, again)
	a := &reply{status: got.Code, header: got.Header().Clone(), body: got.Body.Bytes(), path: path, query: r.URL.Query()}
	a.header.Del("Content-Length")
	if f.answer != nil {
		f.answer(a)
	}
	a.write(w, r)
}

// reply is an answer of the provider on its way.
type reply struct {
	status int
	header http.Header
	body   []byte
	path   string
	query  url.Values
	slow   time.Duration // between the pieces of the body
}

func (a *reply) write(w http.ResponseWriter, r *http.Request) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	if a.slow == 0 {
		_, _ = w.Write(a.body)
		return
	}
	flush := http.NewResponseController(w)
	for len(a.body) > 0 && r.Context().Err() == nil {
		n := min(8, len(a.body))
		_, _ = w.Write(a.body[:n])
		_ = flush.Flush()
		a.body = a.body[n:]
		select {
		case <-time.After(a.slow):
		case <-r.Context().Done():
		}
	}
}

// edit changes the JSON object of a good answer to a path, keeping its numbers.
func (a *reply) edit(path string, change func(map[string]any)) {
	if a.status != http.StatusOK || !strings.HasPrefix(a.path, path) {
		return
	}
	var v map[string]any
	d := json.NewDecoder(bytes.NewReader(a.body))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return
	}
	change(v)
	if b, err := json.Marshal(v); err == nil {
		a.body = b
	}
}

// text changes the bytes of a good answer to a path.
func (a *reply) text(path string, change func(string) string) {
	if a.status == http.StatusOK && strings.HasPrefix(a.path, path) {
		a.body = []byte(change(string(a.body)))
	}
}

// widget changes the address of a hand-off.
func (a *reply) widget(change func(*url.URL, url.Values)) {
	a.edit("/buy-redirect", func(v map[string]any) {
		text, _ := v["rampRedirectUrl"].(string)
		u, err := url.Parse(text)
		if err != nil {
			return
		}
		q := u.Query()
		change(u, q)
		u.RawQuery = q.Encode()
		v["rampRedirectUrl"] = u.String()
	})
}

func refuse(w http.ResponseWriter, status int, kind, body string) bool {
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
	return false
}
