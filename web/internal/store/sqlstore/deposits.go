package sqlstore

import (
	"errors"
	"fmt"
	"strings"

	"countersign/shared/wire"
	"countersign/web/internal/store"
)

const addressColumns = `SELECT pos, chain, address, entity, account, request, balance, swept, sent FROM addresses `

func (x *tx) PutAddress(a store.Address) error {
	_, err := x.exec("keep address", `INSERT INTO addresses (chain, address, entity, account, request, balance, swept, sent) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (chain, address) DO UPDATE SET balance = excluded.balance, swept = excluded.swept, sent = excluded.sent`,
		a.Chain, strings.ToLower(a.Address), a.Entity, a.Account, a.Request, a.Balance, a.Swept, a.Sent)
	return err
}

func (x *tx) HandAddress(chain, address, request string) error {
	_, err := x.exec("hand an address on", `UPDATE addresses SET request = ? WHERE chain = ? AND address = ?`, request, chain, strings.ToLower(address))
	return err
}

func (x *tx) addresses(what, q string, args ...any) ([]store.Address, error) {
	rows, err := x.t.QueryContext(x.ctx, addressColumns+q, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	defer rows.Close()
	var all []store.Address
	for rows.Next() {
		var a store.Address
		if err := rows.Scan(&a.Pos, &a.Chain, &a.Address, &a.Entity, &a.Account, &a.Request, &a.Balance, &a.Swept, &a.Sent); err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		all = append(all, a)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return all, nil
}

func (x *tx) Address(chain, address string) (store.Address, error) {
	all, err := x.addresses("find address", `WHERE chain = ? AND address = ?`, chain, strings.ToLower(address))
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("find address: %w", store.ErrNotFound)
	}
	if err != nil {
		return store.Address{}, err
	}
	return all[0], nil
}

func (x *tx) Addresses(chain string, after int64, limit int) ([]store.Address, error) {
	return x.addresses("list addresses", `WHERE chain = ? AND pos > ? ORDER BY pos LIMIT ?`, chain, after, limit)
}

func (x *tx) Unswept(chain string, block int64, limit int) ([]store.Address, error) {
	return x.addresses("list addresses to look at", `WHERE chain = ? AND swept < ?
		ORDER BY request <> '' AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.request = addresses.request AND o.state <> 'completed'), swept, pos LIMIT ?`,
		chain, block, limit)
}

func (x *tx) SweptAfter(chain string, block int64) ([]store.Address, error) {
	return x.addresses("list addresses that were looked at", `WHERE chain = ? AND swept > ? ORDER BY pos`, chain, block)
}

func (x *tx) PutDeposit(d store.Deposit) error {
	if other, err := x.DepositOf(d); err == nil && other.ID != d.ID {
		return fmt.Errorf("keep deposit %s: %w", d.ID, store.ErrExists)
	} else if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	raw, err := encode("keep deposit", d)
	if err != nil {
		return err
	}
	_, err = x.exec("keep deposit", `INSERT INTO deposits (id, chain, asset, tx, idx, address, block, block_hash, state, entity, account, doc)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET state = excluded.state, doc = excluded.doc`,
		d.ID, d.Chain, d.Asset, d.Tx, d.Index, d.Address, d.Block, d.BlockHash, d.State, d.Entity, d.Account, raw)
	if err != nil {
		return err
	}
	return x.changed(d.Entity, wire.ChangedAccount, d.Account)
}

func (x *tx) DepositOf(d store.Deposit) (store.Deposit, error) {
	return doc[store.Deposit](x, "find deposit", `SELECT doc FROM deposits
		WHERE chain = ? AND asset = ? AND tx = ? AND idx = ? AND address = ? AND block_hash = ?`, d.Chain, d.Asset, d.Tx, d.Index, d.Address, d.BlockHash)
}

func (x *tx) DepositsAt(chain, address string) ([]store.Deposit, error) {
	return docs[store.Deposit](x, "list deposits", `SELECT doc FROM deposits WHERE chain = ? AND address = ? ORDER BY pos`, chain, strings.ToLower(address))
}

func (x *tx) DepositsAfter(chain string, block int64) ([]store.Deposit, error) {
	return docs[store.Deposit](x, "list deposits", `SELECT doc FROM deposits WHERE chain = ? AND state IN ('pending', 'final') AND block > ? ORDER BY pos`, chain, block)
}

func (x *tx) Pending(chain string) ([]store.Deposit, error) {
	return docs[store.Deposit](x, "list deposits", `SELECT doc FROM deposits WHERE chain = ? AND state = 'pending' ORDER BY pos`, chain)
}

func (x *tx) Deposits(entity, account string, limit int) ([]store.Deposit, error) {
	return docs[store.Deposit](x, "list deposits", `SELECT doc FROM deposits WHERE entity = ? AND account = ? AND NOT coalesce(json_extract(doc, '$.Out'), 0)
		ORDER BY pos DESC LIMIT ?`, entity, account, limit)
}

func (x *tx) PutBlock(chain string, number int64, hash string) error {
	_, err := x.exec("keep block", `INSERT INTO chain_blocks (chain, number, hash) VALUES (?, ?, ?)
		ON CONFLICT (chain, number) DO UPDATE SET hash = excluded.hash`, chain, number, hash)
	return err
}

func (x *tx) BlockHash(chain string, number int64) (string, error) {
	var hash string
	err := x.one("find block", []any{&hash}, `SELECT hash FROM chain_blocks WHERE chain = ? AND number = ?`, chain, number)
	return hash, err
}

func (x *tx) BlocksBefore(chain string, number int64, limit int) ([]store.BlockRef, error) {
	rows, err := x.t.QueryContext(x.ctx, `SELECT number, hash FROM chain_blocks WHERE chain = ? AND number <= ? ORDER BY number DESC LIMIT ?`, chain, number, limit)
	if err != nil {
		return nil, fmt.Errorf("list blocks: %w", err)
	}
	defer rows.Close()
	var all []store.BlockRef
	for rows.Next() {
		var b store.BlockRef
		if err := rows.Scan(&b.Number, &b.Hash); err != nil {
			return nil, fmt.Errorf("list blocks: %w", err)
		}
		all = append(all, b)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list blocks: %w", err)
	}
	return all, nil
}

func (x *tx) DropBlocks(chain string, from, to int64) error {
	_, err := x.exec("drop blocks", `DELETE FROM chain_blocks WHERE chain = ? AND number BETWEEN ? AND ?`, chain, from, to)
	return err
}
