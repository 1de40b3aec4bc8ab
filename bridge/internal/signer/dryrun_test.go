package signer

import (
	"bytes"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent/intenttest"
	"countersign/shared/strictjson"
	"countersign/shared/wire"
)

// dry asks for a request without making it.
func (g *rig) dry(in wire.SignerRequestInput, says string) (e wire.Explanation, code fault.Code) {
	g.t.Helper()
	body, err := strictjson.Canonical(in)
	if err != nil {
		g.t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(g.t.Context(), "POST", "/v1/requests", bytes.NewReader(body))
	r.Header.Set(wire.HeaderDryRun, says)
	w := httptest.NewRecorder()
	g.service.Handler().ServeHTTP(w, r)
	return e, membertest.Answer(g.t, w.Code, w.Body.Bytes(), &e)
}

// kept is every file of the signer, with its contents.
func (g *rig) kept() map[string]string {
	g.t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(g.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		all[path] = string(data)
		return err
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return all
}

func TestADryRunSaysWhatTheRulesSayAndDoesNothing(t *testing.T) {
	t.Parallel()
	g := newRig(t, slowly())
	g.request(testReq)
	before, keys, mark := g.kept(), len(g.vault.Keys), g.service.log.Mark()
	for range mostPerMinute + 1 { // it counts towards no limit
		e, code := g.dry(g.input(secondReq), "true")
		if code != "" || e.Decision.State != governance.Pending || e.Decision.Rule != "purchases" || len(e.Remaining) != 1 || len(e.Remaining[0].Quorums[0].Members) != 3 {
			t.Fatalf("%q: %+v", code, e)
		}
		if w := e.Windows[0]; w.Spent != "250" || w.Left != "350" {
			t.Fatalf("the window: %+v", w)
		}
	}
	after := g.kept()
	for path := range before {
		if before[path] != after[path] {
			t.Errorf("%s was written", path)
		}
	}
	if len(after) != len(before) || len(g.vault.Keys) != keys || g.service.log.Mark() != mark {
		t.Errorf("%d files, %d keys and log %+v; before %d, %d, %+v", len(after), len(g.vault.Keys), g.service.log.Mark(), len(before), keys, mark)
	}
	g.request(secondReq) // what was dry counts as spent nowhere, and its id is free
}

// What somebody tries is explained under the rules of a draft, with what the account has spent.
func TestARequestIsTriedUnderRulesThatAreNotMadeYet(t *testing.T) {
	t.Parallel()
	g := newRig(t, slowly())
	g.request(testReq) // 250 EUR
	window := governance.Condition{Velocity: &governance.Velocity{Currency: "EUR", Seconds: 86400, Max: "1000"}}
	change := edits(1, governance.Rule{Name: "small", When: []governance.Condition{{Amount: &governance.Amount{Currency: "EUR", Max: "500"}}, window}, Steps: []governance.Step{{Name: "one", Quorum: 1, Members: []string{"mem_bob"}}}},
		governance.Rule{Name: "send", When: []governance.Condition{{Filter: &governance.Filter{Kinds: []string{"transfer"}}}}, Deny: true})
	in := g.input(secondReq)
	in.Intent = intenttest.Doc(change)
	buy := wire.Trial{Account: "acc_treasury", Kind: "buy", Asset: "ethereum", Amount: "400", Currency: "EUR", Provider: "northpay"}
	for name, c := range map[string]struct {
		try   func(*wire.Trial)
		state governance.State
		rule  string
		left  string // of the window
	}{
		"a small one": {func(*wire.Trial) {}, governance.Pending, "small", "750"},
		"a large one": {func(r *wire.Trial) { r.Amount = "501" }, governance.Denied, "", "750"},
		"one that is sent": {func(r *wire.Trial) {
			r.Kind, r.Currency, r.Amount, r.Provider, r.Address = "transfer", "ethereum", "1", "", "0x52908400098527886E0F7030069857D2E4169EE7"
		}, governance.Denied, "send", "750"},
	} {
		r := buy
		c.try(&r)
		in.Try = &r
		e, code := g.dry(in, "true")
		if code != "" || e.Trial == nil || e.Trial.Decision.State != c.state || e.Trial.Decision.Rule != c.rule || len(e.Trial.Windows) != 1 || e.Trial.Windows[0].Left != c.left {
			t.Errorf("%s: %s, %+v", name, code, e.Trial)
		}
		if e.Decision.Rule != governance.Administrators || e.Impact == nil {
			t.Errorf("%s: the change itself is not explained: %+v", name, e)
		}
	}
	for name, c := range map[string]struct {
		try  func(*wire.SignerRequestInput)
		want fault.Code
	}{
		"no account of the vault": {func(in *wire.SignerRequestInput) { in.Try.Account = "acc_other" }, fault.NotFound},
		"no amount":               {func(in *wire.SignerRequestInput) { in.Try.Amount = "much" }, fault.Invalid},
		"a kind of change":        {func(in *wire.SignerRequestInput) { in.Try.Kind = "group.put" }, fault.Invalid},
		"no change":               {func(in *wire.SignerRequestInput) { in.Intent = g.input(secondReq).Intent }, fault.Conflict},
	} {
		r, wrong := buy, in
		wrong.Try = &r
		c.try(&wrong)
		if _, code := g.dry(wrong, "true"); code != c.want {
			t.Errorf("%s: %s, want %s", name, code, c.want)
		}
	}
	r := buy
	in.Try = &r
	if code := g.call("POST", "/v1/requests", in, nil); code != fault.Invalid {
		t.Errorf("asked for in earnest: %s", code)
	}
}

func TestADryRunOfWhatIsDeniedIsAnAnswerAndARefusalIsNone(t *testing.T) {
	t.Parallel()
	g := newRig(t, slowly())
	g.request(testReq)
	g.request(secondReq)
	e, code := g.dry(g.input(thirdReq), "true")
	if code != "" || e.Decision.State != governance.Denied || e.Rules[0].Result != governance.Unmet || e.Rules[0].Unmet.Velocity == nil {
		t.Errorf("750 of 600 EUR: %q, %+v", code, e)
	}
	for _, says := range []string{"false", "1", "TRUE", ""} {
		if _, code := g.dry(g.input(thirdReq), says); code != fault.Invalid {
			t.Errorf("Dry-Run: %q: %q", says, code)
		}
	}
	late := g.input(thirdReq)
	late.ExpiresAt = g.clock.now().Add(-time.Hour)
	if _, code := g.dry(late, "true"); code != fault.Invalid {
		t.Errorf("one that has ended: %q", code)
	}
}
