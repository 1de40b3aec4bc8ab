package storetest

import (
	"errors"
	"fmt"

	"countersign/shared/wire"
	"countersign/web/internal/store"
)

const testChain = "eip155:1"

func (s *suite) addresses() {
	s.some(2)
	put := func(a store.Address) {
		s.t.Helper()
		a.Chain, a.Entity, a.Account = testChain, "ent_a", "acc_a"
		s.write(nil, func(tx store.Tx) error { return tx.PutAddress(a) })
	}
	put(store.Address{Address: "0xAA", Balance: "0", Swept: -1})
	put(store.Address{Address: "0xbb", Request: "req_0", Balance: "0", Swept: -1})
	put(store.Address{Address: "0xcc", Request: "req_1", Balance: "0", Swept: -1})
	put(store.Address{Address: "0xaa", Balance: "7", Swept: 9, Sent: 2})
	done := s.order(0)
	done.State = wire.OrderCompleted
	s.write(nil, func(tx store.Tx) error { return errors.Join(tx.PutOrder(done), tx.PutOrder(s.order(1))) })
	names := func(what string, all []store.Address, err error, want ...string) {
		s.t.Helper()
		var got []string
		for _, a := range all {
			got = append(got, fmt.Sprint(a.Address, " ", a.Balance, " ", a.Swept, " ", a.Sent))
		}
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			s.t.Errorf("%s: %v, %v; want %v", what, got, err, want)
		}
	}
	s.read(nil, func(tx store.Tx) error {
		a, err := tx.Address(testChain, "0xAa")
		names("one, in any case", []store.Address{a}, err, "0xaa 7 9 2")
		all, err := tx.Addresses(testChain, 0, 9)
		names("all", all, err, "0xaa 7 9 2", "0xbb 0 -1 0", "0xcc 0 -1 0")
		all, err = tx.Addresses(testChain, all[1].Pos, 9)
		names("new ones", all, err, "0xcc 0 -1 0")
		all, err = tx.Unswept(testChain, 10, 9)
		names("open orders and accounts first", all, err, "0xcc 0 -1 0", "0xaa 7 9 2", "0xbb 0 -1 0")
		all, err = tx.Unswept(testChain, 9, 1)
		names("before a block", all, err, "0xcc 0 -1 0")
		all, err = tx.SweptAfter(testChain, 8)
		names("after a block", all, err, "0xaa 7 9 2")
		all, err = tx.Addresses("eip155:2", 0, 9)
		names("another chain", all, err)
		return nil
	})
	s.read(store.ErrNotFound, func(tx store.Tx) error { _, err := tx.Address("eip155:2", "0xaa"); return err })
	put(store.Address{Address: "0xcc", Request: "req_1", Balance: "5", Swept: 3})
	s.write(nil, func(tx store.Tx) error { return tx.HandAddress(testChain, "0xCC", "req_2") })
	put(store.Address{Address: "0xcc", Request: "req_1", Balance: "6", Swept: 4}) // a scan that read it before
	s.read(nil, func(tx store.Tx) error {
		a, err := tx.Address(testChain, "0xcc")
		names("one that was handed on", []store.Address{a}, err, "0xcc 6 4 0")
		if a.Request != "req_2" {
			s.t.Errorf("it is of %s", a.Request)
		}
		return nil
	})
}

func (s *suite) deposit(n int, block int64, state string) store.Deposit {
	return store.Deposit{
		ID: fmt.Sprint("dep_00", n), Chain: testChain, Asset: "ethereum", Tx: fmt.Sprint("0x", n), Index: -1, Address: "0xaa", Amount: "0.5",
		Block: block, BlockHash: fmt.Sprint("0xb", block), At: start, Seen: start, State: state, Entity: "ent_a", Account: "acc_a",
	}
}

func (s *suite) deposits() {
	put := func(want error, d store.Deposit) {
		s.t.Helper()
		s.write(want, func(tx store.Tx) error { return tx.PutDeposit(d) })
	}
	first, second, third := s.deposit(1, 5, store.DepositPending), s.deposit(2, 6, store.DepositPending), s.deposit(3, 6, store.DepositReversed)
	put(nil, first)
	put(nil, second)
	put(nil, third)
	twin := first
	twin.ID = "dep_twin"
	put(store.ErrExists, twin)
	twin.BlockHash = "0xother" // the transaction in another block is another event
	put(nil, twin)
	first.State, first.Entry = store.DepositFinal, "bkg_001"
	put(nil, first)
	sent := s.deposit(4, 6, store.DepositReversed)
	sent.Index, sent.Out = -2, true
	put(nil, sent)
	list := func(what string, all []store.Deposit, err error, want ...string) {
		s.t.Helper()
		var got []string
		for _, d := range all {
			got = append(got, d.ID)
		}
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			s.t.Errorf("%s: %v, %v; want %v", what, got, err, want)
		}
	}
	s.read(nil, func(tx store.Tx) error {
		got, err := tx.DepositOf(store.Deposit{Chain: testChain, Asset: "ethereum", Tx: "0x1", Index: -1, Address: "0xaa", BlockHash: "0xb5"})
		s.same(got, first)
		all, err2 := tx.DepositsAt(testChain, "0xAA")
		list("at an address", all, err2, "dep_001", "dep_002", "dep_003", "dep_twin", "dep_004")
		all, err2 = tx.DepositsAfter(testChain, 5)
		list("after a block", all, err2, "dep_002")
		all, err2 = tx.Pending(testChain)
		list("pending", all, err2, "dep_002", "dep_twin")
		all, err2 = tx.Deposits("ent_a", "acc_a", 2)
		list("that came to an account", all, err2, "dep_twin", "dep_003")
		all, err2 = tx.Deposits("ent_b", "acc_a", 2)
		list("of another entity", all, err2)
		return err
	})
}

func (s *suite) blocks() {
	s.write(nil, func(tx store.Tx) error {
		var err error
		for n := range int64(5) {
			err = errors.Join(err, tx.PutBlock("c", n, fmt.Sprint("h", n)))
		}
		return errors.Join(err, tx.PutBlock("c", 3, "h3b"), tx.PutBlock("other", 1, "x"), tx.DropBlocks("c", 4, 9), tx.DropBlocks("c", 0, 0))
	})
	s.read(nil, func(tx store.Tx) error {
		all, err := tx.BlocksBefore("c", 9, 2)
		s.same(all, []store.BlockRef{{Number: 3, Hash: "h3b"}, {Number: 2, Hash: "h2"}})
		hash, err2 := tx.BlockHash("c", 1)
		s.same(hash, "h1")
		return errors.Join(err, err2)
	})
	s.read(store.ErrNotFound, func(tx store.Tx) error { _, err := tx.BlockHash("c", 4); return err })
}
