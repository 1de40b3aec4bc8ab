package api

import (
	"encoding/json"
	"fmt"
	"net/http"

	"countersign/shared/id"
	"countersign/shared/wire"
	"countersign/web/internal/party"
)

func (a *api) health(q *question) (any, error) {
	h := a.Gateway.Health(q.r.Context())
	if h.Status != "unavailable" {
		return h, nil
	}
	body, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("write the health: %w", err)
	}
	return raw{status: http.StatusServiceUnavailable, kind: "application/json", body: body}, nil
}

func (a *api) jwks(q *question) (any, error) {
	q.w.Header().Set("Cache-Control", "public, max-age=300")
	return raw{status: http.StatusOK, kind: "application/jwk-set+json", body: a.Gateway.JWKS()}, nil
}

func (a *api) clock(*question) (any, error) { return a.Gateway.Clock(), nil }

func (a *api) sandbox(q *question) (any, error) {
	var in wire.SandboxInput
	if err := wire.Decode(q.body, &in, wire.MaxBody); err != nil {
		return nil, err
	}
	return a.Gateway.Sandbox(q.r.Context(), in, party.Of(q.r), q.key)
}

func (a *api) certificate(q *question) (any, error) {
	name, err := a.object(q, id.Member, "the member")
	if err != nil {
		return nil, err
	}
	return a.Gateway.Certificate(q.r.Context(), q.caller, name)
}

func (a *api) entity(q *question) (any, error) {
	return a.Gateway.Entity(q.r.Context(), q.caller)
}
