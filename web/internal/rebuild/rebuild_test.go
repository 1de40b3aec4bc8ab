package rebuild_test

import (
	"bytes"
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/gateway"
	"countersign/web/internal/gateway/gatewaytest"
	"countersign/web/internal/rebuild"
	"countersign/web/internal/store"
)

// rig is a gateway of two entities whose logs tell a story.
type rig struct {
	*testing.T
	*gatewaytest.World
	approved wire.Request // which was not handed over
	changes  int
	said     bytes.Buffer
}

// told plays the story: requests that are open, approved, rejected, and taken up into an
// order, whose money came; changes of a group, of the rules and of a member, one of which
// came too late; and a checkpoint in between.
func told(t *testing.T) *rig {
	t.Helper()
	r := &rig{T: t, World: gatewaytest.NewForTwo(t)}
	for _, approved := range []bool{false, true} {
		order, err := r.Gateway.NewOrder(t.Context(), gatewaytest.Caller(), r.Approved().ID)
		if err != nil {
			t.Fatal(err)
		}
		if approved {
			r.Chain.Deposit(order.Address, "0.1")
			r.Scan()
		}
	}
	late := r.change(group(0, "mem_alice"))
	r.approve(r.change(group(0, "mem_bob")))
	r.Signer.Checkpoint()
	r.approve(r.change(group(1, "mem_carol")))
	r.approve(r.change(intent.AccountEdit{Kind: intent.KindAccountEdit, V: 1, Account: gatewaytest.Account, FromVersion: 1, Name: "Trading", Rules: governance.Set{Rules: []governance.Rule{
		{Name: "one of two", Steps: []governance.Step{{Name: "approval", Quorum: 1, Members: []string{"mem_alice", "mem_bob"}}}},
	}}}))
	r.approve(r.change(intent.MemberState{Kind: intent.KindMemberSuspend, V: 1, Member: "mem_carol", FromVersion: 1}))
	r.Requested()
	rejected := r.Requested()
	r.Signer.Decide(rejected.ID, "mem_bob", statement.Reject)
	r.RequestedBy(gatewaytest.OtherCaller())
	r.approved = r.ApprovedFor(gatewaytest.OtherCaller(), r.Second)
	if err := r.Gateway.SyncAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.want(late, wire.RequestBlocked)
	r.want(rejected.ID, wire.RequestRejected)
	return r
}

// group is the intent to make or change a group.
func group(from int, member string) intent.Intent {
	return intent.GroupPut{Kind: intent.KindGroupPut, V: 1, Group: "grp_board", FromVersion: from, Name: "Board", Members: []intent.Named{{Member: member}}}
}

// change asks for a change of the vault.
func (r *rig) change(i intent.Intent) string {
	r.T.Helper()
	r.changes++
	got, err := r.Gateway.NewRequest(r.T.Context(), gatewaytest.Caller(), wire.RequestInput{Intent: intenttest.Doc(i)}, fmt.Sprintf("the-change-number-%d", r.changes))
	if err != nil {
		r.T.Fatal(err)
	}
	return got.ID
}

func (r *rig) approve(request string) {
	r.T.Helper()
	r.Signer.Decide(request, "mem_alice", statement.Approve)
	r.Signer.Decide(request, "mem_bob", statement.Approve)
}

func (r *rig) want(request, state string) {
	r.T.Helper()
	if got, err := r.Gateway.Request(r.T.Context(), gatewaytest.Caller(), request); err != nil || got.State != state {
		r.T.Errorf("%s is %s, want %s: %v", request, got.State, state, err)
	}
}

func (r *rig) config() rebuild.Config {
	r.said.Reset()
	return rebuild.Config{Path: r.Path, Vaults: r.Vaults(), Log: slog.New(slog.DiscardHandler), Out: &r.said, Now: r.Now}
}

func (r *rig) check() error   { return rebuild.Check(r.T.Context(), r.config()) }
func (r *rig) rebuild() error { return rebuild.Run(r.T.Context(), r.config()) }

// lose deletes the database.
func (r *rig) lose() {
	r.T.Helper()
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(r.Path + end); err != nil && !errors.Is(err, os.ErrNotExist) {
			r.T.Fatal(err)
		}
	}
}

// exec changes the database behind the program's back.
func (r *rig) exec(query string, args ...any) {
	r.T.Helper()
	db, err := sql.Open("sqlite", r.Path)
	if err != nil {
		r.T.Fatal(err)
	}
	defer db.Close()
	res, err := db.ExecContext(r.T.Context(), query, args...)
	if err != nil {
		r.T.Fatal(err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		r.T.Fatalf("%s: %d rows, %v", query, n, err)
	}
}

// The columns of the tables that follow from the logs alone, and of all tables, but for
// those that say in which order something was written or asked.
var (
	followed = map[string]string{
		"log_lines": "*", "log_names": "*", "snapshots": "*", "genesis": "*", "requests": "*", "addresses": "chain, address, entity, account, request",
	}
	unplaced = map[string]string{"sendings": "request, entity, chain, state, block, transfer, doc"}
	passing  = []string{"changes", "sqlite_sequence"}
)

// dump is every row of the tables, as text.
func (r *rig) dump(tables map[string]string) map[string][]string {
	r.T.Helper()
	db, err := sql.Open("sqlite", r.Path)
	if err != nil {
		r.T.Fatal(err)
	}
	defer db.Close()
	if tables == nil {
		tables = map[string]string{}
		for _, name := range rows(r.T, db, `SELECT name FROM sqlite_schema WHERE type = 'table'`) {
			if name = strings.Trim(name, "[]"); !slices.Contains(passing, name) {
				tables[name] = cmp.Or(unplaced[name], "*")
			}
		}
	}
	all := map[string][]string{}
	for name, columns := range tables {
		all[name] = rows(r.T, db, fmt.Sprintf(`SELECT %s FROM %s`, columns, name))
		slices.Sort(all[name])
	}
	return all
}

func rows(t *testing.T, db *sql.DB, query string) (all []string) {
	t.Helper()
	r, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	columns, err := r.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for r.Next() {
		row, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := r.Scan(into...); err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprint(row))
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// same compares two dumps.
func same(t *testing.T, got, want map[string][]string) {
	t.Helper()
	if !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))) {
		t.Fatalf("the tables are %v, want %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
	for name, rows := range want {
		if !slices.Equal(got[name], rows) {
			t.Errorf("%s has %d rows\n%s\nwant %d\n%s", name, len(got[name]), strings.Join(got[name], "\n"), len(rows), strings.Join(rows, "\n"))
		}
	}
}

func TestADatabaseThatWasLostIsMadeAgainOfTheLogs(t *testing.T) {
	t.Parallel()
	r := told(t)
	r.exec(`DELETE FROM tickets`)
	r.exec(`DELETE FROM orders`) // which follow from no log
	r.exec(`UPDATE requests SET state = 'approved', doc = json_set(doc, '$.State', 'approved', '$.Order', '') WHERE state IN ('ordered', 'completed')`)
	before := r.dump(followed)
	for table, rows := range before {
		if len(rows) == 0 {
			t.Errorf("the story leaves %s empty", table)
		}
	}
	if err := r.Store.Close(); err != nil {
		t.Fatal(err)
	}
	r.lose()
	if err := r.rebuild(); err != nil {
		t.Fatal(err)
	}
	same(t, r.dump(followed), before)
	if said := r.said.String(); !strings.Contains(said, "ent_sandbox: made again, to entry ") || !strings.Contains(said, "ent_other: made again, to entry 5; ") ||
		!strings.Contains(said, "ent_other: "+r.approved.ID+" is approved until ") || strings.Count(said, "bought twice") != 3 || !strings.Contains(said, "This is a new database.") {
		t.Errorf("it says %s", said)
	}
	if info, err := os.Stat(r.Path); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if err := r.check(); err != nil {
		t.Errorf("%v: %s", err, r.said.String())
	}
	left, err := os.ReadDir(filepath.Dir(r.Path))
	if err != nil || slices.ContainsFunc(left, func(e os.DirEntry) bool { return e.IsDir() }) {
		t.Errorf("it left %v: %v", left, err)
	}
	r.Restart()
	r.Scan()
	var held []store.Balance
	if err := r.Store.Read(t.Context(), func(tx store.Tx) (err error) {
		held, err = tx.Balances(gatewaytest.Entity, gatewaytest.Account, time.Time{})
		return err
	}); err != nil || !slices.Equal(held, []store.Balance{{Asset: "ethereum", Amount: "0.1"}}) {
		t.Errorf("the ledger begins with %+v: %v", held, err)
	}
	r.want(r.Requested().ID, wire.RequestPending) // it goes on
}

// A database that was lost had no list of reporting keys of its own: the logs have it.
func TestADatabaseThatWasMadeAgainAcceptsTheReportingKeysOfTheLog(t *testing.T) {
	t.Parallel()
	r := &rig{T: t, World: gatewaytest.NewForTwo(t)}
	trade := func(secret string) error {
		_, err := r.Gateway.Token(t.Context(), wire.TokenRequest{APIKey: secret, EntityID: gatewaytest.Entity}, gateway.Visit{Client: "192.0.2.1"})
		return err
	}
	secrets := map[string]string{}
	for _, key := range []string{"rpk_accounting", "rpk_former"} {
		made, err := r.Gateway.NewReportingSecret(t.Context(), gatewaytest.Caller())
		if err != nil {
			t.Fatal(err)
		}
		secrets[key] = made.APIKey
		r.approve(r.change(intent.ReportingKeyCreate{Kind: intent.KindReportingKeyCreate, V: 1, ReportingKey: key, Name: "Accounting", Reads: intent.ReadsAll, Verifier: made.Verifier}))
	}
	r.approve(r.change(intent.ReportingKeyRevoke{Kind: intent.KindReportingKeyRevoke, V: 1, ReportingKey: "rpk_former", FromVersion: 1}))
	if err := errors.Join(r.Gateway.SyncAll(t.Context()), trade(secrets["rpk_accounting"]), r.Store.Close()); err != nil {
		t.Fatal(err)
	}
	r.lose()
	if err := r.rebuild(); err != nil {
		t.Fatal(err)
	}
	r.Restart()
	if _, err := gateway.Follow(t.Context(), r.Store, "sandbox", r.Now(), []gateway.Principal{{ID: "dev_sandbox", Name: "Sandbox", Entities: []string{gatewaytest.Entity}}}); err != nil { // as at each start
		t.Fatal(err)
	}
	if err := trade(secrets["rpk_accounting"]); err != nil {
		t.Errorf("the secret of a key that works: %v", err)
	}
	if err := trade(secrets["rpk_former"]); fault.CodeOf(err) != fault.InvalidAPIKey {
		t.Errorf("the secret of a key that was revoked: %v", err)
	}
}

func TestOnlyTheRowsOfTheLogsAreMadeAgainInADatabaseThatIsThere(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(r *rig){
		"nothing is wrong": func(*rig) {},
		"a request was changed": func(r *rig) {
			r.exec(`UPDATE requests SET state = 'approved', doc = json_set(doc, '$.State', 'approved') WHERE state = 'rejected'`)
		},
		"a request was removed": func(r *rig) { r.exec(`DELETE FROM requests WHERE state = 'rejected'`) },
		"an order's was": func(r *rig) {
			r.exec(`UPDATE requests SET state = 'approved', doc = json_set(doc, '$.State', 'approved', '$.Order', '') WHERE state = 'ordered'`)
		},
		"a line was changed": func(r *rig) {
			r.exec(`UPDATE log_lines SET line = substr(line, 1, length(line) - 4) || 'AAAA' WHERE seq = 2`)
		},
		"a line was removed":      func(r *rig) { r.exec(`DELETE FROM log_lines WHERE entity = 'ent_other' AND seq = 4`) },
		"the tree was changed":    func(r *rig) { r.exec(`UPDATE log_lines SET nodes = zeroblob(length(nodes))`) },
		"a name was removed":      func(r *rig) { r.exec(`DELETE FROM log_names WHERE seq = 1`) },
		"the checkpoint was":      func(r *rig) { r.exec(`UPDATE snapshots SET doc = x'7b7d'`) },
		"who governs was changed": func(r *rig) { r.exec(`UPDATE genesis SET doc = replace(doc, 'mem_alice', 'mem_mallory')`) },
		"an address was given":    func(r *rig) { r.exec(`UPDATE addresses SET account = 'acc_other' WHERE entity = 'ent_other'`) },
		"an address was added": func(r *rig) {
			r.exec(`INSERT INTO addresses (chain, address, entity, account, request, balance, swept) VALUES ('eip155:1', '0x00', 'ent_other', 'acc_treasury', '', '0', -1)`)
		},
		"everything of it is gone": func(r *rig) {
			r.exec(`DELETE FROM log_names`)
			r.exec(`DELETE FROM genesis`)
			r.exec(`DELETE FROM snapshots`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := told(t)
			before := r.dump(nil)
			spoil(r)
			spoiled := r.dump(nil)
			switch err := r.check(); {
			case name == "nothing is wrong" || name == "an order's was": // the order is the gateway's
				if err != nil || !strings.Contains(r.said.String(), "ent_other: as its log says, to entry 5\n") {
					t.Errorf("the check says %v: %s", err, r.said.String())
				}
			case !errors.Is(err, rebuild.ErrDiffers) || !strings.Contains(r.said.String(), "ent_"):
				t.Errorf("the check says %v: %s", err, r.said.String())
			}
			same(t, r.dump(nil), spoiled)
			if err := r.rebuild(); err != nil {
				t.Fatal(err)
			}
			same(t, r.dump(nil), before)
			if said := r.said.String(); strings.Count(said, "bought twice") != 1 || strings.Contains(said, "a new database") {
				t.Errorf("it says %s", said)
			}
			if err := r.check(); err != nil {
				t.Errorf("afterwards %v: %s", err, r.said.String())
			}
		})
	}
}

func TestWhatDiffersIsNamed(t *testing.T) {
	t.Parallel()
	r := told(t)
	r.exec(`DELETE FROM requests WHERE id = ?`, r.approved.ID)
	r.exec(`UPDATE addresses SET address = '0x00' WHERE request = ?`, r.approved.ID)
	r.exec(`UPDATE genesis SET doc = '{}' WHERE entity = 'ent_other'`)
	if err := r.check(); !errors.Is(err, rebuild.ErrDiffers) {
		t.Error(err)
	}
	for _, says := range []string{
		"ent_other: requests " + r.approved.ID + " is missing\n", "ent_other: addresses 0x00 eip155:31337 is not in the log\n",
		"ent_other: genesis ent_other differs from the log\n", "ent_sandbox: as its log says, to entry ",
	} {
		if !strings.Contains(r.said.String(), says) {
			t.Errorf("it does not say %q:\n%s", says, r.said.String())
		}
	}
}

func TestADatabaseThatIsBehindTheLogIsCompared(t *testing.T) {
	t.Parallel()
	r := told(t)
	r.Signer.Decide(r.Requested().ID, "mem_alice", statement.Reject)
	if err := r.check(); err != nil {
		t.Errorf("%v: %s", err, r.said.String())
	}
}

func TestALogThatWasRewoundOrIsAnotherTakesNothingAway(t *testing.T) {
	t.Parallel()
	for name, lie := range map[string]gatewaytest.Lie{
		"it is shorter":                   func(all []signedlog.Entry) []signedlog.Entry { return all[:len(all)-1] },
		"it has no request of an order":   func(all []signedlog.Entry) []signedlog.Entry { return all[:1] },
		"its last entry is another one":   func(all []signedlog.Entry) []signedlog.Entry { all[len(all)-1].At++; return all },
		"its second entry is another one": func(all []signedlog.Entry) []signedlog.Entry { all[1].At++; return all[:2] },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := told(t)
			before := r.dump(nil)
			r.Signer.Lie = lie
			if name == "it has no request of an order" {
				r.exec(`UPDATE log_lines SET line = 'x' WHERE seq > 0`) // nothing that was signed says otherwise
				before = r.dump(nil)
			}
			gatewaytest.Refused(t, r.rebuild(), fault.LogCorrupt)
			same(t, r.dump(nil), before)
		})
	}
}

func TestASignerThatIsDownOrADatabaseThatIsNotThereIsTold(t *testing.T) {
	t.Parallel()
	r := told(t)
	before := r.dump(nil)
	r.Signer.Down = func() bool { return true }
	if err := r.rebuild(); err == nil {
		t.Error("it was made again without a log")
	}
	if err := r.check(); err == nil {
		t.Error("it was compared without a log")
	}
	same(t, r.dump(nil), before)
	r.Path += ".none"
	if err := r.check(); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if err := r.rebuild(); err == nil {
		t.Error("a new one was made without a log")
	}
	if _, err := os.Stat(r.Path); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestADatabaseThatIsDamagedIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(data []byte) []byte{
		"it is none":         func([]byte) []byte { return []byte(strings.Repeat("not a database ", 1000)) },
		"a page is nonsense": func(data []byte) []byte { return append(data[:4096], bytes.Repeat([]byte{0x5a}, len(data)-4096)...) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := told(t)
			before := r.dump(followed)
			if err := r.Store.Close(); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(r.Path)
			if err != nil {
				t.Fatal(err)
			}
			data = damage(data)
			r.lose()
			if err := os.WriteFile(r.Path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			err = r.rebuild()
			if err == nil || !strings.Contains(err.Error(), "move it away, with its -wal and -shm") {
				t.Error(err)
			}
			if left, err := os.ReadFile(r.Path); err != nil || !bytes.Equal(left, data) {
				t.Errorf("it was changed: %v", err)
			}
			r.lose() // as the error says
			if err := r.rebuild(); err != nil {
				t.Fatal(err)
			}
			if got := r.dump(followed); !slices.Equal(got["log_lines"], before["log_lines"]) {
				t.Error("the new database has another log")
			}
			r.Restart()
		})
	}
}
