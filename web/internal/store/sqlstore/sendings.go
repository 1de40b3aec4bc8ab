package sqlstore

import (
	"fmt"
	"strings"

	"countersign/shared/wire"
	"countersign/web/internal/store"
)

func (x *tx) PutSending(s store.Sending) error {
	raw, err := encode("keep sending", s)
	if err != nil {
		return err
	}
	block := int64(-1)
	if s.Mined != nil {
		block = s.Mined.Block
	}
	n, err := x.exec("keep sending", `INSERT INTO sendings (request, entity, chain, state, block, transfer, doc) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (request) DO UPDATE SET state = excluded.state, block = excluded.block, doc = excluded.doc WHERE entity = excluded.entity`,
		s.Request, s.Entity, s.Chain, s.State, block, s.Transfer(), raw)
	if err != nil {
		return err
	}
	if n == 0 { // it is another entity's
		return fmt.Errorf("keep sending %s: %w", s.Request, store.ErrExists)
	}
	for _, a := range s.Attempts {
		if a.Hash == "" {
			continue
		}
		if _, err := x.exec("keep the hash of a sending", `INSERT INTO sending_hashes (chain, hash, request) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
			s.Chain, strings.ToLower(a.Hash), s.Request); err != nil {
			return err
		}
	}
	if s.Sweep != "" {
		return x.changed(s.Entity, wire.ChangedAccount, s.Account)
	}
	return x.changed(s.Entity, wire.ChangedRequest, s.Request)
}

func (x *tx) Sending(entity, request string) (store.Sending, error) {
	return doc[store.Sending](x, "find sending", `SELECT doc FROM sendings WHERE entity = ? AND request = ?`, entity, request)
}

func (x *tx) Sendings(entity, after string, limit int) ([]store.Sending, error) {
	return docs[store.Sending](x, "list sendings", `SELECT doc FROM sendings WHERE entity = ?1 AND pos > coalesce((SELECT pos FROM sendings WHERE entity = ?1 AND request = ?2), 0) ORDER BY pos LIMIT ?3`,
		entity, after, limit)
}

func (x *tx) Rivals(entity, transfer string) ([]store.Sending, error) {
	return docs[store.Sending](x, "list what replaces a transfer", `SELECT doc FROM sendings WHERE entity = ? AND transfer = ? ORDER BY pos`, entity, transfer)
}

func (x *tx) SendingOf(chain, hash string) (store.Sending, error) {
	return doc[store.Sending](x, "find the sending of a transaction", `SELECT doc FROM sendings WHERE request = (SELECT request FROM sending_hashes WHERE chain = ? AND hash = ?)`,
		chain, strings.ToLower(hash))
}

func (x *tx) OpenSendings(chain string, limit int) ([]store.Sending, error) {
	return docs[store.Sending](x, "list sendings", `SELECT doc FROM (SELECT doc, pos, ROW_NUMBER() OVER (PARTITION BY entity, json_extract(doc, '$.Account') ORDER BY pos) AS turn
		FROM sendings WHERE chain = ? AND state IN ('approved', 'signed', 'submitted', 'included')) ORDER BY turn, pos LIMIT ?`, chain, limit)
}

func (x *tx) OpenOf(entity, chain string) ([]store.Sending, error) {
	return docs[store.Sending](x, "list sendings", `SELECT doc FROM sendings WHERE entity = ? AND chain = ? AND state IN ('approved', 'signed', 'submitted', 'included') ORDER BY pos`, entity, chain)
}

func (x *tx) Sweeps(entity, chain, address string) (all, open int64, err error) {
	err = x.one("count sweeps", []any{&all, &open}, `SELECT COUNT(*), COALESCE(SUM(CASE WHEN state IN ('approved', 'signed', 'submitted', 'included') THEN 1 ELSE 0 END), 0)
		FROM sendings WHERE entity = ? AND chain = ? AND lower(json_extract(doc, '$.Sweep')) = ?`, entity, chain, strings.ToLower(address))
	return all, open, err
}

func (x *tx) Funded(chain string) ([]store.Address, error) {
	return x.addresses("list deposit addresses with a balance", `WHERE chain = ? AND request <> '' AND balance <> '0' ORDER BY pos`, chain)
}

func (x *tx) SendingsAfter(chain string, block int64) ([]store.Sending, error) {
	return docs[store.Sending](x, "list sendings", `SELECT doc FROM sendings WHERE chain = ? AND block > ? ORDER BY pos`, chain, block)
}
