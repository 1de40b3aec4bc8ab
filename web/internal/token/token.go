// Package token mints and verifies the gateway's tokens: RS256 JWTs (RFC 7519,
// RFC 9068) signed by a key in a file or in an HSM. Verification is stricter
// than the JWT library's, which accepts duplicate and case-variant claims, line
// breaks in the signature and unknown critical headers: shared/claims reads each
// token first, and again after its signature held. Spec: shared/spec/tokens.md.
// The gateway's use cases are its user.
package token

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"countersign/shared/claims"
	"countersign/shared/fault"
	"countersign/shared/wire"
	"countersign/web/internal/gateway"
)

// Lifetimes of tokens, the longest that is accepted, and how far a clock may be
// off.
const (
	DeveloperLife = time.Hour
	EntityLife    = 15 * time.Minute
	MaxLife       = time.Hour
	Leeway        = 30 * time.Second
)

// Config is what an issuer needs. All fields are needed, but for Others and Origins.
type Config struct {
	Key crypto.Signer // RSA, at least 2048 bits
	// Others verify too, and are published: the key that will sign next, and those whose
	// tokens still live.
	Others   []*rsa.PublicKey
	Origins  []string // further ones than the issuer's that proofs may name: where dashboards pass on to it
	Issuer   string
	Audience string
	Env      string
	Now      func() time.Time
	Rand     io.Reader
}

// Issuer mints and verifies tokens. It is safe for concurrent use.
type Issuer struct {
	cfg    Config
	kid    string
	keys   map[string]*rsa.PublicKey // local only: no token brings its own
	jwks   []byte
	parser *jwt.Parser

	bases  []string // of addresses that proofs may name
	proofs proofs
}

var _ gateway.Tokens = (*Issuer)(nil)

// New checks the configuration. An empty issuer or audience would switch the
// library's check off, and is refused.
func New(cfg Config) (*Issuer, error) {
	if cfg.Issuer == "" || cfg.Audience == "" || cfg.Env == "" || cfg.Now == nil || cfg.Rand == nil || cfg.Key == nil {
		return nil, errors.New("token: key, issuer, audience, environment, clock and randomness are all needed")
	}
	pub, ok := cfg.Key.Public().(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("token: the signing key is %T: RS256 needs an RSA key", cfg.Key.Public())
	}
	i := &Issuer{cfg: cfg, keys: map[string]*rsa.PublicKey{}}
	type jwk struct {
		Kty string `json:"kty"`
		Use string `json:"use"`
		Alg string `json:"alg"`
		Kid string `json:"kid"`
		N   string `json:"n"`
		E   string `json:"e"`
	}
	set := struct {
		Keys []jwk `json:"keys"`
	}{}
	for _, k := range append([]*rsa.PublicKey{pub}, cfg.Others...) {
		if k.N.BitLen() < 2048 {
			return nil, fmt.Errorf("token: an RSA key has %d bits: at least 2048 are needed", k.N.BitLen())
		}
		n := base64.RawURLEncoding.EncodeToString(k.N.Bytes())
		e := base64.RawURLEncoding.EncodeToString(big.NewInt(int64(k.E)).Bytes())
		sum := sha256.Sum256([]byte(`{"e":"` + e + `","kty":"RSA","n":"` + n + `"}`)) // RFC 7638
		kid := base64.RawURLEncoding.EncodeToString(sum[:])
		if i.kid == "" {
			i.kid = kid
		}
		if i.keys[kid] != nil {
			continue // one of the others is the one that signs
		}
		i.keys[kid] = k
		set.Keys = append(set.Keys, jwk{"RSA", "sig", claims.Alg, kid, n, e})
	}
	for _, address := range append([]string{cfg.Issuer}, cfg.Origins...) {
		u, err := url.Parse(address)
		if err != nil {
			return nil, errors.New("token: an origin is not an address")
		}
		i.bases = append(i.bases, origin(u)+strings.TrimRight(u.EscapedPath(), "/"))
	}
	var err error
	if i.jwks, err = json.Marshal(set); err != nil {
		return nil, fmt.Errorf("token: write the key set: %w", err)
	}
	i.parser = jwt.NewParser(
		jwt.WithValidMethods([]string{claims.Alg}), jwt.WithIssuer(cfg.Issuer), jwt.WithAudience(cfg.Audience),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(Leeway), jwt.WithStrictDecoding(), jwt.WithTimeFunc(cfg.Now),
	)
	return i, nil
}

// JWKS is the published key set (RFC 7517).
func (i *Issuer) JWKS() []byte { return i.jwks }

// Mint makes a token; its lifetime is always exp - iat, and ends with its API key.
func (i *Issuer) Mint(_ context.Context, s gateway.Subject) (string, time.Duration, error) {
	var id [16]byte
	if _, err := io.ReadFull(i.cfg.Rand, id[:]); err != nil {
		return "", 0, fmt.Errorf("make a token id: %w", err)
	}
	life := DeveloperLife
	c := claims.Claims{
		Issuer: i.cfg.Issuer, Audience: i.cfg.Audience, Subject: s.Developer, UserType: wire.UserDeveloper,
		ID: base64.RawURLEncoding.EncodeToString(id[:]), DeveloperID: s.Developer, Env: i.cfg.Env, Version: s.Version, KeyID: s.Key,
	}
	if s.Entity != "" {
		life = EntityLife
		c.Subject, c.EntityID, c.UserType = s.Entity, s.Entity, wire.UserEntity
	}
	if s.JKT != "" {
		c.Cnf = &claims.Confirmation{JKT: s.JKT}
	}
	now := i.cfg.Now()
	c.IssuedAt, c.Expires = now.Unix(), now.Add(life).Unix()
	if !s.Until.IsZero() {
		c.Expires = max(c.IssuedAt+1, min(c.Expires, s.Until.Unix()))
	}
	body, err := json.Marshal(c)
	if err != nil {
		return "", 0, fmt.Errorf("write a token: %w", err)
	}
	signed, err := i.sign(claims.Typ, body)
	return signed, time.Duration(c.Expires-c.IssuedAt) * time.Second, err
}

// Sign makes a compact JWS over what is no token: its typ says what it is, and no reader of
// tokens takes it for one.
func (i *Issuer) Sign(typ string, payload []byte) (string, error) {
	if typ == "" || typ == claims.Typ {
		return "", fmt.Errorf("sign: the typ %q is that of tokens", typ)
	}
	return i.sign(typ, payload)
}

func (i *Issuer) sign(typ string, payload []byte) (string, error) {
	head, err := json.Marshal(claims.Header{Alg: claims.Alg, Kid: i.kid, Typ: typ})
	if err != nil {
		return "", fmt.Errorf("write a signed header: %w", err)
	}
	b64 := base64.RawURLEncoding
	input := b64.EncodeToString(head) + "." + b64.EncodeToString(payload)
	digest := sha256.Sum256([]byte(input))
	sig, err := i.cfg.Key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return "", fault.Wrap(fmt.Errorf("sign with the key of tokens: %w", err), fault.Unavailable, "the gateway cannot sign at the moment")
	}
	return input + "." + b64.EncodeToString(sig), nil
}

// Verify returns what a token says when it is one of ours, in time, and in the
// only form that is accepted. It fails with AUTHENTICATION_ERROR, details reason
// "expired" for one of ours whose time is over.
func (i *Issuer) Verify(token string) (claims.Claims, error) {
	refused := func(cause error) *fault.Error {
		return fault.Wrap(cause, fault.Unauthenticated, "Invalid authentication token")
	}
	refuse := func(cause error) (claims.Claims, error) { return claims.Claims{}, refused(cause) }
	header, c, err := claims.Read(token) // bounds, alphabet, header and claims, before anything is computed
	if err != nil {
		return refuse(err)
	}
	key, ok := i.keys[header.Kid]
	if !ok {
		return refuse(errors.New("unknown key id"))
	}
	parsed, err := i.parser.ParseWithClaims(token, &jwt.RegisteredClaims{}, func(*jwt.Token) (any, error) { return key, nil })
	if errors.Is(err, jwt.ErrTokenExpired) && c.Env == i.cfg.Env { // its signature was verified first
		return claims.Claims{}, refused(err).With("reason", "expired")
	}
	if err != nil {
		return refuse(err)
	}
	if !parsed.Valid {
		return refuse(errors.New("not valid"))
	}
	if c.Env != i.cfg.Env {
		return refuse(errors.New("a token of another environment"))
	}
	if time.Duration(c.Expires-c.IssuedAt)*time.Second > MaxLife {
		return refuse(errors.New("it lives longer than policy allows"))
	}
	return c, nil
}
