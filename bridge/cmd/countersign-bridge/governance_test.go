package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/shared/rehearsal"
)

const (
	threeRules = `{
  "version": 1,
  "rules": [
    {"name": "small", "when": [{"amount": {"currency": "EUR", "max": "1000"}}, {"velocity": {"currency": "EUR", "seconds": 86400, "max": "5000"}}],
     "steps": [{"name": "one", "quorum": 1, "members": ["mem_alice", "mem_bob"]}]},
    {"name": "large", "steps": [{"name": "two", "quorum": 2, "members": ["mem_alice", "mem_bob"]}]},
    {"name": "late", "when": [{"amount": {"currency": "EUR", "min": "5000"}}], "steps": [{"name": "one", "quorum": 1, "members": ["mem_carol"]}]}
  ]
}`
	wholeVault = `{"admin_rule":{"quorum":1},"members":[{"member":"mem_alice","name":"Alice","role":"ADMIN"},{"member":"mem_bob","name":"Bob","role":"OPERATOR"}],
"accounts":[{"account":"acc_treasury","name":"Treasury","rules":{"version":1,"rules":[{"name":"all","steps":[{"name":"one","quorum":1,"members":["mem_bob"]}]}]}}]}`
)

// governed runs a command on files of rules.
func governed(t *testing.T, files map[string]string, args ...string) (out, errs string, code int) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args = append([]string{"governance"}, args...)
	for i, a := range args {
		if _, ok := files[a]; ok {
			args[i] = filepath.Join(dir, a)
		}
	}
	var o, e bytes.Buffer
	code = run(t.Context(), args, stdio{out: &o, err: &e})
	return o.String(), e.String(), code
}

func TestSimulateAnswersItsQuestionsOverARuleSet(t *testing.T) {
	t.Parallel()
	out, errs, code := governed(t, map[string]string{"rules.json": threeRules}, "simulate", "rules.json")
	if code != 0 || errs != "" {
		t.Fatal(code, errs)
	}
	said := strings.Join(strings.Fields(out), " ")
	for _, want := range []string{
		"Who can move what in a day?", "alice alone can move up to 5,000 EUR a day",
		`* rule "late" of Main governs nothing: rule "large" before it matches everything that it matches`,
		`step "two" of rule "large" of Main needs alice and bob: one lost token breaks it`,
		"- nobody can approve transfers of Main: no rule is for them",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("%s\nhas not %q", out, want)
		}
	}
	for line := range strings.Lines(out) {
		if len(line) > 101 {
			t.Errorf("the line %q is long", line)
		}
	}
}

func TestSimulatePrintsFindingsForPrograms(t *testing.T) {
	t.Parallel()
	out, _, code := governed(t, map[string]string{"vault.json": wholeVault}, "simulate", "--json", "vault.json")
	var found []rehearsal.Finding
	if err := json.Unmarshal([]byte(out), &found); code != 0 || err != nil || len(found) == 0 || found[0].Code != rehearsal.MovesAlone || found[0].Members[0] != "mem_bob" {
		t.Errorf("%d, %v: %s", code, err, out)
	}
}

func TestDiffSaysWhatAChangeDoes(t *testing.T) {
	t.Parallel()
	files := map[string]string{"old.json": wholeVault, "new.json": strings.Replace(strings.Replace(wholeVault, `["mem_bob"]`, `["mem_alice"]`, 1), `"version":1`, `"version":2`, 1)}
	out, _, code := governed(t, files, "diff", "old.json", "new.json")
	if code != 0 || !strings.Contains(out, "Alice alone could now move any amount of each currency a day") || !strings.Contains(out, "no longer: Bob alone can move") {
		t.Errorf("%d: %s", code, out)
	}
	report, _, code := governed(t, files, "diff", "--json", "old.json", "new.json")
	r, err := rehearsal.DecodeReport([]byte(strings.TrimSuffix(report, "\n")))
	if code != 0 || err != nil || !strings.Contains(out, "report  "+r.Digest()) {
		t.Errorf("%d, %v: %s\n%s", code, err, report, out)
	}
}

func TestAFileOfRulesIsRefusedByItsLineOrItsField(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		strings.Replace(threeRules, `"version": 1,`, `"version": 1`, 1):   "line 3, column",
		strings.Replace(threeRules, `"quorum": 2`, `"quorum": 3`, 1):      "rules.large.steps.two.quorum",
		strings.Replace(threeRules, `"quorum": 2`, `"quorums": 2`, 1):     "rules.1.steps.0.quorums",
		strings.Replace(wholeVault, `"role":"ADMIN"`, `"role":"KING"`, 1): "members.0.role",
		"[]": "rules",
	} {
		if _, errs, code := governed(t, map[string]string{"rules.json": text}, "simulate", "rules.json"); code != 1 || !strings.Contains(errs, says) || !strings.Contains(errs, "rules.json") {
			t.Errorf("%d, %s, want %s", code, errs, says)
		}
	}
	if _, errs, code := governed(t, map[string]string{"a": wholeVault}, "diff", "a", "a", "--log", t.TempDir()); code != 1 || !strings.Contains(errs, "the log is empty") {
		t.Errorf("a folder without a log: %d, %s", code, errs)
	}
	for _, command := range []string{"simulate", "diff", "show", "preset layered"} {
		if out, _, code := governed(t, nil, append(strings.Fields(command), "--help")...); code != 0 || !strings.Contains(out, "Examples:") {
			t.Errorf("%s --help: %d, %s", command, code, out)
		}
	}
}
