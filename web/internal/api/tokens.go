package api

import (
	"strings"

	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/wire"
	"countersign/web/internal/gateway"
	"countersign/web/internal/party"
)

// tokenFor trades API keys for tokens of one kind, or of the kind that the body says.
func tokenFor(kind string) func(*api, *question) (any, error) {
	return func(a *api, q *question) (any, error) {
		var in wire.TokenRequest
		if err := wire.Decode(q.body, &in, wire.MaxBody); err != nil {
			return nil, err
		}
		if kind != "" && in.For() != kind {
			return nil, fault.New(fault.Invalid, "this address gives "+kind+" tokens: the body names another").With("field", kind+"Id")
		}
		v := q.visit()
		var err error
		if v.Proof, err = q.proof(); err != nil {
			return nil, err
		}
		return a.Gateway.Token(q.r.Context(), in, v)
	}
}

func (a *api) introspect(q *question) (any, error) {
	var in wire.IntrospectInput
	if err := wire.Decode(q.body, &in, wire.MaxBody); err != nil {
		return nil, err
	}
	return a.Gateway.Introspect(q.r.Context(), q.caller, in)
}

func (a *api) revoke(q *question) (any, error) {
	var in wire.RevokeInput
	if err := wire.Decode(q.body, &in, wire.MaxBody); err != nil {
		return nil, err
	}
	return a.Gateway.Revoke(q.r.Context(), q.caller, in)
}

func (a *api) usage(q *question) (any, error) {
	f := gateway.UseFilter{Key: q.query.Get("key"), Entity: q.query.Get("entityId"), Code: q.query.Get("result")}
	if f.Code != "" && f.Code != wire.UseOK && !fault.Known(fault.Code(f.Code)) {
		return nil, fault.New(fault.Invalid, "result must be "+wire.UseOK+" or the code of an error").With("field", "result")
	}
	cursor, limit, err := q.page(id.Use)
	if err != nil {
		return nil, err
	}
	return a.Gateway.Usage(q.r.Context(), q.caller, f, cursor, limit)
}

func (a *api) rateLimits(q *question) (any, error) { return a.Gateway.RateLimits(q.caller), nil }

// visit is how a question came, for the log of use.
func (q *question) visit() gateway.Visit {
	return gateway.Visit{Client: party.Of(q.r), Route: q.r.Pattern, ID: q.id}
}

// proof reads the header DPoP (RFC 9449, section 4.1).
func (q *question) proof() (gateway.Proof, error) {
	given := q.r.Header.Values("DPoP")
	if len(given) > 1 {
		return gateway.Proof{}, fault.New(fault.Unauthenticated, "The header DPoP must be given once").With("reason", "proof")
	}
	return gateway.Proof{Text: strings.Join(given, ""), Method: q.r.Method, Path: q.r.URL.EscapedPath()}, nil
}

// authenticate reads who asks: a bearer, or who proves to have a key.
func (a *api) authenticate(q *question) (gateway.Caller, error) {
	given := q.r.Header.Values("Authorization")
	if len(given) == 0 {
		return gateway.Caller{}, fault.New(fault.Unauthenticated, "Authorization header is required").With("expected", "Authorization: Bearer TOKEN")
	}
	scheme, token, ok := strings.Cut(given[0], " ")
	bound := strings.EqualFold(scheme, "DPoP")
	if len(given) > 1 || !ok || !bound && !strings.EqualFold(scheme, "Bearer") {
		return gateway.Caller{}, fault.New(fault.Unauthenticated, "The Authorization header must be given once, as: Bearer TOKEN")
	}
	p, err := q.proof()
	if err == nil && bound != (p.Text != "") {
		err = fault.New(fault.Unauthenticated, "Authorization: DPoP TOKEN and the header DPoP go together").With("reason", "proof")
	}
	if err != nil {
		return gateway.Caller{}, err
	}
	return a.Gateway.Authenticate(q.r.Context(), token, p)
}
