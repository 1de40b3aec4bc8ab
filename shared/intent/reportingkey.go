package intent

import (
	"strconv"
	"time"

	"countersign/shared/fault"
	"countersign/shared/field"
	"countersign/shared/fingerprint"
	"countersign/shared/governance"
	"countersign/shared/id"
	"countersign/shared/name"
)

// The kinds of changes of reporting keys.
const (
	KindReportingKeyCreate = "reporting_key.create"
	KindReportingKeyRevoke = "reporting_key.revoke"
)

// What a reporting key reads.
const (
	ReadsAll      = "ALL"      // each account, also those that are created later, and the whole log
	ReadsAccounts = "ACCOUNTS" // those that are listed
)

// Expired is the state of a reporting key whose time is over; the others are [Active] and
// [Revoked].
const Expired = "EXPIRED"

// ReportingKey is what a vault knows of a reporting key.
type ReportingKey struct {
	Name    string
	State   string // [Active] or [Revoked]
	Version int    // 0: there never was one
}

// ReportingKeyCreate is the intent to let whoever has a secret read what happens in
// accounts. The secret is in no intent and no log: Verifier is what it is known by. The
// vault alone knows the names of the accounts.
type ReportingKeyCreate struct {
	Kind         string         `json:"kind"` // "reporting_key.create"
	V            int            `json:"v"`    // 1
	ReportingKey string         `json:"reporting_key"`
	Name         string         `json:"name"`
	Reads        string         `json:"reads"`              // [ReadsAll] or [ReadsAccounts]
	Accounts     []NamedAccount `json:"accounts,omitempty"` // absent: all
	Verifier     string         `json:"verifier"`           // SHA-256 of the secret, base64url
	Expires      int64          `json:"expires,omitempty"`  // Unix seconds; absent: it works until it is revoked
	Purpose      string         `json:"purpose,omitempty"`
	Reference    string         `json:"reference,omitempty"`
}

// NamedAccount is an account with the name that the vault knows; a draft leaves it empty.
type NamedAccount struct {
	Account string `json:"account"`
	Name    string `json:"name"`
}

// lastSecond is the end of the year 9999.
const lastSecond = 253402300799

// CheckFields implements [Intent].
func (k ReportingKeyCreate) CheckFields() error {
	var c field.Checks
	c.That(k.Kind == KindReportingKeyCreate && k.V == 1, "kind", "is not reporting_key.create, version 1")
	c.ID(id.ReportingKey, k.ReportingKey, "reporting_key")
	c.Name(k.Name, "name")
	c.That(k.Reads == ReadsAll || k.Reads == ReadsAccounts, "reads", "is neither ALL nor ACCOUNTS")
	c.That(k.Reads != ReadsAll || len(k.Accounts) == 0, "accounts", "are listed, and the key reads all of them")
	c.That(k.Reads != ReadsAccounts || len(k.Accounts) >= 1 && len(k.Accounts) <= MaxAccounts, "accounts", "must be 1 to "+strconv.Itoa(MaxAccounts)+" accounts")
	for i, a := range k.Accounts {
		at := "accounts." + strconv.Itoa(i) + "."
		c.ID(id.Account, a.Account, at+"account")
		c.Name(a.Name, at+"name")
		for _, other := range k.Accounts[:i] {
			c.That(other.Account != a.Account, at+"account", "is listed twice")
		}
	}
	_, err := fingerprint.Of(k.Verifier)
	c.That(err == nil, "verifier", "is not 32 bytes of base64url: the SHA-256 of the secret")
	c.That(k.Expires >= 0 && k.Expires <= lastSecond, "expires", "is not a time in Unix seconds")
	k.Why().check(&c)
	return c.Err()
}

// CheckNow implements [Intent].
func (k ReportingKeyCreate) CheckNow() error { return k.CheckFields() }

// Fill implements [Intent]: the names of the accounts. It fails with CONFLICT when the vault
// has or had a key of this id, and with NOT_FOUND for an account that it does not have.
func (k ReportingKeyCreate) Fill(v Vault) (Intent, error) {
	if v.ReportingKey(k.ReportingKey).Version != 0 {
		return nil, fault.New(fault.Conflict, "the vault has or had a reporting key of this id").With("field", "reporting_key")
	}
	var named []NamedAccount
	for i, a := range k.Accounts {
		known, ok := v.Account(a.Account)
		if !ok {
			return nil, fault.New(fault.NotFound, "the vault has no account "+a.Account).With("field", "accounts."+strconv.Itoa(i)+".account")
		}
		named = append(named, NamedAccount{a.Account, known.Name})
	}
	k.Accounts = named
	return k, nil
}

// Of implements [Change].
func (k ReportingKeyCreate) Of() (string, int) { return k.ReportingKey, 0 }

// Drafted implements [Change].
func (k ReportingKeyCreate) Drafted() Intent {
	var unnamed []NamedAccount
	for _, a := range k.Accounts {
		unnamed = append(unnamed, NamedAccount{Account: a.Account})
	}
	k.Accounts = unnamed
	return k
}

// Facts implements [Intent].
func (ReportingKeyCreate) Facts() governance.Facts { return facts(KindReportingKeyCreate) }

// Noun implements [Intent].
func (ReportingKeyCreate) Noun() string { return "new reporting key" }

// Title implements [Intent].
func (k ReportingKeyCreate) Title() string {
	return "Create reporting key " + name.Within(k.Name) + ": " + k.Summary()
}

// Summary implements [Intent]: "reads 2 accounts, until 2027-11-20 00:00:00 UTC".
func (k ReportingKeyCreate) Summary() string {
	s := "reads every account"
	switch n := len(k.Accounts); {
	case n == 1:
		s = "reads " + name.Within(k.Accounts[0].Name)
	case n > 1:
		s = "reads " + strconv.Itoa(n) + " accounts"
	}
	if k.Expires != 0 {
		s += ", until " + k.until()
	}
	return s
}

func (k ReportingKeyCreate) until() string {
	return time.Unix(k.Expires, 0).UTC().Format("2006-01-02 15:04:05 UTC")
}

// Lines implements [Intent].
func (k ReportingKeyCreate) Lines() []Line {
	lines := []Line{{Label: "Reporting key", Value: name.WithID(k.Name, k.ReportingKey)}}
	for _, a := range k.Accounts {
		lines = append(lines, Line{Label: "May read", Value: "account " + name.WithID(a.Name, a.Account)})
	}
	if k.Reads == ReadsAll {
		lines = append(lines, Line{Label: "May read", Value: "everything: each account, also those created later, and the whole log"})
	}
	ends := "it is revoked"
	if k.Expires != 0 {
		ends = k.until()
	}
	lines = append(lines,
		Line{Label: "May not", Value: "approve, ask for or change anything"},
		Line{Label: "Works until", Value: ends},
		Line{Label: "Compare", Value: "the words or the digits with what the holder of the key reads to you, face to face or by voice"})
	print, err := fingerprint.Of(k.Verifier)
	if err != nil { // a draft
		return lines
	}
	return append(lines, Aloud(print)...)
}

// Why implements [Intent].
func (k ReportingKeyCreate) Why() Why { return Why{k.Purpose, k.Reference} }

// Totals implements [Intent]: nothing moves.
func (ReportingKeyCreate) Totals() []Total { return nil }

// Record implements [Intent].
func (k ReportingKeyCreate) Record() Record { return record(KindReportingKeyCreate, k) }

// ReportingKeyRevoke is the intent to end a reporting key, for good. The vault alone knows
// Name.
type ReportingKeyRevoke struct {
	Kind         string `json:"kind"` // "reporting_key.revoke"
	V            int    `json:"v"`    // 1
	ReportingKey string `json:"reporting_key"`
	FromVersion  int    `json:"from_version"` // of the key, that this changes
	Name         string `json:"name"`
	Purpose      string `json:"purpose,omitempty"`
	Reference    string `json:"reference,omitempty"`
}

// CheckFields implements [Intent].
func (k ReportingKeyRevoke) CheckFields() error {
	var c field.Checks
	c.That(k.Kind == KindReportingKeyRevoke && k.V == 1, "kind", "is not reporting_key.revoke, version 1")
	c.ID(id.ReportingKey, k.ReportingKey, "reporting_key")
	c.That(k.FromVersion >= 1, "from_version", "is not a version")
	c.Name(k.Name, "name")
	k.Why().check(&c)
	return c.Err()
}

// CheckNow implements [Intent].
func (k ReportingKeyRevoke) CheckNow() error { return k.CheckFields() }

// Fill implements [Intent]: the key's name. It fails with NOT_FOUND, and with CONFLICT when
// the key is of another version, or was revoked.
func (k ReportingKeyRevoke) Fill(v Vault) (Intent, error) {
	now := v.ReportingKey(k.ReportingKey)
	if now.Version == 0 {
		return nil, fault.New(fault.NotFound, "the vault has no such reporting key").With("field", "reporting_key")
	}
	if err := outdated("the reporting key", k.FromVersion, now.Version); err != nil {
		return nil, err
	}
	if now.State != Active {
		return nil, fault.New(fault.Conflict, "the reporting key is "+now.State).With("field", "reporting_key")
	}
	k.Name = now.Name
	return k, nil
}

// Of implements [Change].
func (k ReportingKeyRevoke) Of() (string, int) { return k.ReportingKey, k.FromVersion }

// Drafted implements [Change].
func (k ReportingKeyRevoke) Drafted() Intent {
	k.Name = ""
	return k
}

// Facts implements [Intent].
func (ReportingKeyRevoke) Facts() governance.Facts { return facts(KindReportingKeyRevoke) }

// Noun implements [Intent].
func (ReportingKeyRevoke) Noun() string { return "revocation" }

// Title implements [Intent].
func (k ReportingKeyRevoke) Title() string { return "Revoke reporting key " + name.Within(k.Name) }

// Summary implements [Intent].
func (k ReportingKeyRevoke) Summary() string {
	return name.Within(k.Name) + " reads nothing any more, for good"
}

// Lines implements [Intent].
func (k ReportingKeyRevoke) Lines() []Line {
	return []Line{
		{Label: "Reporting key", Value: name.WithID(k.Name, k.ReportingKey)},
		version(k.FromVersion),
		{Label: "Becomes", Value: Revoked + ": reads nothing any more, for good"},
	}
}

// Why implements [Intent].
func (k ReportingKeyRevoke) Why() Why { return Why{k.Purpose, k.Reference} }

// Totals implements [Intent]: nothing moves.
func (ReportingKeyRevoke) Totals() []Total { return nil }

// Record implements [Intent].
func (k ReportingKeyRevoke) Record() Record { return record(KindReportingKeyRevoke, k) }
