package rehearsal

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"countersign/shared/governance"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
)

// sample is a vault with a mistake of each kind.
func sample() Vault {
	eur := func(low, high string) governance.Condition {
		return governance.Condition{Amount: &governance.Amount{Currency: "EUR", Min: low, Max: high}}
	}
	daily := func(max string) governance.Condition {
		return governance.Condition{Velocity: &governance.Velocity{Currency: "EUR", Seconds: 86400, Max: max}}
	}
	kinds := func(all ...string) governance.Condition {
		return governance.Condition{Filter: &governance.Filter{Kinds: all}}
	}
	step := func(name string, quorum int, ids ...string) governance.Step {
		return governance.Step{Name: name, Quorum: quorum, Members: ids}
	}
	return Vault{
		Members: []Member{{"mem_alice", "Alice", statement.Admin, ""}, {"mem_bob", "Bob", statement.Admin, ""}, {"mem_carol", "Carol", statement.Operator, ""}, {"mem_dave", "Dave", statement.Auditor, ""}},
		Admin:   &Admin{2},
		Groups:  []governance.Group{{Group: "grp_officers", Name: "Officers", Members: []string{"mem_alice", "mem_bob", "mem_carol"}}},
		Accounts: []Account{{Account: "acc_treasury", Name: "Treasury", Rules: governance.Set{Version: 2,
			Rules: []governance.Rule{
				{Name: "small", When: []governance.Condition{eur("", "1000"), daily("40000")}, Steps: []governance.Step{step("one", 1, "mem_bob")}},
				{Name: "none", When: []governance.Condition{kinds("buy"), eur("", "10"), eur("20", "")}, Deny: true},
				{Name: "large", When: []governance.Condition{eur("", "100000")}, Steps: []governance.Step{{Name: "two", Quorum: 2, Group: "grp_officers"}}},
				{Name: "middle", When: []governance.Condition{eur("500", "5000")}, Steps: []governance.Step{step("one", 1, "mem_carol")}},
				{Name: "swiss", When: []governance.Condition{{Amount: &governance.Amount{Currency: "CHF", Min: "1"}}},
					Steps: []governance.Step{step("first", 1, "mem_alice"), step("second", 1, "mem_alice"), step("third", 1, "mem_bob")}},
				{Name: "night", When: []governance.Condition{kinds("transfer"), {Window: &governance.Window{From: "00:00", To: "06:00"}}}, Deny: true},
			}}}},
	}
}

func TestEachFindingIsOneSentence(t *testing.T) {
	t.Parallel()
	v := sample()
	if err := v.Check(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range Rehearse(v) {
		got = append(got, string(f.Severity)+" "+string(f.Code)+": "+f.Text)
	}
	want := []string{
		`warning moves_alone: Bob alone can move up to 40,000 EUR a day in purchases of Treasury, at most 1,000 in one request`,
		`note moves_together: Alice and Bob, or Bob and Carol together can move any amount of EUR a day in purchases of Treasury, at most 100,000 in one request`,
		`note moves_together: Alice and Carol together can move any amount of EUR a day in purchases of Treasury, at most 100,000 in one request`,
		`note unmatched: nobody can approve, of Treasury, purchases in another currency than EUR or CHF; purchases of less than 1 in CHF; purchases of more than 100,000 in EUR: no rule matches`,
		`note unmatched: nobody can approve, of Treasury, transfers made on any day from 06:00 to 24:00 UTC: no rule matches`,
		`alert unapprovable: nobody can approve what rule "swiss" of Treasury governs: purchases of at least 1 in CHF`,
		`warning unreachable_step: step "third" of rule "swiss" of Treasury is never reached: the steps before it can never be taken`,
		`warning contradiction: rule "none" of Treasury never matches: no request meets all its conditions`,
		`warning idle_deny: rule "night" of Treasury denies nothing that would be allowed without it`,
		`warning dead_rule: rule "middle" of Treasury governs nothing: rule "large" before it matches everything that it matches`,
		`warning each_needed: step "one" of rule "small" of Treasury needs Bob: one lost token breaks it`,
		`alert token_lost: if the token of Alice is lost, the administrators can change nothing: 2 administrators are needed, and 1 would be left`,
		`warning token_lost: if the token of Bob is lost, nobody can approve what rule "small" of Treasury governs`,
		`alert token_lost: if the token of Bob is lost, the administrators can change nothing: 2 administrators are needed, and 1 would be left`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestAConditionThatIsNotKnownNeverMakesAFinding(t *testing.T) {
	t.Parallel()
	v := sample()
	set := &v.Accounts[0].Rules
	set.Rules = []governance.Rule{
		{Name: "odd", When: []governance.Condition{{}}, Steps: []governance.Step{{Name: "one", Quorum: 1, Members: []string{"mem_bob"}}}},
		{Name: "rest", Steps: []governance.Step{{Name: "one", Quorum: 1, Members: []string{"mem_carol"}}}},
	}
	found := Rehearse(v)
	if coded(found, DeadRule, "rest") || coded(found, Contradiction, "odd") || !coded(found, NotJudged, "odd") {
		t.Errorf("%v", found)
	}
	for _, who := range []string{"mem_bob", "mem_carol"} {
		if !slices.ContainsFunc(found, func(f Finding) bool { return f.Code == MovesAlone && f.Members[0] == who && f.Day == "" }) {
			t.Errorf("%s can move something, and %v does not say it", who, found)
		}
	}
}

func TestShortWindowsAllowTheirMaxSeveralTimesADay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		counted int64
		want    string
	}{{3600, "2400"}, {86400, "100"}, {50000, "200"}, {604800, "100"}} {
		if got := maxInDay("100", c.counted); got != c.want {
			t.Errorf("counted %d seconds: %s, want %s", c.counted, got, c.want)
		}
	}
	v := sample() // approvals that can be used for a day count for a day
	rules := &v.Accounts[0].Rules.Rules[0]
	rules.When[1].Velocity.Seconds = 3600
	r := newRules(v, v.Accounts[0])
	if got := r.counted(*rules.When[1].Velocity); got != 86400 {
		t.Error(got)
	}
	for i := range r.account.Rules.Rules {
		if !r.account.Rules.Rules[i].Deny {
			r.account.Rules.Rules[i].UseWithin = 60
		}
	}
	if got := r.counted(*rules.When[1].Velocity); got != 3600 {
		t.Error(got)
	}
}

func TestAVaultWithAMistakeIsRefusedByItsField(t *testing.T) {
	t.Parallel()
	for field, edit := range map[string]func(*Vault){
		"members":            func(v *Vault) { v.Members = nil },
		"members.1.member":   func(v *Vault) { v.Members[1].Member = "mem_alice" },
		"members.0.role":     func(v *Vault) { v.Members[0].Role = "KING" },
		"admin_rule.quorum":  func(v *Vault) { v.Admin.Quorum = 3 },
		"accounts":           func(v *Vault) { v.Accounts = nil },
		"accounts.0.account": func(v *Vault) { v.Accounts[0].Account = "treasury" },
		"accounts.0.rules.rules.small.steps.one.members": func(v *Vault) { v.Accounts[0].Rules.Rules[0].Steps[0].Members = []string{"mem_dave"} },
	} {
		v := sample()
		edit(&v)
		refused(t, v.Check(), field)
	}
}

func TestManyMembersAreCountedAndNotEachListed(t *testing.T) {
	t.Parallel()
	v := sample()
	v.Members = v.Members[:1]
	for i := range 63 {
		v.Members = append(v.Members, Member{fmt.Sprintf("mem_m%02d", i), fmt.Sprintf("Member %02d of a long list of people who may", i), statement.Operator, ""})
	}
	v.Admin, v.Groups[0].Members = nil, nil
	for _, m := range v.Members {
		v.Groups[0].Members = append(v.Groups[0].Members, m.Member)
	}
	set := &v.Accounts[0].Rules
	set.Rules = nil
	for i := range 32 {
		set.Rules = append(set.Rules, governance.Rule{Name: fmt.Sprintf("to %d", i+1), When: []governance.Condition{{Amount: &governance.Amount{Currency: "EUR", Max: fmt.Sprint(i + 1)}}},
			Steps: []governance.Step{{Name: "three", Quorum: 3, Group: "grp_officers"}}})
	}
	if err := v.Check(); err != nil {
		t.Fatal(err)
	}
	found := Rehearse(v)
	p := bought(0, "1000", "mem_alice") // whose reasons name everybody
	set.Rules[0].Steps[0].Quorum = 64
	r, err := Compare(sample(), v, &signedlog.Mark{Size: 1, Head: v.Digest()}, History(p, p.open(), bought(0, "1", "mem_alice").open()), nil)
	if err != nil {
		t.Fatal(err)
	}
	data, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := DecodeReport(data); err != nil {
		t.Errorf("a long report: %v", err)
	}
	if f := found[0]; f.Code != MovesTogether || len(f.Together) != maxListed || len(f.Together)+f.More < 64*63*62/6 {
		t.Errorf("%d sets and %d more: %s", len(f.Together), f.More, f.Text)
	}
}

func TestWhatAssetsAreWorthIsCountedInItsCurrency(t *testing.T) {
	t.Parallel()
	v := sample()
	v.Accounts[0].Rules.Rules = []governance.Rule{{Name: "sends", RateWithin: 300, When: []governance.Condition{{Filter: &governance.Filter{Kinds: []string{"transfer"}}},
		{Amount: &governance.Amount{Currency: "EUR", Max: "1000"}}, {Velocity: &governance.Velocity{Currency: "EUR", Seconds: 86400, Max: "40000"}}},
		Steps: []governance.Step{{Name: "one", Quorum: 1, Members: []string{"mem_bob"}}}}}
	if err := v.Check(); err != nil {
		t.Fatal(err)
	}
	want := "Bob alone can move up to 40,000 EUR in value a day in transfers of Treasury, at most 1,000 in one request"
	if f := Rehearse(v)[0]; f.Text != want || f.Currency != "EUR" || f.Day != "40000" {
		t.Errorf("%+v", f)
	}
}

func TestWhatCanBeReplacedIsSaidByItsFees(t *testing.T) {
	t.Parallel()
	v := sample()
	v.Accounts[0].Rules.Rules = []governance.Rule{{Name: "replaces", When: []governance.Condition{{Filter: &governance.Filter{Kinds: []string{"replace"}}},
		{Amount: &governance.Amount{Currency: "ethereum", Max: "0.1"}}, {Velocity: &governance.Velocity{Currency: "ethereum", Seconds: 86400, Max: "1"}}},
		Steps: []governance.Step{{Name: "one", Quorum: 1, Members: []string{"mem_bob"}}}}}
	if err := v.Check(); err != nil {
		t.Fatal(err)
	}
	want := "Bob alone can move up to 1 ethereum a day in fees of replacements of Treasury, at most 0.1 in one request"
	if f := Rehearse(v)[0]; f.Text != want || f.Kind != "replace" {
		t.Errorf("%+v", f)
	}
}

func TestWhoCanHaveMessagesSignedCanMoveAnyAmount(t *testing.T) {
	t.Parallel()
	v := sample()
	v.Accounts[0].Rules.Rules = []governance.Rule{{Name: "messages", When: []governance.Condition{{Filter: &governance.Filter{Kinds: []string{"message"}}}},
		Steps: []governance.Step{{Name: "one", Quorum: 1, Members: []string{"mem_bob"}}}}}
	if err := v.Check(); err != nil {
		t.Fatal(err)
	}
	want := "Bob alone can move any amount of each asset a day in messages of Treasury"
	if f := Rehearse(v)[0]; f.Text != want || f.Kind != "message" {
		t.Errorf("%+v", f)
	}
	v.Accounts[0].Rules.Rules[0].When = append(v.Accounts[0].Rules.Rules[0].When, governance.Condition{Amount: &governance.Amount{Currency: "ethereum", Max: "1"}})
	if all := Rehearse(v); !slices.ContainsFunc(all, func(f Finding) bool {
		return f.Kind == "message" && f.Text == "nobody can approve messages of Treasury: no rule is for them"
	}) {
		t.Errorf("a rule with an amount is for messages: %+v", all)
	}
}

func TestWhatProgramsAndTimeDecideNeedsNoMember(t *testing.T) {
	t.Parallel()
	v := sample()
	v.Accounts[0].Rules.Rules = []governance.Rule{{Name: "checked", Steps: []governance.Step{{Name: "screen", Reviewer: "mem_carol"}, {Name: "wait", Delay: 3600}}}}
	if err := v.Check(); err != nil {
		t.Fatal(err)
	}
	want := "whoever asks, without the approval of any member, can move any amount of each currency a day in purchases of Treasury, as far as Carol approves it"
	if f := Rehearse(v)[0]; f.Text != want || f.Code != MovesItself || f.Severity != Alert {
		t.Errorf("%+v", f)
	}
	if got := NewBackTest(v).Take(bought(0, "5", "mem_bob")); got.Effect != Unknown || got.Reason != `rule "checked" asks a program, whose verdict is not recorded` {
		t.Errorf("%+v", got)
	}
}

func TestAnAccountThatPaysOwnAccountsOnlyIsSaidToPayThem(t *testing.T) {
	t.Parallel()
	pays := func(r governance.Recipient) []string {
		rule := governance.Rule{Name: "fund", When: []governance.Condition{{Filter: &governance.Filter{Kinds: []string{"transfer"}}}, {Recipient: &r}},
			Steps: []governance.Step{{Name: "one", Quorum: 1, Members: []string{"mem_alice"}}}}
		never := governance.Set{Version: 1, Rules: []governance.Rule{{Name: "never", Deny: true}}}
		v := Vault{Members: people, Accounts: []Account{
			{Account: "acc_treasury", Name: "Treasury", Rules: governance.Set{Version: 1, Rules: []governance.Rule{rule}}},
			{Account: "acc_trading", Name: "Trading", Parent: "acc_treasury", Rules: never}, {Account: "acc_payroll", Name: "Payroll", Rules: never},
		}}
		if err := v.Check(); err != nil {
			t.Fatal(err)
		}
		var said []string
		for _, f := range Rehearse(v) {
			said = append(said, f.Text)
		}
		return said
	}
	for want, r := range map[string]governance.Recipient{
		"Alice alone can move any amount of each asset a day in transfers of Treasury, to Trading only":             {Children: true},
		"Alice alone can move any amount of each asset a day in transfers of Treasury, to Payroll only":             {Accounts: []string{"acc_payroll"}},
		"Alice alone can move any amount of each asset a day in transfers of Treasury, to Trading and Payroll only": {Children: true, Accounts: []string{"acc_payroll"}},
	} {
		if said := pays(r); !slices.Contains(said, want) {
			t.Errorf("%q has not %q", said, want)
		}
	}
}
