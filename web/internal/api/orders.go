package api

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/wire"
)

func (a *api) orders(q *question) (any, error) {
	cursor, limit, err := q.page(id.Order)
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
	name, err := a.object(q, "ord", "the order")
	if err != nil {
		return nil, err
	}
	return a.Gateway.Order(q.r.Context(), q.caller, name)
}

func (a *api) newTicket(q *question) (any, error) {
	var in wire.TicketInput
	if err := wire.Decode(q.body, &in, wire.MaxBody); err != nil {
		return nil, err
	}
	name, err := a.object(q, "ord", "the order")
	if err != nil {
		return nil, err
	}
	return a.Gateway.NewTicket(q.r.Context(), q.caller, name, in)
}

func (a *api) redirect(q *question) (any, error) {
	ticket := q.r.PathValue("ticket")
	if len(ticket) > 64 {
		return nil, fault.New(fault.TicketSpent, "this link was used or has expired: go back to the order and continue from there")
	}
	to, err := a.Gateway.Redirect(q.r.Context(), ticket)
	if err != nil {
		return a.stay(q, err)
	}
	return raw{status: http.StatusSeeOther, location: to}, nil
}

// stay answers a person who followed a ticket and is not led on: with a page that
// says why and leads back to the order. A program gets the problem as always.
func (a *api) stay(q *question, err error) (any, error) {
	if !strings.Contains(q.r.Header.Get("Accept"), "text/html") {
		return nil, err
	}
	code, p := a.problem(q.r, q.id, err)
	back := ""
	if id := p.Error.Details["order"]; id != "" {
		back = a.Gateway.OrderPage(id)
	}
	var b bytes.Buffer
	if err := stayPage.Execute(&b, map[string]any{"Message": strings.ToUpper(p.Error.Message[:1]) + p.Error.Message[1:] + ".", "Code": p.Error.Code, "ID": q.id, "Back": back}); err != nil {
		return nil, fmt.Errorf("write the page: %w", err)
	}
	return raw{status: code, kind: "text/html; charset=utf-8", body: b.Bytes()}, nil
}

var stayPage = template.Must(template.New("stay").Parse(`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Not handed over</title></head>
<body>
<h1>You were not handed over to the provider</h1>
<p>{{.Message}}</p>
<p>Nothing was paid here, and nothing is lost.{{with .Back}} <a href="{{.}}">Back to the order</a>{{end}}</p>
<p><small>{{.Code}} · {{.ID}}</small></p>
</body>
</html>
`))
