package api

import (
	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/wire"
)

func (a *api) keys(q *question) (any, error) { return a.Gateway.Keys(q.r.Context(), q.caller) }

func (a *api) newKey(q *question) (any, error) {
	var in wire.KeyInput
	if err := wire.Decode(q.body, &in, wire.MaxBody); err != nil {
		return nil, err
	}
	return a.Gateway.NewKey(q.r.Context(), q.caller, in, q.key)
}

func (a *api) rotateKey(q *question) (any, error) {
	var in wire.RotateInput
	if err := wire.Decode(q.body, &in, wire.MaxBody); err != nil {
		return nil, err
	}
	name, err := q.named(id.Key, "the key")
	if err != nil {
		return nil, err
	}
	return a.Gateway.RotateKey(q.r.Context(), q.caller, name, in, q.key)
}

func (a *api) revokeKey(q *question) (any, error) {
	name, err := q.named(id.Key, "the key")
	if err != nil {
		return nil, err
	}
	too := q.query.Get("made")
	if too != "" && too != "true" && too != "false" {
		return nil, fault.New(fault.Invalid, "made is true or false").With("field", "made")
	}
	return a.Gateway.RevokeKey(q.r.Context(), q.caller, name, too == "true")
}

// named reads the {id} of what is of one kind.
func (q *question) named(kind, what string) (string, error) {
	name := q.r.PathValue("id")
	if !id.Is(kind, name) {
		return "", fault.New(fault.NotFound, what+" was not found")
	}
	return name, nil
}
