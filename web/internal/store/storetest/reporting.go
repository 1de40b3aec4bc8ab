package storetest

import (
	"errors"
	"time"

	"countersign/shared/wire"
	"countersign/web/internal/store"
)

func (s *suite) among() {
	s.some(4)
	for n, account := range []string{"acc_a", "acc_b", "", "acc_a"} {
		s.write(nil, func(tx store.Tx) error {
			o := s.order(n)
			r, err := tx.Request("ent_a", o.Request)
			r.Account, o.Account = account, account
			return errors.Join(err, tx.PutRequest(r), tx.PutOrder(o))
		})
	}
	list := func(accounts []string, after int, want ...int) {
		s.t.Helper()
		s.read(nil, func(tx store.Tx) error {
			var requests, orders []string
			for _, n := range want {
				requests, orders = append(requests, s.order(n).Request), append(orders, s.order(n).ID)
			}
			requested, err := tx.Requests("ent_a", store.RequestFilter{State: wire.RequestPending, Among: accounts}, s.order(after).Request, 2)
			ordered, err2 := tx.Orders("ent_a", accounts, s.order(after).ID, 2)
			var gotRequests, gotOrders []string
			for _, r := range requested {
				gotRequests = append(gotRequests, r.ID)
			}
			for _, o := range ordered {
				gotOrders = append(gotOrders, o.ID)
			}
			s.same(gotRequests, requests)
			s.same(gotOrders, orders)
			return errors.Join(err, err2)
		})
	}
	list(nil, 3, 2, 1)
	list([]string{"acc_a"}, 3, 0)
	list([]string{"acc_a", "acc_b"}, 3, 1, 0)
	list([]string{"acc_c"}, 3)
	list([]string{}, 3)
}

func (s *suite) reportingUses() {
	later := start.Add(time.Hour)
	s.write(nil, func(tx store.Tx) error {
		return errors.Join(tx.PutReportingUse("ent_a", "rpk_one", start), tx.PutReportingUse("ent_a", "rpk_two", start), tx.PutReportingUse("ent_b", "rpk_one", start), tx.PutReportingUse("ent_a", "rpk_one", later))
	})
	s.read(nil, func(tx store.Tx) error {
		got, err := tx.ReportingUses("ent_a")
		s.same(got, map[string]time.Time{"rpk_one": later, "rpk_two": start})
		return err
	})
}
