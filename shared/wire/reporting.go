package wire

import "time"

// ReportingSecret answers POST /v1/reporting-keys: a secret for a reporting key, shown this
// once, and what an intent that creates the key says of it. Nothing of it is kept.
type ReportingSecret struct {
	APIKey       string   `json:"apiKey"`
	ReportingKey string   `json:"reporting_key"` // an id that it can have
	Verifier     string   `json:"verifier"`      // SHA-256 of the secret, base64url
	Words        []string `json:"words"`         // the verifier, as its holder reads it to the administrators
	Digits       []string `json:"digits"`        // the same as eight groups of five digits
}

// VaultReportingKey is a reporting key of the vault, without its secret, which nobody but its
// holder has.
type VaultReportingKey struct {
	Since
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	State    string     `json:"state"`                  // ACTIVE, EXPIRED or REVOKED
	Reads    string     `json:"reads"`                  // ALL or ACCOUNTS
	Accounts []string   `json:"accounts,omitempty"`     // ids; absent: all
	Verifier string     `json:"verifier"`               // SHA-256 of its secret, base64url
	Expires  *time.Time `json:"expires_at,omitempty"`   // absent: it works until it is revoked
	Used     *time.Time `json:"last_used_at,omitempty"` // as far as this gateway knows, to the minute; absent: never
}
