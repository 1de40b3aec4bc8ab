package intent

import (
	"countersign/shared/fault"
	"countersign/shared/field"
	"countersign/shared/governance"
	"countersign/shared/id"
	"countersign/shared/name"
)

// The kinds of changes of a member's state.
const (
	KindMemberSuspend = "member.suspend"
	KindMemberResume  = "member.resume"
	KindMemberRevoke  = "member.revoke"
)

// MemberState is the intent to suspend, resume or revoke a member. The vault alone knows
// Name and Role.
type MemberState struct {
	Kind        string `json:"kind"` // "member.suspend", "member.resume" or "member.revoke"
	V           int    `json:"v"`    // 1
	Member      string `json:"member"`
	FromVersion int    `json:"from_version"` // of the member, that this changes
	Name        string `json:"name"`
	Role        string `json:"role"`
	Purpose     string `json:"purpose,omitempty"`
	Reference   string `json:"reference,omitempty"`
}

// turn is what a kind makes of a member.
type turn struct {
	from, to         string // states; from is empty: any but to
	verb, noun, then string
}

func (m MemberState) turn() turn {
	switch m.Kind {
	case KindMemberSuspend:
		return turn{Active, Suspended, "Suspend", "suspension", "counts for nothing and opens no channel, until resumed"}
	case KindMemberResume:
		return turn{Suspended, Active, "Resume", "resumption", "counts again"}
	}
	return turn{"", Revoked, "Revoke", "revocation", "counts for nothing and opens no channel, for good"}
}

// CheckFields implements [Intent].
func (m MemberState) CheckFields() error {
	var c field.Checks
	known := m.Kind == KindMemberSuspend || m.Kind == KindMemberResume || m.Kind == KindMemberRevoke
	c.That(known && m.V == 1, "kind", "is not member.suspend, member.resume or member.revoke, version 1")
	c.ID(id.Member, m.Member, "member")
	c.That(m.FromVersion >= 1, "from_version", "is not a version")
	c.Name(m.Name, "name")
	checkRole(&c, m.Role)
	m.Why().check(&c)
	return c.Err()
}

func checkRole(c *field.Checks, role string) {
	c.That(role == "ADMIN" || role == "OPERATOR" || role == "AUDITOR", "role", "is not ADMIN, OPERATOR or AUDITOR")
}

// CheckNow implements [Intent].
func (m MemberState) CheckNow() error { return m.CheckFields() }

// Fill implements [Intent]: the member's name and role. It fails with NOT_FOUND, and with
// CONFLICT when the member is of another version, or in a state that it does not change.
func (m MemberState) Fill(v Vault) (Intent, error) {
	p, ok := v.Person(m.Member)
	if !ok {
		return nil, fault.New(fault.NotFound, "the vault has no such member").With("field", "member")
	}
	if err := outdated("the member", m.FromVersion, p.Version); err != nil {
		return nil, err
	}
	if t := m.turn(); p.State == t.to || t.from != "" && p.State != t.from {
		return nil, fault.New(fault.Conflict, "the member is "+p.State).With("field", "member")
	}
	m.Name, m.Role = p.Name, p.Role
	return m, nil
}

// Of implements [Change].
func (m MemberState) Of() (string, int) { return m.Member, m.FromVersion }

// Drafted implements [Change].
func (m MemberState) Drafted() Intent {
	m.Name, m.Role = "", ""
	return m
}

// After is the state of the member from then on.
func (m MemberState) After() string { return m.turn().to }

// Facts implements [Intent].
func (m MemberState) Facts() governance.Facts { return facts(m.Kind) }

// Noun implements [Intent].
func (m MemberState) Noun() string { return m.turn().noun }

// Title implements [Intent].
func (m MemberState) Title() string { return m.turn().verb + " member " + name.Within(m.Name) }

// Summary implements [Intent].
func (m MemberState) Summary() string { return name.Within(m.Name) + " " + m.turn().then }

// Lines implements [Intent].
func (m MemberState) Lines() []Line {
	t := m.turn()
	return []Line{
		{Label: "Member", Value: name.WithID(m.Name, m.Member)},
		{Label: "Role", Value: m.Role},
		version(m.FromVersion),
		{Label: "Becomes", Value: t.to + ": " + t.then},
	}
}

// Why implements [Intent].
func (m MemberState) Why() Why { return Why{m.Purpose, m.Reference} }

// Totals implements [Intent]: nothing moves.
func (MemberState) Totals() []Total { return nil }

// Record implements [Intent].
func (m MemberState) Record() Record { return record(m.Kind, m) }
