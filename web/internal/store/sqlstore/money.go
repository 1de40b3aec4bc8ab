package sqlstore

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"countersign/shared/amount"
	"countersign/shared/wire"
	"countersign/web/internal/store"
)

func (x *tx) PutOrder(o store.Order) error {
	d, err := encode("keep order", o)
	if err != nil {
		return err
	}
	switch other, err := x.OrderOf(o.Entity, o.Request); {
	case err == nil && other.ID != o.ID:
		return fmt.Errorf("keep order of %s: %w", o.Request, store.ErrExists)
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return err
	}
	_, err = x.exec("keep order", `INSERT INTO orders (id, entity, request, state, chain, provider, created, ask, doc) VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?)
		ON CONFLICT (id) DO UPDATE SET state = excluded.state, doc = excluded.doc`,
		o.ID, o.Entity, o.Request, o.State, o.Chain, o.Provider, o.Created.UnixMilli(), d)
	if err != nil {
		return err
	}
	return x.changed(o.Entity, wire.ChangedOrder, o.ID)
}

func (x *tx) Order(entity, id string) (store.Order, error) {
	return doc[store.Order](x, "find order", `SELECT doc FROM orders WHERE entity = ? AND id = ?`, entity, id)
}

func (x *tx) OrderOf(entity, request string) (store.Order, error) {
	return doc[store.Order](x, "find order", `SELECT doc FROM orders WHERE entity = ? AND request = ?`, entity, request)
}

func (x *tx) Orders(entity string, accounts []string, after string, limit int) ([]store.Order, error) {
	return docs[store.Order](x, "list orders", `SELECT doc FROM orders WHERE entity = ?1
		AND (?2 = '' OR pos < (SELECT pos FROM orders WHERE id = ?2 AND entity = ?1))
		AND (?3 = '' OR json_extract(doc, '$.Account') IN (SELECT value FROM json_each(iif(?3 = '', '[]', ?3)))) ORDER BY pos DESC LIMIT ?4`,
		entity, after, among(accounts), limit)
}

func (x *tx) OrderNamed(id string) (store.Order, error) {
	return doc[store.Order](x, "find order", `SELECT doc FROM orders WHERE id = ?`, id)
}

func (x *tx) OrdersFrom(entity, provider, after string, limit int) ([]store.Order, error) {
	return docs[store.Order](x, "list orders of a provider", `SELECT doc FROM orders WHERE entity = ?1 AND provider = ?2
		AND (?3 = '' OR pos < (SELECT pos FROM orders WHERE id = ?3 AND entity = ?1)) ORDER BY pos DESC LIMIT ?4`, entity, provider, after, limit)
}

func (x *tx) AwaitedOrders(now, since time.Time, limit int) ([]store.Order, error) {
	return docs[store.Order](x, "list open orders", `SELECT doc FROM orders WHERE state IN ('redirected', 'pending', 'on_hold', 'processing')
		AND ask <= ? AND created >= ? ORDER BY ask, pos LIMIT ?`, now.UnixMilli(), since.UnixMilli(), limit)
}

func (x *tx) AskOrderAt(id string, next time.Time) error {
	_, err := x.exec("keep when to ask", `UPDATE orders SET ask = ? WHERE id = ?`, next.UnixMilli(), id)
	return err
}

func (x *tx) SeeNotice(provider, id string, at time.Time) (bool, error) {
	n, err := x.exec("keep notice", `INSERT INTO notices (provider, id, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, provider, id, at.UnixMilli())
	return n == 1, err
}

func (x *tx) PruneNotices(before time.Time) error {
	_, err := x.exec("prune notices", `DELETE FROM notices WHERE at < ?`, before.UnixMilli())
	return err
}

func (x *tx) PutTicket(t store.Ticket) error {
	hash := t.Hash
	t.Hash = [32]byte{}
	d, err := encode("keep ticket", t)
	if err != nil {
		return err
	}
	_, err = x.exec("keep ticket", `INSERT INTO tickets (hash, "order", expires, used, doc) VALUES (?, ?, ?, 0, ?)`,
		hash[:], t.Order, t.Expires.UnixMilli(), d)
	return err
}

func (x *tx) TrimTickets(order string, rows int) error {
	_, err := x.exec("trim tickets", `DELETE FROM tickets WHERE rowid IN (SELECT rowid FROM tickets WHERE "order" = ?
		ORDER BY rowid DESC LIMIT -1 OFFSET ?)`, order, rows)
	return err
}

func (x *tx) HasTicket(hash [32]byte, now time.Time) (has bool, err error) {
	err = x.one("find ticket", []any{&has}, `SELECT EXISTS (SELECT 1 FROM tickets WHERE hash = ? AND used = 0 AND expires > ?)`, hash[:], now.UnixMilli())
	return has, err
}

func (x *tx) UseTicket(hash [32]byte, now time.Time) (store.Ticket, error) {
	n, err := x.exec("use ticket", `UPDATE tickets SET used = 1 WHERE hash = ? AND used = 0 AND expires > ?`, hash[:], now.UnixMilli())
	if err == nil && n == 0 {
		err = fmt.Errorf("use ticket: %w", store.ErrNotFound)
	}
	if err != nil {
		return store.Ticket{}, err
	}
	t, err := doc[store.Ticket](x, "use ticket", `SELECT doc FROM tickets WHERE hash = ?`, hash[:])
	t.Hash, t.Used = hash, true
	return t, err
}

// balanced adds up each side of each asset.
func balanced(postings []store.Posting) error {
	sum := map[string]amount.Amount{}
	for _, p := range postings {
		a, err := amount.Parse(p.Amount)
		if err != nil {
			return fmt.Errorf("book %s: %w", p.Asset, err)
		}
		if a.Sign() <= 0 {
			return fmt.Errorf("book %s of %s: an amount must be positive", p.Amount, p.Asset)
		}
		switch p.Side {
		case "debit":
			sum[p.Asset] = sum[p.Asset].Add(a)
		case "credit":
			sum[p.Asset] = sum[p.Asset].Sub(a)
		default:
			return fmt.Errorf("book %s: side %q", p.Asset, p.Side)
		}
	}
	for asset, s := range sum {
		if !s.IsZero() {
			return fmt.Errorf("book %s: %w", asset, store.ErrUnbalanced)
		}
	}
	if len(sum) == 0 {
		return fmt.Errorf("book nothing: %w", store.ErrUnbalanced)
	}
	return nil
}

func (x *tx) Book(b store.Booking) error {
	if err := balanced(b.Entry.Postings); err != nil {
		return err
	}
	d, err := encode("book", b)
	if err != nil {
		return err
	}
	n, err := x.exec("book", `INSERT INTO ledger_entries (id, entity, account, at, doc) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
		b.Entry.ID, b.Entity, b.Account, millis(b.Entry.At), d)
	if err == nil && n == 0 {
		err = fmt.Errorf("book %s: %w", b.Entry.ID, store.ErrExists)
	}
	if err != nil {
		return err
	}
	for i, p := range b.Entry.Postings {
		if _, err := x.exec("book", `INSERT INTO ledger_postings (entry, line, entity, ledger, side, asset, amount) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			b.Entry.ID, i, b.Entity, p.Ledger, p.Side, p.Asset, p.Amount); err != nil {
			return err
		}
	}
	return x.changed(b.Entity, wire.ChangedAccount, b.Account)
}

func (x *tx) Booking(entity, id string) (store.Booking, error) {
	return doc[store.Booking](x, "find booking", `SELECT doc FROM ledger_entries WHERE entity = ? AND id = ?`, entity, id)
}

func (x *tx) Bookings(entity, account string, limit int) ([]store.Booking, error) {
	return docs[store.Booking](x, "list bookings", `SELECT doc FROM ledger_entries WHERE entity = ? AND account = ? ORDER BY pos DESC LIMIT ?`,
		entity, account, limit)
}

func (x *tx) Balances(entity, account string, before time.Time) ([]store.Balance, error) {
	rows, err := x.t.QueryContext(x.ctx, `SELECT side, asset, amount FROM ledger_postings AS p WHERE entity = ?1 AND ledger = ?2
		AND (?3 = 0 OR (SELECT at FROM ledger_entries WHERE id = p.entry) < ?3)`, entity, "vault:"+account, millis(before))
	if err != nil {
		return nil, fmt.Errorf("add up balances: %w", err)
	}
	defer rows.Close()
	sum := map[string]amount.Amount{}
	for rows.Next() {
		var side, asset, text string
		if err := rows.Scan(&side, &asset, &text); err != nil {
			return nil, fmt.Errorf("add up balances: %w", err)
		}
		a, err := amount.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("add up balances: %w", err)
		}
		if side == "credit" {
			a = a.Neg()
		}
		sum[asset] = sum[asset].Add(a)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("add up balances: %w", err)
	}
	all := []store.Balance{}
	for _, asset := range slices.Sorted(maps.Keys(sum)) {
		if !sum[asset].IsZero() {
			all = append(all, store.Balance{Asset: asset, Amount: sum[asset].Trim().String()})
		}
	}
	return all, nil
}

func (x *tx) Cursor(chain string) (string, error) {
	var c string
	err := x.one("read cursor", []any{&c}, `SELECT cursor FROM chain_cursors WHERE chain = ?`, chain)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	return c, err
}

func (x *tx) PutCursor(chain, cursor string) error {
	_, err := x.exec("keep cursor", `INSERT INTO chain_cursors (chain, cursor) VALUES (?, ?)
		ON CONFLICT (chain) DO UPDATE SET cursor = excluded.cursor`, chain, cursor)
	return err
}

func (x *tx) Seen() (time.Time, error) {
	var at int64
	err := x.one("read the time that was seen", []any{&at}, `SELECT seen FROM clock`)
	return time.UnixMilli(at).UTC(), err
}

func (x *tx) PutSeen(at time.Time) error {
	_, err := x.exec("keep the time", `INSERT INTO clock (one, seen) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET seen = excluded.seen`, at.UnixMilli())
	return err
}

func (x *tx) Document(provider, endpoint string) (store.Document, error) {
	var d store.Document
	var at int64
	err := x.one("read document", []any{&d.Body, &d.Tag, &at}, `SELECT doc, tag, fetched FROM provider_documents WHERE provider = ? AND endpoint = ?`, provider, endpoint)
	if err == nil {
		d.Fetched = time.UnixMilli(at).UTC()
	}
	return d, err
}

func (x *tx) PutDocument(provider, endpoint string, d store.Document) error {
	_, err := x.exec("keep document", `INSERT INTO provider_documents (provider, endpoint, doc, tag, fetched) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (provider, endpoint) DO UPDATE SET doc = excluded.doc, tag = excluded.tag, fetched = excluded.fetched`,
		provider, endpoint, d.Body, d.Tag, d.Fetched.UnixMilli())
	return err
}
