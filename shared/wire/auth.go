package wire

import (
	"time"

	"countersign/shared/claims"
)

// IntrospectInput is the body of POST /v1/auth/introspect.
type IntrospectInput struct {
	Token string `json:"token"`
	Hint  string `json:"token_type_hint,omitempty"` // says nothing: there is one type
}

// Validate checks the length.
func (i IntrospectInput) Validate() error { return aToken(i.Token) }

func aToken(s string) error {
	if s == "" || len(s) > claims.MaxToken {
		return invalid("token", "is missing or too long")
	}
	return nil
}

// Introspection answers POST /v1/auth/introspect (RFC 7662, section 2.2): a token that is
// not active has that member alone.
type Introspection struct {
	Active      bool                 `json:"active"`
	Scope       string               `json:"scope,omitempty"`
	ClientID    string               `json:"client_id,omitempty"` // the developer
	TokenType   string               `json:"token_type,omitempty"`
	Expires     int64                `json:"exp,omitempty"` // Unix seconds
	IssuedAt    int64                `json:"iat,omitempty"`
	Subject     string               `json:"sub,omitempty"`
	Audience    string               `json:"aud,omitempty"`
	Issuer      string               `json:"iss,omitempty"`
	ID          string               `json:"jti,omitempty"`
	UserType    string               `json:"userType,omitempty"`
	DeveloperID string               `json:"developerId,omitempty"`
	EntityID    string               `json:"entityId,omitempty"`
	Env         string               `json:"env,omitempty"`
	KeyID       string               `json:"keyId,omitempty"`
	Cnf         *claims.Confirmation `json:"cnf,omitempty"`
}

// RevokeInput is the body of POST /v1/auth/revoke: a token, or an entity whose tokens
// all end.
type RevokeInput struct {
	Token    string `json:"token,omitempty"`
	Hint     string `json:"token_type_hint,omitempty"` // says nothing: there is one type
	EntityID string `json:"entityId,omitempty"`
}

// Validate wants one of the two.
func (r RevokeInput) Validate() error {
	if r.EntityID == "" {
		return aToken(r.Token)
	}
	if r.Token != "" || !plain(r.EntityID, 64) {
		return invalid("entityId", "must be an id, and stand alone")
	}
	return nil
}

// Revoked answers POST /v1/auth/revoke.
type Revoked struct {
	Revoked bool `json:"revoked"`
}

// UseOK is the result of what was answered; others are the codes of refusals.
const UseOK = "OK"

// Use is one use of a key or a token.
type Use struct {
	ID        string    `json:"id"`
	At        time.Time `json:"at"`
	Key       string    `json:"key,omitempty"`    // absent: the key was wrong
	Entity    string    `json:"entity,omitempty"` // in whose name
	Route     string    `json:"route"`
	Result    string    `json:"result"` // OK, or the code of the refusal
	Client    string    `json:"client"` // the address that it came from, of IPv6 the network
	RequestID string    `json:"request_id"`
}
