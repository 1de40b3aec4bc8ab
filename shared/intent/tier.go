package intent

import (
	"countersign/shared/field"
	"countersign/shared/id"
	"countersign/shared/name"
)

// Tiers of accounts: what an account is for beside the others of its vault. They are for
// people; what an account may do, its rules say.
const (
	Treasury = "TREASURY" // holds most of the assets, and funds others
	Trading  = "TRADING"  // pays and buys every day
)

// MaxAccounts is how many accounts a vault has at most.
const MaxAccounts = 64

// tierText says what a tier is; empty: there is no such tier.
func tierText(tier string) string {
	switch tier {
	case Treasury:
		return "TREASURY, which holds most of the assets and funds others"
	case Trading:
		return "TRADING, for everyday payments and purchases"
	}
	return ""
}

// PlaceLines say the tier of an account, and the account that funds it; nothing of what it
// does not have.
func PlaceLines(tier, parent, parentName string) []Line {
	return append(turned("Tier", "", "", tierText(tier)), turned("Funded by", "", "", called(parent, parentName))...)
}

// turned is the line of something that an account may have, and of what it was before where that
// is another one. is says the same as after, in words.
func turned(label, before, after, is string) []Line {
	const none = "none"
	switch {
	case before == after && is == "":
		return nil
	case before == after:
		return []Line{{Label: label, Value: is}}
	case before == "":
		before = none
	case after == "":
		is = none
	}
	return []Line{{Label: label, Value: before + " becomes " + is}}
}

// called is an account by its name and its id; empty: there is none.
func called(account, called string) string {
	if account == "" {
		return ""
	}
	return name.WithID(called, account)
}

// CheckPlace checks the form of the tier and the parent of an account, each of which may be
// empty.
func CheckPlace(c *field.Checks, tier, parent, at string) {
	c.That(tier == "" || tierText(tier) != "", at+"tier", "is not TREASURY or TRADING")
	if parent != "" {
		c.ID(id.Account, parent, at+"parent")
	}
}

// ParentProblem says why an account on a chain cannot have a parent, as the end of a
// sentence about that; empty: it can, or has none. find finds an account of the vault.
func ParentProblem(account, chain, parent string, find func(string) (Account, bool)) string {
	at := parent
	for range MaxAccounts + 1 {
		if at == "" {
			return ""
		}
		a, ok := find(at)
		switch {
		case at == account:
			return "is the account itself, or an account that it funds"
		case !ok:
			return "is not an account of the vault"
		case a.Chain != chain:
			return "is on another chain"
		}
		at = a.Parent
	}
	return "is one of several accounts that fund each other"
}

// parentName is what the parent of an account is called. It fails with INVALID_REQUEST,
// details field, when the account cannot have it.
func parentName(v Vault, account, chain, parent string) (string, error) {
	if why := ParentProblem(account, chain, parent, v.Account); why != "" {
		return "", Refused(&field.Problem{Field: "parent", Why: why})
	}
	p, _ := v.Account(parent)
	return p.Name, nil
}
