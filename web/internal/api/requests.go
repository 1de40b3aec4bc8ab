package api

import (
	"context"
	"net/http"
	"slices"

	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/intent"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/gateway"
)

var requestStates = []string{
	"", wire.RequestUnsent, wire.RequestPending, wire.RequestApproved, wire.RequestRejected, wire.RequestExpired, wire.RequestBlocked, wire.RequestLapsed, wire.RequestOrdered, wire.RequestCompleted, wire.RequestFailed, wire.RequestCancelled,
}

func (a *api) requests(q *question) (any, error) {
	state := q.query.Get("state")
	if !slices.Contains(requestStates, state) {
		return nil, fault.New(fault.Invalid, "state is not a state of requests").With("field", "state")
	}
	cursor, limit, err := q.page(id.Request)
	if err != nil {
		return nil, err
	}
	return a.Gateway.Requests(q.r.Context(), q.caller, state, cursor, limit)
}

func (a *api) newRequest(q *question) (any, error) {
	if q.dry {
		var in wire.DryRunInput
		if err := wire.Decode(q.body, &in, wire.MaxBody); err != nil {
			return nil, err
		}
		return a.Gateway.DryRun(q.r.Context(), q.caller, in)
	}
	var in wire.RequestInput
	if err := wire.Decode(q.body, &in, wire.MaxBody); err != nil {
		return nil, err
	}
	return a.Gateway.NewRequest(q.r.Context(), q.caller, in, q.key)
}

func (a *api) request(q *question) (any, error) {
	name, err := a.object(q, "req", "the request")
	if err != nil {
		return nil, err
	}
	return a.Gateway.Request(q.r.Context(), q.caller, name)
}

func (a *api) replaceCost(q *question) (any, error) {
	name, err := a.object(q, "req", "the request")
	if err != nil {
		return nil, err
	}
	action := q.query.Get("action")
	if action != intent.SpeedUp && action != intent.Cancel {
		return nil, fault.New(fault.Invalid, "action must be SPEED_UP or CANCEL").With("field", "action")
	}
	return a.Gateway.ReplaceCost(q.r.Context(), q.caller, name, action)
}

func (a *api) receipt(q *question) (any, error) { return a.file(q, a.Gateway.Receipt) }

func (a *api) impact(q *question) (any, error) { return a.file(q, a.Gateway.Impact) }

// file answers with a file about a request, byte for byte.
func (a *api) file(q *question, read func(context.Context, gateway.Caller, string) ([]byte, error)) (any, error) {
	name, err := a.object(q, "req", "the request")
	if err != nil {
		return nil, err
	}
	file, err := read(q.r.Context(), q.caller, name)
	return raw{status: http.StatusOK, kind: "application/json", body: file}, err
}

func (a *api) statement(q *question) (any, error) {
	member, decision := q.query.Get("member"), q.query.Get("decision")
	if member == "" {
		return nil, fault.New(fault.Invalid, "member must be the id of the member whose statement it is, such as mem_alice").With("field", "member")
	}
	switch decision {
	case "", statement.Approve, statement.Reject, statement.Initiate:
	default:
		return nil, fault.New(fault.Invalid, "decision must be APPROVE, REJECT or INITIATE").With("field", "decision")
	}
	name, err := a.object(q, "req", "the request")
	if err != nil {
		return nil, err
	}
	return a.Gateway.Preview(q.r.Context(), q.caller, name, member, decision)
}
