package api

import (
	"countersign/shared/amount"
	"countersign/shared/fault"
)

func (a *api) accounts(q *question) (any, error) {
	return a.Gateway.Accounts(q.r.Context(), q.caller)
}

func (a *api) account(q *question) (any, error) {
	id, err := a.object(q, "acc", "the account")
	if err != nil {
		return nil, err
	}
	return a.Gateway.Account(q.r.Context(), q.caller, id)
}

func (a *api) transferCost(q *question) (any, error) {
	id, err := a.object(q, "acc", "the account")
	if err != nil {
		return nil, err
	}
	of := q.query.Get("asset")
	if of == "" {
		return nil, fault.New(fault.Invalid, "asset must be the LedgerId of what is to be sent, such as ethereum").With("field", "asset")
	}
	if value := q.query.Get("amount"); value != "" {
		if _, err := amount.Parse(value); err != nil {
			return nil, fault.New(fault.Invalid, "amount must be a decimal, such as 1.5").With("field", "amount")
		}
	}
	return a.Gateway.TransferCost(q.r.Context(), q.caller, id, of, q.query.Get("to"), q.query.Get("amount"))
}
