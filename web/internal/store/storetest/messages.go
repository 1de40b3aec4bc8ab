package storetest

import (
	"errors"

	"countersign/web/internal/store"
)

func (s *suite) messages() {
	of := func(request, entity string) store.Message {
		return store.Message{Request: request, Entity: entity, State: store.MessageApproved, Address: "0x52908400098527886E0F7030069857D2E4169EE7", Digest: "AA"}
	}
	one, two, theirs := of("req_one", "ent_a"), of("req_two", "ent_a"), of("req_theirs", "ent_b")
	s.write(nil, func(tx store.Tx) error {
		return errors.Join(tx.PutMessage(one), tx.PutMessage(two), tx.PutMessage(theirs))
	})
	open := func(after string, limit int, want ...store.Message) {
		s.t.Helper()
		s.read(nil, func(tx store.Tx) error {
			all, err := tx.OpenMessages("ent_a", after, limit)
			s.same(all, want)
			return err
		})
	}
	open("", 10, one, two)
	open("", 1, one)
	open("req_one", 1, two)
	open("req_two", 1)
	one.State, one.Begun, one.Signature, one.SignedAt, one.Updated = store.MessageSigned, true, "0x00", 5, start
	s.write(nil, func(tx store.Tx) error { return tx.PutMessage(one) })
	open("", 10, two)
	two.State, two.Reason = store.MessageLapsed, "too late"
	s.write(nil, func(tx store.Tx) error { return tx.PutMessage(two) })
	open("", 10)
	s.read(nil, func(tx store.Tx) error {
		got, err := tx.Message("ent_a", "req_one")
		s.same(got, one)
		return err
	})
	s.read(store.ErrNotFound, func(tx store.Tx) error { _, err := tx.Message("ent_b", "req_one"); return err })
	stolen := of("req_one", "ent_b")
	s.write(store.ErrExists, func(tx store.Tx) error { return tx.PutMessage(stolen) })
}
