package intent

import (
	"crypto/sha256"
	"encoding/base64"
	"strconv"

	"countersign/shared/field"
	"countersign/shared/fingerprint"
	"countersign/shared/governance"
	"countersign/shared/id"
	"countersign/shared/jwk"
	"countersign/shared/strictjson"
)

// KindVaultRotateKeys is the kind of [VaultRotateKeys].
const KindVaultRotateKeys = "vault.rotate_keys"

// VaultKeys is the id of the vault's own keys as an object that a [Change] changes.
const VaultKeys = "keys"

// VaultRotateKeys is the intent to give the vault other keys, which were made in another
// token. The vault alone knows Before.
type VaultRotateKeys struct {
	Kind        string       `json:"kind"`         // "vault.rotate_keys"
	V           int          `json:"v"`            // 1
	FromVersion int          `json:"from_version"` // of the keys, that this changes: 1 are those of the genesis
	Statement   jwk.Key      `json:"statement"`
	Channel     []jwk.Key    `json:"channel"`    // one per channel suite
	Accounts    []NewAddress `json:"accounts"`   // all of the vault's
	Succession  string       `json:"succession"` // JWS, typ countersign-succession+jws, by the new statement key
	Thumbprint  string       `json:"thumbprint"` // of the new statement key
	Before      string       `json:"before"`     // of the one until then
	Purpose     string       `json:"purpose,omitempty"`
	Reference   string       `json:"reference,omitempty"`
}

// NewAddress is an account with the address of its new own key.
type NewAddress struct {
	Account string `json:"account"`
	Address string `json:"address"`
}

// AddressesDigest names the new addresses of accounts: SHA-256 of their canonical JSON, base64url.
func AddressesDigest(all []NewAddress) string {
	b, err := strictjson.Canonical(all)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// CheckFields implements [Intent].
func (r VaultRotateKeys) CheckFields() error {
	var c field.Checks
	c.That(r.Kind == KindVaultRotateKeys && r.V == 1, "kind", "is not vault.rotate_keys, version 1")
	c.That(r.FromVersion >= 1, "from_version", "is not a version")
	c.That(len(r.Channel) >= 1 && len(r.Channel) <= 2, "channel", "does not hold one key for each suite")
	c.That(len(r.Accounts) >= 1 && len(r.Accounts) <= MaxAccounts, "accounts", "must be 1 to "+strconv.Itoa(MaxAccounts)+" accounts")
	for i, a := range r.Accounts {
		at := "accounts." + strconv.Itoa(i) + "."
		c.ID(id.Account, a.Account, at+"account")
		c.Address(a.Address, at+"address")
	}
	c.That(r.Succession != "" && len(r.Succession) <= maxSuccession, "succession", "is not what the new statement key signed")
	for _, of := range []struct{ at, print string }{{"thumbprint", r.Thumbprint}, {"before", r.Before}} {
		_, err := fingerprint.Of(of.print)
		c.That(err == nil, of.at, "is not the thumbprint of a key")
	}
	r.Why().check(&c)
	return c.Err()
}

// maxSuccession is the longest succession, in bytes.
const maxSuccession = 2 << 10

// CheckNow implements [Intent].
func (r VaultRotateKeys) CheckNow() error { return r.CheckFields() }

// Fill implements [Intent]: the thumbprint of the key that it follows. It fails with CONFLICT
// when the keys are of another version.
func (r VaultRotateKeys) Fill(v Vault) (Intent, error) {
	now := v.Keys()
	r.Before = now.Thumbprint
	return r, outdated("the vault's keys", r.FromVersion, now.Version)
}

// Of implements [Change].
func (r VaultRotateKeys) Of() (string, int) { return VaultKeys, r.FromVersion }

// Drafted implements [Change].
func (r VaultRotateKeys) Drafted() Intent {
	r.Before = ""
	return r
}

// Facts implements [Intent].
func (VaultRotateKeys) Facts() governance.Facts { return facts(KindVaultRotateKeys) }

// Noun implements [Intent].
func (VaultRotateKeys) Noun() string { return "key rotation" }

// Title implements [Intent].
func (VaultRotateKeys) Title() string { return "Give the vault new keys, in another token" }

// Summary implements [Intent].
func (r VaultRotateKeys) Summary() string {
	accounts := "account has"
	if n := len(r.Accounts); n != 1 {
		accounts = strconv.Itoa(n) + " accounts have"
	}
	return "the vault signs with new keys, and its " + accounts + " new addresses"
}

// Lines implements [Intent].
func (r VaultRotateKeys) Lines() []Line {
	lines := []Line{
		{Label: "Vault keys", Value: "new ones, in another token; the old ones sign nothing from then on"},
		version(r.FromVersion),
		{Label: "Old key", Value: r.Before},
		{Label: "New key", Value: r.Thumbprint},
	}
	if print, err := fingerprint.Of(r.Thumbprint); err == nil {
		lines = append(lines, Aloud(print)...)
	}
	lines = append(lines, Line{Label: "Old token", Value: "keeps the coins that are at the addresses until now: move them, and erase it last"})
	for _, a := range r.Accounts {
		lines = append(lines, Line{Label: "Account", Value: a.Account + " has the new address " + Groups(a.Address)})
	}
	return lines
}

// Why implements [Intent].
func (r VaultRotateKeys) Why() Why { return Why{r.Purpose, r.Reference} }

// Totals implements [Intent]: nothing moves.
func (VaultRotateKeys) Totals() []Total { return nil }

// Record implements [Intent].
func (r VaultRotateKeys) Record() Record { return record(KindVaultRotateKeys, r) }
