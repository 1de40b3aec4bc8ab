package sqlstore

import (
	"database/sql"
	"errors"
	"fmt"

	"countersign/shared/wire"
	"countersign/web/internal/store"
)

func (x *tx) Mark(entity string) (store.Mark, error) {
	var m store.Mark
	err := x.one("read the mark", []any{&m.Size, &m.Head}, `SELECT seq + 1, hash FROM log_lines WHERE entity = ? ORDER BY seq DESC LIMIT 1`, entity)
	if errors.Is(err, store.ErrNotFound) {
		return store.Mark{}, nil
	}
	return m, err
}

func (x *tx) AppendLine(l store.Line) error {
	m, err := x.Mark(l.Entity)
	if err != nil {
		return err
	}
	if l.Seq != m.Size {
		return fmt.Errorf("append line %d behind %d lines: %w", l.Seq, m.Size, store.ErrExists)
	}
	_, err = x.exec("append a line", `INSERT INTO log_lines (entity, seq, line, hash, nodes) VALUES (?, ?, ?, ?, ?)`,
		l.Entity, l.Seq, l.Text, l.Hash, append([]byte{}, l.Nodes...))
	return err
}

// nodeSize is the length of a node, in bytes.
const nodeSize = 32

func (x *tx) Node(entity string, seq int64, level int) (node []byte, err error) {
	err = x.one("find a node", []any{&node}, `SELECT substr(nodes, ?1, ?2) FROM log_lines WHERE entity = ?3 AND seq = ?4 AND length(nodes) >= ?1 + ?2 - 1`,
		level*nodeSize+1, nodeSize, entity, seq)
	return node, err
}

func (x *tx) PutNote(entity string, size int64, note string) error {
	_, err := x.exec("keep a note", `INSERT INTO log_notes (entity, size, note) VALUES (?, ?, ?)
		ON CONFLICT (entity) DO UPDATE SET size = excluded.size, note = excluded.note WHERE excluded.size > size`, entity, size, note)
	return err
}

func (x *tx) Note(entity string) (note string, err error) {
	err = x.one("find a note", []any{&note}, `SELECT note FROM log_notes WHERE entity = ?`, entity)
	return note, err
}

func (x *tx) Lines(entity string, from int64, limit int) ([]store.Line, error) {
	rows, err := x.t.QueryContext(x.ctx, `SELECT entity, seq, line, hash FROM log_lines WHERE entity = ? AND seq >= ? ORDER BY seq LIMIT ?`, entity, from, limit)
	if err != nil {
		return nil, fmt.Errorf("read lines: %w", err)
	}
	defer rows.Close()
	var all []store.Line
	for rows.Next() {
		var l store.Line
		if err := rows.Scan(&l.Entity, &l.Seq, &l.Text, &l.Hash); err != nil {
			return nil, fmt.Errorf("read lines: %w", err)
		}
		all = append(all, l)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read lines: %w", err)
	}
	return all, nil
}

func (x *tx) NoteLine(entity, name string, seq int64) error {
	_, err := x.exec("note a line", `INSERT INTO log_names (entity, name, seq) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, entity, name, seq)
	return err
}

func (x *tx) Noted(entity, name string, before int64) ([]int64, error) {
	return many(x, "find noted lines", func(rows *sql.Rows) (seq int64, err error) { return seq, rows.Scan(&seq) },
		`SELECT seq FROM log_names WHERE entity = ? AND name = ? AND seq < ? ORDER BY seq`, entity, name, before)
}

func (x *tx) PutSnapshot(entity string, seq int64, state []byte) error {
	_, err := x.exec("keep a snapshot", `INSERT INTO snapshots (entity, seq, doc) VALUES (?, ?, ?)
		ON CONFLICT (entity) DO UPDATE SET seq = excluded.seq, doc = excluded.doc WHERE excluded.seq > seq`, entity, seq, state)
	return err
}

func (x *tx) Snapshot(entity string) (seq int64, state []byte, err error) {
	err = x.one("find a snapshot", []any{&seq, &state}, `SELECT seq, doc FROM snapshots WHERE entity = ?`, entity)
	return seq, state, err
}

func (x *tx) PutGovernance(entity, doc string) error {
	if _, err := x.exec("keep the governance", `INSERT INTO genesis (entity, doc) VALUES (?, ?) ON CONFLICT (entity) DO UPDATE SET doc = excluded.doc`, entity, doc); err != nil {
		return err
	}
	return x.changed(entity, wire.ChangedEntity, entity)
}

func (x *tx) Governance(entity string) (doc string, err error) {
	err = x.one("find the governance", []any{&doc}, `SELECT doc FROM genesis WHERE entity = ?`, entity)
	return doc, err
}

func (x *tx) PutRequest(r store.Request) error {
	d, err := encode("keep request", r)
	if err != nil {
		return err
	}
	n, err := x.exec("keep request", `INSERT INTO requests (id, entity, state, seq, doc) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET state = excluded.state, doc = excluded.doc WHERE entity = excluded.entity`, r.ID, r.Entity, r.State, r.Seq, d)
	if err != nil {
		return err
	}
	if n == 0 { // it is another entity's
		return fmt.Errorf("keep request %s: %w", r.ID, store.ErrExists)
	}
	return x.changed(r.Entity, wire.ChangedRequest, r.ID)
}

func (x *tx) Request(entity, id string) (store.Request, error) {
	return doc[store.Request](x, "find request", `SELECT doc FROM requests WHERE entity = ? AND id = ?`, entity, id)
}

func (x *tx) Requests(entity string, f store.RequestFilter, after string, limit int) ([]store.Request, error) {
	return docs[store.Request](x, "list requests", `SELECT doc FROM requests WHERE entity = ?1 AND (?2 = '' OR state = ?2)
		AND (?3 = '' OR seq < (SELECT seq FROM requests WHERE id = ?3 AND entity = ?1))
		AND (?4 = '' OR json_extract(doc, '$.Account') IN (SELECT value FROM json_each(iif(?4 = '', '[]', ?4))))
		AND (?5 = '' OR json_extract(doc, '$.Account') = ?5)
		AND (?6 = '' OR json_extract(iif(json_valid(json_extract(doc, '$.Intent')), json_extract(doc, '$.Intent'), '{}'), '$.crypto.asset') = ?6)
		AND (?7 = 0 OR `+momentOf("doc", "$.Created")+` >= ?7) AND (?8 = 0 OR `+momentOf("doc", "$.Created")+` < ?8) ORDER BY seq DESC LIMIT ?9`,
		entity, f.State, after, among(f.Among), f.Account, f.Asset, millis(f.From), millis(f.To), limit)
}
