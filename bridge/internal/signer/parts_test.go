package signer

import (
	"crypto/sha256"
	"log/slog"
	"testing"

	"countersign/bridge/internal/logfile"
)

// BenchmarkVault measures what an entry of the log costs in the vault token.
func BenchmarkVault(b *testing.B) {
	cfg := vaultToken(b)
	v, done, err := openHSM(b.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := done(); err != nil {
			b.Error(err)
		}
	})
	key, err := keyOrNew(b.Context(), v, statementKey())
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256(nil)
	b.Run("sign", func(b *testing.B) {
		for b.Loop() {
			if _, err := key.SignDigest(b.Context(), digest[:]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("watermark", func(b *testing.B) {
		for b.Loop() {
			if err := v.PutData(b.Context(), watermarkLabel, digest[:]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("append to the file", func(b *testing.B) {
		f, err := logfile.Open(cfg.StateDir)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if err := f.Append(0, []string{string(digest[:])}); err != nil {
				b.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	})
}
