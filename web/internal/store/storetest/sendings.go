package storetest

import (
	"errors"
	"time"

	"countersign/web/internal/store"
)

func (s *suite) sendings() {
	of := func(request, entity string) store.Sending {
		return store.Sending{Request: request, Entity: entity, Account: "acc_a", Chain: "eip155:31337", State: store.SendingApproved, Attempts: []store.Attempt{}}
	}
	one, two, theirs := of("req_one", "ent_a"), of("req_two", "ent_a"), of("req_theirs", "ent_b")
	s.write(nil, func(tx store.Tx) error {
		return errors.Join(tx.PutSending(one), tx.PutSending(two), tx.PutSending(theirs))
	})
	open := func(want ...store.Sending) {
		s.t.Helper()
		s.read(nil, func(tx store.Tx) error {
			all, err := tx.OpenSendings("eip155:31337", 10)
			s.same(all, want)
			return err
		})
	}
	open(one, two, theirs)
	s.read(nil, func(tx store.Tx) error {
		all, err := tx.OpenSendings("eip155:31337", 1)
		s.same(all, []store.Sending{one})
		none, err2 := tx.OpenSendings("eip155:1", 10)
		s.same(len(none), 0)
		return errors.Join(err, err2)
	})
	one.State, one.Attempts = store.SendingIncluded, []store.Attempt{{Gas: 21000, FeeCap: "2", Tip: "1", At: 5, Raw: "AA", Hash: "0xAB"}, {Nonce: 1, Raw: "AB", Hash: "0xcd"}}
	one.Mined = &store.Mined{Hash: "0xcd", Block: 7, BlockHash: "0x07", At: start, Fee: "0.1"}
	one.Updated, one.Tried = start.Add(time.Second), start
	two.State = store.SendingConfirmed
	s.write(nil, func(tx store.Tx) error { return errors.Join(tx.PutSending(one), tx.PutSending(two)) })
	open(one, theirs)
	s.read(nil, func(tx store.Tx) error {
		for _, hash := range []string{"0xab", "0xCD"} {
			got, err := tx.SendingOf("eip155:31337", hash)
			s.same(got, one)
			if err != nil {
				return err
			}
		}
		after, err := tx.SendingsAfter("eip155:31337", 6)
		s.same(after, []store.Sending{one})
		none, err2 := tx.SendingsAfter("eip155:31337", 7)
		s.same(len(none), 0)
		return errors.Join(err, err2)
	})
	swept := of(store.SweepName("0xAbC", 3), "ent_a")
	swept.Sweep, swept.Attempts = "0xAbC", []store.Attempt{{Nonce: 3}}
	s.write(nil, func(tx store.Tx) error { return tx.PutSending(swept) })
	sweeping := func(want int64) {
		s.t.Helper()
		s.read(nil, func(tx store.Tx) error {
			all, open, err := tx.Sweeps("eip155:31337", "0xabc")
			s.same([]int64{all, open}, []int64{1, want})
			none, _, err2 := tx.Sweeps("eip155:31337", "0xabd")
			s.same(none, int64(0))
			return errors.Join(err, err2)
		})
	}
	sweeping(1)
	swept.State = store.SendingConfirmed
	s.write(nil, func(tx store.Tx) error { return tx.PutSending(swept) })
	sweeping(0)
	s.read(store.ErrNotFound, func(tx store.Tx) error { _, err := tx.SendingOf("eip155:1", "0xab"); return err })
	s.read(store.ErrNotFound, func(tx store.Tx) error { _, err := tx.Sending("ent_b", "req_one"); return err })
	stolen := of("req_one", "ent_b")
	s.write(store.ErrExists, func(tx store.Tx) error { return tx.PutSending(stolen) })
}
