// Package claims is what an entity or developer token says: a strict reader of
// the compact JWT (RFC 7519) that the gateway mints. It verifies nothing: the
// page uses it to show who is signed in and until when, and
// web/internal/token uses it after the signature was verified, because the JWT
// library reads claims leniently. Spec: shared/spec/tokens.md.
package claims

import (
	"encoding/base64"
	"strings"
	"time"

	"countersign/shared/fault"
	"countersign/shared/strictjson"
)

// Limits, in bytes.
const (
	MaxToken  = 8 << 10
	MaxHeader = 512
)

// Typ is the typ of every token (RFC 9068), and Alg its algorithm.
const (
	Typ = "at+jwt"
	Alg = "RS256"
)

// Header is the protected header, which has exactly these members.
type Header struct {
	Alg string `json:"alg"`
	Typ string `json:"typ"`
	Kid string `json:"kid"`
}

// Claims are all claims that a token has. EntityID is empty in a developer
// token.
type Claims struct {
	Issuer      string `json:"iss"`
	Audience    string `json:"aud"`
	Subject     string `json:"sub"`
	IssuedAt    int64  `json:"iat"` // Unix seconds
	Expires     int64  `json:"exp"` // Unix seconds
	ID          string `json:"jti"`
	UserType    string `json:"userType"` // developer or entity
	DeveloperID string `json:"developerId"`
	EntityID    string `json:"entityId,omitempty"`
	Env         string `json:"env"`             // sandbox, …
	Version     int64  `json:"tv"`              // of the developer, plus that of the entity; a higher one revokes the lower
	KeyID       string `json:"keyId,omitempty"` // of the API key that it was traded for
	// Cnf binds the token to a key (RFC 7800, RFC 9449); nil: it is a bearer's.
	Cnf *Confirmation `json:"cnf,omitempty"`
}

// Confirmation names the key that a token is bound to.
type Confirmation struct {
	JKT string `json:"jkt"` // its RFC 7638 thumbprint
}

// Until is when the token expires, by the gateway's clock.
func (c Claims) Until() time.Time { return time.Unix(c.Expires, 0).UTC() }

// Read reads a token without verifying it. It fails with AUTHENTICATION_ERROR
// and a message that repeats nothing of the token.
func Read(token string) (Header, Claims, error) {
	var h Header
	var c Claims
	if len(token) > MaxToken {
		return h, c, refuse("it is too long", nil)
	}
	if strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") != "" ||
		strings.ContainsAny(token, "\r\n") {
		return h, c, refuse("it has characters that a token cannot have", nil)
	}
	head, rest, _ := strings.Cut(token, ".")
	body, sig, ok := strings.Cut(rest, ".")
	if !ok || head == "" || body == "" || sig == "" || strings.Contains(sig, ".") || len(head) > MaxHeader {
		return h, c, refuse("it is not three parts", nil)
	}
	b64 := base64.RawURLEncoding.Strict()
	if _, err := b64.DecodeString(sig); err != nil {
		return h, c, refuse("its signature is not base64url", err)
	}
	if err := part(head, &h); err != nil {
		return Header{}, c, refuse("its header has another form", err)
	}
	if h.Alg != Alg || h.Typ != Typ || h.Kid == "" {
		return Header{}, c, refuse("it is not an RS256 access token with a key id", nil)
	}
	if err := part(body, &c); err != nil {
		return Header{}, Claims{}, refuse("its claims have another form", err)
	}
	if why := c.check(); why != "" {
		return Header{}, Claims{}, refuse(why, nil)
	}
	return h, c, nil
}

func part(s string, v any) error {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return err
	}
	return strictjson.Unmarshal(raw, v, MaxToken)
}

// check wants every claim and nothing that contradicts itself.
func (c Claims) check() string {
	switch {
	case c.Issuer == "" || c.Audience == "" || c.Subject == "" || c.ID == "" || c.DeveloperID == "" || c.Env == "":
		return "a claim is missing"
	case c.IssuedAt <= 0 || c.Expires <= c.IssuedAt || c.Expires > maxTime:
		return "its times are not in order"
	case c.Version < 0:
		return "its version is negative"
	case c.Cnf != nil && len(c.Cnf.JKT) != 43:
		return "the key that it is bound to has another form"
	case c.UserType == "entity" && c.EntityID != "" && c.Subject == c.EntityID:
		return ""
	case c.UserType == "developer" && c.EntityID == "" && c.Subject == c.DeveloperID:
		return ""
	}
	return "its subject is neither the developer nor the entity"
}

// maxTime is the year 9999.
const maxTime = 253402300799

func refuse(why string, cause error) error {
	return fault.Wrap(cause, fault.Unauthenticated, "the token was refused: "+why)
}
