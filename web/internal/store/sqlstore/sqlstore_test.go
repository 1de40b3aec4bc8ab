package sqlstore

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

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
	db, err := connect(path, "immediate")
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
