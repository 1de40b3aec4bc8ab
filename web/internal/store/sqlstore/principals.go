package sqlstore

import (
	"database/sql"
	"fmt"

	"countersign/web/internal/store"
)

func (x *tx) PutDeveloper(d store.Developer) error {
	_, err := x.exec("keep developer", `INSERT INTO developers (id, name, version, made_by, disabled, tier, proof, expires, client) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, version = excluded.version,
		made_by = excluded.made_by, disabled = excluded.disabled, tier = excluded.tier,
		proof = excluded.proof, expires = excluded.expires, client = excluded.client`, d.ID, d.Name, d.Version, d.MadeBy, d.Disabled, d.Tier, d.Proof[:], millis(d.Expires), d.Client[:])
	return err
}

const developerColumns = `SELECT id, name, version, made_by, disabled, tier, proof, expires, client FROM developers`

func (x *tx) Developer(id string) (store.Developer, error) {
	all, err := many(x, "find developer", developer, developerColumns+` WHERE id = ?`, id)
	return first(all, "find developer", err)
}

func (x *tx) Developers() ([]store.Developer, error) {
	return many(x, "list developers", developer, developerColumns+` ORDER BY rowid`)
}

func developer(rows *sql.Rows) (d store.Developer, err error) {
	var proof, client []byte
	var expires int64
	err = rows.Scan(&d.ID, &d.Name, &d.Version, &d.MadeBy, &d.Disabled, &d.Tier, &proof, &expires, &client)
	copy(d.Proof[:], proof)
	copy(d.Client[:], client)
	d.Expires = moment(expires)
	return d, err
}

func (x *tx) PutEntity(e store.Entity) error {
	if e.ExternalID != "" && !e.Disabled {
		var other bool
		err := x.one("find entity", []any{&other}, `SELECT EXISTS (SELECT 1 FROM entities WHERE developer = ? AND external_id = ? AND disabled = 0 AND id <> ?)`,
			e.Developer, e.ExternalID, e.ID)
		if err == nil && other {
			err = fmt.Errorf("keep entity %s: external id: %w", e.ID, store.ErrExists)
		}
		if err != nil {
			return err
		}
	}
	_, err := x.exec("keep entity", `INSERT INTO entities (`+entityColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET developer = excluded.developer, name = excluded.name, version = excluded.version,
		disabled = excluded.disabled, made_by = excluded.made_by, external_id = excluded.external_id, type = excluded.type,
		created = excluded.created, updated = excluded.updated`,
		e.ID, e.Developer, e.Name, e.Version, e.Disabled, e.MadeBy, e.ExternalID, e.Type, millis(e.Created), millis(e.Updated))
	return err
}

const entityColumns = `id, developer, name, version, disabled, made_by, external_id, type, created, updated`

func (x *tx) Entity(id string) (store.Entity, error) {
	all, err := many(x, "find entity", entity, `SELECT `+entityColumns+` FROM entities WHERE id = ?`, id)
	return first(all, "find entity", err)
}

func (x *tx) EntitiesOf(developer string) ([]store.Entity, error) {
	return many(x, "list entities", entity, `SELECT `+entityColumns+` FROM entities WHERE developer = ? ORDER BY rowid`, developer)
}

func entity(rows *sql.Rows) (e store.Entity, err error) {
	var created, updated int64
	err = rows.Scan(&e.ID, &e.Developer, &e.Name, &e.Version, &e.Disabled, &e.MadeBy, &e.ExternalID, &e.Type, &created, &updated)
	e.Created, e.Updated = moment(created), moment(updated)
	return e, err
}

func (x *tx) DropDeveloper(id string) error {
	const own = `(SELECT id FROM entities WHERE developer = ?)`
	for _, part := range [][2]string{
		{"replies", `DELETE FROM replies WHERE substr(scope, 1, length(?1) + 1) = ?1 || '/'`},
		{"postings", `DELETE FROM ledger_postings WHERE entry IN (SELECT id FROM ledger_entries WHERE entity IN ` + own + `)`},
		{"ledger", `DELETE FROM ledger_entries WHERE entity IN ` + own},
		{"bank connections", `DELETE FROM bank_items WHERE entity IN ` + own},
		{"bank links", `DELETE FROM bank_links WHERE entity IN ` + own},
		{"invitations", `DELETE FROM invitations WHERE entity IN ` + own},
		{"uses of reporting keys", `DELETE FROM reporting_uses WHERE entity IN ` + own},
		{"entities", `DELETE FROM entities WHERE developer = ?`},
		{"keys", `DELETE FROM api_keys WHERE developer = ?`},
		{"uses", `DELETE FROM uses WHERE developer = ?`},
		{"developer", `DELETE FROM developers WHERE id = ?`},
	} {
		if _, err := x.exec("remove "+part[0], part[1], id); err != nil {
			return err
		}
	}
	return nil
}

// many scans all rows of a question.
func many[T any](x *tx, what string, scan func(*sql.Rows) (T, error), q string, args ...any) ([]T, error) {
	rows, err := x.t.QueryContext(x.ctx, q, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		all = append(all, v)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return all, nil
}

// first is the only row; nothing found is store.ErrNotFound.
func first[T any](all []T, what string, err error) (T, error) {
	var none T
	if err != nil {
		return none, err
	}
	if len(all) == 0 {
		return none, fmt.Errorf("%s: %w", what, store.ErrNotFound)
	}
	return all[0], nil
}
