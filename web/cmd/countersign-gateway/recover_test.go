package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"countersign/web/internal/rebuild"
	"countersign/web/internal/store"
	"countersign/web/internal/store/sqlstore"
)

// says runs the program, and returns what it printed.
func says(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	err := run(t.Context(), args, stdio{&out, io.Discard})
	return out.String(), err
}

func TestTheOperatorCopiesTheDatabaseOfAGatewayThatRuns(t *testing.T) {
	t.Parallel()
	path, cfg := config(t)
	ctx, stop := context.WithCancel(t.Context())
	_, done := served(ctx, t, path)
	copied := cfg.Database + ".backup"
	if out, err := says(t, "backup", "-config", path, "-to", copied); err != nil || out != copied+" is a copy of "+cfg.Database+"\n" {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := says(t, "backup", "-config", path, "-to", copied); !errors.Is(err, os.ErrExist) {
		t.Errorf("a second one: %v", err)
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(cfg.Database); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(copied, cfg.Database); err != nil {
		t.Fatal(err)
	}
	if out, err := says(t, "migrate", "rebuild", "-config", path, "-check"); err != nil || out != "ent_sandbox: as its log says, to entry 0\n" {
		t.Errorf("%q, %v", out, err)
	}
}

func TestTheOperatorMakesTheDatabaseAgainOfTheLogs(t *testing.T) {
	t.Parallel()
	path, cfg := config(t)
	if _, err := says(t, "migrate", "rebuild", "-config", path, "-check"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a database that is not there: %v", err)
	}
	if out, err := says(t, "migrate", "-config", path); err != nil || !strings.Contains(out, "up to date") {
		t.Errorf("%q, %v", out, err)
	}
	for _, step := range []struct {
		args []string
		says string
	}{
		{[]string{"-check"}, "ent_sandbox: nothing of its log was read yet"},
		{nil, "ent_sandbox: made again, to entry 0; rows that differed: "},
		{[]string{"-check"}, "ent_sandbox: as its log says, to entry 0"},
	} {
		if out, err := says(t, append([]string{"migrate", "rebuild", "-config", path}, step.args...)...); err != nil || !strings.Contains(out, step.says) {
			t.Errorf("%v: %q, %v", step.args, out, err)
		}
	}
	for want, args := range map[string][]string{
		"needs -config": {"migrate", "rebuild"}, "takes no argument": {"migrate", "rebuild", "-config", path, "now"}, "needs -to": {"backup", "-config", path},
	} {
		if _, err := says(t, args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", args, err)
		}
	}
	db, err := sqlstore.Open(t.Context(), cfg.Database)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Write(t.Context(), func(tx store.Tx) error { return tx.PutGovernance("ent_sandbox", "{}") }), db.Close()); err != nil {
		t.Fatal(err)
	}
	if out, err := says(t, "migrate", "rebuild", "-config", path, "-check"); !errors.Is(err, rebuild.ErrDiffers) || out != "ent_sandbox: genesis ent_sandbox differs from the log\n" {
		t.Errorf("%q, %v", out, err)
	}
}
