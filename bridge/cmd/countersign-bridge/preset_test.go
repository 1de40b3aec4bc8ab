package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"countersign/shared/intent"
	"countersign/shared/rehearsal"
	"countersign/shared/wire"
)

// layers are the arguments of the preset, and more.
func layers(more ...string) []string {
	return append([]string{"preset", "layered", "--chain", "eip155:1", "--officers", "grp_officers", "--operators", "grp_operators", "--whitelist", "wls_suppliers",
		"--small", "1", "--daily", "5", "--purchase", "1000", "--bought", "5000"}, more...)
}

// layeredDraft is the draft of a vault with the accounts of the preset.
func layeredDraft(t *testing.T, accounts string) string {
	t.Helper()
	var draft map[string]any
	if err := json.Unmarshal([]byte(accounts), &draft); err != nil {
		t.Fatal(err)
	}
	var rest map[string]any
	if err := json.Unmarshal([]byte(`{"entity":"ent_sandbox","entity_name":"Sandbox Ltd","admin_rule":{"quorum":2},
"members":[{"member":"mem_alice","name":"Alice","role":"ADMIN"},{"member":"mem_bob","name":"Bob","role":"ADMIN"},{"member":"mem_carol","name":"Carol","role":"ADMIN"},
{"member":"mem_dave","name":"Dave","role":"OPERATOR"},{"member":"mem_erin","name":"Erin","role":"OPERATOR"},{"member":"mem_frank","name":"Frank","role":"OPERATOR"}],
"groups":[{"group":"grp_officers","name":"Officers","members":["mem_alice","mem_bob","mem_carol"]},{"group":"grp_operators","name":"Operators","members":["mem_dave","mem_erin","mem_frank"]}],
"whitelists":[{"whitelist":"wls_suppliers","name":"Suppliers","entries":[{"address":"0x52908400098527886E0F7030069857D2E4169EE7","chain":"eip155:1","label":"Mill"}]}]}`), &rest); err != nil {
		t.Fatal(err)
	}
	rest["accounts"] = draft["accounts"]
	text, err := json.Marshal(rest)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestNobodyAloneMovesTheTreasuryAndItPaysTheTradingAccountOnly asks simulate about what the
// preset printed.
func TestNobodyAloneMovesTheTreasuryAndItPaysTheTradingAccountOnly(t *testing.T) {
	t.Parallel()
	accounts, errs, code := governed(t, nil, layers()...)
	if code != 0 {
		t.Fatal(errs)
	}
	out, errs, code := governed(t, map[string]string{"draft.json": layeredDraft(t, accounts)}, "simulate", "--json", "draft.json")
	if code != 0 {
		t.Fatal(errs)
	}
	var found []rehearsal.Finding
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		t.Fatal(err)
	}
	moved := map[string][]string{}
	for _, f := range found {
		switch {
		case f.Code == rehearsal.MovesItself || f.Code == rehearsal.MovesAlone || f.Severity == rehearsal.Alert || f.Code == rehearsal.DeadRule || f.Code == rehearsal.NotJudged:
			t.Errorf("%s: %s", f.Code, f.Text)
		case f.Code == rehearsal.MovesTogether:
			moved[f.Account] = append(moved[f.Account], f.Text)
		}
	}
	if len(moved["acc_treasury"]) == 0 || len(moved["acc_trading"]) == 0 {
		t.Errorf("%q", moved)
	}
	for _, text := range moved["acc_treasury"] {
		if !strings.Contains(text, "in transfers of Treasury") || !strings.HasSuffix(text, ", to Trading only") {
			t.Errorf("the treasury: %s", text)
		}
	}
	for _, text := range moved["acc_trading"] {
		if strings.Contains(text, "transfers") && !strings.HasSuffix(text, " only") {
			t.Errorf("the trading account: %s", text)
		}
	}
}

func TestThePresetIsPrintedAsRequestsToo(t *testing.T) {
	t.Parallel()
	out, errs, code := governed(t, nil, layers("--as", "requests", "--delay", "0")...)
	if code != 0 {
		t.Fatal(errs)
	}
	var accounts []string
	for line := range strings.Lines(out) {
		var in wire.RequestInput
		if err := json.Unmarshal([]byte(line), &in); err != nil {
			t.Fatal(err)
		}
		if err := in.Validate(); err != nil {
			t.Error(err)
		}
		i, err := intent.Draft(in.Intent)
		if err != nil {
			t.Fatal(err)
		}
		accounts = append(accounts, i.(intent.AccountCreate).Account)
	}
	if !slices.Equal(accounts, []string{"acc_treasury", "acc_trading"}) {
		t.Errorf("%q", accounts)
	}
	for _, wrong := range [][]string{layers("--quorum", "1"), layers("--as", "letters"), layers("--delay", "1s"), {"preset", "layered"}} {
		if _, _, code := governed(t, nil, wrong...); code == 0 {
			t.Errorf("%q was taken", wrong)
		}
	}
}
