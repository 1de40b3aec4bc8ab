package storetest

import (
	"errors"
	"time"

	"countersign/shared/wire"
	"countersign/web/internal/store"
)

// ofProviders: orders by provider, those to ask about, and the notices that were seen.
func (s *suite) ofProviders() {
	ids := func(all []store.Order) (ids []string) {
		for _, o := range all {
			ids = append(ids, o.ID)
		}
		return ids
	}
	open := s.order(1)
	open.State, open.Said = wire.OrderOnHold, store.Said{State: "on_hold", Word: "ON ICE", At: start, By: wire.ByPoll}
	s.write(nil, func(tx store.Tx) error { return tx.PutOrder(open) })
	due := func(now, since time.Time, want ...string) {
		s.t.Helper()
		s.read(nil, func(tx store.Tx) error {
			all, err := tx.AwaitedOrders(now, since, 9)
			s.same(ids(all), want)
			return err
		})
	}
	due(start, start, "ord_1")
	due(start, start.Add(time.Second))
	s.write(nil, func(tx store.Tx) error { return tx.AskOrderAt("ord_1", start.Add(time.Minute)) })
	due(start.Add(59*time.Second), start)
	due(start.Add(time.Minute), start, "ord_1")
	s.write(nil, func(tx store.Tx) error { return tx.PutOrder(open) }) // which is not asked about sooner for it
	due(start.Add(59*time.Second), start)
	s.read(nil, func(tx store.Tx) error {
		all, err := tx.OrdersFrom("ent_a", "northpay", "", 9)
		page, err2 := tx.OrdersFrom("ent_a", "northpay", "ord_2", 1)
		none, err3 := tx.OrdersFrom("ent_a", "meridian", "", 9)
		foreign, err4 := tx.OrdersFrom("ent_b", "northpay", "", 9)
		s.same([]any{ids(all), ids(page), len(none), len(foreign)}, []any{[]string{"ord_2", "ord_1", "ord_0"}, []string{"ord_1"}, 0, 0})
		return errors.Join(err, err2, err3, err4)
	})
	s.write(nil, func(tx store.Tx) error { return tx.PutOrder(s.order(1)) })
	see := func(want bool, provider, id string) {
		s.t.Helper()
		s.write(nil, func(tx store.Tx) error {
			isNew, err := tx.SeeNotice(provider, id, start)
			s.same(isNew, want)
			return err
		})
	}
	see(true, "northpay", "evt_1")
	see(false, "northpay", "evt_1")
	see(true, "meridian", "evt_1")
	s.write(nil, func(tx store.Tx) error { return tx.PruneNotices(start) })
	see(false, "northpay", "evt_1")
	s.write(nil, func(tx store.Tx) error { return tx.PruneNotices(start.Add(time.Second)) })
	see(true, "northpay", "evt_1")
}
