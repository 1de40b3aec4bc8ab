package api

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/query"
	"countersign/shared/strictjson"
	"countersign/shared/wire"
	"countersign/web/internal/gateway"
)

type api struct{ Config }

// question is one request, read and authenticated.
type question struct {
	w      http.ResponseWriter
	r      *http.Request
	id     string // of the answer
	caller gateway.Caller
	query  url.Values
	body   []byte
	key    string // Idempotency-Key
	dry    bool   // Dry-Run: it is answered and not carried out
}

// raw is an answer that is not a JSON body with status 200.
type raw struct {
	status   int
	kind     string
	body     []byte
	location string
	done     bool // the handler wrote everything itself
}

// front answers what is not a route: another method, the dashboard, or nothing. It
// sets the headers that every answer has.
func (a *api) front(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = a.Proxies.With(r)
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "strict-origin")
		misspelt := query.Path(r.URL) // the mux would redirect
		_, pattern := mux.Handler(r)
		if misspelt == nil && pattern == "" && a.ofDashboard(r) {
			a.Dashboard.ServeHTTP(w, r)
			return
		}
		listed := a.share(h, r)
		if misspelt == nil && pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		a.secure(w)
		id := a.NewID()
		h.Set("X-Request-Id", id)
		if misspelt != nil {
			a.fail(w, r, id, misspelt)
			return
		}
		if methods := a.methods(mux, r); len(methods) > 0 {
			if preflight(r) {
				if err := permit(w, methods, listed); err != nil {
					a.fail(w, r, id, err)
				}
				return
			}
			h.Set("Allow", strings.Join(methods, ", "))
			a.fail(w, r, id, fault.New(fault.Method, "this address does not know the method: it takes "+strings.Join(methods, " and ")))
			return
		}
		a.fail(w, r, id, fault.New(fault.NotFound, "there is nothing at this address"+otherPath(r.URL.Path)))
	})
}

// methods are those that an address knows.
func (a *api) methods(mux *http.ServeMux, r *http.Request) (known []string) {
	if a.Dashboard != nil && a.Dashboard.Serves(r.URL.Path) {
		return []string{http.MethodGet, http.MethodHead}
	}
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := mux.Handler(other); pattern != "" {
			known = append(known, method)
		}
	}
	return known
}

// ofDashboard reports whether the dashboard answers. To a browser it does wherever
// the API has nothing; programs hear from it what it serves, and of everything else
// in the form of the API.
func (a *api) ofDashboard(r *http.Request) bool {
	switch {
	case a.Dashboard == nil || ofAPI(r.URL.Path):
		return false
	case strings.Contains(r.Header.Get("Accept"), "text/html"):
		return true
	}
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && a.Dashboard.Serves(r.URL.Path)
}

// otherPath names the address that may be meant.
func otherPath(path string) string {
	var known []string
	for _, rt := range routes {
		if _, p, _ := strings.Cut(rt.pattern, " "); !strings.Contains(p, "{") {
			known = append(known, p)
		}
	}
	if near := query.Near(path, known); near != "" {
		return ": did you mean " + near + "?"
	}
	return ""
}

// ofAPI reports whether a path is the API's and not the dashboard's, in whatever
// case it is written.
func ofAPI(path string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return slices.Contains([]string{"_health", "v1", "core", ".well-known"}, strings.ToLower(first))
}

func (a *api) secure(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

func (a *api) serve(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.secure(w)
		if rt.access == open { // public: a page learns whether something answers, also one that may not read it
			w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
		}
		q := &question{w: w, r: r, id: a.NewID()}
		w.Header().Set("X-Request-Id", q.id)
		q.r = r
		if rt.wait > 0 {
			ctx, cancel := context.WithTimeout(r.Context(), rt.wait)
			defer cancel()
			q.r = r.WithContext(ctx)
		}
		defer func() {
			if p := recover(); p != nil {
				a.fail(w, q.r, q.id, fmt.Errorf("panic: %v", p))
			}
		}()
		answer, err := a.answer(rt, q)
		if code := fault.CodeOf(err); code != fault.Limited { // who asks too much does not fill the log of use
			a.Gateway.Used(q.caller, q.visit(), code)
		}
		if err != nil {
			a.fail(w, q.r, q.id, err)
			return
		}
		if p, ok := answer.(interface{ InBothForms() any }); ok && q.query.Has("pageSize") {
			answer = p.InBothForms()
		}
		x, ok := answer.(raw)
		if !ok {
			body, err := strictjson.Canonical(answer)
			if err != nil {
				a.fail(w, q.r, q.id, fmt.Errorf("write the answer: %w", err))
				return
			}
			x = raw{status: http.StatusOK, kind: "application/json", body: body}
		}
		if x.location != "" {
			w.Header().Set("Location", x.location)
		}
		if !x.done {
			write(w, x.status, x.kind, x.body)
		}
	})
}

func write(w http.ResponseWriter, status int, kind string, body []byte) {
	if kind != "" {
		w.Header().Set("Content-Type", kind)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client went away
}

// answer checks a question in this order: form of the query, browser, token,
// entity, names in the query, body, key. Then it is asked.
func (a *api) answer(rt route, q *question) (any, error) {
	var err error
	if q.query, err = query.Read(q.r.URL.RawQuery); err != nil {
		return nil, err
	}
	if rt.access == noBrowser && q.r.Header.Get("Origin") != "" {
		return nil, fault.New(fault.Forbidden, "Tokens are not given to browsers: an API key must not be in a page. Ask from your back end and hand the entity token to the page")
	}
	if rt.access != open && rt.access != noBrowser && rt.access != signed {
		if q.caller, err = a.authenticate(q); err != nil {
			return nil, err
		}
		if err := a.charge(q); err != nil {
			return nil, err
		}
		c, err := a.admit(rt, q)
		if err != nil {
			return nil, err // of the caller that was authenticated, for the log of use
		}
		q.caller = c
	}
	if err := q.only(rt); err != nil {
		return nil, err
	}
	if q.dry, err = wire.DryRun(q.r.Header); err != nil {
		return nil, err
	}
	if q.dry && !rt.dry() { // carried out it must not be
		return nil, fault.New(fault.Invalid, "this address does not know the header Dry-Run, and nothing was done").With("field", wire.HeaderDryRun)
	}
	if rt.limit == 0 {
		if q.r.ContentLength != 0 {
			return nil, fault.New(fault.Invalid, "a "+q.r.Method+" has no body: what is asked for stands in its address")
		}
		return rt.handle(a, q)
	}
	if err := a.readBody(rt, q); err != nil {
		return nil, err
	}
	if q.r.Method != http.MethodPost || rt.access == signed || q.dry {
		return rt.handle(a, q) // asking twice gives the same; a notice has an id
	}
	given := q.r.Header.Values("Idempotency-Key")
	if len(given) == 0 && (rt.access == noBrowser || rt.access == anyToken) {
		return rt.handle(a, q)
	}
	if wrong := keyWrong(given); wrong != "" {
		return nil, fault.New(fault.Invalid, "the header Idempotency-Key "+wrong+": write one of 8 to 128 printable ASCII characters without spaces, the same one when you ask for the same thing again").With("field", "Idempotency-Key")
	}
	q.key = given[0]
	if rt.access == noBrowser || rt.access == anyToken {
		return rt.handle(a, q) // asking twice is harmless, and the answer is not to be kept
	}
	route := q.r.Method + " " + q.r.URL.Path
	body, replayed, err := a.Gateway.Once(q.r.Context(), gateway.Ask{
		Scope: q.caller.Scope(), Key: q.key, Route: route, Hash: sha256.Sum256(q.body), Secret: rt.secret, Refused: refused,
	}, func() (any, error) { return rt.handle(a, q) })
	if err != nil {
		return nil, err
	}
	if replayed {
		q.w.Header().Set("Idempotency-Replayed", "true")
	}
	return raw{status: http.StatusOK, kind: "application/json", body: body}, nil
}

// refused reports whether an error is the client's to correct: nothing happened
// then.
func refused(err error) bool {
	f, ok := fault.As(err)
	return ok && status(f.Code) < 500
}

// keyWrong is what is wrong with the values of an Idempotency-Key; empty when
// nothing is.
func keyWrong(keys []string) string {
	switch {
	case len(keys) == 0:
		return "is missing"
	case len(keys) > 1:
		return "is given more than once"
	case len(keys[0]) < 8 || len(keys[0]) > 128:
		return fmt.Sprintf("has %d characters", len(keys[0]))
	case strings.ContainsFunc(keys[0], func(r rune) bool { return r <= ' ' || r > '~' }):
		return "has a character that it may not have"
	}
	return ""
}

// only refuses query parameters that the route does not know.
func (q *question) only(rt route) error {
	known := strings.Fields(rt.query)
	if rt.ofEntity() {
		known = append(known, "entityId")
	}
	if slices.Contains(known, "limit") && slices.Contains(known, "cursor") {
		known = append(known, "pageSize")
	}
	return query.Only(q.query, known...)
}

// charge takes the question from what its caller may ask, and tells what is left.
func (a *api) charge(q *question) error {
	left, err := a.Gateway.Spend(q.caller, q.r.Method != http.MethodGet)
	h := q.w.Header()
	h.Set("X-RateLimit-Limit", strconv.Itoa(left.Limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(left.Remaining))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(left.Reset.Unix(), 10))
	return err
}

// admit checks that a caller may ask what a route answers, and in whose name.
func (a *api) admit(rt route, q *question) (c gateway.Caller, err error) {
	c = q.caller
	scope := map[access]string{entities: wire.ScopeEntities, keys: wire.ScopeKeys}[rt.access]
	switch rt.access {
	case anyToken:
		return c, nil
	case entity, reported, whole:
		if err := reads(rt, c); err != nil {
			return c, err
		}
		if scope = wire.ScopeWrite; q.r.Method == http.MethodGet {
			scope = wire.ScopeRead
		}
		c, err = a.Gateway.InEntity(q.r.Context(), c, q.query.Get("entityId"))
	default:
		if c.Entity != "" {
			err = fault.New(fault.Forbidden, "Entity tokens cannot access developer routes")
		}
	}
	if err == nil && !c.May(scope) {
		err = fault.New(fault.Forbidden, "The API key of this token does not have the scope "+scope).With("scope", scope)
	}
	return c, err
}

// reads refuses what a reporting key does not read.
func reads(rt route, c gateway.Caller) error {
	switch {
	case c.Reporting == nil || rt.access == reported:
		return nil
	case rt.access == entity:
		return fault.New(fault.Forbidden, "A reporting key only reads accounts, their balances, transactions, orders and requests, and the vault: it does not reach this address").With("reads", c.Reporting.Scope)
	case !c.SeesAll():
		return fault.New(fault.Forbidden, "This answer is about more than the accounts of the reporting key: it takes one that reads ALL").With("reads", c.Reporting.Scope)
	}
	return nil
}

// page reads cursor and limit of a list of one kind.
func (q *question) page(kind string) (cursor string, limit int, err error) {
	cursor = q.query.Get("cursor")
	if cursor != "" && !id.Is(kind, cursor) {
		return "", 0, fault.New(fault.Invalid, "cursor is not one that this list gave as its next_cursor").With("field", "cursor")
	}
	limit, err = q.limit(wire.DefaultLimit, wire.MaxLimit)
	return cursor, limit, err
}

// limit reads how many items are asked for, as limit or as pageSize.
func (q *question) limit(absent, most int) (int, error) {
	name := "limit"
	if q.query.Has("pageSize") {
		name = "pageSize"
	}
	if q.query.Has("pageSize") && q.query.Has("limit") {
		return 0, fault.New(fault.Invalid, "limit and pageSize are two names of the same: give one").With("field", name)
	}
	s := q.query.Get(name)
	if s == "" {
		return absent, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > most || strconv.Itoa(n) != s {
		return 0, fault.New(fault.Invalid, fmt.Sprintf("%s must be 1 to %d", name, most)).With("field", name)
	}
	return n, nil
}

// object reads the {id} of an object of the entity, which the signer must know
// before it can have any. It fails with ENTITY_NOT_ENROLLED and NOT_FOUND.
func (a *api) object(q *question, kind, what string) (string, error) {
	if err := a.Gateway.Enrolled(q.r.Context(), q.caller); err != nil {
		return "", err
	}
	name := q.r.PathValue("id")
	if !id.Is(kind, name) {
		return "", fault.New(fault.NotFound, what+" was not found")
	}
	return name, nil
}
