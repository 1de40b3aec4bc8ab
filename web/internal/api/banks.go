package api

import (
	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/wire"
)

func (a *api) bankLink(q *question) (any, error) {
	item := q.query.Get("item")
	if item != "" && !id.Is(id.Item, item) {
		return nil, fault.New(fault.Invalid, "item is not the id of a connection").With("field", "item")
	}
	return a.Gateway.BankLink(q.r.Context(), q.caller, item, q.id)
}

func (a *api) bankItems(q *question) (any, error) {
	return a.Gateway.BankItems(q.r.Context(), q.caller)
}

func (a *api) connectBank(q *question) (any, error) {
	var in wire.BankConnectInput
	if err := wire.Decode(q.body, &in, wire.MaxBody); err != nil {
		return nil, err
	}
	return a.Gateway.ConnectBank(q.r.Context(), q.caller, in)
}

func (a *api) syncBanks(q *question) (any, error) {
	var in wire.BankItemInput
	if err := wire.Decode(q.body, &in, wire.MaxBody); err != nil {
		return nil, err
	}
	return a.Gateway.SyncBanks(q.r.Context(), q.caller, in)
}

func (a *api) bankSyncStatus(q *question) (any, error) {
	return a.Gateway.BankSyncStatus(q.r.Context(), q.caller)
}

func (a *api) bankLogin(q *question) (any, error) {
	var in wire.BankLoginInput
	if err := wire.Decode(q.body, &in, wire.MaxBody); err != nil {
		return nil, err
	}
	return a.Gateway.BankLogin(q.r.Context(), q.caller, in)
}

func (a *api) resetLogin(q *question) (any, error) {
	var in wire.BankItemInput
	if err := wire.Decode(q.body, &in, wire.MaxBody); err != nil {
		return nil, err
	}
	return a.Gateway.ResetLogin(q.r.Context(), q.caller, in)
}

func (a *api) resetSandbox(q *question) (any, error) {
	if err := wire.Decode(q.body, &wire.Nothing{}, wire.MaxBody); err != nil {
		return nil, err
	}
	return a.Gateway.ResetSandbox(q.r.Context(), q.caller)
}
