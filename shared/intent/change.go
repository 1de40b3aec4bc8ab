package intent

import (
	"strconv"

	"countersign/shared/fault"
	"countersign/shared/field"
	"countersign/shared/governance"
	"countersign/shared/id"
	"countersign/shared/name"
)

// Change is an intent that changes the vault itself: the administrators' quorum governs
// it, and it takes effect with the last approval, when its outcome is in the log.
type Change interface {
	Drafted
	// Of says what it changes: the id of the object, and the version of it that it was
	// written for; 0: there was none. It does not take effect on another version.
	Of() (object string, from int)
}

// AdminRule is the id of the admin rule as an object that a [Change] changes.
const AdminRule = governance.Admin

// Person is what a vault knows of a member.
type Person struct {
	Name, Role string
	State      string // [Active], [Suspended] or [Revoked]
	Version    int
}

// States of a member.
const (
	Active    = "ACTIVE"
	Suspended = "SUSPENDED" // counts for nothing until resumed
	Revoked   = "REVOKED"   // counts for nothing, for good
)

// Admins are the administrators who are active, and how many of them must approve.
type Admins struct{ Count, Quorum, Version int }

// Named is a member with the name that the vault knows; a draft leaves it empty.
type Named struct {
	Member string `json:"member"`
	Name   string `json:"name"`
}

// names fills the names of members. It fails with NOT_FOUND, details field.
func names(v Vault, members []string) ([]Named, error) {
	all := make([]Named, len(members))
	for i, m := range members {
		p, ok := v.Person(m)
		if !ok {
			return nil, fault.New(fault.NotFound, "the vault has no member "+m).With("field", "members")
		}
		all[i] = Named{m, p.Name}
	}
	return all, nil
}

func ids(all []Named) (ids []string) {
	for _, m := range all {
		ids = append(ids, m.Member)
	}
	return ids
}

// unnamed are members as a draft has them.
func unnamed(all []Named) (members []Named) {
	for _, m := range all {
		members = append(members, Named{Member: m.Member})
	}
	return members
}

func checkNamed(c *field.Checks, all []Named, at string) {
	c.That(len(all) >= 1 && len(all) <= maxNamed, at, "must be 1 to 64 members")
	for i, m := range all {
		at := at + "." + strconv.Itoa(i) + "."
		c.ID(id.Member, m.Member, at+"member")
		c.Name(m.Name, at+"name")
		for _, other := range all[:i] {
			c.That(other.Member != m.Member, at+"member", "is listed twice")
		}
	}
}

const maxNamed = 64

// facts are what rules see of a change: its kind alone.
func facts(kind string) governance.Facts { return governance.Facts{Kind: kind} }

// version is the line that says which version a change makes, of what was there before.
func version(from int) Line {
	if from == 0 {
		return Line{Label: "Version", Value: "1, a new one"}
	}
	return Line{Label: "Version", Value: strconv.Itoa(from) + " becomes " + strconv.Itoa(from+1)}
}

// renamed is the line of a name that changes; none when it stays.
func renamed(before, after string) []Line {
	if before == "" || before == after {
		return nil
	}
	return []Line{{Label: "Name", Value: name.Within(before) + " becomes " + name.Within(after)}}
}

// compared are the lines of a list that changes: what is added, what is removed, and what
// stays.
func compared(before, after []string) (lines []Line) {
	has := func(all []string, one string) bool {
		for _, s := range all {
			if s == one {
				return true
			}
		}
		return false
	}
	add := func(label string, all []string, want func(string) bool) {
		for _, s := range all {
			if want(s) {
				lines = append(lines, Line{Label: label, Value: s})
			}
		}
	}
	add("Adds", after, func(s string) bool { return !has(before, s) })
	add("Removes", before, func(s string) bool { return !has(after, s) })
	add("Keeps", after, func(s string) bool { return has(before, s) })
	return lines
}

// outdated refuses a change of another version of an object than the vault has.
func outdated(object string, from, now int) error {
	if from == now {
		return nil
	}
	return fault.New(fault.Conflict, object+" is at version "+strconv.Itoa(now)+" now, and the change is of version "+strconv.Itoa(from)).With("field", "from_version")
}

// record is what the journal keeps of a change.
func record(kind string, i Intent) Record {
	why := i.Why()
	return Record{Intent: kind, Change: i.Title(), Purpose: why.Purpose, Reference: why.Reference}
}
