package signer

import (
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/shared/wire"
)

// certify gives a member the certificate that the signer signs of them now.
func (g *rig) certify(m *membertest.Member) fault.Code {
	g.t.Helper()
	var c wire.Certificate
	code := g.call("GET", "/v1/members/"+m.ID+"/certificate", nil, &c)
	if code == "" {
		m.Certificate = c.Certificate
	}
	return code
}

func invites(t testing.TB, m *membertest.Member) intent.MemberInvite {
	t.Helper()
	return intent.MemberInvite{Kind: intent.KindMemberInvite, V: 1, Member: m.ID, Role: statement.Admin, Is: intent.Human, Registration: m.Register(t, "ent_sandbox")}
}

func replaces(t testing.TB, m *membertest.Member, from int) intent.MemberReplaceKeys {
	t.Helper()
	return intent.MemberReplaceKeys{Kind: intent.KindMemberReplaceKeys, V: 1, Member: m.ID, FromVersion: from, Registration: m.Register(t, "ent_sandbox")}
}

func TestAMemberJoinsAVaultThatRuns(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	erin := membertest.NewMember(t, "mem_erin", "Erin", jws.P256)
	open := g.changed(suppliers(), "mem_alice")
	if code := g.certify(erin); code != fault.NotFound {
		t.Errorf("the certificate of nobody: %q", code)
	}
	joins := g.changed(invites(t, erin), "mem_alice")
	if code := g.certify(erin); code != fault.NotFound {
		t.Errorf("the certificate of who was invited and not approved: %q", code)
	}
	g.approves("mem_bob", joins)
	if r := g.look(joins); r.State != "APPROVED" {
		t.Fatalf("%s: %q", r.State, r.Reasons)
	}
	if code := g.certify(erin); code != "" {
		t.Fatal(code)
	}
	g.people["mem_erin"] = erin
	g.restart()
	r := g.look(open)
	if !slices.Equal(r.Steps[0].Waiting, []string{"mem_bob", "mem_carol", "mem_erin"}) {
		t.Errorf("what was open waits for %v", r.Steps[0].Waiting)
	}
	g.approves("mem_erin", open)
	if r := g.look(open); r.State != "APPROVED" || !slices.Equal(r.Steps[0].Approved, []string{"mem_alice", "mem_erin"}) {
		t.Errorf("%s: %+v", r.State, r.Steps)
	}
	if code := g.change(newRequestID(t), invites(t, membertest.NewMember(t, "mem_erin", "Erin", jws.P256))); code != fault.Conflict {
		t.Errorf("an id that is taken: %q", code)
	}
	for name, c := range map[string]struct {
		draft intent.MemberInvite
		code  fault.Code
	}{
		"keys of a member": {invites(t, &membertest.Member{ID: "mem_eve", Name: "Eve", Approval: erin.Approval, Channel: erin.Channel}), fault.Invalid},
		"a registration of another id": {func() intent.MemberInvite {
			m := invites(t, membertest.NewMember(t, "mem_eve", "Eve", jws.P256))
			m.Member = "mem_mallory"
			return m
		}(), fault.Invalid},
		"a registration cut at its end": {func() intent.MemberInvite {
			m := invites(t, membertest.NewMember(t, "mem_eve", "Eve", jws.P256))
			m.Registration = m.Registration[:len(m.Registration)-2]
			return m
		}(), fault.SignatureInvalid},
	} {
		if code := g.change(newRequestID(t), c.draft); code != c.code {
			t.Errorf("%s: %q, want %s", name, code, c.code)
		}
	}
}

func TestAMemberWhoseTokenWasLostGoesOnWithAnother(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	lost := g.people["mem_bob"]
	thief, code := membertest.Connect(t, g.call, lost, g.enrol.File)
	if code != "" {
		t.Fatal(code)
	}
	open, prompt := g.request(newRequestID(t)).Request, g.request(newRequestID(t)).Request
	g.approves("mem_bob", open)
	shown, ferr := thief.Statement(prompt, statement.Approve)
	if ferr != nil {
		t.Fatal(ferr)
	}
	bob := membertest.NewMember(t, "mem_bob", "Bob", jws.Secp256k1)
	g.changed(replaces(t, bob, 1), "mem_alice", "mem_carol")
	if _, err := thief.Submit(thief.Sign(shown)); err == nil || err.Code != fault.ChannelClosed {
		t.Errorf("a statement that was shown before the keys were replaced: %v", err)
	}
	if _, code := membertest.Connect(t, g.call, lost, g.enrol.File); code != fault.CertificateBad {
		t.Errorf("the lost token opens a channel: %q", code)
	}
	if code := g.certify(bob); code != "" {
		t.Fatal(code)
	}
	mixed := *bob
	mixed.Channel = lost.Channel
	if _, code := membertest.Connect(t, g.call, &mixed, g.enrol.File); code != fault.CertificateBad {
		t.Errorf("the lost channel key opens a channel with the new certificate: %q", code)
	}
	g.people["mem_bob"] = bob
	g.approves("mem_bob", prompt)
	line := mustConnect(t, g, "mem_bob")
	if _, _, err := line.Decide(open, statement.Approve); err == nil || err.Code != fault.AlreadyApproved {
		t.Errorf("Bob approves with each of his keys: %v", err)
	}
	g.approves("mem_alice", open)
	if r := g.look(open); r.State != "APPROVED" || !slices.Equal(r.Steps[0].Approved, []string{"mem_bob", "mem_alice"}) {
		t.Errorf("what the replaced key approved: %s, %+v", r.State, r.Steps)
	}
	g.changed(turns(intent.KindMemberRevoke, "bob", 2), "mem_alice", "mem_carol")
	if code := g.change(newRequestID(t), replaces(t, membertest.NewMember(t, "mem_bob", "Bob", jws.P256), 3)); code != fault.Conflict {
		t.Errorf("keys of a member who was revoked: %q", code)
	}
	if code := g.certify(bob); code != fault.Conflict {
		t.Errorf("the certificate of a member who was revoked: %q", code)
	}
}

// TestAChannelThatWasOpenedWhileKeysWereReplacedIsOfNoUse keeps the session that the change
// did not see.
func TestAChannelThatWasOpenedWhileKeysWereReplacedIsOfNoUse(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	open := g.request(newRequestID(t)).Request
	line := mustConnect(t, g, "mem_bob")
	n, err := g.service.sessions.find(line.ID)
	if err != nil {
		t.Fatal(err)
	}
	g.changed(replaces(t, membertest.NewMember(t, "mem_bob", "Bob", jws.Secp256k1), 1), "mem_alice", "mem_carol")
	g.service.sessions.list[line.ID] = n
	if _, err := line.Statement(open, statement.Approve); err == nil || err.Code != fault.Forbidden || !strings.Contains(err.Message, "other keys") {
		t.Errorf("%v", err)
	}
}

func TestACertificateIsRenewedByAskingForItOnALaterDay(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	alice := g.people["mem_alice"]
	var first, again wire.Certificate
	if code := g.call("GET", "/v1/members/mem_alice/certificate", nil, &first); code != "" {
		t.Fatal(code)
	}
	g.clock.add(2 * time.Hour)
	if code := g.call("GET", "/v1/members/mem_alice/certificate", nil, &again); code != "" || again != first {
		t.Errorf("on the same day it is another one, %q", code)
	}
	g.clock.add(366 * 24 * time.Hour)
	if _, code := membertest.Connect(t, g.call, alice, g.enrol.File); code != fault.CertificateBad {
		t.Errorf("a certificate that has expired opens a channel: %q", code)
	}
	if code := g.certify(alice); code != "" {
		t.Fatal(code)
	}
	mustConnect(t, g, "mem_alice")
	payload, err := jws.Verify(alice.Certificate, statement.TypMember, g.service.key.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	c, err := statement.Decode[statement.Member](payload)
	if err != nil || c.IssuedAt%86400 != 0 || c.Expires-c.IssuedAt != 366*86400 || c.IssuedAt > g.clock.now().Unix() {
		t.Errorf("%+v, %v", c, err)
	}
}

// Only the vault can verify the proof of a channel key: it takes the vault's own.
func TestAChannelKeyThatIsProvenWronglyIsNotRegistered(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	own := func(curve string) jws.PublicKey {
		for _, j := range g.service.state.Signer().Channel {
			if j.Crv == curve {
				k, err := jws.FromJWK(j)
				if err != nil {
					t.Fatal(err)
				}
				return k
			}
		}
		t.Fatal("no such key")
		return jws.PublicKey{}
	}
	stranger := membertest.NewKey(t, jws.P256).PublicKey()
	for name, c := range map[string]struct {
		to   jws.PublicKey
		hold bool // the channel key that is registered is the member's
		code fault.Code
	}{
		"its own":                   {own(jws.P256), true, ""},
		"somebody else's":           {own(jws.P256), false, fault.SignatureInvalid},
		"its own, to another vault": {stranger, true, fault.SignatureInvalid},
	} {
		m := membertest.NewMember(t, "mem_erin", "Erin", jws.P256)
		invite := intent.MemberInvite{Kind: intent.KindMemberInvite, V: 1, Member: m.ID, Role: statement.Operator, Is: intent.Program}
		if c.hold {
			invite.Registration = m.RegisterFor(t, "ent_sandbox", c.to)
		} else { // the proof is by another key than the one that is registered
			invite.Registration = m.RegisterAs(t, "ent_sandbox", c.to, membertest.NewKey(t, jws.P256))
		}
		e, code := g.dry(func() wire.SignerRequestInput {
			in := g.input(newRequestID(t))
			in.Intent = intenttest.Doc(invite)
			return in
		}(), "true")
		if code != c.code || code == "" && e.Impact == nil {
			t.Errorf("%s: %q, want %q", name, code, c.code)
		}
		if code := g.change(newRequestID(t), invite); code != c.code {
			t.Errorf("%s: %q, want %q", name, code, c.code)
		}
	}
}
