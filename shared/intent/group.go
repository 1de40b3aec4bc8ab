package intent

import (
	"strconv"

	"countersign/shared/fault"
	"countersign/shared/field"
	"countersign/shared/governance"
	"countersign/shared/id"
	"countersign/shared/name"
)

// The kinds of changes of groups.
const (
	KindGroupPut    = "group.put"
	KindGroupRemove = "group.remove"
)

// GroupPut is the intent to make a group, or to change its name and its members. The
// vault alone knows the names of members, and Before.
type GroupPut struct {
	Kind        string       `json:"kind"` // "group.put"
	V           int          `json:"v"`    // 1
	Group       string       `json:"group"`
	FromVersion int          `json:"from_version"` // of the group, that this changes; 0: there is none
	Name        string       `json:"name"`
	Members     []Named      `json:"members"`
	Before      *GroupBefore `json:"before,omitempty"` // absent: there is none
	Purpose     string       `json:"purpose,omitempty"`
	Reference   string       `json:"reference,omitempty"`
}

// GroupBefore is a group before it changes.
type GroupBefore struct {
	Name    string  `json:"name"`
	Members []Named `json:"members"`
}

// CheckFields implements [Intent].
func (g GroupPut) CheckFields() error {
	var c field.Checks
	c.That(g.Kind == KindGroupPut && g.V == 1, "kind", "is not group.put, version 1")
	c.ID(id.Group, g.Group, "group")
	c.That(g.FromVersion >= 0, "from_version", "is not a version")
	c.Name(g.Name, "name")
	checkNamed(&c, g.Members, "members")
	if g.Before != nil {
		c.Name(g.Before.Name, "before.name")
		checkNamed(&c, g.Before.Members, "before.members")
	}
	g.Why().check(&c)
	return c.Err()
}

// CheckNow implements [Intent]: a group has no part in the tables of today.
func (g GroupPut) CheckNow() error { return g.CheckFields() }

// Fill implements [Intent]: the names of members, and the group as it is. It fails with
// CONFLICT when it is of another version.
func (g GroupPut) Fill(v Vault) (Intent, error) {
	before, now := v.Group(g.Group)
	if err := outdated("the group", g.FromVersion, now); err != nil {
		return nil, err
	}
	var err error
	if g.Members, err = names(v, ids(g.Members)); err != nil {
		return nil, err
	}
	g.Before = nil
	if before.Group != "" {
		g.Before = &GroupBefore{Name: before.Name}
		g.Before.Members, err = names(v, before.Members)
	}
	return g, err
}

// Of implements [Change].
func (g GroupPut) Of() (string, int) { return g.Group, g.FromVersion }

// Drafted implements [Change].
func (g GroupPut) Drafted() Intent {
	g.Members, g.Before = unnamed(g.Members), nil
	return g
}

// After is the group that it makes.
func (g GroupPut) After() governance.Group {
	return governance.Group{Group: g.Group, Name: g.Name, Members: ids(g.Members)}
}

// Facts implements [Intent].
func (GroupPut) Facts() governance.Facts { return facts(KindGroupPut) }

// Noun implements [Intent].
func (GroupPut) Noun() string { return "group change" }

// Title implements [Intent].
func (g GroupPut) Title() string {
	verb := "Change"
	if g.Before == nil {
		verb = "Make"
	}
	return verb + " group " + name.Within(g.Name) + ": " + g.Summary()
}

// Summary implements [Intent].
func (g GroupPut) Summary() string {
	if n := len(g.Members); n != 1 {
		return strconv.Itoa(n) + " members"
	}
	return "1 member"
}

// Lines implements [Intent].
func (g GroupPut) Lines() []Line {
	lines := []Line{{Label: "Group", Value: name.WithID(g.Name, g.Group)}, version(g.FromVersion)}
	var before []string
	if g.Before != nil {
		lines = append(lines, renamed(g.Before.Name, g.Name)...)
		before = shown(g.Before.Members)
	}
	return append(lines, compared(before, shown(g.Members))...)
}

func shown(members []Named) (all []string) {
	for _, m := range members {
		all = append(all, name.WithID(m.Name, m.Member))
	}
	return all
}

// Why implements [Intent].
func (g GroupPut) Why() Why { return Why{g.Purpose, g.Reference} }

// Totals implements [Intent]: nothing moves.
func (GroupPut) Totals() []Total { return nil }

// Record implements [Intent].
func (g GroupPut) Record() Record { return record(KindGroupPut, g) }

// GroupRemove is the intent to remove a group that no rule names. The vault alone knows
// Name and Members.
type GroupRemove struct {
	Kind        string  `json:"kind"` // "group.remove"
	V           int     `json:"v"`    // 1
	Group       string  `json:"group"`
	FromVersion int     `json:"from_version"`
	Name        string  `json:"name"`
	Members     []Named `json:"members"`
	Purpose     string  `json:"purpose,omitempty"`
	Reference   string  `json:"reference,omitempty"`
}

// CheckFields implements [Intent].
func (g GroupRemove) CheckFields() error {
	var c field.Checks
	c.That(g.Kind == KindGroupRemove && g.V == 1, "kind", "is not group.remove, version 1")
	c.ID(id.Group, g.Group, "group")
	c.That(g.FromVersion >= 1, "from_version", "is not a version")
	c.Name(g.Name, "name")
	checkNamed(&c, g.Members, "members")
	g.Why().check(&c)
	return c.Err()
}

// CheckNow implements [Intent].
func (g GroupRemove) CheckNow() error { return g.CheckFields() }

// Fill implements [Intent]: the group as it is. It fails with NOT_FOUND, and with CONFLICT
// when it is of another version.
func (g GroupRemove) Fill(v Vault) (Intent, error) {
	before, now := v.Group(g.Group)
	if before.Group == "" {
		return nil, fault.New(fault.NotFound, "the vault has no such group").With("field", "group")
	}
	if err := outdated("the group", g.FromVersion, now); err != nil {
		return nil, err
	}
	var err error
	g.Name = before.Name
	g.Members, err = names(v, before.Members)
	return g, err
}

// Of implements [Change].
func (g GroupRemove) Of() (string, int) { return g.Group, g.FromVersion }

// Drafted implements [Change].
func (g GroupRemove) Drafted() Intent {
	g.Name, g.Members = "", nil
	return g
}

// Facts implements [Intent].
func (GroupRemove) Facts() governance.Facts { return facts(KindGroupRemove) }

// Noun implements [Intent].
func (GroupRemove) Noun() string { return "group removal" }

// Title implements [Intent].
func (g GroupRemove) Title() string { return "Remove group " + name.Within(g.Name) }

// Summary implements [Intent].
func (g GroupRemove) Summary() string { return "a group less" }

// Lines implements [Intent].
func (g GroupRemove) Lines() []Line {
	return append([]Line{{Label: "Group", Value: name.WithID(g.Name, g.Group)},
		{Label: "Version", Value: strconv.Itoa(g.FromVersion) + ", the last one"}}, compared(shown(g.Members), nil)...)
}

// Why implements [Intent].
func (g GroupRemove) Why() Why { return Why{g.Purpose, g.Reference} }

// Totals implements [Intent]: nothing moves.
func (GroupRemove) Totals() []Total { return nil }

// Record implements [Intent].
func (g GroupRemove) Record() Record { return record(KindGroupRemove, g) }
