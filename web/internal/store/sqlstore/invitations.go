package sqlstore

import (
	"database/sql"
	"fmt"

	"countersign/web/internal/store"
)

const invitationColumns = `entity, member, hash, name, role, nature, expires, registration`

func (x *tx) PutInvitation(i store.Invitation) error {
	_, err := x.exec("keep invitation", `INSERT INTO invitations (`+invitationColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (entity, member) DO UPDATE SET hash = excluded.hash, name = excluded.name, role = excluded.role, nature = excluded.nature,
		expires = excluded.expires, registration = excluded.registration`,
		i.Entity, i.Member, i.Hash[:], i.Name, i.Role, i.Is, millis(i.Expires), i.Registration)
	return err
}

func (x *tx) Invitation(hash [32]byte) (store.Invitation, error) {
	all, err := many(x, "find invitation", invitation, `SELECT `+invitationColumns+` FROM invitations WHERE hash = ?`, hash[:])
	return first(all, "find invitation", err)
}

func (x *tx) Invitations(entity string) ([]store.Invitation, error) {
	return many(x, "list invitations", invitation, `SELECT `+invitationColumns+` FROM invitations WHERE entity = ? ORDER BY pos`, entity)
}

func invitation(rows *sql.Rows) (i store.Invitation, err error) {
	var hash []byte
	var expires int64
	err = rows.Scan(&i.Entity, &i.Member, &hash, &i.Name, &i.Role, &i.Is, &expires, &i.Registration)
	copy(i.Hash[:], hash)
	i.Expires = moment(expires)
	return i, err
}

func (x *tx) DropInvitation(entity, member string) error {
	n, err := x.exec("remove invitation", `DELETE FROM invitations WHERE entity = ? AND member = ?`, entity, member)
	if err == nil && n == 0 {
		err = fmt.Errorf("remove invitation: %w", store.ErrNotFound)
	}
	return err
}

func (x *tx) TrimInvitations(entity string, rows int) error {
	_, err := x.exec("trim invitations", `DELETE FROM invitations WHERE pos IN (SELECT pos FROM invitations WHERE entity = ? ORDER BY pos DESC LIMIT -1 OFFSET ?)`, entity, rows)
	return err
}
