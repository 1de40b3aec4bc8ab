package api

import (
	"fmt"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/spec"
	"countersign/shared/wire"
)

func TestThePageHasTheStatusOfEveryCode(t *testing.T) {
	t.Parallel()
	page := map[string]string{}
	for _, row := range spec.Table(t, "wire.md", "Errors", "status") {
		for _, code := range spec.Words(row[1]) {
			if page[code] != "" {
				t.Errorf("%s has two statuses", code)
			}
			page[code] = row[0]
		}
	}
	for _, c := range fault.Codes() {
		if page[string(c)] != fmt.Sprint(status(c)) {
			t.Errorf("%s: the page says %q, the gateway %d", c, page[string(c)], status(c))
		}
		delete(page, string(c))
	}
	if len(page) > 0 {
		t.Errorf("the page has codes that do not exist: %v", page)
	}
}

func TestThePageHasTheStatesOfRequestsAndOrders(t *testing.T) {
	t.Parallel()
	spec.Same(t, "states of requests", spec.Column(t, "wire.md", "GET /v1/requests", "state", 0), requestStates[1:])
	spec.Same(t, "states of orders", spec.Column(t, "wire.md", "GET /v1/orders/{id}", "state", 0),
		wire.OrderStates())
}
