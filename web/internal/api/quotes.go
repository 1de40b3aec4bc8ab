package api

import (
	"net/http"
	"strings"

	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/quote"
	"countersign/shared/wire"
)

func (a *api) providers(q *question) (any, error) {
	return a.Gateway.Providers(q.r.Context(), q.caller)
}

// history is what one provider promised and delivered.
func (a *api) history(q *question) (any, error) {
	cursor, limit, err := q.page(id.Order)
	if err != nil {
		return nil, err
	}
	return a.Gateway.History(q.r.Context(), q.caller, q.r.PathValue("id"), cursor, limit)
}

// quotes answers in JSON, or as a stream of events when the client asks for one.
// What is wrong with the input is an ordinary problem in both.
func (a *api) quotes(q *question) (any, error) {
	in := quote.Input{
		From: q.query.Get("from"), To: q.query.Get("to"), Amount: q.query.Get("amount"),
		PaymentMethod: q.query.Get("payment-method"), Country: q.query.Get("country"),
	}
	account, soon := q.query.Get("account"), false
	switch q.query.Get("wait") {
	case "", "all":
	case "soon":
		soon = true
	default:
		return nil, fault.New(fault.Invalid, "wait is all or soon").With("field", "wait")
	}
	if !strings.Contains(q.r.Header.Get("Accept"), "text/event-stream") {
		return a.Gateway.Quotes(q.r.Context(), q.caller, in, account, soon, nil)
	}
	s := &stream{w: q.w, flush: http.NewResponseController(q.w)}
	done, err := a.Gateway.Quotes(q.r.Context(), q.caller, in, account, soon, s.send)
	if err != nil && s.n == 0 {
		return nil, err
	}
	if err != nil {
		_, p := a.problem(q.r, q.id, err)
		s.send(wire.EventError, p)
	} else {
		s.send(wire.EventDone, done)
	}
	return raw{done: true}, nil
}
