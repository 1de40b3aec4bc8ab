package sqlstore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/pressly/goose/v3"

	"countersign/shared/fault"
	"countersign/web/internal/store"
	"countersign/web/internal/store/storetest"
)

func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, filepath.Join(t.TempDir(), "a b?#.db")) })
}

func TestTheDatabaseBelongsToItsOwnerAndIsDurable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new", "g.db")
	s := open(t, path)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v %v", info.Mode(), err)
	}
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000"} {
		var got string
		if err := s.write.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q (%v), want %q", pragma, got, err, want)
		}
	}
	open(t, path) // a second opening migrates nothing
}

func TestADatabaseOfAnEarlierVersionIsRefusedAndLeftAsItIs(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "old.db")
	db, err := connect(path, "immediate", changes)
	if err != nil {
		t.Fatal(err)
	}
	old := fstest.MapFS{"00007_start.sql": {Data: []byte("-- +goose Up\nCREATE TABLE addresses (address TEXT) STRICT;\n")}}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, old)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(t.Context(), path); fault.CodeOf(err) != fault.Version {
		t.Errorf("%v, %v", s, err)
	}
	version, err := p.GetDBVersion(t.Context())
	var tables int
	if err := errors.Join(err, db.QueryRowContext(t.Context(), "SELECT count(*) FROM sqlite_schema WHERE name = 'requests'").Scan(&tables), db.Close()); err != nil || version != 7 || tables != 0 {
		t.Errorf("version %d, %d tables of this version, %v", version, tables, err)
	}
}

func TestOrdersAndTicketsOfTheVersionBeforeAreKept(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "before.db")
	db, err := connect(path, "immediate", changes)
	if err != nil {
		t.Fatal(err)
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), 21); err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{
		`INSERT INTO log_lines (entity, seq, line, hash) VALUES ('ent_a', 1, '', ''), ('ent_a', 2, '', '')`,
		`INSERT INTO requests (id, entity, state, seq, doc) VALUES ('req_1', 'ent_a', 'ordered', 1, '{}'), ('req_2', 'ent_a', 'ordered', 2, '{}')`,
		`INSERT INTO orders (pos, id, entity, request, state, chain, doc) VALUES
			(3, 'ord_1', 'ent_a', 'req_1', 'redirected', 'eip155:1', '{"ID":"ord_1","Provider":"northpay","State":"redirected","Created":"2026-11-20T21:00:00.5Z"}'),
			(7, 'ord_2', 'ent_a', 'req_2', 'completed', 'eip155:1', '{"ID":"ord_2","Provider":"meridian","State":"completed","Created":"2026-11-20T22:00:00Z"}')`,
		`INSERT INTO genesis (entity, doc) VALUES ('ent_a', '{"v":2,"type":"genesis"}')`,
		`INSERT INTO tickets (hash, "order", expires, used, doc) VALUES (zeroblob(32), 'ord_1', 9000000000000, 0, '{"Order":"ord_1","Entity":"ent_a"}')`,
	} {
		if _, err := db.ExecContext(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	created := time.Date(2026, 11, 20, 21, 0, 0, 0, time.UTC)
	err = open(t, path).Write(t.Context(), func(tx store.Tx) error {
		all, err := tx.Orders("ent_a", nil, "", 9)
		due, err2 := tx.AwaitedOrders(created, created, 9)
		of, err3 := tx.OrdersFrom("ent_a", "meridian", "", 9)
		ticket, err4 := tx.UseTicket([32]byte{}, created)
		if len(all) != 2 || all[0].ID != "ord_2" || len(due) != 1 || due[0].ID != "ord_1" || len(of) != 1 || ticket.Order != "ord_1" {
			t.Errorf("%+v, %+v, %+v, %+v", all, due, of, ticket)
		}
		if _, err := tx.Governance("ent_a"); !errors.Is(err, store.ErrNotFound) { // the log that it is of is refused
			t.Errorf("who governs is kept of a log that cannot be read: %v", err)
		}
		return errors.Join(err, err2, err3, err4)
	})
	if err != nil {
		t.Error(err)
	}
}
