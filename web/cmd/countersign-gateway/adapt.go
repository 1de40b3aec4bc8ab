package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"countersign/shared/quote"
	"countersign/shared/secret"
	"countersign/web/internal/buy"
	"countersign/web/internal/chain"
	"countersign/web/internal/gateway"
	"countersign/web/internal/store"
)

// desk is the buy desk as the gateway wants it.
type desk struct{ *buy.Desk }

func (d desk) Quote(ctx context.Context, in quote.Input, emit func(*quote.Row, *quote.Excluded)) (quote.Result, error) {
	return d.Desk.Quote(ctx, in, func(e buy.Event) { emit(e.Quote, e.Excluded) })
}

func (d desk) Redirect(ctx context.Context, h gateway.HandOff) (string, error) {
	return d.Desk.Redirect(ctx, buy.Order{
		ID: h.Order, Provider: h.Provider, Input: h.Input, Crypto: h.Crypto, QuoteRef: h.QuoteRef,
		Return: h.Return, Language: h.Language, Theme: h.Theme,
	})
}

// memory keeps providers' documents in the gateway's database.
type memory struct{ db store.Store }

func (m memory) Load(ctx context.Context, provider, endpoint string) (doc []byte, fetched time.Time, err error) {
	err = m.db.Read(ctx, func(tx store.Tx) error {
		doc, fetched, err = tx.Document(provider, endpoint)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, time.Time{}, nil
	}
	return doc, fetched, err
}

func (m memory) Save(ctx context.Context, provider, endpoint string, doc []byte, fetched time.Time) error {
	return m.db.Write(ctx, func(tx store.Tx) error { return tx.PutDocument(provider, endpoint, doc, fetched) })
}

// node is a chain's node, connected when it is first needed, so that the
// gateway starts without it.
type node struct {
	cfg chain.Config
	mu  sync.Mutex
	w   *chain.Watcher
}

func (n *node) watcher(ctx context.Context) (*chain.Watcher, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.w != nil {
		return n.w, nil
	}
	var err error
	n.w, err = chain.Dial(ctx, n.cfg)
	return n.w, n.redact(err)
}

func (n *node) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.w != nil {
		n.w.Close()
	}
}

func (n *node) Head(ctx context.Context) (string, error) {
	w, err := n.watcher(ctx)
	if err != nil {
		return "", err
	}
	c, err := w.Head(ctx)
	return string(c), n.redact(err)
}

func (n *node) Scan(ctx context.Context, from string, addresses []string) ([]gateway.Deposit, string, error) {
	w, err := n.watcher(ctx)
	if err != nil {
		return nil, from, err
	}
	seen, next, err := w.Scan(ctx, chain.Cursor(from), addresses)
	var all []gateway.Deposit
	for _, d := range seen {
		all = append(all, gateway.Deposit{Address: d.Address, TxHash: d.TxHash, Amount: d.Amount, Time: d.Time, Final: d.Final})
	}
	return all, string(next), n.redact(err)
}

// redact hides the node's address, which may hold an API key: libraries put it
// into their errors.
func (n *node) redact(err error) error { return secret.Redact(err, n.cfg.RPC) }
