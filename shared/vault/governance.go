package vault

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
)

// Governance is who may decide what in a vault, and who may read it: members, groups,
// whitelists, accounts, rule sets, the admin rule and reporting keys, in every version that they had. A version is added when
// a change is approved, and none is overwritten: what was decided can be explained at
// any later time. Its JSON is what a snapshot, and a reader of the log, keep of it.
type Governance struct {
	Genesis       statement.Genesis            `json:"genesis"`
	Created       []statement.GenesisAccount   `json:"created,omitempty"` // accounts that the genesis does not have, as they were created, in order
	Admin         objects[statement.AdminRule] `json:"admin"`             // one
	Members       objects[Membership]          `json:"members"`
	Groups        objects[governance.Group]    `json:"groups"`
	Lists         objects[governance.List]     `json:"whitelists"`
	Accounts      objects[AccountTerms]        `json:"accounts"`
	Rules         objects[governance.Set]      `json:"rules"` // by the id of what each governs
	ReportingKeys objects[ReportingKey]        `json:"reporting_keys,omitempty"`
	// Rotations gave the vault other keys than the genesis names, in order.
	Rotations []Rotation `json:"rotations,omitempty"`
	Changes   []int64    `json:"changes"` // the entries that changed something, ascending; without the genesis
}

// Membership is a member in one version.
type Membership struct {
	statement.GenesisMember
	State string `json:"state"`        // of intent: ACTIVE, SUSPENDED or REVOKED
	Is    string `json:"is,omitempty"` // of intent: PERSON or PROGRAM; empty: the genesis does not say
}

// AccountTerms are what can change of an account.
type AccountTerms struct {
	Name   string        `json:"name"`
	Tier   string        `json:"tier,omitempty"`
	Parent string        `json:"parent,omitempty"`
	Sweep  *intent.Sweep `json:"sweep,omitempty"`
}

// add takes an account of the genesis, or one that the outcome entry seq of a request created.
func (v *Governance) add(a statement.GenesisAccount, request string, seq int64) error {
	return errors.Join(
		v.Accounts.put(a.Account, Version[AccountTerms]{Version: 1, Seq: seq, Request: request, Value: AccountTerms{a.Name, a.Tier, a.Parent, a.Sweep}}),
		v.Rules.put(a.Account, Version[governance.Set]{Version: a.Rules.Version, Seq: seq, Request: request, Value: a.Rules}))
}

// founded are all accounts as they were founded: those of the genesis, then those that were
// created.
func (v *Governance) founded() []statement.GenesisAccount {
	return slices.Concat(v.Genesis.Accounts, v.Created)
}

// found takes a genesis as entry 0.
func found(g statement.Genesis) (*Governance, error) {
	v := &Governance{Genesis: g, Changes: []int64{}}
	err := errors.Join(v.Admin.put(governance.Admin, Version[statement.AdminRule]{Version: 1, Value: g.AdminRule}),
		v.Rules.put(governance.Admin, Version[governance.Set]{Version: 1, Value: governance.AdminSet(1, g.AdminRule.Quorum)}))
	for _, m := range g.Members {
		err = errors.Join(err, v.Members.put(m.Member, Version[Membership]{Version: 1, Value: Membership{GenesisMember: m, State: intent.Active}}))
	}
	for _, group := range g.Groups {
		err = errors.Join(err, v.Groups.put(group.Group, Version[governance.Group]{Version: 1, Value: group}))
	}
	for _, list := range g.Whitelists {
		err = errors.Join(err, v.Lists.put(list.Whitelist, Version[governance.List]{Version: 1, Value: list}))
	}
	for _, a := range g.Accounts {
		err = errors.Join(err, v.add(a, "", 0))
	}
	return v, err
}

// Current is the genesis as it would be written now: every member, whatever their state,
// and the groups, whitelists, accounts and rules as they are.
func (v *Governance) Current() statement.Genesis {
	g := v.Genesis
	g.Signer = v.Signer()
	g.Members, g.Groups, g.Whitelists, g.Accounts = nil, nil, nil, nil
	for _, m := range v.Joined() {
		g.Members = append(g.Members, m.GenesisMember)
	}
	v.Groups.each(Newest, func(_ string, group governance.Group) { g.Groups = append(g.Groups, group) })
	v.Lists.each(Newest, func(_ string, l governance.List) { g.Whitelists = append(g.Whitelists, l) })
	for _, a := range v.founded() {
		terms, _ := v.Accounts.at(a.Account, Newest)
		rules, _ := v.Rules.at(a.Account, Newest)
		a.Address = v.addressOf(a, Newest)
		a.Name, a.Tier, a.Parent, a.Sweep, a.Rules = terms.Value.Name, terms.Value.Tier, terms.Value.Parent, terms.Value.Sweep, rules.Value
		g.Accounts = append(g.Accounts, a)
	}
	rule, _ := v.Admin.at(governance.Admin, Newest)
	g.AdminRule = rule.Value
	return g
}

// clone shares what never changes: the versions that there are.
func (v *Governance) clone() *Governance {
	c := *v
	c.Admin, c.Members, c.Groups, c.Lists = v.Admin.clone(), v.Members.clone(), v.Groups.clone(), v.Lists.clone()
	c.Accounts, c.Rules, c.Changes, c.Created, c.Rotations = v.Accounts.clone(), v.Rules.clone(), slices.Clip(v.Changes), slices.Clip(v.Created), slices.Clip(v.Rotations)
	c.ReportingKeys = v.ReportingKeys.clone()
	return &c
}

// Before is the vault as it was before an entry of the log.
func (v *Governance) Before(seq int64) *Governance {
	c := v.clone()
	c.Admin, c.Members, c.Groups, c.Lists = c.Admin.before(seq), c.Members.before(seq), c.Groups.before(seq), c.Lists.before(seq)
	c.Accounts, c.Rules, c.ReportingKeys = c.Accounts.before(seq), c.Rules.before(seq), c.ReportingKeys.before(seq)
	c.Created = slices.DeleteFunc(slices.Clone(c.Created), func(a statement.GenesisAccount) bool { _, ok := c.Accounts.find(a.Account); return !ok })
	c.Rotations = slices.DeleteFunc(slices.Clone(c.Rotations), func(r Rotation) bool { return r.Seq >= seq })
	c.Changes = slices.DeleteFunc(slices.Clone(c.Changes), func(at int64) bool { return at >= seq })
	return c
}

// MaxGovernance is the longest form of a governance, in bytes.
const MaxGovernance = MaxSnapshot

// ReadGovernance reads what a reader of the log kept, in canonical JSON. It fails with
// INVALID_REQUEST.
func ReadGovernance(data []byte) (*Governance, error) {
	var v Governance
	if err := strictjson.Unmarshal(data, &v, MaxGovernance); err != nil {
		return nil, err
	}
	if err := v.sound(); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "what was kept of the vault does not hold")
	}
	return &v, nil
}

// sound reports what is wrong with what was kept.
func (v *Governance) sound() error {
	for _, a := range v.founded() {
		_, named := v.Accounts.find(a.Account)
		if _, ruled := v.Rules.find(a.Account); !named || !ruled {
			return fmt.Errorf("account %s has no name, or no rules", a.Account)
		}
	}
	return errors.Join(v.Admin.sound(), v.Members.sound(), v.Groups.sound(), v.Lists.sound(), v.Accounts.sound(), v.Rules.sound(), v.ReportingKeys.sound())
}

// objects are what rules name, after an entry.
func (v *Governance) objects(seq int64) (o governance.Objects) {
	admins := governance.Group{Group: governance.Administrators, Name: governance.Administrators}
	for _, id := range v.joined() {
		m, ok := v.Members.at(id, seq)
		if !ok || m.Value.State != intent.Active || m.Value.Role == statement.Auditor {
			continue
		}
		o.Members = append(o.Members, governance.Member{ID: m.Value.Member, Name: m.Value.Name})
		if m.Value.Role == statement.Admin {
			admins.Members = append(admins.Members, m.Value.Member)
		}
	}
	v.Groups.each(seq, func(_ string, g governance.Group) { o.Groups = append(o.Groups, g) })
	o.Groups = append(o.Groups, admins)
	v.Lists.each(seq, func(_ string, l governance.List) { o.Lists = append(o.Lists, l) })
	for _, a := range v.founded() {
		if terms, ok := v.Accounts.at(a.Account, seq); ok {
			a.Parent, a.Address = terms.Value.Parent, v.addressOf(a, seq)
			o.Accounts = append(o.Accounts, a.Ruled())
		}
	}
	return o
}

// Joined are all members as they are now, whatever their state, in the order in which they
// joined.
func (v *Governance) Joined() (all []Membership) {
	for _, id := range v.joined() {
		now, _ := v.Members.at(id, Newest)
		all = append(all, now.Value)
	}
	return all
}

// joined are their ids.
func (v *Governance) joined() []string {
	var later []Object[Membership]
	for _, m := range v.Members {
		if m.Versions[0].Seq > 0 { // whom the genesis does not have
			later = append(later, m)
		}
	}
	slices.SortFunc(later, func(a, b Object[Membership]) int { return cmp.Compare(a.Versions[0].Seq, b.Versions[0].Seq) })
	var all []string
	for _, m := range v.Genesis.Members {
		all = append(all, m.Member)
	}
	for _, m := range later {
		all = append(all, m.ID)
	}
	return all
}

// pinned is the version of a rule set that a request keeps.
func (v *Governance) pinned(by statement.GovernedBy) (governance.Set, error) {
	set, ok := v.Rules.numbered(by.RuleSet, by.Version)
	switch {
	case !ok:
		return governance.Set{}, fmt.Errorf("there is no version %d of the rules of %s", by.Version, by.RuleSet)
	case set.Value.Digest() != by.Digest:
		return governance.Set{}, fmt.Errorf("version %d of the rules of %s has another digest", by.Version, by.RuleSet)
	}
	return set.Value, nil
}

// rules are those of a request: the version that it pins, else the one that counts after
// an entry.
func (v *Governance) rules(by statement.GovernedBy, set string, seq int64) (governance.Set, error) {
	if by.Rule != "" {
		return v.pinned(by)
	}
	now, ok := v.Rules.at(set, seq)
	if !ok {
		return governance.Set{}, fmt.Errorf("there are no rules of %s", set)
	}
	return now.Value, nil
}

// input is what the rules are asked about a request after an entry of the log.
func (v *Governance) input(b signedlog.RequestBody, facts governance.Facts, said Said, spent []governance.Spent, now time.Time, seq int64) (governance.Input, error) {
	rules, err := v.rules(b.GovernedBy, facts.RuleSet(), seq)
	if facts.RuleSet() == governance.Admin {
		facts.Kind = governance.Administration
	}
	o := v.objects(seq)
	return governance.Input{
		Rules: rules, Pinned: b.GovernedBy.Rule, Facts: facts, Recorded: b.Recorded, Created: time.Unix(b.Created, 0).UTC(), Expires: time.Unix(b.Expires, 0).UTC(),
		Now: now, Initiator: said.Initiator, Approvals: said.since(v.lastChange(seq)), Spent: spent, Members: o.Members, Groups: o.Groups, Lists: o.Lists, Accounts: o.Accounts,
	}, err
}

// Ask asks the rules about one request, as its entry and what members said tell it, after
// an entry of the log; [Newest]: after all that there are.
func (v *Governance) Ask(b signedlog.RequestBody, facts governance.Facts, said Said, now time.Time, seq int64) governance.Decision {
	return v.ask(b, facts, said, nil, now, seq)
}

func (v *Governance) ask(b signedlog.RequestBody, facts governance.Facts, said Said, spent []governance.Spent, now time.Time, seq int64) governance.Decision {
	in, err := v.input(b, facts, said, spent, now, seq)
	if err != nil {
		return governance.Decision{State: governance.Denied, Reasons: []string{"no rule allows this", err.Error()}}
	}
	return governance.Decide(in)
}

// lastChange is the newest entry, up to one, that changed something; 0 when there is none.
func (v *Governance) lastChange(seq int64) (last int64) {
	for _, c := range v.Changes {
		if c <= seq {
			last = c
		}
	}
	return last
}
