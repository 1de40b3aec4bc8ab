package sqlstore

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"countersign/web/internal/store"
)

// What is copied while others write is one moment: no line without its names.
func TestABackupOfADatabaseThatIsWrittenIsWhole(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "g.db")
	s := open(t, path)
	ctx, stop := context.WithCancel(t.Context())
	wrote, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for seq := int64(0); ; seq++ {
			err := s.Write(ctx, func(tx store.Tx) error {
				if err := tx.AppendLine(store.Line{Entity: "ent_a", Seq: seq, Text: fmt.Sprint("line ", seq), Hash: "h"}); err != nil {
					return err
				}
				return tx.NoteLine("ent_a", "all", seq)
			})
			if seq == 20 {
				close(wrote)
			}
			if err != nil {
				done <- err
				return
			}
		}
	}()
	<-wrote
	looks, err := View(path)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "it's a copy.db")
	if err := looks.Backup(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-done; ctx.Err() == nil {
		t.Error(err)
	}
	if err := looks.Write(t.Context(), func(tx store.Tx) error { return tx.PutGovernance("ent_a", "{}") }); err == nil {
		t.Error("a database that is looked at was changed")
	}
	if err := looks.Close(); err != nil {
		t.Error(err)
	}
	c := open(t, copied)
	err = c.Read(t.Context(), func(tx store.Tx) error {
		m, err := tx.Mark("ent_a")
		if err != nil {
			return err
		}
		all, err := tx.Noted("ent_a", "all", m.Size+100)
		if m.Size < 20 || int64(len(all)) != m.Size {
			t.Errorf("%d lines and %d names", m.Size, len(all))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	var says string
	if err := c.read.QueryRowContext(t.Context(), `PRAGMA integrity_check`).Scan(&says); err != nil || says != "ok" {
		t.Errorf("the copy is %q: %v", says, err)
	}
}
