package storetest

import (
	"errors"
	"time"

	"countersign/web/internal/store"
)

func (s *suite) invitations() {
	of := func(n byte, entity, member string) store.Invitation {
		return store.Invitation{Entity: entity, Member: member, Hash: [32]byte{n}, Name: "Erin", Role: "OPERATOR", Is: "PERSON", Expires: start.Add(time.Hour)}
	}
	erin, frank, theirs := of(1, "ent_a", "mem_erin"), of(2, "ent_a", "mem_frank"), of(3, "ent_b", "mem_erin")
	s.write(nil, func(tx store.Tx) error {
		return errors.Join(tx.PutInvitation(erin), tx.PutInvitation(frank), tx.PutInvitation(theirs))
	})
	erin.Registration = "a.b.c"
	s.write(nil, func(tx store.Tx) error { return tx.PutInvitation(erin) })
	list := func(want ...store.Invitation) {
		s.t.Helper()
		s.read(nil, func(tx store.Tx) error {
			all, err := tx.Invitations("ent_a")
			s.same(all, want)
			return err
		})
	}
	list(erin, frank)
	s.read(nil, func(tx store.Tx) error {
		got, err := tx.Invitation([32]byte{3})
		s.same(got, theirs)
		return err
	})
	again := of(4, "ent_a", "mem_erin")
	s.write(nil, func(tx store.Tx) error { return tx.PutInvitation(again) })
	list(again, frank)
	s.read(store.ErrNotFound, func(tx store.Tx) error { _, err := tx.Invitation([32]byte{1}); return err })
	s.write(store.ErrNotFound, func(tx store.Tx) error { return tx.DropInvitation("ent_b", "mem_frank") })
	s.write(nil, func(tx store.Tx) error { return tx.TrimInvitations("ent_a", 1) })
	list(frank)
	s.write(nil, func(tx store.Tx) error { return tx.DropInvitation("ent_a", "mem_frank") })
	list()
}
