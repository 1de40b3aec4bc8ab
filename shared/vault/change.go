package vault

import (
	"fmt"
	"slices"

	"countersign/shared/ceremony"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/jwk"
	"countersign/shared/statement"
)

// Fits reports why a change cannot take effect as the vault is now: it is of another
// version of its object than there is (CONFLICT), or after it something could not be
// approved any more that can be now (INVALID_REQUEST). An intent that changes nothing
// in the vault fits.
func (s *State) Fits(i intent.Intent) error {
	c, ok := i.(intent.Change)
	if !ok {
		return nil
	}
	if filled, err := c.Fill(s); err != nil {
		return err
	} else if !intent.Same(filled, c) {
		return fault.New(fault.Conflict, "what it changes is not what it says").With("field", "from_version")
	}
	return s.possible(c)
}

// possible reports what could not be approved any more after a change.
func (v *Governance) possible(c intent.Change) error {
	next, err := v.After(c)
	if err != nil {
		return err
	}
	before, after := v.objects(Newest), next.objects(Newest)
	rule, _ := next.Admin.at(governance.Admin, Newest)
	quorum := rule.Value.Quorum
	switch c := c.(type) {
	case intent.GroupPut:
		if err := before.CheckGroup(c.After()); err != nil {
			return err
		}
		if len(before.Groups) > statement.MaxObjects { // with that of the administrators
			if _, version := v.Group(c.Group); version == 0 {
				return bad("group", "is one more than the 64 that a vault can have")
			}
		}
	case intent.GroupRemove:
		if user := v.namer(c.Group); user != "" {
			return bad("group", "is named by the rules of "+user)
		}
	case intent.WhitelistPut:
		if err := c.After().Check(); err != nil {
			return err
		}
		if len(after.Lists) > statement.MaxObjects {
			return bad("whitelist", "is one more than the 64 that a vault can have")
		}
	case intent.Registering:
		if _, from := c.Of(); from == 0 && v.present() >= statement.MaxMembers {
			return bad("member", "is one more than the 64 that a vault can have")
		}
		_, says := c.Registered()
		for _, k := range []jwk.Key{says.Keys.Approval, says.Keys.Channel} {
			if holder := v.holder(k); holder != "" {
				return bad("registration", "has a key that is or was that of "+holder+", or its negative: each key has one holder and one purpose, for good")
			}
		}
	case intent.AdminRulePut:
		if why := rule.Value.Problem(len(admins(after)), v.Genesis.Sandbox); why != "" {
			return bad("quorum", why)
		}
	case intent.VaultRotateKeys:
		return v.possibleKeys(c)
	case intent.AccountCreate:
		if err := v.unlike(c.Account, c.Name, c.Address); err != nil {
			return err
		}
		if len(v.founded()) >= intent.MaxAccounts {
			return bad("account", "is one more than the 64 that a vault can have")
		}
		return v.possibleRules(c.Rules)
	case intent.AccountEdit:
		if c.Name != c.Before.Name {
			if err := v.unlike(c.Account, c.Name, ""); err != nil {
				return err
			}
		}
		return v.possibleRules(c.Rules)
	case intent.ReportingKeyCreate:
		return v.possibleKey(c)
	}
	if n := len(admins(after)); n < quorum {
		return bad("member", fmt.Sprintf("is needed: %d administrators would be left, and %d must approve what changes the vault", n, quorum))
	}
	for _, set := range v.Rules {
		now, _ := set.at(Newest)
		for _, r := range now.Value.Rules {
			if !r.Deny && before.CanBeMet(r) && !after.CanBeMet(r) {
				return bad("rules", fmt.Sprintf("of %s: rule %q could never be met after it", set.ID, r.Name))
			}
		}
	}
	return nil
}

// unlike reports why an account cannot have a name, or an address, because another has it.
func (v *Governance) unlike(account, name, address string) error {
	for _, a := range v.Current().Accounts {
		switch {
		case a.Account == account:
		case a.Name == name:
			return bad("name", "is that of "+a.Account)
		case address != "" && a.Address == address:
			return bad("address", "is that of "+a.Account)
		}
	}
	return nil
}

// possibleRules reports why an account cannot have rules.
func (v *Governance) possibleRules(rules governance.Set) error {
	o := v.objects(Newest)
	if err := rules.Check(o); err != nil {
		return err
	}
	for _, r := range rules.Rules {
		if !r.Deny && !o.CanBeMet(r) {
			return bad("rules."+r.Name+".steps", "can never all be taken")
		}
	}
	return nil
}

func bad(field, why string) error {
	return fault.New(fault.Invalid, field+" "+why).With("field", field)
}

// created is the account that an intent creates.
func created(c intent.AccountCreate) statement.GenesisAccount {
	return statement.GenesisAccount{Account: c.Account, Name: c.Name, Chain: c.Chain, Address: c.Address, Tier: c.Tier, Parent: c.Parent, Sweep: c.Sweep, Rules: c.Rules}
}

// admins are the administrators among the objects.
func admins(o governance.Objects) []string {
	return o.Electorate(governance.Step{Group: governance.Administrators})
}

// present is how many members there are who were not revoked.
func (v *Governance) present() (n int) {
	v.Members.each(Newest, func(_ string, m Membership) {
		if m.State != intent.Revoked {
			n++
		}
	})
	return n
}

// holder is who has or had a key of the vault or its negative; empty: nobody.
func (v *Governance) holder(k jwk.Key) string {
	for _, own := range v.ownKeys() {
		if own.Holder() == k.Holder() {
			return "the vault"
		}
	}
	for _, m := range v.Members {
		for _, was := range m.Versions {
			if was.Value.Approval.Holder() == k.Holder() || was.Value.Channel.Holder() == k.Holder() {
				return m.ID
			}
		}
	}
	return ""
}

// namer is the rule set that names a group; empty: none does.
func (v *Governance) namer(group string) string {
	for _, set := range v.Rules {
		now, _ := set.at(Newest)
		for _, r := range now.Value.Rules {
			names := func(s governance.Step) bool {
				return s.Group == group || slices.ContainsFunc(s.Any, func(q governance.Quorum) bool { return q.Group == group })
			}
			if r.Creation != nil && r.Creation.Group == group || slices.ContainsFunc(r.Steps, names) {
				return set.ID
			}
		}
	}
	return ""
}

// After is the vault after a change, as if it were approved now; v stays as it is. An account
// that it creates has no address in it, whether or not its key is made. It fails with CONFLICT
// for a change of another version of its object.
func (v *Governance) After(c intent.Change) (*Governance, error) {
	if account, ok := c.(intent.AccountCreate); ok {
		account.Address = ""
		c = account
	}
	next := v.clone()
	if err := next.take(c, "", v.lastChange(Newest)+1); err != nil {
		return nil, fault.Wrap(err, fault.Conflict, "the change does not follow the version that there is")
	}
	return next, nil
}

// take makes the version of a change that was approved, with the outcome entry seq of a
// request. It is the only place where something changes.
func (v *Governance) take(i intent.Change, request string, seq int64) error {
	_, from := i.Of()
	var err error
	switch c := i.(type) {
	case intent.GroupPut:
		err = v.Groups.put(c.Group, Version[governance.Group]{Version: from + 1, Seq: seq, Request: request, Value: c.After()})
	case intent.GroupRemove:
		err = v.Groups.put(c.Group, Version[governance.Group]{Version: from + 1, Seq: seq, Request: request, Gone: true, Value: governance.Group{Members: []string{}}})
	case intent.WhitelistPut:
		err = v.Lists.put(c.Whitelist, Version[governance.List]{Version: from + 1, Seq: seq, Request: request, Value: c.After()})
	case intent.AdminRulePut:
		rule := statement.AdminRule{Quorum: c.Quorum}
		if err = v.Admin.put(governance.Admin, Version[statement.AdminRule]{Version: from + 1, Seq: seq, Request: request, Value: rule}); err == nil {
			err = v.Rules.put(governance.Admin, Version[governance.Set]{Version: from + 1, Seq: seq, Request: request, Value: governance.AdminSet(from+1, c.Quorum)})
		}
	case intent.AccountCreate:
		a := created(c)
		if err = v.add(a, request, seq); err == nil {
			v.Created = append(v.Created, a)
		}
	case intent.AccountEdit:
		err = v.Accounts.put(c.Account, Version[AccountTerms]{Version: from + 1, Seq: seq, Request: request, Value: AccountTerms{c.Name, c.Tier, c.Parent, c.Sweep}})
		if err == nil && c.Rules.Version != c.Before.Rules.Version {
			err = v.Rules.put(c.Account, Version[governance.Set]{Version: c.Rules.Version, Seq: seq, Request: request, Value: c.Rules})
		}
	case intent.VaultRotateKeys:
		err = v.rotate(c, request, seq)
	case intent.MemberInvite:
		m := Membership{GenesisMember: statement.GenesisMember{Member: c.Member, Name: c.Name, Role: c.Role}, State: intent.Active, Is: c.Is}
		err = v.Members.put(c.Member, Version[Membership]{Version: from + 1, Seq: seq, Request: request, Value: m.with(*c.Keys)})
	case intent.MemberReplaceKeys:
		was, _ := v.Members.at(c.Member, Newest)
		err = v.Members.put(c.Member, Version[Membership]{Version: from + 1, Seq: seq, Request: request, Value: was.Value.with(*c.Keys)})
	case intent.MemberState:
		was, _ := v.Members.at(c.Member, Newest)
		was.Value.State = c.After()
		err = v.Members.put(c.Member, Version[Membership]{Version: from + 1, Seq: seq, Request: request, Value: was.Value})
	case intent.ReportingKeyCreate:
		err = v.ReportingKeys.put(c.ReportingKey, Version[ReportingKey]{Version: 1, Seq: seq, Request: request, Value: reporting(c)})
	case intent.ReportingKeyRevoke:
		was, _ := v.ReportingKeys.at(c.ReportingKey, Newest)
		was.Value.State = intent.Revoked
		err = v.ReportingKeys.put(c.ReportingKey, Version[ReportingKey]{Version: from + 1, Seq: seq, Request: request, Value: was.Value})
	default:
		err = fmt.Errorf("nothing takes a %s", i.Noun())
	}
	if err == nil {
		v.Changes = append(v.Changes, seq)
	}
	return err
}

// with is the member with other keys.
func (m Membership) with(k intent.Keys) Membership {
	m.Approval, m.Channel, m.ChannelIn = k.Approval, k.Channel, k.ChannelIn
	return m
}

// Registered implements [intent.Vault].
func (v *Governance) Registered(registration string) (intent.Registrant, error) {
	return ceremony.ForVault(registration, v.Genesis.Entity)
}

// Person implements [intent.Vault].
func (v *Governance) Person(id string) (intent.Person, bool) {
	m, ok := v.Members.at(id, Newest)
	return intent.Person{Name: m.Value.Name, Role: m.Value.Role, State: m.Value.State, Version: m.Version}, ok
}

// Group implements [intent.Vault].
func (v *Governance) Group(id string) (governance.Group, int) {
	g, _ := v.Groups.at(id, Newest)
	return g.Value, g.Version
}

// Whitelist implements [intent.Vault].
func (v *Governance) Whitelist(id string) (governance.List, int) {
	l, _ := v.Lists.at(id, Newest)
	return l.Value, l.Version
}

// Admins implements [intent.Vault].
func (v *Governance) Admins() intent.Admins {
	rule, _ := v.Admin.at(governance.Admin, Newest)
	return intent.Admins{Count: len(admins(v.objects(Newest))), Quorum: rule.Value.Quorum, Version: rule.Version}
}
