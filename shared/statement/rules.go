package statement

import (
	"countersign/shared/governance"
	"countersign/shared/id"
	"countersign/shared/intent"
	"countersign/shared/jwk"
)

func (a Approval) check() error {
	var c checks
	c.kind(2, a.V, a.Type, "approval")
	c.That(a.Decision != Initiate, "decision", "is neither APPROVE nor REJECT")
	return c.decision(a)
}

// decision checks what every statement about a request says.
func (c *checks) decision(a Approval) error {
	c.ID("ent", a.Entity, "entity")
	c.Name(a.EntityName, "entity_name")
	c.ID("req", a.Request, "request")
	if a.Decision != Initiate {
		c.That(a.Step >= 1 && a.Step <= maxStep, "step", "is not between 1 and 16")
		c.That(a.Decision == Approve || a.Decision == Reject, "decision", "is neither APPROVE nor REJECT")
	}
	c.ID("mem", a.Member, "member")
	c.Name(a.MemberName, "member_name")
	c.hash(a.Key, "key")
	c.governed(a.GovernedBy)
	if a.Initiator != "" || a.InitiatorName != "" {
		c.ID("mem", a.Initiator, "initiator")
		c.Name(a.InitiatorName, "initiator_name")
	}
	if c.OK() {
		wants, err := a.Wants()
		if err != nil {
			return err
		}
		c.That(a.GovernedBy.RuleSet == wants.Facts().RuleSet(), "governed_by.rule_set", "is not that of the account")
		_, sends := wants.(intent.Sender)
		_, signs := wants.(intent.Messenger)
		c.That((a.Effects != "") == ((sends || signs) && a.Decision != Initiate), "effects", "must be said of what ends in a transaction or a signature, and of nothing else")
	}
	if a.Effects != "" {
		c.hash(a.Effects, "effects")
	}
	changes := a.GovernedBy.RuleSet == governance.Admin && a.Decision != Initiate
	c.That((a.Impact != nil) == changes, "impact", "must be said of what changes the vault, and of nothing else")
	if a.Impact != nil {
		c.impact(*a.Impact)
	}
	c.That(isHex32(a.Nonce), "nonce", "is not 32 bytes of lower-case hexadecimal")
	c.time(a.IssuedAt, "iat")
	c.time(a.NotBefore, "nbf")
	c.time(a.Expires, "exp")
	c.That(a.NotBefore <= a.IssuedAt, "nbf", "is after iat")
	c.That(a.Expires > a.IssuedAt && a.Expires-a.NotBefore <= int64(Lifetime.Seconds()), "exp", "is not within 10 minutes of nbf")
	c.hash(a.Channel, "channel")
	c.That(a.Log.Size >= 1, "log.size", "is not a size")
	c.hash(a.Log.Head, "log.head")
	return c.failed()
}

func (c *checks) governed(g GovernedBy) {
	if g.RuleSet != governance.Admin {
		c.ID("acc", g.RuleSet, "governed_by.rule_set")
	}
	c.That(g.Version >= 1, "governed_by.version", "is not a version")
	c.hash(g.Digest, "governed_by.digest")
	c.Name(g.Rule, "governed_by.rule")
	c.That(governance.UseOK(g.UseWithin), "governed_by.use_within", "must be a minute to 90 days, in seconds")
}

func (m Member) check() error {
	var c checks
	c.kind(1, m.V, m.Type, "member")
	c.ID("ent", m.Entity, "entity")
	c.member(GenesisMember{m.Member, m.Name, m.Role, m.Approval, m.Channel, m.ChannelIn}, "")
	c.time(m.IssuedAt, "iat")
	c.time(m.Expires, "exp")
	c.That(m.Expires > m.IssuedAt, "exp", "is not after iat")
	return c.failed()
}

func (c *checks) member(m GenesisMember, at string) {
	c.ID("mem", m.Member, at+"member")
	c.Name(m.Name, at+"name")
	c.That(m.Role == Admin || m.Role == Operator || m.Role == Auditor, at+"role", "is not ADMIN, OPERATOR or AUDITOR")
	c.key(m.Approval, at+"approval")
	c.key(m.Channel, at+"channel")
	c.That(m.ChannelIn == InToken || m.ChannelIn == InSoftware, at+"channel_in", "is neither token nor software")
	c.That(m.Approval.Holder() != m.Channel.Holder(), at+"channel", "is the approval key, or its negative: one key must not serve two purposes")
}

func (a Address) check() error {
	var c checks
	c.kind(1, a.V, a.Type, "address")
	c.ID("ent", a.Entity, "entity")
	c.ID("acc", a.Account, "account")
	c.ID("req", a.Request, "request")
	c.Chain(a.Chain, "chain")
	c.Address(a.Address, "address")
	c.key(a.PublicKey, "public_key")
	c.time(a.IssuedAt, "iat")
	return c.failed()
}

func (r Registration) check() error {
	var c checks
	c.kind(1, r.V, r.Type, "registration")
	c.ID("ent", r.Entity, "entity")
	c.member(GenesisMember{r.Member, r.Name, Auditor, r.Approval, r.Channel, r.ChannelIn}, "")
	if r.Proof != (ChannelProof{}) {
		c.hash(r.Proof.To, "channel_proof.to")
		c.hash(r.Proof.Tag, "channel_proof.tag")
	}
	r.Driver.Check(&c.Checks, "driver")
	c.time(r.IssuedAt, "iat")
	return c.failed()
}

func (a GenesisApproval) check() error {
	var c checks
	c.kind(1, a.V, a.Type, "genesis-approval")
	c.ID("ent", a.Entity, "entity")
	c.hash(a.Genesis, "genesis")
	c.ID("mem", a.Member, "member")
	c.hash(a.Key, "key")
	c.time(a.IssuedAt, "iat")
	return c.failed()
}

// sole makes sure that a key has one holder and one purpose; holders are the fields
// of the keys so far.
func (c *checks) sole(holders map[jwk.Holder]string, k jwk.Key, field string) {
	other, taken := holders[k.Holder()]
	c.That(!taken, field, "is the same key as "+other+", or its negative: one key must not serve two purposes")
	holders[k.Holder()] = field
}

// objects checks the groups and the whitelists of a genesis, and adds them to o.
func (c *checks) objects(g Genesis, o *governance.Objects) {
	c.That(len(g.Groups) <= MaxObjects, "groups", "are more than 64")
	c.That(len(g.Whitelists) <= MaxObjects, "whitelists", "are more than 64")
	ids := map[string]bool{}
	for _, group := range g.Groups {
		at := "groups." + group.Group
		c.ID(id.Group, group.Group, at+".group")
		c.That(!ids[group.Group], at+".group", "is listed twice")
		if err := o.CheckGroup(group); err != nil {
			c.That(false, at, "does not hold: "+reason(err))
		}
		ids[group.Group], o.Groups = true, append(o.Groups, group)
	}
	for _, list := range g.Whitelists {
		at := "whitelists." + list.Whitelist
		c.ID(id.Whitelist, list.Whitelist, at+".whitelist")
		c.That(!ids[list.Whitelist], at+".whitelist", "is listed twice")
		if err := list.Check(); err != nil {
			c.That(false, at, "does not hold: "+reason(err))
		}
		ids[list.Whitelist], o.Lists = true, append(o.Lists, list)
	}
}

func (g Genesis) check() error {
	var c checks
	c.kind(3, g.V, g.Type, "genesis")
	c.ID("ent", g.Entity, "entity")
	c.Name(g.EntityName, "entity_name")
	CheckSigner(&c.Checks, g.Signer, "signer.")
	holders := map[jwk.Holder]string{g.Signer.Statement.Holder(): "signer.statement"}
	for _, k := range g.Signer.Channel {
		holders[k.Holder()] = "signer.channel"
	}
	c.That(len(g.Members) >= 1 && len(g.Members) <= MaxMembers, "members", "does not hold 1 to 64 members")
	members, admins := map[string]bool{}, 0
	var o governance.Objects
	for _, m := range g.Members {
		at := "members." + m.Member + "."
		c.member(m, at)
		c.That(!members[m.Member], at+"member", "is listed twice")
		c.sole(holders, m.Approval, at+"approval")
		c.sole(holders, m.Channel, at+"channel")
		members[m.Member] = true
		if m.Role != Auditor {
			o.Members = append(o.Members, governance.Member{ID: m.Member, Name: m.Name})
		}
		if m.Role == Admin {
			admins++
		}
	}
	why := g.AdminRule.Problem(admins, g.Sandbox)
	c.That(why == "", "admin_rule.quorum", why)
	c.objects(g, &o)
	c.accounts(g, o)
	c.time(g.IssuedAt, "iat")
	return c.failed()
}

// accounts checks the accounts of a genesis, whose rules name what is in o.
func (c *checks) accounts(g Genesis, o governance.Objects) {
	c.That(len(g.Accounts) >= 1 && len(g.Accounts) <= intent.MaxAccounts, "accounts", "does not hold 1 to 64 accounts")
	accounts := map[string]GenesisAccount{}
	for _, a := range g.Accounts {
		at := "accounts." + a.Account + "."
		c.ID("acc", a.Account, at+"account")
		c.That(accounts[a.Account].Account == "", at+"account", "is listed twice")
		c.Name(a.Name, at+"name")
		c.Chain(a.Chain, at+"chain")
		c.Address(a.Address, at+"address")
		intent.CheckPlace(&c.Checks, a.Tier, a.Parent, at)
		intent.CheckSweep(&c.Checks, a.Sweep, a.Chain, at)
		accounts[a.Account], o.Accounts = a, append(o.Accounts, a.Ruled())
	}
	find := func(id string) (intent.Account, bool) {
		a, ok := accounts[id]
		return intent.Account{Chain: a.Chain, Parent: a.Parent}, ok
	}
	for _, a := range g.Accounts {
		at := "accounts." + a.Account + "."
		why := intent.ParentProblem(a.Account, a.Chain, a.Parent, find)
		c.That(why == "", at+"parent", why)
		if err := a.Rules.Check(o); err != nil {
			c.That(false, at+"rules", "do not hold: "+reason(err))
		}
	}
}

// Ruled is the account as rules look at it.
func (a GenesisAccount) Ruled() governance.Account {
	return governance.Account{Account: a.Account, Chain: a.Chain, Address: a.Address, Parent: a.Parent}
}
