package main

import (
	"context"
	"errors"

	"countersign/web/internal/buy"
	"countersign/web/internal/store"
)

// memory keeps providers' documents in the gateway's database.
type memory struct{ db store.Store }

func (m memory) Load(ctx context.Context, provider, endpoint string) (buy.Kept, error) {
	var d store.Document
	err := m.db.Read(ctx, func(tx store.Tx) (err error) {
		d, err = tx.Document(provider, endpoint)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return buy.Kept{Body: d.Body, Tag: d.Tag, Fetched: d.Fetched}, err
}

func (m memory) Save(ctx context.Context, provider, endpoint string, doc buy.Kept) error {
	return m.db.Write(ctx, func(tx store.Tx) error {
		return tx.PutDocument(provider, endpoint, store.Document{Body: doc.Body, Tag: doc.Tag, Fetched: doc.Fetched})
	})
}
