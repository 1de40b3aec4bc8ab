package intent

import (
	"strings"

	"countersign/shared/fault"
	"countersign/shared/field"
	"countersign/shared/fingerprint"
	"countersign/shared/governance"
	"countersign/shared/id"
	"countersign/shared/name"
)

// KindMemberInvite is the kind of [MemberInvite].
const KindMemberInvite = "member.invite"

// What a member is.
const (
	Human   = "PERSON"
	Program = "PROGRAM"
)

// MemberInvite is the intent to take a new member, who registered. The vault reads Name and
// Keys in the registration.
type MemberInvite struct {
	Kind         string `json:"kind"` // "member.invite"
	V            int    `json:"v"`    // 1
	Member       string `json:"member"`
	Name         string `json:"name"`
	Role         string `json:"role"`
	Is           string `json:"is"`           // "PERSON" or "PROGRAM"
	Registration string `json:"registration"` // JWS, typ countersign-registration+jws
	Keys         *Keys  `json:"keys,omitempty"`
	Purpose      string `json:"purpose,omitempty"`
	Reference    string `json:"reference,omitempty"`
}

// CheckFields implements [Intent].
func (m MemberInvite) CheckFields() error {
	var c field.Checks
	c.That(m.Kind == KindMemberInvite && m.V == 1, "kind", "is not member.invite, version 1")
	c.ID(id.Member, m.Member, "member")
	c.Name(m.Name, "name")
	checkRole(&c, m.Role)
	c.That(m.Is == Human || m.Is == Program, "is", "is neither PERSON nor PROGRAM")
	checkRegistered(&c, m.Registration, m.Keys)
	m.Why().check(&c)
	return c.Err()
}

// CheckNow implements [Intent].
func (m MemberInvite) CheckNow() error { return m.CheckFields() }

// Fill implements [Intent]: the name and the keys of the registration. It fails with
// CONFLICT when the vault has or had a member of this id, and as [Vault.Registered].
func (m MemberInvite) Fill(v Vault) (Intent, error) {
	if _, ok := v.Person(m.Member); ok {
		return nil, fault.New(fault.Conflict, "the vault has or had a member of this id").With("field", "member")
	}
	r, err := registrant(v, m.Registration, m.Member)
	m.Name, m.Keys = r.Name, &r.Keys
	return m, err
}

// Of implements [Change].
func (m MemberInvite) Of() (string, int) { return m.Member, 0 }

// Drafted implements [Change].
func (m MemberInvite) Drafted() Intent {
	m.Name, m.Keys = "", nil
	return m
}

// Registered implements [Registering].
func (m MemberInvite) Registered() (string, Registrant) {
	return m.Registration, Registrant{m.Member, m.Name, *m.Keys}
}

// Facts implements [Intent].
func (MemberInvite) Facts() governance.Facts { return facts(KindMemberInvite) }

// Noun implements [Intent].
func (MemberInvite) Noun() string { return "new member" }

// Title implements [Intent].
func (m MemberInvite) Title() string {
	return "Take " + name.Within(m.Name) + " as a member: " + m.Summary()
}

// Summary implements [Intent].
func (m MemberInvite) Summary() string {
	role := map[string]string{"ADMIN": "an administrator", "OPERATOR": "an operator", "AUDITOR": "an auditor, who cannot approve"}[m.Role]
	return role + map[string]string{Program: "; a program"}[m.Is]
}

// Lines implements [Intent].
func (m MemberInvite) Lines() []Line {
	return append([]Line{
		{Label: "Member", Value: name.WithID(m.Name, m.Member)},
		{Label: "Role", Value: m.Role},
		{Label: "Is", Value: map[string]string{Human: "a person", Program: "a program, which decides without a person"}[m.Is]},
	}, m.Keys.lines()...)
}

// Why implements [Intent].
func (m MemberInvite) Why() Why { return Why{m.Purpose, m.Reference} }

// Totals implements [Intent]: nothing moves.
func (MemberInvite) Totals() []Total { return nil }

// Record implements [Intent].
func (m MemberInvite) Record() Record { return record(KindMemberInvite, m) }

// registrant reads a registration, which must be of member.
func registrant(v Vault, registration, member string) (Registrant, error) {
	r, err := v.Registered(registration)
	if err == nil && r.Member != member {
		err = fault.New(fault.Invalid, "the registration is of "+r.Member+", not of "+member).With("field", "registration")
	}
	return r, err
}

func checkRegistered(c *field.Checks, registration string, k *Keys) {
	const token = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
	c.That(registration != "" && strings.Trim(registration, token) == "", "registration", "is not a compact JWS")
	if c.That(k != nil, "keys", "are missing"); k == nil {
		return
	}
	_, err := fingerprint.Of(k.Fingerprint)
	c.That(err == nil, "keys.fingerprint", "is not 32 bytes of base64url")
	c.That(k.ChannelIn == "token" || k.ChannelIn == "software", "keys.channel_in", "is neither token nor software")
	if k.Proven != "" {
		_, err := fingerprint.Of(k.Proven)
		c.That(err == nil, "keys.proven", "is not the thumbprint of a key")
	}
	k.Driver.Check(c, "keys.driver")
	c.That(k.Approval.Crv == "secp256k1" || k.Approval.Crv == "P-256", "keys.approval.crv", "is not secp256k1 or P-256")
}

// lines are the keys as a person compares them with what their holder reads to them.
func (k *Keys) lines() []Line {
	if k == nil { // a draft
		return nil
	}
	print, _ := fingerprint.Of(k.Fingerprint) // it was checked
	lines := []Line{
		{Label: "Keys", Value: "on " + k.Approval.Crv + ", the channel key in " + k.ChannelIn},
		{Label: "Proven", Value: "the approval key; not yet the channel key, which proves itself when a channel is opened"},
	}
	if k.Proven != "" {
		lines[1].Value = "both keys, the channel key to this vault alone"
	}
	if k.Driver != (Driver{}) {
		lines = append(lines, k.Driver.Line())
	}
	return append(append(lines,
		Line{Label: "Compare", Value: "the words or the digits with what the holder of the keys reads to you, face to face or by voice"},
	), Aloud(print)...)
}

// Aloud are the lines of a fingerprint.
func Aloud(print fingerprint.Fingerprint) (all []Line) {
	words, digits := print.Lines()
	for _, line := range words {
		all = append(all, Line{Label: "In words", Value: line})
	}
	for _, line := range digits {
		all = append(all, Line{Label: "In digits", Value: line})
	}
	return all
}
