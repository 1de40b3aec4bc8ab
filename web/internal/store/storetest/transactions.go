package storetest

import (
	"errors"
	"time"

	"countersign/web/internal/store"
)

func (s *suite) transactions() {
	book := func(id, entity, account, kind, order, asset string, at time.Time) store.Booking {
		return store.Booking{Entity: entity, Account: account, Entry: store.Entry{ID: id, At: at, Kind: kind, Order: order, Text: "t", Postings: []store.Posting{
			{Ledger: "vault:" + account, Side: "debit", Asset: asset, Amount: "1"}, {Ledger: "provider:p", Side: "credit", Asset: asset, Amount: "1"},
		}}}
	}
	one := book("bkg_one", "ent_a", "acc_a", "deposit", "ord_a", "ethereum", start)
	two := book("bkg_two", "ent_a", "acc_b", "bank", "", "EUR", start.Add(time.Hour))
	three := book("bkg_three", "ent_a", "acc_a", "payment", "ord_a", "EUR", start.Add(2*time.Hour+500*time.Millisecond))
	theirs := book("bkg_theirs", "ent_b", "acc_a", "deposit", "", "EUR", start)
	s.write(nil, func(tx store.Tx) error {
		return errors.Join(tx.Book(one), tx.Book(two), tx.Book(three), tx.Book(theirs))
	})
	list := func(f store.BookingFilter, after string, limit int, want ...store.Booking) {
		s.t.Helper()
		s.read(nil, func(tx store.Tx) error {
			got, err := tx.Transactions("ent_a", f, after, limit)
			s.same(got, want)
			return err
		})
	}
	list(store.BookingFilter{}, "", 2, three, two)
	list(store.BookingFilter{}, "bkg_two", 2, one)
	list(store.BookingFilter{}, "bkg_theirs", 2)
	list(store.BookingFilter{Account: "acc_a"}, "", 9, three, one)
	list(store.BookingFilter{Ledger: "vault:acc_b"}, "", 9, two)
	list(store.BookingFilter{Asset: "EUR", Order: "ord_a"}, "", 9, three)
	list(store.BookingFilter{Kind: "deposit"}, "", 9, one)
	list(store.BookingFilter{From: start.Add(time.Hour), To: three.Entry.At}, "", 9, two)
	list(store.BookingFilter{To: three.Entry.At.Add(time.Millisecond), From: three.Entry.At}, "", 9, three)
	list(store.BookingFilter{Among: []string{"acc_b", "acc_c"}}, "", 9, two)
	list(store.BookingFilter{Among: []string{"acc_b", "acc_a"}, Kind: "deposit"}, "", 9, one)
	list(store.BookingFilter{Among: []string{}}, "", 9)
	s.read(nil, func(tx store.Tx) error {
		n := 0
		err := tx.Postings("ent_a", []string{"acc_b"}, start, start.Add(3*time.Hour), func(time.Time, store.Posting) error { n++; return nil })
		s.same(n, 2)
		return err
	})
	s.read(nil, func(tx store.Tx) error {
		var got []string
		err := tx.Postings("ent_a", nil, start.Add(time.Hour), start.Add(3*time.Hour), func(at time.Time, p store.Posting) error {
			got = append(got, at.Format(time.TimeOnly)+" "+p.Ledger+" "+p.Side)
			return nil
		})
		s.same(got, []string{"22:00:00 vault:acc_b debit", "22:00:00 provider:p credit", "23:00:00 vault:acc_a debit", "23:00:00 provider:p credit"})
		return err
	})
	boom := errors.New("boom")
	s.read(boom, func(tx store.Tx) error {
		return tx.Postings("ent_a", nil, start, start.Add(time.Hour), func(time.Time, store.Posting) error { return boom })
	})
	s.write(nil, func(tx store.Tx) error { return tx.DropBookings("ent_a", "bank") })
	list(store.BookingFilter{}, "", 9, three, one)
}
