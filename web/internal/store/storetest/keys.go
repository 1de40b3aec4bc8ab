package storetest

import (
	"errors"
	"fmt"
	"time"

	"countersign/web/internal/store"
)

func (s *suite) keys() {
	d, b := store.Developer{ID: "dev_a", MadeBy: store.ByConfiguration}, store.Developer{ID: "dev_b", MadeBy: store.BySandbox}
	one := store.Key{ID: "key_one", Developer: "dev_a", Name: "One", Hash: [32]byte{1}, Hint: "ol_…x", Scopes: "read write", MadeBy: store.ByDeveloper, Created: start, Expires: start.Add(time.Hour)}
	two := store.Key{ID: "key_two", Developer: "dev_a", Hash: [32]byte{1}, MadeBy: store.ByDeveloper, Replaces: "key_one", Maker: "key_one"}
	theirs := store.Key{ID: "key_three", Developer: "dev_b", Hash: [32]byte{3}, MadeBy: store.BySandbox}
	s.write(nil, func(tx store.Tx) error {
		return errors.Join(tx.PutDeveloper(d), tx.PutDeveloper(b), tx.PutKey(one), tx.PutKey(two), tx.PutKey(theirs))
	})
	one.Used, one.Revoked = start.Add(time.Minute), start.Add(2*time.Minute)
	s.write(nil, func(tx store.Tx) error { return tx.PutKey(one) })
	s.read(nil, func(tx store.Tx) error {
		got, err := tx.Key("dev_a", "key_one")
		s.same(got, one)
		with, err2 := tx.KeyWith("dev_a", [32]byte{1})
		s.same(with, two)
		all, err3 := tx.Keys("dev_a")
		s.same(all, []store.Key{two, one})
		return errors.Join(err, err2, err3)
	})
	s.read(store.ErrNotFound, func(tx store.Tx) error { _, err := tx.Key("dev_b", "key_one"); return err })
	s.read(store.ErrNotFound, func(tx store.Tx) error { _, err := tx.KeyWith("dev_b", [32]byte{1}); return err })
	s.write(nil, func(tx store.Tx) error {
		return errors.Join(tx.DropKey("dev_b", "key_one"), tx.DropKey("dev_a", "key_two"), tx.DropDeveloper("dev_b"))
	})
	s.read(nil, func(tx store.Tx) error {
		all, err := tx.Keys("dev_a")
		s.same(all, []store.Key{one})
		gone, err2 := tx.Keys("dev_b")
		s.same(len(gone), 0)
		return errors.Join(err, err2)
	})
}

func (s *suite) revoked() {
	s.write(nil, func(tx store.Tx) error {
		return errors.Join(tx.RevokeToken("a", start), tx.RevokeToken("a", start), tx.RevokeToken("b", start.Add(time.Hour)))
	})
	s.write(nil, func(tx store.Tx) error { return tx.PruneRevoked(start.Add(time.Minute)) })
	s.read(nil, func(tx store.Tx) error {
		a, err := tx.TokenRevoked("a")
		b, err2 := tx.TokenRevoked("b")
		s.same([]bool{a, b}, []bool{false, true})
		return errors.Join(err, err2)
	})
}

func (s *suite) uses() {
	use := func(n int, developer, key, code string) store.Use {
		return store.Use{ID: fmt.Sprintf("use_%03d", n), Developer: developer, Entity: "ent_a", Key: key, At: start.Add(time.Duration(n) * time.Hour), Route: "GET /x", Code: code, Client: "192.0.2.1", Request: "r"}
	}
	all := []store.Use{use(1, "dev_a", "key_one", ""), use(2, "dev_a", "", "INVALID_API_KEY"), use(3, "dev_a", "key_two", "NOT_FOUND"), use(4, "dev_b", "key_x", ""), use(5, "dev_a", "key_one", "")}
	s.write(nil, func(tx store.Tx) (err error) {
		for _, u := range all {
			err = errors.Join(err, tx.AddUse(u))
		}
		return err
	})
	list := func(f store.UseFilter, after string, limit int, want ...store.Use) {
		s.t.Helper()
		s.read(nil, func(tx store.Tx) error {
			got, err := tx.Uses("dev_a", f, after, limit)
			s.same(got, want)
			return err
		})
	}
	list(store.UseFilter{}, "", 3, all[4], all[2], all[1])
	list(store.UseFilter{}, "use_003", 3, all[1], all[0])
	list(store.UseFilter{}, "use_004", 3) // another developer's
	list(store.UseFilter{Key: "key_one", Entity: "ent_a", Code: store.UseAnswered}, "", 9, all[4], all[0])
	list(store.UseFilter{Code: "NOT_FOUND"}, "", 9, all[2])
	s.write(nil, func(tx store.Tx) error { return tx.TrimUses("dev_a", 2, 1) })
	list(store.UseFilter{}, "", 9, all[4], all[2], all[1])
	s.write(nil, func(tx store.Tx) error { return errors.Join(tx.PruneUses(all[2].At), tx.DropDeveloper("dev_b")) })
	list(store.UseFilter{}, "", 9, all[4], all[2])
}
