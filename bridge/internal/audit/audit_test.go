package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"countersign/bridge/internal/flock"
	"countersign/bridge/internal/logfile"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/vault"
	"countersign/shared/vault/vaulttest"
	"countersign/shared/wire"
)

// gateway plays one: an honest one, until a test changes what it says.
type gateway struct {
	t      testing.TB
	mu     sync.Mutex
	log    *vaulttest.Log
	shown  int // entries; 0: all
	page   int // entries at once
	note   func(string) string
	change func(*answers)
	down   bool // the signer, and no note is kept
	cfg    Config
}

func play(t testing.TB, log *vaulttest.Log) *gateway {
	t.Helper()
	g := &gateway{t: t, log: log, page: 3}
	server := httptest.NewServer(http.HandlerFunc(g.serve))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	file, err := json.Marshal(vault.SignerFile{
		Entity: vaulttest.Entity, EntityName: "Sandbox Ltd", StatementKey: vaulttest.StatementKey.PublicKey().JWK(), ChannelKeys: log.State.Genesis.Signer.Channel,
	})
	if err != nil {
		t.Fatal(err)
	}
	g.cfg = Config{Gateway: server.URL, TokenFile: filepath.Join(dir, "token"), SignerFile: filepath.Join(dir, "signer.json")}
	if err := os.WriteFile(g.cfg.SignerFile, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(g.cfg.TokenFile, []byte("a.b.c\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return g
}

func (g *gateway) serve(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer a.b.c" {
		w.WriteHeader(http.StatusUnauthorized)
		_ = json.NewEncoder(w).Encode(wire.Problem{Error: wire.ProblemError{Code: fault.Unauthenticated, Message: "the token does not verify"}})
		return
	}
	a := g.honest()
	if g.change != nil {
		g.change(&a)
	}
	var answer any
	switch r.URL.Path {
	case "/v1/log":
		answer = g.lines(r)
	case "/v1/log/checkpoint":
		if g.down {
			w.WriteHeader(http.StatusServiceUnavailable)
			_ = json.NewEncoder(w).Encode(wire.Problem{Error: wire.ProblemError{Code: fault.SignerDown, Message: "the vault's signer does not answer"}})
			return
		}
		since, _ := strconv.ParseInt(r.URL.Query().Get("since"), 10, 64)
		if since > int64(len(g.log.Lines)) {
			w.WriteHeader(http.StatusConflict)
			_ = json.NewEncoder(w).Encode(wire.Problem{Error: wire.ProblemError{Code: fault.Conflict, Message: "the log has fewer entries than that"}})
			return
		}
		c := wire.LogCheckpoint{Note: g.log.Note(), Proof: []string{}}
		if since > 0 {
			c.Proof = signedlog.HashTexts(g.log.Follows(since))
		}
		if g.note != nil {
			c.Note = g.note(c.Note)
		}
		answer = c
	case "/v1/requests": // a page each
		i := 0
		if cursor := r.URL.Query().Get("cursor"); cursor != "" {
			i = slices.IndexFunc(a.requests, func(w wire.Request) bool { return w.ID == cursor }) + 1
		}
		page := wire.Page[wire.Request]{Items: a.requests[i:min(i+1, len(a.requests))]}
		if i+1 < len(a.requests) {
			page.NextCursor = a.requests[i].ID
		}
		answer = page
	case "/v1/accounts":
		answer = wire.Accounts{Accounts: a.accounts}
	case "/v1/vault":
		answer = a.vault
	case "/v1/entity":
		answer = a.entity
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func (g *gateway) lines(r *http.Request) wire.LogPage {
	page := wire.LogPage{Entries: []wire.LogEntry{}}
	after, err := strconv.Atoi(r.URL.Query().Get("after"))
	if err != nil {
		g.t.Error(err)
	}
	all := len(g.log.Lines)
	if g.shown > 0 {
		all = g.shown
	}
	for i := after + 1; i < all && len(page.Entries) < g.page; i++ {
		page.Entries = append(page.Entries, wire.LogEntry{Seq: int64(i), JWS: g.log.Lines[i]})
	}
	return page
}

const created = "req_eeeeeeeeeeeeeeeeeeeeeeeeee"

// grown is a log in which a trading account was created.
func grown(t *testing.T) *vaulttest.Log {
	t.Helper()
	l := vaulttest.Lived(t)
	l.Create(created, intent.AccountCreate{
		Kind: intent.KindAccountCreate, V: 1, Account: "acc_trading", Name: "Trading", Chain: "eip155:31337", Tier: intent.Trading, Parent: vaulttest.Account,
		Rules: governance.Set{Rules: []governance.Rule{{Name: "all", Steps: []governance.Step{{Name: "one", Quorum: 1, Members: []string{"mem_bob"}}}}}},
	}, 20)
	return l
}

// honest are the answers of a gateway that has read the log.
func (g *gateway) honest() (a answers) {
	state := g.log.State
	for _, m := range state.Genesis.Members {
		a.entity.Members = append(a.entity.Members, wire.Member{ID: m.Member, Name: m.Name, Role: m.Role, Key: state.Member(m.Member).ApprovalKey.Thumbprint()})
	}
	a.entity.ID, a.entity.Name = state.Genesis.Entity, state.Genesis.EntityName
	a.entity.Log.Size, a.entity.Log.Head = int64(len(g.log.Lines)), signedlog.Hash([]byte(g.log.Lines[len(g.log.Lines)-1]))
	for _, x := range state.Current().Accounts {
		a.accounts = append(a.accounts, wire.Account{ID: x.Account, Name: x.Name, Chain: x.Chain, Address: x.Address, Tier: x.Tier, Parent: x.Parent, Rules: x.Rules})
	}
	for _, k := range state.ReportingKeys {
		is, _ := state.Reporting(k.ID)
		at := time.Unix(is.Expires, 0)
		a.vault.ReportingKeys = append(a.vault.ReportingKeys, wire.VaultReportingKey{
			Since: wire.Since{Version: state.ReportingKey(k.ID).Version}, ID: k.ID, Name: is.Name, State: is.State, Reads: is.Scope, Accounts: is.Accounts, Verifier: is.Verifier, Expires: &at,
		})
	}
	for _, id := range []string{created, readable, vaulttest.Second, vaulttest.First} {
		r := g.log.Requests[id]
		if r == nil {
			continue
		}
		w := wire.Request{ID: id, State: states(r)[0], Intent: r.Intent, IntentDigest: intent.Digest(r.Intent), Impact: r.Impact, CreatedAt: r.CreatedAt, ExpiresAt: time.Unix(r.Expires, 0).UTC()}
		w.Rule = wire.Rule{RuleSet: r.GovernedBy.RuleSet, Version: r.GovernedBy.Version, Digest: r.GovernedBy.Digest, Name: r.GovernedBy.Rule}
		to, _ := r.Receives()
		w.Address = &wire.DepositInfo{Chain: to.Chain, Address: to.Address, Attestation: r.Attestation}
		if m := r.Initiator(); m != "" {
			w.Initiator = &wire.Approver{Member: m}
		}
		for _, d := range r.Accepted {
			w.History = append(w.History, wire.Event{Type: decisions[d.Decision], Seq: d.Seq})
		}
		a.requests = append(a.requests, w)
	}
	return a
}

func (g *gateway) audit() (string, error) {
	g.t.Helper()
	var out bytes.Buffer
	err := Run(g.t.Context(), g.cfg, &out, io.Discard)
	return out.String(), err
}

func TestAnHonestGatewaySaysWhatTheLogSays(t *testing.T) {
	t.Parallel()
	out, err := play(t, vaulttest.Lived(t)).audit()
	if err != nil || !strings.HasPrefix(out, "ent_sandbox: 9 entries and 2 requests verified from the genesis in ") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestAnAccountThatWasCreatedIsAuditedAsThoseOfTheGenesis(t *testing.T) {
	t.Parallel()
	if out, err := play(t, grown(t)).audit(); err != nil || !strings.Contains(out, "3 requests verified") {
		t.Errorf("%v: %s", err, out)
	}
	for says, change := range map[string]func(*answers){
		"acc_trading: the log has this account, and the gateway does not show it":      func(a *answers) { a.accounts = a.accounts[:1] },
		`acc_trading: the gateway says that its tier is "TREASURY", the log "TRADING"`: func(a *answers) { a.accounts[1].Tier = intent.Treasury },
		`acc_trading: the gateway says that its parent is "", the log "acc_treasury"`:  func(a *answers) { a.accounts[1].Parent = "" },
		"acc_trading: the gateway says that its address is":                            func(a *answers) { a.accounts[1].Address = a.accounts[0].Address },
		"acc_other: the gateway shows this account, and the log has none":              func(a *answers) { a.accounts = append(a.accounts, wire.Account{ID: "acc_other"}) },
		"req_eeeeeeeeeeeeeeeeeeeeeeeeee: the gateway says that its attestation is \"eyJ\"": func(a *answers) {
			a.requests[0].Address = &wire.DepositInfo{Chain: a.requests[0].Address.Chain, Address: a.requests[0].Address.Address, Attestation: "eyJ"}
		},
	} {
		g := play(t, grown(t))
		g.change = change
		if out, err := g.audit(); fault.CodeOf(err) != fault.Conflict || !strings.Contains(out, says) {
			t.Errorf("%s: %v\n%s", says, err, out)
		}
	}
}

const readable = "req_ffffffffffffffffffffffffff"

// TestReportingKeysAreThoseOfTheLog has a gateway widen, revive, forge and hide a reporting key.
func TestReportingKeysAreThoseOfTheLog(t *testing.T) {
	t.Parallel()
	log := func() *vaulttest.Log {
		l := vaulttest.Lived(t)
		l.Change(readable, intent.ReportingKeyCreate{
			Kind: intent.KindReportingKeyCreate, V: 1, ReportingKey: "rpk_accounting", Name: "Accounting", Reads: intent.ReadsAccounts,
			Accounts: []intent.NamedAccount{{Account: vaulttest.Account}}, Verifier: strings.Repeat("A", 43), Expires: vaulttest.Noon + 3600,
		})
		return l
	}
	for says, change := range map[string]func(*wire.VaultReportingKey){
		"":  func(*wire.VaultReportingKey) {},
		" ": func(k *wire.VaultReportingKey) { k.State = intent.Expired }, // by the gateway's clock
		`rpk_accounting: the gateway says that its scope is "ALL []", the log "ACCOUNTS [acc_treasury]"`: func(k *wire.VaultReportingKey) { k.Reads, k.Accounts = intent.ReadsAll, nil },
		"rpk_accounting: the gateway says that its scope is":                                             func(k *wire.VaultReportingKey) { k.Accounts = append(k.Accounts, "acc_other") },
		`rpk_accounting: the gateway says that its state is "REVOKED", the log "ACTIVE"`:                 func(k *wire.VaultReportingKey) { k.State = intent.Revoked },
		"rpk_accounting: the gateway says that its verifier is":                                          func(k *wire.VaultReportingKey) { k.Verifier = strings.Repeat("B", 43) },
		"rpk_accounting: the gateway says that its end is":                                               func(k *wire.VaultReportingKey) { k.Expires = nil },
		"rpk_other: the gateway shows this reporting key, and the log has none":                          func(k *wire.VaultReportingKey) { k.ID = "rpk_other" },
		"rpk_accounting: the log has this reporting key, and the gateway does not show it":               func(k *wire.VaultReportingKey) { k.ID = "rpk_other" },
	} {
		g := play(t, log())
		g.change = func(a *answers) { change(&a.vault.ReportingKeys[0]) }
		out, err := g.audit()
		if honest := strings.TrimSpace(says) == ""; honest && err != nil || !honest && (fault.CodeOf(err) != fault.Conflict || !strings.Contains(out, says)) {
			t.Errorf("%q: %v\n%s", says, err, out)
		}
	}
	l := log()
	l.Change("req_gggggggggggggggggggggggggg", intent.ReportingKeyRevoke{Kind: intent.KindReportingKeyRevoke, V: 1, ReportingKey: "rpk_accounting", FromVersion: 1})
	g := play(t, l)
	g.change = func(a *answers) { a.vault.ReportingKeys[0].State = intent.Active }
	if out, err := g.audit(); fault.CodeOf(err) != fault.Conflict || !strings.Contains(out, `its state is "ACTIVE", the log "REVOKED"`) {
		t.Errorf("a key that was revoked, revived: %v\n%s", err, out)
	}
}

func TestWhatAGatewaySaysOtherwiseThanTheLogIsPrinted(t *testing.T) {
	t.Parallel()
	for says, change := range map[string]func(*answers){
		`req_bbbbbbbbbbbbbbbbbbbbbbbbbb: the gateway says that its state is "rejected", the log "approved"`:                       func(a *answers) { a.requests[0].State = wire.RequestRejected },
		"req_bbbbbbbbbbbbbbbbbbbbbbbbbb: the log has this request, and the gateway does not show it":                              func(a *answers) { a.requests = a.requests[1:] },
		"req_cccccccccccccccccccccccccc: the gateway shows this request, and the log has none":                                    func(a *answers) { a.requests[0].ID = "req_cccccccccccccccccccccccccc" },
		"req_bbbbbbbbbbbbbbbbbbbbbbbbbb: the gateway says that its intent is":                                                     func(a *answers) { a.requests[0].Intent = a.requests[1].Intent },
		"req_bbbbbbbbbbbbbbbbbbbbbbbbbb: the gateway says that its rule is":                                                       func(a *answers) { a.requests[0].Rule.Name = "purchases" },
		"req_bbbbbbbbbbbbbbbbbbbbbbbbbb: the gateway says that its address is":                                                    func(a *answers) { a.requests[0].Address.Address = a.requests[1].Address.Address },
		"req_aaaaaaaaaaaaaaaaaaaaaaaaaa: the gateway says that its initiator is \"\"":                                             func(a *answers) { a.requests[1].Initiator = nil },
		"req_aaaaaaaaaaaaaaaaaaaaaaaaaa: the gateway says that its decisions, by their entries, is \"[initiation 2 approval 3]\"": func(a *answers) { a.requests[1].History = a.requests[1].History[:2] },
		"req_aaaaaaaaaaaaaaaaaaaaaaaaaa: the gateway says that its decisions, by their entries, is \"[initiation 2 rejection 3 ":  func(a *answers) { a.requests[1].History[1].Type = "rejection" },
		"req_bbbbbbbbbbbbbbbbbbbbbbbbbb: the gateway says that its digest of its intent is":                                       func(a *answers) { a.requests[0].IntentDigest = a.requests[1].IntentDigest },
		"req_bbbbbbbbbbbbbbbbbbbbbbbbbb: the gateway says that its address is \"\"":                                               func(a *answers) { a.requests[0].Address = nil },
		"req_bbbbbbbbbbbbbbbbbbbbbbbbbb: the gateway says that its impact is":                                                     func(a *answers) { a.requests[0].Impact = &statement.Impact{Report: "none", Log: 1} },
		"req_aaaaaaaaaaaaaaaaaaaaaaaaaa: the gateway says that its end is":                                                        func(a *answers) { a.requests[1].ExpiresAt = a.requests[1].ExpiresAt.Add(time.Hour) },
		`mem_bob: the gateway says that its role is "AUDITOR", the log "ADMIN"`:                                                   func(a *answers) { a.entity.Members[1].Role = "AUDITOR" },
		"mem_bob: the gateway says that its approval key is":                                                                      func(a *answers) { a.entity.Members[1].Key = a.entity.Members[0].Key },
		"mem_eve: the gateway shows this member, and the log has none":                                                            func(a *answers) { a.entity.Members = append(a.entity.Members, wire.Member{ID: "mem_eve"}) },
		"acc_treasury: the gateway says that its address is \"0x8617E340B3D01FA5F11F306F4090FD50E238070E\"":                       func(a *answers) { a.accounts[0].Address = "0x8617E340B3D01FA5F11F306F4090FD50E238070E" },
		"acc_treasury: the gateway says that its rules is":                                                                        func(a *answers) { a.accounts[0].Rules.Version = 2 },
		"acc_treasury: the log has this account, and the gateway does not show it":                                                func(a *answers) { a.accounts = nil },
		`ent_sandbox: the gateway says that its head of the log is "x"`:                                                           func(a *answers) { a.entity.Log.Head = "x" },
	} {
		g := play(t, vaulttest.Lived(t))
		g.change = change
		out, err := g.audit()
		if fault.CodeOf(err) != fault.Conflict || !strings.Contains(out, says) {
			t.Errorf("%s: %v\n%s", says, err, out)
		}
	}
}

func TestALogThatDoesNotHoldIsRefused(t *testing.T) {
	t.Parallel()
	forked := vaulttest.New(t)
	forked.Ask(vaulttest.Second, 7)
	forked.Decide(vaulttest.Second, vaulttest.AliceKey, "INITIATE")
	for name, row := range map[string]struct {
		change      func(*gateway)
		part, entry string
	}{
		"the end is withheld":       {func(g *gateway) { g.shown = 5 }, "", "5"},
		"a line was changed":        {func(g *gateway) { g.log.Lines[3] = g.log.Lines[3][:90] + "A" + g.log.Lines[3][91:] }, "", "3"},
		"a line was removed":        {func(g *gateway) { g.log.Lines = slices.Delete(g.log.Lines, 4, 5) }, "", "4"},
		"the note is of a fork":     {func(g *gateway) { g.note = func(string) string { return forked.Note() } }, "note", ""},
		"the note is not signed":    {func(g *gateway) { g.note = func(string) string { return "" } }, "note", ""},
		"an approval is not signed": {func(g *gateway) { g.log = lied(t) }, "", "2"},
	} {
		g := play(t, vaulttest.Lived(t))
		row.change(g)
		_, err := g.audit()
		if f, ok := fault.As(err); !ok || f.Code != fault.LogCorrupt || f.Details["part"] != row.part || f.Details["entry"] != row.entry {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// lied is a log in which the signer approved by itself.
func lied(t testing.TB) *vaulttest.Log {
	l := vaulttest.New(t)
	l.Ask(vaulttest.First, vaulttest.AddressKey)
	l.Lie(vaulttest.First, signedlog.Outcome, signedlog.OutcomeBody{Request: vaulttest.First, State: "APPROVED", Reasons: []string{"trust me"}})
	return l
}

// TestAnAuditWaitsForALogThatGrows: what was asked of the gateway is of another moment.
func TestAnAuditWaitsForALogThatGrows(t *testing.T) {
	t.Parallel()
	l := vaulttest.New(t)
	l.Ask(vaulttest.First, vaulttest.AddressKey)
	g := play(t, l)
	asked := 0
	g.change = func(*answers) {
		if asked++; asked == 5 { // while it is compared for the first time
			l.Ask(vaulttest.Second, 7)
		}
	}
	out, err := g.audit()
	if err != nil || !strings.HasPrefix(out, "ent_sandbox: 3 entries and 2 requests") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestATokenThatTheGatewayRefusesIsSaid(t *testing.T) {
	t.Parallel()
	g := play(t, vaulttest.New(t))
	if err := os.WriteFile(g.cfg.TokenFile, []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := g.audit(); fault.CodeOf(err) != fault.Unauthenticated {
		t.Error(err)
	}
	g.cfg.Gateway = "http://gateway.example.com"
	if _, err := g.audit(); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("without TLS: %v", err)
	}
}

// witness asks once.
func (g *gateway) witness(dir string) (string, error) {
	g.t.Helper()
	var out bytes.Buffer
	err := Witness(g.t.Context(), g.cfg, dir, "witness.example.com", func() time.Time { return time.Unix(vaulttest.Noon, 0) }, &out, io.Discard)
	return out.String(), err
}

func TestAWitnessCosignsALogThatFollowsAndRefusesOneThatWasRewound(t *testing.T) {
	t.Parallel()
	l := vaulttest.New(t)
	g, dir := play(t, l), filepath.Join(t.TempDir(), "witness")
	first, err := g.witness(dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := openCosigner(dir, "", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	cosigned := func(text string, size int64) {
		t.Helper()
		n, err := signedlog.ReadNote(text, vaulttest.Entity, vaulttest.StatementKey.PublicKey(), vaulttest.StatementKey.PublicKey())
		if err != nil || n.Size != size || n.Others != 1 {
			t.Errorf("%+v, %v", n, err)
		}
		if _, err := note.Open([]byte(text), note.VerifierList(c)); err != nil {
			t.Error(err)
		}
	}
	cosigned(first, 1)
	again, err := g.witness(dir)
	if err != nil || again != first {
		t.Errorf("nothing happened: %v, %s", err, again)
	}
	l.Ask(vaulttest.First, vaulttest.AddressKey)
	l.Decide(vaulttest.First, vaulttest.AliceKey, "INITIATE")
	second, err := g.witness(dir)
	if err != nil {
		t.Fatal(err)
	}
	cosigned(second, 3)

	kept := func() string {
		t.Helper()
		data, err := os.ReadFile(filepath.Join(dir, noteFile))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	fork := vaulttest.New(t)
	fork.Ask(vaulttest.Second, 7)
	for range 3 { // entries: fewer than were seen, as many, and more
		_, err := play(t, fork).witness(dir)
		if f, ok := fault.As(err); !ok || f.Code != fault.LogCorrupt || f.Details["part"] != "note" || kept() != second ||
			(f.Details["reason"] == "fork") != (len(fork.Lines) == 3) || strings.Contains(err.Error(), "the log is forked") != (len(fork.Lines) == 3) {
			t.Errorf("a fork of %d entries: %v", len(fork.Lines), err)
		}
		fork.Ask(fmt.Sprintf("req_%026d", 2000+len(fork.Lines)), vaulttest.Key(20+len(fork.Lines)))
	}
	if third, err := g.witness(dir); err != nil || third != second {
		t.Errorf("afterwards: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, noteFile), []byte(first[:len(first)-5]), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := g.witness(dir); fault.CodeOf(err) != fault.LogCorrupt {
		t.Errorf("a note that was changed on the disk: %v", err)
	}
}

func TestOneRunOfAWitnessAtATimeSigns(t *testing.T) {
	t.Parallel()
	g, dir := play(t, vaulttest.New(t)), filepath.Join(t.TempDir(), "witness")
	if _, err := g.witness(dir); err != nil {
		t.Fatal(err)
	}
	other, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := flock.Exclusive(other); err != nil {
		t.Fatal(err)
	}
	if _, err := g.witness(dir); fault.CodeOf(err) != fault.Busy {
		t.Errorf("while another runs: %v", err)
	}
	if err := flock.Release(other); err != nil {
		t.Fatal(err)
	}
	if _, err := g.witness(dir); err != nil {
		t.Error(err)
	}
}

// TestACosignatureIsTheOneOfC2SP holds the form against the text of tlog-cosignature.
func TestACosignatureIsTheOneOfC2SP(t *testing.T) {
	t.Parallel()
	c, err := newCosigner(filepath.Join(t.TempDir(), keyFile), "witness.example.com/w1", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	c.at = time.Unix(1679315147, 0)
	text := "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
	if got := string(message(1679315147, []byte(text))); got != "cosignature/v1\ntime 1679315147\n"+text {
		t.Errorf("%q", got)
	}
	sig, err := c.Sign([]byte(text))
	if err != nil || len(sig) != 72 || !c.Verify([]byte(text), sig) || c.Verify([]byte(text+"x\n"), sig) {
		t.Errorf("%x, %v", sig, err)
	}
	if v := c.verifier(); !strings.HasPrefix(v, "witness.example.com/w1+") || len(strings.Split(v, "+")[1]) != 8 {
		t.Error(v)
	}
	for _, name := range []string{"", "two words", "a+b"} {
		if _, err := newCosigner(filepath.Join(t.TempDir(), keyFile), name, io.Discard); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// BenchmarkAudit replays 10,000 entries: requests that were rejected, over a connection of
// this computer.
func BenchmarkAudit(b *testing.B) {
	l := vaulttest.New(b)
	for n := 0; len(l.Lines) < 10_000; n++ {
		request := fmt.Sprintf("req_%026d", n)
		l.Ask(request, vaulttest.AddressKey)
		l.Decide(request, vaulttest.AliceKey, "INITIATE")
		l.Decide(request, vaulttest.BobKey, "REJECT")
		l.Close(request)
		delete(l.Requests, request) // it is not asked for
	}
	g := play(b, l)
	g.page = wire.MaxLogEntries
	for b.Loop() {
		out, err := g.audit()
		if fault.CodeOf(err) != fault.Conflict { // of the requests that it does not show
			b.Fatalf("%v: %s", err, out)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/float64(len(l.Lines))*100_000, "s")
}

// A gateway may lead from page to page for ever.
func TestRequestsThatAreShownAgainAndAgainAreADifference(t *testing.T) {
	t.Parallel()
	g := play(t, vaulttest.Lived(t))
	g.change = func(a *answers) { a.requests = slices.Repeat(a.requests[:1], 3) }
	said, err := g.audit()
	if fault.CodeOf(err) != fault.Conflict || !strings.Contains(said, vaulttest.Second+": the gateway shows this request twice") ||
		!strings.Contains(said, vaulttest.First+": the log has this request, and the gateway does not show it") {
		t.Errorf("%v\n%s", err, said)
	}
}

func TestACopyOfTheLogIsKeptAndBroughtUpToDate(t *testing.T) {
	t.Parallel()
	log := vaulttest.Lived(t)
	g := play(t, log)
	g.down = true
	g.cfg.Keep = filepath.Join(t.TempDir(), "copy")
	copied := func() (lines []string) {
		t.Helper()
		segments, err := logfile.Segments(g.cfg.Keep)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range segments {
			data, err := os.ReadFile(s.Path)
			if err != nil || s.First != int64(len(lines)) {
				t.Fatalf("%s begins with entry %d: %v", s.Path, len(lines), err)
			}
			lines = append(lines, strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")...)
		}
		return lines
	}
	var out, told bytes.Buffer
	for range 2 { // the second finds it up to date
		if err := Run(t.Context(), g.cfg, &out, &told); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(copied(), log.Lines) || !strings.Contains(told.String(), "gives no note about its log") {
			t.Errorf("it has %d lines, want %d: %s", len(copied()), len(log.Lines), &told)
		}
	}
	cfg := g.cfg
	cfg.Keep = ""
	if err := Run(t.Context(), cfg, io.Discard, io.Discard); fault.CodeOf(err) != fault.SignerDown {
		t.Errorf("an audit without a note: %v", err)
	}
	path := filepath.Join(g.cfg.Keep, logfile.Name(0))
	data, err := os.ReadFile(path)
	if err == nil {
		data[10]++
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), g.cfg, io.Discard, io.Discard); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a copy of another log: %v", err)
	}
	g.cfg.Keep = filepath.Join(t.TempDir(), "none")
	log.Lines[1] = log.Lines[1][:len(log.Lines[1])-4] + "AAAA"
	if err := Run(t.Context(), g.cfg, io.Discard, io.Discard); fault.CodeOf(err) != fault.LogCorrupt {
		t.Errorf("a log that does not hold: %v", err)
	}
	if _, err := os.Stat(g.cfg.Keep); !os.IsNotExist(err) {
		t.Errorf("a copy of it was kept: %v", err)
	}
}

func TestASegmentOfACopyEndsWithACheckpoint(t *testing.T) {
	t.Parallel()
	k, err := newKeeper()
	if err != nil {
		t.Fatal(err)
	}
	for seq, typ := range []string{signedlog.Genesis, signedlog.Checkpoint, signedlog.Clock, signedlog.Checkpoint} {
		if err := k.add(signedlog.Entry{Seq: int64(seq), Type: typ}, typ); err != nil {
			t.Fatal(err)
		}
	}
	to := t.TempDir()
	if err := k.keep(to); err != nil {
		t.Fatal(err)
	}
	if err := k.close(); err != nil {
		t.Error(err)
	}
	for first, want := range map[int64]string{0: "genesis\ncheckpoint\n", 2: "clock\ncheckpoint\n"} {
		if data, err := os.ReadFile(filepath.Join(to, logfile.Name(first))); err != nil || string(data) != want {
			t.Errorf("%q, %v", data, err)
		}
	}
	if _, err := os.Stat(k.path); !os.IsNotExist(err) {
		t.Errorf("it left its folder: %v", err)
	}
}
