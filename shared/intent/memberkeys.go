package intent

import (
	"countersign/shared/fault"
	"countersign/shared/field"
	"countersign/shared/governance"
	"countersign/shared/id"
	"countersign/shared/name"
)

// KindMemberReplaceKeys is the kind of [MemberReplaceKeys].
const KindMemberReplaceKeys = "member.replace_keys"

// MemberReplaceKeys is the intent to give a member other keys, whose token was lost. The
// vault knows Name and Role, and reads Keys in the registration.
type MemberReplaceKeys struct {
	Kind         string `json:"kind"` // "member.replace_keys"
	V            int    `json:"v"`    // 1
	Member       string `json:"member"`
	FromVersion  int    `json:"from_version"` // of the member, that this changes
	Name         string `json:"name"`
	Role         string `json:"role"`
	Registration string `json:"registration"` // JWS, typ countersign-registration+jws
	Keys         *Keys  `json:"keys,omitempty"`
	Purpose      string `json:"purpose,omitempty"`
	Reference    string `json:"reference,omitempty"`
}

// CheckFields implements [Intent].
func (m MemberReplaceKeys) CheckFields() error {
	var c field.Checks
	c.That(m.Kind == KindMemberReplaceKeys && m.V == 1, "kind", "is not member.replace_keys, version 1")
	c.ID(id.Member, m.Member, "member")
	c.That(m.FromVersion >= 1, "from_version", "is not a version")
	c.Name(m.Name, "name")
	checkRole(&c, m.Role)
	checkRegistered(&c, m.Registration, m.Keys)
	m.Why().check(&c)
	return c.Err()
}

// CheckNow implements [Intent].
func (m MemberReplaceKeys) CheckNow() error { return m.CheckFields() }

// Fill implements [Intent]: the member's name and role, and the keys of the registration. It
// fails with NOT_FOUND, with CONFLICT when the member is of another version or revoked, with
// INVALID_REQUEST when another name was registered, and as [Vault.Registered].
func (m MemberReplaceKeys) Fill(v Vault) (Intent, error) {
	p, ok := v.Person(m.Member)
	if !ok {
		return nil, fault.New(fault.NotFound, "the vault has no such member").With("field", "member")
	}
	if err := outdated("the member", m.FromVersion, p.Version); err != nil {
		return nil, err
	}
	if p.State == Revoked {
		return nil, fault.New(fault.Conflict, "the member is "+p.State).With("field", "member")
	}
	r, err := registrant(v, m.Registration, m.Member)
	if err == nil && r.Name != p.Name {
		err = fault.New(fault.Invalid, "the vault calls the member "+name.Within(p.Name)+", and they registered as "+name.Within(r.Name)).With("field", "registration")
	}
	m.Name, m.Role, m.Keys = p.Name, p.Role, &r.Keys
	return m, err
}

// Of implements [Change].
func (m MemberReplaceKeys) Of() (string, int) { return m.Member, m.FromVersion }

// Drafted implements [Change].
func (m MemberReplaceKeys) Drafted() Intent {
	m.Name, m.Role, m.Keys = "", "", nil
	return m
}

// Registered implements [Registering].
func (m MemberReplaceKeys) Registered() (string, Registrant) {
	return m.Registration, Registrant{m.Member, m.Name, *m.Keys}
}

// Facts implements [Intent].
func (MemberReplaceKeys) Facts() governance.Facts { return facts(KindMemberReplaceKeys) }

// Noun implements [Intent].
func (MemberReplaceKeys) Noun() string { return "key replacement" }

// Title implements [Intent].
func (m MemberReplaceKeys) Title() string { return "Replace the keys of member " + name.Within(m.Name) }

// Summary implements [Intent].
func (m MemberReplaceKeys) Summary() string {
	return name.Within(m.Name) + " signs with new keys, and never again with the old ones"
}

// Lines implements [Intent].
func (m MemberReplaceKeys) Lines() []Line {
	return append([]Line{
		{Label: "Member", Value: name.WithID(m.Name, m.Member)},
		{Label: "Role", Value: m.Role},
		version(m.FromVersion),
		{Label: "Old keys", Value: "never count again; what they approved until now stays approved"},
	}, m.Keys.lines()...)
}

// Why implements [Intent].
func (m MemberReplaceKeys) Why() Why { return Why{m.Purpose, m.Reference} }

// Totals implements [Intent]: nothing moves.
func (MemberReplaceKeys) Totals() []Total { return nil }

// Record implements [Intent].
func (m MemberReplaceKeys) Record() Record { return record(KindMemberReplaceKeys, m) }
