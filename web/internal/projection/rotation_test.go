package projection_test

import (
	"log/slog"
	"path/filepath"
	"testing"

	"countersign/shared/gas"
	"countersign/shared/vault/vaulttest"
	"countersign/web/internal/projection"
	"countersign/web/internal/store"
	"countersign/web/internal/store/sqlstore"
)

func TestARotationEndsWhatWasNotSignedAndLeavesTheRestToTheChain(t *testing.T) {
	t.Parallel()
	const fourth = "req_dddddddddddddddddddddddddd"
	fees := gas.Fees{Gas: 21000, FeeCap: "2000000000", Tip: "1000000000"}
	l := vaulttest.New(t)
	l.Send(vaulttest.First)
	l.Sign(vaulttest.First, fees)
	l.Send(vaulttest.Second) // never signed
	l.Rotate(vaulttest.Third)
	l.Send(fourth) // from the new address

	ctx := t.Context()
	db, err := sqlstore.Open(ctx, filepath.Join(t.TempDir(), "rotation.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	p := projection.New(vaulttest.Entity, vaulttest.StatementKey.PublicKey(), vaulttest.NewStatementKey.PublicKey(), slog.New(slog.DiscardHandler))
	if err := p.Append(ctx, db, l.Lines); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]store.Sending{
		vaulttest.First:  {State: store.SendingSigned, Left: true},
		vaulttest.Second: {State: store.SendingLapsed, Left: true, Reason: "the vault's keys were rotated before it was signed"},
		fourth:           {State: store.SendingApproved},
	} {
		var got store.Sending
		if err := db.Read(ctx, func(tx store.Tx) (err error) { got, err = tx.Sending(vaulttest.Entity, id); return err }); err != nil {
			t.Fatal(err)
		}
		if got.State != want.State || got.Left != want.Left || got.Reason != want.Reason {
			t.Errorf("%s is %s, left %v, because %q; want %+v", id, got.State, got.Left, got.Reason, want)
		}
	}
}
