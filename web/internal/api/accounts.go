package api

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
