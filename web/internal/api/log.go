package api

import "countersign/shared/wire"

func (a *api) checkpoint(q *question) (any, error) {
	since, err := wire.LogSince(q.query.Get("since"))
	if err != nil {
		return nil, err
	}
	return a.Gateway.Checkpoint(q.r.Context(), q.caller, since)
}

func (a *api) log(q *question) (any, error) {
	after, err := wire.LogAfter(q.query.Get("after"))
	if err != nil {
		return nil, err
	}
	limit, err := q.limit(wire.DefaultLog, wire.MaxLogEntries)
	if err != nil {
		return nil, err
	}
	words, err := wire.LogWords(q.query.Get("words"))
	if err != nil {
		return nil, err
	}
	return a.Gateway.LogPage(q.r.Context(), q.caller, after, limit, words)
}
