package api

import (
	"net/http"

	"countersign/shared/fault"
	"countersign/shared/wire"
)

func (a *api) orders(q *question) (any, error) {
	cursor, limit, err := q.page()
	if err != nil {
		return nil, err
	}
	return a.Gateway.Orders(q.r.Context(), q.caller, cursor, limit)
}

func (a *api) newOrder(q *question) (any, error) {
	var in wire.OrderInput
	if err := wire.Decode(q.body, &in, wire.MaxBody); err != nil {
		return nil, err
	}
	if err := a.Gateway.Enrolled(q.r.Context(), q.caller); err != nil {
		return nil, err
	}
	return a.Gateway.NewOrder(q.r.Context(), q.caller, in.RequestID)
}

func (a *api) order(q *question) (any, error) {
	id, err := a.object(q, "ord", "the order")
	if err != nil {
		return nil, err
	}
	return a.Gateway.Order(q.r.Context(), q.caller, id)
}

func (a *api) newTicket(q *question) (any, error) {
	var in wire.TicketInput
	if err := wire.Decode(q.body, &in, wire.MaxBody); err != nil {
		return nil, err
	}
	id, err := a.object(q, "ord", "the order")
	if err != nil {
		return nil, err
	}
	return a.Gateway.NewTicket(q.r.Context(), q.caller, id, in)
}

func (a *api) redirect(q *question) (any, error) {
	ticket := q.r.PathValue("ticket")
	if len(ticket) > 64 {
		return nil, fault.New(fault.TicketSpent, "this link was used or has expired: go back to the order and continue from there")
	}
	to, err := a.Gateway.Redirect(q.r.Context(), ticket)
	if err != nil {
		return nil, err
	}
	return raw{status: http.StatusSeeOther, location: to}, nil
}
