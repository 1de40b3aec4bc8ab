package reconcile_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
	"countersign/web/internal/reconcile"
	"countersign/web/internal/store/sqlstore"
)

const payee = "0x52908400098527886E0F7030069857D2E4169EE7"

// lively is a vault that has bought something and sent something, and a deposit address that
// was swept.
func lively(t *testing.T) (w *gatewaytest.World, node *gatewaytest.Sandbox, sent, bought string) {
	t.Helper()
	w, node = gatewaytest.NewSending(t, 1)
	own := w.Signer.Genesis.Accounts[0]
	w.Signer.Change("req_gggggggggggggggggggggggggg", intent.AccountEdit{
		Kind: intent.KindAccountEdit, V: 1, Account: gatewaytest.Account, FromVersion: 1, Name: own.Name, Rules: own.Rules, Sweep: &intent.Sweep{MaxFee: "0.001", PerDay: "0.01"},
	})
	r := w.Approved()
	if _, err := w.Gateway.NewOrder(t.Context(), gatewaytest.Caller(), r.ID); err != nil {
		t.Fatal(err)
	}
	node.Fund(r.Address.Address, 1)
	in := wire.RequestInput{Intent: intenttest.Doc(intent.Transfer{
		Kind: intent.KindTransfer, V: 1, Account: gatewaytest.Account, Crypto: intent.Crypto{Amount: "1.5", Asset: "ethereum"},
		To: intent.Recipient{Address: payee}, MaxFee: intent.Crypto{Amount: "0.01", Asset: "ethereum"},
	})}
	s, err := w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), in, "the-key-1")
	if err != nil {
		t.Fatal(err)
	}
	w.Signer.Decide(s.ID, "mem_alice", statement.Approve)
	w.Signer.Decide(s.ID, "mem_bob", statement.Approve)
	if err := w.Gateway.SyncAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		w.Scan()
		node.Blocks(1)
	}
	w.Scan()
	return w, node, s.ID, r.ID
}

func compared(t *testing.T, w *gatewaytest.World, chains map[string]reconcile.Node) wire.Reconciliation {
	t.Helper()
	db, err := sqlstore.View(w.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	r, err := reconcile.Run(t.Context(), reconcile.Config{Store: db, Entities: []string{gatewaytest.Entity}, Chains: chains, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestBooksChainAndLogAgreeAfterPurchaseTransferAndSweep(t *testing.T) {
	t.Parallel()
	w, node, _, _ := lively(t)
	r := compared(t, w, w.Nodes())
	if r.Status != wire.ReconcileOK || len(r.Differences) != 0 || len(r.Chains) != 1 || r.Chains[0].Status != wire.ChainCompared || r.Chains[0].Addresses != 2 || r.Chains[0].Block == 0 || len(r.Logs) != 1 || r.Postings < 12 {
		t.Errorf("%+v", r)
	}
	node.Down.Store(true)
	if r := compared(t, w, w.Nodes()); r.Status != wire.ReconcileOK || r.Chains[0].Status != wire.ChainNotCompared || r.Chains[0].Reason == "" {
		t.Errorf("a node that is away is a difference: %+v", r)
	}
	if r := compared(t, w, nil); r.Status != wire.ReconcileOK || r.Chains[0].Reason != "no node is configured" {
		t.Errorf("%+v", r)
	}
	node.Down.Store(false)
	if err := node.SetHead(3); err != nil {
		t.Fatal(err)
	}
	node.Fund(payee, 1)
	node.Blocks(20)
	if r := compared(t, w, w.Nodes()); r.Status != wire.ReconcileOK || !strings.Contains(r.Chains[0].Reason, "reorganised") {
		t.Errorf("a chain that is being reorganised is a difference: %+v", r)
	}
}

// TestEachDifferenceIsNamed changes the database behind the gateway's back, or the chain.
func TestEachDifferenceIsNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change []string // SQL
		kinds  []string
		says   string
	}{
		"a posting has another amount": {
			change: []string{`UPDATE ledger_postings SET amount = '9' WHERE ledger = 'vault:acc_treasury' AND amount = '10'`},
			kinds:  []string{wire.DiffersBooks, wire.DiffersBooks}, says: "debits and credits differ",
		},
		"an entry is missing": {
			change: []string{`PRAGMA foreign_keys = OFF`, `CREATE TEMP TABLE gone AS SELECT entry FROM ledger_postings WHERE ledger = 'outside:acc_treasury'`,
				`DELETE FROM ledger_postings WHERE entry IN gone`, `DELETE FROM ledger_entries WHERE id IN gone`},
			kinds: []string{wire.DiffersBooks}, says: "entries book 0 ETH of a movement of -1.5 ETH",
		},
		"postings are missing": {
			change: []string{`DELETE FROM ledger_postings WHERE entry IN (SELECT entry FROM ledger_postings WHERE ledger = 'outside:acc_treasury')`},
			kinds:  []string{wire.DiffersBooks}, says: "entries book 0 ETH of a movement of -1.5 ETH",
		},
		"a movement is missing": {
			change: []string{`DELETE FROM deposits WHERE json_extract(doc, '$.Amount') = '1.5'`},
			kinds:  []string{wire.DiffersBalance, wire.DiffersBooks, wire.DiffersMovement}, says: "was to move 1.5 ETH",
		},
		"a fee is missing": {
			change: []string{`DELETE FROM deposits WHERE idx = -3 AND tx IN (SELECT tx FROM deposits WHERE json_extract(doc, '$.Amount') = '1.5')`},
			kinds:  []string{wire.DiffersBalance, wire.DiffersBooks, wire.DiffersSigned}, says: "the fee of a transaction",
		},
		"a signed transaction is forgotten": {
			change: []string{`DELETE FROM sendings WHERE request LIKE 'req_%'`},
			kinds:  []string{wire.DiffersMovement, wire.DiffersSigned}, says: "do not know",
		},
		"a sweep is forgotten": {
			change: []string{`DELETE FROM sendings WHERE request LIKE 'sweep %'`},
			kinds:  []string{wire.DiffersSigned}, says: "do not know",
		},
		"a transaction that is over is in a block": {
			change: []string{`UPDATE sendings SET state = 'lapsed', doc = json_set(doc, '$.State', 'lapsed') WHERE request LIKE 'req_%'`},
			kinds:  []string{wire.DiffersMovement, wire.DiffersSigned}, says: "it is lapsed",
		},
		"a payment is missing": {
			change: []string{`PRAGMA foreign_keys = OFF`, `DELETE FROM ledger_entries WHERE json_extract(doc, '$.Entry.kind') = 'payment'`},
			kinds:  []string{wire.DiffersMovement}, says: "the entry of its payment is missing",
		},
		"an order is forgotten": {
			change: []string{`PRAGMA foreign_keys = OFF`, `DELETE FROM orders`},
			kinds:  []string{wire.DiffersMovement}, says: "there is no order",
		},
		"an address is of another account": {
			change: []string{`UPDATE addresses SET account = 'acc_mallory' WHERE request <> ''`},
			kinds:  []string{wire.DiffersAddress}, says: "by the log this address is of acc_treasury",
		},
		"an address is not watched": {
			change: []string{`DELETE FROM addresses WHERE request <> ''`},
			kinds:  []string{wire.DiffersAddress}, says: "does not watch it",
		},
		"an address is not in the log": {
			change: []string{`INSERT INTO addresses (chain, address, entity, account, request, balance, swept) VALUES ('eip155:31337', '0x00000000000000000000000000000000000000aa', 'ent_sandbox', 'acc_treasury', 'req_x', '0', 3)`},
			kinds:  []string{wire.DiffersAddress}, says: "no entry of the log gives this address",
		},
		"a movement is final and not booked": {
			change: []string{`UPDATE deposits SET doc = json_set(doc, '$.Entry', '') WHERE json_extract(doc, '$.Amount') = '1.5'`},
			kinds:  []string{wire.DiffersBooks}, says: "no entry books it",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _, sent, _ := lively(t)
			db, err := sql.Open("sqlite", w.Path)
			if err != nil {
				t.Fatal(err)
			}
			db.SetMaxOpenConns(1)
			for _, q := range c.change {
				if _, err := db.ExecContext(t.Context(), q); err != nil {
					t.Fatalf("%s: %v", q, err)
				}
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			r := compared(t, w, w.Nodes())
			var kinds []string
			for _, d := range r.Differences {
				kinds = append(kinds, d.Kind)
				if d.Entity != gatewaytest.Entity || d.Text == "" {
					t.Errorf("%+v", d)
				}
				if d.Kind == wire.DiffersBalance && (d.Account == "" || d.Asset == "" || d.Books == d.Other || d.Hash == "" || d.Address == "") {
					t.Errorf("%+v", d)
				}
				if d.Request == sent && d.Kind == wire.DiffersSigned && d.Hash == "" {
					t.Errorf("%+v", d)
				}
			}
			slices.Sort(kinds)
			if r.Status != wire.ReconcileDiffers || r.Count != len(r.Differences) || r.Logs[0].Differences != r.Count || !slices.Equal(kinds, c.kinds) || !strings.Contains(fmt.Sprintf("%+v", r.Differences), c.says) {
				t.Errorf("%s %v: %+v", r.Status, kinds, r.Differences)
			}
		})
	}
}

// What a contract paid shows in no block: until the gateway has looked twice, it differs, and says so.
func TestWhatTheChainHasMoreIsNamedWithItsBlock(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	own := w.Signer.Genesis.Accounts[0].Address
	w.Chain.PayOut(own, gatewaytest.Wei("0.25"))
	w.Chain.Mine()
	if err := w.Gateway.Deposits(t.Context(), gatewaytest.ChainID); err != nil {
		t.Fatal(err)
	}
	r := compared(t, w, w.Nodes())
	if len(r.Differences) != 1 || r.Differences[0].Kind != wire.DiffersBalance || r.Differences[0].Books != "0" || r.Differences[0].Other != "0.25" || r.Differences[0].Account != gatewaytest.Account ||
		!strings.Contains(r.Differences[0].Text, "on the chain 0.25 ETH in block 1; the gateway looked at it last in block 0") {
		t.Errorf("%+v", r.Differences)
	}
	w.Scan()
	if r := compared(t, w, w.Nodes()); r.Status != wire.ReconcileOK {
		t.Errorf("%+v", r)
	}
}

func TestOfVeryManyDifferencesTheFirstAreNamedAndAllAreCounted(t *testing.T) {
	t.Parallel()
	w, _, _, _ := lively(t)
	db, err := sql.Open("sqlite", w.Path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250)
		INSERT INTO addresses (chain, address, entity, account, request, balance, swept) SELECT 'eip155:31337', printf('0x%040x', i), 'ent_sandbox', 'acc_treasury', 'req_x', '0', -1 FROM n`)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if r := compared(t, w, w.Nodes()); r.Count != 250 || len(r.Differences) != reconcile.MaxDifferences || r.Chains[0].Unseen != 250 {
		t.Errorf("%d differences, %d named, %+v", r.Count, len(r.Differences), r.Chains)
	}
}
