package statement

import "countersign/shared/governance"

func (a Approval) check() error {
	var c checks
	c.kind(a.V, a.Type, "approval")
	c.id("ent", a.Entity, "entity")
	c.name(a.EntityName, "entity_name")
	c.id("req", a.Request, "request")
	c.that(a.Step >= 1 && a.Step <= maxStep, "step", "is not between 1 and 16")
	c.that(a.Decision == Approve || a.Decision == Reject, "decision", "is neither APPROVE nor REJECT")
	c.id("mem", a.Member, "member")
	c.name(a.MemberName, "member_name")
	c.hash(a.Key, "key")
	c.name(a.GovernedBy.Rule, "governed_by.rule")
	c.that(a.GovernedBy.Version >= 1, "governed_by.version", "is not a version")
	c.hash(a.GovernedBy.Digest, "governed_by.digest")
	c.that(governance.UseOK(a.GovernedBy.UseWithin), "governed_by.use_within", "must be a minute to 90 days, in seconds")
	if c.err == nil {
		c.err = a.Intent.check("intent.")
	}
	c.that(isHex32(a.Nonce), "nonce", "is not 32 bytes of lower-case hexadecimal")
	c.time(a.IssuedAt, "iat")
	c.time(a.NotBefore, "nbf")
	c.time(a.Expires, "exp")
	c.that(a.NotBefore <= a.IssuedAt, "nbf", "is after iat")
	c.that(a.Expires > a.IssuedAt && a.Expires-a.NotBefore <= int64(Lifetime.Seconds()), "exp", "is not within 10 minutes of nbf")
	c.hash(a.Channel, "channel")
	c.that(a.Log.Size >= 1, "log.size", "is not a size")
	c.hash(a.Log.Head, "log.head")
	return c.err
}

// Check checks each field of an intent alone. Errors are those of [Decode].
func (b Buy) Check() error { return b.check("") }

func (b Buy) check(at string) error {
	var c checks
	c.that(b.Type == "buy", at+"type", "is not buy")
	c.id("acc", b.Account, at+"account")
	c.name(b.AccountName, at+"account_name")
	c.slug(b.Provider, at+"provider")
	c.name(b.ProviderName, at+"provider_name")
	c.amount(b.Fiat.Amount, at+"fiat.amount", fiatPlaces)
	c.that(isCurrency(b.Fiat.Currency), at+"fiat.currency", "is not a currency of three capital letters")
	c.amount(b.Crypto.Amount, at+"crypto.amount", cryptoPlaces)
	c.slug(b.Crypto.Asset, at+"crypto.asset")
	c.amount(b.Minimum, at+"minimum", cryptoPlaces)
	c.sameMagnitude(b.Minimum, b.Crypto.Amount, at+"minimum")
	c.that(isChain(b.Chain), at+"chain", "is not a chain in CAIP-2 form")
	c.that(isAddress(b.Address), at+"address", "is not an address")
	c.slug(b.PaymentMethod, at+"payment_method")
	c.that(isCountry(b.Country), at+"country", "is not a country of two capital letters")
	c.id("quo", b.Quote, at+"quote")
	return c.err
}

func (m Member) check() error {
	var c checks
	c.kind(m.V, m.Type, "member")
	c.id("ent", m.Entity, "entity")
	c.member(GenesisMember{m.Member, m.Name, m.Role, m.Approval, m.Channel, m.ChannelIn}, "")
	c.time(m.IssuedAt, "iat")
	c.time(m.Expires, "exp")
	c.that(m.Expires > m.IssuedAt, "exp", "is not after iat")
	return c.err
}

func (c *checks) member(m GenesisMember, at string) {
	c.id("mem", m.Member, at+"member")
	c.name(m.Name, at+"name")
	c.that(m.Role == Admin || m.Role == Operator || m.Role == Auditor, at+"role", "is not ADMIN, OPERATOR or AUDITOR")
	c.key(m.Approval, at+"approval")
	c.key(m.Channel, at+"channel")
	c.that(m.ChannelIn == InToken || m.ChannelIn == InSoftware, at+"channel_in", "is neither token nor software")
	c.that(m.Approval.half() != m.Channel.half(), at+"channel", "is the approval key, or its negative: one key must not serve two purposes")
}

// half is what tells keys of two holders apart: the keys P and −P have one x, and
// who holds the private half of one holds that of the other.
type half struct{ crv, x string }

func (k JWK) half() half { return half{k.Crv, k.X} }

// SameHolder reports whether who holds the private half of k holds that of o: the
// two are one key, or one the negative of the other.
func (k JWK) SameHolder(o JWK) bool { return k.half() == o.half() }

func (a Address) check() error {
	var c checks
	c.kind(a.V, a.Type, "address")
	c.id("ent", a.Entity, "entity")
	c.id("acc", a.Account, "account")
	c.id("req", a.Request, "request")
	c.that(isChain(a.Chain), "chain", "is not a chain in CAIP-2 form")
	c.that(isAddress(a.Address), "address", "is not an address")
	c.key(a.PublicKey, "public_key")
	c.time(a.IssuedAt, "iat")
	return c.err
}

// sole makes sure that a key has one holder and one purpose; holders are the fields
// of the keys so far.
func (c *checks) sole(holders map[half]string, k JWK, field string) {
	other, taken := holders[k.half()]
	c.that(!taken, field, "is the same key as "+other+", or its negative: one key must not serve two purposes")
	holders[k.half()] = field
}

func (g Genesis) check() error {
	var c checks
	c.kind(g.V, g.Type, "genesis")
	c.id("ent", g.Entity, "entity")
	c.name(g.EntityName, "entity_name")
	c.key(g.Signer.Statement, "signer.statement")
	c.that(len(g.Signer.Channel) >= 1 && len(g.Signer.Channel) <= 2, "signer.channel", "does not hold one key for each suite")
	holders := map[half]string{g.Signer.Statement.half(): "signer.statement"}
	for _, k := range g.Signer.Channel {
		c.key(k, "signer.channel")
		c.sole(holders, k, "signer.channel")
	}
	c.that(len(g.Members) >= 1 && len(g.Members) <= maxMembers, "members", "does not hold 1 to 64 members")
	members, voters := map[string]bool{}, map[string]bool{}
	for _, m := range g.Members {
		at := "members." + m.Member + "."
		c.member(m, at)
		c.that(!members[m.Member], at+"member", "is listed twice")
		c.sole(holders, m.Approval, at+"approval")
		c.sole(holders, m.Channel, at+"channel")
		members[m.Member], voters[m.Member] = true, m.Role != Auditor
	}
	c.that(len(g.Accounts) >= 1 && len(g.Accounts) <= maxAccounts, "accounts", "does not hold 1 to 64 accounts")
	accounts := map[string]bool{}
	for _, a := range g.Accounts {
		at := "accounts." + a.Account + "."
		c.id("acc", a.Account, at+"account")
		c.that(!accounts[a.Account], at+"account", "is listed twice")
		c.name(a.Name, at+"name")
		c.that(isChain(a.Chain), at+"chain", "is not a chain in CAIP-2 form")
		c.that(isAddress(a.Address), at+"address", "is not an address")
		if err := a.Rules.Check(voters); c.err == nil && err != nil {
			c.err = invalid(at+"rules", "do not hold: "+reason(err))
		}
		accounts[a.Account] = true
	}
	c.time(g.IssuedAt, "iat")
	return c.err
}
