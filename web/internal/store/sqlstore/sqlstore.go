// Package sqlstore is web/internal/store on SQLite (modernc.org/sqlite, no cgo):
// write-ahead log, one writer, many readers, migrations embedded. What is looked
// up stands in columns; the rest of a row is a JSON document.
package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite" // the driver, too
	sqlite3 "modernc.org/sqlite/lib"

	"countersign/shared/fault"
	"countersign/web/internal/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is an open database.
type Store struct {
	write *sql.DB // one connection
	read  *sql.DB
}

var _ store.Store = (*Store)(nil)

// Open opens or makes the database file, with mode 0600, and brings its schema
// up to date. It fails with VERSION_UNSUPPORTED, and changes nothing, when the file is of
// a version before the first.
func Open(ctx context.Context, path string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the database's directory: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	s := &Store{}
	if s.write, err = connect(path, "immediate", changes); err != nil {
		return nil, err
	}
	s.write.SetMaxOpenConns(1)
	if s.read, err = connect(path, "deferred", changes); err != nil {
		return nil, errors.Join(err, s.write.Close())
	}
	s.read.SetMaxOpenConns(8)
	if err := migrate(ctx, s.write); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// The pragmas of connections, and those of one that makes changes.
var (
	looks   = []string{"busy_timeout(5000)"}
	changes = append(looks, "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)")
)

func connect(path, lock string, pragmas []string) (*sql.DB, error) {
	q := url.Values{"_txlock": {lock}, "_pragma": pragmas}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return db, nil
}

// oldest is the migration with which a database of this version begins.
const oldest = 8

// migrator brings a database up to date.
func migrator(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	return p, nil
}

func migrate(ctx context.Context, db *sql.DB) error {
	p, err := migrator(db)
	if err != nil {
		return err
	}
	version, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("read the version of the database: %w", err)
	}
	if version > 0 && version < oldest {
		return fault.New(fault.Version, "the database was made by an earlier version of the gateway and cannot be read by this one: keep it with the version that made it, and begin a new one")
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	return nil
}

// Close closes the database.
func (s *Store) Close() error { return errors.Join(s.read.Close(), s.write.Close()) }

// Read runs f on a snapshot.
func (s *Store) Read(ctx context.Context, f func(store.Tx) error) error {
	return run(ctx, s.read, &sql.TxOptions{ReadOnly: true}, f)
}

// Write runs f alone and commits, or changes nothing.
func (s *Store) Write(ctx context.Context, f func(store.Tx) error) error {
	return run(ctx, s.write, nil, f)
}

// beginner is a database, or one connection of it.
type beginner interface {
	BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error)
}

func run(ctx context.Context, db beginner, opts *sql.TxOptions, f func(store.Tx) error) (err error) {
	t, err := db.BeginTx(ctx, opts)
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	done := false
	defer func() {
		if !done {
			if rerr := t.Rollback(); rerr != nil && !errors.Is(rerr, sql.ErrTxDone) {
				err = errors.Join(err, rerr)
			}
		}
	}()
	if err := f(&tx{ctx, t}); err != nil {
		return full(err)
	}
	done = true
	if err := t.Commit(); err != nil {
		return full(fmt.Errorf("commit a transaction: %w", err))
	}
	return nil
}

// full tells the client that there is no room, of an error that says so.
func full(err error) error {
	var e *sqlite.Error
	if errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_FULL {
		return fault.Wrap(err, fault.Unavailable, "the gateway's disk is full: nothing was changed; it goes on when there is room").With("reason", "disk")
	}
	return err
}
