package dashboard

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"countersign/shared/ceremony"
	"countersign/shared/governance"
	"countersign/shared/preset"
)

// node runs a module among those of wasm/js with an input, and reads what it answers: it has in, and sets out.
func node(t *testing.T, in, out any, module string) {
	t.Helper()
	given, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "--input-type=module", "-e", `
		import { readFileSync } from 'node:fs';
		const given = JSON.parse(readFileSync(0, 'utf8'));
		let out;
		`+module+`
		process.stdout.write(JSON.stringify(out));`)
	cmd.Dir, cmd.Stdin, cmd.Stderr = "../../wasm/js", bytes.NewReader(given), os.Stderr
	said, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v", err)
	}
	if err := json.Unmarshal(said, out); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
}

// The rule editor says a rule in the words that the vault has for it.
func TestTheEditorSaysRulesInTheWordsOfTheVault(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../shared/spec/vectors/governance.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Input struct {
			Rules   governance.Set
			Members []governance.Member
		}
	}
	if err := json.Unmarshal(doc, &vectors); err != nil {
		t.Fatal(err)
	}
	var in struct {
		Rules  []governance.Rule `json:"rules"`
		Called map[string]string `json:"called"`
	}
	in.Called = map[string]string{"grp_officers": "Officers", "wls_exchanges": "Exchanges", "acc_treasury": "Treasury"}
	for _, v := range vectors {
		in.Rules = append(in.Rules, v.Input.Rules.Rules...)
		for _, m := range v.Input.Members {
			in.Called[m.ID] = m.Name
		}
	}
	var said []struct {
		For   string
		Needs []string
	}
	node(t, in, &said, `const { say } = await import('./ruletext.js'); out = given.rules.map((r) => say(r, new Map(Object.entries(given.called))));`)
	if len(in.Rules) < 50 || len(said) != len(in.Rules) {
		t.Fatalf("%d of %d rules", len(said), len(in.Rules))
	}
	for i, r := range in.Rules {
		want := ceremony.Say(r, in.Called)
		if strings.Contains(want.For, `And: {"kinds"`) {
			continue // a kind that there is not: the page has no table of all
		}
		said[i].For = strings.ReplaceAll(said[i].For, "\u202f", " ") // between thousands
		if said[i].For != want.For || !slices.Equal(said[i].Needs, want.Needs) {
			t.Errorf("the page says %q, %q\nthe vault %q, %q", said[i].For, said[i].Needs, want.For, want.Needs)
		}
	}
}

// The layered wallets of the page are those that the command prints.
func TestThePresetsOfThePageAreThoseOfTheCommand(t *testing.T) {
	t.Parallel()
	l := preset.Layered{
		Treasury: "acc_treasury", TreasuryName: "Treasury", Trading: "acc_trading", TradingName: "Trading", Chain: "eip155:1", Officers: "grp_officers", Operators: "grp_operators", Whitelist: "wls_suppliers",
		Quorum: 2, Delay: 3600, Asset: "ethereum", Small: "1", Daily: "5", Currency: "EUR", Purchase: "1000", Bought: "5000",
	}
	made, err := l.Creations()
	if err != nil {
		t.Fatal(err)
	}
	var got []governance.Set
	node(t, map[string]any{
		"officers": l.Officers, "operators": l.Operators, "whitelist": l.Whitelist, "quorum": "2", "delay": map[string]string{"n": "1", "unit": "hours"},
		"asset": l.Asset, "small": l.Small, "daily": l.Daily, "currency": l.Currency, "purchase": l.Purchase, "bought": l.Bought,
	}, &got, `const { treasuryRules, tradingRules } = await import('./presets.js'); const { toDraft, rulesOf } = await import('./ruleset.js');
		out = [treasuryRules(given), tradingRules(given, 'acc_treasury')].map((set) => rulesOf(toDraft(set)));`)
	for i, m := range made {
		if want, _ := json.Marshal(m.Rules); len(got) != len(made) || mustJSON(t, got[i]) != string(want) {
			t.Errorf("%s: %s\nwant %s", m.Name, mustJSON(t, got[i]), want)
		}
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
