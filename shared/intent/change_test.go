package intent

import (
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"countersign/shared/fault"
	"countersign/shared/field"
	"countersign/shared/governance"
)

// changedAccount is the account of the samples before they change it.
func changedAccount() Account {
	c := sampleOf[AccountEdit]()
	return Account{Name: "Treasury", Chain: "eip155:1", Version: 1, Rules: governance.Set{Version: 3, Rules: []governance.Rule{c.Before.Rules.Rules[0], wideRule(), c.Before.Rules.Rules[1]}}}
}

func named(members ...string) (all []Named) {
	for _, m := range members {
		all = append(all, Named{"mem_" + m, strings.ToUpper(m[:1]) + m[1:]})
	}
	return all
}

// changes are one good intent of each kind that changes the vault of [vaultOf].
func changes() []Change {
	mill := governance.Entry{Address: "0x8617E340B3D01FA5F11F306F4090FD50E238070D", Chain: "eip155:1", Label: "Northern Mill"}
	return []Change{
		GroupPut{Kind: KindGroupPut, V: 1, Group: "grp_officers", FromVersion: 2, Name: "Officers of the treasury", Members: named("bob", "alice"),
			Before: &GroupBefore{"Officers", named("bob", "carol")}, Purpose: "Carol left"},
		GroupRemove{Kind: KindGroupRemove, V: 1, Group: "grp_officers", FromVersion: 2, Name: "Officers", Members: named("bob", "carol")},
		WhitelistPut{Kind: KindWhitelistPut, V: 1, Whitelist: "wls_suppliers", FromVersion: 1, Name: "Suppliers",
			Entries: []governance.Entry{mill, {Address: "0x52908400098527886E0F7030069857D2E4169EE7", Chain: "eip155:1", Label: "Harbour & Sons"}},
			Before:  &WhitelistBefore{"Suppliers", []governance.Entry{mill}}},
		AdminRulePut{Kind: KindAdminRulePut, V: 1, FromVersion: 1, Quorum: 3, Before: 2, Admins: 4},
		AccountEdit{Kind: KindAccountEdit, V: 1, Account: "acc_treasury", FromVersion: 1, Name: "Treasury of the group", Tier: Treasury,
			Rules:  governance.Set{Version: 4, Rules: []governance.Rule{smallRule("2000"), wideRule(), {Name: "night", When: []governance.Condition{{Window: &governance.Window{From: "00:00", To: "06:00"}}}, Deny: true}}},
			Before: AccountBefore{Name: "Treasury", Order: []string{"small", "all", "weekend"}, Rules: governance.Set{Version: 3, Rules: []governance.Rule{smallRule("1000"), {Name: "weekend", When: []governance.Condition{{Window: &governance.Window{Days: []string{"sat", "sun"}, From: "00:00", To: "24:00"}}}, Deny: true}}}}},
		opened[MemberInvite](inviteDoc), opened[MemberReplaceKeys](replaceDoc), opened[VaultRotateKeys](rotateDoc),
		MemberState{Kind: KindMemberSuspend, V: 1, Member: "mem_bob", FromVersion: 1, Name: "Bob", Role: "OPERATOR"},
		MemberState{Kind: KindMemberResume, V: 1, Member: "mem_carol", FromVersion: 2, Name: "Carol", Role: "OPERATOR"},
		MemberState{Kind: KindMemberRevoke, V: 1, Member: "mem_bob", FromVersion: 1, Name: "Bob", Role: "OPERATOR"},
		AccountCreate{Kind: KindAccountCreate, V: 1, Account: "acc_trading", Name: "Trading", Chain: "eip155:1", Address: "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf",
			Tier: Trading, Parent: "acc_treasury", ParentName: "Treasury", Sweep: &Sweep{MaxFee: "0.001", PerDay: "0.02"}, Rules: governance.Set{Version: 1, Rules: []governance.Rule{smallRule("1000")}}, Purpose: "Everyday payments"},
		ReportingKeyCreate{Kind: KindReportingKeyCreate, V: 1, ReportingKey: "rpk_accounting", Name: "Accounting", Reads: ReadsAccounts, Accounts: []NamedAccount{{"acc_treasury", "Treasury"}},
			Verifier: verifier, Expires: 1826668800, Purpose: "The monthly report"},
		ReportingKeyRevoke{Kind: KindReportingKeyRevoke, V: 1, ReportingKey: "rpk_backoffice", FromVersion: 1, Name: "Back office", Purpose: "The back office moved"},
	}
}

// verifier is of the secret that shared/spec/tokens.md shows.
const verifier = "We5Vn0oWeK7zpOqzHgGEzDUf3L09Lhm3FDXjeWQvv3A"

func smallRule(most string) governance.Rule {
	return governance.Rule{Name: "small", When: []governance.Condition{{Amount: &governance.Amount{Currency: "EUR", Max: most}}, {Velocity: &governance.Velocity{Currency: "EUR", Seconds: 86400, Max: "5000"}}},
		Steps: []governance.Step{{Name: "treasury", Quorum: 1, Members: []string{"mem_alice", "mem_bob"}}}, UseWithin: 3600}
}

func wideRule() governance.Rule {
	return governance.Rule{Name: "all", Steps: []governance.Step{{Name: "treasury", Quorum: 2, Group: "grp_officers"}}}
}

func init() {
	for _, c := range changes() {
		samples[c.Facts().Kind] = c
	}
}

func TestTheVaultFillsWhatAChangeChanges(t *testing.T) {
	t.Parallel()
	for _, c := range changes() {
		draft := c.Drafted()
		if to, ok := c.(Receiver); ok {
			draft = draft.(Receiver).To(to.Receives().Address)
		}
		filled, err := draft.Fill(vaultOf{"acc_treasury": changedAccount()})
		if err != nil || !Same(filled, c) {
			t.Errorf("%s: %+v, %v", c.Noun(), filled, err)
		}
		if err := c.CheckNow(); err != nil {
			t.Errorf("%s: %v", c.Noun(), err)
		}
	}
	draft := GroupPut{Kind: KindGroupPut, V: 1, Group: "grp_officers", FromVersion: 2, Name: "Officers of the treasury",
		Members: []Named{{Member: "mem_bob"}, {Member: "mem_alice"}}, Purpose: "Carol left"}
	if filled, err := draft.Fill(vaultOf{}); err != nil || !Same(filled, changes()[0]) {
		t.Errorf("%+v, %v", filled, err)
	}
}

func TestAChangeOfAnotherVersionThanTheVaultHasIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change Change
		code   fault.Code
		field  string
	}{
		"a group that moved on":         {GroupPut{Group: "grp_officers", FromVersion: 1, Members: named("bob")}, fault.Conflict, "from_version"},
		"a new group that there is":     {GroupPut{Group: "grp_officers", Members: named("bob")}, fault.Conflict, "from_version"},
		"a new group that there was":    {GroupPut{Group: "grp_gone", Members: named("bob")}, fault.Conflict, "from_version"},
		"a group that there never was":  {GroupPut{Group: "grp_other", FromVersion: 1, Members: named("bob")}, fault.Conflict, "from_version"},
		"a group with a stranger":       {GroupPut{Group: "grp_other", Members: named("eve")}, fault.NotFound, "members"},
		"removing what was removed":     {GroupRemove{Group: "grp_gone", FromVersion: 3}, fault.NotFound, "group"},
		"removing another version":      {GroupRemove{Group: "grp_officers", FromVersion: 1}, fault.Conflict, "from_version"},
		"a whitelist that moved on":     {WhitelistPut{Whitelist: "wls_suppliers", FromVersion: 2}, fault.Conflict, "from_version"},
		"an admin rule that moved on":   {AdminRulePut{FromVersion: 2, Quorum: 3}, fault.Conflict, "from_version"},
		"a member who moved on":         {MemberState{Kind: KindMemberSuspend, Member: "mem_bob", FromVersion: 2}, fault.Conflict, "from_version"},
		"suspending who is suspended":   {MemberState{Kind: KindMemberSuspend, Member: "mem_carol", FromVersion: 2}, fault.Conflict, "member"},
		"resuming who is active":        {MemberState{Kind: KindMemberResume, Member: "mem_bob", FromVersion: 1}, fault.Conflict, "member"},
		"resuming who is revoked":       {MemberState{Kind: KindMemberResume, Member: "mem_dave", FromVersion: 2}, fault.Conflict, "member"},
		"revoking who is revoked":       {MemberState{Kind: KindMemberRevoke, Member: "mem_dave", FromVersion: 2}, fault.Conflict, "member"},
		"a key of an id that there is":  {ReportingKeyCreate{ReportingKey: "rpk_backoffice"}, fault.Conflict, "reporting_key"},
		"a key of an id that there was": {ReportingKeyCreate{ReportingKey: "rpk_former"}, fault.Conflict, "reporting_key"},
		"a key for an unknown account":  {ReportingKeyCreate{ReportingKey: "rpk_other", Accounts: []NamedAccount{{Account: "acc_other"}}}, fault.NotFound, "accounts.0.account"},
		"revoking a key that moved on":  {ReportingKeyRevoke{ReportingKey: "rpk_backoffice", FromVersion: 2}, fault.Conflict, "from_version"},
		"revoking a revoked key":        {ReportingKeyRevoke{ReportingKey: "rpk_former", FromVersion: 2}, fault.Conflict, "reporting_key"},
		"revoking a key that never was": {ReportingKeyRevoke{ReportingKey: "rpk_other", FromVersion: 1}, fault.NotFound, "reporting_key"},
		"revoking a stranger":           {MemberState{Kind: KindMemberRevoke, Member: "mem_eve", FromVersion: 1}, fault.NotFound, "member"},
	} {
		_, err := c.change.Fill(vaultOf{})
		if f, _ := fault.As(err); f == nil || f.Code != c.code || f.Details["field"] != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := (GroupPut{Group: "grp_gone", FromVersion: 3, Members: named("bob")}).Fill(vaultOf{}); err != nil {
		t.Errorf("a group that was removed comes back: %v", err)
	}
}

// TestEverythingInARuleIsRead walks the fields of a rule: whatever one says is in a line,
// and nothing in it passes for several fields or lines.
func TestEverythingInARuleIsRead(t *testing.T) {
	t.Parallel()
	r := governance.Rule{Name: "all", When: []governance.Condition{{Whitelist: &governance.Whitelist{Whitelist: "wls_suppliers", Providers: []string{"north, max 1\nYou pay 1"}}},
		{Recipient: &governance.Recipient{Children: true, Accounts: []string{"acc_trading"}}}},
		Steps:  []governance.Step{{Name: "either, quorum 9", Any: []governance.Quorum{{Quorum: 1, Group: "grp_a"}, {Quorum: 2, Members: []string{"mem_bob", "mem_eve"}}}, Delay: 60}},
		Within: 3600, UseWithin: 60}
	var got []string
	for _, l := range ruleLines(r) {
		got = append(got, l.Label+": "+l.Value)
	}
	want := []string{
		`when: whitelist: whitelist wls_suppliers, providers "'north, max 1\nYou pay 1'"`,
		`when: recipient: children, accounts acc_trading`,
		`step: name "either, quorum 9", any (quorum 1, group grp_a) + (quorum 2, members mem_bob + mem_eve), delay 60`,
		"within: 3600", "use_within: 60",
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("- want, + got:\n%s", diff)
	}
}

func TestTheFieldsOfAChangeAreChecked(t *testing.T) {
	t.Parallel()
	group := func(f func(*GroupPut)) Change { g := changes()[0].(GroupPut); f(&g); return g }
	list := func(f func(*WhitelistPut)) Change {
		w := sampleOf[WhitelistPut]()
		w.Entries = append([]governance.Entry{}, w.Entries...)
		f(&w)
		return w
	}
	key := func(f func(*ReportingKeyCreate)) Change {
		k := sampleOf[ReportingKeyCreate]()
		k.Accounts = append([]NamedAccount{}, k.Accounts...)
		f(&k)
		return k
	}
	for name, c := range map[string]struct {
		change Change
		field  string
	}{
		"a group without members":        {group(func(g *GroupPut) { g.Members = nil }), "members"},
		"a group with a member twice":    {group(func(g *GroupPut) { g.Members = named("bob", "bob") }), "members.1.member"},
		"a member without a name":        {group(func(g *GroupPut) { g.Members = []Named{{Member: "mem_bob"}} }), "members.0.name"},
		"a group of another id":          {group(func(g *GroupPut) { g.Group = "wls_officers" }), "group"},
		"a group without a name":         {group(func(g *GroupPut) { g.Name = "" }), "name"},
		"a version below zero":           {group(func(g *GroupPut) { g.FromVersion = -1 }), "from_version"},
		"an address without its check":   {list(func(w *WhitelistPut) { w.Entries[0].Address = strings.ToLower(w.Entries[0].Address) }), "entries.0.address"},
		"an address on an unknown chain": {list(func(w *WhitelistPut) { w.Entries[1].Chain = "eip155:5" }), "entries.1.address"},
		"an address twice":               {list(func(w *WhitelistPut) { w.Entries[1] = w.Entries[0] }), "entries.1.address"},
		"an address without a label":     {list(func(w *WhitelistPut) { w.Entries[1].Label = "" }), "entries.1.label"},
		"a whitelist of nothing":         {list(func(w *WhitelistPut) { w.Entries = nil }), "entries"},
		"a quorum of nobody":             {AdminRulePut{Kind: KindAdminRulePut, V: 1, FromVersion: 1, Before: 2, Admins: 3}, "quorum"},
		"a key for no account":           {key(func(k *ReportingKeyCreate) { k.Accounts = nil }), "accounts"},
		"a key for all and for one":      {key(func(k *ReportingKeyCreate) { k.Reads = ReadsAll }), "accounts"},
		"a key that does not say":        {key(func(k *ReportingKeyCreate) { k.Reads = "" }), "reads"},
		"a key for an account twice":     {key(func(k *ReportingKeyCreate) { k.Accounts = append(k.Accounts, k.Accounts[0]) }), "accounts.1.account"},
		"a key for a group":              {key(func(k *ReportingKeyCreate) { k.Accounts[0].Account = "grp_officers" }), "accounts.0.account"},
		"a key without a name":           {key(func(k *ReportingKeyCreate) { k.Name = "" }), "name"},
		"a key of another id":            {key(func(k *ReportingKeyCreate) { k.ReportingKey = "key_accounting" }), "reporting_key"},
		"a key without a verifier":       {key(func(k *ReportingKeyCreate) { k.Verifier = "" }), "verifier"},
		"a key with its secret":          {key(func(k *ReportingKeyCreate) { k.Verifier = "ol_test_Kb1M7K24EuBEAlojVP0Wlixajigw9C2RzoLx" }), "verifier"},
		"a key of before all times":      {key(func(k *ReportingKeyCreate) { k.Expires = -1 }), "expires"},
		"a key in milliseconds":          {key(func(k *ReportingKeyCreate) { k.Expires = 1826668800000 }), "expires"},
		"a revocation of no version":     {ReportingKeyRevoke{Kind: KindReportingKeyRevoke, V: 1, ReportingKey: "rpk_backoffice", Name: "Back office"}, "from_version"},
		"an unknown turn":                {MemberState{Kind: "member.promote", V: 1}, "kind"},
	} {
		p, _ := c.change.CheckNow().(*field.Problem)
		if p == nil || p.Field != c.field {
			t.Errorf("%s: %v", name, p)
		}
	}
}

// The order of rules decides which of them governs: a rule that moves is not one that stays.
func TestARuleThatMovesIsShownWithItsPlaceBefore(t *testing.T) {
	t.Parallel()
	a := AccountEdit{Account: "acc_treasury", FromVersion: 1, Name: "Treasury", Rules: governance.Set{Version: 2, Rules: []governance.Rule{wideRule(), smallRule("1000")}},
		Before: AccountBefore{Name: "Treasury", Order: []string{"small", "all"}, Rules: governance.Set{Version: 1, Rules: []governance.Rule{smallRule("2000")}}}}
	var told []string
	for _, l := range a.Lines() {
		if strings.HasPrefix(l.Label, "Rule ") {
			told = append(told, l.Value)
		}
	}
	if want := []string{"all, stays, was rule 2", "small, changes, was rule 1"}; !slices.Equal(told, want) {
		t.Errorf("%q, want %q", told, want)
	}
}
