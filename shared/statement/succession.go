package statement

import (
	"countersign/shared/field"
	"countersign/shared/jwk"
)

// Succession is what the new statement key of a vault signs before the vault's keys are
// rotated: that it was made to follow another, with which channel keys and own keys of accounts.
type Succession struct {
	V         int       `json:"v"`    // 1
	Type      string    `json:"type"` // "succession"
	Entity    string    `json:"entity"`
	Before    string    `json:"before"` // thumbprint of the statement key that it follows
	Statement jwk.Key   `json:"statement"`
	Channel   []jwk.Key `json:"channel"`  // one per channel suite
	Accounts  string    `json:"accounts"` // SHA-256 of the canonical JSON of the accounts' new addresses, base64url
	IssuedAt  int64     `json:"iat"`
}

func (s Succession) check() error {
	var c checks
	c.kind(1, s.V, s.Type, "succession")
	c.ID("ent", s.Entity, "entity")
	c.hash(s.Before, "before")
	CheckSigner(&c.Checks, SignerKeys{s.Statement, s.Channel}, "")
	c.hash(s.Accounts, "accounts")
	c.time(s.IssuedAt, "iat")
	return c.failed()
}

// CheckSigner checks the public keys of a signer by their form, at a place in what is checked.
func CheckSigner(to *field.Checks, k SignerKeys, at string) {
	c := checks{*to}
	c.key(k.Statement, at+"statement")
	c.That(len(k.Channel) >= 1 && len(k.Channel) <= 2, at+"channel", "does not hold one key for each suite")
	holders := map[jwk.Holder]string{k.Statement.Holder(): at + "statement"}
	for _, one := range k.Channel {
		c.key(one, at+"channel")
		c.sole(holders, one, at+"channel")
	}
	*to = c.Checks
}
