package sqlstore

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"countersign/web/internal/store"
)

func (x *tx) Transactions(entity string, f store.BookingFilter, after string, limit int) ([]store.Booking, error) {
	return docs[store.Booking](x, "list transactions", `SELECT doc FROM ledger_entries AS e WHERE entity = ?1
		AND (?2 = '' OR account = ?2)
		AND (?3 = '' OR EXISTS (SELECT 1 FROM ledger_postings WHERE entry = e.id AND ledger = ?3))
		AND (?4 = '' OR EXISTS (SELECT 1 FROM ledger_postings WHERE entry = e.id AND asset = ?4))
		AND (?5 = '' OR json_extract(doc, '$.Entry.kind') = ?5)
		AND (?6 = '' OR json_extract(doc, '$.Entry.order') = ?6)
		AND (?7 = 0 OR at >= ?7) AND (?8 = 0 OR at < ?8)
		AND (?9 = '' OR pos < (SELECT pos FROM ledger_entries WHERE id = ?9 AND entity = ?1))
		AND (?10 = '' OR account IN (SELECT value FROM json_each(iif(?10 = '', '[]', ?10)))) ORDER BY pos DESC LIMIT ?11`,
		entity, f.Account, f.Ledger, f.Asset, f.Kind, f.Order, millis(f.From), millis(f.To), after, among(f.Among), limit)
}

// among are accounts as a parameter of a query has them; empty: all.
func among(accounts []string) string {
	if accounts == nil {
		return ""
	}
	list, _ := json.Marshal(accounts) // of text, which never fails
	return string(list)
}

func (x *tx) Postings(entity string, accounts []string, from, to time.Time, each func(time.Time, store.Posting) error) error {
	rows, err := x.t.QueryContext(x.ctx, `SELECT e.at, p.ledger, p.side, p.asset, p.amount FROM ledger_entries AS e JOIN ledger_postings AS p ON p.entry = e.id
		WHERE e.entity = ?1 AND e.at >= ?2 AND e.at < ?3
		AND (?4 = '' OR e.account IN (SELECT value FROM json_each(iif(?4 = '', '[]', ?4)))) ORDER BY e.pos, p.line`, entity, millis(from), millis(to), among(accounts))
	if err != nil {
		return fmt.Errorf("list postings: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var at int64
		var p store.Posting
		if err := rows.Scan(&at, &p.Ledger, &p.Side, &p.Asset, &p.Amount); err != nil {
			return fmt.Errorf("list postings: %w", err)
		}
		if err := each(moment(at), p); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("list postings: %w", err)
	}
	return nil
}

func (x *tx) DropBookings(entity, kind string) error {
	const those = `SELECT id FROM ledger_entries WHERE entity = ? AND json_extract(doc, '$.Entry.kind') = ?`
	_, err1 := x.exec("remove bookings", `DELETE FROM ledger_postings WHERE entry IN (`+those+`)`, entity, kind)
	_, err2 := x.exec("remove bookings", `DELETE FROM ledger_entries WHERE id IN (`+those+`)`, entity, kind)
	return errors.Join(err1, err2)
}
