package wire

import (
	"slices"
	"strings"
	"time"

	"countersign/shared/name"
)

// TokenRequest is the body of POST /v1/auth/tokens and of POST
// /v1/entities/auth/generate-token. It accepts the forms that are in use: with
// id and userType, or with developerId and entityId.
type TokenRequest struct {
	UserType    string `json:"userType,omitempty"` // developer or entity
	ID          string `json:"id,omitempty"`       // of the developer or the entity that userType says
	APIKey      string `json:"apiKey"`
	DeveloperID string `json:"developerId,omitempty"`
	EntityID    string `json:"entityId,omitempty"`
}

// User types of tokens.
const (
	UserDeveloper = "developer"
	UserEntity    = "entity"
)

// MaxAPIKey is the longest API key, in bytes.
const MaxAPIKey = 256

// Validate refuses what is missing and ids that contradict each other.
func (t TokenRequest) Validate() error {
	if t.APIKey == "" || len(t.APIKey) > MaxAPIKey {
		return invalid("apiKey", "is missing or too long")
	}
	if t.UserType != "" && t.UserType != UserDeveloper && t.UserType != UserEntity {
		return invalid("userType", "must be developer or entity")
	}
	for _, f := range [][2]string{{"id", t.ID}, {"developerId", t.DeveloperID}, {"entityId", t.EntityID}} {
		if f[1] != "" && !plain(f[1], 64) {
			return invalid(f[0], "is not an id")
		}
	}
	switch {
	case t.ID != "" && t.UserType == "":
		return invalid("userType", "is missing: it says whose id it is")
	case t.UserType == UserDeveloper && (t.EntityID != "" || t.ID != "" && t.DeveloperID != "" && t.ID != t.DeveloperID):
		return invalid("id", "contradicts the other ids")
	case t.UserType == UserEntity && t.ID != "" && t.EntityID != "" && t.ID != t.EntityID:
		return invalid("id", "contradicts entityId")
	case t.Subject() == "":
		return invalid("id", "is missing")
	}
	return nil
}

// Subject is the id that the token is for.
func (t TokenRequest) Subject() string {
	switch {
	case t.ID != "":
		return t.ID
	case t.UserType == UserEntity, t.UserType == "" && t.EntityID != "":
		return t.EntityID
	}
	return t.DeveloperID
}

// For is whom the token is for, developer or entity, when userType may be
// missing.
func (t TokenRequest) For() string {
	if t.UserType != "" {
		return t.UserType
	}
	if t.EntityID != "" {
		return UserEntity
	}
	return UserDeveloper
}

// TokenReply answers both.
type TokenReply struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"` // Bearer
	ExpiresIn   int64  `json:"expires_in"` // seconds
}

// Clock answers GET /v1/clock.
type Clock struct {
	Now time.Time `json:"now"`
}

// Health answers GET /_health. Status is ok or degraded; a component is ok or a
// word for what is wrong with it.
type Health struct {
	Status     string            `json:"status"`
	Components map[string]string `json:"components"`
	Chains     []ChainHealth     `json:"chains"`  // that are watched for deposits
	Signers    []SignerHealth    `json:"signers"` // one for each entity that has one
	Reconciled Reconciled        `json:"reconciled"`
}

// SignerHealth is how the signer of an entity is.
type SignerHealth struct {
	Entity   string     `json:"entity"`
	Status   string     `json:"status"`              // as the component signer
	SyncedAt *time.Time `json:"synced_at,omitempty"` // when its log was last read; absent: not since the start
}

// States of the watch over a chain.
const (
	ChainOK       = "ok"
	ChainStarting = "starting" // its node was not asked yet
	ChainBehind   = "behind"   // reading older blocks
	ChainStalled  = "stalled"  // no progress: reason says why
)

// ChainHealth is how far a chain is read.
type ChainHealth struct {
	Chain        string     `json:"chain"` // CAIP-2
	Name         string     `json:"name"`
	Status       string     `json:"status"`
	Head         int64      `json:"head"`                    // newest block of the node
	Read         int64      `json:"read"`                    // newest block that was read
	Lag          int64      `json:"lag"`                     // blocks between them
	LastProgress *time.Time `json:"last_progress,omitempty"` // when reading last succeeded
	Reason       string     `json:"reason,omitempty"`        // why the last reading did not
}

// SandboxInput is the body of POST /v1/sandbox; developer_id is in snake case
// as in the API that it follows.
type SandboxInput struct {
	Name        string              `json:"name"`
	DeveloperID string              `json:"developer_id"`
	Industry    string              `json:"industry,omitempty"`
	Preferences *SandboxPreferences `json:"preferences,omitempty"`
}

// SandboxPreferences: the currency is that of the pretend bank accounts, USD when absent;
// the others are accepted and not used.
type SandboxPreferences struct {
	Currency string `json:"currency,omitempty"`
	Timezone string `json:"timezone,omitempty"`
	Locale   string `json:"locale,omitempty"`
}

// Validate checks names and lengths.
func (s SandboxInput) Validate() error {
	if why := name.Problem(s.Name); why != "" {
		return invalid("name", why)
	}
	if !plain(s.DeveloperID, 64) {
		return invalid("developer_id", "is not an id")
	}
	if s.Industry != "" && !plain(s.Industry, 64) {
		return invalid("industry", "must be at most 64 printable characters")
	}
	if p := s.Preferences; p != nil {
		if len(p.Timezone)+len(p.Locale) > 128 {
			return invalid("preferences", "are too long")
		}
		if p.Currency != "" && !slices.Contains(SandboxCurrencies(), p.Currency) {
			return invalid("preferences.currency", "must be one of "+strings.Join(SandboxCurrencies(), ", "))
		}
	}
	return nil
}

// SandboxCurrencies are those of pretend bank accounts, all with two places.
func SandboxCurrencies() []string { return []string{"USD", "EUR", "GBP", "CHF"} }

// SandboxReply answers POST /v1/sandbox. The API key is shown this once.
type SandboxReply struct {
	Success bool        `json:"success"`
	Data    SandboxData `json:"data"`
}

// SandboxData is what was made. PlaidAccounts never carry a secret.
type SandboxData struct {
	Developer     SandboxDeveloper `json:"developer"`
	Entity        SandboxEntity    `json:"entity"`
	Ledger        SandboxLedger    `json:"ledger"`
	PlaidAccounts []SandboxBank    `json:"plaidAccounts"`
	Item          string           `json:"item"` // the connection that the accounts are of
	Token         string           `json:"token"`
	ExpiresAt     time.Time        `json:"expires_at"` // when all of it is removed
}

// SandboxDeveloper is the new developer.
type SandboxDeveloper struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	APIKey string `json:"apiKey"`
}

// SandboxEntity is the new entity. It is not enrolled at the signer: its
// requests are refused with ENTITY_NOT_ENROLLED.
type SandboxEntity struct {
	ID        string `json:"id"`
	LegalName string `json:"legal_name"`
}

// SandboxLedger is the new ledger, with its structure.
type SandboxLedger struct {
	ID       string                 `json:"id"`
	Name     string                 `json:"name"`
	Currency string                 `json:"currency"`
	Accounts []SandboxLedgerAccount `json:"accounts"`
}

// SandboxLedgerAccount is an account of the ledger: ASSET, EQUITY, REVENUE or EXPENSE.
type SandboxLedgerAccount struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Category string `json:"category"`
}

// SandboxBank is a pretend bank account.
type SandboxBank struct {
	ID      string         `json:"id"`
	Name    string         `json:"name"`
	Mask    string         `json:"mask"`
	Type    string         `json:"type"`
	Subtype string         `json:"subtype"`
	Balance SandboxBalance `json:"balance"`
}

// SandboxBalance is decimal.
type SandboxBalance struct {
	Available string `json:"available"`
	Current   string `json:"current"`
}
