package storetest

import (
	"errors"
	"time"

	"countersign/web/internal/store"
)

func (s *suite) books() {
	came := s.deposit(1, 5, store.DepositFinal)
	out := s.deposit(2, 6, store.DepositReversed)
	book := func(id, debit, credit, amount, deposit string, after time.Duration) store.Booking {
		return store.Booking{Entity: "ent_a", Account: "acc_a", Entry: store.Entry{ID: id, At: start.Add(after), Deposit: deposit, Text: "t", Postings: []store.Posting{
			{Ledger: debit, Side: "debit", Asset: "ethereum", Amount: amount}, {Ledger: credit, Side: "credit", Asset: "ethereum", Amount: amount},
		}}}
	}
	late := book("bkg_late", "outside:acc_a", "vault:acc_a", "0.2", out.ID, 2*time.Hour)
	one := book("bkg_one", "vault:acc_a", "unasked:acc_a", "0.5", came.ID, 0)
	beside := book("bkg_beside", "unasked:acc_a", "provider:p", "0.5", came.ID, time.Hour)
	theirs := book("bkg_theirs", "vault:acc_a", "unasked:acc_a", "7", "", time.Hour)
	theirs.Entity = "ent_b"
	none := book("bkg_none", "vault:acc_a", "unasked:acc_a", "1", "", time.Hour)
	s.write(nil, func(tx store.Tx) error {
		err := errors.Join(tx.PutDeposit(came), tx.PutDeposit(out))
		for _, b := range []store.Booking{late, one, beside, theirs, none} { // not in the order of their times
			err = errors.Join(err, tx.Book(b))
		}
		return err
	})
	s.read(nil, func(tx store.Tx) error {
		var got []store.Movement
		err := tx.Movements("ent_a", "acc_a", start, start.Add(3*time.Hour), func(m store.Movement) error { got = append(got, m); return nil })
		s.same(got, []store.Movement{{Booking: one, Deposit: came}, {Booking: none}, {Booking: late, Deposit: out}})
		return err
	})
	boom := errors.New("boom")
	s.read(boom, func(tx store.Tx) error {
		return tx.Movements("ent_a", "acc_a", start, start.Add(time.Millisecond), func(store.Movement) error { return boom })
	})
	for _, c := range []struct {
		before time.Time
		has    string
	}{{time.Time{}, "1.3"}, {start, ""}, {start.Add(time.Hour), "0.5"}, {start.Add(2 * time.Hour), "1.5"}, {start.Add(9 * time.Hour), "1.3"}} {
		s.read(nil, func(tx store.Tx) error {
			b, err := tx.Balances("ent_a", "acc_a", c.before)
			want := []store.Balance{}
			if c.has != "" {
				want = append(want, store.Balance{Asset: "ethereum", Amount: c.has})
			}
			s.same(b, want)
			return err
		})
	}
	s.read(nil, func(tx store.Tx) error {
		var ids []string
		err := tx.EachDeposit(testChain, func(d store.Deposit) error { ids = append(ids, d.ID); return nil })
		s.same(ids, []string{came.ID, out.ID})
		return errors.Join(err, tx.EachDeposit("eip155:2", func(store.Deposit) error { return boom }))
	})
	moved := func(f store.MovementFilter, after string, want ...string) {
		s.t.Helper()
		s.read(nil, func(tx store.Tx) error {
			var ids []string
			all, err := tx.Moved("ent_a", f, after, 9)
			for _, d := range all {
				ids = append(ids, d.ID)
			}
			s.same(ids, want)
			return err
		})
	}
	fee := s.deposit(3, 7, store.DepositFinal)
	fee.Index, fee.Out = -3, true
	sent := s.deposit(4, 7, store.DepositFinal)
	sent.Index, sent.Out, sent.Account, sent.At = -2, true, "acc_b", start.Add(time.Hour)
	paid := book("bkg_fee", "fees:acc_a", "vault:acc_a", "0.5", fee.ID, 3*time.Hour)
	s.write(nil, func(tx store.Tx) error {
		return errors.Join(tx.PutDeposit(fee), tx.PutDeposit(sent), tx.Book(paid))
	})
	moved(store.MovementFilter{}, "", sent.ID, out.ID, came.ID)
	moved(store.MovementFilter{}, out.ID, came.ID)
	moved(store.MovementFilter{Account: "acc_b"}, "", sent.ID)
	moved(store.MovementFilter{Direction: "in"}, "", out.ID, came.ID)
	moved(store.MovementFilter{Direction: "out", Asset: "ethereum"}, "", sent.ID)
	moved(store.MovementFilter{State: store.DepositFinal, Among: []string{"acc_a"}}, "", came.ID)
	moved(store.MovementFilter{From: start.Add(time.Hour), To: start.Add(2 * time.Hour)}, "", sent.ID)
	moved(store.MovementFilter{Among: []string{}}, "")
	s.read(nil, func(tx store.Tx) error {
		all, err := tx.Fees("ent_a", store.BookingFilter{Account: "acc_a", Asset: "ethereum", From: start, To: start.Add(4 * time.Hour), Among: []string{"acc_a"}}, "", 9)
		s.same(all, []store.Movement{{Booking: paid, Deposit: fee}})
		none, err2 := tx.Fees("ent_a", store.BookingFilter{}, "bkg_fee", 9)
		s.same(len(none), 0)
		none, err3 := tx.Fees("ent_b", store.BookingFilter{}, "", 9)
		s.same(len(none), 0)
		return errors.Join(err, err2, err3)
	})
	first := store.Rate{Entity: "ent_a", Account: "acc_a", Seq: 7, Source: "mem_rates", Asset: "ethereum", Currency: "EUR", Rate: "2500.5", At: 100}
	second, other, foreign := first, first, first
	second.Seq, second.At = 9, 200
	other.Seq, other.Account = 10, "acc_b"
	foreign.Entity = "ent_b"
	s.write(nil, func(tx store.Tx) error {
		return errors.Join(tx.PutRate(second), tx.PutRate(first), tx.PutRate(first), tx.PutRate(other), tx.PutRate(foreign))
	})
	s.read(nil, func(tx store.Tx) error {
		all, err := tx.Rates("ent_a", "acc_a", 100, 201)
		s.same(all, []store.Rate{first, second})
		some, err2 := tx.Rates("ent_a", "acc_a", 101, 200)
		s.same(len(some), 0)
		return errors.Join(err, err2)
	})
}
