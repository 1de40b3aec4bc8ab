package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
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

// ours are the tables of what a signer's log does not say: a database that is rebuilt keeps them.
var ours = []string{
	"api_keys", "bank_items", "bank_links", "chain_blocks", "chain_cursors", "changes", "clock", "deposits", "developers", "entities", "goose_db_version", "invitations",
	"leases", "ledger_entries", "ledger_postings", "log_notes", "notices", "orders", "provider_documents", "quotes", "replies", "reporting_uses", "revoked_tokens", "tickets", "uses",
}

// A table that follows from logs and is in neither list would be empty, or stale, after a rebuild.
func TestEachTableIsRebuiltFromLogsOrKept(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "gateway.db"))
	rows, err := s.write.QueryContext(t.Context(), `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var has []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		has = append(has, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	want := slices.Clone(ours)
	for _, f := range followed {
		want = append(want, f.table)
		if !slices.ContainsFunc(take, func(q string) bool { return strings.HasPrefix(q, "INSERT INTO main."+f.table+" ") }) {
			t.Errorf("%s is compared with the log, and not taken from it", f.table)
		}
	}
	slices.Sort(want)
	if !slices.Equal(has, want) {
		t.Errorf("the database has the tables\n%v\nand these are known to follow from logs, or to be kept:\n%v", has, want)
	}
}
