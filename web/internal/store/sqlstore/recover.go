package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"countersign/shared/fault"
	"countersign/web/internal/store"
)

// View opens a database that exists, to look at it: nothing in it is changed, and others
// may use it.
func View(path string) (*Store, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	s := &Store{}
	var err error
	if s.write, err = connect(path, "deferred", append([]string{"query_only(ON)"}, looks...)); err != nil {
		return nil, err
	}
	s.write.SetMaxOpenConns(1)
	if s.read, err = connect(path, "deferred", looks); err != nil {
		return nil, errors.Join(err, s.write.Close())
	}
	return s, nil
}

// Backup writes the database as it is now into a new file of mode 0600, which is whole when
// it is there. Others may use the database meanwhile. It fails with fs.ErrExist when there
// is such a file.
func (s *Store) Backup(ctx context.Context, path string) (err error) {
	part := path + ".new"
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("make the backup: %w", err)
	}
	defer func() { err = errors.Join(err, os.Remove(part)) }()
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := s.read.ExecContext(ctx, `VACUUM INTO ?`, part); err != nil {
		return fmt.Errorf("make the backup: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("make the backup: %w", err)
	}
	if err := os.Link(part, path); err != nil { // which replaces none
		return fmt.Errorf("make the backup: %w", err)
	}
	return nil
}

// Damaged reports whether an error says that the file is not a whole database.
func Damaged(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code()&0xff == sqlite3.SQLITE_CORRUPT || e.Code()&0xff == sqlite3.SQLITE_NOTADB)
}

// followed are the tables whose rows follow from the logs of signers, what names a row in
// one, and what it says. Left out are what the gateway adds to a request (its order), and
// what it knows of an address from the chain. The signers' notes are asked for each time.
// Rows of a table are those of the database DB.
var followed = []struct{ table, rows, key, says string }{
	{"log_lines", `DB.log_lines`, `seq`, `json_array(line, hash, hex(nodes))`},
	{"log_names", `DB.log_names`, `name || ' ' || seq`, `''`},
	{"snapshots", `DB.snapshots`, `seq`, `hex(doc)`},
	{"genesis", `DB.genesis`, `entity`, `doc`},
	{"rates", `DB.rates`, `seq`, `json_array(account, source, asset, currency, rate, at)`},
	{"requests", `DB.requests`, `id`, `json_array(seq, ` + unordered + `, json_set(doc, '$.State', ` + unordered + `, '$.Order', ''))`},
	{"sendings", `DB.sendings`, `request`, `json_array(chain, state, block, transfer, doc)`},
	{"sending_hashes", `(SELECT h.chain, h.hash, h.request, s.entity FROM DB.sending_hashes h JOIN DB.sendings s ON s.request = h.request)`, `chain || ' ' || hash`, `request`},
	{"messages", `DB.messages`, `request`, `json_array(doc ->> '$.Address', doc ->> '$.Digest', doc ->> '$.Begun', doc ->> '$.Signature')`},
	{"addresses", `DB.addresses`, `address || ' ' || chain`, `json_array(account, request)`},
}

// unordered is the state of a request as the log and its chain have it.
const unordered = `CASE WHEN state IN ('ordered', 'completed') AND id NOT IN (SELECT request FROM fresh.sendings) THEN 'approved' ELSE state END`

// Difference is a row that is not as the log says.
type Difference struct {
	Table, Key string
	Has, Says  bool // whether the database has such a row, and whether the log says that there is one
}

// Current fails with VERSION_UNSUPPORTED when the database is not up to date.
func (s *Store) Current(ctx context.Context) error {
	p, err := migrator(s.write)
	if err != nil {
		return err
	}
	if behind, err := p.HasPending(ctx); err != nil {
		return fmt.Errorf("read the version of the database: %w", err)
	} else if behind {
		return fault.New(fault.Version, "the database is of an earlier version: bring it up to date first, with countersign-gateway migrate")
	}
	return nil
}

// Differences are the rows of an entity that differ from those of fresh, the file of a
// database that was made of the entity's log, with what is kept of its sendings: see
// [store.Sending.Resume].
func (s *Store) Differences(ctx context.Context, fresh, entity string) (all []Difference, err error) {
	err = s.beside(ctx, fresh, func(x *tx) error {
		for _, t := range followed {
			says, err := x.only("fresh", "main", t.table, t.rows, t.key, t.says, entity)
			if err != nil {
				return err
			}
			has, err := x.only("main", "fresh", t.table, t.rows, t.key, t.says, entity)
			if err != nil {
				return err
			}
			both := maps.Clone(says)
			maps.Copy(both, has)
			for _, key := range slices.Sorted(maps.Keys(both)) {
				all = append(all, Difference{Table: t.table, Key: key, Has: has[key], Says: says[key]})
			}
		}
		return nil
	})
	return all, err
}

// only are the keys of the rows that one database has and the other has not, or otherwise.
func (x *tx) only(one, other, table, rows, key, says, entity string) (map[string]bool, error) {
	of := func(db string) string {
		return fmt.Sprintf(`SELECT CAST(%s AS TEXT) AS key, %s FROM %s WHERE entity = ?1`, key, says, strings.ReplaceAll(rows, "DB.", db+"."))
	}
	keys, err := many(x, "compare "+table, func(rows *sql.Rows) (k string, err error) { return k, rows.Scan(&k) },
		`SELECT key FROM (`+of(one)+` EXCEPT `+of(other)+`)`, entity)
	all := map[string]bool{}
	for _, k := range keys {
		all[k] = true
	}
	return all, err
}

// take are the statements that replace what follows from the log of entity ?1.
var take = []string{
	`DELETE FROM main.sendings WHERE entity = ?1`,
	`DELETE FROM main.sending_hashes WHERE request NOT IN (SELECT request FROM main.sendings)`,
	`DELETE FROM main.messages WHERE entity = ?1`,
	`DELETE FROM main.requests WHERE entity = ?1`,
	`DELETE FROM main.log_lines WHERE entity = ?1`,
	`DELETE FROM main.log_names WHERE entity = ?1`,
	`DELETE FROM main.snapshots WHERE entity = ?1`,
	`DELETE FROM main.genesis WHERE entity = ?1`,
	`DELETE FROM main.rates WHERE entity = ?1`,
	`INSERT INTO main.log_lines SELECT * FROM fresh.log_lines WHERE entity = ?1`,
	`INSERT INTO main.log_names SELECT * FROM fresh.log_names WHERE entity = ?1`,
	`INSERT INTO main.snapshots SELECT * FROM fresh.snapshots WHERE entity = ?1`,
	`INSERT INTO main.genesis SELECT * FROM fresh.genesis WHERE entity = ?1`,
	`INSERT INTO main.rates SELECT * FROM fresh.rates WHERE entity = ?1`,
	`INSERT INTO main.requests (id, entity, state, seq, doc)
		SELECT r.id, r.entity, coalesce(o.says, r.state), r.seq, iif(o.id IS NULL, r.doc, json_set(r.doc, '$.State', o.says, '$.Order', o.id)) FROM fresh.requests r
		LEFT JOIN (SELECT id, request, iif(state = 'completed', 'completed', 'ordered') AS says FROM main.orders) o ON o.request = r.id
		WHERE r.entity = ?1 ORDER BY r.seq`,
	`INSERT INTO main.sendings (request, entity, chain, state, block, transfer, doc)
		SELECT request, entity, chain, state, block, transfer, doc FROM fresh.sendings WHERE entity = ?1 ORDER BY pos`,
	`INSERT INTO main.sending_hashes (chain, hash, request) SELECT h.chain, h.hash, h.request FROM fresh.sending_hashes h
		JOIN fresh.sendings s ON s.request = h.request WHERE s.entity = ?1 ON CONFLICT DO NOTHING`,
	`INSERT INTO main.messages (request, entity, state, doc) SELECT request, entity, state, doc FROM fresh.messages WHERE entity = ?1 ORDER BY pos`,
	`DELETE FROM main.addresses WHERE entity = ?1 AND (chain, address) NOT IN (SELECT chain, address FROM fresh.addresses WHERE entity = ?1)`,
	`INSERT INTO main.addresses (chain, address, entity, account, request, balance, swept)
		SELECT chain, address, entity, account, request, balance, swept FROM fresh.addresses WHERE entity = ?1 ORDER BY pos
		ON CONFLICT (chain, address) DO UPDATE SET entity = excluded.entity, account = excluded.account, request = excluded.request`,
}

// TakeLog replaces the rows of an entity that follow from its log by those of fresh, as
// [Store.Differences] has it, all or none. What the gateway adds to requests and addresses
// stays. drop is asked about each line that fresh has not. It fails with LOG_CORRUPT when
// an order is of a request that fresh has not.
func (s *Store) TakeLog(ctx context.Context, fresh, entity string, drop func(store.Line) error) error {
	return s.beside(ctx, fresh, func(x *tx) error {
		dropped, err := many(x, "read what is to go", func(rows *sql.Rows) (store.Line, error) {
			l := store.Line{Entity: entity}
			return l, rows.Scan(&l.Seq, &l.Text)
		}, `SELECT seq, line FROM main.log_lines WHERE entity = ?1 EXCEPT SELECT seq, line FROM fresh.log_lines WHERE entity = ?1 ORDER BY seq`, entity)
		if err != nil {
			return err
		}
		for _, l := range dropped {
			if err := drop(l); err != nil {
				return err
			}
		}
		if _, err := x.exec("make the rows of the log again", `PRAGMA defer_foreign_keys = ON`); err != nil { // orders name requests, and requests lines
			return err
		}
		for _, q := range take {
			if _, err := x.exec("make the rows of the log again", q, entity); err != nil {
				return err
			}
		}
		var order, request string
		err = x.one("find an order without its request", []any{&order, &request}, `SELECT id, request FROM main.orders WHERE entity = ? AND request NOT IN (SELECT id FROM main.requests) LIMIT 1`, entity)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return nil
		case err != nil:
			return err
		}
		return fault.New(fault.LogCorrupt, fmt.Sprintf("order %s is of request %s, which the signer's log does not have: it is another log, or shorter than it was", order, request))
	})
}

// beside runs f in a transaction in which fresh is the database of that file.
func (s *Store) beside(ctx context.Context, fresh string, f func(*tx) error) (err error) {
	c, err := s.write.Conn(ctx)
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if _, err := c.ExecContext(ctx, `ATTACH ? AS fresh`, fresh); err != nil {
		return fmt.Errorf("open what was read of the log: %w", err)
	}
	err = run(ctx, c, nil, func(t store.Tx) error { return f(t.(*tx)) })
	_, derr := c.ExecContext(context.WithoutCancel(ctx), `DETACH fresh`)
	return errors.Join(err, derr)
}
