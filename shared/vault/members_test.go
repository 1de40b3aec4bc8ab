package vault

import (
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/shared/ceremony"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
)

const erinKey seed = 20

// registers is what a member registers with an approval key; the channel key has the next
// seed.
func registers(t testing.TB, name string, key seed, edit func(*statement.Registration)) string {
	t.Helper()
	r := statement.Registration{V: 1, Type: "registration", Entity: "ent_sandbox", Member: "mem_" + strings.ToLower(name), Name: name,
		Approval: key.PublicKey().JWK(), Channel: (key + 1).PublicKey().JWK(), ChannelIn: statement.InToken, IssuedAt: noon}
	if edit != nil {
		edit(&r)
	}
	payload, err := statement.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jws.Sign(t.Context(), key, statement.TypRegistration, payload)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func invites(t testing.TB, name string, key seed) intent.MemberInvite {
	t.Helper()
	return intent.MemberInvite{Kind: intent.KindMemberInvite, V: 1, Member: "mem_" + strings.ToLower(name), Role: statement.Admin, Is: intent.Human, Registration: registers(t, name, key, nil)}
}

func replaces(t testing.TB, name string, from int, key seed) intent.MemberReplaceKeys {
	t.Helper()
	return intent.MemberReplaceKeys{Kind: intent.KindMemberReplaceKeys, V: 1, Member: "mem_" + strings.ToLower(name), FromVersion: from, Registration: registers(t, name, key, nil)}
}

// want asks for a change of the vault.
func (w *writer) want(request string, draft intent.Intent) {
	w.t.Helper()
	wants, err := draft.Fill(w.s)
	if err != nil {
		w.t.Fatal(err)
	}
	w.append(signedlog.Request, w.asks(request, wants))
}

// asks is the entry of a change that was filled.
func (w *writer) asks(request string, wants intent.Intent) signedlog.RequestBody {
	w.t.Helper()
	r, err := newRequest(signedlog.RequestBody{Request: request, Created: w.at, Expires: w.at + 3600, Intent: intenttest.Doc(wants)})
	if err != nil {
		w.t.Fatal(err)
	}
	if _, changes := wants.(intent.Change); changes {
		r.Impact = w.impact()
	}
	r.GovernedBy = r.Pin(w.s.Govern(r))
	return r.RequestBody
}

// change has Alice and Bob approve a change.
func (w *writer) change(request string, draft intent.Intent) {
	w.t.Helper()
	w.want(request, draft)
	w.decide(request, "mem_alice", statement.Approve, aliceKey)
	w.decide(request, "mem_bob", statement.Approve, bobKey)
	w.close(request)
	for id, r := range w.s.Open() {
		if r.stale {
			w.t.Fatalf("what governs %s changed", id)
		}
	}
}

// refused holds that no request can be made of a change that was not filled by the vault, or
// that the vault does not fill.
func (w *writer) refused(name string, draft intent.Change, code fault.Code) {
	w.t.Helper()
	wants, err := draft.Fill(w.s)
	if err == nil {
		err = w.s.Fits(wants)
	}
	if fault.CodeOf(err) != code {
		w.t.Errorf("%s: %v, want %s", name, err, code)
	}
	if wants == nil || intent.Refused(wants.(intent.Change).CheckFields()) != nil {
		return
	}
	if err := w.try(signedlog.Request, w.asks(older, wants)); err == nil {
		w.t.Errorf("%s: the log took it", name)
	}
}

func TestAnInvitedMemberCountsFromThenOnAndNotBefore(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.want(waiting, invites(t, "Erin", erinKey))
	if w.s.Member("mem_erin") != nil || w.s.Admins().Count != 2 {
		t.Error("who was invited is a member before anybody approved")
	}
	w.append(signedlog.Request, w.asks(unsent, suppliers(t, w)))
	w.decide(waiting, "mem_alice", statement.Approve, aliceKey)
	if err := w.try(signedlog.Approval, signedlog.DecisionBody{Request: unsent, Member: "mem_erin", JWS: "a.b.c"}); err == nil {
		t.Error("who was invited decides")
	}
	w.decide(waiting, "mem_bob", statement.Approve, bobKey)
	w.close(waiting)
	m := w.s.Member("mem_erin")
	if m == nil || m.Name != "Erin" || m.Role != statement.Admin || m.State != intent.Active || m.Is != intent.Human || !m.ApprovalKey.Equal(erinKey.PublicKey()) || w.s.Admins().Count != 3 {
		t.Fatalf("%+v of %+v", m, w.s.Admins())
	}
	if err := w.try(w.signed(unsent, "mem_bob", statement.Approve, bobKey)); err == nil {
		t.Error("what the change does since another took effect is not said, and it is approved")
	}
	w.renew(unsent)
	if err := w.try(w.signed(unsent, "mem_erin", statement.Approve, aliceKey)); err == nil {
		t.Error("the key of another signs for who was invited")
	}
	w.decide(unsent, "mem_erin", statement.Approve, erinKey)
	w.decide(unsent, "mem_bob", statement.Approve, bobKey)
	w.close(unsent)
	if _, version := w.s.Whitelist("wls_suppliers"); version != 1 {
		t.Error("what the new administrator approved did not take effect")
	}
}

// suppliers is a change that two administrators must approve.
func suppliers(t testing.TB, w *writer) intent.Intent {
	t.Helper()
	wants, err := intent.WhitelistPut{Kind: intent.KindWhitelistPut, V: 1, Whitelist: "wls_suppliers", Name: "Suppliers",
		Entries: []governance.Entry{{Address: "0x52908400098527886E0F7030069857D2E4169EE7", Chain: "eip155:1", Label: "Mill"}}}.Fill(w.s)
	if err != nil {
		t.Fatal(err)
	}
	return wants
}

func TestMembersStandInTheOrderInWhichTheyJoined(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.change(approved, invites(t, "Zoe", 20))
	w.change(waiting, invites(t, "Adam", 30))
	want := []string{"mem_alice", "mem_bob", "mem_zoe", "mem_adam"}
	var got, admins []string
	for _, m := range w.s.Current().Members {
		got = append(got, m.Member)
	}
	for _, m := range w.s.objects(Newest).Members {
		admins = append(admins, m.ID)
	}
	if !slices.Equal(got, want) || !slices.Equal(admins, want) {
		t.Errorf("%v, %v", got, admins)
	}
	if then := w.s.objects(1); len(then.Members) != 2 {
		t.Errorf("before they joined: %+v", then.Members)
	}
}

func TestWhatWasNotRegisteredForThisVaultIsRefused(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	as := func(edit func(*intent.MemberInvite)) intent.MemberInvite {
		m := invites(t, "Erin", erinKey)
		edit(&m)
		return m
	}
	good := registers(t, "Erin", erinKey, nil)
	w.refused("for another vault", as(func(m *intent.MemberInvite) {
		m.Registration = registers(t, "Erin", erinKey, func(r *statement.Registration) { r.Entity = "ent_other" })
	}), fault.Invalid)
	w.refused("by another member", as(func(m *intent.MemberInvite) { m.Member = "mem_eve" }), fault.Invalid)
	w.refused("with a changed signature", as(func(m *intent.MemberInvite) { m.Registration = good[:len(good)-4] + "AAAA" }), fault.SignatureInvalid)
	w.refused("signed by another key", as(func(m *intent.MemberInvite) {
		m.Registration = registers(t, "Erin", 22, func(r *statement.Registration) { r.Approval = erinKey.PublicKey().JWK() })
	}), fault.SignatureInvalid)
	w.refused("no registration", as(func(m *intent.MemberInvite) { m.Registration = "a.b.c" }), fault.SignatureInvalid)
	for name, edit := range map[string]func(m *intent.MemberInvite){
		"another name":        func(m *intent.MemberInvite) { m.Name = "Eve" },
		"another key":         func(m *intent.MemberInvite) { m.Keys.Approval = seed(44).PublicKey().JWK() },
		"another channel key": func(m *intent.MemberInvite) { m.Keys.Channel = seed(44).PublicKey().JWK() },
		"another fingerprint": func(m *intent.MemberInvite) { m.Keys.Fingerprint = strings.Repeat("A", 43) },
	} {
		filled, err := invites(t, "Erin", erinKey).Fill(w.s)
		if err != nil {
			t.Fatal(err)
		}
		m := filled.(intent.MemberInvite)
		edit(&m)
		if err := w.try(signedlog.Request, w.asks(older, m)); err == nil {
			t.Errorf("%s than was registered: the log took it", name)
		}
		if err := ceremony.Holds(m, "ent_sandbox"); fault.CodeOf(err) != fault.SignatureInvalid {
			t.Errorf("%s than was registered: a bridge shows it: %v", name, err)
		}
	}
}

func TestAKeyHasOneHolderForGood(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	with := func(edit func(*statement.Registration)) intent.MemberInvite {
		m := invites(t, "Erin", erinKey)
		m.Registration = registers(t, "Erin", erinKey, edit)
		return m
	}
	w.change(approved, replaces(t, "Bob", 1, 30))
	for name, k := range map[string]seed{"the channel key of Alice": 4, "the approval key of Alice": aliceKey, "the approval key that Bob had": bobKey, "the channel key that Bob had": 5, "the approval key of Bob": 30, "the vault's statement key": statementKey, "the vault's channel key": 9} {
		w.refused(name+" as a channel key", with(func(r *statement.Registration) { r.Channel = k.PublicKey().JWK() }), fault.Invalid)
	}
	w.refused("the approval key that Bob had, as Erin's", invites(t, "Erin", bobKey), fault.Invalid)
	w.refused("the key that Bob had, as Bob's", replaces(t, "Bob", 2, bobKey), fault.Invalid)
	w.refused("the keys that Bob has, again", replaces(t, "Bob", 2, 30), fault.Invalid)
	w.refused("an id that is taken", invites(t, "Alice", erinKey), fault.Conflict)
}

func TestOfTwoInvitationsWithOneKeyTheSecondIsBlocked(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.want(waiting, invites(t, "Eve", erinKey))
	w.change(approved, invites(t, "Erin", erinKey))
	if d := w.s.Decide(w.s.Request(waiting), time.Unix(w.at, 0)); d.State != governance.Blocked || !strings.Contains(d.Reasons[0], "that is or was that of mem_erin") {
		t.Errorf("%s: %q", d.State, d.Reasons)
	}
}

func TestAVaultHasAtMost64MembersWhoWereNotRevoked(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	for i := len(w.s.Members); i < statement.MaxMembers; i++ {
		id := "mem_more" + string(rune('a'+i/26)) + string(rune('a'+i%26))
		m := Membership{GenesisMember: statement.GenesisMember{Member: id, Name: "More", Role: statement.Operator}, State: intent.Active}
		if err := w.s.Members.put(id, Version[Membership]{Version: 1, Request: older, Value: m}); err != nil {
			t.Fatal(err)
		}
	}
	erin, err := invites(t, "Erin", erinKey).Fill(w.s)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.s.Fits(erin); fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), "64") {
		t.Error(err)
	}
	i, _ := w.s.Members.find("mem_moreaf")
	w.s.Members[i].Versions[0].Value.State = intent.Revoked
	if err := w.s.Fits(erin); err != nil {
		t.Errorf("with one who was revoked: %v", err)
	}
}

func TestAReplacedKeyNeverCountsAgainAndWhatItApprovedStays(t *testing.T) {
	t.Parallel()
	const newKey seed = 30
	w := enrolled(t)
	w.want(waiting, suppliers(t, w))
	w.decide(waiting, "mem_bob", statement.Approve, bobKey)
	w.append(signedlog.Request, w.asks(unsent, quorumOfOne(t, w)))
	w.change(approved, replaces(t, "Bob", 1, newKey))
	if m := w.s.Member("mem_bob"); m.Role != statement.Admin || !m.ApprovalKey.Equal(newKey.PublicKey()) || w.s.Admins().Count != 2 {
		t.Errorf("%+v", m)
	}
	if p, _ := w.s.Person("mem_bob"); p.Version != 2 || p.State != intent.Active {
		t.Errorf("%+v", p)
	}
	w.renew(unsent)
	if err := w.try(w.signed(unsent, "mem_bob", statement.Approve, bobKey)); err == nil {
		t.Error("the replaced key approves")
	}
	w.decide(unsent, "mem_bob", statement.Approve, newKey)
	if d := w.s.Decide(w.s.Request(waiting), time.Unix(w.at, 0)); !slices.Equal(d.Steps[0].Approved, []string{"mem_bob"}) {
		t.Errorf("what the replaced key approved before: %+v", d.Steps)
	}
	if err := w.try(w.signed(waiting, "mem_bob", statement.Approve, newKey)); err == nil {
		t.Error("Bob approves once with each key")
	}
	data, err := w.s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if w.s, err = Restore(data, statementKey.PublicKey(), w.s.past); err != nil {
		t.Fatal(err)
	}
	if err := w.try(w.signed(unsent, "mem_bob", statement.Approve, bobKey)); err == nil {
		t.Error("the replaced key approves after a restart")
	}
	w.decide(waiting, "mem_alice", statement.Approve, aliceKey)
	w.close(waiting)
	if _, version := w.s.Whitelist("wls_suppliers"); version != 1 {
		t.Error("what both approved did not take effect")
	}
}

func quorumOfOne(t testing.TB, w *writer) intent.Intent {
	t.Helper()
	wants, err := intent.AdminRulePut{Kind: intent.KindAdminRulePut, V: 1, FromVersion: 1, Quorum: 1}.Fill(w.s)
	if err != nil {
		t.Fatal(err)
	}
	return wants
}

func TestTheKeysOfAMemberAreReplacedWhileSuspendedAndNeverOnceRevoked(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.change(approved, invites(t, "Erin", erinKey))
	turn := func(kind string, from int) intent.MemberState {
		return intent.MemberState{Kind: kind, V: 1, Member: "mem_erin", FromVersion: from}
	}
	w.change(waiting, turn(intent.KindMemberSuspend, 1))
	w.change(unsent, replaces(t, "Erin", 2, 30))
	if m := w.s.Member("mem_erin"); m.State != intent.Suspended || m.Is != intent.Human || !m.ApprovalKey.Equal(seed(30).PublicKey()) {
		t.Errorf("%+v", m)
	}
	w.refused("under another name", intent.MemberReplaceKeys{Kind: intent.KindMemberReplaceKeys, V: 1, Member: "mem_erin", FromVersion: 3,
		Registration: registers(t, "Erin", 40, func(r *statement.Registration) { r.Name = "Eve" })}, fault.Invalid)
	w.change("req_eeeeeeeeeeeeeeeeeeeeeeeeee", turn(intent.KindMemberRevoke, 3))
	w.refused("keys of who was revoked", replaces(t, "Erin", 4, 40), fault.Conflict)
	w.refused("inviting who was revoked", invites(t, "Erin", 40), fault.Conflict)
}
