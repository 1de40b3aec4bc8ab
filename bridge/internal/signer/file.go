package signer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"countersign/shared/signedlog"
	"countersign/shared/strictjson"
)

// watermarkLabel is the data object in the vault token that remembers how far
// the log was.
const watermarkLabel = "countersign-log"

// draftLabel is the data object that remembers the digest of the genesis that the
// administrators are to sign: who can change files cannot exchange it for another.
const draftLabel = "countersign-genesis"

// watermark keeps the mark where who can change files cannot reach it: in the
// vault token.
type watermark struct{ vault Vault }

func (w watermark) Get(ctx context.Context) (signedlog.Mark, error) {
	data, err := w.vault.GetData(ctx, watermarkLabel)
	if err != nil || data == nil {
		return signedlog.Mark{}, err
	}
	var m signedlog.Mark
	if err := strictjson.UnmarshalCanonical(data, &m, 256); err != nil {
		return signedlog.Mark{}, fmt.Errorf("read data object %q: %w", watermarkLabel, err)
	}
	return m, nil
}

func (w watermark) Set(ctx context.Context, m signedlog.Mark) error {
	data, err := strictjson.Canonical(m)
	if err != nil {
		return err
	}
	return w.vault.PutData(ctx, watermarkLabel, data)
}

// readSmall reads a file of at most limit bytes.
func readSmall(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is longer than %d bytes", path, limit)
	}
	return data, nil
}
