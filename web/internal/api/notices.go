package api

import (
	"countersign/shared/fault"
	"countersign/web/internal/party"
	"countersign/web/internal/report"
)

// notice is a provider's word on one of its orders. The signature is over the body as it
// came.
func (a *api) notice(q *question) (any, error) {
	given := q.r.Header.Values(report.Header)
	if len(given) != 1 {
		return nil, fault.New(fault.Unauthenticated, "the header "+report.Header+" is needed, once").With("reason", "form")
	}
	return a.Gateway.Notice(q.r.Context(), q.r.PathValue("id"), given[0], q.body, party.Of(q.r))
}
