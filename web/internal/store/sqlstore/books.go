package sqlstore

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"countersign/web/internal/store"
)

// each calls f with the JSON documents of many rows, one after the other.
func each[T any](x *tx, what string, f func(T) error, q string, args ...any) error {
	rows, err := x.t.QueryContext(x.ctx, q, args...)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	defer rows.Close()
	for rows.Next() {
		var raw []byte
		var v T
		if err := rows.Scan(&raw); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if err := json.Unmarshal(raw, &v); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if err := f(v); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func (x *tx) Movements(entity, account string, from, to time.Time, f func(store.Movement) error) error {
	return x.movements(f, `WHERE e.entity = ?1 AND e.account = ?2 AND e.at >= ?3 AND e.at < ?4
		AND EXISTS (SELECT 1 FROM ledger_postings WHERE entry = e.id AND ledger = 'vault:' || ?2) ORDER BY e.at, e.pos`, entity, account, millis(from), millis(to))
}

func (x *tx) Fees(entity string, f store.BookingFilter, after string, limit int) (all []store.Movement, err error) {
	err = x.movements(func(m store.Movement) error { all = append(all, m); return nil }, `WHERE e.entity = ?1 AND d.idx = -3
		AND (?2 = '' OR e.account = ?2) AND (?3 = '' OR d.asset = ?3) AND (?4 = 0 OR e.at >= ?4) AND (?5 = 0 OR e.at < ?5)
		AND (?6 = '' OR e.pos < (SELECT pos FROM ledger_entries WHERE id = ?6 AND entity = ?1))
		AND (?7 = '' OR e.account IN (SELECT value FROM json_each(iif(?7 = '', '[]', ?7)))) ORDER BY e.pos DESC LIMIT ?8`,
		entity, f.Account, f.Asset, millis(f.From), millis(f.To), after, among(f.Among), limit)
	return all, err
}

// movements calls f with entries and their deposits.
func (x *tx) movements(f func(store.Movement) error, q string, args ...any) error {
	const what = "list movements"
	rows, err := x.t.QueryContext(x.ctx, `SELECT e.doc, d.doc FROM ledger_entries AS e LEFT JOIN deposits AS d ON d.id = json_extract(e.doc, '$.Entry.deposit') `+q, args...)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	defer rows.Close()
	for rows.Next() {
		var entry []byte
		var deposit sql.NullString
		var m store.Movement
		if err := rows.Scan(&entry, &deposit); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if err := json.Unmarshal(entry, &m.Booking); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if deposit.Valid {
			if err := json.Unmarshal([]byte(deposit.String), &m.Deposit); err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
		}
		if err := f(m); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func (x *tx) Moved(entity string, f store.MovementFilter, after string, limit int) ([]store.Deposit, error) {
	at := momentOf("doc", "$.At")
	return docs[store.Deposit](x, "list movements", `SELECT doc FROM deposits WHERE entity = ?1 AND idx <> -3
		AND (?2 = '' OR account = ?2) AND (?3 = '' OR asset = ?3) AND (?4 = '' OR state = ?4)
		AND (?5 = '' OR (?5 = 'out') = coalesce(json_extract(doc, '$.Out'), 0)) AND (?6 = 0 OR `+at+` >= ?6) AND (?7 = 0 OR `+at+` < ?7)
		AND (?8 = '' OR pos < (SELECT pos FROM deposits WHERE id = ?8 AND entity = ?1))
		AND (?9 = '' OR account IN (SELECT value FROM json_each(iif(?9 = '', '[]', ?9)))) ORDER BY pos DESC LIMIT ?10`,
		entity, f.Account, f.Asset, f.State, f.Direction, millis(f.From), millis(f.To), after, among(f.Among), limit)
}

func (x *tx) EachDeposit(chain string, f func(store.Deposit) error) error {
	return each(x, "list deposits", f, `SELECT doc FROM deposits WHERE chain = ? ORDER BY pos`, chain)
}

func (x *tx) EachSending(entity string, f func(store.Sending) error) error {
	return each(x, "list sendings", f, `SELECT doc FROM sendings WHERE entity = ? ORDER BY pos`, entity)
}

func (x *tx) PutRate(r store.Rate) error {
	_, err := x.exec("keep a rate", `INSERT INTO rates (entity, seq, account, source, asset, currency, rate, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		r.Entity, r.Seq, r.Account, r.Source, r.Asset, r.Currency, r.Rate, r.At)
	return err
}

func (x *tx) Rates(entity, account string, from, to int64) ([]store.Rate, error) {
	return many(x, "list rates", func(rows *sql.Rows) (store.Rate, error) {
		r := store.Rate{Entity: entity, Account: account}
		err := rows.Scan(&r.Seq, &r.Source, &r.Asset, &r.Currency, &r.Rate, &r.At)
		return r, err
	}, `SELECT seq, source, asset, currency, rate, at FROM rates WHERE entity = ? AND account = ? AND at >= ? AND at < ? ORDER BY at, seq`, entity, account, from, to)
}
