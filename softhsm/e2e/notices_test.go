package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/shared/quote"
	"countersign/shared/wire"
)

// One of the sandbox's providers tells by itself how its orders are, and one when it is
// asked. What they say is shown; what arrives completes the order.
func TestProvidersTellHowOrdersAre(t *testing.T) {
	t.Parallel()
	r := start(t)
	s := newStory(t, r)
	for provider, by := range map[string]string{"northpay": wire.ByNotice, "coinharbor": wire.ByPoll} {
		var q wire.Quotes
		if err := s.Gateway.Do(r.ctx, http.MethodGet, "/v1/quotes?from=EUR&to=ethereum&amount=250&payment-method=card&country=FR&account="+s.Vault.Account, nil, &q); err != nil {
			t.Fatal(err)
		}
		var chosen quote.Row
		for _, row := range q.Quotes {
			if row.Provider == provider {
				chosen = row
			}
		}
		request, err := s.Request(r.ctx, chosen.ID)
		if err != nil {
			t.Fatal(err)
		}
		approve(t, r, s, request.ID, "mem_alice")
		approve(t, r, s, request.ID, "mem_bob")
		order, err := s.Order(r.ctx, request.ID)
		if err != nil {
			t.Fatal(err)
		}
		until := func(state string) (o wire.Order) {
			t.Helper()
			tick := time.NewTicker(200 * time.Millisecond)
			defer tick.Stop()
			for o.State != state {
				if err := s.Gateway.Do(r.ctx, http.MethodGet, "/v1/orders/"+order.ID, nil, &o); err != nil {
					t.Fatal(err)
				}
				select {
				case <-tick.C:
				case <-r.ctx.Done():
					t.Fatalf("%s: the order is %s, want %s: %+v", provider, o.State, state, o.AtProvider)
				}
			}
			return o
		}
		// The buyer comes to the provider's page, which holds the order, and then lets go of it.
		res, err := http.Get(s.Gateway.Base + order.Ticket.URL)
		if err != nil || res.Body.Close() != nil || res.StatusCode != http.StatusOK {
			t.Fatal(err, res)
		}
		if o := until(wire.OrderPending); o.AtProvider.By != by || o.Again == nil {
			t.Errorf("%s: %+v", provider, o)
		}
		states := []string{wire.OrderOnHold, wire.OrderExpired}
		if by == wire.ByPoll { // which takes a while
			states = states[1:]
		}
		for _, state := range states {
			req, err := http.NewRequestWithContext(r.ctx, http.MethodPut, r.ProvidersURL+"/_control/"+provider+"/orders/"+order.ID, strings.NewReader(`{"state":"`+state+`"}`))
			if err != nil {
				t.Fatal(err)
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil || res.Body.Close() != nil || res.StatusCode != http.StatusOK {
				t.Fatal(err, res)
			}
			until(state)
		}
		// It begins again, with another ticket, and is paid.
		var again wire.Order
		if err := s.Gateway.Do(r.ctx, http.MethodPost, "/v1/orders/"+order.ID+"/tickets", wire.TicketInput{}, &again); err != nil {
			t.Fatal(err)
		}
		if err := s.Pay(r.ctx, again); err != nil {
			t.Fatal(err)
		}
		until(wire.OrderCompleted)
	}
	var known wire.Providers
	if err := s.Gateway.Do(r.ctx, http.MethodGet, "/v1/providers", nil, &known); err != nil {
		t.Fatal(err)
	}
	for _, p := range known.Providers {
		if want := map[string]int{"northpay": 1, "coinharbor": 1}[p.ID]; p.Record == nil || p.Record.Delivered != want || p.Record.Ended != want {
			t.Errorf("%s: %+v", p.ID, p.Record)
		}
	}
}
