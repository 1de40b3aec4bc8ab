package hostile

import (
	"strings"

	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/shared/wire"
)

// somebody makes keys and registers under an id and a name, for a vault.
func somebody(w *world, id, name, of string) string {
	return membertest.NewMember(w.t, id, name, jws.P256).Register(w.t, of)
}

// Erin registered with her invitation, and an administrator whom she read her fingerprint to
// takes her as a member; Bob, whose token was lost, registered again.
var (
	takes = flow{"takes a member", func(w *world) error {
		return signing(intent.MemberInvite{Kind: intent.KindMemberInvite, V: 1, Member: "mem_erin", Role: statement.Operator, Is: intent.Human, Registration: somebody(w, "mem_erin", "Erin", entity)}).play(w)
	}}
	renews = flow{"replaces a lost token", func(w *world) error {
		return signing(intent.MemberReplaceKeys{Kind: intent.KindMemberReplaceKeys, V: 1, Member: "mem_bob", FromVersion: 1, Registration: somebody(w, "mem_bob", "Bob", entity)}).play(w)
	}}
)

// invitations is what the gateway does to who is invited: it carries what they registered to the
// vault.
func invitations() []row {
	registers := func(change func(*world, *intent.MemberInvite)) func(*world) error {
		return func(w *world) error {
			return asked(func(in *wire.SignerRequestInput) {
				intenttest.Edit(&in.Intent, func(m *intent.MemberInvite) { change(w, m) })
			})(w)
		}
	}
	return []row{
		{"has its own keys taken for who was invited", takes, registers(func(w *world, m *intent.MemberInvite) { m.Registration = somebody(w, "mem_erin", "Erin", entity) }), person, fault.Declined, ""},
		{"has who was invited taken under another name", takes, registers(func(w *world, m *intent.MemberInvite) { m.Registration = somebody(w, "mem_erin", "Erin Walsh", entity) }), person, fault.Declined, ""},
		{"has who was invited taken as an administrator", takes, registers(func(_ *world, m *intent.MemberInvite) { m.Role = statement.Admin }), person, fault.Declined, ""},
		{"has a program taken for the person who was invited", takes, registers(func(_ *world, m *intent.MemberInvite) { m.Is = intent.Program }), person, fault.Declined, ""},
		{"has another member taken than was invited", takes, registers(func(w *world, m *intent.MemberInvite) {
			m.Member, m.Registration = "mem_mallory", somebody(w, "mem_mallory", "Erin", entity)
		}), person, fault.Declined, ""},
		{"carries the registration of another to the vault", takes, registers(func(w *world, m *intent.MemberInvite) { m.Registration = somebody(w, "mem_mallory", "Mallory", entity) }), atSigner, fault.Invalid, "field=registration"},
		{"carries a registration for another vault to this one", takes, registers(func(w *world, m *intent.MemberInvite) { m.Registration = somebody(w, "mem_erin", "Erin", "ent_other") }), atSigner, fault.Invalid, "field=registration"},
		{"changes a registration on its way", takes, registers(func(_ *world, m *intent.MemberInvite) {
			head, rest, _ := strings.Cut(m.Registration, ".")
			payload, signature, _ := strings.Cut(rest, ".")
			m.Registration = head + "." + payload + "." + strings.Repeat("A", len(signature))
		}), atSigner, fault.SignatureInvalid, ""},
		{"has a member taken with the keys of Alice", takes, registers(func(w *world, m *intent.MemberInvite) {
			as := *w.members["mem_alice"]
			as.ID, as.Name = "mem_erin", "Erin"
			m.Registration = as.Register(w.t, entity)
		}), atSigner, fault.Invalid, "field=registration"},
		{"has a member taken who is one", takes, registers(func(w *world, m *intent.MemberInvite) {
			m.Member, m.Registration = "mem_carol", somebody(w, "mem_carol", "Carol", entity)
		}), atSigner, fault.Conflict, "field=member"},
		{"has its own keys put in the place of a lost token", renews, func(w *world) error {
			return swapped(func(m *intent.MemberReplaceKeys) { m.Registration = somebody(w, "mem_bob", "Bob", entity) })(w)
		}, person, fault.Declined, ""},
		{"has a token replaced that another registered", renews, func(w *world) error {
			return swapped(func(m *intent.MemberReplaceKeys) { m.Registration = somebody(w, "mem_carol", "Carol", entity) })(w)
		}, atSigner, fault.Invalid, "field=registration"},
		{"has the keys of Carol replaced, and not those of Bob", renews, func(w *world) error {
			return swapped(func(m *intent.MemberReplaceKeys) {
				m.Member, m.Registration = "mem_carol", somebody(w, "mem_carol", "Carol", entity)
			})(w)
		}, person, fault.Declined, ""},
	}
}
