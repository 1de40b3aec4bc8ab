package reconcile_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
	"countersign/web/internal/reconcile"
	"countersign/web/internal/store"
	"countersign/web/internal/store/sqlstore"
)

// BenchmarkReconcile compares books with 100,000 entries, each with its movement. floor-s is how
// long the rows take to be read and nothing else; ratio is what comparing them takes of that.
// Medians.
func BenchmarkReconcile(b *testing.B) {
	const entries, atOnce = 100_000, 10_000
	w := gatewaytest.New(b)
	own := strings.ToLower(w.Signer.Genesis.Accounts[0].Address)
	for from := 0; from < entries; from += atOnce {
		err := w.Store.Write(b.Context(), func(tx store.Tx) error {
			for i := from; i < from+atOnce; i++ { // what comes goes again, so that the chain has nothing either
				d := store.Deposit{
					ID: fmt.Sprintf("dep_%026d", i), Chain: gatewaytest.ChainID, Asset: "ethereum", Tx: fmt.Sprintf("0x%064x", i), Index: -1, Address: own, Amount: "0.123456789012345678",
					BlockHash: fmt.Sprintf("0x%064x", i), At: w.Now(), Seen: w.Now(), State: store.DepositFinal, Entity: gatewaytest.Entity, Account: gatewaytest.Account, Entry: fmt.Sprintf("bkg_%026d", i),
				}
				e := store.Entry{ID: d.Entry, At: w.Now().Add(time.Duration(i)), Kind: wire.EntryDeposit, Text: "Received 0.123456789012345678 ETH, not asked for", Deposit: d.ID, Postings: []store.Posting{
					{Ledger: "vault:" + gatewaytest.Account, Side: "debit", Asset: "ethereum", Amount: d.Amount}, {Ledger: "unasked:" + gatewaytest.Account, Side: "credit", Asset: "ethereum", Amount: d.Amount},
				}}
				if i%2 == 1 {
					d.Out, d.Index = true, -2
					e.Postings[0].Ledger, e.Postings[1].Ledger = e.Postings[1].Ledger, e.Postings[0].Ledger
				}
				if err := tx.PutDeposit(d); err != nil {
					return err
				}
				if err := tx.Book(store.Booking{Entity: gatewaytest.Entity, Account: gatewaytest.Account, Entry: e}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	db, err := sqlstore.View(w.Path)
	if err != nil {
		b.Fatal(err)
	}
	raw, err := sql.Open("sqlite", w.Path)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _, _ = db.Close(), raw.Close() }()
	var whole, floor []float64
	for b.Loop() {
		began := time.Now()
		r, err := reconcile.Run(b.Context(), reconcile.Config{Store: db, Entities: []string{gatewaytest.Entity}, Chains: w.Nodes(), Now: time.Now})
		if err != nil || r.Count != 0 || r.Postings != 2*entries || r.Chains[0].Status != wire.ChainCompared {
			b.Fatalf("%+v, %v", r, err)
		}
		whole = append(whole, time.Since(began).Seconds())
		began = time.Now()
		readAll(b, raw, `SELECT doc FROM deposits ORDER BY pos`)
		readAll(b, raw, `SELECT e.at || p.ledger || p.side || p.asset || p.amount FROM ledger_entries AS e JOIN ledger_postings AS p ON p.entry = e.id ORDER BY e.pos, p.line`)
		floor = append(floor, time.Since(began).Seconds())
	}
	slices.Sort(whole)
	slices.Sort(floor)
	b.ReportMetric(whole[len(whole)/2], "s")
	b.ReportMetric(floor[len(floor)/2], "floor-s")
	b.ReportMetric(whole[len(whole)/2]/floor[len(floor)/2], "ratio")
}

func readAll(b *testing.B, db *sql.DB, q string) {
	b.Helper()
	rows, err := db.QueryContext(b.Context(), q)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	var text sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&text); err != nil {
			b.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
}
