package intent

import (
	"strconv"

	"countersign/shared/field"
	"countersign/shared/governance"
)

// KindAdminRulePut is the kind of [AdminRulePut].
const KindAdminRulePut = "admin_rule.put"

// AdminRulePut is the intent to change how many administrators must approve what changes
// the vault. The vault alone knows Before and Admins.
type AdminRulePut struct {
	Kind        string `json:"kind"`         // "admin_rule.put"
	V           int    `json:"v"`            // 1
	FromVersion int    `json:"from_version"` // of the admin rule, that this changes
	Quorum      int    `json:"quorum"`
	Before      int    `json:"before"` // the quorum until then
	Admins      int    `json:"admins"` // administrators who are active
	Purpose     string `json:"purpose,omitempty"`
	Reference   string `json:"reference,omitempty"`
}

// CheckFields implements [Intent].
func (a AdminRulePut) CheckFields() error {
	var c field.Checks
	c.That(a.Kind == KindAdminRulePut && a.V == 1, "kind", "is not admin_rule.put, version 1")
	c.That(a.FromVersion >= 1, "from_version", "is not a version")
	c.That(a.Quorum >= 1 && a.Quorum <= maxNamed, "quorum", "is not 1 to 64")
	c.That(a.Before >= 1 && a.Before <= maxNamed, "before", "is not 1 to 64")
	c.That(a.Admins >= 1 && a.Admins <= maxNamed, "admins", "is not 1 to 64")
	a.Why().check(&c)
	return c.Err()
}

// CheckNow implements [Intent].
func (a AdminRulePut) CheckNow() error { return a.CheckFields() }

// Fill implements [Intent]: the rule as it is. It fails with CONFLICT when it is of
// another version.
func (a AdminRulePut) Fill(v Vault) (Intent, error) {
	now := v.Admins()
	a.Before, a.Admins = now.Quorum, now.Count
	return a, outdated("the admin rule", a.FromVersion, now.Version)
}

// Of implements [Change].
func (a AdminRulePut) Of() (string, int) { return AdminRule, a.FromVersion }

// Drafted implements [Change].
func (a AdminRulePut) Drafted() Intent {
	a.Before, a.Admins = 0, 0
	return a
}

// Facts implements [Intent].
func (AdminRulePut) Facts() governance.Facts { return facts(KindAdminRulePut) }

// Noun implements [Intent].
func (AdminRulePut) Noun() string { return "admin rule change" }

// Title implements [Intent].
func (a AdminRulePut) Title() string { return "Change the admin rule: " + a.Summary() }

// Summary implements [Intent].
func (a AdminRulePut) Summary() string {
	return strconv.Itoa(a.Quorum) + " of " + strconv.Itoa(a.Admins) + " administrators, " + strconv.Itoa(a.Before) + " before"
}

// Lines implements [Intent].
func (a AdminRulePut) Lines() []Line {
	return []Line{
		{Label: "Admin rule", Value: "how many administrators must approve what changes the vault"},
		version(a.FromVersion),
		{Label: "Quorum", Value: strconv.Itoa(a.Before) + " becomes " + strconv.Itoa(a.Quorum)},
		{Label: "Of", Value: strconv.Itoa(a.Admins) + " administrators"},
	}
}

// Why implements [Intent].
func (a AdminRulePut) Why() Why { return Why{a.Purpose, a.Reference} }

// Totals implements [Intent]: nothing moves.
func (AdminRulePut) Totals() []Total { return nil }

// Record implements [Intent].
func (a AdminRulePut) Record() Record { return record(KindAdminRulePut, a) }
