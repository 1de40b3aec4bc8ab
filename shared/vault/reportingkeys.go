package vault

import (
	"slices"

	"countersign/shared/intent"
)

// MaxReportingKeys is how many reporting keys a vault has at most that were not revoked.
const MaxReportingKeys = 64

// ReportingKey is a reporting key in one version.
type ReportingKey struct {
	Name     string   `json:"name"`
	Scope    string   `json:"reads"`              // of intent: ALL or ACCOUNTS
	Accounts []string `json:"accounts,omitempty"` // ids of those that it reads; absent: all
	Verifier string   `json:"verifier"`           // SHA-256 of the secret, base64url
	Expires  int64    `json:"expires,omitempty"`  // Unix seconds; absent: it works until it is revoked
	State    string   `json:"state"`              // of intent: ACTIVE or REVOKED
}

// At is the state of the key at a time in Unix seconds: ACTIVE, EXPIRED or REVOKED.
func (k ReportingKey) At(now int64) string {
	if k.State == intent.Active && k.Expires != 0 && now >= k.Expires {
		return intent.Expired
	}
	return k.State
}

// All reports whether the key reads every account, and the whole log.
func (k ReportingKey) All() bool { return k.Scope == intent.ReadsAll }

// Reads reports whether the key is for an account.
func (k ReportingKey) Reads(account string) bool {
	return k.All() || slices.Contains(k.Accounts, account)
}

// ReportingKey implements [intent.Vault].
func (v *Governance) ReportingKey(id string) intent.ReportingKey {
	now, _ := v.ReportingKeys.at(id, Newest)
	return intent.ReportingKey{Name: now.Value.Name, State: now.Value.State, Version: now.Version}
}

// Reporting finds a reporting key as it is now; ok is false when there never was one of this id.
func (v *Governance) Reporting(id string) (k ReportingKey, ok bool) {
	now, ok := v.ReportingKeys.at(id, Newest)
	return now.Value, ok
}

// possibleKey reports why a reporting key cannot be created.
func (v *Governance) possibleKey(c intent.ReportingKeyCreate) error {
	live := 0
	for _, k := range v.ReportingKeys {
		now, _ := k.at(Newest)
		if now.Value.Verifier == c.Verifier {
			return bad("verifier", "is or was that of "+k.ID+": each secret is of one key, for good")
		}
		if now.Value.State == intent.Active {
			live++
		}
	}
	if live >= MaxReportingKeys {
		return bad("reporting_key", "is one more than the 64 that a vault can have: revoke one that is not used, or whose time is over")
	}
	return nil
}

// reporting is the reporting key that an intent creates.
func reporting(c intent.ReportingKeyCreate) ReportingKey {
	k := ReportingKey{Name: c.Name, Scope: c.Reads, Verifier: c.Verifier, Expires: c.Expires, State: intent.Active}
	for _, a := range c.Accounts {
		k.Accounts = append(k.Accounts, a.Account)
	}
	return k
}
