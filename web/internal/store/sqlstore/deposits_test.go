package sqlstore

import (
	"encoding/json"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/store"
)

// An older database knew completed orders, but no deposits and no addresses.
func TestTheAddressesAndDepositsOfAnOlderDatabaseAreKept(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "old.db")
	db, err := connect(path, "immediate")
	if err != nil {
		t.Fatal(err)
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 20, 21, 0, 0, 0, time.UTC)
	buy := intent.Buy{Kind: intent.KindBuy, V: 1, Account: "acc_a", Chain: "eip155:1", Address: "0xAbCd", Crypto: intent.Crypto{Amount: "0.1", Asset: "ethereum"}}
	forged := buy
	forged.Address = "0xBad0"
	doc := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	exec := func(q string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), q, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec(`INSERT INTO genesis VALUES ('ent_a', ?)`, doc(statement.Genesis{Entity: "ent_a", Accounts: []statement.GenesisAccount{{Account: "acc_a", Chain: "eip155:1", Address: "0xFFee"}}}))
	exec(`INSERT INTO log_lines VALUES (1, 'a', 'b'), (2, 'c', 'd')`)
	for i, r := range []store.Request{
		{ID: "req_one", Entity: "ent_a", Account: "acc_a", Verified: true, Body: signedlog.RequestBody{Intent: intenttest.Doc(buy)}},
		{ID: "req_two", Entity: "ent_a", Account: "acc_a", Body: signedlog.RequestBody{Intent: intenttest.Doc(forged)}},
	} {
		exec(`INSERT INTO requests VALUES (?, 'ent_a', 'completed', ?, ?)`, r.ID, i+1, doc(r))
	}
	exec(`INSERT INTO orders (id, entity, request, state, chain, doc) VALUES ('ord_one', 'ent_a', 'req_one', 'completed', 'eip155:1', ?)`, doc(store.Order{
		ID: "ord_one", Entity: "ent_a", Request: "req_one", Account: "acc_a", State: wire.OrderCompleted, Chain: "eip155:1", Address: "0xAbCd",
		Intent: buy, Delivered: "0.0995", TxHash: "0x01", DeliveredAt: at,
	}))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	err = s.Read(t.Context(), func(tx store.Tx) error {
		all, err := tx.Addresses("eip155:1", 0, 9)
		var got []string
		for _, a := range all {
			got = append(got, strings.Join([]string{a.Address, a.Entity, a.Account, a.Request, a.Balance}, " "))
		}
		if want := "0xffee ent_a acc_a  0,0xabcd ent_a acc_a req_one 0"; strings.Join(got, ",") != want {
			t.Errorf("addresses %q", got)
		}
		deposits, err2 := tx.DepositsAt("eip155:1", "0xABCD")
		if len(deposits) != 1 {
			t.Fatalf("deposits %+v, %v", deposits, err2)
		}
		want := store.Deposit{
			ID: "dep_one", Chain: "eip155:1", Asset: "ethereum", Tx: "0x01", Index: -1, Address: "0xabcd", Amount: "0.0995", At: at, Seen: at,
			State: store.DepositFinal, Entity: "ent_a", Account: "acc_a", Request: "req_one", Order: "ord_one", Entry: "ent_one",
		}
		if deposits[0] != want {
			t.Errorf("%+v", deposits[0])
		}
		if err == nil {
			err = err2
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Tokens that came before the first start were not looked for.
func TestAddressesOfAnOlderDatabaseAreLookedAtForTheFirstTimeAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "old.db")
	db, err := connect(path, "immediate")
	if err != nil {
		t.Fatal(err)
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), 5); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), `INSERT INTO addresses (chain, address, entity, account, request, balance, swept) VALUES ('eip155:1', '0xab', 'ent_a', 'acc_a', '', '7', 9)`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	err = open(t, path).Read(t.Context(), func(tx store.Tx) error {
		a, err := tx.Address("eip155:1", "0xab")
		if a.Swept != -1 || a.Balance != "0" || a.Sent != 0 {
			t.Errorf("%+v", a)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
