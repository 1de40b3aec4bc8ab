package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"countersign/shared/fault"
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

func TestAFullDiskChangesNothingAndRoomBringsItBack(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "g.db"))
	write := func(size int) error {
		return s.Write(t.Context(), func(tx store.Tx) error {
			return errors.Join(tx.PutGovernance("ent_a", "{}"), tx.PutSnapshot("ent_a", 1, make([]byte, size)))
		})
	}
	pages := func(n int) {
		t.Helper()
		if _, err := s.write.ExecContext(t.Context(), fmt.Sprintf(`PRAGMA max_page_count = %d`, n)); err != nil {
			t.Fatal(err)
		}
	}
	pages(1) // as many as there are
	for range 2 {
		err := write(1 << 20)
		if f, ok := fault.As(err); !ok || f.Code != fault.Unavailable || f.Details["reason"] != "disk" || !strings.Contains(err.Error(), "the gateway's disk is full") {
			t.Errorf("without room: %v", err)
		}
	}
	err := s.Read(t.Context(), func(tx store.Tx) error { _, err := tx.Governance("ent_a"); return err })
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a part of what was refused is there: %v", err)
	}
	pages(1 << 20)
	if err := write(1 << 20); err != nil {
		t.Errorf("with room again: %v", err)
	}
}
