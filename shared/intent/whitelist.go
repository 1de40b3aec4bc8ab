package intent

import (
	"strconv"

	"countersign/shared/field"
	"countersign/shared/governance"
	"countersign/shared/id"
	"countersign/shared/name"
)

// KindWhitelistPut is the kind of [WhitelistPut].
const KindWhitelistPut = "whitelist.put"

// WhitelistPut is the intent to make a whitelist, or to change its name and its
// addresses. The vault alone knows Before.
type WhitelistPut struct {
	Kind        string             `json:"kind"` // "whitelist.put"
	V           int                `json:"v"`    // 1
	Whitelist   string             `json:"whitelist"`
	FromVersion int                `json:"from_version"` // of the whitelist, that this changes; 0: there is none
	Name        string             `json:"name"`
	Entries     []governance.Entry `json:"entries"`
	Before      *WhitelistBefore   `json:"before,omitempty"` // absent: there is none
	Purpose     string             `json:"purpose,omitempty"`
	Reference   string             `json:"reference,omitempty"`
}

// WhitelistBefore is a whitelist before it changes.
type WhitelistBefore struct {
	Name    string             `json:"name"`
	Entries []governance.Entry `json:"entries"`
}

// CheckFields implements [Intent].
func (w WhitelistPut) CheckFields() error {
	var c field.Checks
	c.That(w.Kind == KindWhitelistPut && w.V == 1, "kind", "is not whitelist.put, version 1")
	c.ID(id.Whitelist, w.Whitelist, "whitelist")
	c.That(w.FromVersion >= 0, "from_version", "is not a version")
	c.Name(w.Name, "name")
	checkEntries(&c, w.Entries, "entries")
	if w.Before != nil {
		c.Name(w.Before.Name, "before.name")
		checkEntries(&c, w.Before.Entries, "before.entries")
	}
	w.Why().check(&c)
	return c.Err()
}

func checkEntries(c *field.Checks, all []governance.Entry, at string) {
	if p := governance.EntriesProblem(all); p != nil {
		p = p.At(at)
		c.That(false, p.Field, p.Why)
	}
}

// CheckNow implements [Intent]: each address can be one of its chain, and carries its
// check.
func (w WhitelistPut) CheckNow() error {
	if err := w.CheckFields(); err != nil {
		return err
	}
	var c field.Checks
	for i, e := range w.Entries {
		why := AddressProblem(e.Chain, e.Address)
		c.That(why == "", "entries."+strconv.Itoa(i)+".address", why)
	}
	return c.Err()
}

// Fill implements [Intent]: the whitelist as it is. It fails with CONFLICT when it is of
// another version.
func (w WhitelistPut) Fill(v Vault) (Intent, error) {
	before, now := v.Whitelist(w.Whitelist)
	if err := outdated("the whitelist", w.FromVersion, now); err != nil {
		return nil, err
	}
	w.Before = nil
	if before.Whitelist != "" {
		w.Before = &WhitelistBefore{before.Name, before.Entries}
	}
	return w, nil
}

// Of implements [Change].
func (w WhitelistPut) Of() (string, int) { return w.Whitelist, w.FromVersion }

// Drafted implements [Change].
func (w WhitelistPut) Drafted() Intent {
	w.Before = nil
	return w
}

// After is the whitelist that it makes.
func (w WhitelistPut) After() governance.List {
	return governance.List{Whitelist: w.Whitelist, Name: w.Name, Entries: w.Entries}
}

// Facts implements [Intent].
func (WhitelistPut) Facts() governance.Facts { return facts(KindWhitelistPut) }

// Noun implements [Intent].
func (WhitelistPut) Noun() string { return "whitelist change" }

// Title implements [Intent].
func (w WhitelistPut) Title() string {
	verb := "Change"
	if w.Before == nil {
		verb = "Make"
	}
	return verb + " whitelist " + name.Within(w.Name) + ": " + w.Summary()
}

// Summary implements [Intent].
func (w WhitelistPut) Summary() string {
	if n := len(w.Entries); n != 1 {
		return strconv.Itoa(n) + " addresses"
	}
	return "1 address"
}

// Lines implements [Intent].
func (w WhitelistPut) Lines() []Line {
	lines := []Line{{Label: "Whitelist", Value: name.WithID(w.Name, w.Whitelist)}, version(w.FromVersion)}
	var before []string
	if w.Before != nil {
		lines = append(lines, renamed(w.Before.Name, w.Name)...)
		before = listed(w.Before.Entries)
	}
	return append(lines, compared(before, listed(w.Entries))...)
}

// listed are entries as a person reads them: "0x 5290 8400 … on Ethereum (eip155:1), Payroll".
func listed(entries []governance.Entry) (all []string) {
	for _, e := range entries {
		all = append(all, Groups(e.Address)+" on "+Chain(e.Chain)+", "+name.Within(e.Label))
	}
	return all
}

// Why implements [Intent].
func (w WhitelistPut) Why() Why { return Why{w.Purpose, w.Reference} }

// Totals implements [Intent]: nothing moves.
func (WhitelistPut) Totals() []Total { return nil }

// Record implements [Intent].
func (w WhitelistPut) Record() Record { return record(KindWhitelistPut, w) }
