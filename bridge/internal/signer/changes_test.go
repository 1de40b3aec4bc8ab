package signer

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/shared/vault"
)

// sandboxed is a vault whose rule names a group, and whose admin rule may be anything.
func sandboxed(t *testing.T) *rig {
	t.Helper()
	rules := twoOfThree()
	rules.Rules[0].Steps[0] = governance.Step{Name: "officers", Quorum: 1, Group: "grp_officers"}
	return newRigOf(t, rules, func(d *Draft) {
		d.Sandbox = true
		d.Groups = []governance.Group{{Group: "grp_officers", Name: "Officers", Members: []string{"mem_bob", "mem_carol"}}, {Group: "grp_spare", Name: "Spare", Members: []string{"mem_bob"}}}
	})
}

// change asks for a change of the vault; the code says how it was refused.
func (g *rig) change(id string, i intent.Intent) fault.Code {
	g.t.Helper()
	in := g.input(id)
	in.Intent = intenttest.Doc(i)
	return g.call("POST", "/v1/requests", in, nil)
}

// changed has two administrators approve a change.
func (g *rig) changed(i intent.Intent, members ...string) string {
	g.t.Helper()
	id := newRequestID(g.t)
	if code := g.change(id, i); code != "" {
		g.t.Fatal(code)
	}
	for _, m := range members {
		g.approves(m, id)
	}
	return id
}

func (g *rig) approves(member, id string) {
	g.t.Helper()
	l, code := membertest.Connect(g.t, g.call, g.people[member], g.enrol.File)
	if code != "" {
		g.t.Fatal(code)
	}
	if _, _, err := l.Decide(id, statement.Approve); err != nil {
		g.t.Fatal(err)
	}
}

func officers(from int, members ...string) intent.GroupPut {
	p := intent.GroupPut{Kind: intent.KindGroupPut, V: 1, Group: "grp_officers", FromVersion: from, Name: "Officers"}
	for _, m := range members {
		p.Members = append(p.Members, intent.Named{Member: "mem_" + m})
	}
	return p
}

func turns(kind, member string, from int) intent.MemberState {
	return intent.MemberState{Kind: kind, V: 1, Member: "mem_" + member, FromVersion: from}
}

func suppliers() intent.WhitelistPut {
	return intent.WhitelistPut{Kind: intent.KindWhitelistPut, V: 1, Whitelist: "wls_suppliers", Name: "Suppliers",
		Entries: []governance.Entry{{Address: "0x52908400098527886E0F7030069857D2E4169EE7", Chain: "eip155:31337", Label: "Mill"}}}
}

func quorum(from, n int) intent.AdminRulePut {
	return intent.AdminRulePut{Kind: intent.KindAdminRulePut, V: 1, FromVersion: from, Quorum: n}
}

func TestAGroupChangesWhenTheAdministratorsHaveApproved(t *testing.T) {
	t.Parallel()
	g := sandboxed(t)
	id := g.changed(officers(1, "alice"), "mem_alice")
	if got, version := g.service.state.Group("grp_officers"); version != 1 || got.Members[0] != "mem_bob" {
		t.Fatalf("one approval of two changed the group: %+v", got)
	}
	g.approves("mem_bob", id)
	got, version := g.service.state.Group("grp_officers")
	if version != 2 || !slices.Equal(got.Members, []string{"mem_alice"}) {
		t.Errorf("version %d: %+v", version, got)
	}
	r := g.look(id)
	if r.State != "APPROVED" || r.GovernedBy.RuleSet != governance.Admin || r.UseBy != nil {
		t.Errorf("%+v", r)
	}
	if code := g.change(id, officers(1, "alice")); code != "" {
		t.Errorf("asked again, as it was: %s", code)
	}
	if code := g.change(id, officers(1, "bob")); code != fault.Conflict {
		t.Errorf("asked again, as another: %s", code)
	}
	g.restart()
	if got, version := g.service.state.Group("grp_officers"); version != 2 || got.Members[0] != "mem_alice" {
		t.Errorf("after a restart, version %d: %+v", version, got)
	}
}

func TestOfTwoChangesOfOneVersionTheSecondIsBlocked(t *testing.T) {
	t.Parallel()
	g := sandboxed(t)
	first, second := g.changed(officers(1, "alice"), "mem_alice"), g.changed(officers(1, "bob"), "mem_alice")
	g.approves("mem_bob", first)
	r := g.look(second)
	if r.State != "BLOCKED" || !strings.Contains(r.Reasons[0], "the group is at version 2 now, and the change is of version 1") {
		t.Errorf("%s: %q", r.State, r.Reasons)
	}
	if got, version := g.service.state.Group("grp_officers"); version != 2 || got.Members[0] != "mem_alice" {
		t.Errorf("version %d: %+v", version, got)
	}
	if code := g.change(newRequestID(t), officers(1, "carol")); code != fault.Conflict {
		t.Errorf("a change of a version that is over: %s", code)
	}
}

func TestAMemberWhoIsSuspendedCountsForNothingUntilResumed(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	bob := mustConnect(t, g, "mem_bob")
	open := g.request(newRequestID(t)).Request
	g.approves("mem_bob", open)
	prompt := g.request(newRequestID(t)).Request
	shown, ferr := bob.Statement(prompt, statement.Approve)
	if ferr != nil {
		t.Fatal(ferr)
	}
	g.changed(turns(intent.KindMemberSuspend, "bob", 1), "mem_alice", "mem_carol")
	if _, err := bob.Submit(bob.Sign(shown)); err == nil {
		t.Error("a prompt that was open when its member was suspended was signed, and counts")
	}
	if _, code := membertest.Connect(t, g.call, g.people["mem_bob"], g.enrol.File); code != fault.CertificateBad {
		t.Errorf("a member who is suspended opens a channel: %q", code)
	}
	r := g.look(open)
	if r.State != "PENDING_APPROVAL" || len(r.Steps[0].Approved) != 0 || !slices.Equal(r.Steps[0].Waiting, []string{"mem_alice", "mem_carol"}) {
		t.Errorf("what Bob approved: %s, %+v", r.State, r.Steps)
	}
	g.approves("mem_alice", open)
	g.approves("mem_carol", open)
	if r := g.look(open); r.State != "APPROVED" || !slices.Equal(r.Steps[0].Approved, []string{"mem_alice", "mem_carol"}) {
		t.Errorf("%s, %+v", r.State, r.Steps)
	}
	g.changed(turns(intent.KindMemberResume, "bob", 2), "mem_alice", "mem_carol")
	g.approves("mem_bob", prompt)
	if r := g.look(open); !slices.Equal(r.Steps[0].Approved, []string{"mem_alice", "mem_carol"}) {
		t.Errorf("what was decided before changed: %+v", r.Steps)
	}
}

func TestAnApprovalCountsAgainWhenItsMemberDoes(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	open := g.request(newRequestID(t)).Request
	g.approves("mem_bob", open)
	g.changed(turns(intent.KindMemberSuspend, "bob", 1), "mem_alice", "mem_carol")
	g.approves("mem_alice", open)
	g.changed(turns(intent.KindMemberResume, "bob", 2), "mem_alice", "mem_carol")
	r := g.look(open)
	if r.State != "APPROVED" || !slices.Equal(r.Steps[0].Approved, []string{"mem_bob", "mem_alice"}) || !r.UseBy.Equal(g.clock.now().Add(governance.DefaultUse)) {
		t.Errorf("%s until %v, %+v", r.State, r.UseBy, r.Steps)
	}
	g.restart()
	if again := g.look(open); again.State != r.State || !again.UseBy.Equal(*r.UseBy) {
		t.Errorf("after a restart: %s until %v", again.State, again.UseBy)
	}
}

func TestAChangeAfterWhichSomethingCouldNeverBeApprovedIsRefused(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	for name, i := range map[string]intent.Intent{
		"a quorum of one":            quorum(1, 1),
		"a quorum of all":            quorum(1, 3),
		"a group of nobody":          intent.GroupPut{Kind: intent.KindGroupPut, V: 1, Group: "grp_new", Name: "New"},
		"an address without a check": intent.WhitelistPut{Kind: intent.KindWhitelistPut, V: 1, Whitelist: "wls_new", Name: "New", Entries: []governance.Entry{{Address: strings.ToLower("0x52908400098527886E0F7030069857D2E4169EE7"), Chain: "eip155:1", Label: "X"}}},
	} {
		if code := g.change(newRequestID(t), i); code != fault.Invalid {
			t.Errorf("%s: %q", name, code)
		}
	}
	g.changed(turns(intent.KindMemberRevoke, "carol", 1), "mem_alice", "mem_bob")
	for name, i := range map[string]intent.Intent{
		"one administrator for a quorum of two": turns(intent.KindMemberRevoke, "bob", 1),
		"one for a while":                       turns(intent.KindMemberSuspend, "bob", 1),
		"a group of a member who was revoked":   intent.GroupPut{Kind: intent.KindGroupPut, V: 1, Group: "grp_new", Name: "New", Members: []intent.Named{{Member: "mem_carol"}}},
	} {
		if code := g.change(newRequestID(t), i); code != fault.Invalid {
			t.Errorf("%s: %q", name, code)
		}
	}
	s := sandboxed(t)
	if code := s.change(newRequestID(t), intent.GroupRemove{Kind: intent.KindGroupRemove, V: 1, Group: "grp_officers", FromVersion: 1}); code != fault.Invalid {
		t.Errorf("a group that a rule names: %q", code)
	}
	spare := twoOfThree().Rules[0]
	spare.Steps = []governance.Step{{Name: "either", Any: []governance.Quorum{{Quorum: 1, Group: "grp_spare"}, {Quorum: 1, Group: "grp_officers"}}}}
	edited := s.changed(edits(1, spare), "mem_alice", "mem_bob")
	if r := s.look(edited); r.State != "APPROVED" {
		t.Fatalf("%s: %q", r.State, r.Reasons)
	}
	if code := s.change(newRequestID(t), intent.GroupRemove{Kind: intent.KindGroupRemove, V: 1, Group: "grp_spare", FromVersion: 1}); code != fault.Invalid {
		t.Errorf("a group that one of several quorums names: %q", code)
	}
	s.changed(edits(2, twoOfThree().Rules...), "mem_alice", "mem_bob")
	s.changed(intent.GroupRemove{Kind: intent.KindGroupRemove, V: 1, Group: "grp_spare", FromVersion: 1}, "mem_alice", "mem_bob")
	if got, version := s.service.state.Group("grp_spare"); version != 2 || got.Group != "" {
		t.Errorf("version %d: %+v", version, got)
	}
}

func TestWhatIsOpenKeepsItsApprovalsWhenMoreAreNeeded(t *testing.T) {
	t.Parallel()
	g := sandboxed(t)
	open := g.changed(officers(1, "alice"), "mem_alice")
	g.changed(quorum(1, 3), "mem_alice", "mem_bob")
	r := g.look(open)
	if r.State != "PENDING_APPROVAL" || r.GovernedBy.Version != 2 || r.Steps[0].Needed != 3 || !slices.Equal(r.Steps[0].Approved, []string{"mem_alice"}) {
		t.Fatalf("%s by %+v: %+v", r.State, r.GovernedBy, r.Steps)
	}
	g.restart()
	g.approves("mem_bob", open)
	if r := g.look(open); r.State != "PENDING_APPROVAL" {
		t.Errorf("two of three: %s", r.State)
	}
}

func TestWhatIsOpenIsApprovedWhenFewerAreNeeded(t *testing.T) {
	t.Parallel()
	g := sandboxed(t)
	open := g.changed(officers(1, "alice"), "mem_alice")
	untouched := g.request(newRequestID(t)).Request
	g.changed(quorum(1, 1), "mem_alice", "mem_bob")
	if r := g.look(open); r.State != "APPROVED" || r.GovernedBy.Version != 2 {
		t.Errorf("%s by %+v", r.State, r.GovernedBy)
	}
	if r := g.look(untouched); r.State != "PENDING_APPROVAL" || !slices.Equal(r.Steps[0].Waiting, []string{"mem_alice"}) {
		t.Errorf("a purchase that the group decides on: %s, %+v", r.State, r.Steps)
	}
}

func TestWhatIsDeniedSinceIsBlockedAndNothingElse(t *testing.T) {
	t.Parallel()
	rules := purchasesAndTransfers()
	rules.Rules[1].When = append(rules.Rules[1].When, governance.Condition{Whitelist: &governance.Whitelist{Whitelist: "wls_suppliers"}})
	mill := governance.Entry{Address: "0x52908400098527886E0F7030069857D2E4169EE7", Chain: "eip155:31337", Label: "Mill"}
	g := newRigOf(t, rules, func(d *Draft) {
		d.Whitelists = []governance.List{{Whitelist: "wls_suppliers", Name: "Suppliers", Entries: []governance.Entry{mill}}}
	})
	transfer, purchase := newRequestID(t), g.request(newRequestID(t)).Request
	if code := g.call("POST", "/v1/requests", g.sends(transfer), nil); code != "" {
		t.Fatal(code)
	}
	g.approves("mem_alice", transfer)
	g.approves("mem_alice", purchase)
	mill.Address = "0x8617E340B3D01FA5F11F306F4090FD50E238070D"
	g.changed(intent.WhitelistPut{Kind: intent.KindWhitelistPut, V: 1, Whitelist: "wls_suppliers", FromVersion: 1, Name: "Suppliers", Entries: []governance.Entry{mill}}, "mem_alice", "mem_bob")
	if r := g.look(transfer); r.State != "BLOCKED" || !strings.Contains(strings.Join(r.Reasons, "; "), "the address is not on its whitelist") {
		t.Errorf("%s: %q", r.State, r.Reasons)
	}
	if r := g.look(purchase); r.State != "PENDING_APPROVAL" || !slices.Equal(r.Steps[0].Approved, []string{"mem_alice"}) {
		t.Errorf("%s: %+v", r.State, r.Steps)
	}
	g.approves("mem_bob", purchase)
}

// TestAPowerCutAtAnyMomentOfAChangeLeavesItWholeOrUndone starts a signer from what was on
// the disk and in the vault at each moment while changes of each kind are approved, and
// requests that they concern are open.
func TestAPowerCutAtAnyMomentOfAChangeLeavesItWholeOrUndone(t *testing.T) {
	t.Parallel()
	g := sandboxed(t)
	g.segment = 3
	g.restart()
	open := g.request(newRequestID(t)).Request
	g.approves("mem_bob", g.changed(turns(intent.KindMemberRevoke, "alice", 1)))
	f := g.roll()
	done := []string{
		g.changed(officers(1, "carol"), "mem_bob", "mem_carol"),
		g.changed(intent.GroupRemove{Kind: intent.KindGroupRemove, V: 1, Group: "grp_spare", FromVersion: 1}, "mem_bob", "mem_carol"),
		g.changed(suppliers(), "mem_bob", "mem_carol"),
		g.changed(turns(intent.KindMemberSuspend, "bob", 1), "mem_alice", "mem_carol"),
		g.changed(turns(intent.KindMemberResume, "bob", 2), "mem_alice", "mem_carol"),
		g.changed(creates("acc_trading", "Trading"), "mem_bob", "mem_carol"),
		g.changed(invites(t, membertest.NewMember(t, "mem_erin", "Erin", jws.P256)), "mem_bob", "mem_carol"),
		g.changed(quorum(1, 1), "mem_bob", "mem_carol"),
		g.changed(replaces(t, membertest.NewMember(t, "mem_carol", "Carol", jws.P256), 1), "mem_bob"),
	}
	f.cut()
	g.stop()
	for i, m := range f.moments {
		for _, torn := range []int{0, 1, 700} {
			changesFrom(t, g, m, i, torn, done, open)
		}
	}
}

// changesFrom starts a signer from a moment: what is approved has changed the vault, what
// is not has not, and no open request waits to be asked again.
func changesFrom(t *testing.T, g *rig, m moment, i, torn int, done []string, open string) {
	t.Helper()
	again := startedFrom(t, g, m, i, torn)
	if again == nil {
		return
	}
	for _, id := range done {
		r, err := again.service.find(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if r == nil {
			continue
		}
		change := r.Wants.(intent.Change)
		if fits := again.service.state.Fits(change) == nil; fits == (r.Outcome == string(governance.Approved)) {
			t.Errorf("moment %d: %s is %q, and could take effect: %v", i, change.Title(), r.Outcome, fits)
		}
	}
	for id, r := range again.service.state.Open() {
		if r.Stale() {
			t.Errorf("moment %d: nothing says what governs %s", i, id)
		}
	}
	if r := again.look(open); r.State != "PENDING_APPROVAL" {
		t.Errorf("moment %d: the purchase is %s", i, r.State)
	}
	if err := again.file.Close(); err != nil {
		t.Error(err)
	}
}

// TestAVaultThatChangedIsTheSameFromItsGenesisAndFromACheckpoint compares the states.
func TestAVaultThatChangedIsTheSameFromItsGenesisAndFromACheckpoint(t *testing.T) {
	t.Parallel()
	g := sandboxed(t)
	g.segment = 4
	g.restart()
	open := g.changed(suppliers(), "mem_alice")
	g.changed(quorum(1, 3), "mem_alice", "mem_bob")
	g.changed(officers(1, "alice", "bob", "carol"), "mem_alice", "mem_bob", "mem_carol")
	g.request(newRequestID(t))
	digest := func() string {
		t.Helper()
		data, err := g.service.state.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		return vault.Digest(data)
	}
	was := digest()
	g.restart()
	if digest() != was {
		t.Error("from the checkpoint it is another one")
	}
	if err := os.Remove(filepath.Join(g.dir, "log.checkpoint")); err != nil {
		t.Fatal(err)
	}
	g.restart()
	if digest() != was {
		t.Error("from the genesis it is another one")
	}
	g.approves("mem_bob", open)
	g.approves("mem_carol", open)
	if r := g.look(open); r.State != "APPROVED" {
		t.Errorf("%s, %q", r.State, r.Reasons)
	}
}

// edits is a draft of the account with other rules.
func edits(from int, rules ...governance.Rule) intent.AccountEdit {
	return intent.AccountEdit{Kind: intent.KindAccountEdit, V: 1, Account: treasury, FromVersion: from, Name: "Treasury", Rules: governance.Set{Rules: rules}}
}

func TestANewVersionOfRulesKeepsApprovalsAndAddsTheStepsThatAreMissing(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	open, done := g.request(newRequestID(t)).Request, g.request(newRequestID(t)).Request
	g.approves("mem_alice", open)
	for _, m := range []string{"mem_alice", "mem_bob"} {
		g.approves(m, done)
	}
	step := func(name string, quorum int, members ...string) governance.Step {
		return governance.Step{Name: name, Quorum: quorum, Members: members}
	}
	g.changed(edits(1, governance.Rule{Name: "both", Steps: []governance.Step{step("first", 1, "mem_bob"), step("second", 1, "mem_alice", "mem_carol")}}), "mem_alice", "mem_bob")
	r := g.look(open)
	if r.State != "PENDING_APPROVAL" || r.GovernedBy.Version != 2 || r.GovernedBy.Rule != "both" || r.Step != 1 || len(r.Steps) != 2 {
		t.Fatalf("%s at step %d by %+v: %+v", r.State, r.Step, r.GovernedBy, r.Steps)
	}
	if was := g.look(done); was.State != "APPROVED" || was.GovernedBy.Version != 1 || len(was.Steps) != 1 || len(was.Steps[0].Approved) != 2 {
		t.Errorf("what was approved before changed: %+v", was)
	}
	g.approves("mem_bob", open)
	if r := g.look(open); r.State != "APPROVED" || !slices.Equal(r.Steps[1].Approved, []string{"mem_alice"}) {
		t.Errorf("the approval of before, for the second step: %s, %+v", r.State, r.Steps)
	}
	g.restart()
	if r := g.look(open); r.State != "APPROVED" || len(r.Steps) != 2 {
		t.Errorf("after a restart: %s, %+v", r.State, r.Steps)
	}
}

func TestRulesThatDenyWhatIsOpenBlockIt(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	open := g.request(newRequestID(t)).Request
	g.approves("mem_alice", open)
	rules := twoOfThree().Rules
	rules[0].When[0].Amount.Max = "100"
	g.changed(edits(1, rules...), "mem_alice", "mem_bob")
	if r := g.look(open); r.State != "BLOCKED" || r.Reasons[0] != "no rule allows this" {
		t.Errorf("%s: %q", r.State, r.Reasons)
	}
	for name, i := range map[string]intent.Intent{
		"rules of nobody":     edits(2, governance.Rule{Name: "all", Steps: []governance.Step{{Name: "one", Quorum: 1, Members: []string{"mem_eve"}}}}),
		"a group that is not": edits(2, governance.Rule{Name: "all", Steps: []governance.Step{{Name: "one", Quorum: 1, Group: "grp_none"}}}),
		"an unknown currency": edits(2, governance.Rule{Name: "all", When: []governance.Condition{{Amount: &governance.Amount{Currency: "EUX", Max: "1"}}}, Steps: rules[0].Steps}),
	} {
		if code := g.change(newRequestID(t), i); code != fault.Invalid {
			t.Errorf("%s: %q", name, code)
		}
	}
}
