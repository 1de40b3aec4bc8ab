package sqlstore

import (
	"database/sql"
	"time"

	"countersign/web/internal/store"
)

const keyColumns = `id, developer, name, hash, hint, scopes, made_by, created, expires, used, revoked, replaces`

func (x *tx) PutKey(k store.Key) error {
	_, err := x.exec("keep key", `INSERT INTO api_keys (`+keyColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, hash = excluded.hash, hint = excluded.hint, scopes = excluded.scopes,
		expires = excluded.expires, used = excluded.used, revoked = excluded.revoked`,
		k.ID, k.Developer, k.Name, k.Hash[:], k.Hint, k.Scopes, k.MadeBy, millis(k.Created), millis(k.Expires), millis(k.Used), millis(k.Revoked), k.Replaces)
	return err
}

func (x *tx) Key(developer, id string) (store.Key, error) {
	all, err := many(x, "find key", key, `SELECT `+keyColumns+` FROM api_keys WHERE developer = ? AND id = ?`, developer, id)
	return first(all, "find key", err)
}

func (x *tx) KeyWith(developer string, hash [32]byte) (store.Key, error) {
	all, err := many(x, "find key", key, `SELECT `+keyColumns+` FROM api_keys WHERE developer = ? AND hash = ? ORDER BY pos DESC LIMIT 1`, developer, hash[:])
	return first(all, "find key", err)
}

func (x *tx) Keys(developer string) ([]store.Key, error) {
	return many(x, "list keys", key, `SELECT `+keyColumns+` FROM api_keys WHERE developer = ? ORDER BY pos DESC`, developer)
}

func (x *tx) DropKey(developer, id string) error {
	_, err := x.exec("remove key", `DELETE FROM api_keys WHERE developer = ? AND id = ?`, developer, id)
	return err
}

func key(rows *sql.Rows) (k store.Key, err error) {
	var hash []byte
	var created, expires, used, revoked int64
	err = rows.Scan(&k.ID, &k.Developer, &k.Name, &hash, &k.Hint, &k.Scopes, &k.MadeBy, &created, &expires, &used, &revoked, &k.Replaces)
	copy(k.Hash[:], hash)
	k.Created, k.Expires, k.Used, k.Revoked = moment(created), moment(expires), moment(used), moment(revoked)
	return k, err
}

// millis is a time as a column has it: 0 for none.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// moment is the time of a column.
func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
