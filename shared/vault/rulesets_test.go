package vault

import (
	"strings"
	"testing"
	"time"

	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
)

const (
	ruled = "acc_treasury"
	noon  = 1_795_208_400
)

// transfers is a version of rules under which quorum of two members let a transfer go.
func transfers(version, quorum int) governance.Set {
	return governance.Set{Version: version, Rules: []governance.Rule{{
		Name: "transfers", When: []governance.Condition{{Filter: &governance.Filter{Kinds: []string{intent.KindTransfer, intent.KindReplace}}}},
		Steps: []governance.Step{{Name: "treasury", Quorum: quorum, Members: []string{"mem_alice", "mem_bob"}}},
	}}}
}

// ruledVault is a vault of two members with one account.
func ruledVault(t testing.TB, rules governance.Set) *State {
	t.Helper()
	s := New(jws.PublicKey{}, nil)
	g := statement.Genesis{Entity: "ent_sandbox", Sandbox: true, AdminRule: statement.AdminRule{Quorum: 1}}
	for _, m := range []string{"alice", "bob"} {
		g.Members = append(g.Members, statement.GenesisMember{Member: "mem_" + m, Name: strings.ToUpper(m[:1]) + m[1:], Role: statement.Operator})
	}
	g.Accounts = []statement.GenesisAccount{{Account: ruled, Name: "Treasury", Chain: "eip155:31337", Rules: rules}}
	var err error
	if s.Governance, err = found(g); err != nil {
		t.Fatal(err)
	}
	s.accounts[ruled] = &account{GenesisAccount: g.Accounts[0]}
	return s
}

// put makes a version of the rules of the account.
func (s *State) put(rules governance.Set) error {
	return s.Rules.put(ruled, Version[governance.Set]{Version: rules.Version, Seq: 1, Value: rules})
}

// ask is the entry of a transfer that the newest rules govern.
func ask(t testing.TB, s *State, request string) signedlog.RequestBody {
	t.Helper()
	doc := intenttest.Doc(intent.Transfer{
		Kind: intent.KindTransfer, V: 1, Account: ruled, AccountName: "Treasury", Crypto: intent.Crypto{Amount: "1.5", Asset: "ethereum"}, Chain: "eip155:31337",
		To: intent.Recipient{Address: "0x52908400098527886E0F7030069857D2E4169EE7"}, MaxFee: intent.Crypto{Amount: "0.0021", Asset: "ethereum"},
	})
	r, err := newRequest(signedlog.RequestBody{Request: request, Created: noon, Expires: noon + 3600, Intent: doc})
	if err != nil {
		t.Fatal(err)
	}
	r.GovernedBy = r.Pin(s.Govern(r))
	return r.RequestBody
}

func entry(t testing.TB, kind string, body any) signedlog.Entry {
	t.Helper()
	data, err := strictjson.Canonical(body)
	if err != nil {
		t.Fatal(err)
	}
	return signedlog.Entry{Seq: 1, At: noon, Type: kind, Body: data}
}

func TestARequestKeepsTheVersionOfTheRulesThatItWasMadeUnder(t *testing.T) {
	t.Parallel()
	const before, after = "req_aaaaaaaaaaaaaaaaaaaaaaaaaa", "req_bbbbbbbbbbbbbbbbbbbbbbbbbb"
	s := ruledVault(t, transfers(1, 1))
	if err := s.Apply(entry(t, signedlog.Request, ask(t, s, before)), ""); err != nil {
		t.Fatal(err)
	}
	if err := s.put(transfers(2, 2)); err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(entry(t, signedlog.Request, ask(t, s, after)), ""); err != nil {
		t.Fatal(err)
	}
	for id, version := range map[string]int{before: 1, after: 2} {
		r := s.Request(id)
		d := s.Decide(r, time.Unix(noon+60, 0))
		if r.GovernedBy.Version != version || d.Version != version || d.Digest != r.GovernedBy.Digest || d.Steps[0].Needed != version {
			t.Errorf("%s is pinned to %+v and decided by version %d, which needs %d approvals", id, r.GovernedBy, d.Version, d.Steps[0].Needed)
		}
	}
}

func TestVersionsOfRulesFollowEachOther(t *testing.T) {
	t.Parallel()
	s := ruledVault(t, transfers(3, 1))
	for _, version := range []int{1, 3} {
		if err := s.put(transfers(version, 2)); err == nil {
			t.Errorf("version %d was taken after version 3", version)
		}
	}
	if set, ok := s.Rules.at(ruled, Newest); !ok || set.Value.Rules[0].Steps[0].Quorum != 1 {
		t.Errorf("%+v", set)
	}
}

func TestAPinThatDoesNotFitTheRulesIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edit func(*statement.GovernedBy)
		why  string
	}{
		"another digest":   {func(g *statement.GovernedBy) { g.Digest = strings.Repeat("A", 43) }, "version 2 of the rules of acc_treasury has another digest"},
		"another version":  {func(g *statement.GovernedBy) { g.Version = 3 }, "there is no version 3 of the rules of acc_treasury"},
		"another rule set": {func(g *statement.GovernedBy) { g.RuleSet = "acc_ops" }, "there is no version 2 of the rules of acc_ops"},
		"another rule":     {func(g *statement.GovernedBy) { g.Rule = "small" }, "is not governed as it says"},
		"no rule":          {func(g *statement.GovernedBy) { *g = statement.GovernedBy{} }, "there is no version 0"},
		"an older version": {func(g *statement.GovernedBy) { g.Version, g.Digest = 1, transfers(1, 1).Digest() }, "is not governed as it says"},
	} {
		s := ruledVault(t, transfers(1, 1))
		if err := s.put(transfers(2, 2)); err != nil {
			t.Fatal(err)
		}
		b := ask(t, s, "req_aaaaaaaaaaaaaaaaaaaaaaaaaa")
		c.edit(&b.GovernedBy)
		if err := s.Apply(entry(t, signedlog.Request, b), ""); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v", name, err)
		}
		if s.Request(b.Request) != nil {
			t.Errorf("%s: the request is open", name)
		}
	}
}

// TestWhoReadsALogAsksTheRulesThatARequestPins asks as the gateway does, of what it keeps.
func TestWhoReadsALogAsksTheRulesThatARequestPins(t *testing.T) {
	t.Parallel()
	s := ruledVault(t, transfers(1, 1))
	b := ask(t, s, "req_aaaaaaaaaaaaaaaaaaaaaaaaaa")
	facts := governance.Facts{Kind: intent.KindTransfer, Account: ruled}
	if d := s.Ask(b, facts, Said{}, time.Unix(noon, 0), Newest); d.State != governance.Pending || d.Rule != "transfers" {
		t.Errorf("%+v", d)
	}
	b.GovernedBy.Digest = strings.Repeat("A", 43)
	if d := s.Ask(b, facts, Said{}, time.Unix(noon, 0), Newest); d.State != governance.Denied || d.Reasons[1] != "version 1 of the rules of acc_treasury has another digest" {
		t.Errorf("%+v", d)
	}
}
