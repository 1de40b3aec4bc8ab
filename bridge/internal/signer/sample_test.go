package signer

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"countersign/bridge/internal/logfile"
	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/spec"
	"countersign/shared/statement"
)

func TestAVaultInWhichNothingCouldBeApprovedIsRefusedBeforeItsKeysAreMade(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	for name, edit := range map[string]func(*Draft){
		"a rule that is shown with an id":  func(d *Draft) { d.Accounts[0].Rules.Rules[0].Name = "all (acc_treasury)" },
		"a rule that begins a line":        func(d *Draft) { d.Accounts[0].Rules.Rules[0].Name = "> You pay" },
		"a rule with two spaces":           func(d *Draft) { d.Accounts[0].Rules.Rules[0].Name = "two  of three" },
		"a rule that cannot be seen":       func(d *Draft) { d.Accounts[0].Rules.Rules[0].Name = "\u2800" },
		"an account with a line of ours":   func(d *Draft) { d.Accounts[0].Name = "Treasury\u3000\u3000You pay 25.00 EUR" },
		"an account on no chain":           func(d *Draft) { d.Accounts[0].Chain = "mainnet" },
		"an entity with a filler":          func(d *Draft) { d.EntityName = "Sandbox\u3164Ltd" },
		"a member in two directions":       func(d *Draft) { d.Members[1].Name = "Bob בוב" },
		"a member with a pile of marks":    func(d *Draft) { d.Members[1].Name = "B" + strings.Repeat("\u0300\u0301", 8) },
		"a member whom only a group names": viaGroup,
		"two steps that need the same two": func(d *Draft) {
			s := d.Accounts[0].Rules.Rules[0].Steps
			s[0].Members = s[0].Members[:2]
			d.Accounts[0].Rules.Rules[0].Steps = append(s, governance.Step{Name: "again", Quorum: 1, Members: s[0].Members[:1]})
		},
		"a step that only auditors could take": func(d *Draft) { d.Members[0].Role, d.Members[1].Role = statement.Auditor, statement.Auditor },
	} {
		d := g.draft(twoOfThree())
		edit(&d)
		f, err := logfile.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		v := membertest.NewVault()
		deps := Deps{Vault: v, Storage: f, Rand: rand.Reader, Now: g.clock.now}
		_, err = Prepare(t.Context(), deps, d, nil)
		if code := fault.CodeOf(err); code != fault.StatementInvalid && code != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
		if len(v.Keys) != 0 {
			t.Errorf("%s: %d keys were made", name, len(v.Keys))
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAWrongNameIsReportedWhereItStandsInTheDraft(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	account := g.draft(twoOfThree()).Accounts[0].Account
	for want, edit := range map[string]func(*Draft){
		"accounts." + account + ".rules.two  of three.name": func(d *Draft) { d.Accounts[0].Rules.Rules[0].Name = "two  of three" },
		"accounts." + account + ".name":                     func(d *Draft) { d.Accounts[0].Name = "Trea  sury" },
		"accounts." + account + ".chain":                    func(d *Draft) { d.Accounts[0].Chain = "mainnet" },
		"entity_name":                                       func(d *Draft) { d.EntityName = "Sandbox  Ltd" },
		"members.mem_bob.name":                              func(d *Draft) { d.Members[1].Name = "Bob  B" },
	} {
		d := g.draft(twoOfThree())
		edit(&d)
		err := checkApprovable(d, g.clock.now())
		f, ok := fault.As(err)
		if !ok || f.Details["field"] != want || !strings.HasPrefix(f.Message, want+" ") || strings.Contains(err.Error(), "governed_by") {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestTwoMembersWithOneKeyAreBothNamed(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	d := g.draft(twoOfThree())
	d.Members[1].Approval = d.Members[0].Channel
	f, err := logfile.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	deps := Deps{Vault: membertest.NewVault(), Storage: f, Rand: rand.Reader, Now: g.clock.now}
	_, err = Prepare(t.Context(), deps, d, nil)
	if err == nil || !strings.Contains(err.Error(), "members.mem_bob.approval is the same key as members.mem_alice.channel, or its negative") {
		t.Errorf("error %v", err)
	}
}

func viaGroup(d *Draft) {
	d.Members[2].Name = "Carol\u200b"
	d.Groups = []governance.Group{{Group: "grp_ops", Name: "ops", Members: []string{"mem_carol"}}}
	d.Accounts[0].Rules = governance.Set{Version: 1, Rules: []governance.Rule{{Name: "all", Steps: []governance.Step{{Name: "one", Quorum: 1, Group: "grp_ops"}}}}}
}

func TestTheLongestNamesCanBeApproved(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	d := g.draft(fourEyes())
	long := strings.Repeat("界", 64)
	d.EntityName, d.Accounts[0].Name, d.Accounts[0].Rules.Rules[0].Name = long, long, long
	for i := range d.Members {
		d.Members[i].Name = long
	}
	if err := checkApprovable(d, time.Unix(1_795_208_400, 0)); err != nil {
		t.Error(err)
	}
	for _, kind := range intent.Kinds() {
		of, ok := longest[kind]
		page := intent.Doc(spec.Examples(t, "intent.md", kind+", version 1", "json")[0])
		wants, err := intent.Open(page)
		if err != nil {
			t.Fatal(err)
		}
		if _, changes := wants.(intent.Change); ok == changes {
			t.Errorf("a longest %s: %v, and it changes the vault: %v", kind, ok, changes)
		}
		if !ok {
			continue
		}
		st, err := sampleStatement(d, d.Accounts[0], d.Accounts[0].Rules.Rules[0], 1, d.Members[0], time.Unix(1_795_208_400, 0), of(d.Accounts[0]))
		if err != nil {
			t.Error(err)
		}
		if _, err := statement.Encode(st); err != nil {
			t.Error(err)
		}
	}
}
