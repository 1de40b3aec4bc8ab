package sqlstore

import (
	"database/sql"

	"countersign/web/internal/store"
)

// changed notes that what clients see changed.
func (x *tx) changed(entity, what, id string) error {
	_, err := x.exec("note a change", `INSERT INTO changes (entity, what, id) VALUES (?, ?, ?)`, entity, what, id)
	return err
}

func (x *tx) Changes(entity string, after int64, limit int) ([]store.Change, error) {
	return many(x, "list changes", func(rows *sql.Rows) (c store.Change, err error) {
		return c, rows.Scan(&c.Pos, &c.What, &c.ID)
	}, `SELECT pos, what, id FROM changes WHERE entity = ? AND pos > ? ORDER BY pos LIMIT ?`, entity, after, limit)
}

func (x *tx) LastChange() (pos int64, err error) {
	err = x.one("find the latest change", []any{&pos}, `SELECT COALESCE(MAX(pos), 0) FROM changes`)
	return pos, err
}

func (x *tx) TrimChanges(rows int64) error {
	_, err := x.exec("trim changes", `DELETE FROM changes WHERE pos <= (SELECT MAX(pos) FROM changes) - ?`, rows)
	return err
}
