package hostile

import (
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"countersign/bridge/internal/logfile"
	"countersign/bridge/internal/signer"
	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/vault"
)

const (
	entity   = "ent_sandbox"
	treasury = "acc_treasury"
	chain    = "eip155:31337"
	mill     = "0x52908400098527886E0F7030069857D2E4169EE7"
	thief    = "0x8617E340B3D01FA5F11F306F4090FD50E238070D"
)

// world is a vault and those who trust it: its signer with keys in memory, three
// administrators with a computer each, and a gateway between all of them.
type world struct {
	t       testing.TB
	vault   *membertest.Vault
	log     *logfile.Dir
	deps    signer.Deps
	service *signer.Service
	file    vault.SignerFile
	dir     string
	members map[string]*membertest.Member
	desks   map[string]*computer
	read    map[string][]string // what members read and said yes to
	gateway *gateway

	mu  sync.Mutex
	now time.Time
}

func (w *world) clock() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.now }

// wait lets time pass.
func (w *world) wait(d time.Duration) { w.mu.Lock(); defer w.mu.Unlock(); w.now = w.now.Add(d) }

func twoOf(name string, when ...governance.Condition) governance.Rule {
	return governance.Rule{Name: name, When: when, Steps: []governance.Step{{Name: "treasury", Quorum: 2, Members: []string{"mem_alice", "mem_bob", "mem_carol"}}}}
}

// rules let two of three buy for up to 10,000 EUR, send to those on a whitelist, replace
// what they sent for up to 0.01 ether, and sign messages.
func rules() governance.Set {
	return governance.Set{Version: 1, Rules: []governance.Rule{
		twoOf("purchases", governance.Condition{Amount: &governance.Amount{Currency: "EUR", Max: "10000"}}),
		twoOf("transfers", governance.Condition{Filter: &governance.Filter{Kinds: []string{intent.KindTransfer}}}, governance.Condition{Whitelist: &governance.Whitelist{Whitelist: "wls_suppliers"}}),
		twoOf("replaces", governance.Condition{Filter: &governance.Filter{Kinds: []string{intent.KindReplace}}}, governance.Condition{Amount: &governance.Amount{Currency: "ethereum", Max: "0.01"}}),
		twoOf("messages", governance.Condition{Filter: &governance.Filter{Kinds: []string{intent.KindMessage}}}),
	}}
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, vault: membertest.NewVault(), dir: t.TempDir(), members: map[string]*membertest.Member{}, desks: map[string]*computer{}, read: map[string][]string{},
		now: time.Date(2026, 11, 20, 21, 0, 0, 0, time.UTC)}
	draft := signer.Draft{
		Entity: entity, EntityName: "Sandbox Ltd", AdminRule: statement.AdminRule{Quorum: 2},
		Accounts: []signer.DraftAccount{
			{Account: treasury, Name: "Treasury", Chain: chain, Rules: rules()}, {Account: payroll, Name: "Payroll", Chain: chain, Rules: inEuros()},
		},
		Groups:     []governance.Group{{Group: "grp_officers", Name: "Officers", Members: []string{"mem_bob", "mem_carol"}}},
		Whitelists: []governance.List{{Whitelist: "wls_suppliers", Name: "Suppliers", Entries: []governance.Entry{{Address: mill, Chain: chain, Label: "Mill"}}}},
	}
	for _, m := range membertest.Members(t) {
		w.members[m.ID] = m
		draft.Members = append(draft.Members, m.Genesis())
	}
	w.open()
	genesis, err := signer.Prepare(t.Context(), w.deps, draft, nil)
	w.must(err)
	signed := membertest.Signed(t, genesis, slices.Collect(maps.Values(w.members)))
	enrolment, err := signer.Begin(t.Context(), w.deps, genesis, signed, func(signer.Enrolment) error { return nil })
	w.must(err)
	w.file = enrolment.File
	for id, m := range w.members {
		m.Certificate = enrolment.Certificates[id]
		w.write(id+".jws", m.Certificate)
	}
	file, err := json.Marshal(w.file)
	w.must(err)
	w.write("signer.json", string(file))
	w.write("token", "a.b.c\n")
	w.service, err = signer.Open(t.Context(), w.deps)
	w.must(err)
	t.Cleanup(func() { _ = w.log.Close() })
	w.gateway = &gateway{world: w, signer: w.service.Handler(), alter: map[step]func(*line, []byte) []byte{}}
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) write(name, text string) {
	w.must(os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600))
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

// open opens the log.
func (w *world) open() {
	var err error
	w.log, err = logfile.Open(filepath.Join(w.dir, "state"))
	w.must(err)
	w.deps = signer.Deps{Vault: w.vault, Storage: w.log, Rand: rand.Reader, Now: w.clock, Limits: signer.Limits{Open: 1000, PerMinute: 1000}, Log: slog.New(slog.DiscardHandler)}
}

// restart starts the signer again: channels end.
func (w *world) restart() {
	w.must(w.log.Close())
	w.open()
	var err error
	w.service, err = signer.Open(w.t.Context(), w.deps)
	w.must(err)
	w.gateway.signer = w.service.Handler()
}

// lines are those of the log that count.
func (w *world) lines() []string {
	lines, err := w.log.Lines(0, int(w.service.Status().Log.Size))
	w.must(err)
	return lines
}

// statementKey is the key that the log is signed with.
func (w *world) statementKey() jws.PublicKey {
	key, err := jws.FromJWK(w.file.StatementKey)
	w.must(err)
	return key
}

// told is what lines of a log say.
type told struct {
	state    *vault.State
	requests map[string]*vault.Request
	about    map[string][]int64 // entries, by request
	mark     signedlog.Mark
}

// replay verifies lines from the genesis, as whoever has the signer's file can.
func (w *world) replay(lines []string) told {
	w.t.Helper()
	all := told{state: vault.New(w.statementKey(), nil), requests: map[string]*vault.Request{}, about: map[string][]int64{}}
	log := signedlog.Chain{Key: w.statementKey()}
	for _, line := range lines {
		e, hash, err := log.Next(line)
		if err == nil {
			err = all.state.Apply(e, hash)
		}
		w.must(err)
		if id, err := e.Concerns(); err == nil && id != "" {
			if all.about[id] = append(all.about[id], e.Seq); e.Type == signedlog.Request {
				all.requests[id] = all.state.Request(id)
			}
		}
	}
	all.mark = log.Mark
	return all
}
