package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"countersign/shared/strictjson"
	"countersign/web/internal/store"
)

// tx is one transaction. Its context ends with the question it serves.
type tx struct {
	ctx context.Context
	t   *sql.Tx
}

func (x *tx) exec(what, q string, args ...any) (int64, error) {
	r, err := x.t.ExecContext(x.ctx, q, args...)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	n, err := r.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	return n, nil
}

// one scans a single row; nothing found is store.ErrNotFound.
func (x *tx) one(what string, dest []any, q string, args ...any) error {
	err := x.t.QueryRowContext(x.ctx, q, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		err = store.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// doc reads a row's JSON document.
func doc[T any](x *tx, what, q string, args ...any) (T, error) {
	var v T
	var raw string
	if err := x.one(what, []any{&raw}, q, args...); err != nil {
		return v, err
	}
	if err := json.Unmarshal([]byte(raw), &v); err != nil {
		return v, fmt.Errorf("%s: %w", what, err)
	}
	return v, nil
}

// docs reads the JSON documents of many rows.
func docs[T any](x *tx, what, q string, args ...any) ([]T, error) {
	rows, err := x.t.QueryContext(x.ctx, q, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		var raw string
		var v T
		if err := rows.Scan(&raw); err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		if err := json.Unmarshal([]byte(raw), &v); err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		all = append(all, v)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return all, nil
}

func encode(what string, v any) (string, error) {
	b, err := strictjson.Canonical(v)
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	return string(b), nil
}

func (x *tx) Reply(scope, key string) (store.Reply, error) {
	r := store.Reply{Scope: scope, Key: key}
	var hash []byte
	var at, until int64
	err := x.one("find reply", []any{&r.Route, &hash, &r.Status, &r.Body, &at, &r.Holder, &until},
		`SELECT route, hash, status, body, at, holder, until FROM replies WHERE scope = ? AND key = ?`, scope, key)
	copy(r.Hash[:], hash)
	r.At, r.Until = time.UnixMilli(at).UTC(), time.UnixMilli(until).UTC()
	return r, err
}

func (x *tx) PutReply(r store.Reply) error {
	_, err := x.exec("keep reply", `INSERT INTO replies (scope, key, route, hash, status, body, at, holder, until) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (scope, key) DO UPDATE SET status = excluded.status, body = excluded.body, holder = excluded.holder, until = excluded.until`,
		r.Scope, r.Key, r.Route, r.Hash[:], r.Status, r.Body, r.At.UnixMilli(), r.Holder, r.Until.UnixMilli())
	return err
}

func (x *tx) DropReply(scope, key string) error {
	_, err := x.exec("drop reply", `DELETE FROM replies WHERE scope = ? AND key = ?`, scope, key)
	return err
}

func (x *tx) PruneReplies(before time.Time) error {
	_, err := x.exec("prune replies", `DELETE FROM replies WHERE at < ?`, before.UnixMilli())
	return err
}

func (x *tx) TrimReplies(scope string, rows int, size int64) error {
	_, err := x.exec("trim replies", `DELETE FROM replies WHERE rowid IN (SELECT rowid FROM (
		SELECT rowid, row_number() OVER newest AS n, sum(length(key) + coalesce(length(body), 0)) OVER newest AS bytes
		FROM replies WHERE scope = ? WINDOW newest AS (ORDER BY at DESC, rowid DESC)) WHERE n > ? OR n > 1 AND bytes > ?)`, scope, rows, size)
	return err
}

func (x *tx) PutQuote(q store.Quote) error {
	d, err := encode("keep quote", q)
	if err != nil {
		return err
	}
	_, err = x.exec("keep quote", `INSERT INTO quotes (id, entity, expires, request, doc) VALUES (?, ?, ?, NULLIF(?, ''), ?)
		ON CONFLICT (id) DO UPDATE SET request = excluded.request, doc = excluded.doc`, q.ID, q.Entity, q.Row.ExpiresAt.UnixMilli(), q.Request, d)
	return err
}

func (x *tx) Quote(entity, id string) (store.Quote, error) {
	return doc[store.Quote](x, "find quote", `SELECT doc FROM quotes WHERE entity = ? AND id = ?`, entity, id)
}

func (x *tx) PruneQuotes(before time.Time) error {
	_, err := x.exec("prune quotes", `DELETE FROM quotes WHERE request IS NULL AND expires < ?`, before.UnixMilli())
	return err
}

func (x *tx) TrimQuotes(entity string, rows int) error {
	_, err := x.exec("trim quotes", `DELETE FROM quotes WHERE rowid IN (SELECT rowid FROM quotes WHERE entity = ? AND request IS NULL
		ORDER BY expires DESC, rowid DESC LIMIT -1 OFFSET ?)`, entity, rows)
	return err
}
