// Package rehearsal says what the rules of a vault allow before they govern anything,
// and what a change of them would have done: who alone can move what in a day, what
// nobody can approve, what a lost token breaks, which rules and steps are never reached
// ([Rehearse]); and what a new set of rules says to the recorded history and to what is
// open ([BackTest], [Report]). It is pure: no clock, no I/O. The commands of
// `countersign-bridge governance` use it. Spec: shared/spec/rehearsal.md.
//
// Where a finding says never or nobody, that is proven for each request that can be
// asked. A condition that this package does not know may match or not, whatever the
// request; it makes findings fewer, never wrong.
package rehearsal

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/id"
	"countersign/shared/intent"
	"countersign/shared/name"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
)

// Limits of what is rehearsed.
const (
	MaxSize     = 8 << 20 // bytes of its JSON
	maxMembers  = 256
	maxAccounts = 1024
	maxObjects  = 256 // groups, and whitelists
)

// Vault is what is rehearsed: everything that decides who may approve what.
type Vault struct {
	Admin      *Admin             `json:"admin_rule,omitempty"` // nil: not looked at
	Members    []Member           `json:"members"`
	Groups     []governance.Group `json:"groups,omitempty"`
	Whitelists []governance.List  `json:"whitelists,omitempty"`
	Accounts   []Account          `json:"accounts"`
}

// Member is a member, who may be named by groups and rules also when they approve nothing.
type Member struct {
	Member string `json:"member"`
	Name   string `json:"name"`
	Role   string `json:"role"`            // ADMIN, OPERATOR or AUDITOR
	State  string `json:"state,omitempty"` // SUSPENDED or REVOKED; empty: active
}

// approves reports whether a member counts for anything.
func (m Member) approves() bool { return m.State == "" && m.Role != statement.Auditor }

// administers reports whether a member counts as an administrator.
func (m Member) administers() bool { return m.State == "" && m.Role == statement.Admin }

// Account is an account with its rules.
type Account struct {
	Account string         `json:"account"`
	Name    string         `json:"name"`
	Chain   string         `json:"chain,omitempty"`   // CAIP-2
	Address string         `json:"address,omitempty"` // of its own key; empty: it is not made yet
	Parent  string         `json:"parent,omitempty"`  // the account that funds it
	Rules   governance.Set `json:"rules"`
}

// receives is the address of its own key as the dimension has it: its id stands for one that
// is not made yet.
func (a Account) receives() string {
	if a.Address == "" {
		return a.Account
	}
	return listed(a.Chain, a.Address)
}

// Admin is the rule of the administrators: how many of them change the vault.
type Admin struct {
	Quorum int `json:"quorum"`
}

// Decode reads a vault in canonical JSON and checks it. It fails with INVALID_REQUEST.
func Decode(data []byte) (Vault, error) {
	var v Vault
	if err := strictjson.UnmarshalCanonical(data, &v, MaxSize); err != nil {
		return Vault{}, err
	}
	return v, v.Check()
}

// Check reports the first mistake: INVALID_REQUEST, details field.
func (v Vault) Check() error {
	if len(v.Members) == 0 || len(v.Members) > maxMembers {
		return mistake("members", fmt.Sprintf("must be 1 to %d", maxMembers))
	}
	seen, admins := map[string]bool{}, 0
	for i, m := range v.Members {
		at := fmt.Sprintf("members.%d", i)
		switch {
		case !id.Is(id.Member, m.Member):
			return mistake(at+".member", "is not an id that starts with mem_")
		case seen[m.Member]:
			return mistake(at+".member", "is listed twice")
		case name.Problem(m.Name) != "":
			return mistake(at+".name", name.Problem(m.Name))
		case !slices.Contains([]string{statement.Admin, statement.Operator, statement.Auditor}, m.Role):
			return mistake(at+".role", "is not ADMIN, OPERATOR or AUDITOR")
		case m.State != "" && m.State != intent.Suspended && m.State != intent.Revoked:
			return mistake(at+".state", "is not SUSPENDED or REVOKED; leave it out for a member who is active")
		}
		seen[m.Member] = true
		if m.administers() {
			admins++
		}
	}
	if v.Admin != nil && (v.Admin.Quorum < 1 || v.Admin.Quorum > admins) {
		return mistake("admin_rule.quorum", fmt.Sprintf("must be 1 to %d, the number of administrators", admins))
	}
	objects := v.named()
	if err := v.checkObjects(objects); err != nil {
		return err
	}
	if len(v.Accounts) == 0 || len(v.Accounts) > maxAccounts {
		return mistake("accounts", fmt.Sprintf("must be 1 to %d", maxAccounts))
	}
	for i, a := range v.Accounts {
		at := fmt.Sprintf("accounts.%d", i)
		switch {
		case !id.Is(id.Account, a.Account):
			return mistake(at+".account", "is not an id that starts with acc_")
		case slices.ContainsFunc(v.Accounts[:i], func(b Account) bool { return a.Account == b.Account }):
			return mistake(at+".account", "is listed twice")
		case name.Problem(a.Name) != "":
			return mistake(at+".name", name.Problem(a.Name))
		case a.Parent != "" && !slices.ContainsFunc(v.Accounts, func(b Account) bool { return a.Parent == b.Account }):
			return mistake(at+".parent", "is not an account that is listed")
		}
		if err := a.Rules.Check(objects); err != nil {
			return inside(err, at+".rules")
		}
	}
	return nil
}

// checkObjects checks groups and whitelists.
func (v Vault) checkObjects(o governance.Objects) error {
	if len(v.Groups) > maxObjects || len(v.Whitelists) > maxObjects {
		return mistake("groups", fmt.Sprintf("and whitelists are at most %d each", maxObjects))
	}
	ids := map[string]bool{}
	for i, g := range v.Groups {
		at := fmt.Sprintf("groups.%d", i)
		if !id.Is(id.Group, g.Group) || ids[g.Group] {
			return mistake(at+".group", "is not an id that starts with grp_, or is listed twice")
		}
		if err := o.CheckGroup(g); err != nil {
			return inside(err, at)
		}
		ids[g.Group] = true
	}
	for i, l := range v.Whitelists {
		at := fmt.Sprintf("whitelists.%d", i)
		if !id.Is(id.Whitelist, l.Whitelist) || ids[l.Whitelist] {
			return mistake(at+".whitelist", "is not an id that starts with wls_, or is listed twice")
		}
		if err := l.Check(); err != nil {
			return inside(err, at)
		}
		ids[l.Whitelist] = true
	}
	return nil
}

// inside is a mistake in a part of a vault, whose field the error names.
func inside(err error, at string) error {
	f, ok := fault.As(err)
	if !ok {
		return err
	}
	return fault.New(f.Code, at+": "+f.Message).With("field", at+"."+f.Details["field"])
}

// named are what rules may name, also members who count for nothing now.
func (v Vault) named() governance.Objects {
	return v.with(func(m Member) bool { return m.Role != statement.Auditor })
}

// objects are what counts for rules, without one member.
func (v Vault) objects(without string) governance.Objects {
	return v.with(func(m Member) bool { return m.approves() && m.Member != without })
}

// with are what rules name, and these members.
func (v Vault) with(these func(Member) bool) governance.Objects {
	o := governance.Objects{Groups: v.Groups, Lists: v.Whitelists}
	for _, a := range v.Accounts {
		o.Accounts = append(o.Accounts, governance.Account{Account: a.Account, Chain: a.Chain, Address: a.Address, Parent: a.Parent})
	}
	for _, m := range v.Members {
		if these(m) {
			o.Members = append(o.Members, governance.Member{ID: m.Member, Name: m.Name})
		}
	}
	return o
}

func mistake(field, why string) error {
	return fault.New(fault.Invalid, field+" "+why).With("field", field)
}

// Digest names exactly what is rehearsed: base64url of the SHA-256 of its canonical JSON.
func (v Vault) Digest() string { return digest(v) }

func digest(v any) string {
	data, err := strictjson.Canonical(v)
	if err != nil {
		panic(err) // strings, integers and booleans always have a form
	}
	sum := sha256.Sum256(data)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// names are the members for people, in the order of ids: "Alice, Bob and Carol".
func (v Vault) names(ids []string, word string) string {
	var all []string
	for _, id := range ids {
		i := slices.IndexFunc(v.Members, func(m Member) bool { return m.Member == id })
		if i < 0 {
			all = append(all, id)
			continue
		}
		all = append(all, name.Within(v.Members[i].Name))
	}
	return join(all, word)
}

// join is a list for people.
func join(all []string, word string) string {
	if n := len(all); n > 1 {
		return strings.Join(all[:n-1], ", ") + " " + word + " " + all[n-1]
	}
	return strings.Join(all, "")
}

// count is how many there are of something, whose plural ends in s.
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%s %s", thousands(fmt.Sprint(n)), noun)
}

// thousands writes a plain decimal for people: 40000.50 is 40,000.50.
func thousands(s string) string {
	whole, rest, point := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if point {
		whole += "." + rest
	}
	return whole
}
