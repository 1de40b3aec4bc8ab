// Package storetest is what every implementation of web/internal/store must
// pass.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/shared/quote"
	"countersign/shared/wire"
	"countersign/web/internal/store"
)

// Run runs the suite; each test gets an empty store from open.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	t.Helper()
	for _, tc := range []struct {
		name string
		test func(*suite)
	}{
		{"a transaction that fails changes nothing", (*suite).rollback},
		{"balances, movements and rates by time", (*suite).books},
		{"writers wait for each other", (*suite).writers},
		{"principals", (*suite).principals},
		{"keys of a developer", (*suite).keys},
		{"tokens that were ended", (*suite).revoked},
		{"the log of use", (*suite).uses},
		{"what accounts alone have", (*suite).among},
		{"uses of reporting keys", (*suite).reportingUses},
		{"the ledger as transactions", (*suite).transactions},
		{"pretend banks", (*suite).banks},
		{"invitations", (*suite).invitations},
		{"transactions that are sent", (*suite).sendings},
		{"transactions that are sent, of many accounts", (*suite).sendingsInTurn},
		{"messages that are signed", (*suite).messages},
		{"replies", (*suite).replies},
		{"quotes", (*suite).quotes},
		{"what is kept for a party is bounded", (*suite).trim},
		{"the log grows by one", (*suite).log},
		{"requests are paged and scoped", (*suite).requests},
		{"a request has one order", (*suite).orders},
		{"a ticket works once and in time", (*suite).tickets},
		{"what does not balance is not booked", (*suite).ledger},
		{"an address stays, with its newest balance", (*suite).addresses},
		{"the same event is one deposit", (*suite).deposits},
		{"blocks are remembered and forgotten", (*suite).blocks},
		{"cursors and documents", (*suite).rest},
		{"the time that was seen last", (*suite).seen},
		{"what changes is told to its entity", (*suite).changes},
		{"a lease has one holder", (*suite).leases},
		{"what was verified of a log is kept", (*suite).verified},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.test(&suite{t, open(t)})
		})
	}
}

type suite struct {
	t *testing.T
	s store.Store
}

var start = time.Date(2026, 11, 20, 21, 0, 0, 0, time.UTC)

// write runs f; every error must be one of want.
func (s *suite) write(want error, f func(store.Tx) error) {
	s.t.Helper()
	if err := s.s.Write(s.t.Context(), f); !errors.Is(err, want) {
		s.t.Errorf("error %v, want %v", err, want)
	}
}

func (s *suite) read(want error, f func(store.Tx) error) {
	s.t.Helper()
	if err := s.s.Read(s.t.Context(), f); !errors.Is(err, want) {
		s.t.Errorf("error %v, want %v", err, want)
	}
}

func (s *suite) same(got, want any) {
	s.t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		s.t.Errorf("want → got:\n%s", d)
	}
}

func (s *suite) rollback() {
	boom := errors.New("boom")
	s.write(boom, func(tx store.Tx) error {
		if err := tx.PutCursor("c", "1"); err != nil {
			return err
		}
		return boom
	})
	s.read(nil, func(tx store.Tx) error {
		c, err := tx.Cursor("c")
		s.same(c, "")
		return err
	})
	ctx, cancel := context.WithCancel(s.t.Context())
	cancel()
	if err := s.s.Write(ctx, func(store.Tx) error { return nil }); err == nil {
		s.t.Error("a transaction of a question that is over was committed")
	}
}

func (s *suite) writers() {
	const n = 20
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			s.write(nil, func(tx store.Tx) error {
				c, err := tx.Cursor("n")
				if err != nil {
					return err
				}
				return tx.PutCursor("n", c+"x")
			})
		})
	}
	wg.Wait()
	s.read(nil, func(tx store.Tx) error {
		c, err := tx.Cursor("n")
		s.same(len(c), n)
		return err
	})
}

func (s *suite) principals() {
	d := store.Developer{ID: "dev_a", Name: "A", Version: 2, Tier: "professional", Proof: [32]byte{1}, Client: [32]byte{2}, Expires: start, MadeBy: store.ByConfiguration}
	b := store.Developer{ID: "dev_b", MadeBy: store.BySandbox, Disabled: true}
	e := store.Entity{ID: "ent_a", Developer: "dev_a", Name: "A", MadeBy: store.ByDeveloper, ExternalID: "a-1", Type: "LLC", Created: start, Updated: start.Add(time.Hour)}
	s.write(nil, func(tx store.Tx) error {
		return errors.Join(tx.PutDeveloper(d), tx.PutDeveloper(b), tx.PutEntity(e), tx.PutEntity(e))
	})
	s.read(nil, func(tx store.Tx) error {
		got, err := tx.Developer("dev_a")
		s.same(got, d)
		ent, err2 := tx.Entity("ent_a")
		s.same(ent, e)
		return errors.Join(err, err2)
	})
	s.read(nil, func(tx store.Tx) error {
		all, err := tx.Developers()
		s.same(all, []store.Developer{d, b})
		of, err2 := tx.EntitiesOf("dev_a")
		s.same(of, []store.Entity{e})
		return errors.Join(err, err2)
	})
	second := store.Entity{ID: "ent_b", Developer: "dev_a", ExternalID: "a-1", MadeBy: store.ByDeveloper}
	s.write(store.ErrExists, func(tx store.Tx) error { return tx.PutEntity(second) })
	second.Disabled = true // it does not use the external id any more
	s.write(nil, func(tx store.Tx) error { return tx.PutEntity(second) })
	moved := store.Entity{ID: "ent_a", Developer: "dev_b", Name: "B", Version: 3, Disabled: true}
	s.write(nil, func(tx store.Tx) error {
		return errors.Join(tx.PutEntity(moved), tx.PutReply(store.Reply{Scope: "dev_b/ent_a", Key: "k"}), tx.PutReply(store.Reply{Scope: "dev_bb/", Key: "k"}))
	})
	s.read(nil, func(tx store.Tx) error { got, err := tx.Entity("ent_a"); s.same(got, moved); return err })
	s.write(nil, func(tx store.Tx) error { return tx.DropDeveloper("dev_b") })
	s.read(store.ErrNotFound, func(tx store.Tx) error { _, err := tx.Entity("ent_a"); return err })
	s.read(store.ErrNotFound, func(tx store.Tx) error { _, err := tx.Developer("dev_b"); return err })
	s.read(store.ErrNotFound, func(tx store.Tx) error { _, err := tx.Reply("dev_b/ent_a", "k"); return err })
	s.read(nil, func(tx store.Tx) error { _, err := tx.Reply("dev_bb/", "k"); return err })
	s.read(store.ErrNotFound, func(tx store.Tx) error { _, err := tx.Developer("dev_x"); return err })
	s.read(store.ErrNotFound, func(tx store.Tx) error { _, err := tx.Entity("ent_x"); return err })
}

func (s *suite) replies() {
	r := store.Reply{Scope: "s", Key: "k", Route: "POST /x", Hash: [32]byte{7}, At: start}
	s.write(nil, func(tx store.Tx) error { return tx.PutReply(r) })
	r.Status, r.Body = 200, []byte(`{}`)
	s.write(nil, func(tx store.Tx) error { return tx.PutReply(r) })
	s.read(nil, func(tx store.Tx) error { got, err := tx.Reply("s", "k"); s.same(got, r); return err })
	s.read(store.ErrNotFound, func(tx store.Tx) error { _, err := tx.Reply("other", "k"); return err })
	claimed := r
	claimed.Holder, claimed.Until = "one", start.Add(time.Second)
	s.write(nil, func(tx store.Tx) error { return tx.PutReply(claimed) })
	s.read(nil, func(tx store.Tx) error { got, err := tx.Reply("s", "k"); s.same(got, claimed); return err })
	s.write(nil, func(tx store.Tx) error { return tx.PutReply(r) })
	s.read(nil, func(tx store.Tx) error { got, err := tx.Reply("s", "k"); s.same(got, r); return err })
	other := store.Reply{Scope: "s", Key: "k2", Route: "POST /x", At: start}
	s.write(nil, func(tx store.Tx) error { return tx.PutReply(other) })
	s.write(nil, func(tx store.Tx) error { return errors.Join(tx.DropReply("s", "k2"), tx.DropReply("s", "k2")) })
	s.read(store.ErrNotFound, func(tx store.Tx) error { _, err := tx.Reply("s", "k2"); return err })
	s.write(nil, func(tx store.Tx) error { return tx.PruneReplies(start) })
	s.read(nil, func(tx store.Tx) error { _, err := tx.Reply("s", "k"); return err })
	s.write(nil, func(tx store.Tx) error { return tx.PruneReplies(start.Add(time.Second)) })
	s.read(store.ErrNotFound, func(tx store.Tx) error { _, err := tx.Reply("s", "k"); return err })
}

func (s *suite) trim() {
	reply := func(scope string, i, size int) store.Reply {
		return store.Reply{Scope: scope, Key: fmt.Sprintf("k%d", i), Route: "r", Status: 200, Body: make([]byte, size), At: start.Add(time.Duration(i) * time.Second)}
	}
	has := func(scope string, want ...int) {
		s.t.Helper()
		var got []int
		for i := range 20 {
			s.read(nil, func(tx store.Tx) error {
				_, err := tx.Reply(scope, fmt.Sprintf("k%d", i))
				if errors.Is(err, store.ErrNotFound) {
					return nil
				}
				got = append(got, i)
				return err
			})
		}
		s.same(got, want)
	}
	for i := range 10 {
		s.write(nil, func(tx store.Tx) error {
			return errors.Join(tx.PutReply(reply("a", i, 10)), tx.PutReply(reply("b", i, 10)))
		})
	}
	s.write(nil, func(tx store.Tx) error { return tx.TrimReplies("a", 4, 1000) })
	has("a", 6, 7, 8, 9)
	has("b", 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	s.write(nil, func(tx store.Tx) error { return tx.TrimReplies("b", 100, 36) }) // 12 bytes each
	has("b", 7, 8, 9)
	s.write(nil, func(tx store.Tx) error {
		return errors.Join(tx.PutReply(reply("b", 10, 5000)), tx.TrimReplies("b", 100, 36))
	})
	has("b", 10) // the newest is kept, whatever its size

	for i := range 10 {
		q := store.Quote{ID: fmt.Sprintf("quo_%d", i), Entity: "ent_a", Row: quote.Row{ExpiresAt: start.Add(time.Duration(i) * time.Second)}}
		if i == 0 {
			q.Request = "req_a"
		}
		other := q
		other.ID, other.Entity, other.Request = "quo_b"+q.ID, "ent_b", ""
		s.write(nil, func(tx store.Tx) error { return errors.Join(tx.PutQuote(q), tx.PutQuote(other)) })
	}
	s.write(nil, func(tx store.Tx) error { return tx.TrimQuotes("ent_a", 2) })
	for i := range 10 {
		want := store.ErrNotFound
		if i == 0 || i >= 8 {
			want = nil
		}
		s.read(want, func(tx store.Tx) error { _, err := tx.Quote("ent_a", fmt.Sprintf("quo_%d", i)); return err })
		s.read(nil, func(tx store.Tx) error { _, err := tx.Quote("ent_b", fmt.Sprintf("quo_bquo_%d", i)); return err })
	}
}

func (s *suite) quotes() {
	q := store.Quote{ID: "quo_a", Entity: "ent_a", Account: "acc_a", Row: quote.Row{ID: "quo_a", CryptoAmount: "0.000000000000000001", ExpiresAt: start}}
	pinned := q
	pinned.ID, pinned.Request, pinned.Draft, pinned.Expires = "quo_b", "req_b", `{"kind":"buy","v":1}`, start
	s.write(nil, func(tx store.Tx) error { return errors.Join(tx.PutQuote(q), tx.PutQuote(pinned)) })
	s.read(nil, func(tx store.Tx) error { got, err := tx.Quote("ent_a", "quo_b"); s.same(got, pinned); return err })
	s.read(store.ErrNotFound, func(tx store.Tx) error { _, err := tx.Quote("ent_b", "quo_b"); return err })
	s.write(nil, func(tx store.Tx) error { return tx.PruneQuotes(start.Add(time.Second)) })
	s.read(store.ErrNotFound, func(tx store.Tx) error { _, err := tx.Quote("ent_a", "quo_a"); return err })
	s.read(nil, func(tx store.Tx) error { _, err := tx.Quote("ent_a", "quo_b"); return err })
}

func (s *suite) log() {
	s.read(nil, func(tx store.Tx) error { m, err := tx.Mark("ent_a"); s.same(m, store.Mark{}); return err })
	s.lines(3)
	for _, seq := range []int64{0, 2, 4, -1} {
		s.write(store.ErrExists, func(tx store.Tx) error { return tx.AppendLine(store.Line{Entity: "ent_a", Seq: seq}) })
	}
	s.read(nil, func(tx store.Tx) error {
		m, err := tx.Mark("ent_a")
		s.same(m, store.Mark{Size: 3, Head: "h2"})
		none, err2 := tx.Mark("ent_b")
		s.same(none, store.Mark{})
		got, err3 := tx.Lines("ent_a", 1, 10)
		s.same(got, []store.Line{{Entity: "ent_a", Seq: 1, Text: "l1", Hash: "h1"}, {Entity: "ent_a", Seq: 2, Text: "l2", Hash: "h2"}})
		return errors.Join(err, err2, err3)
	})
	s.write(nil, func(tx store.Tx) error { return tx.AppendLine(store.Line{Entity: "ent_b", Text: "another log"}) })
	s.tree()
	g := `{"entity":"ent_a"}`
	s.write(nil, func(tx store.Tx) error { return tx.PutGovernance("ent_a", g) })
	s.read(nil, func(tx store.Tx) error { got, err := tx.Governance("ent_a"); s.same(got, g); return err })
	s.read(store.ErrNotFound, func(tx store.Tx) error { _, err := tx.Governance("ent_b"); return err })
}

// tree keeps the nodes that a line completes, and the newest note.
func (s *suite) tree() {
	leaf, above := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	s.write(nil, func(tx store.Tx) error {
		return tx.AppendLine(store.Line{Entity: "ent_b", Seq: 1, Text: "with nodes", Nodes: append(bytes.Clone(leaf), above...)})
	})
	for level, want := range [][]byte{leaf, above} {
		s.read(nil, func(tx store.Tx) error { got, err := tx.Node("ent_b", 1, level); s.same(got, want); return err })
	}
	for seq, level := range map[int64]int{0: 0, 1: 2, 2: 0} { // a line without nodes, one that has fewer, no line
		s.read(store.ErrNotFound, func(tx store.Tx) error { _, err := tx.Node("ent_b", seq, level); return err })
	}
	s.read(store.ErrNotFound, func(tx store.Tx) error { _, err := tx.Note("ent_b"); return err })
	for _, size := range []int64{2, 1} { // an older one comes later
		s.write(nil, func(tx store.Tx) error { return tx.PutNote("ent_b", size, fmt.Sprint("note ", size)) })
	}
	s.read(nil, func(tx store.Tx) error { got, err := tx.Note("ent_b"); s.same(got, "note 2"); return err })
}

func (s *suite) lines(n int64) {
	s.t.Helper()
	s.write(nil, func(tx store.Tx) error {
		for i := range n {
			if err := tx.AppendLine(store.Line{Entity: "ent_a", Seq: i, Text: fmt.Sprint("l", i), Hash: fmt.Sprint("h", i)}); err != nil {
				return err
			}
		}
		return nil
	})
}

// some adds the requests req_0 … of ent_a.
func (s *suite) some(n int64) {
	s.t.Helper()
	s.lines(n)
	s.write(nil, func(tx store.Tx) error {
		for i := range n {
			r := store.Request{ID: fmt.Sprint("req_", i), Entity: "ent_a", State: wire.RequestPending, Created: start, Seq: i}
			if err := tx.PutRequest(r); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *suite) requests() {
	s.some(5)
	s.write(nil, func(tx store.Tx) error {
		r, err := tx.Request("ent_a", "req_3")
		r.State = wire.RequestApproved
		return errors.Join(err, tx.PutRequest(r))
	})
	list := func(entity, state, after string, limit int, want ...string) {
		s.t.Helper()
		s.read(nil, func(tx store.Tx) error {
			all, err := tx.Requests(entity, store.RequestFilter{State: state}, after, limit)
			var got []string
			for _, r := range all {
				got = append(got, r.ID)
			}
			s.same(got, want)
			return err
		})
	}
	list("ent_a", "", "", 2, "req_4", "req_3")
	list("ent_a", "", "req_3", 9, "req_2", "req_1", "req_0")
	list("ent_a", wire.RequestApproved, "", 9, "req_3")
	list("ent_a", "", "req_unknown", 9)
	list("ent_b", "", "", 9)
	s.read(store.ErrNotFound, func(tx store.Tx) error { _, err := tx.Request("ent_b", "req_3"); return err })
	s.write(store.ErrExists, func(tx store.Tx) error {
		return errors.Join(tx.AppendLine(store.Line{Entity: "ent_b"}), tx.PutRequest(store.Request{ID: "req_3", Entity: "ent_b", State: wire.RequestPending}))
	})
	s.write(nil, func(tx store.Tx) error {
		r, err := tx.Request("ent_a", "req_3")
		r.Account, r.Created, r.Intent = "acc_other", start.Add(time.Hour), `{"crypto":{"asset":"ethereum"}}`
		return errors.Join(err, tx.PutRequest(r))
	})
	for _, f := range []store.RequestFilter{{Account: "acc_other"}, {Asset: "ethereum"}, {From: start.Add(time.Minute), To: start.Add(2 * time.Hour)}, {Among: []string{"acc_other"}}} {
		s.read(nil, func(tx store.Tx) error {
			all, err := tx.Requests("ent_a", f, "", 9)
			if len(all) != 1 || all[0].ID != "req_3" {
				s.t.Errorf("%+v: %+v", f, all)
			}
			return err
		})
	}
	for _, state := range []string{wire.RequestUnsent, wire.RequestPending, wire.RequestApproved, wire.RequestRejected, wire.RequestExpired, wire.RequestBlocked, wire.RequestOrdered, wire.RequestCompleted, wire.RequestFailed, wire.RequestCancelled} {
		s.write(nil, func(tx store.Tx) error {
			r, err := tx.Request("ent_a", "req_3")
			r.State = state
			return errors.Join(err, tx.PutRequest(r))
		})
		list("ent_a", state, "req_4", 1, "req_3")
	}
}

func (s *suite) order(n int) store.Order {
	return store.Order{
		ID: fmt.Sprint("ord_", n), Entity: "ent_a", Request: fmt.Sprint("req_", n), State: wire.OrderCreated, Chain: "eip155:1",
		Provider: "northpay", Created: start, Updated: start,
	}
}

func (s *suite) orders() {
	s.some(3)
	for n := range 3 {
		s.write(nil, func(tx store.Tx) error { return tx.PutOrder(s.order(n)) })
	}
	second := s.order(1)
	second.ID = "ord_second"
	s.write(store.ErrExists, func(tx store.Tx) error { return tx.PutOrder(second) })
	done := s.order(0)
	done.State = wire.OrderCompleted
	s.write(nil, func(tx store.Tx) error { return tx.PutOrder(done) })
	s.read(nil, func(tx store.Tx) error {
		page, err3 := tx.Orders("ent_a", nil, "ord_2", 1)
		s.same(page, []store.Order{s.order(1)})
		of, err4 := tx.OrderOf("ent_a", "req_0")
		s.same(of, done)
		return errors.Join(err3, err4)
	})
	s.read(nil, func(tx store.Tx) error {
		one, err := tx.OrderNamed("ord_1")
		s.same(one, s.order(1))
		return err
	})
	s.read(store.ErrNotFound, func(tx store.Tx) error { _, err := tx.OrderNamed("ord_9"); return err })
	s.ofProviders()
	s.read(store.ErrNotFound, func(tx store.Tx) error { _, err := tx.Order("ent_b", "ord_1"); return err })
	s.read(store.ErrNotFound, func(tx store.Tx) error { _, err := tx.OrderOf("ent_b", "req_1"); return err })
}

func (s *suite) tickets() {
	s.some(1)
	t := store.Ticket{Hash: [32]byte{1}, Order: "ord_0", Entity: "ent_a", Theme: "dark", Expires: start.Add(time.Minute)}
	late := t
	late.Hash = [32]byte{2}
	s.write(nil, func(tx store.Tx) error {
		return errors.Join(tx.PutOrder(s.order(0)), tx.PutTicket(t), tx.PutTicket(late))
	})
	use := func(want error, hash byte, at time.Time) {
		s.t.Helper()
		s.write(want, func(tx store.Tx) error { _, err := tx.UseTicket([32]byte{hash}, at); return err })
	}
	has := func(want bool, hash byte, at time.Time) {
		s.t.Helper()
		s.read(nil, func(tx store.Tx) error { got, err := tx.HasTicket([32]byte{hash}, at); s.same(got, want); return err })
	}
	has(true, 1, start)
	has(false, 9, start)
	has(false, 1, start.Add(time.Minute))
	use(store.ErrNotFound, 9, start)
	use(nil, 1, start)
	has(false, 1, start)
	use(store.ErrNotFound, 1, start)
	use(store.ErrNotFound, 2, start.Add(time.Minute))
	for i := range 5 {
		more := t
		more.Hash = [32]byte{3, byte(i)}
		s.write(nil, func(tx store.Tx) error { return errors.Join(tx.PutTicket(more), tx.TrimTickets("ord_0", 2)) })
	}
	for i, want := range []error{store.ErrNotFound, store.ErrNotFound, store.ErrNotFound, nil, nil} {
		s.write(want, func(tx store.Tx) error { _, err := tx.UseTicket([32]byte{3, byte(i)}, start); return err })
	}
}

func (s *suite) ledger() {
	book := func(want error, id string, p ...store.Posting) {
		s.t.Helper()
		s.write(want, func(tx store.Tx) error {
			return tx.Book(store.Booking{Entity: "ent_a", Account: "acc_a", Entry: store.Entry{ID: id, At: start, Postings: p}})
		})
	}
	in := store.Posting{Ledger: "vault:acc_a", Side: "debit", Asset: "ethereum", Amount: "0.100000000000000001"}
	out := store.Posting{Ledger: "provider:p", Side: "credit", Asset: "ethereum", Amount: "0.100000000000000001"}
	book(nil, "e1", in, out)
	book(store.ErrExists, "e1", in, out)
	book(store.ErrUnbalanced, "e2", in)
	book(store.ErrUnbalanced, "e2")
	less := out
	less.Amount = "0.1"
	book(store.ErrUnbalanced, "e2", in, less)
	other := out
	other.Asset = "bitcoin"
	book(store.ErrUnbalanced, "e2", in, other)
	book(nil, "e2", in, out)
	s.read(nil, func(tx store.Tx) error {
		b, err := tx.Balances("ent_a", "acc_a", time.Time{})
		s.same(b, []store.Balance{{Asset: "ethereum", Amount: "0.200000000000000002"}})
		none, err2 := tx.Balances("ent_b", "acc_a", time.Time{})
		s.same(len(none), 0)
		all, err3 := tx.Bookings("ent_a", "acc_a", 1)
		if len(all) != 1 || all[0].Entry.ID != "e2" {
			s.t.Errorf("bookings %+v", all)
		}
		one, err4 := tx.Booking("ent_a", "e1")
		s.same(one.Entry.ID, "e1")
		if _, err := tx.Booking("ent_b", "e1"); !errors.Is(err, store.ErrNotFound) {
			s.t.Errorf("another entity sees a booking: %v", err)
		}
		return errors.Join(err, err2, err3, err4)
	})
}

func (s *suite) rest() {
	s.write(nil, func(tx store.Tx) error {
		return errors.Join(tx.PutCursor("c", "1"), tx.PutCursor("c", "2"), tx.PutDocument("p", "e", store.Document{Body: []byte("one"), Fetched: start}),
			tx.PutDocument("p", "e", store.Document{Body: []byte("two"), Tag: `"v2"`, Fetched: start}))
	})
	s.read(nil, func(tx store.Tx) error {
		c, err := tx.Cursor("c")
		s.same(c, "2")
		d, err2 := tx.Document("p", "e")
		s.same(d, store.Document{Body: []byte("two"), Tag: `"v2"`, Fetched: start})
		return errors.Join(err, err2)
	})
	s.read(store.ErrNotFound, func(tx store.Tx) error { _, err := tx.Document("p", "x"); return err })
}

func (s *suite) seen() {
	s.read(store.ErrNotFound, func(tx store.Tx) error { _, err := tx.Seen(); return err })
	for _, at := range []time.Time{start, start.Add(time.Hour), start.Add(time.Millisecond)} {
		s.write(nil, func(tx store.Tx) error { return tx.PutSeen(at) })
		s.read(nil, func(tx store.Tx) error {
			got, err := tx.Seen()
			s.same(got, at)
			return err
		})
	}
}

func (s *suite) changes() {
	told := func(entity string, after int64) (what []string, last int64) {
		s.read(nil, func(tx store.Tx) error {
			all, err := tx.Changes(entity, after, 100)
			for _, c := range all {
				what, last = append(what, c.What+" "+c.ID), c.Pos
			}
			return err
		})
		return what, last
	}
	var before int64
	s.read(nil, func(tx store.Tx) (err error) { before, err = tx.LastChange(); return err })
	s.write(nil, func(tx store.Tx) error { return tx.PutGovernance("ent_told", "{}") })
	one, last := told("ent_told", before)
	s.same(one, []string{wire.ChangedEntity + " ent_told"})
	if other, _ := told("ent_b", before); len(other) > 0 {
		s.t.Errorf("another entity is told %v", other)
	}
	boom := errors.New("boom")
	s.write(boom, func(tx store.Tx) error { return errors.Join(tx.PutGovernance("ent_c", "{}"), boom) })
	if more, _ := told("ent_c", before); len(more) > 0 {
		s.t.Errorf("what was rolled back is told: %v", more)
	}
	s.write(nil, func(tx store.Tx) error { return tx.TrimChanges(0) })
	if left, _ := told("ent_told", 0); len(left) > 0 {
		s.t.Errorf("trimmed, there are %v", left)
	}
	s.read(nil, func(tx store.Tx) error {
		at, err := tx.LastChange()
		if at < last && at != 0 {
			s.t.Errorf("the latest change is %d, and was %d", at, last)
		}
		return err
	})
}

func (s *suite) leases() {
	s.read(store.ErrNotFound, func(tx store.Tx) error { _, err := tx.Lease("chain a"); return err })
	a := store.Lease{Name: "chain a", Holder: "one", Until: start.Add(time.Minute), Says: "well"}
	b := store.Lease{Name: "chain b", Holder: "two", Until: start.Add(time.Minute)}
	s.write(nil, func(tx store.Tx) error { return errors.Join(tx.PutLease(a), tx.PutLease(b)) })
	s.read(nil, func(tx store.Tx) error { got, err := tx.Lease("chain a"); s.same(got, a); return err })
	a.Holder, a.Until, a.Says = "three", start.Add(time.Hour), "better"
	s.write(nil, func(tx store.Tx) error { return tx.PutLease(a) })
	s.write(nil, func(tx store.Tx) error { return tx.DropLeases("two") })
	s.read(nil, func(tx store.Tx) error { got, err := tx.Lease("chain a"); s.same(got, a); return err })
	s.read(nil, func(tx store.Tx) error {
		got, err := tx.Lease("chain b")
		if !got.Until.Before(start) || got.Holder != "two" {
			s.t.Errorf("given back: %+v", got)
		}
		return err
	})
}

func (s *suite) verified() {
	s.read(store.ErrNotFound, func(tx store.Tx) error { _, _, err := tx.Snapshot("ent_a"); return err })
	s.write(nil, func(tx store.Tx) error {
		return errors.Join(tx.NoteLine("ent_a", "req_1", 4), tx.NoteLine("ent_a", "req_1", 2), tx.NoteLine("ent_a", "req_1", 4), tx.NoteLine("ent_b", "req_1", 3),
			tx.PutSnapshot("ent_a", 7, []byte("seven")), tx.PutSnapshot("ent_a", 5, []byte("five")), tx.PutSnapshot("ent_b", 1, []byte("one")))
	})
	for before, want := range map[int64][]int64{2: nil, 4: {2}, 5: {2, 4}} {
		s.read(nil, func(tx store.Tx) error { got, err := tx.Noted("ent_a", "req_1", before); s.same(got, want); return err })
	}
	s.read(nil, func(tx store.Tx) error {
		seq, state, err := tx.Snapshot("ent_a")
		s.same(fmt.Sprint(seq, string(state)), "7seven")
		return err
	})
}
