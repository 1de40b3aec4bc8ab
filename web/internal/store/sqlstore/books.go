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
	const what = "list movements"
	rows, err := x.t.QueryContext(x.ctx, `SELECT e.doc, d.doc FROM ledger_entries AS e LEFT JOIN deposits AS d ON d.id = json_extract(e.doc, '$.Entry.deposit')
		WHERE e.entity = ?1 AND e.account = ?2 AND e.at >= ?3 AND e.at < ?4
		AND EXISTS (SELECT 1 FROM ledger_postings WHERE entry = e.id AND ledger = 'vault:' || ?2) ORDER BY e.at, e.pos`, entity, account, millis(from), millis(to))
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
