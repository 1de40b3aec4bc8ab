package sqlstore

import (
	"database/sql"
	"time"

	"countersign/web/internal/store"
)

const keyColumns = `id, developer, name, hash, hint, scopes, made_by, created, expires, used, revoked, replaces, maker`

func (x *tx) PutKey(k store.Key) error {
	_, err := x.exec("keep key", `INSERT INTO api_keys (`+keyColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, hash = excluded.hash, hint = excluded.hint, scopes = excluded.scopes,
		expires = excluded.expires, used = excluded.used, revoked = excluded.revoked, maker = excluded.maker`,
		k.ID, k.Developer, k.Name, k.Hash[:], k.Hint, k.Scopes, k.MadeBy, millis(k.Created), millis(k.Expires), millis(k.Used), millis(k.Revoked), k.Replaces, k.Maker)
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

func (x *tx) PutReportingUse(entity, key string, at time.Time) error {
	_, err := x.exec("note use of a reporting key", `INSERT INTO reporting_uses (entity, key, at) VALUES (?, ?, ?) ON CONFLICT (entity, key) DO UPDATE SET at = excluded.at`, entity, key, millis(at))
	return err
}

func (x *tx) ReportingUses(entity string) (map[string]time.Time, error) {
	uses := map[string]time.Time{}
	_, err := many(x, "list uses of reporting keys", func(rows *sql.Rows) (key string, err error) {
		var at int64
		err = rows.Scan(&key, &at)
		uses[key] = moment(at)
		return key, err
	}, `SELECT key, at FROM reporting_uses WHERE entity = ?`, entity)
	return uses, err
}

func key(rows *sql.Rows) (k store.Key, err error) {
	var hash []byte
	var created, expires, used, revoked int64
	err = rows.Scan(&k.ID, &k.Developer, &k.Name, &hash, &k.Hint, &k.Scopes, &k.MadeBy, &created, &expires, &used, &revoked, &k.Replaces, &k.Maker)
	copy(k.Hash[:], hash)
	k.Created, k.Expires, k.Used, k.Revoked = moment(created), moment(expires), moment(used), moment(revoked)
	return k, err
}

func (x *tx) RevokeToken(id string, expires time.Time) error {
	_, err := x.exec("revoke token", `INSERT INTO revoked_tokens (id, expires) VALUES (?, ?) ON CONFLICT (id) DO NOTHING`, id, millis(expires))
	return err
}

func (x *tx) TokenRevoked(id string) (revoked bool, err error) {
	err = x.one("find revoked token", []any{&revoked}, `SELECT EXISTS (SELECT 1 FROM revoked_tokens WHERE id = ?)`, id)
	return revoked, err
}

func (x *tx) PruneRevoked(before time.Time) error {
	_, err := x.exec("prune revoked tokens", `DELETE FROM revoked_tokens WHERE expires < ?`, millis(before))
	return err
}

func (x *tx) AddUse(u store.Use) error {
	_, err := x.exec("note use", `INSERT INTO uses (id, developer, entity, key, at, route, code, client, request) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		u.ID, u.Developer, u.Entity, u.Key, millis(u.At), u.Route, u.Code, u.Client, u.Request)
	return err
}

func (x *tx) Uses(developer string, f store.UseFilter, after string, limit int) ([]store.Use, error) {
	code := f.Code
	if code == store.UseAnswered {
		code = ""
	}
	return many(x, "list uses", func(rows *sql.Rows) (u store.Use, err error) {
		var at int64
		err = rows.Scan(&u.ID, &u.Developer, &u.Entity, &u.Key, &at, &u.Route, &u.Code, &u.Client, &u.Request)
		u.At = moment(at)
		return u, err
	}, `SELECT id, developer, entity, key, at, route, code, client, request FROM uses WHERE developer = ?1
		AND (?2 = '' OR key = ?2) AND (?3 = '' OR entity = ?3) AND (?4 = '' OR code = ?5)
		AND (?6 = '' OR pos < (SELECT pos FROM uses WHERE id = ?6 AND developer = ?1)) ORDER BY pos DESC LIMIT ?7`,
		developer, f.Key, f.Entity, f.Code, code, after, limit)
}

func (x *tx) TrimUses(developer string, rows, strangers int) error {
	for keyed, most := range map[bool]int{true: rows, false: strangers} {
		if _, err := x.exec("trim uses", `DELETE FROM uses WHERE developer = ?1 AND (key <> '') = ?2 AND pos <= (SELECT pos FROM uses
			WHERE developer = ?1 AND (key <> '') = ?2 ORDER BY pos DESC LIMIT 1 OFFSET ?3)`, developer, keyed, most); err != nil {
			return err
		}
	}
	return nil
}

func (x *tx) PruneUses(before time.Time) error {
	_, err := x.exec("prune uses", `DELETE FROM uses WHERE at < ?`, millis(before))
	return err
}

// millis is a time as a column has it: 0 for none.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// momentOf is a time in a JSON document as [millis] has it.
func momentOf(doc, path string) string {
	return "CAST(round(unixepoch(json_extract(" + doc + ", '" + path + "'), 'subsec') * 1000) AS INTEGER)"
}

// moment is the time of a column.
func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
