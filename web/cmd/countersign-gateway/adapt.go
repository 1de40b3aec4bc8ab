package main

import (
	"context"
	"errors"
	"time"

	"countersign/shared/quote"
	"countersign/web/internal/buy"
	"countersign/web/internal/store"
)

// desk is the buy desk as the gateway wants it.
type desk struct{ *buy.Desk }

func (d desk) Quote(ctx context.Context, in quote.Input, emit func(*quote.Row, *quote.Excluded)) (quote.Result, error) {
	return d.Desk.Quote(ctx, in, func(e buy.Event) { emit(e.Quote, e.Excluded) })
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
