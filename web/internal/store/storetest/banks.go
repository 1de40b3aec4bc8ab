package storetest

import (
	"errors"
	"time"

	"countersign/web/internal/store"
)

func (s *suite) banks() {
	one := store.BankItem{ID: "itm_one", Entity: "ent_a", Currency: "EUR", Connected: start}
	two := store.BankItem{ID: "itm_two", Entity: "ent_a", Currency: "USD", Connected: start, Synced: start.Add(time.Hour)}
	theirs := store.BankItem{ID: "itm_theirs", Entity: "ent_b", Currency: "EUR", Connected: start}
	link := func(n byte, entity string) store.BankLink {
		return store.BankLink{Hash: [32]byte{n}, Kind: "link", Entity: entity, Item: "itm_one", Expires: start.Add(time.Minute)}
	}
	s.write(nil, func(tx store.Tx) error {
		return errors.Join(tx.PutBankItem(one), tx.PutBankItem(two), tx.PutBankItem(theirs), tx.PutBankLink(link(1, "ent_a")), tx.PutBankLink(link(2, "ent_a")), tx.PutBankLink(link(3, "ent_b")))
	})
	one.LoginRequired, one.Synced = true, start.Add(time.Minute)
	s.write(nil, func(tx store.Tx) error { return tx.PutBankItem(one) })
	s.read(nil, func(tx store.Tx) error {
		all, err := tx.BankItems("ent_a")
		s.same(all, []store.BankItem{one, two})
		got, err2 := tx.BankItem("ent_a", "itm_one")
		s.same(got, one)
		return errors.Join(err, err2)
	})
	s.read(store.ErrNotFound, func(tx store.Tx) error { _, err := tx.BankItem("ent_b", "itm_one"); return err })
	use := func(want error, entity, kind string, n byte, at time.Time) {
		s.t.Helper()
		s.write(want, func(tx store.Tx) error {
			l, err := tx.UseBankLink(entity, kind, [32]byte{n}, at)
			if err == nil {
				s.same(l, link(n, entity))
			}
			return err
		})
	}
	use(store.ErrNotFound, "ent_b", "link", 1, start)
	use(store.ErrNotFound, "ent_a", "public", 1, start)
	use(store.ErrNotFound, "ent_a", "link", 1, start.Add(time.Minute))
	use(nil, "ent_a", "link", 1, start)
	use(store.ErrNotFound, "ent_a", "link", 1, start)
	s.write(nil, func(tx store.Tx) error { return tx.TrimBankLinks("ent_a", 0) })
	use(store.ErrNotFound, "ent_a", "link", 2, start)
	use(nil, "ent_b", "link", 3, start)
	s.write(nil, func(tx store.Tx) error { return tx.DropBanks("ent_a") })
	s.read(nil, func(tx store.Tx) error {
		all, err := tx.BankItems("ent_a")
		rest, err2 := tx.BankItems("ent_b")
		s.same([]int{len(all), len(rest)}, []int{0, 1})
		return errors.Join(err, err2)
	})
}
