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
	open(one, theirs, two)
	for after, want := range map[string][]store.Sending{"": {one, two}, one.Request: {two}, two.Request: nil} {
		s.read(nil, func(tx store.Tx) error {
			all, err := tx.Sendings("ent_a", after, 2)
			s.same(all, want)
			first, err2 := tx.Sendings("ent_a", after, 1)
			s.same(len(first), min(len(want), 1))
			return errors.Join(err, err2)
		})
	}
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
		var each []store.Sending
		if err := tx.EachSending("ent_a", func(s store.Sending) error { each = append(each, s); return nil }); err != nil {
			return err
		}
		s.same(each, []store.Sending{one, two})
		after, err := tx.SendingsAfter("eip155:31337", 6)
		s.same(after, []store.Sending{one})
		none, err2 := tx.SendingsAfter("eip155:31337", 7)
		s.same(len(none), 0)
		return errors.Join(err, err2)
	})
	again := of("req_again", "ent_a")
	again.Replaces, again.Cancels = one.Request, true
	s.write(nil, func(tx store.Tx) error { return tx.PutSending(again) })
	one.State, one.ReplacedBy = store.SendingReplaced, again.Request
	s.write(nil, func(tx store.Tx) error { return tx.PutSending(one) })
	s.read(nil, func(tx store.Tx) error {
		rivals, err := tx.Rivals("ent_a", one.Request)
		s.same(rivals, []store.Sending{one, again})
		none, err2 := tx.Rivals("ent_b", one.Request)
		s.same(len(none), 0)
		return errors.Join(err, err2)
	})
	open(theirs, again)
	swept := of(store.SweepName("ent_a", "0xAbC", 3), "ent_a")
	swept.Sweep, swept.Attempts = "0xAbC", []store.Attempt{{Nonce: 3}}
	s.write(nil, func(tx store.Tx) error { return tx.PutSending(swept) })
	sweeping := func(want int64) {
		s.t.Helper()
		s.read(nil, func(tx store.Tx) error {
			all, open, err := tx.Sweeps("ent_a", "eip155:31337", "0xabc")
			s.same([]int64{all, open}, []int64{1, want})
			none, _, err2 := tx.Sweeps("ent_a", "eip155:31337", "0xabd")
			others, _, err3 := tx.Sweeps("ent_b", "eip155:31337", "0xabc")
			s.same([]int64{none, others}, []int64{0, 0})
			return errors.Join(err, err2, err3)
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
	same := of(store.SweepName("ent_b", "0xAbC", 3), "ent_b") // as the log of ent_b says, whose signer is its own
	s.write(nil, func(tx store.Tx) error { return tx.PutSending(same) })
}

// sendingsInTurn: an account with many sendings that go no further keeps no other's out.
func (s *suite) sendingsInTurn() {
	s.write(nil, func(tx store.Tx) error {
		for _, id := range []string{"req_1", "req_2", "req_3", "req_4"} {
			account, entity := "acc_many", "ent_a"
			switch id {
			case "req_3":
				account = "acc_other"
			case "req_4":
				entity = "ent_b"
			}
			err := tx.PutSending(store.Sending{Request: id, Entity: entity, Account: account, Chain: "eip155:1", State: store.SendingApproved, Attempts: []store.Attempt{}})
			if err != nil {
				return err
			}
		}
		return nil
	})
	s.read(nil, func(tx store.Tx) error {
		all, err := tx.OpenSendings("eip155:1", 3)
		var ids []string
		for _, one := range all {
			ids = append(ids, one.Request)
		}
		s.same(ids, []string{"req_1", "req_3", "req_4"})
		return err
	})
}
