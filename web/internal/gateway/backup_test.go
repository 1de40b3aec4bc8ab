package gateway_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/wire"
	. "countersign/web/internal/gateway/gatewaytest"
	"countersign/web/internal/store/sqlstore"
)

// backup copies the database of a gateway that runs.
func backup(t *testing.T, w *World) (file string) {
	t.Helper()
	db, err := sqlstore.View(w.Path)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "gateway.backup")
	if err := errors.Join(db.Backup(t.Context(), file), db.Close()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	return file
}

// restore deletes the database, and puts a copy there.
func restore(t *testing.T, w *World, file string) {
	t.Helper()
	if err := w.Store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(w.Path + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(w.Path, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.Restart()
}

func TestADatabaseIsRestoredFromABackupAndCatchesUpWithTheLog(t *testing.T) {
	t.Parallel()
	w := New(t)
	open := w.Requested()
	o, err := w.Gateway.NewOrder(t.Context(), Caller(), w.Approved().ID)
	if err != nil {
		t.Fatal(err)
	}
	w.Chain.Deposit(o.Address, "0.1")
	w.Scan()
	file := backup(t, w)
	w.Signer.Decide(open.ID, "mem_alice", statement.Approve)
	w.Signer.Decide(open.ID, "mem_bob", statement.Approve)
	after := w.Approved() // which the copy does not have
	restore(t, w, file)
	if err := w.Gateway.SyncAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	for id, state := range map[string]string{open.ID: wire.RequestApproved, after.ID: wire.RequestApproved, o.Request: wire.RequestCompleted} {
		if got, err := w.Gateway.Request(t.Context(), Caller(), id); err != nil || got.State != state {
			t.Errorf("%s is %s, want %s: %v", id, got.State, state, err)
		}
	}
	if got, err := w.Gateway.Order(t.Context(), Caller(), o.ID); err != nil || got.State != wire.OrderCompleted {
		t.Errorf("the order is %s: %v", got.State, err)
	}
	w.Approved() // it goes on
}

func TestADatabaseThatIsNewerThanARestoredSignerIsToldSo(t *testing.T) {
	t.Parallel()
	w := New(t)
	w.Approved()
	w.Signer.Lie = func(all []signedlog.Entry) []signedlog.Entry { return all[:len(all)-1] }
	err := w.Gateway.Sync(t.Context(), Entity)
	Refused(t, err, fault.LogCorrupt)
	if err == nil || !strings.Contains(err.Error(), "it has 4 entries, and 5 were read. It was rewound, or restored from an older copy") {
		t.Error(err)
	}
}

func TestABackupReplacesNoFileAndMakesNoDatabase(t *testing.T) {
	t.Parallel()
	w := New(t)
	file := backup(t, w)
	was, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqlstore.View(w.Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Backup(t.Context(), file); !errors.Is(err, fs.ErrExist) {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if is, err := os.ReadFile(file); err != nil || string(is) != string(was) {
		t.Errorf("the earlier copy was replaced: %v", err)
	}
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 1 {
		t.Errorf("it left %v: %v", left, err)
	}
	if _, err := sqlstore.View(w.Path + ".none"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := os.Stat(w.Path + ".none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a database was made: %v", err)
	}
}
