package sqlstore

import (
	"fmt"

	"countersign/shared/wire"
	"countersign/web/internal/store"
)

func (x *tx) PutMessage(m store.Message) error {
	raw, err := encode("keep message", m)
	if err != nil {
		return err
	}
	n, err := x.exec("keep message", `INSERT INTO messages (request, entity, state, doc) VALUES (?, ?, ?, ?)
		ON CONFLICT (request) DO UPDATE SET state = excluded.state, doc = excluded.doc WHERE entity = excluded.entity`,
		m.Request, m.Entity, m.State, raw)
	if err != nil {
		return err
	}
	if n == 0 { // it is another entity's
		return fmt.Errorf("keep message %s: %w", m.Request, store.ErrExists)
	}
	return x.changed(m.Entity, wire.ChangedRequest, m.Request)
}

func (x *tx) Message(entity, request string) (store.Message, error) {
	return doc[store.Message](x, "find message", `SELECT doc FROM messages WHERE entity = ? AND request = ?`, entity, request)
}

func (x *tx) OpenMessages(entity, after string, limit int) ([]store.Message, error) {
	return docs[store.Message](x, "list messages", `SELECT doc FROM messages WHERE entity = ?1 AND state = 'approved'
		AND pos > coalesce((SELECT pos FROM messages WHERE request = ?2), 0) ORDER BY pos LIMIT ?3`, entity, after, limit)
}
