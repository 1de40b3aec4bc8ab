package api

import (
	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/wire"
)

func (a *api) vault(q *question) (any, error) {
	return a.Gateway.Vault(q.r.Context(), q.caller)
}

func (a *api) reportingSecret(q *question) (any, error) {
	if err := wire.Decode(q.body, &wire.Nothing{}, wire.MaxBody); err != nil {
		return nil, err
	}
	return a.Gateway.NewReportingSecret(q.r.Context(), q.caller)
}

func (a *api) vaultObject(q *question) (any, error) {
	before, err := wire.VersionBefore(q.query.Get("before"))
	if err != nil {
		return nil, err
	}
	limit, err := q.limit(wire.DefaultLimit, wire.MaxLimit)
	if err != nil {
		return nil, err
	}
	name := q.r.PathValue("id")
	if !id.Valid(name) && name != wire.AdminRule {
		return nil, fault.New(fault.NotFound, "the vault has no such object").With("field", "id")
	}
	return a.Gateway.VaultObject(q.r.Context(), q.caller, name, before, limit)
}
