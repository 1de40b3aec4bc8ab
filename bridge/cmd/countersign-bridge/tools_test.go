package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/bridge/internal/approver"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/keys"
	"countersign/bridge/internal/member"
	"countersign/bridge/internal/site"
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/jwk"
	"countersign/shared/jws"
	"countersign/shared/link"
	"countersign/shared/statement"
	"countersign/softhsm"
	"countersign/softhsm/e2e/page"
	tokenfault "countersign/softhsm/fault"
)

// programs is where the tests' own programs are, removed by TestMain.
var programs string

// pinentry is the program that answers by a script, built once.
var pinentry = sync.OnceValues(func() (string, error) {
	path := filepath.Join(programs, "scripted-pinentry")
	if out, err := exec.Command("go", "build", "-o", path, "countersign/softhsm/e2e/cmd/scripted-pinentry").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
})

// prompted is a configuration whose prompt answers by a script.
func prompted(t *testing.T, script string, change func(map[string]any)) (path, log string) {
	t.Helper()
	program, err := pinentry()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	answers := filepath.Join(dir, "script.json")
	if err := os.WriteFile(answers, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	wrapper := filepath.Join(dir, "pinentry")
	if err := os.WriteFile(wrapper, []byte("#!/bin/sh\nCOUNTERSIGN_PINENTRY_SCRIPT='"+answers+"' exec '"+program+"'\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	path = config(t, func(m map[string]any) {
		m["pinentry"] = wrapper
		if change != nil {
			change(m)
		}
	})
	return path, filepath.Join(dir, "log")
}

// must runs a command that does what it was asked.
func must(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errs := command(t, args...)
	if code != 0 {
		t.Fatalf("%q: %d, %s", args, code, errs)
	}
	return out
}

// refused runs a command that must fail and say why.
func refused(t *testing.T, says []string, args ...string) {
	t.Helper()
	code, out, errs := command(t, args...)
	for _, s := range says {
		if code != 1 || !strings.Contains(errs, s) {
			t.Errorf("%q: %d, %q, %q, without %q", args, code, out, errs, s)
		}
	}
}

// events are the kinds of a configuration's journal.
func events(t *testing.T, config string) string {
	t.Helper()
	cfg, err := approver.Load(config)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	if _, err := readJournal(t.Context(), cfg, func(e journal.Entry, _ []byte) error { all = append(all, e.Kind); return nil }); err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

// noted writes lines as a bridge had written them.
func noted(t *testing.T, cfg approver.Config, events ...journal.Event) {
	t.Helper()
	if err := os.MkdirAll(cfg.StateDir, 0o700); err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(journal.Config{Path: journalPath(cfg)})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if err := j.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// certify gives the keys that generate made to mem_alice.
func certify(t *testing.T, config string, m made) {
	t.Helper()
	vault, err := keys.NewMemory(jws.Secp256k1, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := statement.Encode(statement.Member{V: 1, Type: "member", Entity: "ent_test", Member: "mem_alice", Name: "Alice", Role: statement.Operator,
		Approval: *m.Approval, Channel: *m.Channel, ChannelIn: statement.InToken, IssuedAt: time.Now().Unix(), Expires: time.Now().Add(time.Hour).Unix()})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := jws.Sign(t.Context(), vault, statement.TypMember, cert)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := json.Marshal(map[string]any{"entity": "ent_test", "entity_name": "Test", "statement_key": vault.PublicKey().JWK(),
		"channel_keys": []jwk.Key{vault.PublicKey().JWK()}})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(config)
	for name, data := range map[string]string{"alice.jws": signed, "signer.json": string(signer)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	configure(t, config, func(cfg map[string]any) {
		cfg["signer_file"] = "signer.json"
		cfg["identities"] = []member.Config{{Entity: "ent_test", Member: "mem_alice", CertificateFile: "alice.jws", ApprovalKey: m.ApprovalKey, ChannelKey: m.ChannelKey}}
	})
}

// configure changes a configuration file.
func configure(t *testing.T, file string, change func(map[string]any)) {
	t.Helper()
	var cfg map[string]any
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, &cfg)
	}
	if err != nil {
		t.Fatal(err)
	}
	change(cfg)
	if data, err = json.Marshal(cfg); err == nil {
		err = os.WriteFile(file, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// From an empty token to a head of the journal that it has signed, and to an empty
// token again.
func TestKeysAreMadeCertifiedUsedAndDeletedAndTheJournalSaysSo(t *testing.T) {
	t.Parallel()
	token := softhsm.NewFaulty(t, softhsm.Spec{Label: "alice"})
	path, log := prompted(t, `{"log":"log","pins":{"alice":["999999","`+token.Token.PIN+`"]},"confirm":["reject","approve"]}`,
		func(m map[string]any) { m["modules"] = []string{token.Module} })

	var m made
	if out := must(t, "keys", "list", "--config", path); !strings.Contains(out, "no token shows a key") {
		t.Errorf("before there are keys: %q", out)
	}
	if err := json.Unmarshal([]byte(must(t, "keys", "generate", "--config", path, "--token", "alice")), &m); err != nil {
		t.Fatal(err)
	}
	if m.ApprovalKey != "pkcs11:token=alice;object=approval" || m.ChannelKey != "pkcs11:token=alice;object=channel" || m.Approval.Crv != jws.Secp256k1 {
		t.Fatalf("%+v", m)
	}
	refused(t, []string{"CONFLICT", `has a key "approval" already: choose another name, or delete that one first` + "\n"}, "keys", "generate", "--config", path, "--token", "alice")
	if out := must(t, "keys", "list", "--config", path); !strings.Contains(out, m.ApprovalKey) || !strings.Contains(out, "present") {
		t.Error(out)
	}
	certify(t, path, m)
	if out := must(t, "keys", "list", "--config", path); !strings.Contains(out, "approval of mem_alice") || !strings.Contains(out, "channel of mem_alice") {
		t.Error(out)
	}
	var jwk jwk.Key
	if err := json.Unmarshal([]byte(must(t, "keys", "export-public", "--config", path, "--format", "jwk", m.ApprovalKey)), &jwk); err != nil || jwk != *m.Approval {
		t.Errorf("%+v, %v", jwk, err)
	}
	refused(t, []string{"NOT_FOUND", "offers no certificate", "nothing for or against"}, "keys", "attest", "--config", path, m.ApprovalKey)

	head := filepath.Join(t.TempDir(), "head.jws")
	if out := must(t, "journal", "verify", "--config", path, "--sign", "--out", head); !strings.Contains(out, "signed by mem_alice") {
		t.Error(out)
	}
	if out := must(t, "journal", "verify", "--config", path, "--head", head); !strings.Contains(out, "are those that mem_alice signed") {
		t.Error(out)
	}

	configure(t, path, func(m map[string]any) { // one identity that cannot be used costs no other
		m["identities"] = append(m["identities"].([]any), map[string]any{"entity": "ent_test", "member": "mem_bob", "certificate_file": "gone.jws",
			"approval_key": "pkcs11:token=bob;object=approval", "channel_key": ""})
	})
	if out := must(t, "keys", "list", "--config", path); !strings.Contains(out, "approval of mem_alice") || !strings.Contains(out, "left out: the identity mem_bob: read the certificate") {
		t.Error(out)
	}
	must(t, "journal", "verify", "--config", path, "--head", head)
	must(t, "journal", "verify", "--config", path, "--sign", "--member", "mem_alice", "--out", filepath.Join(t.TempDir(), "head.jws"))
	refused(t, []string{"say which with --member"}, "journal", "verify", "--config", path, "--sign", "--out", head)
	refused(t, []string{"identity mem_bob: read the certificate"}, "journal", "verify", "--config", path, "--sign", "--member", "mem_bob", "--out", head)

	configure(t, path, func(m map[string]any) { // alice is a member of another entity too
		m["identities"] = append(m["identities"].([]any), map[string]any{"entity": "ent_other", "member": "mem_alice", "certificate_file": "alice.jws",
			"signer_file": "other.json", "approval_key": "pkcs11:token=alice;object=approval", "channel_key": ""})
	})
	refused(t, []string{"mem_alice is a member of several entities", "--member ent_test/mem_alice"}, "journal", "verify", "--config", path, "--sign", "--member", "mem_alice", "--out", head)
	refused(t, []string{"other.json"}, "journal", "verify", "--config", path, "--sign", "--member", "ent_other/mem_alice", "--out", head)
	must(t, "journal", "verify", "--config", path, "--sign", "--member", "ent_test/mem_alice", "--out", filepath.Join(t.TempDir(), "head.jws"))

	refused(t, []string{"CONFLICT", "--force", "the approval key of mem_alice"}, "keys", "delete", "--config", path, m.ApprovalKey)
	refused(t, []string{"DECLINED"}, "keys", "delete", "--config", path, "--force", m.ApprovalKey)
	if out := must(t, "keys", "delete", "--config", path, "--force", m.ApprovalKey); !strings.HasPrefix(out, "deleted ") {
		t.Error(out)
	}
	refused(t, []string{"KEY_NOT_FOUND"}, "keys", "export-public", "--config", path, m.ApprovalKey)
	if out := must(t, "keys", "list", "--config", path); !strings.Contains(out, "KEY_NOT_FOUND") && !strings.Contains(out, "PIN_REQUIRED") {
		t.Error(out)
	}
	shown, err := os.ReadFile(log)
	if err != nil || !strings.Contains(string(shown), "Delete a key of the token alice") || strings.Contains(string(shown), token.Token.PIN) {
		t.Errorf("%s, %v", shown, err)
	}
	want := "pin-failed unlocked key-made key-made unlocked failed unlocked head-signed unlocked head-signed unlocked head-signed unlocked key-deleted"
	if got := events(t, path); !strings.HasPrefix(got, want) {
		t.Errorf("the journal has %q", got)
	}

	// The journal is cut off at a line: the chain cannot tell, the signed head can.
	cfg, err := approver.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(journalPath(cfg))
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	if err := os.WriteFile(journalPath(cfg), bytes.Join(lines[:4], nil), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, "journal", "verify", "--config", path)
	refused(t, []string{"LOG_CORRUPT", "journal entry 4", "now has 4"}, "journal", "verify", "--config", path, "--head", head)
}

func TestAPublicKeyIsExportedAsOthersReadIt(t *testing.T) {
	t.Parallel()
	for curve, prefix := range map[string]string{jws.P256: "3059301306072a8648ce3d020106082a8648ce3d030107034200", jws.Secp256k1: "3056301006072a8648ce3d020106052b8104000a034200"} {
		k, err := keys.NewMemory(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		text, err := publicPEM(k.PublicKey())
		block, _ := pem.Decode(text)
		if err != nil || block == nil || fmt.Sprintf("%x", block.Bytes) != prefix+fmt.Sprintf("%x", k.PublicKey().Uncompressed()) {
			t.Fatalf("%s: %s, %v", curve, text, err)
		}
		if curve == jws.P256 {
			parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
			if _, ok := parsed.(*ecdsa.PublicKey); err != nil || !ok {
				t.Errorf("%v", err)
			}
		}
	}
}

func TestWhatATokenLacksIsNamedBeforeAKeyIsMade(t *testing.T) {
	t.Parallel()
	token := softhsm.NewFaulty(t, softhsm.Spec{Label: "tpm"})
	token.Set(tokenfault.Lacks(0x1050))
	path, log := prompted(t, `{"log":"log","pins":{"tpm":["`+token.Token.PIN+`"]}}`, func(m map[string]any) { m["modules"] = []string{token.Module} })
	refused(t, []string{"KEY_UNSUITED", "lacks ECDH", "--only approval"}, "keys", "generate", "--config", path, "--token", "tpm", "--curve", "P-256")
	if _, err := os.Stat(log); err == nil {
		t.Error("the PIN was asked for in vain")
	}
	out := must(t, "keys", "generate", "--config", path, "--token", "tpm", "--curve", "P-256", "--only", "approval")
	if !strings.Contains(out, "approval_key") || strings.Contains(out, "channel_key") || !strings.Contains(out, "P-256") {
		t.Error(out)
	}
	refused(t, []string{"DEVICE_NOT_FOUND", `"alice" is not plugged in; there is "tpm"`, "→ Plug the token in"}, "keys", "generate", "--config", path, "--token", "alice")
}

func TestARunningBridgeFollowsItsCommandsAtOnce(t *testing.T) {
	t.Parallel()
	const site = "https://new.example"
	path, _ := prompted(t, `{"pairing":["approve"]}`, nil)
	lines, stop := running(t, path)
	defer stop()
	url := strings.TrimPrefix(line(t, lines), "listening on ")
	key, err := link.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	connect := func() (*page.Bridge, error) {
		return page.Connect(t.Context(), page.BridgeConfig{URL: url, Origin: site, Key: key, Paired: func(string) {}})
	}
	if _, err := connect(); err == nil {
		t.Fatal("it is let in before it is on the list")
	}
	refused(t, []string{"INVALID_REQUEST", "without a path"}, "origins", "add", "--config", path, site+"/")
	must(t, "origins", "add", "--config", path, site)
	if out := must(t, "origins", "add", "--config", path, site); !strings.Contains(out, "already") {
		t.Error(out)
	}
	b, err := connect()
	if err != nil {
		t.Fatal(err)
	}
	if out := must(t, "origins", "list", "--config", path); !strings.Contains(out, site+"\n       1 page paired\n") {
		t.Error(out)
	}
	if out := must(t, "pairings", "list", "--config", path); !strings.Contains(out, "connected now") {
		t.Error(out)
	}
	if out := must(t, "doctor", "--config", path); !strings.Contains(out, "as the running bridge sees it:\n") || !strings.Contains(out, "1 page is paired, 1 connected\n") || !strings.Contains(out, "seen by this command:\n") {
		t.Error(out)
	}
	if out := must(t, "origins", "remove", "--config", path, site); !strings.Contains(out, "its pairing") || !strings.Contains(out, "disconnected 1 page\n") {
		t.Error(out)
	}
	var info frame.BridgeInfoResult
	if err := b.Call(t.Context(), frame.BridgeInfo, frame.BridgeInfoParams{}, &info); err == nil {
		t.Error("the page is not disconnected")
	}
	configure(t, path, func(m map[string]any) { m["origins"] = []string{origin, "https://by-hand.example"} })
	if out := must(t, "origins", "list", "--config", path); !strings.Contains(out, "the configuration file was changed by hand") {
		t.Error(out)
	}
	configure(t, path, func(m map[string]any) { m["origins"] = []string{origin} })
	if _, err := connect(); err == nil {
		t.Error("it is let in after it was removed")
	}
	refused(t, []string{"NOT_FOUND"}, "origins", "remove", "--config", path, site)
	if got := events(t, path); got != "started origin-added paired origin-removed" {
		t.Errorf("the journal has %q", got)
	}
	if out := must(t, "origins", "remove", "--config", path, origin); !strings.Contains(out, "no origin is left") {
		t.Error(out)
	}
}

// within waits for what a running bridge does by itself.
func within(t *testing.T, what string, happened func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !happened() {
		select {
		case <-ctx.Done():
			t.Fatalf("not seen: %s", what)
		case <-tick.C:
		}
	}
}

func TestABlockedSiteIsShownAndUnblocked(t *testing.T) {
	t.Parallel()
	path := config(t, nil)
	cfg, err := approver.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(cfg.StateDir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := site.OpenBlocks(cfg.StateDir).Add(origin, time.Date(2027, 1, 31, 8, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	if out := must(t, "origins", "list", "--config", path); !strings.Contains(out, "2027-01-31 08:00:00") {
		t.Error(out)
	}
	refused(t, []string{"NOT_FOUND", "is not blocked"}, "origins", "unblock", "--config", path, "https://b.example")
	if out := must(t, "origins", "unblock", "--config", path, origin); !strings.Contains(out, "may ask again") {
		t.Error(out)
	}
	if has, err := site.OpenBlocks(cfg.StateDir).Has(origin); has || err != nil {
		t.Errorf("%t, %v", has, err)
	}
	if got := events(t, path); got != "unblocked" {
		t.Errorf("the journal has %q", got)
	}
}

func TestARightIsTakenBackAlsoWhenTheJournalCannotBeWritten(t *testing.T) {
	t.Parallel()
	path := config(t, nil)
	cfg, err := approver.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(cfg.StateDir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := site.OpenPairings(cfg.StateDir).Add(origin, make([]byte, 32), time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(journalPath(cfg), []byte("no journal\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	says := []string{"it is done, but no line of the journal says so", "JOURNAL_UNAVAILABLE"}
	refused(t, says, "pairings", "revoke", "--config", path, "all")
	if list, err := site.OpenPairings(cfg.StateDir).List(); err != nil || len(list) > 0 {
		t.Errorf("%v, %v", list, err)
	}
	refused(t, []string{"JOURNAL_UNAVAILABLE"}, "origins", "add", "--config", path, "https://b.example")
	if out := must(t, "origins", "list", "--config", path); strings.Contains(out, "b.example") {
		t.Errorf("a right was given without a line: %s", out)
	}
	refused(t, says, "origins", "remove", "--config", path, origin)
}

func TestTheJournalIsShownFilteredAndExported(t *testing.T) {
	t.Parallel()
	path := config(t, nil)
	cfg, err := approver.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	noted(t, cfg, journal.Event{Kind: journal.Paired, Origin: origin, Process: "/tmp/\x1b[2Jevil  (pid 1)"},
		journal.Event{Kind: journal.Declined, Member: "mem_alice", Code: string(fault.Declined), Count: 3})
	out := must(t, "journal", "show", "--config", path)
	if strings.Contains(out, "\x1b") || !strings.Contains(out, `program "/tmp/\x1b[2Jevil  (pid 1)"`) || !strings.Contains(out, "declined         DECLINED  member mem_alice  count 3") {
		t.Errorf("%q", out)
	}
	if out := must(t, "journal", "show", "--config", path, "--member", "mem_alice", "--json"); strings.Count(out, "\n") != 1 || !strings.Contains(out, `"event":"declined"`) {
		t.Error(out)
	}
	if out := must(t, "journal", "show", "--config", path, "--until", "2020-01-01"); out != "" {
		t.Error(out)
	}
	if out := must(t, "journal", "export", "--config", path); !strings.HasPrefix(out, `{"journal":"countersign-journal/1"`) || strings.Count(out, "\n") != 3 {
		t.Error(out)
	}
	if out := must(t, "journal", "export", "--config", path, "--csv", "--since", "2020-01-01T00:00:00Z"); !strings.HasPrefix(out, "seq,time,event") || strings.Count(out, "\n") != 3 {
		t.Error(out)
	}
	refused(t, []string{"INVALID_REQUEST", "write 2027-01-31"}, "journal", "show", "--config", path, "--since", "yesterday")
	refused(t, []string{"INVALID_REQUEST", "go with --sign"}, "journal", "verify", "--config", path, "--out", "x")
	refused(t, []string{"NOT_FOUND", "no identity"}, "journal", "verify", "--config", path, "--sign")
	head := filepath.Join(t.TempDir(), "head")
	if err := os.WriteFile(head, []byte("x.y.z"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, []string{"SIGNATURE_INVALID", "not signed by the approval key of any identity"}, "journal", "verify", "--config", path, "--head", head)
}

// The command asks the bridge that runs, and waits for the next one when it ends.
func TestFollowingTheJournalShowsWhatBridgesAndCommandsAdd(t *testing.T) {
	t.Parallel()
	path := config(t, nil)
	lines, stop := running(t, path)
	line(t, lines)
	ctx, leave := context.WithCancel(t.Context())
	read, write := io.Pipe()
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, []string{"journal", "show", "--follow", "--config", path}, stdio{write, t.Output()})
		write.Close()
	}()
	shown := bufio.NewReader(read)
	see := func(what string) {
		t.Helper()
		if l := line(t, shown); !strings.Contains(l, what) {
			t.Errorf("%s, want %s", l, what)
		}
	}
	see("started")
	must(t, "origins", "add", "--config", path, "https://a.example")
	see("origin-added")
	stop()
	must(t, "origins", "remove", "--config", path, "https://a.example")
	see("origin-removed")
	lines, stop = running(t, path)
	line(t, lines)
	see("started")
	leave()
	if code := <-done; code != 0 {
		t.Errorf("exit %d", code)
	}
	stop()
}

func TestAJournalThatIsNotTheRunningBridgesIsNamed(t *testing.T) {
	t.Parallel()
	path := config(t, nil)
	cfg, err := approver.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	lines, stop := running(t, path)
	defer stop()
	line(t, lines)
	must(t, "origins", "add", "--config", path, "https://a.example") // the bridge has started
	other := config(t, nil)
	theirs, err := approver.Load(other)
	if err != nil {
		t.Fatal(err)
	}
	noted(t, theirs, journal.Event{Kind: journal.Started}, journal.Event{Kind: journal.OriginAdded, Origin: "https://b.example"})
	if err := os.Rename(journalPath(theirs), journalPath(cfg)); err != nil {
		t.Fatal(err)
	}
	refused(t, []string{"LOG_CORRUPT", "is not the journal that the running bridge writes"}, "journal", "verify", "--config", path)
	refused(t, []string{"JOURNAL_UNAVAILABLE"}, "origins", "add", "--config", path, "https://c.example")
}

func TestTheDoctorsReportIsForProgramsToo(t *testing.T) {
	t.Parallel()
	path := config(t, func(m map[string]any) { m["modules"] = []string{"/nonexistent.so"} })
	code, out, errs := command(t, "doctor", "--json", "--config", path)
	var r report
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != 1 || r.OK || r.Schema != "countersign-doctor/1" || r.Version != approver.Version || len(r.Findings) < 5 {
		t.Errorf("%d, %s, %s, %v", code, out, errs, err)
	}
	broken := config(t, func(m map[string]any) { m["port"] = 1 })
	if code, out, _ := command(t, "doctor", "--json", "--config", broken); code != 1 || !strings.Contains(out, `"id": "config"`) || !strings.Contains(out, "unknown field") {
		t.Errorf("a broken configuration: %d, %s", code, out)
	}
	for _, f := range r.Findings {
		if f.ID == "module:/nonexistent.so" && (f.Level != "bad" || f.Remedy == "") {
			t.Errorf("%+v", f)
		}
	}
}

func TestAModuleThatCrashesIsInTheJournal(t *testing.T) {
	t.Parallel()
	token := softhsm.NewFaulty(t, softhsm.Spec{Label: "alice"})
	path := config(t, func(m map[string]any) { m["modules"] = []string{token.Module} })
	lines, stop := running(t, path)
	defer stop()
	line(t, lines)
	token.Crash("C_GetSlotList") // the next look at the slots
	within(t, "the crash is journaled", func() bool { return strings.HasPrefix(events(t, path), "started module-failed") })
	if out := must(t, "journal", "show", "--config", path); !strings.Contains(out, "MODULE_FAILED") || !strings.Contains(out, "token "+filepath.Base(token.Module)) {
		t.Error(out)
	}
}

func TestAHeadIsSignedByKeysThatWantTheirPINEachTimeAndByReadersWithAPad(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]struct {
		faults func(pin string) []tokenfault.Fault
		asks   bool
		want   string
	}{
		"a PIN for each use": {func(string) []tokenfault.Fault { return []tokenfault.Fault{tokenfault.AlwaysAuth("approval")} }, true, "head-signed unlocked"},
		"a pad": {func(pin string) []tokenfault.Fault {
			return []tokenfault.Fault{tokenfault.PINPad(pin, time.Millisecond)}
		}, false, "unlocked head-signed"},
		"the last try, and correct": {func(string) []tokenfault.Fault { return []tokenfault.Fault{tokenfault.Flags(0x00020000)} }, true, "unlocked head-signed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token := softhsm.NewFaulty(t, softhsm.Spec{Label: "alice"})
			path, log := prompted(t, `{"log":"log","pins":{"alice":["`+token.Token.PIN+`"]},"confirm":["approve"]}`,
				func(m map[string]any) { m["modules"] = []string{token.Module} })
			var m made
			if err := json.Unmarshal([]byte(must(t, "keys", "generate", "--config", path, "--token", "alice")), &m); err != nil {
				t.Fatal(err)
			}
			certify(t, path, m)
			token.Set(r.faults(token.Token.PIN)...)
			if err := os.Remove(log); err != nil {
				t.Fatal(err)
			}
			head := filepath.Join(t.TempDir(), "head.jws")
			must(t, "journal", "verify", "--config", path, "--sign", "--member", "mem_alice", "--out", head)
			must(t, "journal", "verify", "--config", path, "--head", head)
			shown, err := os.ReadFile(log)
			if asked := strings.Contains(string(shown), `"kind":"pin"`); asked != r.asks {
				t.Errorf("the PIN was asked for at the prompt: %t: %s, %v", asked, shown, err)
			}
			if got := events(t, path); !strings.HasSuffix(got, r.want) {
				t.Errorf("the journal has %q", got)
			}
		})
	}
}
