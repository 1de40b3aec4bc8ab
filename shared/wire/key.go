package wire

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/shared/name"
)

// Scopes of an API key: what it, and the tokens that it was traded for, may do.
const (
	ScopeDeveloperTokens = "tokens:developer" // be traded for developer tokens
	ScopeEntityTokens    = "tokens:entity"    // be traded for entity tokens
	ScopeRead            = "read"             // ask
	ScopeWrite           = "write"            // change something of an entity
	ScopeEntities        = "entities"         // list, make, change and remove entities
	ScopeKeys            = "keys"             // manage API keys, revoke tokens, read the log of use
)

// Scopes are all scopes, in the order in which they are shown.
func Scopes() []string {
	return []string{ScopeDeveloperTokens, ScopeEntityTokens, ScopeRead, ScopeWrite, ScopeEntities, ScopeKeys}
}

// Bounds of API keys, in seconds.
const (
	MaxKeyLife = 366 * 24 * 3600
	MinKeyLife = 60
	MaxOverlap = 30 * 24 * 3600
)

// KeyInput is the body of POST /v1/keys.
type KeyInput struct {
	Name      string   `json:"name"`
	Scopes    []string `json:"scopes"`
	ExpiresIn int64    `json:"expires_in,omitempty"` // seconds; absent: it does not expire
}

// Validate checks the name, the scopes and the life.
func (k KeyInput) Validate() error {
	if why := name.Problem(k.Name); why != "" {
		return invalid("name", why)
	}
	if len(k.Scopes) == 0 {
		return invalid("scopes", "names none: choose of "+strings.Join(Scopes(), ", "))
	}
	for i, s := range k.Scopes {
		if !slices.Contains(Scopes(), s) {
			return invalid(fmt.Sprintf("scopes.%d", i), "is not one of "+strings.Join(Scopes(), ", "))
		}
		if slices.Contains(k.Scopes[:i], s) {
			return invalid(fmt.Sprintf("scopes.%d", i), "is there twice")
		}
	}
	if k.ExpiresIn != 0 && (k.ExpiresIn < MinKeyLife || k.ExpiresIn > MaxKeyLife) {
		return invalid("expires_in", fmt.Sprintf("must be %d to %d seconds", MinKeyLife, MaxKeyLife))
	}
	return nil
}

// RotateInput is the body of POST /v1/keys/{id}/rotate.
type RotateInput struct {
	Overlap int64 `json:"overlap"` // seconds that the old key still works; 0: it is revoked at once
}

// Validate checks the overlap.
func (r RotateInput) Validate() error {
	if r.Overlap < 0 || r.Overlap > MaxOverlap {
		return invalid("overlap", fmt.Sprintf("must be 0 to %d seconds", MaxOverlap))
	}
	return nil
}

// States of an API key.
const (
	KeyActive  = "active"
	KeyExpired = "expired"
	KeyRevoked = "revoked"
)

// Key is an API key without its secret.
type Key struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	Hint     string     `json:"hint,omitempty"` // how it begins and ends
	Scopes   []string   `json:"scopes"`
	State    string     `json:"state"`
	MadeBy   string     `json:"made_by"` // configuration, operator, developer or sandbox
	Env      string     `json:"environment"`
	Created  *time.Time `json:"created_at,omitempty"`
	Expires  *time.Time `json:"expires_at,omitempty"`   // absent: it does not
	Used     *time.Time `json:"last_used_at,omitempty"` // to the minute; absent: never
	Revoked  *time.Time `json:"revoked_at,omitempty"`
	Replaces string     `json:"replaces,omitempty"` // the key that was rotated into this one
	Maker    string     `json:"maker,omitempty"`    // the key with whose token it was made; absent: with none, or by an earlier version
}

// Keys answers GET /v1/keys.
type Keys struct {
	Keys       []Key     `json:"keys"`
	ServerTime time.Time `json:"server_time"`
}

// RevokedKey answers DELETE /v1/keys/{id}: the key, and what it made, all the way down.
type RevokedKey struct {
	Key
	Made []Key    `json:"made,omitempty"` // the keys that it made itself first
	Stay []string `json:"stay,omitempty"` // ids of those of them that still work
}

// NewKey answers POST /v1/keys and its rotation. APIKey is shown this once.
type NewKey struct {
	Key    Key    `json:"key"`
	APIKey string `json:"apiKey"`
}
