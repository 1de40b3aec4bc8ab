package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/bridge/internal/approver"
	"countersign/bridge/internal/fold"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/site"
	"countersign/shared/jws"
	"countersign/softhsm"
)

// fits checks the lines of a list: only what is to be copied may be longer.
func fits(t *testing.T, out string) {
	t.Helper()
	for line := range strings.Lines(out) {
		if line = strings.TrimSuffix(line, "\n"); fold.Columns(line) > showWidth && strings.Contains(line, " ") {
			t.Errorf("%d columns: %q", fold.Columns(line), line)
		}
	}
}

func TestKeysAreListedForAPersonAtEightyColumnsAndForPrograms(t *testing.T) {
	t.Parallel()
	label := strings.Repeat("a long name ", 5)
	token := softhsm.NewFaulty(t, softhsm.Spec{Label: "alice", Keys: []softhsm.Key{{Label: "approval", Curve: jws.P256, Sign: true}, {Label: label, Curve: jws.P256, Sign: true}}})
	path := config(t, func(m map[string]any) {
		m["modules"] = []string{token.Module, filepath.Join(t.TempDir(), strings.Repeat("gone", 20)+".so")}
	})
	out := must(t, "keys", "list", "--config", path)
	fits(t, out)
	if !strings.Contains(out, "pkcs11:token=alice;object=approval\n       P-256  present, unproven\n       thumbprint ") {
		t.Error(out)
	}
	var list keyList
	if err := json.Unmarshal([]byte(must(t, "keys", "list", "--config", path, "--json")), &list); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list.Keys, func(k listedKey) bool { return k.URI == "pkcs11:token=alice;object=approval" })
	if len(list.Keys) != 2 || i < 0 || len(list.LeftOut) != 1 || !strings.Contains(list.LeftOut[0], ".so") {
		t.Fatalf("%+v", list)
	}
	if k := list.Keys[i]; k.Curve != jws.P256 || len(k.Thumbprint) != 43 || len(k.UsedAs) != 0 || k.State != "present, unproven" {
		t.Errorf("%+v", k)
	}
	var none keyList
	if err := json.Unmarshal([]byte(must(t, "keys", "list", "--config", config(t, nil), "--json")), &none); err != nil || none.Keys == nil || len(none.LeftOut) != 1 {
		t.Errorf("%+v, %v", none, err)
	}
}

func TestPagesAndSitesAreListedAtEightyColumns(t *testing.T) {
	t.Parallel()
	long := "https://" + strings.Repeat("dashboard.", 5) + "example.com"
	path := config(t, func(m map[string]any) { m["origins"] = []string{origin, long} })
	if out := must(t, "pairings", "list", "--config", path); out != "no page is paired\n" {
		t.Error(out)
	}
	cfg, err := approver.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(cfg.StateDir, 0o700); err != nil {
		t.Fatal(err)
	}
	pairings := site.OpenPairings(cfg.StateDir)
	for i := range 3 {
		if err := pairings.Add([]string{long, long, origin}[i], []byte(strings.Repeat(string(rune('a'+i)), 32)), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	list, err := pairings.List()
	if err != nil {
		t.Fatal(err)
	}
	program := "/home/alice/" + strings.Repeat("a folder/", 12) + "browser (pid 4711)"
	noted(t, cfg, journal.Event{Kind: journal.Paired, Origin: list[0].Origin, Pairing: list[0].ID, Process: program})
	out := must(t, "pairings", "list", "--config", path)
	fits(t, out)
	if !strings.Contains(out, list[0].ID) || !strings.Contains(out, "(pid 4711)") {
		t.Error(out)
	}
	if out = must(t, "origins", "list", "--config", path); !strings.Contains(out, origin+"\n       1 page paired\n"+long+"\n       2 pages paired\n") {
		t.Error(out)
	}
	fits(t, out)
	if out := must(t, "journal", "verify", "--config", path); !strings.HasPrefix(out, "1 entry, head ") {
		t.Error(out)
	}
}

// One bad entry costs no other, and no command that does not need it.
func TestAnEmptyListOfSitesSaysHowToAddOne(t *testing.T) {
	t.Parallel()
	path := config(t, func(m map[string]any) { m["origins"] = []string{} })
	if out := must(t, "origins", "list", "--config", path); !strings.Contains(out, "no dashboard may connect: countersign-bridge origins add") {
		t.Errorf("%q", out)
	}
}

func TestABadOriginIsLeftOutAndNamed(t *testing.T) {
	t.Parallel()
	const bad = `https://"quoted".example/`
	path := config(t, func(m map[string]any) { m["origins"] = []string{bad, origin} })
	for _, args := range [][]string{{"keys", "list"}, {"pairings", "list"}, {"origins", "list"}, {"browser-policy", "chrome"}} {
		code, out, errs := command(t, append(args, "--config", path)...)
		if code != 0 {
			t.Errorf("%q: %d, %s", args, code, errs)
		}
		if slices.Contains([]string{"origins", "browser-policy"}, args[0]) && !(strings.Contains(out, origin) && strings.Contains(out+errs, "left out") && strings.Contains(out+errs, "without a path")) {
			t.Errorf("%q: %q, %q", args, out, errs)
		}
	}
	if code, out, _ := command(t, "doctor", "--config", path); code == 0 || !strings.Contains(out, "without a path") {
		t.Errorf("doctor: %d, %q", code, out)
	}
	must(t, "origins", "add", "--config", path, "https://b.example")
	must(t, "origins", "remove", "--config", path, bad)
	if out := must(t, "origins", "list", "--config", path); strings.Contains(out, "left out") || !strings.Contains(out, "https://b.example\n") || !strings.Contains(out, origin+"\n") {
		t.Error(out)
	}
}
