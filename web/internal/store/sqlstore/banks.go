package sqlstore

import (
	"database/sql"
	"fmt"
	"time"

	"countersign/web/internal/store"
)

const itemColumns = `id, entity, currency, login_required, connected, synced`

func (x *tx) PutBankItem(i store.BankItem) error {
	_, err := x.exec("keep bank connection", `INSERT INTO bank_items (`+itemColumns+`) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET login_required = excluded.login_required, synced = excluded.synced`,
		i.ID, i.Entity, i.Currency, i.LoginRequired, millis(i.Connected), millis(i.Synced))
	return err
}

func (x *tx) BankItem(entity, id string) (store.BankItem, error) {
	all, err := many(x, "find bank connection", bankItem, `SELECT `+itemColumns+` FROM bank_items WHERE entity = ? AND id = ?`, entity, id)
	return first(all, "find bank connection", err)
}

func (x *tx) BankItems(entity string) ([]store.BankItem, error) {
	return many(x, "list bank connections", bankItem, `SELECT `+itemColumns+` FROM bank_items WHERE entity = ? ORDER BY pos`, entity)
}

func bankItem(rows *sql.Rows) (i store.BankItem, err error) {
	var connected, synced int64
	err = rows.Scan(&i.ID, &i.Entity, &i.Currency, &i.LoginRequired, &connected, &synced)
	i.Connected, i.Synced = moment(connected), moment(synced)
	return i, err
}

func (x *tx) PutBankLink(l store.BankLink) error {
	_, err := x.exec("keep bank link", `INSERT INTO bank_links (hash, kind, entity, item, expires, used) VALUES (?, ?, ?, ?, ?, 0)`,
		l.Hash[:], l.Kind, l.Entity, l.Item, millis(l.Expires))
	return err
}

func (x *tx) UseBankLink(entity, kind string, hash [32]byte, now time.Time) (store.BankLink, error) {
	n, err := x.exec("use bank link", `UPDATE bank_links SET used = 1 WHERE hash = ? AND kind = ? AND entity = ? AND used = 0 AND expires > ?`,
		hash[:], kind, entity, millis(now))
	if err == nil && n == 0 {
		err = fmt.Errorf("use bank link: %w", store.ErrNotFound)
	}
	if err != nil {
		return store.BankLink{}, err
	}
	l := store.BankLink{Hash: hash, Kind: kind, Entity: entity}
	var expires int64
	err = x.one("use bank link", []any{&l.Item, &expires}, `SELECT item, expires FROM bank_links WHERE hash = ?`, hash[:])
	l.Expires = moment(expires)
	return l, err
}

func (x *tx) TrimBankLinks(entity string, rows int) error {
	_, err := x.exec("trim bank links", `DELETE FROM bank_links WHERE rowid IN (SELECT rowid FROM bank_links WHERE entity = ?
		ORDER BY rowid DESC LIMIT -1 OFFSET ?)`, entity, rows)
	return err
}

func (x *tx) DropBanks(entity string) error {
	if _, err := x.exec("remove bank connections", `DELETE FROM bank_items WHERE entity = ?`, entity); err != nil {
		return err
	}
	_, err := x.exec("remove bank links", `DELETE FROM bank_links WHERE entity = ?`, entity)
	return err
}
