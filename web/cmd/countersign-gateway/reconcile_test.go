package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"countersign/shared/wire"
	"countersign/web/internal/store"
	"countersign/web/internal/store/sqlstore"
)

func TestTheOperatorComparesBooksChainAndLog(t *testing.T) {
	t.Parallel()
	path, cfg := config(t)
	ctx, stop := context.WithCancel(t.Context())
	_, done := served(ctx, t, path)
	out, err := says(t, "reconcile", "-config", path)
	if err != nil || !strings.Contains(out, "ent_sandbox: 1 entries of its log were compared, 0 differences\n") || !strings.HasSuffix(out, "ok: nothing differs\n") {
		t.Errorf("%q, %v", out, err)
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	db, err := sqlstore.Open(t.Context(), cfg.Database)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Write(t.Context(), func(tx store.Tx) error {
		return tx.PutAddress(store.Address{Chain: "eip155:31337", Address: "0x00000000000000000000000000000000000000aa", Entity: "ent_sandbox", Account: "acc_treasury", Balance: "0", Swept: -1})
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	out, err = says(t, "reconcile", "-config", path)
	if !errors.Is(err, errDiffers) || exitStatus(err) != 1 || !strings.Contains(out, "address: no entry of the log gives this address\n  entity        ent_sandbox\n  account       acc_treasury\n") {
		t.Errorf("%q, %v", out, err)
	}
	out, err = says(t, "reconcile", "-config", path, "-json")
	var r wire.Reconciliation
	if jerr := json.Unmarshal([]byte(out), &r); !errors.Is(err, errDiffers) || jerr != nil || r.Status != wire.ReconcileDiffers || len(r.Differences) != 1 || r.Differences[0].Address != "0x00000000000000000000000000000000000000aa" {
		t.Errorf("%q, %v, %v", out, err, jerr)
	}
	if _, err := says(t, "reconcile", "-config", path, "now"); err == nil || errors.Is(err, errDiffers) {
		t.Errorf("%v", err)
	}
}
